"""Files changed as people and programs change them: loaded as the same readings, or refused."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from helpers import execute

from fonteapi.__main__ import main

SIGNALS = ["wind_speed", "power", "ambient_temperature"]
FEW, MANY = 100, 2000
"""The numbers of changed files of `make test` and of `make soak`."""
Key = tuple[str, datetime]
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Export:
    """A file, as fields, and how it is written."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    head: str = ""
    foot: str = ""

    def write(self) -> str:
        lines = [self.header, *self.rows]
        text = "".join(self.delimiter.join(map(self.quote, line)) + "\n" for line in lines)
        return self.head + text + self.foot

    def quote(self, cell: str) -> str:
        marks = (self.delimiter, '"', "\n")
        return '"{}"'.format(cell.replace('"', '""')) if any(m in cell for m in marks) else cell


def make_export(chance: random.Random) -> tuple[Export, dict[Key, Values]]:
    """A file of one turbine or two, and its readings by turbine and timestamp."""
    start = datetime(2024, chance.randint(1, 12), chance.randint(1, 28), tzinfo=UTC)
    step = chance.choice([1, 10, 60])
    turbines = ["A1", "B2"][: chance.randint(1, 2)]
    decimals = chance.randint(0, 3)
    readings: dict[Key, Values] = {}
    rows = []
    for number in range(chance.randint(5, 80)):
        stamp = start + timedelta(minutes=step * number)
        for turbine in turbines:
            wind, power = chance.uniform(0, 25), chance.uniform(-20, 2500)
            texts = [f"{value:.{decimals}f}" for value in (wind, power, chance.uniform(-20, 35))]
            texts[chance.randrange(3)] *= chance.random() > 0.05  # some are missing
            readings[turbine, stamp] = tuple(float(text) if text else None for text in texts)
            note = chance.choice(["", "ok", 'a "b"', "x, y; z", "two\nlines"])
            rows.append([f"{stamp:%Y-%m-%d %H:%M:%S}", turbine, *texts, note])
    return Export(["timestamp", "turbine", *SIGNALS, "note"], rows), readings


Change = Callable[[Export, random.Random], Export]


def delimiter(export: Export, chance: random.Random) -> Export:
    return replace(export, delimiter=chance.choice(";\t|"))


def encoding(export: Export, chance: random.Random) -> Export:
    header = [*export.header[:-1], "Bemerkung (größer)"]
    names = ["utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le"]
    return replace(export, header=header, encoding=chance.choice(names))


def numbers(export: Export, chance: random.Random) -> Export:
    """A decimal comma, marks between thousands, or both."""
    form, marks = chance.choice([("", ",."), (",", ",."), (",", ".,")])

    def spell(text: str) -> str:
        digits = len(text.partition(".")[2])
        spelled = f"{float(text):{form}.{digits}f}" if text else ""
        return spelled.translate({ord("."): marks[0], ord(","): marks[1]})

    rows = [[*row[:2], *map(spell, row[2:-1]), row[-1]] for row in export.rows]
    return replace(export, rows=rows)


def missing_column(export: Export, chance: random.Random) -> Export:
    """A signal that is not in the file, or in its names only, or not in one row."""
    place = export.header.index(chance.choice(SIGNALS))
    cut = [row[:place] + row[place + 1 :] for row in export.rows]
    header = export.header[:place] + export.header[place + 1 :]
    kind = chance.randrange(3)
    if kind == 0:
        return replace(export, header=header, rows=cut)
    if kind == 1:
        return replace(export, header=header)
    number = chance.randrange(len(cut))
    return replace(export, rows=[*export.rows[:number], cut[number], *export.rows[number + 1 :]])


def shuffled_rows(export: Export, chance: random.Random) -> Export:
    return replace(export, rows=chance.sample(export.rows, len(export.rows)))


def shuffled_columns(export: Export, chance: random.Random) -> Export:
    order = chance.sample(range(len(export.header)), len(export.header))
    rows = [[row[place] for place in order] for row in export.rows]
    return replace(export, header=[export.header[place] for place in order], rows=rows)


