"""The options of `etl load` as rules. Two that contradict are refused."""

from argparse import Namespace

from fonteapi.files.errors import WrongInput
from fonteapi.files.numbers import Mark
from fonteapi.files.rules import (
    Rules,
    parse_delimiter,
    parse_on_change,
    parse_pattern,
    parse_rename,
    parse_scale,
    parse_turbine,
    parse_where,
    parse_wide,
)
from fonteapi.files.units import parse_units
from fonteapi.files.zones import parse_zone
from fonteapi.settings import Settings


def read_thousands(options: Namespace) -> None:
    """Set the decimal mark that the mark between thousands implies.

    Raises `WrongInput` if both were given and are the same.
    """
    if options.thousands and options.decimal == options.thousands:
        raise WrongInput(
            f"--decimal and --thousands: expected two marks, got {options.decimal} for both"
        )
    if options.thousands:
        options.decimal = options.thousands.other


def read_rules(options: Namespace, settings: Settings) -> Rules:
    """The rules of the options; raises `WrongInput` for wrong ones and for contradictions."""
    signals = settings.catalogue.columns
    rules = Rules(
        rename=parse_rename(options.rename, signals),
        optional=options.optional,
        scale=parse_scale(options.unit_scale, signals),
        units=parse_units(options.unit, signals),
        missing=options.missing,
        timestamp_format=options.timestamp_format,
        turbine=parse_turbine(options.turbine),
        zone=parse_zone(options.timezone),
        decimal=options.decimal and Mark(options.decimal),
        label_end={"start": False, "end": True, None: None}[options.label],
        wide=parse_wide(options.wide, signals),
        narrow=options.narrow,
        where=parse_where(options.where),
        turbine_from_name=parse_pattern(options.turbine_from_name),
        delimiter=parse_delimiter(options.delimiter),
        header_row=options.header_row,
        names=options.names,
        sheet=options.sheet,
        on_change=parse_on_change(options.on_change, signals),
        skip_bad=options.bad_rows == "skip",
    )
    _refuse_contradictions(rules)
    return rules


def _refuse_contradictions(rules: Rules) -> None:
    if rules.turbine and rules.turbine_from_name:
        raise WrongInput(
            "--turbine and --turbine-from-name: expected one name of the turbine, got both"
        )
    for name in rules.units.keys() & rules.scale.keys():
        raise WrongInput(
            f"--unit and --unit-scale: expected one unit of {name}, got {rules.units[name]} and"
            f" the factor {rules.scale[name]:g}"
        )
