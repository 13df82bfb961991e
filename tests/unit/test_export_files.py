"""Files of an export: layouts, names, texts that a spreadsheet must not run, OpenOA's schema."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from etl_lib.errors import ParameterError
from etl_lib.export import openoa
from etl_lib.export.files import find_format, name_files, replacing, to_text
from etl_lib.export.layouts import Long, Wide, read_units

UNITS = {"power_mean": "kW", "power_count": "1", "status_mode": "1", "expected": "1"}
NAMES = list(UNITS)[:3]
IEC = {"power": "WTUR_W", "status": "WTUR_TurSt", "humidity": "WMET_EnvHum"}


def make_frame() -> pd.DataFrame:
    stamps = pd.date_range("2024-05-20", periods=2, freq="10min", tz="UTC")
    index = pd.MultiIndex.from_product([["A", "B"], stamps], names=["turbine", "timestamp"])
    values = {"power_mean": [1.5, np.nan, 3, 4], "power_count": [10.0, np.nan, 9, 8]}
    return pd.DataFrame(values | {"status_mode": [100, np.nan, 2.5, 7], "expected": 10.0}, index)


def test_wide() -> None:
    """A column per statistic with its unit, null where there is nothing."""
    table = Wide(NAMES, UNITS).to_table(make_frame())
    assert table.schema.names == ["turbine", "timestamp", *NAMES, "expected"]
    assert table["power_mean"].to_pylist() == [1.5, None, 3, 4]
    assert table.schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert read_units(table.schema) == UNITS | {"turbine": "", "timestamp": "UTC"}
    back = table.to_pandas().set_index(["turbine", "timestamp"])
    pd.testing.assert_frame_equal(back, make_frame(), check_index_type=False, check_dtype=False)


def test_long() -> None:
    """A row per statistic that there is, as an independent melt has them."""
    table = Long(NAMES, UNITS).to_table(make_frame())
    melted = make_frame()[NAMES].stack().dropna().reset_index(level=2)
    assert table["value"].to_pylist() == melted[0].tolist()
    names = [f"{s}_{t}" for s, t in zip(*table.select(["signal", "statistic"]), strict=True)]
    assert names == melted["level_2"].tolist()
    assert table["unit"].to_pylist() == [UNITS[name] for name in names]
    assert set(table["turbine"].to_pylist()) == {"A", "B"}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_formula(begin: str) -> None:
    """A text or name that begins as a formula gets an apostrophe; other texts stay."""
    table = pa.table({f"{begin}x": [f"{begin}1+1\n2", "-", "a=b", None]})
    (column,) = to_text(table).columns
    assert column.to_pylist() == [f"'{begin}1+1\n2", "-", "a=b", None]
    assert to_text(table).column_names == [f"'{begin}x"]


def test_names_of_files(tmp_path: Path) -> None:
    """The suffix decides the format, in any case; a second file is named after the first."""
    assert find_format(tmp_path / "May.CSV.gz") == ".csv.gz"
    found = name_files(tmp_path / "may.csv.gz", has_assets=True)
    assert [path.name for path in found] == ["may.csv.gz", "may.csv.gz.json", "may.assets.csv.gz"]
    assert [p.name for p in name_files(tmp_path / "a.parquet", has_assets=True)] == [
        "a.parquet",
        "a.assets.parquet",
    ]
    assert len(name_files(tmp_path / "a.xlsx", has_assets=True)) == 1
    for name in ("may.txt", "csv", ".csv", "may.csv.zip", "no/may.csv"):
        with pytest.raises(ParameterError, match=r"^FILE: expected .*; got|^FILE: .*, got none"):
            find_format(tmp_path / name)


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    """Nothing of an export that fails stays, and what was there stays as it was."""
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("before")
    with pytest.raises(ParameterError, match="expected no file, got one"):
        replacing([second, first], force=False).__enter__()
    with pytest.raises(OSError, match="full"), replacing([first, second], force=True) as partial:
        partial[0].write_text("after")
        raise OSError("full")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert first.read_text() == "before"
    with replacing([first, second], force=True) as partial:
        for path in partial:
            path.write_text("after")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.csv": "after",
        "b.csv": "after",
    }
    second.unlink()
    with pytest.raises(ParameterError), replacing([second], force=False) as partial:
        partial[0].write_text("mine")
        second.write_text("of somebody else meanwhile")
    assert second.read_text() == "of somebody else meanwhile"


# OpenOA


def test_openoa() -> None:
    """Its names in its order, times without a zone, a status code as text."""
    columns = openoa.choose_columns(NAMES, UNITS, IEC)
    assert columns == {"WTUR_W": "power_mean", "WTUR_TurSt": "status_mode"}
    table = openoa.OpenOA(list(columns.values()), UNITS, columns).to_table(make_frame())
    assert table.schema.names == ["time", "asset_id", "WTUR_W", "WTUR_TurSt"]
    assert table.schema.field("time").type == pa.timestamp("us")
    assert table["WTUR_TurSt"].to_pylist() == ["100", None, "2.5", "7"]
    assert read_units(table.schema)["WTUR_W"] == "kW"


def test_openoa_refuses() -> None:
    """Another unit, two signals of one name and none that it knows are refused by name."""
    with pytest.raises(ParameterError, match="expected WTUR_W in kW, got power in MW: leave"):
        openoa.choose_columns(NAMES, UNITS | {"power_mean": "MW"}, IEC)
    twice = [*NAMES, "gross_mean"]
    with pytest.raises(ParameterError, match="one signal for WTUR_W, got power and gross: choose"):
        openoa.choose_columns(twice, UNITS | {"gross_mean": "kW"}, IEC | {"gross": "WTUR_W"})
    with pytest.raises(ParameterError, match=r"expected signals of WTUR_W, .*, got humidity: "):
        openoa.choose_columns(["humidity_mean"], {"humidity_mean": "%"}, IEC)


def test_frequency() -> None:
    """Ten minutes, or the interval of rarer readings; several are refused."""
    assert openoa.find_seconds(pd.Series([10.0, 600.0, np.nan, 1.0, 600 / 7])) == {600}
    assert openoa.find_frequency({600}) == "10min"
    assert openoa.find_seconds(pd.Series([1 / 6])) == {3600}
    assert openoa.find_frequency({3600}) == "60min"
    for seconds in ({900}, {600, 3600}):
        with pytest.raises(ParameterError, match="expected readings of one interval"):
            openoa.find_frequency(seconds)


def test_assets() -> None:
    """A row per turbine; what is not known is null and is listed."""
    facts = {"A": {"rated_power": 2050, "latitude": 48.4, "hub_height": None}, "Z": {}}
    table = openoa.make_assets(["A", "B"], facts)
    assert table.schema.names == ["asset_id", *openoa.ASSET_FACTS, "type"]
    assert table["rated_power"].to_pylist() == [2050.0, None]
    assert table["type"].to_pylist() == ["turbine", "turbine"]
    assert openoa.describe_lacking(table) == [
        "A lacks longitude, hub_height, rotor_diameter, elevation",
        "B lacks latitude, longitude, rated_power, hub_height, rotor_diameter, elevation",
    ]
    assert openoa.describe_lacking(openoa.make_assets(["A", "B", "C"], {}))[0].startswith(
        "A and 2 more lack latitude"
    )
