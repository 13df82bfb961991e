"""What turbines did, by their wind and power or by their status, on small farms made up for it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flags_by_pandas import to_readings
from helpers import CATALOGUE

from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import compute_statistics, to_frame
from fonteapi.signals import Signal

START = pd.Timestamp("2024-05-20", tz="UTC")
RUNNING, DERATED, IDLE, STOPPED = map(float, TurbineState)
SIGNALS = [CATALOGUE.signals["wind_speed"], CATALOGUE.signals["power"]]
STATES = {"running": [100, 101], "derated": [50], "idle": [20], "stopped": [1, 0]}
STATUS = Signal(name="status", unit="1", kind="state", description="what it does", states=STATES)


def find_states(
    values: dict[str, Sequence[float]],
    signals: Sequence[Signal] = SIGNALS,
    rated: dict[str, float] | None = None,
    minutes: Sequence[float] | None = None,
    **options: Any,
) -> list[float]:
    """The states of turbine T1, of readings ten minutes apart; NaN without one."""
    frame = make(values, minutes)
    readings = to_readings(frame, signals, {"T1": 1000.0} if rated is None else rated, **options)
    return list(to_frame(compute_statistics(readings))["state_mode"])


def make(values: dict[str, Sequence[float]], minutes: Sequence[float] | None = None) -> Any:
    count = len(next(iter(values.values())))
    stamps = START + pd.to_timedelta(np.array(minutes or 10 * np.arange(count)), "min")
    return pd.DataFrame({"timestamp": stamps, "turbine": "T1"} | values)


@pytest.mark.parametrize(
    ("wind", "power", "state"),
    [
        (4.99, 19.9, STOPPED),
        (5, 19.9, IDLE),
        (25, -4, IDLE),
        (25.01, -4, STOPPED),
        (12, 20, RUNNING),  # 0.02 of 1000 kW: it does not stand
        (1, 20, RUNNING),
        (np.nan, 19.9, STOPPED),
        (np.nan, 500, RUNNING),
        (12, np.nan, np.nan),
        (-5, 0, STOPPED),  # an impossible wind is not known
        (41, 0, STOPPED),
    ],
)
def test_standing(wind: float, power: float, state: float) -> None:
    """A turbine stands below 0.02 of its rated power: idle in 5 to 25 m/s, else stopped."""
    found = find_states({"wind_speed": [wind], "power": [power]})
    np.testing.assert_equal(found, [state])


@pytest.mark.parametrize(("power", "state"), [(0, IDLE), (-1, IDLE), (0.1, RUNNING)])
def test_unknown_rated_power(power: float, state: float) -> None:
    """Without a rated power a turbine stands without power, and is never derated."""
    values = {"wind_speed": [8.0, 9, 10, 11], "power": [power] * 4}
    assert find_states(values, rated={"T2": 1000.0}) == [state] * 4


def test_suspicious_wind() -> None:
    """A wind that a test flagged does not count: nobody knows whether the turbine is idle."""
    found = find_states({"wind_speed": [8.0, 9, 9, 9, 8], "power": [0.0] * 5})
    assert found == [IDLE, STOPPED, STOPPED, STOPPED, IDLE]


def test_thin_wind() -> None:
    """But one of few readings counts."""
    values = {"wind_speed": [8.0, 8.5, 9], "power": [0.0] * 3}
    assert find_states(values, minutes=[0, 10, 20], intervals={"T1": 60}) == [IDLE] * 3


DERATING = {
    "level": ([600.0] * 4, [DERATED] * 4),
    "two": ([600.0, 600, 700, 900], [RUNNING] * 4),
    "just level": ([600.0, 605, 609, 600], [DERATED] * 4),
    "no level": ([600.0, 605, 611, 620], [RUNNING] * 4),
    "the last three": ([700.0, 600, 600, 600], [RUNNING, DERATED, DERATED, DERATED]),
    "the first three": ([600.0, 600, 600, 700], [DERATED, DERATED, DERATED, RUNNING]),
    "nearly rated": ([950.0] * 4, [RUNNING] * 4),
    "below that": ([940.0] * 4, [DERATED] * 4),
    "standing": ([10.0] * 4, [IDLE] * 4),
}
WINDY = [16.0, 17, 18, 19]
"""A wind in which any turbine gives its rated power."""


@pytest.mark.parametrize("case", DERATING)
def test_derated(case: str) -> None:
    """Power at one level, within 0.01 of rated power for three buckets, in a wind for more."""
    power, expected = DERATING[case]
    assert find_states({"wind_speed": WINDY, "power": power}) == expected


@pytest.mark.parametrize("wind", [np.nan, -5.0, 41.0])
def test_derated_in_unknown_wind(wind: float) -> None:
    """A level is no derating while the wind is missing, impossible or suspicious."""
    assert find_states({"wind_speed": [wind] * 4, "power": [600.0] * 4}) == [RUNNING] * 4


def test_steady_wind() -> None:
    """A level in a steady wind is no derating, if but one of its buckets gives less."""
    values = {"wind_speed": [12.0, 13.3, 12], "power": [570.0] * 3}
    assert find_states(values) == [RUNNING] * 3
    assert find_states(values | {"wind_speed": [13.0, 13.3, 13]}) == [DERATED] * 3


def test_derated_over_a_gap() -> None:
    """A level is held in buckets one after the other."""
    values = {"wind_speed": WINDY, "power": [600.0] * 4}
    assert find_states(values, minutes=[0, 10, 30, 40], intervals={"T1": 600}) == [RUNNING] * 4


@pytest.mark.parametrize(("lost", "state"), [(0.04, RUNNING), (0.06, DERATED)])
def test_derated_beside_the_farm(lost: float, state: float) -> None:
    """What the wind gives is told by the farm: more than 0.05 of rated power less is derated."""
    wind = np.array([9.0, 9.1, 8.9, 9.2])
    # In 8 m/s and above the others give what T1 would, by a curve that is no flat line
    farm = [make({"wind_speed": wind, "power": 80 * wind}) for _ in range(5)]
    parts = [part.assign(turbine=f"T{n}") for n, part in enumerate(farm, 2)]
    held = make({"wind_speed": wind, "power": [720.0 - 1000 * lost] * 4})
    frame = pd.concat([held, *parts]).sort_values(["timestamp", "turbine"], ignore_index=True)
    readings = to_readings(frame, SIGNALS, dict.fromkeys(frame["turbine"], 1000.0))
    found = to_frame(compute_statistics(readings))["state_mode"]
    assert found["T1"].to_list() == [state] * 4
    assert (found.drop("T1") == RUNNING).all()


def test_hourly_readings() -> None:
    """A level of hourly readings is held from one to the next."""
    minutes = [0, 60, 120, 180]
    assert (
        find_states({"wind_speed": WINDY, "power": [600.0] * 4}, minutes=minutes) == [DERATED] * 4
    )
    values = {"wind_speed": [8.0, 3, 16, 17], "power": [0.0, 0, 600, 900]}
    assert find_states(values, minutes=minutes) == [IDLE, STOPPED, RUNNING, RUNNING]


def test_status_signal() -> None:
    """A turbine's own status comes before what wind and power tell, by the codes of the catalogue.

    Of a code that is not listed it is inferred; where there is only that, there is none.
    """
    values = {"wind_speed": [8.0, 8.1, 8.2, 8.3, 8.4], "power": [500.0, 500.5, 0, 0, 400]}
    codes = [101.0, 50, 1, 7, 7]
    found = find_states(values | {"status": codes}, [*SIGNALS, STATUS])
    np.testing.assert_equal(found, [RUNNING, DERATED, STOPPED, IDLE, RUNNING, np.nan])


def test_status_alone() -> None:
    """Without wind and power only its codes tell, and others nothing; the last one still holds."""
    found = find_states({"status": [100.0, 50, 7, 20, 0]}, [STATUS])
    np.testing.assert_equal(found, [RUNNING, DERATED, np.nan, IDLE, STOPPED, STOPPED])


@pytest.mark.parametrize("names", [["power"], ["wind_speed"], ["status"]])
def test_nothing_known(names: list[str]) -> None:
    """Without wind, power or the meaning of codes there is no state."""
    signals = [CATALOGUE.signals[name] for name in names]
    readings = to_readings(make({name: [1.0, 2, 3] for name in names}), signals)
    assert "state_mode" not in compute_statistics(readings).column_names
