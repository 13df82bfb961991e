"""Many dates at once: each in a kernel of its own, a thread waiting for it."""

from collections import defaultdict
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import date
from threading import Event, Thread
from time import sleep

from jupyter_core.utils import ensure_event_loop

from etl_lib.kernels.manager import kill_kernels
from etl_lib.load.ledger import last_run
from etl_lib.runs.date import Outcome, Plan, find_outcome, run_date
from etl_lib.runs.pools import Pool
from etl_lib.services.connect import connected
from etl_lib.settings import Settings

POLL_SECONDS = 0.05
WAKE_SECONDS = 0.5


def run_dates(pool: Pool, days: Sequence[date], plan: Plan) -> Generator[Outcome]:
    """Run each date, as many at a time as the pool takes; the outcomes in the order they come.

    If the caller stops early, or the plan's batch is stopped, the dates that are being run are
    ended; one that had not yet been loaded leaves no file.
    """
    Thread(target=_prepare_reports, daemon=True).start()
    since = _last_run(plan.settings) if pool.may_rerun else None
    futures = {pool.executor.submit(_run, day, plan, since): day for day in days}
    try:
        pending = set(futures)
        while pending:
            # A signal that comes just before a wait is handled after it: none may be endless
            ended, pending = wait(pending, WAKE_SECONDS, FIRST_COMPLETED)
            for future in ended:
                yield _outcome(futures[future], future)
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
    """Run one date, in whichever process.

    Where a worker was lost after it had loaded the date, what it left is returned instead.
    """
    stopping = _stopping[plan.batch]
    if stopping.is_set():
        return Outcome(day, error="broken off before it began")
    _running.append(plan.batch)
    try:
        done = None if since is None else find_outcome(day, plan, since)
        return done or run_date(day, plan, stopping)
    finally:
        ensure_event_loop().close()  # nbclient's, of this thread, which may end now
        _running.remove(plan.batch)


def stop(batch: str) -> int:
    """Break off the dates of a batch that this process runs; returns how many there still are."""
    _stopping[batch].set()
    kill_kernels(batch)
    return _running.count(batch)


def break_off(batch: str) -> None:
    """Break off the dates of a batch that this process runs, and wait until they are."""
    while stop(batch):
        sleep(POLL_SECONDS)


_running: list[str] = []
"""The batch of each date that this process runs."""
_stopping: dict[str, Event] = defaultdict(Event)


def _outcome(day: date, future: "Future[Outcome]") -> Outcome:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  # whatever it is, the other dates go on
        return Outcome(day, error=f"{type(error).__name__}: {error}".splitlines()[0])


def _prepare_reports() -> None:
    """Pay for the first report, half a second of imports, while the first kernels work."""
    from etl_lib.archive.pages import prepare

    prepare()
