"""Numbers as people read them: a value with its unit, in sensible digits."""

from math import isfinite

NOTHING = "–"
WHOLE = 0.98
"""A lower coverage is named where numbers are compared."""
ROUNDING = 1e-9
"""What a share of sums may lack of 1."""


def energy(value: float | None) -> str:
    """An energy, of kWh: whole ones below 10 MWh, else three digits: `812 kWh`, `32.4 MWh`."""
    if value is None or not isfinite(value):
        return NOTHING
    if abs(value) < 9_999.5:
        return f"{value:z,.0f} kWh"
    size, unit = (1e3, "MWh") if abs(value) < 999_500 else (1e6, "GWh")
    shown = float(f"{value / size:.3g}")
    return f"{shown:,.{max(0, 3 - len(f'{abs(shown):.0f}'))}f} {unit}"


def factor(calendar: float, with_data: float) -> tuple[str, str]:
    """A number of a headline: the capacity factor over all hours, and over those with data."""
    whole, part = share(calendar), share(with_data)
    return whole, "capacity factor" + (f"; {part} in the hours with data" if part != whole else "")


def loss(lost: float, expected: float, assessed: float) -> tuple[str, str]:
    """A number of a headline: the energy below the reference curve, or above it, and what it is.

    `assessed` is the share of the time that the curve speaks of, 0 to 1; it is named if not whole.
    """
    part = f"{share(abs(lost) / expected)} " if expected > 0 else ""
    where = f", in {share(assessed, 0)} of the time" if assessed < WHOLE else ""
    if lost < 0:
        return energy(-lost), f"more than expected; {part}above the reference curve{where}"
    return energy(lost), f"lost; {part}below the reference curve{where}"


def power(value: float) -> str:
    """A power, of kW."""
    return f"{value:,.0f} kW"


def share(value: float | None, digits: int = 1) -> str:
    """A share of 0 to 1 in per cent; what is not quite all is not shown as 100."""
    if value is None or not isfinite(value):
        return NOTHING
    shown = round(100 * value, digits)
    if shown >= 100 and value < 1 - ROUNDING:
        shown = 100 - 10**-digits
    return f"{shown:z,.{digits}f}%"


def number(value: float | None, digits: int = 1) -> str:
    """A number with so many decimal places."""
    if value is None or not isfinite(value):
        return NOTHING
    return f"{value:z,.{digits}f}"


def change(now: float | None, before: float | None, than: str, each: str = "") -> str:
    """A change in per cent: `12% more than in April 2024`; empty if there is no such ratio.

    `each` is what the numbers are of, such as ` a day`.
    """
    if now is None or before is None or not (isfinite(now) and before > 0 and now >= 0):
        return ""  # a turbine that stands takes some energy: no ratio tells of that
    ratio = now / before - 1
    if abs(ratio) < 0.005:
        return f"as much{each} as {than}"
    if ratio > 2:
        return f"{1 + ratio:,.1f} times that{each} {than}"
    return f"{abs(ratio):.0%} {'more' if ratio > 0 else 'less'}{each} than {than}"


def change_of(now: float | None, before: float, coverage: float, than: str, each: str = "") -> str:
    """`change`, with the coverage of what it is compared with, 0 to 1, if that is not whole."""
    text = change(now, before, than, each)
    lacks = f", which has {share(coverage, 0)} of its readings" if coverage < WHOLE else ""
    return text and f"{text}{lacks}"


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 day`, `2 days`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def count_or_nothing(number: int) -> str:
    """A count; empty for 0."""
    return f"{number:,}" if number else ""


def listing(names: list[str], most: int = 5) -> str:
    """`T1`, `T1 and T2`, `T1, T2 and 48 more`."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join(", ".join(names).rsplit(", ", 1))
