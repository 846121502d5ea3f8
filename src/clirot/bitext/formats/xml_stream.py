"""XML as a stream of events, safe to read from anyone.

Memory does not grow with the document. Entity declarations are refused: no format of bitext needs
them, and with them a small document can become a large one ("billion laughs") or read files of the
machine. An external DTD, which many programs name in their exports, is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Generic, TypeVar
from xml.parsers import expat

from clirot.bitext.formats.compressed import DamagedError
from clirot.errors import InputError

MAX_DEPTH = 500
"""Depth of elements within each other. Translation memories have seven levels."""
MAX_TEXT = 1 << 26
"""Characters of one side, and bytes of a comment or tag: 64 MiB."""

_CHUNK = 1 << 16

Item = TypeVar("Item")


class XmlReader(Generic[Item]):
    """Reads a document event by event; a format is a subclass that handles the events.

    The subclass puts each finished item into ``self.finished``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished: list[Item] = []
        self.depth = 0
        self.size = 0
        """Characters of the text that is being read; a format sets it to 0 where one begins."""
        self._quiet = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._on_start
        self._parser.EndElementHandler = self._on_end
        self._parser.CharacterDataHandler = self._on_text
        self._parser.EntityDeclHandler = self._on_entity
        self._parser.SkippedEntityHandler = self._on_skipped

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins; ``self.depth`` includes it."""

    def end(self, tag: str) -> None:
        """An element has ended; ``self.depth`` still includes it."""

    def text(self, text: str) -> None:
        """Some text, perhaps only a part of the text between two tags."""

    def items(self, stream: IO[bytes]) -> Iterator[Item]:
        """The finished items, while the bytes are read.

        Raises:
            InputError: with the line, where it is not well-formed, declares entities, is nested too
                deeply or has a piece that is too long.
        """
        last = False
        while not last:
            try:
                chunk = stream.read(_CHUNK)
                last = not chunk
                self._quiet += len(chunk)
                self._parser.Parse(chunk, last)
            except expat.ExpatError as error:
                what = expat.ErrorString(error.code)
                raise InputError(
                    f"not well-formed XML: {what} at column {error.offset + 1}",
                    path=self.path,
                    line=error.lineno,
                ) from error
            except DamagedError as error:
                raise error.at_line(self._parser.CurrentLineNumber) from error
            except (LookupError, ValueError) as error:
                # An encoding that Python does not have, or that has several bytes a character.
                raise self.wrong(f"cannot be decoded: {error}", "save it as UTF-8") from error
            if self._quiet > MAX_TEXT:
                raise self.wrong(f"a tag or comment of more than {MAX_TEXT:,} bytes")
            yield from self.finished
            self.finished.clear()

    def wrong(self, message: str, hint: str | None = None) -> InputError:
        """An error with the line that is being read."""
        return InputError(message, path=self.path, line=self._parser.CurrentLineNumber, hint=hint)

    def _on_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._quiet = 0
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.wrong(f"more than {MAX_DEPTH} elements within each other")
        self.start(tag, attributes)

    def _on_end(self, tag: str) -> None:
        self._quiet = 0
        self.end(tag)
        self.depth -= 1

    def _on_text(self, text: str) -> None:
        self._quiet = 0
        self.size += len(text)
        if self.size > MAX_TEXT:
            raise self.wrong(f"a segment of more than {MAX_TEXT:,} characters")
        self.text(text)

    def _on_entity(self, name: str, *_: object) -> None:
        raise self.wrong(
            f"declares the entity {name!r}; entity declarations are refused",
            "export it again without a document type of its own",
        )

    def _on_skipped(self, name: str, *_: object) -> None:
        raise self.wrong(f"the entity &{name}; is not defined")
