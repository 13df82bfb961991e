"""The index: what it lists, and from where. `test_browser.py` tests how it looks."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from helpers import END, START, put_notebook, put_period

from etl_lib.archive.attempts import Attempt, read_attempts
from etl_lib.archive.index import write_index
from etl_lib.archive.pictures import Scale
from etl_lib.archive.rows import make_months, make_rows
from etl_lib.archive.status import DayStatus, State
from etl_lib.archive.store import Archive, open_archive
from etl_lib.load.records import Exclusion

DAY = date(2024, 5, 20)
MAY = ("2024-05-01", "2024-05-31")


def status(day: date, state: State = State.LOADED) -> dict[date, DayStatus]:
    return {day: DayStatus(date=day, state=state, readings=1440)}


def loaded_by(run: int) -> DayStatus:
    """The status of `DAY`, loaded by this row of the ledger."""
    ended = datetime(2024, 6, 1, tzinfo=UTC)
    return DayStatus(date=DAY, state=State.LOADED, readings=1440, run=run, loaded=ended)


def index(project: Path, statuses: dict[date, DayStatus] | None = None) -> Path:
    return Path(write_index(open_archive(project / "runs"), statuses or {}))


def attempts(home: Path) -> list[Attempt]:
    archive = open_archive(home / "runs")
    return read_attempts(archive, archive.names())


def exclude(number: int, turbine: str, created: datetime) -> Exclusion:
    day: dict[str, Any] = {"start": START, "end": END, "reason": "ice", "author": "me"}
    return Exclusion(id=number, turbine=turbine, signal=None, created=created, **day)


def rows(page: Path, mark: str = 'id="d') -> list[str]:
    """The text of the rows of days, or of those whose tag begins with the mark."""
    found = re.findall(rf"<tr {mark}.*?</tr>", page.read_text(encoding="utf-8"), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]


def months(page: Path) -> list[str]:
    """The text of the rows of months."""
    return rows(page, 'class="total"')


def periods(page: Path) -> list[str]:
    """The text of the rows of periods."""
    table = re.search(r'<table id="periods".*?</table>', page.read_text(), re.DOTALL)
    found = re.findall(r"<tr>.*?</tr>", table[0], re.DOTALL)[1:] if table else []
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]


def farm(*days: tuple[str, float, float | None]) -> dict[str, Any]:
    """A summary's turbines, each with its name, energy and capacity factor."""
    turbine = {"readings": 1440, "interval": 60.0, "coverage": 1.0, "mean_wind_speed": 7.0}
    turbine |= {"hours_with_power": 24.0, "odd": 0, "longest_gap": 0, "rated_power": 2000.0}
    found = {
        name: turbine | {"energy": energy, "calendar_capacity_factor": factor}
        for name, energy, factor in days
    }
    return {"turbines": list(found), "by_turbine": found}


def test_row(project: Path) -> None:
    """A date has a row with its numbers and links, and a day in the calendar."""
    put_notebook(project, "2024-05-20/a.ipynb")
    (project / "runs" / "2024-05-20" / "a.html").write_text("")
    page = index(project, status(DAY))
    assert rows(page) == ["2024-05-20 loaded 12.3 MWh – 7.2 m/s 100.0% report notebook"]
    text = page.read_text(encoding="utf-8")
    assert 'href="2024-05-20/a.html"' in text
    assert 'href="2024-05-20/a.ipynb"' in text
    assert '<a class="day loaded" href="#d2024-05-20"' in text


def test_turbines_that_lack(project: Path) -> None:
    """A loaded date counts its turbines when some lack, and names those."""
    put_notebook(project, "2024-05-20/a.ipynb")
    turbines = {"turbines": ["A1", "B2"], "lacking": ["C3"]}
    loaded = DayStatus(date=DAY, state=State.LOADED, readings=1440, **turbines)
    page = index(project, {DAY: loaded})
    assert "100.0% 2 of 3 " in rows(page)[0]
    assert 'title="lacks C3"' in page.read_text(encoding="utf-8")
    assert " of " not in rows(index(project, status(DAY)))[0]


def test_plain_json(project: Path) -> None:
    """Notebooks of earlier versions, with the summary as plain JSON, are listed like others."""
    put_notebook(project, "2024-05-20/a.ipynb", kind="application/json")
    (attempt,) = attempts(project)
    assert attempt.error is None
    assert attempt.facts
    assert rows(index(project))[0].startswith("2024-05-20 loaded 12.3 MWh")


