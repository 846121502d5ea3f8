"""Keyboards: which letters a finger hits that misses its key.

The layouts are in ``keyboards.toml``. The rows are shifted against each other as on ANSI and ISO
keyboards: by half a key from the digits to the row below, by a quarter to the middle row, by half a
key to the last one. Two keys are neighbours if they lie side by side in a row, or in two rows, one
below the other, less than the width of a key apart. So a key has up to six neighbours, and the
relation is symmetric.

A neighbour stands for a character only if text stays well-formed: a letter for a letter, a digit
for a digit, and a combining sign for a sign of the same combining class.

Ethiopic is typed as Latin consonant and vowel. A vowel that was mistyped gives the same consonant
in another order, so those are the neighbours there; mistyped consonants are not modelled. Chinese,
Japanese and Korean are typed by conversion from another script, and have no keyboard here.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from clirot.errors import UsageError
from clirot.languages import script_of, without_region

_OFFSETS = (0.0, 0.5, 0.75, 1.25)
"""Where the first key of each row lies, in widths of a key."""
_LATIN = "qwerty"
_ETHIOPIC = range(0x1200, 0x1358)
_ORDERS = 7
"""Orders of an Ethiopic consonant, without the labialised ones."""


class Keyboard:
    """The neighbours of letters."""

    def __init__(self, name: str, near: Mapping[str, tuple[str, ...]]) -> None:
        self.name = name
        self._near = near

    def neighbours(self, character: str) -> tuple[str, ...]:
        """The characters beside one, in its own case; empty where it is not on the keyboard.

        An accented letter that has no key of its own lies where its letter lies.
        """
        near = self._near.get(character)
        if near is not None:
            return near
        small = _small(character, self.name)
        near = self._near.get(small) or self._near.get(unicodedata.normalize("NFD", small)[:1], ())
        return tuple(_capital(one, self.name) for one in near) if small != character else near

    @property
    def letters(self) -> tuple[str, ...]:
        """All characters that have a neighbour."""
        return tuple(self._near)


def keyboard_of(language: str | None) -> Keyboard:
    """The keyboard that a language is typed on.

    Args:
        language: a normalised code; None: not known, so that Latin letters on QWERTY are assumed.

    Raises:
        UsageError: the language is written in a script of which no keyboard is known.
    """
    own, code = _by_language(), language or "en"
    # A keyboard of the language in another script would have none of the letters.
    short = without_region(code)
    for one in (code, short):
        if one in own:
            return _keyboard(own[one])
    script = script_of(code) or "unknown"
    if script == "Latn":
        return _keyboard(_LATIN)
    if script == "Ethi":
        return _ethiopic()
    raise UsageError(
        f"no keyboard is known for {language!r} in the script {script}",
        hint="the kinds swap, drop, word-order and asr need none",
    )


def layouts() -> tuple[str, ...]:
    """The names of all layouts."""
    return tuple(_tables())


@cache
def _keyboard(name: str) -> Keyboard:
    table = _tables()[name]
    near: dict[str, set[str]] = {}
    for level in ("rows", "shifted"):
        keys = [
            (row, offset + place, key)
            for row, (offset, line) in enumerate(zip(_OFFSETS, table.get(level, ()), strict=False))
            for place, key in enumerate(line.split(" "))
            if key not in ("", "_")
        ]
        for row, place, key in keys:
            for other_row, other_place, other in keys:
                if _beside(row - other_row, place - other_place) and _alike(key, other):
                    near.setdefault(key, set()).add(other)
    return Keyboard(name, {key: tuple(sorted(others)) for key, others in near.items()})


def _beside(rows: int, places: float) -> bool:
    if rows == 0:
        return abs(places) == 1
    return abs(rows) == 1 and abs(places) < 1


def _alike(one: str, other: str) -> bool:
    """Whether one can stand where the other does."""
    return unicodedata.category(one)[0] == unicodedata.category(other)[0] and (
        unicodedata.combining(one) == unicodedata.combining(other)
    )


@cache
def _ethiopic() -> Keyboard:
    near = {}
    for first in range(_ETHIOPIC.start, _ETHIOPIC.stop, 8):
        orders = [chr(first + order) for order in range(_ORDERS)]
        orders = [one for one in orders if unicodedata.category(one) == "Lo"]
        for one in orders:
            near[one] = tuple(other for other in orders if other != one)
    return Keyboard("ethiopic", {one: others for one, others in near.items() if others})


def _small(character: str, layout: str) -> str:
    if layout == "turkish":
        return {"I": "ı", "İ": "i"}.get(character, character.lower())
    small = character.lower()
    return small if len(small) == 1 else character


def _capital(character: str, layout: str) -> str:
    if layout == "turkish" and character == "i":
        return "İ"
    capital = character.upper()
    return capital if len(capital) == 1 else character


@cache
def _tables() -> dict[str, dict[str, Any]]:
    text = files(__package__).joinpath("keyboards.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _by_language() -> dict[str, str]:
    return {code: name for name, table in _tables().items() for code in table["languages"]}
