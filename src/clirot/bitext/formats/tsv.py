"""Tab-separated bitext, UTF-8, one pair a line: ``source TAB target [TAB id]``, or other columns.

Quotation marks are text, not syntax. An empty line is a pair with two empty sides, so that it is
counted among the dropped pairs. A first line that names the two languages (``en TAB so``) or sides
(``src TAB tgt``) is a header.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from clirot.bitext.formats.fields import Fields, Request, found_in, missing
from clirot.bitext.formats.lines import counted, excerpt, numbered_lines
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_ROW = "a row is: source sentence TAB target sentence, and TAB id if there is one"


def read_tsv(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The rows of tab-separated text; where a row has no id, its line number is the id.

    Raises:
        InputError: with the line, where a row has too few or too many columns or is not UTF-8, or
            the header lacks a column.
    """
    pair, fields, malformed = request.pair, request.fields, request.malformed
    places = fields.places if fields is not None else None
    width: int | None = None  # of a table with a header
    for number, line in numbered_lines(stream, path=path, malformed=malformed):
        cells = line.split("\t")
        if number == 1 and places is None:
            header = _header(cells, pair, fields, path)
            if header is not None:
                places, width = header, len(cells)
                continue
        if not line.strip():
            yield SentencePair("", "", str(number), number)
            continue
        if places is None:
            if len(cells) not in (2, 3):
                malformed(_wrong(cells, line, path, number, _ROW))
                continue
            chosen = cells
        else:
            if len(cells) <= max(places) or (width is not None and len(cells) != width):
                hint = f"the header has {width}" if width else "the columns asked for are not there"
                malformed(_wrong(cells, line, path, number, hint))
                continue
            chosen = [cells[place] for place in places]
        identifier = chosen[2].strip() if len(chosen) == 3 else ""
        yield SentencePair(chosen[0], chosen[1], identifier or str(number), number)


def _header(
    cells: list[str], pair: LanguagePair, fields: Fields | None, path: Path
) -> tuple[int, ...] | None:
    """The places of the fields in a first line, or None if that line is a row."""
    names = [cell.strip() for cell in cells]
    if fields is not None and not set(fields.names) <= set(names):
        message, hint = missing(names, pair, fields)
        raise InputError(message, path=path, line=1, hint=hint)
    chosen = fields or found_in(names, pair)
    return tuple(names.index(name) for name in chosen.names) if chosen is not None else None


def _wrong(cells: list[str], line: str, path: Path, number: int, hint: str) -> InputError:
    return InputError(f"{counted(cells)}: {excerpt(line)}", path=path, line=number, hint=hint)