def test_other_files(project: Path) -> None:
    """Other files, markers and checkpoints are not listed."""
    runs = project / "runs"
    (runs / "torn.ipynb").write_text('{"metadata": ')
    (runs / "other.ipynb").write_text('{"metadata": {}, "cells": []}')
    put_notebook(project, "explore.ipynb", day="all")
    put_notebook(project, "2024-05-20/.x.partial.ipynb")
    put_notebook(project, "2024-05-20/.ipynb_checkpoints/x-checkpoint.ipynb")
    assert attempts(project) == []


def test_missing_date(project: Path) -> None:
    """A date without an attempt is listed as missing."""
    page = index(project, status(DAY, State.MISSING))
    assert rows(page) == ["2024-05-20 missing"]


def test_failed_date(project: Path) -> None:
    """A failed date shows the first line of its error; earlier attempts are folded."""
    put_notebook(project, "2024-05-20/a.failed.ipynb", error="division by zero\nat line 3")
    assert rows(index(project, status(DAY, State.FAILED))) == [
        "2024-05-20 failed ZeroDivisionError: division by zero notebook"
    ]
    put_notebook(project, "2024-05-20/b.ipynb")
    put_notebook(project, "2024-05-20/c.ipynb", energy=7.0)
    (row,) = rows(index(project, status(DAY)))
    assert row.startswith("2024-05-20 loaded 7 kWh – 7.2 m/s 100.0% notebook 2 other attempts")
    assert "ZeroDivisionError: division by zero" in row


def test_failed_after_load(
    project: Path,
) -> None:
    """A loaded date whose last attempt failed shows the error and keeps its numbers."""
    put_notebook(project, "2024-05-20/a.ipynb")
    put_notebook(project, "2024-05-20/b.failed.ipynb", error="division by zero")
    (row,) = rows(index(project, status(DAY, State.FAILED)))
    assert row.startswith("2024-05-20 failed 12.3 MWh")
    assert "notebook ZeroDivisionError: division by zero 1 other attempt" in row
    (row,) = rows(index(project, status(DAY, State.STALE)))
    assert "notebook 1 other attempt" in row


def test_run_in_jupyterlab(project: Path) -> None:
    """A notebook that JupyterLab ran has no metadata; its summary has date and start."""
    put_notebook(project, "lab.ipynb", started="2024-06-01T06:00:00+00:00")
    path = project / "runs" / "lab.ipynb"
    notebook = json.loads(path.read_text())
    path.write_text(json.dumps(notebook | {"metadata": {}}))
    page = index(project)
    assert rows(page) == ["2024-05-20 loaded 12.3 MWh – 7.2 m/s 100.0% notebook"]
    (attempt,) = attempts(project)
    assert attempt.started == datetime(2024, 6, 1, 6, tzinfo=UTC)


def test_other_json(project: Path) -> None:
    """JSON after the summary is ignored."""
    put_notebook(project, "a.ipynb", outline=None, energy=None)
    path = project / "runs" / "a.ipynb"
    notebook = json.loads(path.read_text())
    for other in ([1, 2], {"answer": 42}, "text"):
        output = {"data": {"application/json": other}}
        notebook["cells"].append({"cell_type": "code", "outputs": [output]})
    path.write_text(json.dumps(notebook))
    page = index(project)
    assert rows(page) == ["2024-05-20 loaded – – 7.2 m/s 100.0% notebook"]


def test_calendar() -> None:
    """Days stand under their weekday."""
    days = [date(2023, 5, 1), date(2023, 12, 31), date(2024, 9, 1), date(2024, 9, 30)]
    found = make_months(make_rows([], {d: s for d in days for s in status(d).values()}))
    assert [(f"{row.date:%m-%d}", row.cell) for month in found for row in month.rows] == [
        ("05-01", "1 / 1"),
        ("12-31", "5 / 7"),
        ("09-01", "1 / 7"),
        ("09-30", "6 / 1"),
    ]


def test_empty_archive(project: Path) -> None:
    """The page of an empty archive shows the command that loads a day."""
    text = index(project).read_text(encoding="utf-8")
    assert "etl run 2024-05-20" in text
    assert "<table" not in text


