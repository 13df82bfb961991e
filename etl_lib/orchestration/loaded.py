"""The days that were loaded without Dagster, as materializations."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from etl_lib.archive.notebooks import read_summary
from etl_lib.archive.store import Archive, project_archive
from etl_lib.kernels.limits import USUAL
from etl_lib.load.alvo import open_alvo
from etl_lib.load.ledger import last_loads, read_units
from etl_lib.load.records import LoadedDay
from etl_lib.orchestration.describe import RUN, describe, describe_load
from etl_lib.orchestration.status import with_addresses
from etl_lib.services.embedded import start_alvo

ASSET = dg.AssetKey("statistics")
AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def find_loaded(
    instance: dg.DagsterInstance, addresses: Mapping[str, str], after: int, limit: int
) -> tuple[list[dg.AssetMaterialization], int]:
    """The last load of each day that Dagster does not know, and the last load that was looked at.

    Both by the ledger's id: at most `limit` loads above `after`, in order. None while a run is at
    work, which reports its days itself in the end. Raises `EtlError` when Alvo or the archive does
    not answer.
    """
    if instance.get_runs_count(dg.RunsFilter(statuses=AT_WORK)):
        return [], after
    settings = with_addresses(addresses)
    alvo = open_alvo(start_alvo(settings))
    try:
        loads = sorted(last_loads(alvo).values(), key=lambda load: load.run_id)
        units = read_units(alvo)
    finally:
        alvo.dispose()
    found, archive = [], project_archive(settings)
    for load in [load for load in loads if load.run_id > after][:limit]:
        if _may_draw(load, archive):
            break
        if not _is_known(load, instance):
            facts = _describe(load, archive, units)
            found.append(dg.AssetMaterialization(ASSET, partition=str(load.date), metadata=facts))
        after = load.run_id
    return found, after


def _is_known(load: LoadedDay, instance: dg.DagsterInstance) -> bool:
    wanted = dg.AssetRecordsFilter(ASSET, asset_partitions=[str(load.date)])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        event = record.asset_materialization
        run = event.metadata.get(RUN) if event else None
        return run is not None and run.value == load.run_id
    return False


def _may_draw(load: LoadedDay, archive: Archive) -> bool:
    """Whether the load's notebook may still be at work: it is archived when it has ended."""
    recently = datetime.now(UTC) - timedelta(seconds=USUAL.notebook)
    return bool(load.notebook) and load.finished > recently and not archive.has(load.notebook or "")


def _describe(load: LoadedDay, archive: Archive, units: Mapping[str, str]) -> dict[str, Any]:
    """By its notebook; by the ledger alone if the archive has none, as after papermill."""
    name = load.notebook or ""
    if name and archive.has(name):
        summary = read_summary(json.loads(archive.read(name)))
        if summary:
            return describe(summary, archive, units)
    return describe_load(load, units)
