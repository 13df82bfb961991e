"""The SVG of a page is the plot that was drawn, in fewer bytes."""

import io
import re
from base64 import b64encode
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest

from etl_lib.archive.svg import shrink, to_address


@pytest.fixture
def svg() -> str:
    figure, ax = plt.subplots()
    ax.plot(np.random.default_rng(1).normal(size=300), label='others\' & <b> 50 % # "quoted"')
    ax.imshow(np.eye(3), extent=(0, 300, -1, 1), aspect="auto")
    ax.legend()
    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg")
    plt.close(figure)
    return file.getvalue()


def elements(svg: str) -> list[tuple[object, ...]]:
    """Each element's name, other attributes, places and text, without metadata."""
    found = []
    for each in ET.fromstring(svg).iter():
        facts = {name: value.replace("'", '"') for name, value in each.items()}
        places = " ".join(facts.pop(name, "") for name in ("d", "x", "y"))
        letters, numbers = re.findall("[A-Za-z]", places), re.findall(r"[-.\d]+", places)
        if each.tag.startswith("{http://www.w3.org/2000/svg}") and "metadata" not in each.tag:
            text = (each.text or "").strip()
            found.append((each.tag, facts, letters, [*map(float, numbers)], text))
    return found


def test_same_picture(svg: str) -> None:
    """Nothing that is drawn is lost, and text keeps its quotes."""
    address = to_address(svg)
    assert not set('"\n') & set(address)
    shown = unquote(address.removeprefix("data:image/svg+xml,"))
    for found, expected in zip(elements(shown), elements(svg), strict=True):
        assert (*found[:3], found[4]) == (*expected[:3], expected[4])
        assert found[3] == pytest.approx(expected[3], abs=0.005)
    assert 'others\' &amp; &lt;b&gt; 50 % # "quoted"' in shown


def test_fewer_bytes(svg: str) -> None:
    """Two thirds of what base64 takes of the whole file, at most."""
    assert len(to_address(svg)) < 0.67 * len(b64encode(svg.encode()))
    assert len(shrink(svg)) < len(svg)