def test_cache(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook is read once; after that the cache has it."""
    put_notebook(project, "2024-05-20/a.ipynb")
    first = attempts(project)
    put_notebook(project, "2024-05-21/b.ipynb", day="2024-05-21")
    seen = []
    real = Archive.read
    monkeypatch.setattr(Archive, "read", lambda self, name: seen.append(name) or real(self, name))
    assert attempts(project)[:1] == first
    assert seen == [".index.json", "2024-05-21/b.ipynb"]


def test_deleted_notebook(project: Path) -> None:
    """A deleted notebook leaves the page."""
    put_notebook(project, "2024-05-20/a.ipynb")
    index(project)
    (project / "runs" / "2024-05-20" / "a.ipynb").unlink()
    assert rows(index(project)) == []


def test_draw() -> None:
    """A picture is the area below its values; gaps stay gaps, and it is cut at the scale's ends."""
    scale = Scale("power", 0, 24, is_rated=True)
    assert scale.draw([0.0, 12.0, None, 6.0]) == "M0 48V48l1-24V48zM3 48V36V48z"
    assert scale.draw([99.0, 24.0, -5.0]) == "M0 48V0h1l1 48V48z"
    assert scale.draw([None, None]) == scale.draw([]) == ""
    assert Scale("x", -24, 24, is_rated=False).draw([24.0]) == "M0 24V0V24z"


def test_one_file(project: Path) -> None:
    """The page loads no other file."""
    put_notebook(project, "2024-05-20/a.ipynb")
    text = index(project, status(DAY)).read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=\"(?:https?:|//)|url\(|@import", text) == []


@pytest.mark.parametrize(
    ("day", "facts"),
    [
        ("2024-02-30", {}),
        ("2024-05-21", {"coverage": "<b>"}),
        ("2024-05-21", {"coverage": None}),
        ("2024-05-21", {"energy": [1]}),
    ],
)
def test_invalid_summary(project: Path, day: str, facts: dict[str, Any]) -> None:
    """A notebook with an invalid summary does not break the page."""
    put_notebook(project, "2024-05-20/a.ipynb")
    put_notebook(project, "odd.ipynb", day=day, **facts)
    page = rows(index(project))
    assert page[0 if day < "2024-05-20" else -1].startswith("2024-05-20")


@pytest.mark.parametrize("content", ["", '{"2024-05-20/a.ip', '{"a.ipynb": 1}'])
def test_broken_cache(project: Path, content: str) -> None:
    """A cache that is incomplete or has another form is made again."""
    put_notebook(project, "2024-05-20/a.ipynb")
    first = attempts(project)
    (project / "runs" / ".index.json").write_text(content)
    assert attempts(project) == first


# Farms, months, periods, years


def test_farm(project: Path) -> None:
    """A day of a farm shows how many turbines it has, the lowest one, and what was flagged."""
    facts = farm(("A1", 20_000.0, 0.4), ("B2", 15_000.0, 0.3), ("C3", 10_000.0, 0.5))
    facts |= {"impossible": [0, 3, 0], "flagged": [376, 1002, 0], "suspects": ["A1", "B2"]}
    facts |= {"tests": {"A1": {"wind_speed": {"flat": 376}}}, "calendar_capacity_factor": 0.312}
    put_notebook(project, "2024-05-20/a.ipynb", **facts)
    page = index(project)
    assert rows(page) == [
        "2024-05-20 loaded 12.3 MWh 31.2% 7.2 m/s 100.0% 3 of 3 B2 30.0%"
        " A1: 376 flagged B2: 3 impossible and 1,002 flagged notebook"
    ]
    assert 'title="A1 wind_speed: 376 flat"' in page.read_text()


def test_lowest_by_energy(project: Path) -> None:
    """Without the capacity factor of every turbine the energies are compared."""
    facts = farm(("A1", 20_000.0, 0.1), ("B2", 15_000.0, None), ("C3", 9_000.0, 0.5))
    put_notebook(project, "2024-05-20/a.ipynb", **facts)
    assert " 3 of 3 C3 9,000 kWh " in rows(index(project))[0]


