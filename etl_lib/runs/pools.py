"""Where dates are run: in threads of this process, or by the workers of a Dask cluster."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from etl_lib.errors import SchedulerError
from pgarrow.errors import first_line

PATIENCE = "10 s"
"""The time in which a scheduler has to answer."""
RETRIES = 3
"""Retries of a date that raised on a worker. Retries after a lost worker are Dask's setting
`distributed.scheduler.allowed-failures`."""


class Pool(NamedTuple):
    """A place to run dates."""

    executor: Executor
    size: int
    """Dates at a time."""
    call_everywhere: Callable[..., list[Any]]
    """Calls a function in each process that runs dates, and returns the results."""
    may_rerun: bool
    """Whether a date whose worker is lost runs again on another."""


@contextmanager
def threads(jobs: int) -> Iterator[Pool]:
    """Threads of this process, each waiting for its kernel."""
    with ThreadPoolExecutor(jobs, "date") as executor:
        yield Pool(executor, jobs, lambda call, *arguments: [call(*arguments)], may_rerun=False)


@contextmanager
def cluster(address: str) -> Iterator[Pool]:
    """The workers of the Dask scheduler at `address`.

    A date whose worker is lost runs on another one. Raises `SchedulerError` without an answer.
    """
    try:
        from distributed import Client, Security
    except ImportError:
        raise SchedulerError("--scheduler: expected Dask: pip install distributed") from None
    # A client that fails for want of certificates would wait for 20 s at the end
    has_certificates = Security().get_connection_args("client").get("ssl_context")
    if address.startswith("tls://") and not has_certificates:
        expected = "expected certificates in Dask's settings (distributed.comm.tls), got none"
        raise SchedulerError(f"the Dask scheduler at {address}: {expected}")
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = f"expected an answer, got {first_line(error)}"
        raise SchedulerError(f"the Dask scheduler at {address}: {reason}") from error

    def call_everywhere(call: Callable[..., Any], *arguments: Any) -> list[Any]:
        found = client.run(call, *arguments, on_error="ignore")  # a worker may be lost meanwhile
        return list(found.values())

    with client:
        size = sum(client.nthreads().values())
        yield Pool(client.get_executor(retries=RETRIES), size, call_everywhere, may_rerun=True)
