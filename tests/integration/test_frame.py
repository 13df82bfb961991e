"""The frame of `read_statistics` as analysts use it: its columns, pandas' resampling, its attrs."""

import copy
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from helpers import DAY, FARM, ROOT, execute, farm_statistics, make_statistics
from sqlalchemy import Engine

from etl_lib.catalogue import SHIPPED
from etl_lib.load.day import load_day
from etl_lib.load.reading import read_statistics
from etl_lib.transform.kinds import STATISTICS, in_order

QUANTITY = ("mean", "min", "max", "std", "count", "flags")
TURBINES = ["A1", "B2"]
NEXT = replace(DAY, date=date(2024, 5, 21))


@pytest.fixture
def farm(alvo: Engine) -> pd.DataFrame:
    """Two turbines on one day."""
    load_day(alvo, FARM, farm_statistics(), readings=2880)
    return read_statistics(alvo)


def test_catalogue_order() -> None:
    """The order of the columns is that of the API's catalogue."""
    catalogue = tomllib.loads((ROOT / "fonteapi" / "catalogue.toml").read_text())
    assert list(SHIPPED) == list(catalogue["signals"])


def test_columns_in_catalogue_order(alvo: Engine) -> None:
    """The order does not depend on that of the loads; the user's own signals come last."""
    for name in ("rain", "ambient_temperature", "power", "wind_speed"):
        load_day(alvo, DAY, make_statistics(name=name), readings=1440)
    signals = ("wind_speed", "power", "ambient_temperature", "rain")
    expected = [f"{signal}_{statistic}" for signal in signals for statistic in QUANTITY]
    assert list(read_statistics(alvo)) == [*expected, "expected"]


def test_statistics_of_a_signal_stay_together() -> None:
    """Statistics come as their kind lists them, then flags; the inferred state is last."""
    loaded = ["state_mode", "power_flags", "own_mode", "own_changes", "own_count", "energy_count"]
    loaded += ["energy_last", "power_mean", "energy_delta", "wind_speed_mean"]
    assert in_order(loaded) == [
        *("wind_speed_mean", "power_mean", "power_flags"),
        *("energy_delta", "energy_last", "energy_count"),
        *("own_mode", "own_changes", "own_count", "state_mode"),
    ]
    for statistics in STATISTICS.values():
        names = [f"x_{statistic}" for statistic in (*statistics, "flags")]
        assert in_order(reversed(names)) == names


def test_resample_a_turbine(farm: pd.DataFrame) -> None:
    """A turbine's frame has a UTC index, which pandas resamples."""
    one = farm.loc["B2"]
    assert isinstance(one.index, pd.DatetimeIndex)
    assert str(one.index.tz) == "UTC"
    hourly = one.resample("1h").mean()
    assert len(hourly) == 24
    by_hand = one["power_mean"].to_numpy().reshape(24, 6).mean(axis=1)
    assert hourly["power_mean"].to_numpy() == pytest.approx(by_hand, rel=1e-12)


def test_resample_a_farm(farm: pd.DataFrame) -> None:
    """A farm's frame is resampled turbine by turbine, in either of pandas' ways."""
    hourly = farm.groupby("turbine").resample("1h", level="timestamp").mean()
    assert hourly.index.names == ["turbine", "timestamp"]
    assert hourly.loc["B2"].equals(farm.loc["B2"].resample("1h").mean())
    days = farm.groupby(["turbine", pd.Grouper(level="timestamp", freq="D")]).mean()
    midnight = pd.Timestamp(DAY.start)
    assert days.index.to_list() == [(turbine, midnight) for turbine in TURBINES]
    means = [farm.loc[turbine]["power_mean"].mean() for turbine in TURBINES]
    assert days["power_mean"].to_list() == pytest.approx(means, rel=1e-12)


def test_attrs_are_light(alvo: Engine, alvo_url: str, tmp_path: Path) -> None:
    """pandas copies no long list at each step, joins frames, and writes them with their attrs."""
    for day in (DAY, NEXT):
        load_day(alvo, day, make_statistics(day), readings=1440)
    execute(alvo_url, "UPDATE run SET impossible = '{}'")
    frame = read_statistics(alvo, excluding=True)
    untested = (("T1", "2024-05-20"), ("T1", "2024-05-21"))
    assert frame.attrs["untested"] == untested
    assert (frame * 2).attrs["untested"] is copy.deepcopy(frame.attrs)["untested"]
    assert pd.concat([frame[:100], frame[100:]]).attrs == frame.attrs
    frame.to_parquet(tmp_path / "frame.parquet")
    written = pd.read_parquet(tmp_path / "frame.parquet").attrs
    assert [tuple(each) for each in written["untested"]] == list(untested)
