"""A period of La Haute Borne by pandas, from the readings and the definitions alone."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from flags_by_pandas import RATED_POWER, SIGNALS, flag_by_pandas, read_la_haute_borne

BASIS = ["wind_speed", "power"]


def read_readings() -> pd.DataFrame:
    """By turbine and timestamp; each value that a test flagged in `<signal>_flags`, and states."""
    frame = read_la_haute_borne()
    turbines = frame["turbine"].unique()
    flags = flag_by_pandas(frame, SIGNALS, RATED_POWER, dict.fromkeys(turbines, 600.0))
    table = frame.groupby(["turbine", "timestamp"]).last().sort_index()
    for name in table:
        found = flags.xs(name, level="signal") if name in flags.index.unique("signal") else None
        table[f"{name}_flags"] = 0 if found is None else found.reindex(table.index).fillna(0)
        table[name] = table[name].mask(table[f"{name}_flags"].astype(int) & 1 > 0)
    days = table.groupby(table.index.get_level_values("timestamp").normalize(), group_keys=False)
    table["state"] = days[["wind_speed", "power", "wind_speed_flags"]].apply(find_states)
    return table


def find_states(day: pd.DataFrame) -> pd.Series:
    """1 running, 2 derated, 3 idle, 4 stopped; NaN without power. Of one day, in order."""
    rows = day[day["power"].notna()]
    share = rows["power"] / RATED_POWER
    wind = rows["wind_speed"].where(rows["wind_speed_flags"] == 0)
    stands = share < 0.02
    bins = np.floor(2 * wind + 0.5)
    medians = share[~stands & wind.notna()].groupby(bins).median().sort_index().cummax()
    potential = np.fmax(bins.map(medians), np.fmin(1, (wind / 15) ** 3))
    lost = (potential - share).where(wind.notna())
    states = pd.Series(1.0, rows.index)
    for _, part in share.groupby(level="turbine"):
        stamps = part.index.get_level_values("timestamp")
        is_level = np.zeros(len(part), bool)
        gone, top = lost[part.index].to_numpy(), part.to_numpy()
        for n in range(2, len(part)):
            last = slice(n - 2, n + 1)
            is_close = stamps[n] - stamps[n - 2] <= pd.Timedelta("20min")
            if is_close and np.ptp(top[last]) <= 0.01 and gone[last].sum() > 0.15:
                is_level[last] = True
        states[part.index] = np.where(is_level & (top < 0.95) & (gone > 0.05), 2.0, 1.0)
    states = states.mask(stands, 4.0).mask(stands & wind.between(5, 25), 3.0)
    return states.reindex(day.index)


def make_curve(readings: pd.DataFrame) -> pd.DataFrame:
    """The median curve of running turbines without a flag, 0.5 m/s bins of three and more."""
    good = readings[(readings["wind_speed_flags"] == 0) & (readings["power_flags"] == 0)]
    good = good[(good["state"] == 1) & good[BASIS].notna().all(axis=1)]
    bins = good.groupby(np.floor(2 * good["wind_speed"] + 0.5) / 2)
    curve = bins.agg(wind=("wind_speed", "mean"), power=("power", "median"), n=("power", "size"))
    return curve[curve["n"] >= 3]


def expect_power(readings: pd.DataFrame, curve: pd.DataFrame) -> pd.Series:
    """Linear between the bins; from 0 m/s where it begins at nothing, to the last bin's end."""
    wind = readings["wind_speed"].where(readings["wind_speed_flags"] == 0)
    x, y = curve["wind"].to_numpy(), curve["power"].to_numpy()
    low = 0 if y[0] <= 0.02 * y.max() else x[0] - 0.25
    high = 25 if y[-1] >= 0.9 * RATED_POWER else x[-1] + 0.25
    return pd.Series(np.interp(wind, x, y), wind.index).where(wind.between(low, high))


def measure(readings: pd.DataFrame, curve: pd.DataFrame, days: int) -> pd.DataFrame:
    """Each turbine's numbers over a period of so many days."""
    expected = expect_power(readings, curve).where(readings["power"].notna())
    rows: Mapping[str, pd.Series] = {
        "energy": readings["power"] / 6,
        "hours_with_power": readings["power"].notna() / 6,
        "expected_energy": expected / 6,
        "lost_energy": (expected - readings["power"]) / 6,
        "idle": (readings["state"] == 3) / 6,
        "known": readings["state"].notna() / 6,
        "coverage": readings[BASIS].notna().mean(axis=1) / (144 * days),
    }
    table = pd.DataFrame(rows).groupby(level="turbine").sum()
    table["share"] = table["energy"] / table["energy"].sum()
    table["capacity_factor"] = table["energy"] / (RATED_POWER * table["hours_with_power"])
    table["calendar_capacity_factor"] = table["energy"] / (RATED_POWER * 24 * days)
    table["mean_wind_speed"] = readings["wind_speed"].groupby(level="turbine").mean()
    table["availability"] = 1 - table.pop("idle") / table.pop("known")
    return table


def count_hours(readings: pd.DataFrame, days: int) -> pd.DataFrame:
    """The hours of each state, a row per turbine."""
    names = {1: "running", 2: "derated", 3: "idle", 4: "stopped"}
    hours = {
        name: (readings["state"] == state).groupby(level="turbine").sum() / 6
        for state, name in names.items()
    }
    table = pd.DataFrame(hours)
    table["no data"] = 24 * days - table.sum(axis=1)
    return table


def count_sectors(readings: pd.DataFrame) -> dict[tuple[float, float], float]:
    """The share of each sector of 22.5 degrees and class of 3 m/s, without empty ones."""
    pairs = readings[["wind_speed", "wind_direction"]].dropna()
    flags = readings.loc[pairs.index, ["wind_speed_flags", "wind_direction_flags"]]
    pairs = pairs[(flags == 0).all(axis=1)]
    sectors = ((pairs["wind_direction"] + 11.25) // 22.5 * 22.5) % 360
    classes = (pairs["wind_speed"] // 3 * 3).clip(upper=15)
    return dict(pairs.groupby([sectors, classes]).size() / len(pairs))
