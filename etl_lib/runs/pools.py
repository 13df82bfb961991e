"""Who runs the dates: threads of this process, or the workers of a Dask cluster."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from etl_lib.errors import SchedulerError

PATIENCE = "10 s"
"""How long a scheduler may take to answer."""
RETRIES = 3
"""How often a date that raised on a worker is retried; how many lost workers a date survives is
Dask's own setting, `distributed.scheduler.allowed-failures`."""


class Pool(NamedTuple):
    """Where dates are run."""

    executor: Executor
    size: int
    """How many at a time."""
    call_everywhere: Callable[..., list[Any]]
    """Calls a function, at once, in each process that runs dates; returns what they answer."""
    may_rerun: bool
    """Whether a date may be begun again, when its worker is lost."""


@contextmanager
def threads(jobs: int) -> Iterator[Pool]:
    """Threads of this process, each waiting for its kernel."""
    with ThreadPoolExecutor(jobs, "date") as executor:
        yield Pool(executor, jobs, lambda call, *arguments: [call(*arguments)], may_rerun=False)


@contextmanager
def cluster(address: str) -> Iterator[Pool]:
    """The workers of the Dask scheduler at `address`; raises `SchedulerError` without an answer.

    A date whose worker is lost is given to another one.
    """
    try:
        from distributed import Client
    except ImportError:
        raise SchedulerError("--scheduler: expected Dask: pip install 'wind-etl[dask]'") from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
        reason = f"expected an answer, got {str(error).splitlines()[0]}"
        raise SchedulerError(f"the Dask scheduler at {address}: {reason}") from error
    with client:
        yield Pool(
            client.get_executor(retries=RETRIES),
            sum(client.nthreads().values()),
            lambda call, *arguments: list(
                client.run(call, *arguments, on_error="ignore").values()  # one may be lost just now
            ),
            may_rerun=True,
        )
