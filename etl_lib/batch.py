"""Many dates at once, each in a process of its own."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from pathlib import Path
from threading import Thread

from etl_lib.config import Settings
from etl_lib.runs import Outcome, run_date

TIDY_SECONDS = 10
"""How long a worker has to put away a kernel and a file."""


def run_dates(
    days: Sequence[date], columns: list[str], settings: Settings, home: Path, jobs: int
) -> Generator[Outcome]:
    """Run each date, `jobs` at a time; the outcomes in the order in which they come.

    `settings` has every address filled in. When the caller breaks off, so do the dates that
    are being run, and none of them leaves a trace.
    """
    if min(jobs, len(days)) < 2:
        for day in days:
            yield run_date(day, columns, settings, home)
        return
    # Not forked: this process has threads, and a child would inherit their locks
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(days)), context, initializer=_start_worker) as pool:
        futures = {pool.submit(_run_date, day, columns, settings, home): day for day in days}
        try:
            for future in as_completed(futures):
                yield _outcome(futures[future], future)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


def _outcome(day: date, future: "Future[Outcome]") -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        return Outcome(day, error="a process that runs dates was killed: run it again")
    except Exception as error:  # noqa: BLE001  # whatever it is, the other dates go on
        return Outcome(day, error=f"{type(error).__name__}: {error}")


def _start_worker() -> None:
    """A worker ends with its parent, however that ends; Ctrl-C is for the parent to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(TIDY_SECONDS)
    os._exit(os.EX_TEMPFAIL)


def _run_date(day: date, columns: list[str], settings: Settings, home: Path) -> Outcome:
    """`run_date` in a worker, which SIGTERM ends tidily: no kernel and no file is left."""

    def end(*_: object) -> None:
        # What libraries print of an interrupt is no news to whoever interrupted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        return run_date(day, columns, settings, home)
    except KeyboardInterrupt:  # all is put away; the next date in the queue is not for us
        os._exit(os.EX_TEMPFAIL)
    finally:
        signal.signal(signal.SIGTERM, before)
