"""SVG in a page: as a `data:` address of few bytes, which needs no other file."""

import re

USELESS = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<\?xml.*?\?>|<!DOCTYPE.*?>", re.DOTALL)
"""What only a drawing program needs."""
TAG = re.compile(r"<[^>]*>")
PATH = re.compile(r'(\sd=")([^"]*)(")')
STEP = re.compile(r"\s*([A-Za-z])\s*")
PLACE = re.compile(r'(\s(?:d|x|y)=")([^"]*)(")')
NUMBER = re.compile(r"-?\d+\.\d{3,}")
SWAP = str.maketrans({'"': "'", "'": '"'})
ESCAPES = str.maketrans({"%": "%25", "#": "%23", '"': "%22", "&": "%26", "\n": "%0A", "\r": ""})


def shrink(svg: str) -> str:
    """The same picture without what no browser needs: comments, metadata, blanks.

    Places are rounded to a hundredth of a point.
    """
    plain = re.sub(r">\s+<", "><", USELESS.sub("", svg)).strip()
    plain = PLACE.sub(lambda found: found[1] + NUMBER.sub(_round, found[2]) + found[3], plain)
    return PATH.sub(lambda found: found[1] + STEP.sub(r"\1", found[2]) + found[3], plain)


def _round(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def to_address(svg: str) -> str:
    """The picture as a `data:` address, to stand between double quotes.

    Base64 takes a third more. Quotes change places within tags, since those of attributes are many.
    """
    swapped = TAG.sub(lambda tag: tag[0].translate(SWAP), shrink(svg))
    return f"data:image/svg+xml,{swapped.translate(ESCAPES)}"
