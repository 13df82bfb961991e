"""Which attempts of the archive can go, and which never do."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl_lib.archive.retention import Surplus, find_reports, find_surplus

BEFORE = datetime(2024, 6, 10, tzinfo=UTC)


def sized(names: Iterable[str]) -> dict[str, Any]:
    return {name: SimpleNamespace(size=10, mtime_ns=0) for name in names}


def run(day: int, folder: str = "2024-05-20") -> str:
    """The name of the attempt that started at a day of June, without a suffix."""
    return f"{folder}/202406{day:02}T060000.000001Z"


def loaded(*runs: str) -> list[str]:
    return [run + suffix for run in runs for suffix in (".ipynb", ".html")]


def find(names: Iterable[str], named: Iterable[str] = (), keep: int = 1) -> Surplus:
    return find_surplus(sized(names), set(named), keep, BEFORE)


def test_superseded_and_failed_go() -> None:
    """The newest attempt stays; older ones go, loaded or failed, and are counted."""
    names = [*loaded(run(1), run(3)), run(2) + ".failed.ipynb"]
    gone = {run(2) + ".failed.ipynb", *loaded(run(1))}
    found = find(names, [run(3) + ".ipynb"])
    assert (found.attempts, set(found.files), found.size) == (2, gone, 30)
    assert found.files.index(run(1) + ".html") < found.files.index(run(1) + ".ipynb")
    assert find(names, [run(3) + ".ipynb"], keep=2).attempts == 1
    assert find(names, [run(3) + ".ipynb"], keep=3).files == ()


def test_named_stays() -> None:
    """What the ledger names stays with its page, however many are newer."""
    names = loaded(*map(run, range(1, 6)))
    found = find(names, [run(2) + ".ipynb"])
    assert set(found.files) == set(loaded(run(1), run(3), run(4)))


def test_newest_page_stays() -> None:
    """Without a word of the ledger, a failure does not outlive the last report."""
    names = [*loaded(run(1), run(2)), run(3) + ".failed.ipynb", run(4) + ".failed.ipynb"]
    assert set(find(names).files) == {*loaded(run(1)), run(3) + ".failed.ipynb"}


def test_young_stay() -> None:
    """An attempt that started at the limit or later stays; the name tells when."""
    names = loaded(run(9), "2024-05-20/20240610T000000.000000Z", run(11), run(12))
    assert set(find(names).files) == set(loaded(run(9)))


def test_running_stay() -> None:
    """A run with a marker stays, and so does the marker."""
    hidden = "2024-05-20/.20240601T060000.000001Z.partial.ipynb"
    assert find([hidden, *loaded(run(1), run(2))]).files == ()


def test_others_stay() -> None:
    """Files that are not ours stay, and do not count as attempts."""
    others = [
        "index.html",
        "2024-05-20/mine.ipynb",
        "2024-05-20/20240601T060000.000001Z.png",
        "2024-05-20/20240601T060000.000001Z-Copy1.ipynb",
        "2024-05-20/.ipynb_checkpoints/20240601T060000.000001Z.ipynb",
        "20240601T060000.000001Z.ipynb",
        "other/20240601T060000.000001Z.ipynb",
        "2024-05-20/20240699T060000.000001Z.ipynb",
        "2024-05-20/20240601T060000.000001Z.ipynb\n",
    ]
    assert find([*others, *loaded(run(1), run(2))]).files == tuple(sorted(loaded(run(1))))


def test_periods() -> None:
    """A period keeps its newest, beside others and the dates."""
    month, week = "periods/2024-05-01_2024-05-31", "periods/2024-05-20_2024-05-26"
    names = loaded(run(1, month), run(2, month), run(1, week), run(1))
    assert set(find(names).files) == set(loaded(run(1, month)))
    assert find_reports([*names, "index.html"]) == [run(1) + ".html"]


SUFFIXES = (".ipynb", ".failed.ipynb", ".html", ".pdf")
MONTH = "periods/2024-05-01_2024-05-31"
FOLDERS = ("2024-05-20", "2024-05-21", MONTH, f"{MONTH}_0a1b2c3d")
archives = st.sets(
    st.tuples(st.integers(1, 20), st.sampled_from(FOLDERS), st.sampled_from(SUFFIXES)), max_size=40
)


@given(archives, st.sets(st.integers(1, 20)), st.integers(1, 4), st.integers(0, 25))
def test_what_never_goes(
    archive: set[tuple[int, str, str]], named: set[int], keep: int, limit: int
) -> None:
    """No notebook of the ledger goes, nor one of the newest, a young or an unknown file."""
    names = {run(day, folder) + suffix for day, folder, suffix in archive}
    ledger = {run(day, folder) + ".ipynb" for day in named for folder in FOLDERS}
    before = BEFORE.replace(day=1) + timedelta(days=limit)
    surplus = find_surplus(sized(names), ledger, keep, before)
    gone = {name.partition(".ipynb")[0] for name in surplus.files}
    assert not gone & {name.removesuffix(".ipynb") for name in ledger}
    for folder in FOLDERS:
        runs = {run(day, folder): day for day, where, _ in archive if where == folder}
        removed = {
            name[: len(run(1, folder))] for name in surplus.files if name.startswith(f"{folder}/")
        }
        assert not removed & set(sorted(runs, reverse=True)[:keep])
        assert not removed & {run(day, folder) for day in named}
        assert all(runs[name] <= limit for name in removed)
        # Each attempt goes as a whole
        assert {n for n in names if n[: len(run(1, folder))] in removed} == {
            n for n in surplus.files if n.startswith(f"{folder}/")
        }
