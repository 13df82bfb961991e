"""Turbines beside their neighbours: norths and powers that are off."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from etl_lib.analysis.drift import (
    find_north_offsets,
    find_residuals,
    plot_north_offsets,
    plot_residuals,
)
from etl_lib.analysis.states import count_states, plot_states

DAYS = pd.date_range("2024-05-20", periods=10 * 144, freq="10min", tz="UTC")


@pytest.fixture(autouse=True)
def _close() -> object:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def farm() -> pd.DataFrame:
    """Ten days of four turbines: from the sixth day on T2's north is 20° off, T3 gives less."""
    random = np.random.default_rng(1)
    wind = 8 + 3 * np.sin(np.arange(len(DAYS)) / 50)
    direction = 350 + 40 * np.sin(np.arange(len(DAYS)) / 300)
    late = np.arange(len(DAYS)) >= 5 * 144
    frames = {}
    for name in ("T1", "T2", "T3", "T4"):
        own = wind + random.normal(0, 0.1, len(DAYS))
        frames[name] = pd.DataFrame(
            {
                "wind_speed_mean": own,
                "power_mean": own**3 - 100 * (late & (name == "T3")),
                "nacelle_direction_mean": (direction + 20 * (late & (name == "T2"))) % 360,
                "power_count": 1.0,
                "expected": 1.0,
                "state_mode": np.where(late & (name == "T4"), 3.0, 1.0),
            },
            index=pd.Index(DAYS, name="timestamp"),
        )
    table = pd.concat(frames, names=["turbine"])
    table.attrs["units"] = {"power_mean": "kW"}
    return table


def test_north_offset(farm: pd.DataFrame) -> None:
    """A step stays; over north the smaller angle counts. The others are off a third as far."""
    offsets = find_north_offsets(farm, "nacelle_direction")
    assert offsets["T2"].to_list() == pytest.approx([0] * 5 + [20] * 5, abs=0.1)
    assert offsets["T1"].to_list() == pytest.approx([0] * 5 + [-20 / 3] * 5, abs=0.2)
    assert plot_north_offsets(farm).get_legend_handles_labels()[1] == ["T1", "T2", "T3", "T4"]


def test_residuals(farm: pd.DataFrame) -> None:
    """A turbine that gives less is below the curve of all, and the others are above it."""
    residuals = find_residuals(farm)
    late = residuals.iloc[5:]
    assert (late["T1"] - late["T3"]).to_list() == pytest.approx([100] * 5, rel=0.15)
    assert (residuals.iloc[:5]["T1"] - residuals.iloc[:5]["T3"]).abs().max() < 15
    assert plot_residuals(farm).get_ylabel() == "power (kW) beside the curve"


def test_few_buckets(farm: pd.DataFrame) -> None:
    """A day with fewer than six hours has no figure."""
    part = farm.groupby(level="turbine").head(144 + 35)
    assert find_residuals(part).notna().any(axis="columns").to_list() == [True, False]


def test_hours_of_states(farm: pd.DataFrame) -> None:
    """Each state's hours; buckets without data have none."""
    hours = count_states(farm.drop(index=farm.loc[["T1"]].index[:6]))
    assert hours.loc["T4"].to_dict() == {
        "running": 120,
        "derated": 0,
        "idle": 120,
        "stopped": 0,
        "no data": 0,
    }
    assert hours.loc["T1", "no data"] == 1


def test_states_in_the_legend(farm: pd.DataFrame) -> None:
    """The picture names the states that occur."""
    legend = plot_states(farm).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "running",
        "idle: stands in 5 to 25 m/s",
    ]


def test_sentences(farm: pd.DataFrame) -> None:
    """Without what they need, the plots have a sentence."""
    bare = farm[["expected"]]
    assert "no readings of nacelle" in plot_north_offsets(bare).texts[0].get_text()
    assert "there is one turbine" in plot_north_offsets(farm.loc[["T1"]]).texts[0].get_text()
    assert "no readings of wind speed" in plot_residuals(bare).texts[0].get_text()
    assert "no states" in plot_states(bare).texts[0].get_text()
    assert count_states(bare)["no data"].to_list() == [240] * 4
