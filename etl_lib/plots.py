"""Plots of ten-minute statistics: axes in, axes out.

Each takes a wide DataFrame as from `read_statistics` or `to_frame` (index `timestamp`, UTC, the
buckets' starts; columns `<signal>_<statistic>`; units in `attrs["units"]`) and draws on `ax`, or
on a new figure's axes. What is missing becomes a sentence on the axes, never a traceback.
The colours are Okabe and Ito's, told apart by colour-blind eyes and in grey print.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from etl_lib.transform import THIN, coverage, signals_of

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
BIN_WIDTH = 0.5  # m/s, IEC 61400-12-1's method of bins
DAY = pd.Timedelta(days=1)
WHOLE_DAY = 23.9
"""Hours with readings that make a day a whole one."""
FULL_BIN = 3
"""IEC 61400-12-1 wants 30 minutes, three ten-minute means, in a bin."""


def plot_signal(data: pd.DataFrame, signal: str, *, ax: Axes | None = None) -> Axes:
    """A signal's mean over time with its min–max band; gaps stay gaps, thin buckets are hollow."""
    ax = _axes(ax)
    mean = f"{signal}_mean"
    if _is_missing(data, mean):
        return _say(ax, f"no readings of {_label(signal)}")
    regular = data.asfreq("10min")
    thin = regular[coverage(regular, signal) < THIN]
    low, high = regular[f"{signal}_min"], regular[f"{signal}_max"]
    ax.fill_between(
        regular.index, low, high, color=BLUE, alpha=0.2, lw=0, label="minimum to maximum"
    )
    ax.plot(regular.index, regular[mean], ".-", color=BLUE, ms=3, lw=1.2, label="mean")
    if thin[mean].notna().any():
        ax.plot(
            thin.index,
            thin[mean],
            "o",
            mfc="white",
            mec=BLUE,
            ms=4,
            label="fewer than half of the readings",
        )
    ax.set_ylabel(f"{_label(signal)} ({_unit(data, mean)})")
    _format_time(ax, pd.DatetimeIndex(regular.index))
    _legend(ax)
    return ax


