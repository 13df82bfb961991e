"""Which old attempts of the archive can go: a pure choice by names and sizes, and the deletion.

An attempt is one run of a date or period: its notebook, its page, or a failed notebook. Files of
other names are not ours and stay.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from etl_lib.archive.store import (
    FAILED_SUFFIX,
    FOLDER,
    NOTEBOOK_SUFFIX,
    PAGE_SUFFIX,
    PERIODS,
    PRINT_SUFFIX,
    Archive,
    marker,
)

SUFFIXES = (FAILED_SUFFIX, NOTEBOOK_SUFFIX, PAGE_SUFFIX, PRINT_SUFFIX)
OURS = re.compile(
    rf"(?P<run>(?P<folder>{FOLDER.pattern})/(?P<started>\d{{8}}T\d{{6}}\.\d{{6}}Z))"
    rf"(?P<suffix>{'|'.join(map(re.escape, SUFFIXES))})",
    re.ASCII,
)
"""The name of an attempt's file below the archive."""


@dataclass(frozen=True)
class Surplus:
    """The attempts that can go."""

    attempts: int
    files: tuple[str, ...]
    """Names below the archive; an attempt's page comes before its notebook."""
    size: int
    """Bytes, of all files together."""


def find_surplus(
    files: Mapping[str, Any], named: Collection[str], keep: int, before: datetime
) -> Surplus:
    """Choose the attempts that are superseded or failed, and started before `before`.

    `files`: the archive's files with their `size`, by name. What stays: of each date and period
    the `keep` newest attempts and the newest one that has a page; the notebooks `named` by Alvo's
    ledger; runs that go on, which have a marker; and files that are no attempt's.
    """
    runs: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in files:
        if found := OURS.fullmatch(name):
            runs[found["folder"]][found["run"]].append(name)
    chosen: list[list[str]] = []
    for attempts in runs.values():
        newest = sorted(attempts, reverse=True)
        kept = {*newest[:keep], *[run for run in newest if run + PAGE_SUFFIX in files][:1]}
        kept |= {run for run in newest if run + NOTEBOOK_SUFFIX in named or marker(run) in files}
        old = (run for run in newest if run not in kept and _started(run, before) < before)
        chosen += [sorted(attempts[run]) for run in old]
    names = tuple(name for attempt in chosen for name in attempt)
    return Surplus(len(chosen), names, sum(files[name].size for name in names))


def find_reports(files: Iterable[str]) -> list[str]:
    """The pages of dates among the names of an archive's files: `etl run` loaded each of them."""
    found = (OURS.fullmatch(name) for name in files)
    pages = (each for each in found if each and each["suffix"] == PAGE_SUFFIX)
    return [page[0] for page in pages if not page["folder"].startswith(PERIODS)]


def _started(run: str, unknown: datetime) -> datetime:
    """The start that the name of a run tells, UTC; `unknown` if no calendar has it."""
    try:
        return datetime.strptime(run.rpartition("/")[2], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return unknown


def remove(archive: Archive, surplus: Surplus, before: datetime) -> None:
    """Delete the files, then the folders of dates and periods that are empty since `before`."""
    for name in surplus.files:
        archive.delete(name)
    archive.delete_empty_folders(before)
