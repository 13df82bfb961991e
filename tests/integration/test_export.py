"""`etl export` on a real Alvo: the files equal what is stored, with units and provenance."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import openpyxl
import pandas as pd
import pytest
from helpers import DATA, DAY, FARM, execute, farm_statistics, make_statistics, transfer
from pyarrow import parquet
from sqlalchemy import Engine, make_url

from etl_lib.cli import main as cli
from etl_lib.export import statistics
from etl_lib.export.statistics import Choice, export_statistics
from etl_lib.load.alvo import open_alvo
from etl_lib.load.day import load_day
from etl_lib.load.exclusions import add_exclusions
from etl_lib.load.reading import read_statistics

START = DAY.start
NEXT = replace(FARM, turbines=["A1", "B2"], date=date(2024, 5, 21), is_whole=False)
KEYS = ["turbine", "timestamp"]


def shifted(table: Any) -> Any:
    """The same statistics a day later."""
    frame = table.to_pandas()
    stamps = table.schema.field("timestamp").type
    moved = (frame["timestamp"] + timedelta(days=1)).astype("datetime64[us, UTC]")
    place = table.schema.get_field_index("timestamp")
    values = type(table["timestamp"].combine_chunks()).from_pandas(moved).cast(stamps)
    return table.set_column(place, table.schema.field(place), values)


@pytest.fixture
def loaded(alvo: Engine, services: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Two turbines on two days in Alvo; T1 on the first. We stand in an empty folder."""
    farm = replace(FARM, turbines=["A1", "B2"], is_whole=False)
    load_day(alvo, farm, farm_statistics(), readings=2880)
    load_day(alvo, NEXT, shifted(farm_statistics(3)), readings=2880)
    load_day(alvo, DAY, make_statistics(name="wind_speed"), readings=1440)
    monkeypatch.chdir(tmp_path)
    return alvo


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice a day, as of a large farm."""
    monkeypatch.setattr(statistics, "SLICE", 1)


def stored(alvo: Engine, **options: Any) -> pd.DataFrame:
    """What `read_statistics` returns, in the order of a file."""
    return read_statistics(alvo, **options).sort_index(level=["timestamp", "turbine"])


def same(found: pd.DataFrame, expected: pd.DataFrame, rtol: float = 0) -> None:
    """Every value of a file equals what is stored: exactly, unless `rtol` is given."""
    assert {*found} == {*KEYS, *expected}
    found, expected = found.set_index(KEYS), expected[[*found][2:]]
    found.index = found.index.set_levels(found.index.levels[1].as_unit("us"), level=1)
    assert found.index.to_list() == expected.index.to_list()
    values = found.to_numpy(float), expected.to_numpy(float)
    np.testing.assert_allclose(*values, rtol=rtol, atol=0)


def read_sheets(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(path, read_only=True)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def etl(*words: str) -> int:
    return cli.main(["export", "2024-05-20", "2024-05-21", *words])


@pytest.mark.usefixtures("small_slices")
def test_parquet(loaded: Engine, capsys: Any) -> None:
    """All statistics with their units, a slice after the other, and where they come from."""
    assert etl("all.parquet") == 0
    line = "all.parquet  720 rows of 3 turbines, 15 columns\n"
    assert capsys.readouterr().out.split("\n", 1)[0] + "\n" == line
    same(pd.read_parquet("all.parquet"), stored(loaded))
    file = parquet.ParquetFile("all.parquet")
    assert file.num_row_groups == 2
    units = {f.name: (f.metadata or {}).get(b"unit", b"").decode() for f in file.schema_arrow}
    assert units == {"turbine": "", "timestamp": "UTC"} | stored(loaded).attrs["units"]
    facts = {k.decode(): v.decode() for k, v in file.metadata.metadata.items()}
    assert {k.decode() for k in file.schema_arrow.metadata} == {*facts} - {"ARROW:schema", "rows"}
    assert facts["source"].startswith("postgresql://")
    assert (facts["first_day"], facts["last_day"]) == ("2024-05-20", "2024-05-21")
    assert (json.loads(facts["runs"]), facts["excluding"], facts["rows"]) == (
        *([1, 2, 3], "false", "720"),
    )
    assert datetime.now(UTC) - datetime.fromisoformat(facts["created"]) < timedelta(minutes=5)
    assert facts["code_version"].startswith("0.1.0")


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz"])
@pytest.mark.usefixtures("small_slices")
def test_csv(loaded: Engine, name: str, capsys: Any) -> None:
    """pandas reads it without options; the description beside it has units and provenance."""
    assert etl(name) == 0
    assert capsys.readouterr().out.endswith(f"  units     {name}.json\n")
    same(pd.read_csv(name, parse_dates=["timestamp"]), stored(loaded))
    described = json.loads(Path(f"{name}.json").read_text(encoding="utf-8"))
    (resource,) = described["resources"]
    units = {field["name"]: field.get("unit") for field in resource["schema"]["fields"]}
    assert resource["path"] == name
    assert list(units) == list(pd.read_csv(name))
    assert units["power_mean"] == "kW"
    assert described["provenance"]["runs"] == [1, 2, 3]
    assert {path.name for path in Path().iterdir()} == {name, f"{name}.json"}


def test_excel(loaded: Engine) -> None:
    """Three sheets: statistics whose times are times, units, provenance."""
    assert etl("all.xlsx") == 0
    sheets = read_sheets(Path("all.xlsx"))
    assert list(sheets) == ["statistics", "units", "provenance"]
    head, *rows = sheets["statistics"]
    found = pd.DataFrame(rows, columns=head)
    assert found["timestamp"][0] == datetime(2024, 5, 20)  # noqa: DTZ001  # Excel has no zones
    found["timestamp"] = found["timestamp"].dt.tz_localize("UTC")
    same(found, stored(loaded), rtol=1e-15)  # xlsxwriter writes 16 digits
    assert dict(sheets["units"])["power_mean"] == "kW"
    assert dict(sheets["units"])["timestamp"] == "UTC"
    assert dict(row[:2] for row in sheets["provenance"])["runs"] == "1, 2, 3"


def test_long(loaded: Engine, alvo_url: str) -> None:
    """The rows of the view `statistics`, all of them."""
    assert etl("long.parquet", "--long") == 0
    found = pd.read_parquet("long.parquet")
    assert list(found) == ["turbine", "timestamp", "signal", "statistic", "value", "unit"]
    rows = execute(alvo_url, f"SELECT {', '.join(found)} FROM statistics")
    key = ["timestamp", "turbine", "signal", "statistic"]
    expected = pd.DataFrame(map(tuple, rows), columns=list(found)).sort_values(key)
    assert found.sort_values(key).to_numpy().tolist() == expected.to_numpy().tolist()
    assert found[["timestamp", "turbine"]].apply(tuple, axis=1).is_monotonic_increasing


def test_choice(loaded: Engine, capsys: Any) -> None:
    """A day, a turbine, a signal; the run of what was left out is not named."""
    assert cli.main(["export", "2024-05-20", "one.parquet", "--turbines", "B2"]) == 0
    assert capsys.readouterr().out == "one.parquet  144 rows of B2, 9 columns\n"
    same(pd.read_parquet("one.parquet"), stored(loaded, turbines=["B2"])[:144])
    assert json.loads(parquet.read_metadata("one.parquet").metadata[b"runs"]) == [1]
    assert etl("wind.csv", "--columns", "wind_speed") == 0
    wind = pd.read_csv("wind.csv")
    assert {name.rpartition("_")[0] for name in wind if name not in (*KEYS, "expected")} == {
        "wind_speed"
    }
    assert set(wind["turbine"]) == {"T1"}


def test_stable_columns(loaded: Engine) -> None:
    """A period without a signal has its columns, empty, so that files of periods fit together."""
    assert cli.main(["export", "2024-05-21", "second.parquet"]) == 0
    second = pd.read_parquet("second.parquet")
    assert etl("all.parquet") == 0
    assert list(second) == list(pd.read_parquet("all.parquet"))
    assert second["wind_speed_mean"].isna().all()


def test_exclusions(loaded: Engine, capsys: Any) -> None:
    """They are named, and left out only if asked; the provenance tells which."""
    times = START + timedelta(hours=6), START + timedelta(hours=7)
    add_exclusions(loaded, "A1", *times, reason="=icing", author="me")
    add_exclusions(
        loaded, "T1", *times, reason="another signal", author="me", signals=["wind_speed"]
    )
    later = [time + timedelta(days=9) for time in times]
    add_exclusions(loaded, "A1", *later, reason="later", author="me")
    words = ["--columns", "power", "--turbines", "A1", "B2"]
    assert etl("all.parquet", *words) == 0
    said = "  excluded  1 exclusion of the period, not left out: --excluding does that\n"
    assert capsys.readouterr().out.endswith(said)
    assert etl("without.xlsx", "--excluding", *words) == 0
    assert capsys.readouterr().out.endswith("  excluded  1 exclusion of the period, left out\n")
    sheets = read_sheets(Path("without.xlsx"))
    assert len(sheets["statistics"]) - 1 == 576 - 6 == len(pd.read_parquet("all.parquet")) - 6
    assert sheets["provenance"][-1] == (
        *("exclusion", "A1", "all", "2024-05-20 06:00", "2024-05-20 07:00", "=icing", "me"),
    )
    assert dict(row[:2] for row in sheets["provenance"])["excluding"] == "true"
    assert cli.main(["export", "2024-05-20", "a.csv", "--turbines=A1", "--excluding"]) == 0
    same(
        pd.read_csv("a.csv", parse_dates=["timestamp"]),
        stored(loaded, turbines=["A1"], excluding=True)[: 144 - 6],
    )


def test_no_formula(loaded: Engine, alvo_url: str) -> None:
    """Names and units that somebody put into Alvo do not run in a spreadsheet."""
    execute(alvo_url, "UPDATE signal SET turbine = '=1+1' WHERE turbine = 'A1'")
    execute(alvo_url, "UPDATE signal SET unit = '@SUM(A1)' WHERE name LIKE 'power%'")
    assert etl("all.csv", "--long") == 0
    found = pd.read_csv("all.csv", dtype=str)
    assert set(found["turbine"]) == {"'=1+1", "B2", "T1"}
    assert "'@SUM(A1)" in set(found["unit"])
    assert etl("all.xlsx", "--long") == 0
    book = openpyxl.load_workbook("all.xlsx")
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    assert {row[0] for row in book["statistics"].iter_rows(2, values_only=True)} == {
        *("=1+1", "B2", "T1"),
    }


def test_refused(loaded: Engine, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, nothing written: a file that is there, a wrong name, turbine, signal or period."""
    Path("here.csv.json").write_text("mine")
    cases = [
        (["here.csv"], 2, "here.csv.json: expected no file, got one"),
        (["a.txt"], 2, "FILE: expected a name that ends in .parquet, .csv, .csv.gz, .xlsx; got"),
        (["a.csv", "--turbines", "T9"], 2, "turbines: expected some of A1, B2, T1; got T9"),
        (["a.csv", "--columns", "wind"], 2, "columns: expected some of power, wind_speed; got"),
        (["a.csv", "--long", "--names", "openoa"], 2, "--long: expected it without --names"),
        (["a.csv", "--names", "other"], 2, "--names: invalid choice"),
    ]
    for words, code, expected in cases:
        assert (etl(*words), words) == (code, words)
        error = capsys.readouterr().err
        assert error.startswith(f"etl export: {expected}"), error
        assert error.count("\n") == 1
    assert cli.main(["export", "2031-01-01", "9999-12-30", "a.csv"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("etl export: expected statistics from 2031-01-01 to 9999-12-30, got no")
    monkeypatch.setattr(statistics, "MOST_ROWS", 700)
    assert etl("a.xlsx") == 2
    error = capsys.readouterr().err
    assert "expected at most 700 rows" in error
    assert ".csv or .parquet" in error
    assert [path.name for path in Path().iterdir()] == ["here.csv.json"]
    assert etl("here.csv", "--force") == 0
    assert Path("here.csv.json").read_text() != "mine"


def test_mixed_units(loaded: Engine, alvo_url: str, capsys: Any) -> None:
    """Turbines whose power has other units are not mixed in one column."""
    execute(alvo_url, "UPDATE signal SET unit = 'MW' WHERE name = 'power_max' AND turbine = 'B2'")
    assert etl("a.csv") == 2
    error = capsys.readouterr().err
    assert "power_max: expected one unit, got kW of A1 and MW of B2: choose" in error
    assert etl("a.csv", "--turbines", "B2") == 0


@pytest.mark.usefixtures("small_slices")
def test_load_meanwhile(
    loaded: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A day that is loaded while the file is written is not half in it: nothing is written."""
    real = statistics.read_statistics

    def load_meanwhile(*arguments: Any, **options: Any) -> pd.DataFrame:
        monkeypatch.setattr(statistics, "read_statistics", real)
        frame = real(*arguments, **options)
        load_day(loaded, NEXT, shifted(farm_statistics(9)), readings=2880)
        return frame

    monkeypatch.setattr(statistics, "read_statistics", load_meanwhile)
    assert etl("a.csv") == 1
    assert "expected an Alvo that stays as it is" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert etl("a.csv") == 0


def test_password_is_masked(loaded: Engine, alvo_url: str, tmp_path: Path) -> None:
    """The provenance has Alvo's address without its password."""
    address = make_url(alvo_url).update_query_dict({"password": "s3cret"})
    engine = open_alvo(address.render_as_string(hide_password=False))
    try:
        done = export_statistics(engine, Choice(DAY.date, DAY.date), tmp_path / "a.csv")
    finally:
        engine.dispose()
    assert "s3cret" not in (tmp_path / "a.csv.json").read_text()
    assert done.provenance.source.startswith("postgresql://")


# OpenOA

FLEET = DATA / "la_haute_borne" / "fleet_2014-01-05_06.csv"
SIGNALS = ["power", "wind_speed", "wind_direction", "yaw_error", "nacelle_direction"]


@pytest.mark.parametrize("name", ["lhb.csv", "lhb.parquet", "lhb.xlsx"])
def test_openoa(
    name: str,
    load_file: Callable[..., None],
    fonte: httpx2.Client,
    alvo: Engine,
    alvo_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    """Its names, its assets beside it, what it lacks in lines, and the energy of the file."""
    load_file(FLEET, "--profile", "la_haute_borne")
    for day in (date(2014, 1, 5), date(2014, 1, 6)):
        transfer(fonte, alvo, day, SIGNALS)
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    monkeypatch.setenv("FONTE_API_URL", str(fonte.base_url))
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert cli.main(["export", "2014-01-05", "2014-01-06", name, "--names", "openoa"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{name}  1,152 rows of 4 turbines, 6 columns"
    assert "  frequency 10min" in lines
    assert lines[-1] == "  left out  nacelle_direction: OpenOA has no column for it"
    lacking = "latitude, longitude, rated_power, hub_height, rotor_diameter, elevation"
    assert f"            R80711 and 3 more lack {lacking}: the catalogue's" in "\n".join(lines)
    if name.endswith("xlsx"):
        scada, assets = (
            pd.read_excel(name, sheet, engine="calamine") for sheet in ("statistics", "assets")
        )
    else:
        read = pd.read_csv if name.endswith("csv") else pd.read_parquet
        scada, assets = read(name), read(name.replace("lhb", "lhb.assets"))
    columns = ["time", "asset_id", "WTUR_W", "WMET_HorWdSpd", "WMET_HorWdDir", "WMET_HorWdDirRel"]
    assert list(scada) == columns
    assert list(assets["asset_id"]) == ["R80711", "R80721", "R80736", "R80790"]
    assert pd.DatetimeIndex(scada["time"])[[0, -1]].strftime("%F %R").to_list() == [
        *("2014-01-05 00:00", "2014-01-06 23:50"),
    ]
    energy = pd.read_csv(FLEET).groupby("Wind_turbine_name")["P_avg"].sum() / 6
    found = scada.groupby("asset_id")["WTUR_W"].sum() / 6
    np.testing.assert_allclose(found, energy, rtol=1e-12)
