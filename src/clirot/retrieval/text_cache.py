"""What models wrote for texts, by text, so that nothing is asked of a model twice.

Every model with its settings has a file of JSON lines. Batches are added at its end as they are
made, so an interrupted command goes on where it stopped. A line that a killed process left
unfinished, or that is not as its checksum says, is passed over. Lines of an earlier clirot have no
checksum. Processes that ask the same at once do work twice at worst.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clirot.json_values import json_object
from clirot.store import disk_error, fingerprint

_FORMAT = 1
_TEXT, _SUM = "text", "sum"
Row = Mapping[str, Any]
"""What became of a text, as it is kept."""


class TextCache:
    """What one model wrote.

    Args:
        home: of the store; the files are below ``cache/<kind>``.
        kind: of what is written, such as ``translations``.
        identity: all that decides what is written besides the text.
        sound: whether a row that was read has what a row must have.

    Raises:
        ArtefactError: the file cannot be read or made.
    """

    def __init__(
        self, home: Path, kind: str, identity: Mapping[str, Any], sound: Callable[[Row], bool]
    ) -> None:
        name = fingerprint(kind, {"format": _FORMAT, **identity}, (), None)
        self.path = home / "cache" / kind / f"{name}.jsonl"
        self._sound = sound
        self._places: dict[bytes, int] = {}
        """Key of a text -> where its line begins. What is written for a collection of documents is
        too much to hold."""
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
                row = self._parsed(line)
                if row is not None:
                    self._places[bytes.fromhex(row[_TEXT])] = place
                place += len(line)

    def get(self, text: str) -> Row | None:
        """What became of a text; None where it has not been asked."""
        place = self._places.get(_key(text))
        if place is None:
            return None
        try:
            with self.path.open("rb") as stream:
                stream.seek(place)
                row = self._parsed(stream.readline())
        except OSError as error:
            raise disk_error(error, self.path) from error
        if row is None or row[_TEXT] != _key(text).hex():  # changed under our hands
            return None
        return row

    def add(self, rows: Mapping[str, Row]) -> None:
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
                for text, row in rows.items():
                    self._places[_key(text)] = place + len(whole)
                    whole += _line(text, row)
                stream.write(whole)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def _parsed(self, line: bytes) -> Row | None:
        """A row of the file; None: half of one, or something else."""
        try:
            row: Row = json_object(line)
            bytes.fromhex(row[_TEXT])
            said = {name: value for name, value in row.items() if name != _SUM}
            if _SUM in row and row[_SUM] != _sum(said):
                return None
            return said if self._sound(said) else None
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _line(text: str, row: Row) -> bytes:
    whole = {_TEXT: _key(text).hex(), **row}
    whole[_SUM] = _sum(whole)
    return json.dumps(whole, ensure_ascii=False).encode() + b"\n"


def _sum(row: Row) -> str:
    """Half of the SHA-256 of what a line says."""
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:32]
