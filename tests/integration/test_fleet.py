"""Real readings of a farm through the whole stair, turbine by turbine.

What is expected is computed here from the file with the standard library alone: quantities by
`statistics`, angles by unit vectors in the complex plane.
"""

import cmath
import csv
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from math import degrees, radians
from pathlib import Path

import httpx2
import pytest
from helpers import CATALOGUE, DATA, stored, transfer
from sqlalchemy import Engine

FLEET = DATA / "la_haute_borne" / "fleet_2014-01-05_06.csv"
TURBINES = ["R80711", "R80721", "R80736", "R80790"]
SIGNALS = {
    "P_avg": "power",
    "Ws_avg": "wind_speed",
    "Wa_avg": "wind_direction",
    "Va_avg": "yaw_error",
    "Ya_avg": "nacelle_direction",
    "Ba_avg": "pitch_angle",
    "Ot_avg": "ambient_temperature",
}
RENAME = {"Date_time": "timestamp", **SIGNALS, "Wind_turbine_name": "turbine"}
STARTS = datetime(2014, 1, 5, tzinfo=UTC)
Series = dict[tuple[str, str, datetime], float]
"""Values of turbines' statistics, by turbine, name and bucket."""


def hurry(path: Path, times: int) -> None:
    """Write the readings so many times closer together, and so many into a bucket."""
    with FLEET.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        passed = datetime.fromisoformat(row["Date_time"]) - STARTS
        row["Date_time"] = (STARTS + passed / times).isoformat()
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def expect(path: Path) -> Series:
    """The statistics of every turbine and signal of the file."""
    values: dict[tuple[str, str, datetime], list[float]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            instant = datetime.fromisoformat(row["Date_time"]).astimezone(UTC)
            bucket = instant.replace(minute=instant.minute // 10 * 10, second=0, microsecond=0)
            for column, signal in SIGNALS.items():
                if row[column].strip():
                    key = row["Wind_turbine_name"], signal, bucket
                    values[key].append(float(row[column]))
    return {
        (turbine, f"{signal}_{name}", bucket): value
        for (turbine, signal, bucket), numbers in values.items()
        for name, value in describe(numbers, CATALOGUE.signals[signal].kind == "angle")
    }


def describe(numbers: list[float], is_angle: bool) -> Iterator[tuple[str, float]]:
    """The statistics of one bucket."""
    mean = statistics.fmean(numbers)
    if is_angle:
        vectors = sum(cmath.rect(1, radians(number)) for number in numbers)
        mean = degrees(cmath.phase(vectors)) % 360
        numbers = [mean + (number - mean + 180) % 360 - 180 for number in numbers]
    yield from (("mean", mean), ("min", min(numbers)), ("max", max(numbers)))
    yield "count", len(numbers)
    if len(numbers) > 1:
        yield "std", statistics.stdev(numbers)


@pytest.mark.parametrize("times", [1, 10], ids=["as it is", "ten in a bucket"])
def test_la_haute_borne(
    load_file: Callable[..., None],
    fonte: httpx2.Client,
    alvo: Engine,
    alvo_url: str,
    tmp_path: Path,
    times: int,
) -> None:
    """Each statistic of each of four turbines is the one computed from the file."""
    path = tmp_path / "fleet.csv"
    hurry(path, times)
    load_file(path, "--rename", *(f"{theirs}={ours}" for theirs, ours in RENAME.items()))
    days = [date(2014, 1, 5), date(2014, 1, 6)][: 2 if times == 1 else 1]
    loads = [transfer(fonte, alvo, day, list(SIGNALS.values())) for day in days]
    assert [load.turbines for load in loads] == [TURBINES] * len(days)
    assert [load.readings for load in loads] == [4 * 288 // len(days)] * len(days)

    expected = expect(path)
    found = {(row[0], row[1], row[3]): row[4] for row in stored(alvo_url)}
    found = {key: value for key, value in found.items() if key[1] != "state_mode"}
    assert len({key[:2] for key in found}) == 4 * 7 * (4 if times == 1 else 5)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
