"""Dagster's queue of runs, and with it a shorter wait for backfills.

Dagster's daemon looks for new backfills every 30 seconds, and no setting changes that. It imports
this module, which `dagster.yaml` names; a Dagster that reads its interval elsewhere keeps its own.
"""

from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator
from dagster._daemon import controller

BACKFILL_SECONDS = 5
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = BACKFILL_SECONDS


class Queue(QueuedRunCoordinator):
    """Dagster's own queue, without a change."""
