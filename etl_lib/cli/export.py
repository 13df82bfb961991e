"""The command `etl export`."""

from collections.abc import Iterator

from etl_lib.cli.options import ExportOptions
from etl_lib.cli.output import Exit, say
from etl_lib.errors import ParameterError
from etl_lib.export import openoa
from etl_lib.export.files import find_format
from etl_lib.export.statistics import Choice, Exported, Farm, export_statistics
from etl_lib.extract.client import open_fonte
from etl_lib.extract.facts import fetch_facts, fetch_iec_names
from etl_lib.load.alvo import open_alvo
from etl_lib.load.series import list_series, signal_of
from etl_lib.services.embedded import start_alvo, start_missing
from etl_lib.settings import Settings, read_settings


def export(options: ExportOptions) -> Exit:
    """Write Alvo's statistics of a period to a file, and print how much and what is beside it."""
    if options.long and options.names:
        raise ParameterError("--long: expected it without --names openoa, whose layout is wide")
    find_format(options.file)
    settings = read_settings()
    farm = _read_farm(settings) if options.names else None
    choice = Choice(
        options.first,
        options.end,
        options.turbines,
        options.columns,
        is_long=options.long,
        farm=farm,
        excluding=options.excluding,
    )
    alvo = open_alvo(start_alvo(settings))
    try:
        done = export_statistics(alvo, choice, options.file, force=options.force)
        present = list(dict.fromkeys(map(signal_of, list_series(alvo, choice.turbines))))
    finally:
        alvo.dispose()
    for line in (*_describe(done), *(_describe_farm(done, farm, present) if farm else ())):
        say(line)
    return Exit.DONE


def _read_farm(settings: Settings) -> Farm:
    """Ask Fonte, which only OpenOA's layout needs."""
    settings = start_missing(settings)
    assert settings.fonte_api_url
    with open_fonte(settings.fonte_api_url, settings.fonte_api_key) as fonte:
        return Farm(fetch_iec_names(fonte), fetch_facts(fonte))


def _describe(done: Exported) -> Iterator[str]:
    found = done.provenance
    turbines = f"{len(done.turbines)} turbines" if len(done.turbines) > 1 else done.turbines[0]
    columns = len(done.layout.schema)
    yield f"{done.paths[0]}  {found.rows:,} rows of {turbines}, {columns} columns"
    if len(done.paths) > 1 and done.paths[1].suffix == ".json":
        yield f"  units     {done.paths[1]}"
    if found.exclusions:
        count = len(found.exclusions)
        exclusions = "1 exclusion" if count == 1 else f"{count:,} exclusions"
        applied = "left out" if found.excluding else "not left out: --excluding does that"
        yield f"  excluded  {exclusions} of the period, {applied}"


def _describe_farm(done: Exported, farm: Farm, present: list[str]) -> Iterator[str]:
    assert done.assets is not None
    where = done.paths[-1] if done.paths[-1].suffix != ".xlsx" else "the sheet assets"
    yield f"  assets    {where}"
    for line in openoa.describe_lacking(done.assets):
        yield f"            {line}: the catalogue's [turbines.NAME] gives them"
    yield f"  frequency {done.provenance.frequency}"
    used = {name.rpartition("_")[0] for name in done.layout.names}
    if others := [name for name in present if name not in used and name != "state"]:
        yield f"  left out  {', '.join(others)}: OpenOA has no column for it"
