"""Comma-separated bitext with quotation marks and a header (RFC 4180), streamed.

Semicolons and tabs, which spreadsheets write in many countries, are told from the header. A
quotation mark that nothing closes would swallow the file: a field of more than 131,072 characters
(the limit of Python's ``csv``) is an error, with the line where its row begins.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from clirot.bitext.formats.fields import Fields, found_in, missing
from clirot.bitext.formats.lines import Malformed, counted, excerpt, numbered_lines, refuse
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_DELIMITERS = (",", ";", "\t")


def read_csv_stream(
    stream: IO[bytes],
    *,
    path: Path,
    pair: LanguagePair,
    fields: Fields | None = None,
    malformed: Malformed = refuse,
) -> Iterator[SentencePair]:
    """The rows of comma-separated text; where there is no column of ids, the line is the id.

    Args:
        stream: the bytes.
        path: what to call them in errors.
        pair: the languages, by which the columns are found in the header.
        fields: the columns; numbers are columns of a table without a header.
        malformed: told of rows that cannot be read, which are left out where it does not raise.

    Raises:
        InputError: with the line, where a row is not as wide as the first, its quotation marks do
            not match, the header lacks a column, or it is not UTF-8.
    """
    table = _Table(stream, path, malformed)
    places = fields.places if fields is not None else None
    width: int | None = None
    for number, row in table.rows(pair, fields):
        if width is None and row:
            width = len(row)
            if places is None:
                names = [cell.strip() for cell in row]
                known = fields if fields and set(fields.names) <= set(names) else None
                chosen = known if fields else found_in(names, pair)
                if chosen is None:
                    message, hint = missing(names, pair, fields)
                    raise InputError(message, path=path, line=number, hint=hint)
                places = tuple(names.index(name) for name in chosen.names)
                continue
        if not row:
            yield SentencePair("", "", str(number), number)
            continue
        if places is None or len(row) != width or len(row) <= max(places):
            malformed(
                InputError(
                    f"{counted(row)}: {excerpt(', '.join(row))}",
                    path=path,
                    line=number,
                    hint=f"the first row has {width}",
                )
            )
            continue
        identifier = row[places[2]].strip() if len(places) == 3 else ""
        yield SentencePair(row[places[0]], row[places[1]], identifier or str(number), number)


class _Table:
    """The rows of a stream, each with the line it begins on."""

    def __init__(self, stream: IO[bytes], path: Path, malformed: Malformed) -> None:
        self._path = path
        self._malformed = malformed
        self._lines = _Lines(numbered_lines(stream, path=path, malformed=malformed))

    def rows(self, pair: LanguagePair, fields: Fields | None) -> Iterator[tuple[int, list[str]]]:
        first = self._lines.first()
        if first is None:
            return
        delimiter = _delimiter(first, pair, fields)
        reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        while True:
            self._lines.begin()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._malformed(self._wrong(error))
                self._lines.go_back()
                continue
            yield self._lines.start, row

    def _wrong(self, error: csv.Error) -> InputError:
        why = str(error)
        if "field larger than" in why or "unexpected end of data" in why:
            why = f"a quotation mark opened in this row is not closed by line {self._lines.end}"
        return InputError(
            f"not comma-separated text: {why}",
            path=self._path,
            line=self._lines.start,
            hint="a quotation mark inside a field is written twice; `format=tsv` has no quoting",
        )


class _Lines:
    """Lines as ``csv`` wants them, those of the present row kept.

    A stray quotation mark swallows the rows after it: where one is left out and reading goes on, it
    goes on with the line after the one that the row began on.
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
        """The first line with anything on it, which is then the next one."""
        for number, line in self._lines:
            if line.strip():
                self._again.append((number, line))
                return line
        return None

    def begin(self) -> None:
        """A row begins with the next line."""
        self._row.clear()

    def go_back(self) -> None:
        """All lines of the row but its first are the next ones."""
        self._again.extendleft(reversed(self._row[1:]))

    @property
    def start(self) -> int:
        """Where the row begins."""
        return self._row[0][0]

    @property
    def end(self) -> int:
        """The last line that was read for the row."""
        return self._row[-1][0]


def _delimiter(first: str, pair: LanguagePair, fields: Fields | None) -> str:
    """What separates columns: what the header makes sense with, or else what it has most of."""
    for delimiter in _DELIMITERS:
        try:
            names = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
        except csv.Error:
            continue
        if fields is None or fields.places is not None:
            if found_in(names, pair) is not None:
                return delimiter
        elif set(fields.names) <= set(names):
            return delimiter
    return max(_DELIMITERS, key=first.count)
