"""What Dagster shows of a loaded day: its picture and numbers, then where its report is."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import dagster as dg

from etl_lib.analysis.summary import Outline, Summary
from etl_lib.archive.attempts import read_attempt
from etl_lib.archive.notebooks import read_plot
from etl_lib.archive.store import NOTEBOOK_SUFFIX, PAGE_SUFFIX, Archive
from etl_lib.load.records import LoadedDay
from etl_lib.transform.kinds import in_order

RUN = "ledger run"
"""The metadata that has the load's id in Alvo's ledger."""
HEIGHT = 60
"""Of the small picture, which has a column for each value of the outline."""
TURBINE_COLUMNS = {  # fact: its name and digits
    "energy": ("energy, kWh", 0),
    "mean_wind_speed": ("wind, m/s", 2),
    "coverage": ("coverage", 3),
    "readings": ("readings", 0),
}


def describe(
    summary: Summary,
    archive: Archive,
    units: Mapping[str, str],
    location: str | None = None,
) -> dict[str, Any]:
    """The metadata of a materialization, in the order in which Dagster shows it.

    `units` are those of Alvo's statistics, by name. `location` names the code location, through
    which Dagster renders the notebook.
    """
    picture = _picture(summary, units)
    numbers = {
        "energy, kWh": (summary.energy, 1),
        "wind, m/s": (summary.mean_wind_speed, 2),
        "coverage": (summary.coverage, 4),
        "capacity factor": (summary.calendar_capacity_factor, 4),
    }
    name = (summary.notebook or "").removesuffix(NOTEBOOK_SUFFIX)
    return {
        **({"picture": picture} if picture else {}),
        **describe_numbers(numbers),
        **describe_files(archive, name, str(summary.date), location),
        "turbines": _table(summary),
        **describe_load(summary, units),
    }


def describe_numbers(
    numbers: Mapping[str, tuple[float | None, int]],
) -> dict[str, dg.FloatMetadataValue]:
    """The numbers that are known, each rounded to its digits; Dagster plots them."""
    return {
        name: dg.MetadataValue.float(round(value, digits))
        for name, (value, digits) in numbers.items()
        if value is not None
    }


def describe_files(archive: Archive, name: str, title: str, location: str | None) -> dict[str, Any]:
    """Where page and notebook of a report are, its first plot, and how long it took.

    `name` is that of the archived files, without a suffix.
    """
    content = archive.read(name + NOTEBOOK_SUFFIX)
    attempt, plot = read_attempt(content, name), read_plot(json.loads(content))
    notebook = str(archive.locate(name + NOTEBOOK_SUFFIX))
    shown = {
        "report": dg.MetadataValue.path(str(archive.locate(name + PAGE_SUFFIX))),
        "notebook": dg.MetadataValue.notebook(notebook),
        "notebook, rendered": _link(notebook, location),
        "plot": dg.MetadataValue.md(f"![{title}]({plot})") if plot else None,
        "duration, seconds": round(attempt.seconds, 1) if attempt and attempt.seconds else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def find_location(context: dg.AssetExecutionContext) -> str | None:
    """The code location of a run, by which Dagster renders notebooks."""
    origin = context.run.remote_job_origin
    return origin.location_name if origin else None


def describe_load(load: LoadedDay, units: Mapping[str, str]) -> dict[str, Any]:
    """What Alvo's ledger has of a load, and the columns of its statistics."""
    names = in_order(name for name in units if name.rpartition("_")[0] in load.columns)
    columns = [dg.TableColumn(name, "double precision", units[name]) for name in names]
    return {
        "coverage": dg.MetadataValue.float(round(load.coverage, 4)),
        "readings": load.readings,
        "statistics": load.statistics,
        "changes in Alvo": load.changes,
        RUN: load.run_id,
        "dagster/column_schema": dg.TableSchema(columns),
    }


def _picture(summary: Summary, units: Mapping[str, str]) -> dg.MarkdownMetadataValue | None:
    """The day's outline and its scale: Dagster shows Markdown at once below 1,000 characters."""
    outline = summary.outline
    values = [value for value in outline.values if value is not None] if outline else []
    if not outline or not values:
        return None
    rated = [day.rated_power for day in summary.by_turbine.values()]
    known = [value for value in rated if value] if outline.signal == "power" else []
    high = max(*values, *(known if len(known) == len(rated) else []), 0)
    low = min(values) if min(values) < -high / 100 else 0  # an idle turbine takes some power
    content = b64encode(draw(outline, low, high).encode()).decode()
    unit = next((unit for name, unit in units.items() if name.startswith(f"{outline.signal}_")), "")
    several = f", mean of {len(rated)} turbines" if len(rated) > 1 else ""
    what = f"{outline.signal.replace('_', ' ')}{several}: {low:,.4g} to {high:,.4g} {unit}"
    return dg.MetadataValue.md(
        f"![{summary.date}](data:image/svg+xml;base64,{content})\n\n{what}  \n00:00 to 24:00 UTC"
    )


def draw(outline: Outline, low: float, high: float) -> str:
    """An SVG with a column for each value, zero being a thin one, and a grey one for a gap."""
    columns, gaps = [], []
    for place, value in enumerate(outline.values):
        if value is None:
            gaps.append(f"M{place} 0h1v{HEIGHT}h-1")
            continue
        top = round(HEIGHT * (high - max(low, value)) / ((high - low) or 1))
        is_first = place == 0 or outline.values[place - 1] is None
        columns.append(f"{f'M{place} {HEIGHT}' * is_first}V{min(top, HEIGHT - 1)}h1")
        is_last = place == len(outline.values) - 1 or outline.values[place + 1] is None
        columns.append(f"V{HEIGHT}" * is_last)
    parts = (
        '<svg xmlns="http://www.w3.org/2000/svg" preserveAspectRatio="none"',
        f' width="432" height="96" viewBox="0 0 {len(outline.values)} {HEIGHT}">',
        f'<path fill="#4a90c4" d="{"".join(columns)}"/>',
        f'<path fill="#9996" d="{"".join(gaps)}"/></svg>',
    )
    return "".join(parts)


def _table(summary: Summary) -> dg.TableMetadataValue:
    """A row for each turbine."""
    records = [
        dg.TableRecord({"turbine": name} | dict(_row(day.model_dump())))
        for name, day in summary.by_turbine.items()
    ]
    names = [name for name, _ in TURBINE_COLUMNS.values()]
    columns = [dg.TableColumn("turbine", "string"), *(dg.TableColumn(n, "float") for n in names)]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _row(day: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for fact, (name, digits) in TURBINE_COLUMNS.items():
        value = day[fact]
        yield name, value if value is None else round(value, digits or None)


def _link(notebook: str, location: str | None) -> dg.UrlMetadataValue | None:
    """Dagster's own view of the notebook, if it has one."""
    if location is None or not Path(notebook).is_relative_to(Path.cwd()):
        return None
    query = urlencode({"path": notebook, "repoLocName": location})
    return dg.MetadataValue.url(f"/notebook?{query}")
