"""Text with a sentence a line: its lines, and two files whose lines correspond.

Text is UTF-8, or UTF-16 with a byte order mark. Only a line feed ends a line: ``str.splitlines``
would also cut at Unicode separators, which occur inside sentences, and would so shift all lines
after them. A file whose lines end in carriage returns alone would be one line, and is refused.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import IO, TypeVar

from clirot.bitext.formats.request import Malformed, Part, refuse
from clirot.bounds import LINE, raised, too_long
from clirot.compressed import DamagedError, open_bytes
from clirot.errors import InputError
from clirot.records import SentencePair

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_BLOCK = 1 << 16
_Text = TypeVar("_Text", str, bytes)


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file without their ends; a byte order mark at the start is dropped.

    Raises:
        InputError: with the line, where the bytes are not text, or compressed data is damaged.
    """
    with open_bytes(path) as stream:
        for _, line in numbered_lines(stream, path=path):
            yield line


def numbered_lines(
    stream: IO[bytes], *, path: Path, malformed: Malformed = refuse, charset: str = "utf-8"
) -> Iterator[tuple[int, str]]:
    """(1-based number, line without its end) of a stream of bytes.

    Args:
        stream: the bytes.
        path: what to call them in errors.
        malformed: called for lines that cannot be decoded; if it does not raise, they are left out.
        charset: the encoding, for formats that declare one; it must contain ASCII.

    Raises:
        InputError: with the line, where it is not text or longer than
            :data:`~clirot.bounds.LINE`, or compressed data is damaged.
    """
    number = 0
    try:
        most = raised(LINE)  # of UTF-16, characters
        raw = stream.readline(most + 1)
        encoding = _UTF16.get(raw[:2])
        if raw.startswith(_UTF32):
            raise InputError("UTF-32, not UTF-8", path=path, hint=_CONVERT.format("UTF-32"))
        if encoding is None and (unmarked := _unmarked(raw)) is not None:
            raise InputError(
                f"{unmarked} without a byte order mark", path=path, hint=_CONVERT.format(unmarked)
            )
        if encoding is not None:
            decoded = _sixteen(raw[2:], stream, encoding)
            begin = list(islice(decoded, 2))
            if len(begin) == 1 and "\r" in begin[0].rstrip("\r"):
                raise InputError(_OLD_MAC, path=path, hint=_OLD_MAC_HINT)
            for line in chain(begin, decoded):
                number += 1
                yield number, _within(line, path, number).removesuffix("\r")
            return
        raw = raw.removeprefix(_UTF8_MARK)
        # A byte order mark and nothing else is an empty file.
        while raw:
            number += 1
            if len(raw) > most:
                _within(raw, path, number)
            if number == 1 and b"\r" in raw.rstrip(b"\r") and not raw.endswith(b"\n"):
                raise InputError(_OLD_MAC, path=path, hint=_OLD_MAC_HINT)
            try:
                line = raw.decode(charset)
            except UnicodeDecodeError as error:
                malformed(_not_text(raw, error, charset, path, number))
            else:
                yield number, line.removesuffix("\n").removesuffix("\r")
            raw = stream.readline(most + 1)
    except DamagedError as error:
        raise error.at_line(number + 1) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"not {error.encoding.upper()}: {error.reason}", path=path, line=number + 1
        ) from error


_OLD_MAC = "its lines end in carriage returns alone, so that it is one line"
_OLD_MAC_HINT = "make lines of it, for example with: tr '\\r' '\\n'"
_CONVERT = "convert it, for example with: iconv -f {} -t UTF-8"


def _unmarked(head: bytes) -> str | None:
    """UTF-16 that has no byte order mark: mostly ASCII, it has NUL at every other place."""
    head = head[:1000]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 16 or min(even, odd) or 4 * max(even, odd) < len(head):
        return None
    return "UTF-16LE" if odd > even else "UTF-16BE"


def _sixteen(head: bytes, stream: IO[bytes], encoding: str) -> Iterator[str]:
    """Lines of UTF-16, in which the byte 0x0A may be half of another character."""
    decoder = codecs.getincrementaldecoder(encoding)()
    rest = decoder.decode(head)
    while True:
        *lines, rest = rest.split("\n")
        yield from lines
        if len(rest) > raised(LINE):
            yield rest  # the caller, who counts the lines, refuses it
        block = stream.read(_BLOCK)
        rest += decoder.decode(block, final=not block)
        if not block:
            if rest:
                yield rest
            return


def _within(line: _Text, path: Path, number: int) -> _Text:
    if len(line) > (most := raised(LINE)):
        raise too_long("a line", most, path=path, line=number)
    return line


def _not_text(
    raw: bytes, error: UnicodeDecodeError, charset: str, path: Path, number: int
) -> InputError:
    return InputError(
        f"not {charset.upper()}: byte 0x{raw[error.start]:02x} at column {error.start + 1}",
        path=path,
        line=number,
        hint="convert the file, for example with: iconv -f WINDOWS-1252 -t UTF-8",
    )


def excerpt(line: str) -> str:
    """The beginning of a line, for an error."""
    return repr(line if len(line) <= 60 else line[:57] + "...")


def counted(cells: Sequence[str]) -> str:
    """The number of columns of a row, in words."""
    return "1 column" if len(cells) == 1 else f"{len(cells)} columns"


def read_aligned(
    src: Path | Part, tgt: Path | Part, *, id_prefix: str = ""
) -> Iterator[SentencePair]:
    """The pairs of corresponding lines; the id is ``id_prefix`` and the line number.

    Raises:
        InputError: one file ends before the other (both counts are named), or is not text.
    """
    one, other = (side if isinstance(side, Part) else Part(side) for side in (src, tgt))
    with ExitStack() as stack:
        here, there = (
            numbered_lines(stack.enter_context(side.open()), path=side.label)
            for side in (one, other)
        )
        for number, (first, second) in enumerate(zip_longest(here, there), start=1):
            if first is None or second is None:
                more = 1 + sum(1 for _ in (there if first is None else here))
                counts = (number - 1, number - 1 + more)
                src_lines, tgt_lines = counts if first is None else counts[::-1]
                raise InputError(
                    f"{src_lines} lines, but {other.label} has {tgt_lines}: they do not correspond",
                    path=one.label,
                    hint="both files must have one sentence a line, in the same order",
                )
            yield SentencePair(first[1], second[1], f"{id_prefix}{number}", number)
