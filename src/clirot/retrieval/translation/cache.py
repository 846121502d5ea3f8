"""Translations that were made before, by text, so that none is made twice.

Every translator with its settings and languages has a file of JSON lines. Batches are added at its
end as they are made, so an interrupted run goes on where it stopped. A line that a killed process
left unfinished is passed over. Processes that translate the same at once do work twice at worst.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clirot.retrieval.translation.translator import Rendering
from clirot.store import disk_error, fingerprint

_FORMAT = 1
FOLDER = "cache/translations"
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
        name = fingerprint("translations", {"format": _FORMAT, **identity}, (), None)
        self.path = home / FOLDER / f"{name}.jsonl"
        self._places: dict[bytes, int] = {}
        """Key of a text -> where its line begins. The translations of a collection of documents
        are too many to hold."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                self._read()
        except OSError as error:
            raise disk_error(error, self.path) from error

    def __len__(self) -> int:
        return len(self._places)

    def _read(self) -> None:
        with self.path.open("rb") as stream:
            place = 0
            for line in stream:
                row = _parsed(line)
                if row is not None:
                    self._places[bytes.fromhex(row["text"])] = place
                place += len(line)

    def get(self, text: str) -> Rendering | None:
        """What became of a text; None where it has not been translated."""
        place = self._places.get(_key(text))
        if place is None:
            return None
        try:
            with self.path.open("rb") as stream:
                stream.seek(place)
                row = _parsed(stream.readline())
        except OSError as error:
            raise disk_error(error, self.path) from error
        if row is None or row["text"] != _key(text).hex():  # changed under our hands
            return None
        return Rendering(tuple(row["translations"]), bool(row["cut"]), bool(row["shortened"]))

    def add(self, renderings: Mapping[str, Rendering]) -> None:
        """Keep what became of some texts.

        Raises:
            ArtefactError: the disk is full.
        """
        import filelock

        try:
            with (
                filelock.FileLock(self.path.with_name(f".{self.path.name}.lock")),
                self.path.open("a+b") as stream,
            ):
                place = stream.seek(0, 2)
                whole = b""
                if place:
                    stream.seek(place - 1)
                    if stream.read(1) != b"\n":  # somebody was killed in the middle of a line
                        whole = b"\n"
                for text, rendering in renderings.items():
                    self._places[_key(text)] = place + len(whole)
                    whole += _line(text, rendering)
                stream.write(whole)
        except OSError as error:
            raise disk_error(error, self.path) from error


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _line(text: str, rendering: Rendering) -> bytes:
    row = {
        "text": _key(text).hex(),
        "translations": rendering.texts,
        "cut": rendering.cut,
        "shortened": rendering.shortened,
    }
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A row of the file; None: half of one, or something else."""
    try:
        row = json.loads(line)
        bytes.fromhex(row["text"])
        sound = all(isinstance(one, str) for one in row["translations"])
        sound = sound and {"cut", "shortened"} <= set(row)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return row if sound else None
