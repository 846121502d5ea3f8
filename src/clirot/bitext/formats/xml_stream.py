"""XML as a stream of events, safe to read from anyone.

Memory does not grow with the document. Entity declarations are refused: no format of bitext needs
them, and with them a small document can become a large one ("billion laughs") or read files of the
machine. An external DTD, which many programs name in their exports, is not read.

A fault inside a unit of the format can be left out with its unit: reading goes on with the next
one, which a parser of its own reads (:mod:`clirot.bitext.formats.xml_recovery`). A fault elsewhere,
a document that ends too early and whatever is hostile always end the reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import IO, Generic, Literal, TypeVar
from xml.parsers import expat

from clirot.bitext.formats.request import Malformed, refuse_row
from clirot.bitext.formats.xml_recovery import Bytes, Outline, Place, characters, resumed
from clirot.compressed import DamagedError
from clirot.errors import InputError

MAX_DEPTH = 500
"""Depth of elements within each other. Translation memories have seven levels."""
MAX_TEXT = 1 << 26
"""Characters of one side, and bytes of a comment or tag: 64 MiB."""

Item = TypeVar("Item")


class UnitFaultError(InputError):
    """Something is wrong inside a unit, and what stands around the unit can be read."""


class XmlReader(Generic[Item]):
    """Reads a document event by event; a format is a subclass that handles the events.

    The subclass puts each finished item into ``self.finished``.
    """

    outline = Outline(units=frozenset(), holders=frozenset(), around=frozenset())
    """The elements that are units, and those around them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished: list[Item] = []
        self.depth = 0
        self.size = 0
        """Characters of the text that is being read; a format sets it to 0 where one begins."""
        self.count = 0
        """Units that have begun."""
        self.broken = 0
        """Faults that were left out."""
        self._open: list[str] = []
        self._in_unit = False
        self._edge = 0
        """Where the last tag of a unit, or of what is around units, begins: bytes before it."""
        self._opened = 0
        """Bytes of the tags that the parser was given before the bytes of the document."""
        self._resumed = -1
        """Where reading began again the last time: bytes before it."""
        self._unit_line = 0
        self._in_cdata = False
        self._quiet = 0
        self._fault_at = 0
        self._encoding: str | None = None
        self._place = Place()
        self._parser = self._new_parser()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins; ``self.depth`` includes it."""

    def end(self, tag: str) -> None:
        """An element has ended; ``self.depth`` still includes it."""

    def text(self, text: str) -> None:
        """Some text, perhaps only a part of the text between two tags."""

    def left_out(self, start: int, end: int, unit: int | None) -> None:
        """Bytes were left out; what was begun in them is void.

        Args:
            start: where the tag before them begins: of the unit itself, or of what stands before.
            end: the first byte that is read again.
            unit: the number of the unit that they were, or None if they stood between units.
        """

    def items(self, stream: IO[bytes], malformed: Malformed = refuse_row) -> Iterator[Item]:
        """The finished items, while the bytes are read.

        Args:
            stream: the document.
            malformed: told of each broken unit, which is left out if it does not raise.

        Raises:
            InputError: with the line, where it is not well-formed, declares entities, is nested too
                deeply or has a piece that is too long.
        """
        source = Bytes(stream)
        try:
            piece = source.read()
            self._encoding = source.encoding
            self._parser = self._new_parser()
            before, fed = b"", 0
            while True:
                self._quiet += len(piece)
                try:
                    self._parser.Parse(piece, not piece)
                except (expat.ExpatError, UnitFaultError) as error:
                    begins = fed - len(before)
                    piece = self._beyond(
                        error, before + piece, begins, source, malformed, at_end=not piece
                    )
                    before, fed = b"", self._opened
                    yield from self._taken()
                    continue
                if self._quiet > MAX_TEXT:
                    raise self.wrong(f"a tag or comment of more than {MAX_TEXT:,} bytes")
                yield from self._taken()
                if not piece:
                    return
                before, fed = piece, fed + len(piece)
                piece = source.read()
        except DamagedError as error:
            raise error.at_line(self._line()) from error
        except (LookupError, ValueError) as error:
            # An encoding that Python does not have, or that has several bytes a character.
            raise self.wrong(f"cannot be decoded: {error}", "save it as UTF-8") from error

    def wrong(self, message: str, hint: str | None = None) -> InputError:
        """An error with the line that is being read, which always ends the reading."""
        return InputError(message, path=self.path, line=self._line(), hint=hint)

    def fault(self, message: str) -> UnitFaultError:
        """An error of the unit that is being read, to be raised where an element begins."""
        self._fault_at = self._parser.CurrentByteIndex
        return UnitFaultError(message, path=self.path, line=self._line())

    def _taken(self) -> list[Item]:
        taken, self.finished = self.finished, []
        return taken

    def _line(self) -> int:
        return self._place.line + self._parser.CurrentLineNumber - 1

    def _beyond(
        self,
        error: expat.ExpatError | UnitFaultError,
        window: bytes,
        begins: int,
        source: Bytes,
        malformed: Malformed,
        *,
        at_end: bool,
    ) -> bytes:
        """Leave out the unit that a fault is in; the bytes to go on with, for a new parser.

        Args:
            error: the fault.
            window: the bytes around it.
            begins: index of the first of them in what the parser got.
            source: the bytes that follow.
            malformed: told of it.
            at_end: whether the document has ended.
        """
        if isinstance(error, UnitFaultError):
            problem: InputError = error
            at = self._fault_at - begins
            line = window[window.rfind(b"\n", 0, max(at, 0)) + 1 : max(at, 0)]
            place = Place(error.line or 1, characters(line))
        else:
            place = self._place.of(error.lineno, error.offset)
            what = expat.ErrorString(error.code)
            problem = InputError(
                f"not well-formed XML: {what} at column {place.column + 1}",
                path=self.path,
                line=place.line,
            )
            at = self._parser.ErrorByteIndex - begins
        unit = self._unit_of(window, at)
        if at_end or at < 0 or unit is False:
            raise problem from error
        malformed(problem)
        self.broken += 1
        place = replace(place, offset=self._place.offset + begins + at)
        # A tag that follows half of a tag is whole, so far as is known, and so is a unit in a unit.
        if not self.outline.landmark.match(window, at) or place.offset == self._resumed:
            place, at = place.beyond(window[at : at + 1]), at + 1
        found = resumed(self.outline, window, at, place, source, in_cdata=self._in_cdata)
        if found is None:
            raise InputError(
                "not well-formed XML, and the document ends before it is whole again",
                path=self.path,
                line=place.line,
                hint="copy it again: it was cut off",
            )
        rest, place = found
        self.left_out(self._edge, place.offset, unit or None)
        self._resumed = place.offset
        around = list(takewhile(self.outline.surrounding, self._open))
        opened = "".join(f"<{name}>" for name in around).encode(self._encoding or "utf-8")
        self._place, self._opened = place.before(opened), len(opened)
        self._in_unit = self._in_cdata = False
        self._open, self.depth = around, len(around)
        self._quiet = self.size = 0
        self._parser = self._new_parser(opened)
        return rest

    def _unit_of(self, window: bytes, at: int) -> int | Literal[False] | None:
        """The number of the unit that a fault is in; None if it is between units; False if it is
        elsewhere. A tag of a unit that is broken itself is counted as a unit.
        """
        if self._in_unit:
            return self.count
        if not self._open or self._open[-1] not in self.outline.holders:
            return False
        if not self.outline.unit_at(window, window.rfind(b"<", 0, at + 1)):
            return None
        self.count += 1
        return self.count

    def _new_parser(self, opened: bytes = b"") -> expat.XMLParserType:
        parser = expat.ParserCreate(self._encoding)
        parser.buffer_text = True
        if opened:
            parser.Parse(opened, False)
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        parser.EntityDeclHandler = self._on_entity
        parser.SkippedEntityHandler = self._on_skipped
        parser.XmlDeclHandler = self._on_declaration
        parser.StartCdataSectionHandler = self._on_cdata
        parser.EndCdataSectionHandler = self._on_cdata_end
        return parser

    def _on_declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self._encoding = self._encoding or encoding

    def _on_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._quiet = 0
        if tag in self.outline.units:
            if self._in_unit:
                raise self.fault(f"the <{tag}> of line {self._unit_line} is not closed")
            self.count += 1
            self._in_unit = True
            self._unit_line = self._line()
        self._mark(tag)
        self.depth += 1
        self._open.append(tag)
        if self.depth > MAX_DEPTH:
            raise self.wrong(f"more than {MAX_DEPTH} elements within each other")
        self.start(tag, attributes)

    def _on_end(self, tag: str) -> None:
        self._quiet = 0
        self.end(tag)
        if tag in self.outline.units:
            self._in_unit = False
        self._mark(tag)
        self.depth -= 1
        self._open.pop()

    def _mark(self, tag: str) -> None:
        if tag in self.outline.units or tag in self.outline.around:
            self._edge = self._place.offset + self._parser.CurrentByteIndex

    def _on_text(self, text: str) -> None:
        self._quiet = 0
        self.size += len(text)
        if self.size > MAX_TEXT:
            raise self.wrong(f"a segment of more than {MAX_TEXT:,} characters")
        self.text(text)

    def _on_cdata(self) -> None:
        self._in_cdata = True

    def _on_cdata_end(self) -> None:
        self._in_cdata = False

    def _on_entity(self, name: str, *_: object) -> None:
        raise self.wrong(
            f"declares the entity {name!r}; entity declarations are refused",
            "export it again without a document type of its own",
        )

    def _on_skipped(self, name: str, *_: object) -> None:
        raise self.fault(f"the entity &{name}; is not defined")
