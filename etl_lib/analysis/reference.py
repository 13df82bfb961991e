"""The reference power curve: what a turbine gives in a wind, to compare its power with.

Nacelle wind is measured behind the rotor (IEC 61400-12-2), so a curve from it is fair between
turbines of one model, and between the days of one turbine. A warranted curve is of the wind before
the rotor: against it a loss is a hint, not a claim.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.curve_file import read_curves
from etl_lib.analysis.marks import flagged_bits
from etl_lib.analysis.wind import CURVE_BIN, FULL_BIN, find_bins
from etl_lib.errors import ParameterError
from etl_lib.extract.turbines import Turbine
from etl_lib.parameters import CURVES, OWN
from etl_lib.transform.kinds import STATE, TURBINE
from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import THIN, coverage

PLATEAU = 0.9
"""A curve that ends above this share of its turbines' rated power goes on at its last value."""
STANDING = 0.02
"""A curve that begins below this share of its largest power begins so in any weaker wind."""
TOO_MUCH = 2
"""A curve of more than so many times the rated power is in another unit."""
CUT_OUT = 25.0
"""m/s; above it nothing is expected."""
ENOUGH = 0.5
"""A curve of earlier days that gives less than this share of the buckets an expectation is not
used."""
CAVEAT = (
    "Wind is measured on the nacelle, behind the rotor (IEC 61400-12-2): compare a turbine with"
    " itself and with its neighbours."
)


@dataclass(frozen=True)
class Reference:
    """Power curves of groups of turbines, and where they are from."""

    curves: Mapping[Hashable, pd.DataFrame]
    """By group: the columns `wind_speed` (m/s, ascending), `power` (kW) and `count`."""
    groups: Mapping[str, Hashable]
    """The group of each turbine."""
    rated_powers: Mapping[str, float]
    source: str
    """One sentence."""

    def curve_of(self, turbine: str) -> pd.DataFrame | None:
        """The curve of a turbine; None if it has none."""
        return self.curves.get(self.groups.get(turbine))

    def expect(self, data: pd.DataFrame) -> pd.Series:
        """The expected power of each bucket, kW: NaN where wind or curve is not known.

        `data` as from `read_statistics`. Linear between the bins of a curve. Wind that a test
        flagged is not known.
        """
        wind = data.get("wind_speed_mean", pd.Series(np.nan, index=data.index))
        wind = wind.where(flagged_bits(data, "wind_speed") == 0)
        expected = pd.Series(np.nan, index=data.index)
        for turbine, part in wind.groupby(level=TURBINE):
            curve = self.curve_of(str(turbine))
            if curve is not None:
                rated = self.rated_powers.get(str(turbine))
                expected.loc[[turbine]] = interpolate(curve, part.to_numpy(), rated)
        return expected


def find_reference(
    history: pd.DataFrame,
    facts: Mapping[str, Turbine],
    reference: str | None = None,
    *,
    days: str = "",
    fallback: pd.DataFrame | None = None,
) -> Reference | None:
    """The reference curve, None if there is nothing that it can be made of.

    `reference`: `fleet` (as None) is the median curve of all turbines of one model, `own` that of
    each turbine by itself, both of `history`, whose days `days` names; else the path of a CSV with
    the columns `wind_speed` (m/s), `power` (kW) and, of several curves, `turbine` or `model`.
    Where `history` gives few buckets of `fallback` an expectation, the curve is that of `fallback`
    itself. The frames as from `read_statistics`. Raises `ParameterError` for another reference, or
    an unfit file.
    """
    names = sorted({*facts, *map(str, history.index.unique(TURBINE))})
    if fallback is not None:
        names = sorted({*names, *map(str, fallback.index.unique(TURBINE))})
    rated = {name: each.rated_power for name, each in facts.items() if each.rated_power}
    if reference not in (None, *CURVES):
        return _read_reference(str(reference), names, facts, rated)
    groups: dict[str, Hashable] = {name: name for name in names}
    if reference != OWN:
        groups = {name: _group_of(name, facts.get(name)) for name in names}
    what = "each turbine's own median" if reference == OWN else "the fleet's median"
    days = days or _name_days(history)
    alone = [name for name, group in groups.items() if name == group]
    if reference != OWN and alone and len(names) > 1:
        what += f" (of {words.listing(alone)}, whose model and rated power are not known, its own)"
    source = f"The reference is {what} power curve of {days}."
    found = Reference(make_curves(history, groups), groups, rated, source)
    if fallback is None:
        return found if found.curves else None
    wind = fallback.get("wind_speed_mean", pd.Series(dtype=float)).count()
    if wind and found.expect(fallback).count() >= ENOUGH * wind:
        return found
    reason = f"that of {days} covers too little of its wind"
    if not found.curves:
        reason = f"Alvo has no wind and power of {days}"
    source = (
        f"The reference is {what} power curve of the period itself, since {reason}: what lasts all"
        " the time does not show."
    )
    curves = make_curves(fallback, groups)
    return Reference(curves, groups, rated, source) if curves else None