def test_suspects_of_the_last_load(project: Path) -> None:
    """What Alvo's ledger flags now counts, and the row names two turbines."""
    put_notebook(project, "2024-05-20/a.ipynb", suspects=["T1"], impossible=[0], flagged=[9])
    names = ["A1", "B2", "C3", "D4", "E5", "F6"]
    told = "A1 (1 flagged), B2 (2 flagged), C3 (3 flagged), D4 (4 flagged), E5 (5 flagged) and 1 m"
    day = {"date": DAY, "state": State.LOADED, "readings": 1440, "turbines": names}
    page = index(project, {DAY: DayStatus(**day, suspects=names, suspicion=told)})
    assert "A1: 1 flagged B2: 2 flagged and 4 more" in rows(page)[0]
    assert "flagged" not in rows(index(project, {DAY: DayStatus(**day)}))[0]


def test_month(project: Path) -> None:
    """A month has the sum of its days' energy and the means of the rest, by independent sums."""
    whole = farm(("A1", 1.0, 0.5), ("B2", 1.0, 0.5))
    put_notebook(project, "1/a.ipynb", energy=30_000.0, calendar_capacity_factor=0.2, **whole)
    less = farm(("A1", 1.0, 0.5)) | {"energy": 10_000.0, "mean_wind_speed": 5.0, "coverage": 0.5}
    put_notebook(project, "2/b.ipynb", day="2024-05-21", calendar_capacity_factor=0.5, **less)
    put_notebook(project, "3/c.ipynb", day="2024-06-01", energy=None, mean_wind_speed=None)
    page = index(project, status(date(2024, 5, 22), State.MISSING))
    assert months(page) == [
        "June 2024 1 of 30 days – – – 100.0%",
        "May 2024 2 of 31 days 40.0 MWh 30.0% 6.1 m/s 75.0%",
    ]


def test_days_that_do_not_count(project: Path) -> None:
    """A forgotten day, and a report of some of the loaded turbines, are no part of the month."""
    put_notebook(project, "1/a.ipynb", energy=30_000.0)
    put_notebook(project, "2/b.ipynb", day="2024-05-21", energy=10_000.0)
    gone = DayStatus(date=DAY, state=State.FORGOTTEN, readings=0)
    next_day = date(2024, 5, 21)
    part = DayStatus(date=next_day, state=State.LOADED, readings=9, turbines=["T1", "T2"])
    page = index(project, {DAY: gone, next_day: part})
    assert months(page) == ["May 2024 0 of 31 days – – – –"]
    assert "2 of 2 numbers of 1" in rows(page)[0]


def test_scale(project: Path) -> None:
    """All pictures of a signal have one scale: to the rated power, or to the highest value."""
    put_notebook(project, "1/a.ipynb", outline={"signal": "power", "values": [0.0, 1234.0]})
    put_notebook(project, "2/b.ipynb", "2024-05-21", outline={"signal": "power", "values": [650.0]})
    wind = {"signal": "wind_speed", "values": [-3.0, 12.0]}
    put_notebook(project, "3/c.ipynb", "2024-05-22", outline=wind)
    text = index(project).read_text()
    assert " all from 0 to 1,300 kW; " in text
    assert " all from -3 to 12 m/s." in text
    assert re.findall(r'<path d="(.*?)"', text) == [
        "M0 38V48l1-48V38z",
        "M0 48V24V48z",
        "M0 48V48l1-46V48z",
    ]
    put_notebook(project, "1/a.ipynb", **farm(("A1", 1.0, None), ("B2", 1.0, None)))
    text = index(project).read_text()
    assert "mean of the turbines, all from 0 to 2,000 kW (rated power)" in text


def test_periods(project: Path) -> None:
    """Periods are listed with their names, numbers and links, the latest and longest first."""
    put_period(project, "a.ipynb", "2024-05-01", "2024-05-31", runs={"2024-05-20": 7})
    put_period(project, "b.ipynb", "2024-01-01", "2024-12-31", turbines=["A1", "B2"])
    put_period(project, "c.ipynb", "2024-05-13", "2024-05-19", lost_energy=None)
    put_period(project, "d.ipynb", "2024-05-14", "2024-05-14", coverage=0.5, energy=None)
    put_period(project, "e.ipynb", "2024-05-25", "2024-05-31", runs={})
    (project / "runs" / "periods" / "2024-05-01_2024-05-31" / "a.html").write_text("")
    loaded = loaded_by(7)
    page = index(project, {DAY: loaded})
    assert periods(page) == [
        "2024 stale etl report 2024-01-01 2024-12-31"
        " 412 MWh 34.5% 7.2 m/s 99.5% 2 1,234 kWh notebook",
        "May 2024 current 412 MWh 34.5% 7.2 m/s 99.5% 1 1,234 kWh report notebook",
        "2024-05-25 to 2024-05-31 current 412 MWh 34.5% 7.2 m/s 99.5% 1 1,234 kWh notebook",
        "2024-05-13 to 2024-05-19 current 412 MWh 34.5% 7.2 m/s 99.5% 1 – notebook",
        "2024-05-14 current – 34.5% 7.2 m/s 50.0% 1 1,234 kWh notebook",
    ]
    assert 'href="periods/2024-05-01_2024-05-31/a.html"' in page.read_text()
    assert rows(page) == ["2024-05-20 loaded"]


