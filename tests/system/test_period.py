"""Pages of periods: La Haute Borne's two months, number by number, and the command that makes them.

What is expected is computed in `period_by_pandas` from the readings alone.
"""

import base64
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
import period_by_pandas
import pytest
from helpers import DATA, serve, transfer

import etl_lib
from etl_lib.archive.notebooks import read_period_summary
from etl_lib.archive.store import FOLDER, open_archive
from etl_lib.load.alvo import open_alvo
from etl_lib.parameters import parse_span
from etl_lib.runs.notebook import Plan
from etl_lib.runs.period import run_period
from etl_lib.services.connect import connected
from etl_lib.settings import Settings as Library
from fonteapi.__main__ import main as fonteapi
from fonteapi.settings import Settings

FLEET = DATA / "la_haute_borne" / "fleet_2014-01_02.csv.gz"
COLUMNS = ["wind_speed", "power", "wind_direction", "nacelle_direction", "ambient_temperature"]
TURBINES = ["R80711", "R80721", "R80736", "R80790"]
JANUARY, FEBRUARY = 31, 28
CLOSE: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9, "check_dtype": False, "check_names": False}


@pytest.fixture(scope="module")
def farm(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The farm's readings behind an API, and both months in Alvo."""
    folder, fonte_url = tmp_path_factory.mktemp("farm"), new_database()
    catalogue = folder / "own.toml"
    catalogue.write_text("".join(f"[turbines.{name}]\nrated_power = 2050\n" for name in TURBINES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FONTE_DATABASE_URL", fonte_url)
        patch.setenv("FONTE_DAYS", "0")
        assert fonteapi(["load", str(FLEET), "--profile", "la_haute_borne"]) == 0
    api = serve(Settings(database_url=fonte_url, days=None, catalogue=catalogue))
    settings = Library(fonte_api_url=api, alvo_database_url=new_database())
    alvo = open_alvo(str(settings.alvo_database_url))
    with httpx2.Client(base_url=api, timeout=30) as fonte:
        for n in range(JANUARY + FEBRUARY):
            transfer(fonte, alvo, date(2014, 1, 1) + timedelta(days=n), COLUMNS)
    alvo.dispose()
    return settings


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    return period_by_pandas.read_readings()


def of_month(readings: pd.DataFrame, month: int) -> pd.DataFrame:
    return readings[readings.index.get_level_values("timestamp").month == month]


def make_plan(settings: Library, project: Path) -> Plan:
    return Plan([], settings, project, open_archive(project / "runs"))


def read_tables(notebook: Path) -> dict[str, pd.DataFrame]:
    """The CSV of each table in a notebook's outputs, by its name."""
    text = "".join(
        "".join(output["data"].get("text/html", ""))
        for cell in json.loads(notebook.read_text())["cells"]
        for output in cell.get("outputs", [])
        if "data" in output
    )
    found = re.findall(r'download="([^"]*)\.csv" href="data:text/csv;[^,]*,([^"]*)"', text)
    return {
        name.partition(" ")[0]: pd.read_csv(io.BytesIO(base64.b64decode(content)), index_col=0)
        for name, content in found
    }


def test_numbers_of_a_page(farm: Library, readings: pd.DataFrame, project: Path) -> None:
    """Every number of February's page is that of the readings: the reference is January's curve."""
    outcome = run_period(parse_span("2014-02"), make_plan(farm, project))
    assert outcome.error is None
    tables = read_tables(Path(str(outcome.notebook)))
    february = of_month(readings, 2)
    curve = period_by_pandas.make_curve(of_month(readings, 1))
    expected = period_by_pandas.measure(february, curve, FEBRUARY)
    found = tables["turbines"].rename(columns=lambda name: name.partition(" ")[0])
    pd.testing.assert_frame_equal(found.sort_index()[expected.columns], expected, **CLOSE)
    assert found["lost_energy"].is_monotonic_decreasing
    hours = period_by_pandas.count_hours(february, FEBRUARY)
    pd.testing.assert_frame_equal(
        tables["states"].rename(columns=lambda name: name.removesuffix(" (h)"))[[*hours]],
        hours,
        **CLOSE,
    )
    summary = outcome.summary
    assert summary is not None
    assert summary.energy == pytest.approx(expected["energy"].sum(), rel=1e-9)
    assert summary.lost_energy == pytest.approx(expected["lost_energy"].sum(), rel=1e-9)
    assert summary.mean_wind_speed == pytest.approx(february["wind_speed"].mean(), rel=1e-9)
    assert summary.coverage == pytest.approx(expected["coverage"].mean(), rel=1e-9)
    factor = expected["energy"].sum() / (4 * 2050 * 24 * FEBRUARY)
    assert summary.capacity_factor == pytest.approx(factor, rel=1e-9)
    assert (summary.days, len(summary.runs)) == (FEBRUARY, FEBRUARY)
    january = of_month(readings, 1)["power"].sum()
    more = (february["power"].sum() / FEBRUARY) / (january / JANUARY) - 1
    told = {what.partition(";")[0]: what for _, what in summary.headline}
    assert told["energy"].startswith(f"energy; {more:.0%} more a day than in January 2014; ")
    days = february["power"].groupby(february.index.get_level_values("timestamp").date).sum() / 6
    assert f"most on {days.idxmax()}, {days.max() / 1000:.3g} MWh" in told["a day"]
    found = tables["days"]["energy (kWh)"]
    assert found.to_dict() == pytest.approx({str(day): each for day, each in days.items()})


def test_own_and_warranted_curve(farm: Library, readings: pd.DataFrame, tmp_path: Path) -> None:
    """Each turbine's own curve, and one of a file, give what the readings give."""
    alvo = open_alvo(str(farm.alvo_database_url))
    with httpx2.Client(base_url=str(farm.fonte_api_url), timeout=30) as fonte:
        period = etl_lib.read_period(fonte, alvo, "2014-02-01", "2014-02-28")
    alvo.dispose()
    january, february = of_month(readings, 1), of_month(readings, 2)
    own = etl_lib.measure_period(period, etl_lib.choose_reference(period, "own")).turbines
    for turbine in TURBINES:
        curve = period_by_pandas.make_curve(january.loc[[turbine]])
        expected = period_by_pandas.measure(february.loc[[turbine]], curve, FEBRUARY)
        names = ["expected_energy", "lost_energy"]
        pd.testing.assert_frame_equal(own.loc[[turbine], names], expected[names], **CLOSE)
    path = tmp_path / "warranted.csv"
    path.write_text("wind_speed,power\n25,2050\n0,0\n4,50\n13,2050\n")
    curve = pd.DataFrame({"wind": [0, 4, 13, 25], "power": [0, 50, 2050, 2050]})
    expected = period_by_pandas.measure(february, curve, FEBRUARY)
    found = etl_lib.measure_period(period, etl_lib.choose_reference(period, str(path))).turbines
    pd.testing.assert_frame_equal(found[["lost_energy"]], expected[["lost_energy"]], **CLOSE)


def test_wind_rose(farm: Library, readings: pd.DataFrame) -> None:
    """The rose's sectors and classes are those of the readings."""
    alvo = open_alvo(str(farm.alvo_database_url))
    rose = etl_lib.wind_rose(etl_lib.read_statistics(alvo)).stack()
    alvo.dispose()
    expected = period_by_pandas.count_sectors(readings)
    found = {key: share for key, share in rose.items() if share}
    assert found == pytest.approx(expected, rel=1e-9)
    assert sum(found.values()) == pytest.approx(1)


def test_stretches(farm: Library) -> None:
    """The longest standstill of February is found, with its times and energy."""
    alvo = open_alvo(str(farm.alvo_database_url))
    with httpx2.Client(base_url=str(farm.fonte_api_url), timeout=30) as fonte:
        period = etl_lib.read_period(fonte, alvo, "2014-02")
    alvo.dispose()
    curve = etl_lib.choose_reference(period)
    assert curve is not None
    first = etl_lib.find_stretches(period.statistics, curve)[0]
    assert (first.turbine, str(first.start)) == ("R80736", "2014-02-21 06:40:00+00:00")
    part = period.statistics.loc["R80736"]["power_mean"][first.start : first.end][:-1]
    lost = curve.expect(period.statistics).loc["R80736"][part.index] - part
    assert first.lost == pytest.approx(lost.sum() / 6)


def test_period_of_one_day(farm: Library, project: Path) -> None:
    """A day of the farm alone is a period, too; its reference is the day before."""
    outcome = run_period(parse_span("2014-01-05"), make_plan(farm, project))
    assert outcome.summary is not None
    text = Path(str(outcome.notebook)).read_text()
    assert "median power curve of 2014-01-04" in text
    assert read_period_summary(json.loads(text)) == outcome.summary
    # Of chosen turbines it has a folder of its own, since neither takes the other's place
    assert outcome.name.startswith("periods/2014-01-05_2014-01-05/")
    some = run_period(
        parse_span("2014-01-05"), replace(make_plan(farm, project), turbines=TURBINES[:1])
    )
    assert FOLDER.fullmatch(some.name.rpartition("/")[0])
    assert not some.name.startswith("periods/2014-01-05_2014-01-05/")


@pytest.mark.parametrize(
    ("turbines", "is_whole"), [(None, True), (TURBINES, True), (TURBINES[:1], False)]
)
def test_whole_farm(farm: Library, turbines: list[str] | None, is_whole: bool) -> None:
    """The summary of a period shows whether its turbines are all that there are."""
    with connected(farm) as (fonte, alvo):
        period = etl_lib.read_period(fonte, alvo, "2014-01-05", None, turbines)
    performance = etl_lib.measure_period(period, None)
    assert etl_lib.summarize_period(period, performance).is_whole == is_whole