def make_curves(data: pd.DataFrame, groups: Mapping[str, Hashable]) -> dict[Hashable, pd.DataFrame]:
    """The median curve of each group of turbines: bins of 0.5 m/s with three buckets and more.

    Only buckets of running turbines count, with half of their readings or more, and without a
    flag. Columns: the mean `wind_speed` of the bin, its median `power`, and its `count`.
    """
    if not {"wind_speed_mean", "power_mean"} <= {*data}:
        return {}
    pairs = data[["wind_speed_mean", "power_mean"]].set_axis(["wind_speed", "power"], axis=1)
    pairs.attrs = {}
    is_good = pairs.notna().all(axis=1) & (flagged_bits(data, "wind_speed", "power") == 0)
    for signal in ("wind_speed", "power"):
        is_good &= coverage(data, signal) >= THIN
    if STATE in data:
        is_good &= data[STATE].isna() | (data[STATE] == TurbineState.RUNNING)
    pairs = pairs[is_good]
    # Groups are numbered, since their names may not compare
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups.values()))}
    owner = pairs.index.get_level_values(TURBINE).map(lambda name: numbers[groups[name]])
    bins = pairs.groupby([owner, find_bins(pairs["wind_speed"], CURVE_BIN)])
    table = bins.agg({"wind_speed": "mean", "power": "median"}).assign(count=bins.size())
    table = table[table["count"] >= FULL_BIN]
    curves = {group: table[table.index.get_level_values(0) == n] for group, n in numbers.items()}
    return {group: curve.droplevel(0) for group, curve in curves.items() if len(curve)}


def interpolate(curve: pd.DataFrame, wind: np.ndarray, rated: float | None) -> np.ndarray:
    """The power of a curve at these wind speeds, kW; NaN where it has nothing to go by."""
    x, y = curve["wind_speed"].to_numpy(), curve["power"].to_numpy()
    low, high = x[0] - CURVE_BIN / 2, x[-1] + CURVE_BIN / 2
    if y[0] <= STANDING * y.max():
        low = 0.0
    if rated and y[-1] >= PLATEAU * rated:
        high = CUT_OUT
    return np.where((wind >= low) & (wind <= high), np.interp(wind, x, y), np.nan)


def _name_days(history: pd.DataFrame) -> str:
    """The days of a frame: `7 days, 2024-05-13 to 2024-05-19`."""
    days = pd.DatetimeIndex(history.index.get_level_values(-1)).normalize().unique().sort_values()
    if len(days) < 2:
        return f"{days[0]:%Y-%m-%d}" if len(days) else "earlier days"
    return f"{len(days)} days, {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}"


def _group_of(name: str, facts: Turbine | None) -> Hashable:
    """Turbines of one model and rated power share a curve; one without either is by itself."""
    known = (facts.model, facts.rated_power) if facts else (None, None)
    return known if any(known) else name


def _read_reference(
    path: str, names: Sequence[str], facts: Mapping[str, Turbine], rated: Mapping[str, float]
) -> Reference:
    """The curves of a file: one for all turbines, or one for each turbine or model."""
    key, curves = read_curves(path)
    owners: dict[str, Hashable] = dict.fromkeys(names, "")
    if key is not None:
        models = {name: facts[name].model if name in facts else None for name in names}
        owners = {name: name if key == TURBINE else models[name] for name in names}
    fitting = {name: owner for name, owner in owners.items() if owner in curves}
    if names and not fitting:
        expected = f"a curve of one {key} of {', '.join(str(owners[name]) for name in names)}"
        raise ParameterError(f"reference: expected {expected}; {path} has {', '.join(curves)}")
    for name, owner in fitting.items():
        largest = curves[str(owner)]["power"].max()
        if name in rated and largest > TOO_MUCH * rated[name]:
            expected = f"power in kW, up to the {rated[name]:g} kW of {name}"
            raise ParameterError(f"reference: expected {expected}; {path} has {largest:g}")
    by_owner: dict[Hashable, pd.DataFrame] = dict(curves.items())
    return Reference(by_owner, owners, rated, f"The reference is the power curve in {path}.")