def test_stale_period(project: Path) -> None:
    """A period is stale when one of its days was loaded again, and shows what renews it."""
    put_period(project, "a.ipynb", "2024-05-01", "2024-05-31", runs={"2024-05-20": 7})
    for run, state in ((7, "current"), (8, "stale etl report 2024-05-01 2024-05-31")):
        page = index(project, {DAY: loaded_by(run)})
        assert periods(page)[0].startswith(f"May 2024 {state} 412 MWh")


def test_forgotten_day_of_a_period(project: Path) -> None:
    """A day that was forgotten makes the periods stale that show it, and no others."""
    put_period(project, "a.ipynb", "2024-05-01", "2024-05-31", runs={"2024-05-20": 7})
    put_period(project, "b.ipynb", "2024-05-20", "2024-05-20", runs={})
    for state in (State.FORGOTTEN, State.MISSING):  # without and with readings in Fonte
        gone = DayStatus(date=DAY, state=state, readings=0, run=7)
        found = periods(index(project, {DAY: gone}))
        assert [row.split(" 412 ")[0] for row in found] == [
            "May 2024 stale etl report 2024-05-01 2024-05-31",
            "2024-05-20 current",
        ]


def test_exclusions_of_a_period(project: Path) -> None:
    """A period is stale when an exclusion of its turbines was made or undone since."""
    put_period(project, "a.ipynb", *MAY, runs={"2024-05-20": 7}, exclusions=[3])
    made = datetime(2024, 6, 1, tzinfo=UTC)  # the report is of the next day
    old, other, new = (
        exclude(3, "T1", made),
        exclude(4, "T2", made + timedelta(days=9)),
        exclude(5, "T1", made + timedelta(days=9)),
    )
    for found, state in (
        ([old], "current"),
        ([old, other], "current"),
        ([], "stale"),
        ([old, new], "stale"),
    ):
        status = loaded_by(7).model_copy(update={"exclusions": tuple(found)})
        assert periods(index(project, {DAY: status}))[0].startswith(f"May 2024 {state} ")


def test_forgotten_turbine_of_a_period(project: Path) -> None:
    """A period is stale when days of one of its turbines were forgotten, and no others."""
    put_period(project, "a.ipynb", *MAY, runs={"2024-05-20": 7}, loaded={"T1": 1, "T2": 0})
    for turbines, state in ((["T1"], "current"), (["T3"], "stale")):
        status = loaded_by(7).model_copy(update={"turbines": turbines})
        assert periods(index(project, {DAY: status}))[0].startswith(f"May 2024 {state} ")


def test_reference_of_a_period(project: Path) -> None:
    """A report beside another curve is one of its own, and its command names the curve."""
    for name, reference in (("a", "fleet"), ("b", "own"), ("c", "/curves/type 3.csv")):
        put_period(project, f"{name}.ipynb", *MAY, given={"reference": reference})
    found = periods(index(project, {DAY: loaded_by(7)}))
    command = "etl report 2024-05-01 2024-05-31"
    assert sorted(row.split(" 412 ")[0] for row in found) == [
        "May 2024 beside the curve in type 3.csv stale"
        f" {command} --reference &#39;/curves/type 3.csv&#39;",
        f"May 2024 each beside its own curve stale {command} --reference own",
        f"May 2024 stale {command}",
    ]


