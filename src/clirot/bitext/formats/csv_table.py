"""Comma-separated bitext with quotation marks and a header (RFC 4180), read as a stream.

The header shows whether commas, semicolons or tabs separate the columns; spreadsheets of many
countries write semicolons. A quotation mark that is never closed would make one field of the rest
of the file. So a field of more than 131,072 characters (the limit of Python's ``csv``) is an error,
with the line where its row begins.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from clirot.bitext.formats.columns import sampled
from clirot.bitext.formats.lines import counted, excerpt, numbered_lines
from clirot.bitext.formats.numbered_columns import by_number
from clirot.bitext.formats.request import Request, found_in, missing
from clirot.bounds import most_fields, too_wide
from clirot.errors import InputError
from clirot.records import SentencePair

_DELIMITERS = (",", ";", "\t")


def read_csv(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The rows of comma-separated text; where there is no column of ids, the line is the id.

    Raises:
        InputError: with the line, where a row is not as wide as the others, its quotation marks do
            not match, the header lacks a column, or it is not UTF-8.
    """
    pair, fields = request.pair, request.fields
    places = fields.places if fields is not None else None
    width: int | None = None
    rows = _rows(stream, path, request)
    if places is not None:
        first, rest = sampled(rows, lambda one: sum(map(len, one[1])))
        full = [row for row in first if row[1]]
        if full:
            width, header = by_number(full, places, path, request)
            first = [row for row in first if row[0] != header]
        rows = chain(first, rest)
    for number, row in rows:
        if width is None and row:
            width = len(row)
            if places is None:
                names = [cell.strip() for cell in row]
                known = fields if fields and set(fields.names) <= set(names) else None
                chosen = known if fields else request.found_in(names)
                if chosen is None:
                    message, hint = missing(names, pair, fields)
                    raise InputError(message, path=path, line=number, hint=hint)
                places = tuple(names.index(name) for name in chosen.names)
                continue
        if not row:
            yield SentencePair("", "", str(number), number)
            continue
        if places is None or len(row) != width or len(row) <= max(places):
            request.malformed(
                InputError(
                    f"{counted(row)}: {excerpt(', '.join(row))}",
                    path=path,
                    line=number,
                    hint=f"the other rows have {width}",
                )
            )
            continue
        identifier = row[places[2]].strip() if len(places) == 3 else ""
        yield SentencePair(row[places[0]], row[places[1]], identifier or str(number), number)


def _rows(stream: IO[bytes], path: Path, request: Request) -> Iterator[tuple[int, list[str]]]:
    """The rows of a stream, each with the line it begins on."""
    lines = _Lines(numbered_lines(stream, path=path, malformed=request.malformed))
    first = lines.first()
    if first is None:
        return
    most = most_fields()
    reader = csv.reader(lines, delimiter=_delimiter(first, request), strict=True)
    while True:
        lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            request.malformed(_wrong(error, lines, path))
            lines.go_back()
            continue
        if len(row) > most:
            request.malformed(too_wide(path, lines.start))
            continue
        yield lines.start, row


def _wrong(error: csv.Error, lines: _Lines, path: Path) -> InputError:
    why = str(error)
    if "field larger than" in why or "unexpected end of data" in why:
        why = f"a quotation mark opened in this row is not closed by line {lines.end}"
    return InputError(
        f"not comma-separated text: {why}",
        path=path,
        line=lines.start,
        hint="a quotation mark inside a field is written twice; `format=tsv` has no quoting",
    )


class _Lines:
    """The lines that ``csv`` reads; those of the present row are kept.

    A stray quotation mark makes the following rows a part of its own row. If that row is left out,
    reading goes on with the line after its first one.
    """

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self._again: deque[tuple[int, str]] = deque()
        self._row: list[tuple[int, str]] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        numbered = self._again.popleft() if self._again else next(self._lines)
        self._row.append(numbered)
        return numbered[1] + "\n"

    def first(self) -> str | None:
        """The first line that is not empty; reading then begins with it."""
        for number, line in self._lines:
            if line.strip():
                self._again.append((number, line))
                return line
        return None

    def begin(self) -> None:
        """A row begins with the next line."""
        self._row.clear()

    def go_back(self) -> None:
        """Read all lines of the row but its first again."""
        self._again.extendleft(reversed(self._row[1:]))

    @property
    def start(self) -> int:
        """Where the row begins."""
        return self._row[0][0]

    @property
    def end(self) -> int:
        """The last line that was read for the row."""
        return self._row[-1][0]


def _delimiter(first: str, request: Request) -> str:
    """The separator that divides the header into known names, or else its most frequent one."""
    fields = request.fields
    for delimiter in _DELIMITERS:
        try:
            names = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
        except csv.Error:
            continue
        if fields is None or fields.places is not None:
            if found_in(names, request.pair) is not None:
                return delimiter
        elif set(fields.names) <= set(names):
            return delimiter
    return max(_DELIMITERS, key=first.count)
