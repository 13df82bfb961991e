"""What the turbines did, by the series `state_mode`: as a picture, and in hours.

The states are inferred, unless a status signal tells them: see `transform/states.sql`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from etl_lib.analysis import words
from etl_lib.analysis.axes import BLUE, ORANGE, new_axes, write_sentence
from etl_lib.analysis.rows import draw_rows
from etl_lib.analysis.slots import Slots
from etl_lib.analysis.tables import Column, Table
from etl_lib.parameters import Span
from etl_lib.transform.kinds import STATE, TURBINE
from etl_lib.transform.states import TurbineState

COLOURS = {
    TurbineState.RUNNING: BLUE,
    TurbineState.DERATED: "#E69F00",
    TurbineState.IDLE: ORANGE,
    TurbineState.STOPPED: "#D0D0D0",
}
MEANINGS = {
    TurbineState.RUNNING: "running",
    TurbineState.DERATED: "derated: held below what the wind gives",
    TurbineState.IDLE: "idle: stands in 5 to 25 m/s",
    TurbineState.STOPPED: "stopped: stands in wind below 5 or above 25 m/s",
}
NOTHING = "no states: they need wind speed and power, or a status signal whose codes are told"


def plot_states(
    data: pd.DataFrame,
    turbines: Sequence[str] = (),
    *,
    span: Span | None = None,
    ax: Axes | None = None,
) -> Axes:
    """What each turbine did: a row per turbine, a column per ten-minute slot of the day.

    Of several days a column is a day, with the state of most of its buckets. Hatched where there
    are no data.
    """
    slots = Slots.of(data, turbines, span)
    if STATE not in slots.data or not slots.data[STATE].notna().any():
        return write_sentence(new_axes(ax), NOTHING)
    table = slots.hold(slots.column(STATE), "power")
    table = table if slots.days == 1 else slots.mode_by_day(table)
    scale = {"vmin": min(TurbineState) - 0.5, "vmax": max(TurbineState) + 0.5}
    colours: dict[str, Any] = {"cmap": ListedColormap(list(COLOURS.values()))} | scale
    found = np.unique(table[np.isfinite(table)])
    if len(found) == 1 and np.isfinite(table).all():
        every = "The turbine was" if len(slots.names) == 1 else "All turbines were"
        return write_sentence(
            new_axes(ax), f"{every} {MEANINGS[TurbineState(found[0])]} all the time"
        )
    keys = [
        Patch(color=COLOURS[state], label=MEANINGS[state]) for state in COLOURS if state in found
    ]
    return draw_rows(slots, table, colours, None, ax, keys=keys)


def count_states(
    data: pd.DataFrame, turbines: Sequence[str] = (), span: Span | None = None
) -> pd.DataFrame:
    """The hours of each state: a row per turbine, a column per state, the last `no data`.

    Without a span, of the days from the first to the last of the frame.
    """
    slots = Slots.of(data, turbines, span)
    names = [state.name.lower() for state in TurbineState]
    states = slots.column(STATE) if STATE in slots.data else np.full(len(slots.data), np.nan)
    table = slots.hold(states, "power")
    hours = {
        name: (table == state).sum(axis=1) / 6
        for name, state in zip(names, TurbineState, strict=True)
    }
    hours["no data"] = np.isnan(table).sum(axis=1) / 6
    return pd.DataFrame(hours, index=pd.Index(slots.names, name=TURBINE)).rename_axis(
        columns="hours"
    )


def tabulate_states(
    data: pd.DataFrame, turbines: Sequence[str] = (), span: Span | None = None
) -> Table:
    """`count_states` as a page shows it, without the states that no turbine had."""
    hours = count_states(data, turbines, span)
    columns = {
        str(name): Column(f"{name}, h", words.number, unit="h")
        for name in hours
        if hours[name].any()
    }
    return Table(hours, columns, "states")
