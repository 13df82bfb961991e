"""What Dagster asks between runs: Fonte's days, and the days that need a run."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from etl_lib.archive.looks import look
from etl_lib.archive.status import DayStatus, State, read_status
from etl_lib.archive.store import project_archive
from etl_lib.extract.days import Day
from etl_lib.kernels.limits import USUAL
from etl_lib.services.connect import connected
from etl_lib.services.embedded import start_missing
from etl_lib.settings import Settings, read_settings


def with_addresses(addresses: Mapping[str, str]) -> Settings:
    """The project's settings with these addresses, as far as they are given."""
    given = {name: address for name, address in addresses.items() if address}
    return read_settings().model_copy(update=given)


def make_settings(addresses: Mapping[str, str]) -> Settings:
    """The same; a service that has no address is started."""
    return start_missing(with_addresses(addresses))


def find_days(addresses: Mapping[str, str]) -> dict[date, Day]:
    """Every day of Fonte; older ones as an earlier `look` found them."""
    settings = make_settings(addresses)
    with connected(settings) as (fonte, _):
        return look(fonte, project_archive(settings))


def find_wanted(addresses: Mapping[str, str]) -> dict[str, DayStatus]:
    """The missing, stale and failed days, each by a key that is new with every change."""
    settings = make_settings(addresses)
    return {  # a day that changes back was loaded in between, which is a new run
        f"{day}:{status.fingerprint}:{status.run}": status
        for day, status in read_status(settings, project_archive(settings)).items()
        if status.state not in (State.LOADED, State.FORGOTTEN) and not _may_draw(status)
    }


def _may_draw(day: DayStatus) -> bool:
    """Whether the notebook may still be at work: between its load and its end it looks failed."""
    recently = datetime.now(UTC) - timedelta(seconds=USUAL.notebook)
    return day.state is State.FAILED and day.loaded is not None and day.loaded > recently
