"""Which columns of a file are ours, and how its rows become one row a reading, in any shape."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fonteapi.files.errors import WrongInput
from fonteapi.files.rules import KEYS, Rules
from fonteapi.files.tables import Table

MOST_NAMED = 20
"""The number of names that a message lists."""


class Place(NamedTuple):
    """What a column, or a tag of a narrow file, is."""

    signal: str
    turbine: str | None = None
    """None: the row's."""


@dataclass(frozen=True)
class Columns:
    """The columns of a file that are ours."""

    header: Sequence[str]
    """The file's names."""
    keys: Mapping[str, int]
    """`timestamp`, or `date` and `time`, and `turbine` → position."""
    places: Mapping[int, Place]
    """Position → what it has; empty in a narrow file."""
    narrow: tuple[int, int] | None = None
    """The positions of tags and values."""
    tags: Mapping[str, Place] = field(default_factory=dict)
    other_tags: Sequence[str] = ()
    where: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Position → the values of the rows that count."""
    unused: Collection[str] = ()
    """The names of `--rename` that the file does not have."""

    def __post_init__(self) -> None:
        """Refuse turbines that are one's name and more: `1_std` beside `1` is a statistic."""
        for name in self.turbines:
            for longer in self.turbines:
                more = longer.removeprefix(name)
                if more != longer and more.startswith(("_", ".", "-")):
                    raise WrongInput(
                        f"--wide: {name!r} and {longer!r} would be two turbines. If {more!r} is not"
                        f" part of a name, add a longer pattern: '…{{turbine}}{more}=power.std'; or"
                        " give the columns other names: --header-row LINE --names …"
                    )

    @property
    def positions(self) -> list[int]:
        """The columns to read; the first one has timestamps."""
        order = sorted(self.keys, key=list(KEYS).index)
        keys = [self.keys[name] for name in order]
        return list(dict.fromkeys([*keys, *self.places, *(self.narrow or ()), *self.where]))

    @property
    def signals(self) -> list[str]:
        """The signals that the file has."""
        return list(dict.fromkeys(place.signal for place in self._all))

    @property
    def turbines(self) -> list[str]:
        """The turbines that columns or tags name."""
        return sorted({place.turbine for place in self._all if place.turbine})

    @property
    def names_turbines(self) -> bool:
        """Whether each reading has its turbine from the file."""
        return "turbine" in self.keys or bool(self.turbines)

    @property
    def titles(self) -> dict[str, str]:
        """Our name → the file's, for messages."""
        titles = {name: self.header[position] for name, position in self.keys.items()}
        for position, place in self.places.items():
            titles.setdefault(place.signal, self.header[position])
        for tag, place in self.tags.items():
            titles.setdefault(place.signal, tag)
        return titles

    @property
    def ignored(self) -> list[str]:
        """The file's names of the columns, or tags, that are not loaded."""
        used = {*self.positions}
        names = [name or "(no name)" for i, name in enumerate(self.header) if i not in used]
        return [*names, *self.other_tags]

    def without(self, signal: str) -> "Columns":
        """The columns without those of a signal."""
        places = {at: place for at, place in self.places.items() if place.signal != signal}
        return replace(self, places=places)

    @property
    def _all(self) -> list[Place]:
        return [*self.places.values(), *self.tags.values()]


def find_columns(table: Table, rules: Rules, signals: Collection[str]) -> Columns:
    """The file's columns that are ours; raises `WrongInput` if it lacks some, or has one twice."""
    header = table.header
    _refuse_names_of_parquet(table, rules)
    where = {_position(table, name, "--where"): found for name, found in rules.where.items()}
    narrow = None
    if rules.narrow:
        tag, value = (_position(table, name, "--narrow") for name in rules.narrow)
        narrow = (tag, value)
    keys: dict[str, int] = {}
    places: dict[int, Place] = {}
    taken: dict[object, int] = {}
    for position, place in _find_places(header, rules, signals).items():
        if narrow and position in narrow:
            continue
        same = place if place.signal not in KEYS else place.signal
        if same in taken:
            raise WrongInput(_describe_two(table, place, header[taken[same]], header[position]))
        taken[same] = position
        if place.signal in KEYS:
            keys[place.signal] = position
        elif not narrow:
            places[position] = place
    _check_time(table, rules, keys)
    unused = [name for name in rules.rename if name not in header]
    columns = Columns(header, keys, places, narrow, where=where, unused=unused)
    if columns.turbines and "turbine" in keys:
        title = header[keys["turbine"]]
        raise WrongInput(f"--wide: {table.name} names its turbines in {title!r}, too")
    _refuse_lacking(table, columns, signals)
    return columns