def other_stamps(export: Export, chance: random.Random) -> Export:
    form = chance.choice(["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%s"])
    place = export.header.index("timestamp")

    def spell(row: list[str]) -> list[str]:
        stamp = datetime.fromisoformat(row[place]).replace(tzinfo=UTC)
        text = str(int(stamp.timestamp())) if form == "%s" else stamp.strftime(form)
        return [*row[:place], text, *row[place + 1 :]]

    return replace(export, rows=[spell(row) for row in export.rows])


def doubled_header(export: Export, chance: random.Random) -> Export:
    place = chance.randrange(len(export.rows) + 1)
    return replace(export, rows=[*export.rows[:place], export.header, *export.rows[place:]])


def lines_around(export: Export, chance: random.Random) -> Export:
    head = chance.choice(["# export\n", 'Site: "A\n\n', "TOA5,a,b\n", "\n\n"])
    foot = chance.choice(["", "Mean;1;2\n", "Exported by somebody\n", "\n"])
    return replace(export, head=head, foot=foot)


CHANGES: list[Change] = [
    numbers,
    other_stamps,
    encoding,
    delimiter,
    shuffled_rows,
    shuffled_columns,
    missing_column,
    doubled_header,
    lines_around,
]
"""In the order in which they are made."""


def break_text(text: str, chance: random.Random) -> tuple[str, str]:
    """A text with a quote too many or without its end, or as it is; and how it was broken."""
    kind = chance.choice(["quote", "cut", "whole", "whole"])
    place = chance.randrange(len(text))
    if kind == "quote":
        return text[:place] + '"' + text[place:], kind
    return (text[:place] if kind == "cut" else text), kind


def held(url: str) -> dict[Key, Values]:
    rows = execute(url, f"SELECT turbine, timestamp, {', '.join(SIGNALS)} FROM data ORDER BY id")
    return {(turbine, stamp): tuple(values) for turbine, stamp, *values in rows}


def differs(found: Values, expected: Values) -> bool:
    """Whether a reading has a value that is another one; a missing one says nothing."""
    pairs = zip(found, expected, strict=True)
    return any(value is not None and value != other for value, other in pairs)


def count(readings: dict[Key, Values], place: int) -> int:
    return sum(values[place] is not None for values in readings.values())


@pytest.mark.soak
def test_changed_files(
    fonte_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    soak: bool,
    print_later: Callable[[str], None],
) -> None:
    """Each is loaded as the readings that it was made of, or refused with nothing kept."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)
    seed = random.randrange(10**6)
    loaded = 0
    for number in range(MANY if soak else FEW):
        chance = random.Random(seed + number)
        export, readings = make_export(chance)
        changes = sorted(chance.sample(CHANGES, chance.randint(0, 3)), key=CHANGES.index)
        for change in changes:
            export = change(export, chance)
        text, broken = break_text(export.write(), chance)
        path = tmp_path / "own.csv"
        path.write_bytes(text.encode(export.encoding, errors="replace"))
        execute(fonte_url, "TRUNCATE data")
        code = main(["load", str(path)])
        out, err = capsys.readouterr()
        found = held(fonte_url)
        names = [*(change.__name__ for change in changes), broken]
        case = f"seed {seed + number}, {', '.join(names)}: {out}{err}"
        if code:
            assert not found, case
            continue
        loaded += 1
        wrong = {key for key in found if key not in readings or differs(found[key], readings[key])}
        if broken == "cut":  # the last value may be cut off, and is told
            assert len(wrong) <= ("may be cut off" in out), case
        else:
            assert not wrong, case
            assert found.keys() == readings.keys(), case
            empty = out.partition("left empty: ")[2].partition("\n")[0]  # that is told
            for place, name in enumerate(SIGNALS):
                if name not in empty:
                    assert count(found, place) == count(readings, place), case
    print_later(f"{loaded} of {number + 1} changed files were loaded, the others refused")
    assert loaded > number / 5
