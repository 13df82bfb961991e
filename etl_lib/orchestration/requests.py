"""What the sensors request, and request again."""

from collections import Counter
from collections.abc import Iterable, Iterator

import dagster as dg

PASSING = "wind-etl/passing"
"""The tag of a run that failed for a reason that may pass."""
RUN_KEY = "dagster/run_key"
"""Dagster's tag: the key by which a sensor requested a run."""
REQUESTS_PER_TICK = 50
"""Many changes at once are requested in several ticks."""


def choose(
    wanted: Iterable[str], context: dg.SensorEvaluationContext
) -> tuple[dict[str, str], str]:
    """The run keys to request now, each with what is wanted, and the next cursor.

    The cursor has what was requested and is still wanted. If its run failed for a reason that may
    pass, it is requested again, by a further key.
    """
    wanted, known = list(wanted), set((context.cursor or "").split())
    new = [key for key in wanted if key not in known][:REQUESTS_PER_TICK]
    requested = [key for key in wanted if key in known]
    failures = Counter(_find_failures(context.instance)) if requested else Counter[str]()
    again = {f"{key} {failures[key] + 1}": key for key in requested if failures[key]}
    keys = {key: key for key in new} | again
    return dict([*keys.items()][:REQUESTS_PER_TICK]), " ".join([*requested, *new])


def _find_failures(instance: dg.DagsterInstance) -> Iterator[str]:
    """What each run that failed for a passing reason was first requested by."""
    failed = dg.RunsFilter(tags={PASSING: "true"}, statuses=[dg.DagsterRunStatus.FAILURE])
    for run in instance.get_runs(failed):
        yield run.tags.get(RUN_KEY, "").partition(" ")[0]