def test_turbines_of_a_period(project: Path) -> None:
    """Reports of other turbines are other reports, each with the command that renews it."""
    names = ["T1", "T2", "T3", "T4", "T5", "T6"]
    put_period(project, "a.ipynb", *MAY, turbines=["T1", "T2"])
    put_period(project, "b.ipynb", *MAY, turbines=["T2"], is_whole=False)
    put_period(project, "c.ipynb", *MAY, turbines=names, is_whole=False)
    put_period(project, "d.ipynb", *MAY, turbines=["T1", "T2", "T3"])  # T3 came later
    found = periods(index(project, {DAY: loaded_by(7)}))
    assert [row.split(" 412 ")[0] for row in found] == [
        "May 2024 stale etl report 2024-05-01 2024-05-31",
        "May 2024 of T1, T2, T3, T4 and 2 more stale"
        " etl report 2024-05-01 2024-05-31 --turbines T1 T2 T3 T4 T5 T6",
        "May 2024 of T2 stale etl report 2024-05-01 2024-05-31 --turbines T2",
    ]
    assert ["1 other attempt" in row for row in found] == [True, False, False]


def test_failed_period_of_turbines(project: Path) -> None:
    """An attempt that failed belongs to the report of the turbines that it was given."""
    put_period(project, "a.ipynb", *MAY, turbines=["T1", "T2"], is_whole=False)
    given = {"turbines": "T2 T1"}
    put_period(project, "b.failed.ipynb", *MAY, error="no answer", given=given)
    put_period(project, "c.failed.ipynb", *MAY, error="no days")
    found = periods(index(project))
    assert found[0] == "May 2024 failed ParameterError: no days notebook"
    assert found[1].startswith("May 2024 of T1 and T2 failed 412 MWh")
    assert len(found) == 2


def test_failed_period(project: Path) -> None:
    """A period whose newest attempt failed shows the error beside the numbers that it has."""
    put_period(project, "a.failed.ipynb", "2024-05-01", "2024-05-31", error="no days")
    assert periods(index(project)) == ["May 2024 failed ParameterError: no days notebook"]
    put_period(project, "b.ipynb", "2024-05-01", "2024-05-31")
    assert periods(index(project))[0].startswith("May 2024 current 412 MWh")
    put_period(project, "c.failed.ipynb", "2024-05-01", "2024-05-31", error="no answer")
    (row,) = periods(index(project))
    assert row.startswith("May 2024 failed 412 MWh")
    assert "notebook ParameterError: no answer 2 other attempts" in row


def test_only_periods(project: Path) -> None:
    """An archive that has periods only lists them."""
    put_period(project, "a.ipynb", "2024-05-01", "2024-05-31")
    assert len(periods(index(project))) == 1


def test_years(project: Path) -> None:
    """Each year has a page with links to the others; the first has the newest, and the periods."""
    put_period(project, "a.ipynb", "2024-05-01", "2024-05-31")
    for year in (2022, 2024, 2025):
        put_notebook(project, f"{year}/a.ipynb", day=f"{year}-05-20")
    page = index(project)
    assert page.name == "index.html"
    found = {name: page.with_name(name) for name in ("index-2022.html", "index-2024.html")}
    assert len(list(page.parent.glob("index*.html"))) == 3
    for each, year in zip((page, *found.values()), (2025, 2022, 2024), strict=True):
        assert [row[:10] for row in rows(each)] == [f"{year}-05-20"]
        links = re.findall(r'<a href="(index.*?)"', each.read_text())
        assert links == ["index.html", "index-2024.html", "index-2022.html"]
        assert bool(periods(each)) == (each == page)


def test_unchanged_year(project: Path) -> None:
    """A year's page is written only if it changed, and goes with its last day."""
    put_notebook(project, "2023/a.ipynb", day="2023-05-20")
    put_notebook(project, "2024/b.ipynb", day="2024-05-20")
    older = index(project).with_name("index-2023.html")
    before = older.stat()
    put_notebook(project, "2024/c.ipynb", day="2024-05-21")
    assert len(rows(index(project))) == 2
    assert (older.stat().st_mtime_ns, older.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    (project / "runs" / "2023" / "a.ipynb").unlink()
    index(project)
    assert not older.exists()


def test_cached_period(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache has periods, too."""
    put_period(project, "a.ipynb", "2024-05-01", "2024-05-31", runs={"2024-05-20": 7})
    first = attempts(project)
    seen = []
    real = Archive.read
    monkeypatch.setattr(Archive, "read", lambda self, name: seen.append(name) or real(self, name))
    assert attempts(project) == first
    assert seen == [".index.json"]
