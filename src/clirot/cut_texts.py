"""Texts of which a model did not read the end: counted in one way by every verb.

A model reads so many tokens of a text and no more. Whatever encodes, translates or answers counts
the texts that are longer, remembers the longest, says so in one sentence, and keeps the same row in
its manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class AtLeast(int):
    """The tokens of a text that was not tokenized to its end: it has as many, and more."""


CutSink = Callable[[int, int, int], None]
"""Told of a text that is longer than it was read: its place, its tokens, those that were read."""

_SHOWN = 60
"""Characters of a name that a remark shows. Sentences are named by their text."""


@dataclass
class CutTexts:
    """How many texts were cut, and the longest of them."""

    count: int = 0
    which: str = ""
    """Id of the longest; a sentence without one is named by its beginning."""
    tokens: int = 0
    """Length of the longest, in tokens of the model, with those that the model puts around it; an
    :class:`AtLeast` where they were not counted to the end."""
    limit: int = 0
    """Tokens of the longest that were read."""

    def add(self, which: str, tokens: int, limit: int) -> None:
        """Count a text of ``tokens`` tokens, of which ``limit`` were read."""
        self.count += 1
        if tokens > self.tokens:
            self.which, self.tokens, self.limit = which[:_SHOWN], tokens, limit

    def become(self, other: CutTexts) -> None:
        """Take over another count, in place of the own one."""
        self.count, self.which = other.count, other.which
        self.tokens, self.limit = other.tokens, other.limit

    @property
    def row(self) -> dict[str, Any]:
        """As it stands in manifests, and in what commands print as JSON."""
        if not self.count:
            return {"count": 0}
        longest: dict[str, Any] = {"id": self.which, "tokens": int(self.tokens), "read": self.limit}
        if isinstance(self.tokens, AtLeast):
            longest["at_least"] = True
        return {"count": self.count, "longest": longest}

    @classmethod
    def of(cls, row: Mapping[str, Any] | None) -> CutTexts:
        """The inverse of :attr:`row`; None, as older manifests have it, is no text."""
        if not row or not row["count"]:
            return cls()
        longest = row["longest"]
        tokens = AtLeast(longest["tokens"]) if longest.get("at_least") else longest["tokens"]
        return cls(row["count"], longest["id"], tokens, longest["read"])

    def __add__(self, other: CutTexts) -> CutTexts:
        """Both together."""
        longer = max((self, other), key=lambda one: one.tokens)
        return CutTexts(self.count + other.count, longer.which, longer.tokens, longer.limit)

    def remark(self, of: int, what: str, reader: str) -> str:
        """One sentence for a person.

        Args:
            of: how many texts there were.
            what: what they are, in the plural.
            reader: the model.
        """
        more = "more than " if isinstance(self.tokens, AtLeast) else ""
        return (
            f"{self.count:,} of {of:,} {what} are longer than {reader} reads, and their end was "
            f"not read: the longest, {self.which!r}, has {more}{self.tokens:,} tokens, of which "
            f"{self.limit:,} were read"
        )


def nobody_told(place: int, tokens: int, limit: int) -> None:
    """The sink that counts nothing."""
