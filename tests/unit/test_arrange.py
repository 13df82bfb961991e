"""The order of a report's cells."""

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from etl_lib.archive.pages import arrange, render

TITLE = new_markdown_cell("# Title")
PART, MADE, HEADLINE = (
    new_markdown_cell(f"## {name}", metadata={"tags": tags})
    for name, tags in (("Part", []), ("Made", ["made"]), ("Headline", ["headline"]))
)


def parameters(source: str, tag: str = "parameters") -> NotebookNode:
    return new_code_cell(source, metadata={"tags": [tag]})


def arranged(*cells: NotebookNode) -> list[NotebookNode]:
    notebook = new_notebook(cells=[*cells])
    before = [dict(cell) for cell in notebook.cells]
    result = list(arrange(notebook).cells)
    assert [dict(cell) for cell in notebook.cells] == before
    return result


def sources(cells: list[NotebookNode]) -> list[str]:
    return [cell.source for cell in cells]


def test_headline_first() -> None:
    """The headline comes first; what was made is folded at the end, with the title."""
    cells = arranged(TITLE, MADE, PART, HEADLINE)
    assert sources(cells) == ["## Headline", "## Part", "# Title", "## Made"]
    before = [cell.metadata.get("before", "") for cell in cells]
    assert before[:2] == ['<section class="headline">', '<section class="part">']
    assert before[2].startswith('<details class="made"><summary>')
    after = [cell.metadata.get("after", "") for cell in cells]
    assert after == ["</section>", "</section>", "", "</details>"]


def test_no_sections() -> None:
    """A notebook without headings stays in order, unfolded."""
    cells = arranged(TITLE, new_code_cell("a"), new_markdown_cell("b"))
    assert sources(cells) == ["# Title", "a", "b"]
    assert not any({"before", "after"} & {*cell.metadata} for cell in cells)


def test_no_tags() -> None:
    """Sections without tags stay in order."""
    two = new_markdown_cell("## Two")
    assert sources(arranged(PART, new_markdown_cell("a"), two)) == ["## Part", "a", "## Two"]


def test_code_last() -> None:
    """The code of a section is one cell at its end; its outputs stay where they are."""
    one, two = new_code_cell("first_step"), new_code_cell("second_step")
    text = new_markdown_cell("between")
    cells = arranged(PART, one, text, two, MADE, new_code_cell("three"))
    assert sources(cells) == [
        "## Part",
        "first_step",
        "between",
        "second_step",
        "first_step\n\nsecond_step",
        "## Made",
        "three",
    ]
    hidden = [bool(cell.metadata.get("transient")) for cell in cells]
    assert hidden == [False, True, False, True, False, False, False]
    page = render(new_notebook(cells=[PART, one, text, two]), "title")
    assert [page.count(text) for text in ("<summary>code", "first_step", "second_step")] == [
        1,
        1,
        1,
    ]


def test_own_metadata() -> None:
    """Metadata of a notebook's author is no HTML of the page."""
    attack = dict.fromkeys(("before", "after", "line"), "<script>")
    cells = arranged(
        new_markdown_cell("## A", metadata=attack), new_code_cell("b", metadata=attack)
    )
    assert not any("<script>" in str(cell.metadata) for cell in cells)
    page = render(new_notebook(cells=[new_code_cell("b", metadata=attack)]), "title")
    assert "<script>" not in page


def test_parameters() -> None:
    """Defaults and what was injected become one line, escaped."""
    defaults = parameters('# a comment\ndate = None\ncolumns = "power"\ndays: int = 1')
    injected = parameters('date = "<b>&"', "injected-parameters")
    first, second = arranged(defaults, injected)
    line = "date = &#x27;&lt;b&gt;&amp;&#x27;, columns = &#x27;power&#x27;, days = 1"
    assert first.metadata["line"] == f'<p class="parameters"><code>{line}</code></p>'
    assert second.metadata["line"] == ""


@pytest.mark.parametrize("source", ["%env A=1", "a, b = 1, 2", "import os\na = 1", "a: int"])
def test_other_parameters(source: str) -> None:
    """A cell of parameters that a line would not show whole stays code."""
    first, second = arranged(parameters(source), parameters("a = 2", "injected-parameters"))
    assert "line" not in first.metadata
    assert "a = 2" in second.metadata["line"]


def test_same_page_twice() -> None:
    """Two pages of one notebook are equal."""
    notebook = new_notebook(cells=[TITLE, PART, new_code_cell("a"), new_code_cell("b")])
    assert render(notebook, "title") == render(notebook, "title")
