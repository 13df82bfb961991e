"""What the pages promise: commands, settings, links and public names that exist."""

import argparse
import inspect
import re
from pathlib import Path

import pytest
from helpers import ROOT

import etl_lib
import etl_lib.settings
import fonteapi.settings
from etl_lib.cli.main import make_parser

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[!.]*/README.md"), *ROOT.glob("docs/*.md")])


def commands() -> dict[str, argparse.ArgumentParser]:
    """The subcommands of `etl`, each with its parser."""
    (action,) = [a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(action.choices)


def test_the_readme_has_every_command_and_no_other() -> None:
    assert set(re.findall(r"^\| `etl (\w+)", README, re.MULTILINE)) == set(commands())


def test_the_readme_has_every_option() -> None:
    options = {
        option
        for parser in commands().values()
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert options
    assert [option for option in options if option not in README] == []


def test_the_readme_has_every_setting() -> None:
    settings = [name.upper() for name in etl_lib.settings.Settings.model_fields]
    settings += [f"FONTE_{name.upper()}" for name in fonteapi.settings.Settings.model_fields]
    table = README[README.index("## Settings") :]
    assert [name for name in [*settings, "ETL_HOME"] if f"`{name}`" not in table] == []


def test_the_make_targets_that_pages_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    text = "".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text))
    assert {"run", "test", "help"} <= named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.M)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", text)
    missing = [a or b for a, b in links if not (page.parent / (a or b)).exists()]
    assert missing == []
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_every_public_name_is_there_and_says_what_it_does() -> None:
    assert etl_lib.__all__ == sorted(etl_lib.__all__)
    assert set(etl_lib.__all__) == set(dir(etl_lib))
    for name in etl_lib.__all__:
        assert len(inspect.getdoc(getattr(etl_lib, name)) or "") > 30, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = etl_lib.nothing


@pytest.mark.parametrize("notebook", ["etl.ipynb", "explore.ipynb"])
def test_notebooks_use_public_names_only(notebook: str) -> None:
    text = (ROOT / "notebooks" / notebook).read_text(encoding="utf-8")
    used = set(re.findall(r"etl_lib\.(\w+)", text))
    assert used
    assert used <= set(etl_lib.__all__)