def plot_signals(data: pd.DataFrame, signals: Sequence[str]) -> list[Axes]:
    """`plot_signal` of each of the signals, one above the other on one time axis."""
    figure, axes = plt.subplots(
        len(signals),
        figsize=(9, 0.5 + 2.6 * len(signals)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for signal, ax in zip(signals, axes.flat, strict=True):
        plot_signal(data, signal, ax=ax).label_outer()
    figure.align_ylabels()
    return list(axes.flat)


def plot_power_curve(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Power against wind speed, ten-minute means, with the mean of each 0.5 m/s bin.

    The method of bins of IEC 61400-12-1, without its corrections; a bin of fewer than three
    means is hollow.
    """
    ax = _axes(ax)
    for name in ("wind_speed_mean", "power_mean"):
        if _is_missing(data, name):
            return _say(ax, f"no power curve: no readings of {_label(name.removesuffix('_mean'))}")
    pairs = data[["wind_speed_mean", "power_mean"]].dropna()
    if pairs.empty:
        return _say(ax, "no power curve: wind speed and power were never read together")
    bins = power_curve(pairs)
    full = bins["count"] >= FULL_BIN
    ax.scatter(
        pairs["wind_speed_mean"],
        pairs["power_mean"],
        s=9,
        color=GREY,
        alpha=0.5,
        lw=0,
        label="ten-minute mean",
    )
    ax.plot(bins["wind_speed"], bins["power"], color=ORANGE, lw=1.2)
    ax.plot(
        *bins.loc[full, ["wind_speed", "power"]].to_numpy().T,
        "o",
        color=ORANGE,
        ms=5,
        label="mean of a 0.5 m/s bin",
    )
    if not full.all():
        ax.plot(
            *bins.loc[~full, ["wind_speed", "power"]].to_numpy().T,
            "o",
            mfc="white",
            mec=ORANGE,
            ms=5,
            label=f"bin of fewer than {FULL_BIN}",
        )
    ax.set_xlabel(f"wind speed ({_unit(data, 'wind_speed_mean')})")
    ax.set_ylabel(f"power ({_unit(data, 'power_mean')})")
    _legend(ax)
    return ax


def power_curve(data: pd.DataFrame) -> pd.DataFrame:
    """The method of bins: one row per 0.5 m/s bin that has ten-minute means.

    Bins are centred on multiples of 0.5 m/s. Columns: `wind_speed` and `power`, the means of
    the bin, and `count`, how many ten-minute means it has. The index is the bin's centre, m/s.
    """
    pairs = data[["wind_speed_mean", "power_mean"]].dropna()
    centre = np.floor(pairs["wind_speed_mean"] / BIN_WIDTH + 0.5) * BIN_WIDTH
    return pairs.groupby(centre).agg(
        wind_speed=("wind_speed_mean", "mean"),
        power=("power_mean", "mean"),
        count=("power_mean", "size"),
    )


def plot_coverage(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Share of the expected readings that came, per signal and hour of the day (UTC)."""
    ax = _axes(ax, height=0.4 + 0.5 * max(1, len(signals_of(data.columns))))
    signals = signals_of(data.columns)
    if not signals:
        return _say(ax, "no readings")
    days = pd.DatetimeIndex(data.index).normalize().nunique()
    table = np.array([_hourly(coverage(data, signal)) / (6 * days) for signal in signals])
    image = ax.pcolormesh(
        np.arange(25),
        np.arange(len(signals) + 1),
        table,
        vmin=0,
        vmax=1,
        cmap="cividis",
        edgecolors="white",
        lw=0.5,
    )
    ax.set_yticks(np.arange(len(signals)) + 0.5, [_label(signal) for signal in signals])
    ax.set_xticks(range(0, 25, 3), [f"{hour:02}:00" for hour in range(0, 25, 3)])
    ax.set_xlabel("hour (UTC)")
    ax.invert_yaxis()
    ax.figure.colorbar(image, ax=ax, label="coverage", ticks=[0, 0.5, 1], format="{x:.0%}")
    return ax


def plot_energy(days: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Energy of each day; a day that was not measured wholly is hollow. From `summarize_days`."""
    ax = _axes(ax)
    energy = days["energy"].dropna()
    if energy.empty:
        return _say(ax, "no energy: no readings of power")
    whole = days.loc[energy.index, "hours_with_power"] > WHOLE_DAY
    stamps = pd.DatetimeIndex(energy.index)
    for chosen, fill, label in ((whole, BLUE, "whole day"), (~whole, "white", "part of a day")):
        if chosen.any():
            ax.bar(stamps[chosen], energy[chosen], color=fill, edgecolor=BLUE, label=label)
    ax.set_xticks(stamps if len(stamps) <= 14 else ax.get_xticks())
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.set_xlabel("day (UTC)")
    ax.set_ylabel("energy (kWh)")
    _legend(ax)
    return ax


def _hourly(values: pd.Series) -> Any:
    """The sum of the values in each of the day's 24 hours."""
    hours = pd.DatetimeIndex(values.index).hour
    return values.groupby(hours).sum().reindex(range(24), fill_value=0).to_numpy()


def _axes(ax: Axes | None, height: float = 3.2) -> Axes:
    return ax if ax is not None else plt.subplots(figsize=(9, height), layout="constrained")[1]


def _is_missing(data: pd.DataFrame, name: str) -> bool:
    return name not in data or not data[name].notna().any()


def _say(ax: Axes, sentence: str) -> Axes:
    ax.text(0.5, 0.5, sentence, ha="center", va="center", transform=ax.transAxes, color=GREY)
    ax.set_axis_off()
    return ax


def _label(signal: str) -> str:
    return signal.replace("_", " ")


def _unit(data: pd.DataFrame, name: str) -> str:
    return str(data.attrs.get("units", {}).get(name, "unknown unit"))


def _format_time(ax: Axes, stamps: pd.DatetimeIndex) -> None:
    """Label the time axis in UTC; a single day is shown from midnight to midnight."""
    first, last = stamps[0].normalize(), stamps[-1].normalize() + DAY
    ax.set_xlim(mdates.date2num(first), mdates.date2num(last))
    if last - first == DAY:
        ax.xaxis.set_major_locator(mdates.HourLocator(range(0, 24, 3), tz="UTC"))
        ax.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M", tz="UTC"))
        ax.set_xlabel(f"{first:%Y-%m-%d} (UTC)")
    else:
        locator = mdates.AutoDateLocator(tz="UTC")
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz="UTC"))
        ax.set_xlabel("time (UTC)")


def _legend(ax: Axes) -> None:
    """A legend above the axes, where it hides no data."""
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
