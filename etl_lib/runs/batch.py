"""Many dates at once: each in its own kernel, with a thread that waits for it."""

from collections import defaultdict
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from datetime import date
from threading import Event, Thread
from time import sleep

from jupyter_core.utils import ensure_event_loop

from etl_lib.kernels.manager import kill_kernels
from etl_lib.load.ledger import last_run
from etl_lib.runs.date import Outcome, find_outcome, run_date
from etl_lib.runs.notebook import Plan
from etl_lib.runs.pools import Pool
from etl_lib.services.connect import connected, find_silent
from etl_lib.settings import Settings
from pgarrow.errors import first_line

POLL_SECONDS = 0.05
WAKE_SECONDS = 0.5
PATIENCE = 3
"""So many dates in a row may fail for a reason that may pass, before a service is asked."""


def run_dates(pool: Pool, days: Sequence[date], plan: Plan) -> Generator[Outcome]:
    """Run each date, as many at a time as the pool takes; yield outcomes as they come.

    After three failures in a row that may pass, and a service that does not answer a question, no
    further date is tried. When the caller closes the generator, or the batch is stopped, the
    running dates end; one that is not loaded yet leaves no file.
    """
    Thread(target=_prepare_reports, daemon=True).start()
    since = _last_run(plan.settings) if pool.may_rerun else None
    futures = {pool.executor.submit(_run, day, plan, since): day for day in days}
    try:
        pending, in_a_row, silent = set(futures), 0, ""
        while pending:
            # A signal that arrives just before a wait is handled after it, so each wait is short
            ended, pending = wait(pending, WAKE_SECONDS, FIRST_COMPLETED)
            for future in ended:
                outcome = _outcome(futures[future], future, silent)
                in_a_row = in_a_row + 1 if outcome.is_transient else 0
                yield outcome
            if in_a_row >= PATIENCE and not silent and (silent := find_silent(plan.settings)):
                for waiting in pending:
                    waiting.cancel()
    except BaseException:
        for waiting in futures:
            waiting.cancel()
        while any(pool.call_everywhere(stop, plan.batch)):
            sleep(POLL_SECONDS)
        raise


def _last_run(settings: Settings) -> int:
    with connected(settings) as (_, alvo):
        return last_run(alvo)


def _run(day: date, plan: Plan, since: int | None) -> Outcome:
    """Run one date, here or on a worker, unless a lost worker has already loaded it."""
    stopping = _stopping[plan.batch]
    if stopping.is_set():
        return Outcome(day, error="broken off before it began")
    _running.append(plan.batch)
    try:
        done = None if since is None else find_outcome(day, plan, since)
        return done or run_date(day, plan, stopping)
    finally:
        ensure_event_loop().close()  # nbclient opened it for this thread
        _running.remove(plan.batch)


def stop(batch: str) -> int:
    """Stop the dates of a batch that this process runs; returns how many still run."""
    _stopping[batch].set()
    kill_kernels(batch)
    return _running.count(batch)


_running: list[str] = []
"""The batch of each date that this process runs."""
_stopping: dict[str, Event] = defaultdict(Event)


def _outcome(day: date, future: "Future[Outcome]", silent: str) -> Outcome:
    try:
        return future.result()
    except CancelledError:
        error = f"not tried: {silent} does not answer"
        return Outcome(day, error=error, is_transient=True, silent=silent)
    except Exception as error:  # noqa: BLE001  # the other dates go on
        return Outcome(day, error=f"{type(error).__name__}: {first_line(error)}")


def _prepare_reports() -> None:
    """Import what the first report needs, half a second, while the first kernels work."""
    from etl_lib.archive.pages import prepare

    prepare()
