"""Many dates at once: each in a kernel of its own, a thread waiting for it."""

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import date
from functools import partial
from pathlib import Path
from threading import Event, Thread
from time import sleep

from etl_lib.config import Settings
from etl_lib.kernels import kill_kernels
from etl_lib.runs import Outcome, run_date


def run_dates(
    days: Sequence[date],
    columns: list[str],
    settings: Settings,
    home: Path,
    jobs: int,
    *,
    warm: bool = True,
) -> Generator[Outcome]:
    """Run each date, `jobs` at a time; the outcomes in the order in which they come.

    `settings` has every address filled in. When the caller breaks off, so do the dates that
    are being run, and none of them leaves a trace.
    """
    Thread(target=_prepare_reports, daemon=True).start()
    stopping = Event()
    with ThreadPoolExecutor(max(1, min(jobs, len(days))), "date") as pool:
        run = partial(run_date, warm=warm, stopping=stopping)
        futures = {pool.submit(run, day, columns, settings, home): day for day in days}
        try:
            for future in as_completed(futures):
                yield _outcome(futures[future], future)
        except BaseException:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            while any(future.running() for future in futures):
                kill_kernels()
                sleep(0.05)
            raise


def _outcome(day: date, future: "Future[Outcome]") -> Outcome:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  # whatever it is, the other dates go on
        return Outcome(day, error=f"{type(error).__name__}: {error}")


def _prepare_reports() -> None:
    """Pay for the first report, half a second of imports, while the first kernels work."""
    from etl_lib.reports import prepare

    prepare()
