"""The commands, options, settings, links and public names on the pages exist."""

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
TEXT = "".join(page.read_text(encoding="utf-8") for page in PAGES)


def commands() -> dict[str, argparse.ArgumentParser]:
    """The subcommands of `etl` with their parsers."""
    (action,) = [a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(action.choices)


def test_readme_lists_commands() -> None:
    """The README's table lists every command and no other."""
    assert set(re.findall(r"^\| `etl (\w+)", README, re.MULTILINE)) == set(commands())


def test_every_option_is_documented() -> None:
    """Each option of `etl` is on some page."""
    options = {
        option
        for parser in commands().values()
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert options
    assert [option for option in options if not re.search(rf"[` ]{option}[` ]", TEXT)] == []


def test_every_setting_is_documented() -> None:
    """Each environment variable is on the page of settings."""
    settings = [name.upper() for name in etl_lib.settings.Settings.model_fields]
    settings += [f"FONTE_{name.upper()}" for name in fonteapi.settings.Settings.model_fields]
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [name for name in [*settings, "ETL_HOME"] if f"| `{name}` |" not in page] == []


def test_named_make_targets_exist() -> None:
    """Each `make` target that a page names exists."""
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", TEXT))
    assert {"run", "test", "help"} <= named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.M)] == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link inside the project leads to a file and, where it names one, to a heading."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]*)#?([^):]*)\)", text)
    links += [(picture, "") for picture in re.findall(r"src=\"([^\":]+)\"", text)]
    targets = [(page.parent / file if file else page, anchor) for file, anchor in links]
    assert [str(file) for file, _ in targets if not file.exists()] == []
    assert [anchor for file, anchor in targets if anchor and anchor not in anchors(file)] == []


def test_public_names_are_documented() -> None:
    """Each public name exists and has a docstring."""
    assert etl_lib.__all__ == sorted(etl_lib.__all__)
    assert set(etl_lib.__all__) == set(dir(etl_lib))
    for name in etl_lib.__all__:
        assert len(inspect.getdoc(getattr(etl_lib, name)) or "") > 30, name


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that the library does not have is an ordinary AttributeError."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = etl_lib.nothing


@pytest.mark.parametrize("notebook", ["etl.ipynb", "explore.ipynb"])
def test_notebooks_use_public_names(notebook: str) -> None:
    """The notebooks use public names only."""
    text = (ROOT / "notebooks" / notebook).read_text(encoding="utf-8")
    used = set(re.findall(r"etl_lib\.(\w+)", text))
    assert used
    assert used <= set(etl_lib.__all__)
