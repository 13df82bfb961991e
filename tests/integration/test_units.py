"""A file's units: from an option or from the names of columns, into the catalogue's."""

from collections.abc import Callable
from math import pi
from pathlib import Path

import pytest
from helpers import execute

from fonteapi.__main__ import main
from fonteapi.files.spellings import convert

Load = Callable[..., int]
COLUMNS = ("power", "wind_speed", "ambient_temperature")


@pytest.fixture
def load(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads one row of values under these names; returns the exit code."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)

    def load(names: str, values: str, *options: str) -> int:
        path = tmp_path / "own.csv"
        path.write_text(f"timestamp;{names}\n2024-05-20;{values}\n")
        return main(["load", str(path), "--replace-all", *options])

    return load


def stored(url: str) -> tuple[float | None, ...]:
    [row] = execute(url, f"SELECT {', '.join(COLUMNS)} FROM data")
    return tuple(row)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("power=MW", "1.5", (1500, None, None)),
        ("power=W", "1500", (1.5, None, None)),
        ("wind_speed=knot", "10", (None, 5.144444, None)),
        ("wind_speed=km/h", "36", (None, 10, None)),
        ("ambient_temperature=degF", "48", (None, None, 8.888889)),
        ("ambient_temperature=F", "48", (None, None, 8.888889)),
        ("ambient_temperature=K", "273.15", (None, None, 0)),
        ("ambient_temperature=DEGF", "48", (None, None, 8.888889)),
    ],
)
def test_given_unit(
    load: Load, fonte_url: str, unit: str, value: str, expected: tuple[float | None, ...]
) -> None:
    name = unit.partition("=")[0]
    assert load(name, value, "--unit", unit) == 0
    for found, wanted in zip(stored(fonte_url), expected, strict=True):
        assert found == (None if wanted is None else pytest.approx(wanted, abs=1e-6))


@pytest.mark.parametrize(
    ("title", "name", "value", "expected", "said"),
    [
        ("Power (MW)", "power", "1.5", 1500, "power converted from MW to kW"),
        ("Power [kW]", "power", "1.5", 1.5, ""),
        ("Temp (°F)", "ambient_temperature", "32", 0, "converted from °F to °C"),
        ("Temp (C)", "ambient_temperature", "5", 5, ""),
        ("Rotor (rpm)", "rotor_speed", "12", 12, ""),
        ("Wind (average)", "wind_speed", "7", 7, "'average' in 'Wind (average)' is no known unit"),
        ("Wind (80 m)", "wind_speed", "7", 7, "taken as m/s; '80 m' in 'Wind (80 m)' is no known"),
        ("Wind (80 m) (km/h)", "wind_speed", "36", 10, "wind_speed converted from km/h to m/s"),
        ("Power (MW) Avg", "power", "10", 10000, "power converted from MW to kW"),
        ("Power_MW", "power", "10", 10000, "power converted from MW to kW"),
        ("Power, MW", "power", "10", 10000, "power converted from MW to kW"),
        ("Power MW", "power", "10", 10000, "power converted from MW to kW"),
        ("Gen RPM (rad/s)", "generator_speed", "15", 143.2394488, "converted from rad/s to 1/min"),
        ("Power_A", "power", "10", 10, ""),
        ("WS_c", "wind_speed", "10", 10, ""),
        ("Power_min", "power", "10", 10, ""),
        ("Temp_F", "ambient_temperature", "32", 0, "converted from F to °C"),
        ("Power (kw)", "power", "10", 10, ""),
    ],
)
def test_unit_in_the_name(
    load: Load,
    fonte_url: str,
    capsys: pytest.CaptureFixture[str],
    title: str,
    name: str,
    value: str,
    expected: float,
    said: str,
) -> None:
    """A unit in the name of a column counts, and is told when it changes the values."""
    assert load(title, value, "--rename", f"{title}={name}") == 0
    [(found,)] = execute(fonte_url, f"SELECT {name} FROM data")
    assert found == pytest.approx(expected, abs=1e-6)
    out = capsys.readouterr().out
    assert said in out
    assert ("convert" in out) == ("convert" in said)


@pytest.mark.parametrize(
    ("unit", "target", "factor"),
    [
        *((unit, "1/min", 1) for unit in ("rpm", "RPM", "Rpm", "U/min", "r/min", "min-1")),
        ("rps", "1/min", 60),
        ("Hz", "1/min", 60),
        ("rad/s", "1/min", 60 / (2 * pi)),
        ("deg/s", "1/min", 60 / 360),
        ("rad", "°", 180 / pi),
        *((unit, "kvar", 1000) for unit in ("Mvar", "MVAr", "MVAR")),
        *((unit, "kvar", 1) for unit in ("kvar", "kVAr", "KVAR")),
        ("VAr", "kvar", 0.001),
        ("KW", "kW", 1),
        ("KWH", "kWh", 1),
        ("MWH", "kWh", 1000),
        ("Metres/Second", "m/s", 1),
        ("Knots", "m/s", 1852 / 3600),
    ],
)
def test_spelling(unit: str, target: str, factor: float) -> None:
    """A revolution is a count, and no spelling changes the prefix of a unit."""
    conversion = convert(unit, target)
    assert conversion
    assert conversion.factor == pytest.approx(factor)
    assert conversion.offset == 0


@pytest.mark.parametrize(
    "unit", ["°F", "ºF", "° F", "F", "f", "degF", "DEGF", "deg F", "Deg F", "Fahrenheit", "℉"]
)
def test_fahrenheit(unit: str) -> None:
    conversion = convert(unit, "°C")
    assert conversion
    assert conversion.factor * 212 + conversion.offset == pytest.approx(100)
    assert convert(unit.replace("F", "C").replace("ahrenheit", "elsius"), "°C")


