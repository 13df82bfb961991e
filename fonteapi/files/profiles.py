"""Profiles: the options of `etl load` for one kind of export, as TOML."""

import tomllib
from argparse import Namespace
from collections.abc import Collection, Sequence
from json import dumps
from pathlib import Path
from typing import Any

from fonteapi.files.errors import WrongInput

FOLDER = Path(__file__).with_name("profiles")
PAIRS = ("rename", "wide", "unit", "unit_scale", "where")
"""Options of pairs; tables in TOML."""
LISTS = ("missing", "names", "narrow", "on_change")
FEWEST = 3
"""As many known names tell an export."""
SINGLE = (
    "delimiter",
    "timestamp_format",
    "timezone",
    "label",
    "decimal",
    "turbine",
    "turbine_from_name",
    "header_row",
    "sheet",
)


def list_profiles() -> list[str]:
    """The names of the profiles that are shipped."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find_profile(header: Collection[str]) -> str | None:
    """The shipped profile that knows a file's names best, if it knows some."""
    known = {name: _read(name).get("rename", {}).keys() & set(header) for name in list_profiles()}
    name = max(known, key=lambda name: len(known[name]))
    return name if len(known[name]) >= FEWEST else None


def apply_profile(name: str, options: Namespace) -> None:
    """Add a profile's options to those that were given, which come before it.

    `name` is that of a shipped profile, or a file. Sets `options.optional`: the names of the
    profile that a file need not have. Raises `WrongInput` with the file and the key.
    """
    profile = _read(name)
    chosen = {word.rpartition("=")[2].strip() for word in (*options.rename, *options.wide)}
    for key in ("rename", "wide"):  # a signal that the user names is the user's alone
        pairs = profile.get(key, {})
        profile[key] = {its: ours for its, ours in pairs.items() if ours not in chosen}
    options.optional = [*profile["rename"]]
    for key in PAIRS:
        given = {word.partition("=")[0].strip() for word in getattr(options, key)}
        pairs = [
            f"{left}={right}"
            for left, rights in profile.get(key, {}).items()
            for right in (rights if isinstance(rights, list) else [rights])
            if key in ("rename", "wide") or left not in given
        ]
        setattr(options, key, [*pairs, *getattr(options, key)])
    for key in LISTS:
        if key in profile and (key == "missing" or not getattr(options, key)):
            setattr(options, key, [*profile[key], *(getattr(options, key) or [])])
    if options.turbine:  # a name that is given comes before a pattern
        profile.pop("turbine_from_name", None)
    for key in SINGLE:
        if key in profile and getattr(options, key) is None:
            setattr(options, key, profile[key])


def _read(name: str) -> dict[str, Any]:
    path = Path(name)
    if path.suffix != ".toml":
        path = FOLDER / f"{name}.toml"
        if name not in list_profiles():
            known = ", ".join(list_profiles())
            raise WrongInput(f"--profile: expected a file.toml or one of {known}, got {name!r}")
    try:
        profile = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongInput(f"--profile: {path} cannot be read: {error}") from None
    expected: dict[str, type] = (
        dict.fromkeys(PAIRS, dict) | dict.fromkeys(LISTS, list) | dict.fromkeys(SINGLE, str)
    )
    expected |= {"description": str, "header_row": int}
    for key, value in profile.items():
        if key not in expected:
            raise WrongInput(f"--profile: {path}: {key!r} is not one of {', '.join(expected)}")
        if not isinstance(value, expected[key]):
            kind = {dict: "a table", list: "a list", str: "a text", int: "a number"}[expected[key]]
            raise WrongInput(f"--profile: {path}: expected {kind} as {key}, got {value!r}")
    return profile


def write_profile(path: Path, options: Namespace) -> None:
    """Write the options that were given, or came from a profile, as a profile."""
    lines = []
    for key in SINGLE:
        value = getattr(options, key)
        if value is not None:
            lines.append(f"{key} = {_text(value)}")
    given = {key: getattr(options, key) for key in LISTS}
    lines += [f"{key} = {_text(list(values))}" for key, values in given.items() if values]
    for key in PAIRS:
        if pairs := _split(getattr(options, key), at_end=key in ("rename", "wide")):
            lines += ["", f"[{key}]"]
            lines += [
                f"{_text(name)} = {_text(values if values[1:] else values[0])}"
                for name, values in pairs.items()
            ]
    path.write_text("\n".join(lines).lstrip("\n") + "\n", "utf-8")


def _split(words: Sequence[str], *, at_end: bool) -> dict[str, list[str]]:
    """The right sides of words such as `power=MW`, by their left sides."""
    pairs: dict[str, list[str]] = {}
    for word in words:
        left, _, right = word.rpartition("=") if at_end else word.partition("=")
        pairs.setdefault(left.strip(), []).append(right.strip())
    return pairs


def _text(value: object) -> str:
    """A value as TOML, which takes JSON's texts and lists."""
    return dumps(value, ensure_ascii=False)
