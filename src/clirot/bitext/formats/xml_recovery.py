"""Where an XML document can be read again after a fault, found in its bytes.

A parser cannot go on after a fault. What stands around a unit of bitext is simple, though: units
follow each other inside a few elements that hold them. So the bytes after the fault are searched
for the next tag that begins a unit, or that begins or ends an element which holds units. A tag in a
comment, in CDATA or in a processing instruction is text and is passed over, also where the fault
itself is inside one of these. From there a new parser reads, after it was given the tags that are
open. So a unit is read from its first byte to its last, or not at all.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property
from typing import IO

_CHUNK = 1 << 16
_TAIL = 64  # bytes that may be the beginning of a tag or of a comment
_WRAPPED = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_LINE_END = re.compile(rb"\r\n|\r|\n")
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UNMARKED = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}


@dataclass(frozen=True)
class Outline:
    """The elements of a format down to its units."""

    units: frozenset[str]
    """Elements that can be left out one by one. They do not stand in each other."""
    holders: frozenset[str]
    """Elements that units stand in."""
    around: frozenset[str]
    """All elements that ``holders`` stand in, themselves included."""

    def surrounding(self, name: str) -> bool:
        """Whether an element is around units."""
        return name in self.around

    def unit_at(self, window: bytes, at: int) -> bool:
        """Whether the tag of a unit begins at a place."""
        return at >= 0 and self._unit.match(window, at) is not None

    @cached_property
    def landmark(self) -> re.Pattern[bytes]:
        """Where reading can go on, or something begins in which tags are text."""
        begins = b"|".join(sorted(name.encode() for name in self.units | self.around))
        ends = b"|".join(sorted(name.encode() for name in self.around))
        wrapped = b"|".join(map(re.escape, _WRAPPED))
        return re.compile(
            rb"(?P<wrapped>%s)|<(?:%s)(?=[\s/>])|</(?:%s)(?=[\s>])" % (wrapped, begins, ends)
        )

    @cached_property
    def _unit(self) -> re.Pattern[bytes]:
        return re.compile(rb"<(?:%s)(?=[\s/>])" % b"|".join(one.encode() for one in self.units))


@dataclass(frozen=True)
class Place:
    """Where in the document a parser's first byte stands, or a fault."""

    line: int = 1
    column: int = 0
    """Characters before it on its line. A parser that was given tags first counts these too, and
    then the number may be negative."""
    offset: int = 0
    """Bytes before it."""

    def of(self, line: int, column: int) -> Place:
        """A place as the parser states it, in the document."""
        return Place(self.line + line - 1, column + (self.column if line == 1 else 0))

    def beyond(self, data: bytes) -> Place:
        """The place after some bytes that stand here."""
        ends = list(_LINE_END.finditer(data))
        column = characters(data[ends[-1].end() :] if ends else data)
        column += 0 if ends else self.column
        return Place(self.line + len(ends), column, self.offset + len(data))

    def before(self, tags: bytes) -> Place:
        """The place of tags on the same line, as if they stood before this place."""
        return Place(self.line, self.column - len(tags), self.offset - len(tags))


def characters(data: bytes) -> int:
    """The number of characters in UTF-8, where the bytes are not all right about that many."""
    return len(data.decode("utf-8", "replace"))


class Bytes:
    """The bytes of a document for a parser, UTF-16 as UTF-8.

    What is wrong in UTF-16 stays wrong in UTF-8, so that the parser tells it.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = False
        self.encoding: str | None = None
        """The encoding, whatever the document declares; None: the declared one. Known once
        something was read."""

    def read(self) -> bytes:
        """The next bytes; none: the end."""
        while True:
            data = self._stream.read(_CHUNK)
            if not self._begun:
                self._begun = True
                sixteen = _MARKS.get(data[:2]) or _UNMARKED.get(data[:2])
                if sixteen is not None:
                    self._decoder = codecs.getincrementaldecoder(sixteen)("surrogatepass")
                    self.encoding = "utf-8"
            if self._decoder is None:
                return data
            text = self._decoder.decode(data, final=not data).encode("utf-8", "surrogatepass")
            if text or not data:
                return text


def resumed(
    outline: Outline, window: bytes, at: int, place: Place, source: Bytes, *, in_cdata: bool
) -> tuple[bytes, Place] | None:
    """The bytes from the first tag after a fault at which reading can go on, and their place.

    Args:
        outline: the elements of the format.
        window: bytes around the fault.
        at: the first byte of it that is searched.
        place: where that byte stands in the document.
        source: what follows the window.
        in_cdata: whether the fault is in CDATA.

    Returns:
        None where the document ends before.
    """
    closer = b"]]>" if in_cdata else _wrapped_at(window, at)
    data = window[at:]
    while True:
        if closer is not None:
            end = data.find(closer)
            passed = end + len(closer) if end >= 0 else len(data) - len(closer)
            closer = closer if end < 0 else None
            more = end < 0
        else:
            found = outline.landmark.search(data)
            if found is not None and found["wrapped"] is None:
                return data[found.start() :], place.beyond(data[: found.start()])
            passed = found.end() if found is not None else len(data) - _TAIL
            closer = _WRAPPED[found["wrapped"]] if found is not None else None
            more = found is None
        passed = max(passed, 0)
        if data[passed - 1 : passed] == b"\r":
            passed -= 1  # the line feed after it belongs to it
        place, data = place.beyond(data[:passed]), data[passed:]
        if more:
            piece = source.read()
            if not piece:
                return None
            data += piece


def _wrapped_at(window: bytes, at: int) -> bytes | None:
    """What ends the comment or processing instruction that a place is in, or None."""
    for opener in (b"<!--", b"<?"):
        if window.rfind(opener, 0, at) > window.rfind(_WRAPPED[opener], 0, at):
            return _WRAPPED[opener]
    return None
