"""Statistics of readings of which some are flagged."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from flags_by_pandas import read_la_haute_borne, to_readings
from helpers import CATALOGUE

from etl_lib.transform.flags import TESTS, find_flags
from etl_lib.transform.kinds import STATISTICS
from etl_lib.transform.ordering import last_of_each_stamp, plain
from etl_lib.transform.statistics import compute_statistics, statistics_sql, to_frame
from fonteapi.farm import name_turbines, simulate_farm
from fonteapi.signals import Signal
from fonteapi.simulate import SIMULATED_SIGNALS

START = pd.Timestamp("2024-05-20", tz="UTC")
TURBINES = name_turbines(3, "T1")
SIGNALS = [CATALOGUE.signals[name] for name in SIMULATED_SIGNALS]
QUANTITIES = ("wind_speed", "power", "ambient_temperature")


@pytest.fixture(scope="module")
def minutes() -> pd.DataFrame:
    """Two simulated days without a flag."""
    frame = simulate_farm(date(2024, 5, 20), 2, TURBINES, seed=7).read_all().to_pandas()
    readings = frame.drop(columns="simulated")
    assert not find_flags(to_readings(readings, SIGNALS)).num_rows
    return readings


@pytest.fixture(scope="module")
def faulty(minutes: pd.DataFrame) -> pd.DataFrame:
    """The same with impossible readings, spikes and a stuck sensor, a few in each bucket."""
    random, frame = np.random.default_rng(1), minutes.copy()
    frame.loc[random.choice(len(frame), 300, replace=False), "wind_speed"] += 45
    frame.loc[(frame["turbine"] == "T2") & (frame["timestamp"].dt.hour == 9), "wind_speed"] = 6.0
    for name in SIMULATED_SIGNALS:
        frame.loc[random.choice(len(frame), 300, replace=False), name] = -9999.0
    return frame


def test_impossible_readings(faulty: pd.DataFrame) -> None:
    """Impossible readings are missing in the statistics, and only they."""
    without = faulty.replace(-9999.0, np.nan)
    found = to_frame(compute_statistics(to_readings(faulty, SIGNALS)))
    expected = to_frame(compute_statistics(to_readings(without, SIGNALS)))
    names = [name for name in found if not name.endswith("_flags") and name != "state_mode"]
    pd.testing.assert_frame_equal(found[names], expected[names], check_exact=True)
    assert found["power_min"].min() > -10
    lost = (faulty == -9999.0).sum()
    for name in SIMULATED_SIGNALS:
        assert found[f"{name}_count"].sum() == len(faulty) - lost[name]


def test_kept_impossible_readings(faulty: pd.DataFrame) -> None:
    """If asked for, they count as what they are: as pandas counts them."""
    readings = to_readings(faulty, SIGNALS)
    found = to_frame(compute_statistics(readings, keep_impossible=True))
    groups = faulty.groupby(["turbine", faulty["timestamp"].dt.floor("10min")])
    for name in QUANTITIES:
        expected = groups[name].agg(["mean", "min", "max", "std", "count"])
        columns = found[[f"{name}_{statistic}" for statistic in expected]]
        np.testing.assert_allclose(columns, expected, rtol=1e-9)
    assert found["power_min"].min() == -9999
    flags = to_frame(compute_statistics(readings)).filter(like="_flags")
    pd.testing.assert_frame_equal(found.filter(like="_flags"), flags)


def test_an_impossible_bucket() -> None:
    """A bucket of impossible readings alone has its flags, and no statistics."""
    frame = pd.DataFrame({"timestamp": [START], "turbine": "T1", "power": -9999.0})
    found = to_frame(compute_statistics(to_readings(frame, [CATALOGUE.signals["power"]])))
    assert found.dropna(axis="columns").iloc[0].to_dict() == {"power_flags": 1, "expected": 10}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ((-9999, 99999), (900, 900)),
        ((-9999, 1000), (900, 1000)),
        ((800, 4101), (800, 900)),
        ((-1025, 4100), (-1025, 4100)),
    ],
)
@pytest.mark.parametrize("deviation", [5125.0, 9999.0])
@pytest.mark.parametrize("keep_impossible", [False, True])
def test_impossible_extremes(
    own: tuple[float, float],
    expected: tuple[float, float],
    deviation: float,
    keep_impossible: bool,
) -> None:
    """The source's own statistics are left out where they are impossible."""
    names = ("power.min", "power.max", "power.std")
    found = [CATALOGUE.find(name) for name in names]
    columns = [CATALOGUE.signals["power"], *(column for column in found if column)]
    values = dict(zip(("power", *names), (900.0, *map(float, own), deviation), strict=True))
    frame = pd.DataFrame({"timestamp": [START], "turbine": "T1"} | values)
    readings = to_readings(frame, columns, intervals={"T1": 600})
    [row] = compute_statistics(readings, keep_impossible=keep_impossible).to_pylist()
    extremes = row["power_min"], row["power_max"]
    assert extremes == (own if keep_impossible else expected)
    kept = deviation if keep_impossible or deviation == 5125 else None  # 2.5 times rated power
    assert (row["power_mean"], row["power_std"], row["power_count"]) == (900, kept, 1)


