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
CHOICES = {"label": ("start", "end"), "decimal": (".", ",")}
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
    _drop_what_is_given(profile, options)
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
            setattr(options, key, [*map(str, profile[key]), *(getattr(options, key) or [])])
    for key in SINGLE:
        if key in profile and getattr(options, key) is None:
            setattr(options, key, profile[key])


def _drop_what_is_given(profile: dict[str, Any], options: Namespace) -> None:
    """Drop what an option of another name decides: a signal, its unit, the turbine."""
    chosen = {word.rpartition("=")[2].strip() for word in (*options.rename, *options.wide)}
    for key in ("rename", "wide"):  # a signal that the user names is the user's alone
        pairs = profile.get(key, {})
        profile[key] = {its: ours for its, ours in pairs.items() if ours not in chosen}
    for key, other in (("unit", "unit_scale"), ("unit_scale", "unit")):
        given = {word.partition("=")[0].strip() for word in getattr(options, other)}
        pairs = profile.get(key, {})
        profile[key] = {name: value for name, value in pairs.items() if name not in given}
    if options.turbine or options.turbine_from_name or "turbine" in chosen or options.wide:
        profile.pop("turbine", None)
        profile.pop("turbine_from_name", None)


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
        if type(value) is not expected[key]:
            kind = {dict: "a table", list: "a list", str: "a text", int: "a number"}[expected[key]]
            raise WrongInput(f"--profile: {path}: expected {kind} as {key}, got {value!r}")
        _check_values(path, key, value)
    return profile


def _check_values(path: Path, key: str, value: Any) -> None:
    """Refuse what the option on the command line cannot have."""
    pairs = value.items() if isinstance(value, dict) else [("", value)]
    for name, each in pairs:
        expected = "a text"
        types: tuple[type, ...] = (str,)
        if key in ("unit_scale", "missing", "where", "header_row"):
            expected, types = "a text or a number", (str, int, float)
        is_list = key in LISTS or (key == "where" and isinstance(each, list))
        entry = f"{key}.{name}" if name else key
        for one in each if is_list else [each]:
            if type(one) not in types:
                raise WrongInput(f"--profile: {path}: expected {expected} in {entry}, got {one!r}")
    choices = CHOICES.get(key)
    if choices and value not in choices:
        known = " or ".join(map(repr, choices))
        raise WrongInput(f"--profile: {path}: expected {known} as {key}, got {value!r}")
    if key == "narrow" and len(value) != len(("tag", "value")):
        raise WrongInput(f"--profile: {path}: expected two names as narrow, got {value!r}")


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
    return {left: list(dict.fromkeys(rights)) for left, rights in pairs.items()}


def _text(value: object) -> str:
    """A value as TOML, which takes JSON's texts and lists."""
    return dumps(value, ensure_ascii=False)
