"""A file's units: from an option or from the names of columns, into the catalogue's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import execute

from fonteapi.__main__ import main

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
    assert found == pytest.approx(expected, abs=1e-9)
    out = capsys.readouterr().out
    assert said in out
    assert ("convert" in out) == ("convert" in said)


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
