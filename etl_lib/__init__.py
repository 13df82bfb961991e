"""The notebooks' vocabulary: one day of turbine readings, from Fonte through DuckDB to Alvo.

Each name is imported from its room when it is first used, so that `etl --help` imports none.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etl_lib.analysis.axes import use_svg
    from etl_lib.analysis.day import summarize, tabulate_turbines
    from etl_lib.analysis.days import (
        describe_days,
        describe_findings,
        summarize_days,
        summarize_turbines,
    )
    from etl_lib.analysis.drift import plot_north_offsets, plot_residuals
    from etl_lib.analysis.exclusions import describe_exclusions
    from etl_lib.analysis.farm import (
        compare_coverage,
        compare_power_curves,
        compare_signals,
        plot_heat_map,
    )
    from etl_lib.analysis.flags import count_flags, describe_flags, summarize_flags
    from etl_lib.analysis.gaps import find_gaps
    from etl_lib.analysis.losses import find_stretches
    from etl_lib.analysis.period import (
        choose_reference,
        describe_reference,
        rank_turbines,
        summarize_period,
    )
    from etl_lib.analysis.period_numbers import measure_period
    from etl_lib.analysis.period_plots import plot_period_energy
    from etl_lib.analysis.period_tables import link_days, tabulate_days, tabulate_flags
    from etl_lib.analysis.plots import (
        plot_coverage,
        plot_diurnal,
        plot_monthly_power_curves,
        plot_power_curve,
        plot_signal,
        plot_signals,
    )
    from etl_lib.analysis.problems import describe_problems
    from etl_lib.analysis.quality import check_readings, quality_of, sum_turbines
    from etl_lib.analysis.reference import find_reference
    from etl_lib.analysis.rhythm import describe_readings
    from etl_lib.analysis.rose import plot_wind_rose, wind_rose
    from etl_lib.analysis.site import plot_energy, plot_turbulence, plot_wind_distribution
    from etl_lib.analysis.slots import one_turbine
    from etl_lib.analysis.states import count_states, plot_states, tabulate_states
    from etl_lib.analysis.wind import fit_weibull, power_curve, turbulence
    from etl_lib.extract.days import fetch_days, find_day
    from etl_lib.extract.readings import fetch_before, fetch_readings
    from etl_lib.load.day import load_day
    from etl_lib.load.period import read_history, read_period
    from etl_lib.load.reading import read_statistics, verify_load
    from etl_lib.parameters import parse_columns, parse_date, parse_turbines
    from etl_lib.services.connect import connect
    from etl_lib.transform.flags import find_flags
    from etl_lib.transform.interval import describe_intervals, find_intervals
    from etl_lib.transform.statistics import compute_statistics, statistics_sql, to_frame

_ROOMS = {
    "analysis.axes": "use_svg",
    "analysis.plots": "plot_coverage plot_diurnal plot_monthly_power_curves plot_power_curve"
    " plot_signal plot_signals",
    "analysis.site": "plot_energy plot_turbulence plot_wind_distribution",
    "analysis.farm": "compare_coverage compare_power_curves compare_signals plot_heat_map",
    "analysis.drift": "plot_north_offsets plot_residuals",
    "analysis.exclusions": "describe_exclusions",
    "analysis.gaps": "find_gaps",
    "analysis.losses": "find_stretches",
    "analysis.period": "choose_reference describe_reference rank_turbines summarize_period",
    "analysis.period_numbers": "measure_period",
    "analysis.period_plots": "plot_period_energy",
    "analysis.period_tables": "link_days tabulate_days tabulate_flags",
    "analysis.reference": "find_reference",
    "analysis.rose": "plot_wind_rose wind_rose",
    "analysis.slots": "one_turbine",
    "analysis.flags": "count_flags describe_flags summarize_flags",
    "analysis.problems": "describe_problems",
    "analysis.quality": "check_readings quality_of sum_turbines",
    "analysis.rhythm": "describe_readings",
    "analysis.day": "summarize tabulate_turbines",
    "analysis.days": "describe_days describe_findings summarize_days summarize_turbines",
    "analysis.states": "count_states plot_states tabulate_states",
    "analysis.wind": "fit_weibull power_curve turbulence",
    "extract.days": "fetch_days find_day",
    "extract.readings": "fetch_before fetch_readings",
    "load.day": "load_day",
    "load.period": "read_history read_period",
    "load.reading": "read_statistics verify_load",
    "parameters": "parse_columns parse_date parse_turbines",
    "services.connect": "connect",
    "transform.flags": "find_flags",
    "transform.interval": "describe_intervals find_intervals",
    "transform.statistics": "compute_statistics statistics_sql to_frame",
}
_room_of = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = sorted(_room_of)


def __getattr__(name: str) -> Any:
    """Import a public name from its room."""
    if name not in _room_of:
        raise AttributeError(f"module 'etl_lib' has no attribute {name!r}")
    return getattr(import_module(f"etl_lib.{_room_of[name]}"), name)


def __dir__() -> list[str]:
    return __all__
