"""Translations that were made before, by text, so that none is made twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clirot.cut_texts import AtLeast
from clirot.retrieval.text_cache import Row, TextCache
from clirot.retrieval.translation.translator import Rendering

_KIND = "translations"
FOLDER = f"cache/{_KIND}"
"""Where the files are, below the store's home."""


class TranslationCache:
    """The translations of one translator.

    Args:
        home: of the store.
        identity: all that decides a translation besides the text.

    Raises:
        ArtefactError: the file cannot be read or made.
    """

    def __init__(self, home: Path, identity: Mapping[str, Any]) -> None:
        self._texts = TextCache(home, _KIND, identity, _sound)

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def path(self) -> Path:
        """The file."""
        return self._texts.path

    def get(self, text: str) -> Rendering | None:
        """What became of a text; None where it has not been translated."""
        row = self._texts.get(text)
        if row is None:
            return None
        shortened = row["shortened"]
        return Rendering(
            tuple(row["translations"]),
            bool(row["cut"]),
            _shortened(*shortened) if shortened else None,
        )

    def add(self, renderings: Mapping[str, Rendering]) -> None:
        """Keep what became of some texts.

        Raises:
            ArtefactError: the disk is full.
        """
        self._texts.add({text: _row(rendering) for text, rendering in renderings.items()})


def _shortened(tokens: int, read: int, at_least: bool = False) -> tuple[int, int]:
    return AtLeast(tokens) if at_least else int(tokens), int(read)


def _row(rendering: Rendering) -> Row:
    shortened: list[int] | None = None
    if rendering.shortened is not None:
        more = isinstance(rendering.shortened[0], AtLeast)
        shortened = [*rendering.shortened, *[True] * more]
    return {"translations": rendering.texts, "cut": rendering.cut, "shortened": shortened}


def _sound(row: Row) -> bool:
    texts = all(isinstance(one, str) for one in row["translations"])
    # Before, a text that was cut was kept without its length: it is translated again.
    return texts and "cut" in row and row["shortened"] is not True