@pytest.mark.parametrize(("unit", "target"), [("%", "°"), ("c", "m/s"), ("mw", "kW"), ("m", "°C")])
def test_unit_of_something_else(unit: str, target: str) -> None:
    assert convert(unit, target) is None


@pytest.mark.parametrize(
    ("title", "below", "value", "expected"),
    [
        ("Temp", "ºF", "32", 0),
        ("Temp", "Deg F", "32", 0),
        ("Temp (mast A)", "(°F)", "32", 0),
        ("Temp (87 m)", "degC", "7", 7),
        ("Temp", "Min", "7", 7),
    ],
)
def test_unit_below_the_name(
    load: Load, fonte_url: str, title: str, below: str, value: str, expected: float
) -> None:
    """A known unit below a name counts more than a bracket that is no unit."""
    names = f"{title}\n;{below}"
    assert load(names, value, "--rename", f"{title}=ambient_temperature") == 0
    assert stored(fonte_url)[2] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("title", "name", "options"),
    [
        ("Power (mw)", "power", "--unit power=MW or --unit power=mW"),
        ("Power (mW)", "power", "--unit power=MW or --unit power=mW"),
        ("Q_mvar", "reactive_power", "--unit reactive_power=Mvar or --unit reactive_power=mvar"),
        ("Power_MW (kW)", "power", "--unit power=kW or --unit power=MW"),
    ],
)
def test_two_units(
    load: Load, capsys: pytest.CaptureFixture[str], title: str, name: str, options: str
) -> None:
    """A name that has two units, or one that could be two, is refused."""
    assert load(title, "7", "--rename", f"{title}={name}") == 2
    assert f"column {title!r}: its unit could be " in (said := capsys.readouterr().err)
    assert f": choose with {options}\n" in said


def test_columns_in_different_units(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """The columns of a signal, one for each turbine, have one unit."""
    wide = ("--wide", "PW{turbine} (kW)=power", "PW{turbine} (MW)=power")
    assert load("PW1 (kW);PW2 (MW)", "7;8", *wide) == 2
    said = capsys.readouterr().err
    assert "'PW1 (kW)' and 'PW2 (MW)' are power in different units, kW and MW: load them" in said


def test_turbine_is_no_unit(load: Load, fonte_url: str) -> None:
    assert load("T_C;T_F", "7;8", "--wide", "T_{turbine}=ambient_temperature") == 0
    found = execute(fonte_url, "SELECT turbine, ambient_temperature FROM data ORDER BY turbine")
    assert [tuple(row) for row in found] == [("C", 7), ("F", 8)]


def test_column_of_units(load: Load, fonte_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A narrow file's column of units counts, and a tag has one unit."""
    rows = "power;MW;1.5\n2024-05-20;wind_speed;m/s;8\n"
    rows += "2024-05-20T00:10;power;{};2.5\n2024-05-20T00:10;wind_speed;m/s;9"
    narrow = ("--narrow", "tag", "value")
    assert load("tag;Unit;value", rows.format("kW"), *narrow) == 2
    assert "column 'power': its unit could be MW or kW: choose" in capsys.readouterr().err
    assert load("tag;Unit;value", rows.format("MW"), *narrow) == 0
    found = execute(fonte_url, "SELECT power, wind_speed FROM data ORDER BY timestamp")
    assert [tuple(row) for row in found] == [(1500, 8), (2500, 9)]


def test_option_before_the_name(load: Load, fonte_url: str) -> None:
    """A unit or a scale that is given counts more than that of the name."""
    rename = ("--rename", "Power (MW)=power")
    assert load("Power (MW)", "7", *rename, "--unit", "power=kW") == 0
    assert stored(fonte_url)[0] == 7
    assert load("Power (MW)", "7", *rename, "--unit-scale", "power=2") == 0
    assert stored(fonte_url)[0] == 14


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--unit", "power=kWh"), "--unit 'power=kWh': expected a unit of power, such as kW"),
        (("--unit", "power=parsec"), "expected a unit of power, such as kW, got 'parsec'"),
        (("--unit", "power"), "expected a unit of power, such as kW, got ''"),
        (("--unit", "speed=m/s"), "expected one of wind_speed, power, "),
        (("--unit", "power=W", "power=MW"), "--unit: power has two units, W and MW"),
        (("--unit", "wind_speed=knot"), "--unit: "),
        (("--rename", "Energy (kWh)=power"), "expected a unit of power, such as kW, got 'kWh'"),
    ],
)
def test_wrong_units(
    load: Load, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    """A unit of something else, and one that nobody knows, are refused."""
    names = "Energy (kWh)" if "--rename" in options else "power"
    assert load(names, "1", *options) == 2
    assert message in capsys.readouterr().err


def test_own_statistics(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source's own statistic has its own unit, else that of its signal; a std has no zero."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    path = tmp_path / "own.csv"
    path.write_text("timestamp,T,T min,T SD (°F),P,P SD\n2024-05-20T00:00:00Z,50,41,1.8,2,0.5\n")
    names = ["T=ambient_temperature", "T min=ambient_temperature.min", "P=power", "P SD=power.std"]
    names += ["T SD (°F)=ambient_temperature.std"]
    units = ["--unit", "ambient_temperature=degF", "power=MW"]
    assert main(["load", str(path), "--rename", *names, *units]) == 0
    columns = ["ambient_temperature", "ambient_temperature.min", "ambient_temperature.std"]
    columns += ["power", "power.std"]
    quoted = ", ".join(f'"{name}"' for name in columns)
    [found] = execute(fonte_url, f"SELECT {quoted} FROM data")
    assert tuple(found) == pytest.approx((10, 5, 1, 2000, 500))
