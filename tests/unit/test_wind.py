"""The formulas of wind analysis beside other ways to compute the same."""

import numpy as np
import pandas as pd
import pytest

from etl_lib.analysis.wind import fit_weibull, power_curve, turbulence

STAMPS = pd.date_range("2024-05-20", periods=144, freq="10min", tz="UTC", name="timestamp")


@pytest.fixture
def day() -> pd.DataFrame:
    """A day with wind from 0 to 14.3 m/s and power of its cube."""
    wind = np.arange(144) / 10
    columns = {"wind_speed_mean": wind, "wind_speed_std": 0.5, "wind_speed_count": 10.0}
    return pd.DataFrame(columns | {"power_mean": wind**3, "expected": 10.0}, index=STAMPS)


def test_power_curve(day: pd.DataFrame) -> None:
    """The power curve averages bins of 0.5 m/s."""
    bins = power_curve(day)
    centre = 8.0
    inside = day[(day["wind_speed_mean"] >= 7.75) & (day["wind_speed_mean"] < 8.25)]
    assert bins.loc[centre, "count"] == len(inside) == 5
    assert bins.loc[centre, "power"] == pytest.approx(inside["power_mean"].mean())
    assert bins.loc[centre, "wind_speed"] == pytest.approx(inside["wind_speed_mean"].mean())
    assert bins["count"].sum() == 144


def test_turbulence(
    day: pd.DataFrame,
) -> None:
    """Turbulence is deviation over mean, where there is wind and coverage."""
    day.loc[day.index[[50, 51]], "wind_speed_count"] = [4.0, 5.0]  # five of ten is enough
    day.loc[day.index[60], "wind_speed_std"] = np.nan
    table = turbulence(day)
    assert table.index.equals(day.index[30:].delete([50 - 30, 60 - 30]))
    for speed, intensity in table.itertuples(index=False):
        assert intensity == pytest.approx(100 * 0.5 / speed)


@pytest.mark.parametrize(("scale", "shape"), [(8.0, 2.0), (10.5, 2.4), (5.0, 1.3)])
def test_a_weibull_distribution_is_found_again(scale: float, shape: float) -> None:
    drawn = scale * np.random.default_rng(1).weibull(shape, 50_000)
    found = fit_weibull(pd.Series([*drawn, np.nan]))
    assert found == pytest.approx((scale, shape), rel=0.02)


def test_the_fit_keeps_the_mean() -> None:
    from math import gamma

    speeds = pd.Series(np.random.default_rng(2).uniform(0, 20, 500))
    scale, shape = fit_weibull(speeds) or (0, 0)
    assert scale * gamma(1 + 1 / shape) == pytest.approx(speeds.mean())


@pytest.mark.parametrize("speeds", [[], [5.0] * 100, [4.0, 5.0, 6.0, 7.0, 8.0], [0.0] * 10])
def test_too_little_is_not_fitted(speeds: list[float]) -> None:
    assert fit_weibull(pd.Series(speeds, dtype=float)) is None
