"""The wind rose: where the wind comes from, and how strong it is."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from etl_lib.analysis.axes import WIDTH, find_missing, label, new_axes, write_sentence
from etl_lib.analysis.marks import flagged_bits

SECTORS = 16
NAMES = (
    "N",
    "NNE",
    "NE",
    "ENE",
    "E",
    "ESE",
    "SE",
    "SSE",
    "S",
    "SSW",
    "SW",
    "WSW",
    "W",
    "WNW",
    "NW",
    "NNW",
)
CLASSES = (0.0, 3.0, 6.0, 9.0, 12.0, 15.0, np.inf)
"""m/s, the lower bounds inclusive."""
DIRECTIONS = ("wind_direction", "nacelle_direction")
"""Of equally many values the first one counts."""
HEIGHT = 4.4


def find_direction(data: pd.DataFrame) -> str | None:
    """The signal that has most values of the wind's direction; a nacelle faces the wind.

    None without any.
    """
    counts = {name: int(data.get(f"{name}_mean", pd.Series()).count()) for name in DIRECTIONS}
    most = max(DIRECTIONS, key=counts.__getitem__)
    return most if counts[most] else None


def wind_rose(data: pd.DataFrame) -> pd.DataFrame:
    """The share of the ten-minute means in each sector and class of speed, 0 to 1.

    `data` as from `read_statistics`. A row per sector of 22.5°, by its centre, degrees from which
    the wind blows; a column per class of speed, by its lower bound, m/s. The shares are of the
    buckets with speed and direction, of which no test flagged either.
    """
    signal = find_direction(data)
    centres = pd.Index(np.arange(SECTORS) * 360 / SECTORS, name="direction")
    empty = pd.DataFrame(0.0, index=centres, columns=pd.Index(CLASSES[:-1], name="speed"))
    if signal is None or find_missing(data, "wind_speed_mean"):
        return empty
    pairs = data[["wind_speed_mean", f"{signal}_mean"]].set_axis(["speed", "direction"], axis=1)
    pairs.attrs = {}
    pairs = pairs[pairs.notna().all(axis=1) & (flagged_bits(data, "wind_speed", signal) == 0)]
    sector = np.floor(pairs["direction"] * SECTORS / 360 + 0.5).astype(int) % SECTORS
    speed = np.searchsorted(CLASSES, pairs["speed"], side="right") - 1
    counts = np.zeros(empty.shape)
    is_real = speed >= 0
    np.add.at(counts, (sector[is_real], speed[is_real]), 1)
    shares: pd.DataFrame = empty + counts / max(1, counts.sum())
    return shares


def describe_direction(data: pd.DataFrame) -> str:
    """`most often from SSW, 14% of the time`; empty without directions. `data` as `wind_rose`."""
    shares = wind_rose(data).sum(axis=1).to_numpy()
    most = int(shares.argmax())
    return f"most often from {NAMES[most]}, {shares[most]:.0%} of the time" if shares[most] else ""


def plot_wind_rose(data: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Each sector's share of the time, in colours by wind speed; north is at the top."""
    signal = find_direction(data)
    if signal is None or find_missing(data, "wind_speed_mean"):
        missing = "wind speed" if signal else "wind direction"
        return write_sentence(new_axes(ax), f"no wind rose: no readings of {missing}")
    rose = wind_rose(data)
    if ax is None:
        figure = plt.figure(figsize=(WIDTH, HEIGHT))
        ax = figure.add_axes((0.1, 0.08, 0.5, 0.84), projection="polar")
    polar: Any = ax
    polar.set(theta_zero_location="N", theta_direction=-1)
    bottom = np.zeros(SECTORS)
    angles, width = np.radians(rose.index.to_numpy(float)), 0.9 * 2 * np.pi / SECTORS
    colours = plt.get_cmap("cividis_r")(np.linspace(0.05, 1, len(CLASSES) - 1))
    for low, high, colour in zip(CLASSES[:-1], CLASSES[1:], colours, strict=True):
        share = 100 * rose[low].to_numpy()
        text = f"{low:g} m/s and more" if np.isinf(high) else f"{low:g} to {high:g} m/s"
        polar.bar(angles, share, width, bottom, color=colour, label=text, lw=0)
        bottom += share
    polar.set_thetagrids(np.arange(0, 360, 45), NAMES[::2])
    polar.yaxis.set_major_formatter("{x:.0f}%")
    polar.set_rlabel_position(22.5 * 1.5)
    polar.grid(alpha=0.3)
    polar.spines["polar"].set_visible(False)
    title = f"{label(signal)}, share of the means"
    polar.legend(title=title, loc="center left", bbox_to_anchor=(1.12, 0.5), frameon=False)
    return ax
