"""What the notebooks call: one day of turbine readings, from Fonte through DuckDB to Alvo."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etl_lib.analysis.axes import use_svg
    from etl_lib.analysis.plots import (
        plot_coverage,
        plot_diurnal,
        plot_energy,
        plot_monthly_power_curves,
        plot_power_curve,
        plot_signal,
        plot_signals,
        plot_turbulence,
        plot_wind_distribution,
    )
    from etl_lib.analysis.quality import check_readings
    from etl_lib.analysis.summary import describe_days, describe_findings, summarize, summarize_days
    from etl_lib.analysis.wind import fit_weibull, power_curve, turbulence
    from etl_lib.extract.days import fetch_days, find_day
    from etl_lib.extract.readings import fetch_readings
    from etl_lib.load.day import load_day, read_statistics, verify_load
    from etl_lib.parameters import parse_columns, parse_date
    from etl_lib.services.connect import connect
    from etl_lib.transform.statistics import compute_statistics, statistics_sql, to_frame

_HOMES = {
    "analysis.axes": ["use_svg"],
    "services.connect": ["connect"],
    "extract.days": ["fetch_days", "find_day"],
    "extract.readings": ["fetch_readings"],
    "load.day": ["load_day", "read_statistics", "verify_load"],
    "parameters": ["parse_columns", "parse_date"],
    "analysis.plots": [
        *("plot_signal", "plot_signals", "plot_power_curve", "plot_coverage"),
        *("plot_wind_distribution", "plot_turbulence", "plot_diurnal"),
        *("plot_monthly_power_curves", "plot_energy"),
    ],
    "analysis.quality": ["check_readings"],
    "analysis.summary": ["describe_days", "describe_findings", "summarize", "summarize_days"],
    "transform.statistics": ["compute_statistics", "statistics_sql", "to_frame"],
    "analysis.wind": ["fit_weibull", "power_curve", "turbulence"],
}
_home_of = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_home_of)


def __getattr__(name: str) -> Any:
    """Import a name's module when the name is first used: `etl --help` needs none of them."""
    if name not in _home_of:
        raise AttributeError(f"module 'etl_lib' has no attribute {name!r}")
    return getattr(import_module(f"etl_lib.{_home_of[name]}"), name)


def __dir__() -> list[str]:
    return __all__
