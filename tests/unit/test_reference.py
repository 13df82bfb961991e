"""Reference curves and losses on small farms whose numbers are known."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_lib.analysis.gaps import describe_gaps, find_gaps
from etl_lib.analysis.losses import Stretch, describe_losses, find_runs, find_stretches
from etl_lib.analysis.reference import Reference, find_reference, interpolate
from etl_lib.errors import ParameterError
from etl_lib.extract.turbines import Turbine

START = pd.Timestamp("2024-05-20", tz="UTC")
FIRST = START.to_pydatetime()
BIG, SMALL = Turbine(FIRST, FIRST, "B", 1000.0), Turbine(FIRST, FIRST, "S", 500.0)
FACTS = {"T1": BIG, "T2": BIG, "T3": SMALL}


def make(turbine: str, wind: Any, power: Any, first: int = 0, **columns: Any) -> pd.DataFrame:
    """Buckets from slot `first` on, by turbine and timestamp."""
    count = len(np.atleast_1d(wind))
    stamps = START + pd.to_timedelta(10 * (first + np.arange(count)), "min")
    index = pd.MultiIndex.from_product([[turbine], stamps], names=["turbine", "timestamp"])
    counts = {"wind_speed_count": 10.0, "power_count": 10.0, "expected": 10.0}
    values = {"wind_speed_mean": wind, "power_mean": power} | counts | columns
    return pd.DataFrame(values, index=index)


def gives(wind: Any) -> Any:
    """100 kW for each m/s."""
    return 100.0 * np.asarray(wind)


def test_unknown_models() -> None:
    """Turbines of which neither model nor rated power is known have a curve each."""
    data = pd.concat([make("A", SPEEDS, gives(SPEEDS)), make("B", SPEEDS, 2 * gives(SPEEDS))])
    found = find_reference(data, {})
    assert found is not None
    assert list(found.curve_of("B")["power"]) == [800.0, 1200.0, 1600.0]
    assert "(of A and B, whose model and rated power are not known, its own)" in found.source


SPEEDS = np.repeat([4.0, 6.0, 8.0], 5)


def test_median_of_a_model() -> None:
    """Turbines of one model share a curve, which one of three does not bend."""
    data = pd.concat(
        [
            make("T1", SPEEDS, gives(SPEEDS)),
            make("T2", SPEEDS[:5], 0.5 * gives(SPEEDS[:5])),
            make("T3", SPEEDS, 0.5 * gives(SPEEDS)),
        ]
    )
    found = find_reference(data, FACTS)
    assert found is not None
    assert found.curve_of("T1") is found.curve_of("T2") is not None
    assert list(found.curve_of("T1")["power"]) == [300.0, 600.0, 800.0]  # five of each at 4 m/s
    assert list(found.curve_of("T3")["power"]) == [200.0, 300.0, 400.0]
    assert found.source == "The reference is the fleet's median power curve of 2024-05-20."
    own = find_reference(data, FACTS, "own")
    assert own is not None
    assert list(own.curve_of("T2")["power"]) == [200.0]


def test_what_a_curve_leaves_out() -> None:
    """Flagged and thin buckets, derated and standing turbines, and bins of fewer than three."""
    wind = np.repeat(5.0, 12)
    power = np.array([500.0] * 4 + [1.0] * 8)
    flags = np.array([np.nan] * 4 + [4.0] * 2 + [np.nan] * 6)
    counts = np.array([10.0] * 6 + [4.0] * 2 + [10.0] * 4)
    states = np.array([1.0] * 8 + [2.0, 3.0, 4.0, 2.0])
    known = {"wind_speed_flags": flags, "power_count": counts, "state_mode": states}
    data = pd.concat([make("T1", wind, power, **known), make("T1", [9.0, 9.0], [900.0] * 2, 20)])
    found = find_reference(data, FACTS)
    assert found is not None
    curve = found.curve_of("T1")
    assert curve is not None
    assert curve.to_numpy().tolist() == [[5.0, 500.0, 4.0]]


@pytest.mark.parametrize(
    ("wind", "rated", "power"),
    [
        (5.0, None, 500.0),
        (3.7, None, np.nan),
        (3.8, None, 400.0),
        (6.25, None, 600.0),
        (6.3, None, np.nan),
        (20.0, 620.0, 600.0),  # it ends at more than nine tenths of rated power
        (25.1, 620.0, np.nan),
        (20.0, 700.0, np.nan),
        (np.nan, 620.0, np.nan),
    ],
)
def test_ends_of_a_curve(wind: float, rated: float | None, power: float) -> None:
    """Between the bins it is linear; beyond them only a plateau goes on."""
    curve = pd.DataFrame({"wind_speed": [4.0, 6.0], "power": [400.0, 600.0]})
    found = interpolate(curve, np.array([wind]), rated)
    assert found == pytest.approx([power], nan_ok=True)


def test_no_curve() -> None:
    """Without earlier days there is none, rather than one of the day itself."""
    nothing = make("T1", SPEEDS, gives(SPEEDS)).iloc[:0]
    assert find_reference(nothing, FACTS) is None
    assert find_reference(nothing[[]], FACTS) is None


def test_too_little_history() -> None:
    """Where earlier days give few buckets an expectation, the period itself does, and says so."""
    calm = make("T1", [4.0] * 5, [400.0] * 5)
    windy = make("T1", np.repeat([10.0, 12.0], 5), np.repeat([1000.0, 990.0], 5))
    found = find_reference(calm, FACTS, days="April 2024", fallback=windy)
    assert found is not None
    assert (
        "of the period itself, since that of April 2024 covers too little of its wind"
        in found.source
    )
    assert found.expect(windy).notna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wind,power\n1,2\n3,4\n", "columns wind_speed .* has wind, power"),
        ("wind_speed,power\n1,2\n", "two rows or more"),
        ("wind_speed,power\n1,a\n2,b\n", "expected numbers"),
        ("wind_speed,power\n1,2\n1,3\n", "one power of each wind speed"),
        ("wind_speed,power\n1,\n2,3\n", "one power of each wind speed, all finite"),
        ("wind_speed,power\n1,inf\n2,3\n", "one power of each wind speed, all finite"),
        ("wind_speed,power\n1,2\n90,3\n", "expected wind_speed in m/s in .* got 90"),
        ("wind_speed,power\n1,2\n5,3e5\n", "expected power in kW, up to the 1000 kW of T1"),
        ("turbine,model,wind_speed,power\nT1,B,1,2\nT1,B,2,3\n", "has both"),
        ("turbine,wind_speed,power\n01,1,2\n01,2,3\n", "one turbine of T1, T2, T3; .* has 01"),
        ("", "expected fleet, own or the path of a CSV file"),
    ],
)
def test_unfit_file(tmp_path: Path, text: str, message: str) -> None:
    """A file that is no curve is refused in one line that names it."""
    path = tmp_path / "curve.csv"
    path.write_text(text)
    with pytest.raises(ParameterError, match=message) as refusal:
        find_reference(make("T1", SPEEDS, gives(SPEEDS)), FACTS, str(path))
    assert "curve.csv" in str(refusal.value)
    with pytest.raises(ParameterError, match="expected fleet, own or the path of a CSV"):
        find_reference(make("T1", SPEEDS, gives(SPEEDS)), FACTS, "flete")


def test_curves_of_a_file(tmp_path: Path) -> None:
    """A file may have a curve of each model."""
    path = tmp_path / "curve.csv"
    path.write_text("model,wind_speed,power\nB,0,0\nB,10,1000\nS,10,500\nS,0,0\n")
    data = pd.concat([make(name, [5.0], [0.0]) for name in FACTS])
    found = find_reference(data.iloc[:0], FACTS, str(path))
    assert found is not None
    assert list(found.expect(data)) == [500.0, 500.0, 250.0]


CURVE = pd.DataFrame({"wind_speed": [0.0, 10.0], "power": [0.0, 1000.0], "count": [9, 9]})
REFERENCE = Reference({"": CURVE}, {"T1": "", "T2": ""}, {}, "")


def test_whole_numbers_in_a_file(tmp_path: Path) -> None:
    """A curve of whole kilowatts finds stretches as any other."""
    path = tmp_path / "curve.csv"
    path.write_text("wind_speed,power\n0,0\n10,1000\n")
    data = make("T1", np.full(6, 8.0), np.zeros(6))
    curve = find_reference(data, {}, str(path))
    assert curve is not None
    assert [stretch.lost for stretch in find_stretches(data, curve)] == pytest.approx([800.0])


def test_stretches() -> None:
    """A stretch takes half an hour below by a tenth; a slot without wind ends it."""
    wind = np.full(20, 8.0)
    power = gives(wind)
    power[2:5] -= 101  # half an hour
    power[7:9] -= 800  # too short
    power[11:20] = 0.0
    wind[16] = np.nan
    data = make("T1", wind, power, state_mode=np.where(power == 0, 3.0, 1.0))
    found = find_stretches(data, REFERENCE)
    assert [(each.start.strftime("%H:%M"), each.end.strftime("%H:%M")) for each in found] == [
        ("01:50", "02:40"),
        ("02:50", "03:20"),
        ("00:20", "00:50"),
    ]
    assert [each.lost for each in found] == pytest.approx([800 * 5 / 6, 800 / 2, 101 / 2])
    assert [*describe_losses(found[:1])] == [
        "T1 stood still from 01:50 to 02:40: 667 kWh less than the reference curve gives"
        " (800 kW below it)."
    ]
    assert [*describe_losses(found[2:], dated=True)] == [
        "T1 gave 699 kW from 2024-05-20 00:20 to 00:50: 50 kWh less than the reference curve gives"
        " (101 kW below it)."
    ]
    assert [*describe_losses(found)] == [
        "T1 lost 1,117 kWh in 3 stretches of half an hour and more below the reference curve: it"
        " stood still from 01:50 to 02:40 (667 kWh), from 02:50 to 03:20 (400 kWh) and gave 699 kW"
        " from 00:20 to 00:50 (50 kWh)."
    ]


def test_stop_in_weaker_wind() -> None:
    """A stop goes on while the turbine stands in weaker wind, and none begins there."""
    wind = np.concatenate([np.full(6, 8.0), np.full(6, 0.5), np.full(3, 8.0), np.full(3, 0.05)])
    found = find_stretches(make("T1", wind, np.zeros(18)), REFERENCE)
    assert [(each.start.strftime("%H:%M"), each.end.strftime("%H:%M")) for each in found] == [
        ("00:00", "02:30")
    ]
    assert found[0].lost == pytest.approx((9 * 800 + 6 * 50) / 6)
    assert find_stretches(make("T1", np.full(18, 0.5), np.zeros(18)), REFERENCE) == []


def test_many_stretches() -> None:
    """The largest losses are told: six turbines, three stretches of each."""
    start = pd.Timestamp("2024-05-20", tz="UTC")
    found = [
        Stretch(f"T{n}", start, start + pd.Timedelta("30min"), 0.0, 20.0 * n, 10.0 * n, None)
        for n in (8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 2)
    ]
    sentences = [*describe_losses(found)]
    assert sentences[0].startswith("T8 lost 320 kWh in 4 stretches")
    assert sentences[0].endswith("and 1 more (80 kWh).")
    assert [sentence[:2] for sentence in sentences[1:6]] == ["T7", "T6", "T5", "T4", "T2"]
    assert sentences[6:] == [
        "1 more turbine had stretches of half an hour and more below the reference curve: 30 kWh."
    ]


def test_calm_curve() -> None:
    """A curve of calms alone finds no stretch."""
    calm = Reference({"": CURVE.assign(power=[-9.0, -8.0])}, {"T1": ""}, {}, "")
    assert find_stretches(make("T1", np.full(6, 8.0), np.full(6, -20.0)), calm) == []


def test_flagged_wind_loses_nothing() -> None:
    """Against a wind that a test flagged nothing is expected."""
    data = make("T1", np.full(6, 8.0), np.zeros(6), wind_speed_flags=4.0)
    assert find_stretches(data, REFERENCE) == []


def test_gaps() -> None:
    """A gap of all signals is one; of a signal alone it names it; the end of a day is 24:00."""
    whole = make("T1", np.full(144, 8.0), np.full(144, 800.0))
    data = whole.drop(whole.index[[0, 1, 2, 50, *range(140, 144)]])
    data.loc[data.index[90:93], ["wind_speed_mean", "wind_speed_count"]] = np.nan
    assert [*describe_gaps(find_gaps(data), 1)] == [
        "T1 has no readings from 23:20 to 24:00.",
        "T1 has no readings from 00:00 to 00:30.",
        "T1 has no readings of wind speed from 15:40 to 16:10.",
        "T1 has no readings from 08:20 to 08:30.",
    ]
    late, early = make("T2", [8.0], [800.0], 143), make("T1", [8.0], [800.0], 143)
    both = find_gaps(pd.concat([early, late]), ["T1", "T2"])
    assert [*describe_gaps(both, 2, dated=True)] == [
        "All 2 turbines have no readings from 2024-05-20 00:00 to 23:50."
    ]
    many = find_gaps(whole.iloc[::2])
    assert [*describe_gaps(many, 1)][-1] == "66 more gaps: 11.0 turbine-hours."
    assert [gap.turbine for gap in find_gaps(whole, ["T1", "T2"])] == ["T2"]


def test_excluded_is_no_gap() -> None:
    """What people excluded is not missing; beside it the gap goes on."""
    data = make("T1", np.full(144, 8.0), np.full(144, 800.0)).drop(
        make("T1", np.zeros(6), 0.0, 10).index
    )
    facts = {"id": 1, "reason": "ice", "author": "me", "created": "2024-06-01T00:00Z"}
    period = {"start": "2024-05-20T01:45Z", "end": "2024-05-20T02:05Z"}
    data.attrs["exclusions"] = [facts | period | {"turbine": "T1", "signal": None}]
    assert [*describe_gaps(find_gaps(data), 1)] == ["T1 has no readings from 02:10 to 02:40."]


@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=4))
def test_runs(rows: list[list[bool]]) -> None:
    """Runs cover each true cell once, and begin and end beside a false one."""
    table = np.array(rows)
    covered = np.zeros(table.shape, int)
    for row, first, last in find_runs(table):
        covered[row, first:last] += 1
        assert (first == 0 or not table[row, first - 1]) and (last == 7 or not table[row, last])
    assert (covered == table).all()
    long = [run for run in find_runs(table) if run[2] - run[1] >= 3]
    assert [*find_runs(table, 3)] == long