def _position(table: Table, name: str, option: str) -> int:
    if table.header.count(name) == 1:
        return table.header.index(name)
    has = "several columns" if name in table.header else "no column"
    raise WrongInput(
        f"{option}: {table.name} has {has} {name!r}; it has {list_names(table.header)}"
    )


def list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (", ".join(map(repr, names[:MOST_NAMED])) or "no columns") + more


def _refuse_names_of_parquet(table: Table, rules: Rules) -> None:
    if table.layout is None and (rules.names or rules.header_row is not None):
        option = "--names" if rules.names else "--header-row"
        raise WrongInput(f"{option}: {table.name} is Parquet, whose columns have names")


def _refuse_lacking(table: Table, columns: Columns, signals: Collection[str]) -> None:
    """Refuse a file without a timestamp, or without a signal."""
    lacking = [] if columns.keys.keys() & {"timestamp", "date"} else ["no timestamp"]
    if not columns.places and not columns.narrow:
        few = ", ".join(list(signals)[:5])
        lacking.append(f"no signal ({few} or another one of the catalogue)")
    if lacking and columns.unused:
        raise WrongInput(
            f"--rename: {table.name} has no column {next(iter(columns.unused))!r}; it has"
            f" {list_names(table.header)}"
        )
    if lacking:
        raise WrongInput(
            f"{table.name} has {' and '.join(lacking)}; it has {list_names(table.header)}. Rename a"
            " column: --rename 'Its name=timestamp' 'Another=wind_speed'"
        )


def _find_places(header: Sequence[str], rules: Rules, signals: Collection[str]) -> dict[int, Place]:
    """Position → what it is. A name that an option gives comes before one by chance."""
    places = {
        position: place
        for position, title in enumerate(header)
        if (place := find_place(title, rules, signals))
    }
    by_chance = {
        position
        for position, place in places.items()
        if header[position] not in rules.rename and not place.turbine
    }
    given = {place.signal for position, place in places.items() if position not in by_chance}
    if {"date", "time"} <= given:
        given.add("timestamp")
    return {
        position: place
        for position, place in places.items()
        if position not in by_chance or place.signal not in given
    }


def _describe_two(table: Table, place: Place, first: str, second: str) -> str:
    what = place.signal + (f" of {place.turbine}" if place.turbine else "")
    line = f"{table.name}: expected one column for {what}, got {first!r} and {second!r}"
    if first != second:
        return line
    row = table.layout.names_line if table.layout else 0
    return f"{line}: give each a name of its own: --header-row {row} --names …"


def find_place(title: str, rules: Rules, signals: Collection[str]) -> Place | None:
    """What a column or a tag is: by `--rename`, else by `--wide`, else by its own name.

    Raises `WrongInput` if two patterns fit, and none is the narrower one.
    """
    if title in rules.rename:
        return Place(rules.rename[title])
    matches = [
        (found.span(1), Place(wide.signal, found[1]))
        for wide in rules.wide
        if (found := wide.pattern.fullmatch(title))
    ]
    if matches:  # a pattern that has all text of the others, and more, is meant
        (start, end), place = min(matches, key=lambda each: each[0][1] - each[0][0])
        for (first, last), other in matches:
            if other != place and not (
                first <= start and end <= last and (first, last) != (start, end)
            ):
                raise WrongInput(
                    f"--wide: {title!r} could be {place.signal} of {place.turbine} and"
                    f" {other.signal} of {other.turbine}: change one of the patterns"
                )
        return place
    return Place(title) if title in KEYS or title in signals else None


def _check_time(table: Table, rules: Rules, keys: dict[str, int]) -> None:
    """Drop a `date` or a `time` that has that name by chance; refuse one that somebody named."""
    if "timestamp" not in keys and {"date", "time"} <= keys.keys():
        return
    for name in {"date", "time"} & keys.keys():
        if name in {rules.rename.get(table.header[place]) for place in keys.values()}:
            both = "timestamp" if "timestamp" in keys else f"only a {name}"
            raise WrongInput(f"--rename: expected a date and a time of {table.name}, got {both}")
        del keys[name]