def test_impossible_counter_and_state() -> None:
    """Nor do impossible values count in the increments of a counter and the codes of a state."""
    known = {"unit": "1", "description": "a signal"}
    energy = Signal(name="energy", kind="counter", possible=(0, 1e6), **known)
    status = Signal(name="status", kind="state", possible=(0, 1000), **known)
    stamps = START + pd.to_timedelta([-1, 0, 1, 2], "min")
    frame = pd.DataFrame({"timestamp": stamps, "turbine": "T1", "energy": [1.0, -1, 9, 2e6]})
    frame["status"] = [1.0, 5, 9999, 9999]
    readings = to_readings(frame[1:], [energy, status])
    before = to_readings(frame[:1], [energy, status])
    row = compute_statistics(readings, before=before).to_pylist()[0]
    assert (row["energy_delta"], row["energy_last"], row["energy_count"]) == (8, 9, 1)
    assert (row["status_mode"], row["status_count"]) == (5, 1)
    assert (row["energy_flags"], row["status_flags"]) == (TESTS["impossible"] | 64, 65)


def test_bucket_flags(faulty: pd.DataFrame) -> None:
    """A bucket has the bits of all of its readings, and thin if it has fewer than half."""
    stamps = faulty["timestamp"].dt
    frame = faulty[(stamps.hour != 15) | (stamps.minute % 10 < 4)]
    readings = to_readings(frame, SIGNALS)
    flags = find_flags(readings)
    computed = compute_statistics(readings)
    assert compute_statistics(readings, flags=flags).equals(computed)
    found = to_frame(computed)
    bits = flags.to_pandas().assign(timestamp=lambda rows: rows["timestamp"].dt.floor("10min"))
    for name in SIMULATED_SIGNALS:
        own = bits[bits["signal"] == name].groupby(["turbine", "timestamp"])["flags"]
        expected = own.agg(np.bitwise_or.reduce).reindex(found.index, fill_value=0)
        counts = found[f"{name}_count"].fillna(0)
        expected |= 64 * ((counts > 0) & (counts < 5))
        assert found[f"{name}_flags"].equals(expected.where(expected > 0).astype(float))
    every = np.bitwise_or.reduce(found["wind_speed_flags"].dropna().astype(int))
    assert every & (1 | 2 | 4 | 8) == 1 | 2 | 4 | 8


@pytest.mark.parametrize(
    ("count", "flags"), [(4, TESTS["thin"]), (5, None), (9, None), (10, None), (0, None)]
)
def test_thin(count: int, flags: int | None) -> None:
    """Half of the expected readings is enough, and a bucket without any is no thin one."""
    stamps = START + pd.to_timedelta(range(10), "min")
    frame = pd.DataFrame({"timestamp": stamps, "turbine": "T1", "power": np.arange(10.0)})
    frame.loc[count:, "power"] = np.nan
    [row] = compute_statistics(to_readings(frame, [CATALOGUE.signals["power"]])).to_pylist()
    assert row["power_flags"] == flags


@pytest.mark.parametrize("source", ["simulated", "real"])
def test_unflagged_statistics(source: str, minutes: pd.DataFrame) -> None:
    """Where nothing is flagged, the statistics are those of the SQL, bit for bit."""
    if source == "simulated":
        readings = to_readings(minutes, SIGNALS)
    else:
        readings = to_readings(read_la_haute_borne().query("turbine == 'R80711'"))
    assert not find_flags(readings).num_rows
    computed = compute_statistics(readings)
    tables = run_sql(readings)
    for name in (name for table in tables for name in table.column_names[2:]):
        expected = next(table[name] for table in tables if name in table.column_names)
        assert computed[name].combine_chunks().equals(expected.combine_chunks()), name
    flags = [name for name in computed.column_names if name.endswith("_flags")]
    assert len(flags) == len(readings.column_names) - 2
    assert all(computed[name].null_count == len(computed) for name in flags)


def run_sql(readings: pa.Table) -> list[pa.Table]:
    """What the texts of quantities and angles compute of the readings, and nothing else."""
    last, tables = last_of_each_stamp(plain(readings)), []
    for kind in ("quantity", "angle"):
        names = [
            f.name for f in readings.schema if f.metadata and f.metadata[b"kind"].decode() == kind
        ]
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.register("readings", last.select(["turbine", "timestamp", *names]))
            tables.append(connection.sql(statistics_sql()[kind]).to_arrow_table())
        assert len(tables[-1].column_names) == 2 + len(names) * len(STATISTICS[kind])
    return tables


def test_a_state_on_change_is_never_thin() -> None:
    """It has a reading only when it changes."""
    status = CATALOGUE.signals["status"].model_copy(update={"on_change": True})
    frame = pd.DataFrame(
        {
            "timestamp": pd.date_range(START, periods=20, freq="min"),
            "turbine": "T1",
            "wind_speed": 8 + np.arange(20) % 7 / 10,
            "status": [100.0, *[np.nan] * 14, 20.0, *[np.nan] * 4],
        }
    )
    found = compute_statistics(to_readings(frame, [CATALOGUE.signals["wind_speed"], status]))
    assert found["status_mode"].to_pylist()[:2] == [100, 20]
    assert set(found["status_flags"].to_pylist()) == {None}
