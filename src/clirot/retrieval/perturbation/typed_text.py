"""A text as it is typed: its characters, and where each lies in its word.

A character is a grapheme cluster (Unicode Standard Annex 29): a letter with its marks and vowel
signs. Words are those of ICU's word breaker, so that Thai has words too.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

import regex

from clirot.analysis import pieces

_CLUSTER = regex.compile(r"\X")
FIRST, INSIDE, LAST, OTHER = "first", "inside", "last", "other"
"""Places in a word, and outside of any."""


def clusters(text: str) -> list[str]:
    """The grapheme clusters of a text; together they are the text."""
    return _CLUSTER.findall(text)  # type: ignore[no-any-return]


def is_word(piece: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(map(str.isalnum, piece))


@dataclass(frozen=True)
class TypedText:
    """The characters of a text, and their places."""

    units: list[str]
    """Grapheme clusters."""
    word_of: list[int | None]
    """For each unit the number of its word; None: it is in none."""

    @classmethod
    def of(cls, text: str, language: str | None) -> TypedText:
        """A text taken apart.

        Args:
            text: any text.
            language: whose words they are; None: not known.
        """
        units: list[str] = []
        word_of: list[int | None] = []
        for number, piece in enumerate(pieces(text, language)):
            here = clusters(piece)
            word_of += [number if is_word(piece) else None] * len(here)
            units += here
        return cls(units, word_of)

    @cached_property
    def places(self) -> list[str]:
        """For each unit its place; the letter of a word of one is its first."""
        return [self._place(at) for at in range(len(self.units))]

    def _place(self, at: int) -> str:
        word = self.word_of[at]
        if word is None:
            return OTHER
        if at == 0 or self.word_of[at - 1] != word:
            return FIRST
        return INSIDE if at + 1 < len(self.units) and self.word_of[at + 1] == word else LAST

    def gap_place(self, at: int) -> str:
        """The place of what is put in before a unit: before a word's first letter is first, behind
        its last is last.
        """
        before = self.word_of[at - 1] if at else None
        after = self.word_of[at] if at < len(self.units) else None
        if before is not None and before == after:
            return INSIDE
        if after is not None:
            return FIRST
        return OTHER if before is None else LAST

    def with_changes(self, instead: dict[int, str], before: dict[int, str]) -> str:
        """The text with units replaced, and with others put in before units.

        Args:
            instead: place -> what stands there now; empty: nothing.
            before: place -> what is put in before it; the number of units: at the end.
        """
        parts = [before.get(at, "") + instead.get(at, unit) for at, unit in enumerate(self.units)]
        return "".join([*parts, before.get(len(self.units), "")])


def without_one_key(unit: str, at: int) -> str:
    """A character after one of its keys was missed.

    A sign or mark goes alone. With the letter goes all that hangs on it, so that no mark comes to
    stand on another letter.

    Args:
        unit: a grapheme cluster.
        at: which of its code points was missed.
    """
    if at and unicodedata.category(unit[at])[0] == "M":
        return unit[:at] + unit[at + 1 :]
    return ""
