"""Columns that the user asks for by number, in a table that should have no header.

A table may have one all the same: then its first row is no pair, and this is said. All rows are as
wide as most: where a separator is lost or stands inside a sentence, the numbers would mean other
columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clirot.bitext.formats import columns
from clirot.bitext.formats.lines import counted, excerpt
from clirot.bitext.formats.request import Request, found_in
from clirot.errors import InputError


def wrong_width(number: int, cells: Sequence[str], path: Path, hint: str) -> InputError:
    """The error of a row that has not the columns it should have."""
    message = f"{counted(cells)}: {excerpt(chr(9).join(cells))}"
    return InputError(message, path=path, line=number, hint=hint)


def by_number(
    rows: Sequence[tuple[int, list[str]]], places: Sequence[int], path: Path, request: Request
) -> tuple[int, int]:
    """How wide the rows are, and the line of the header; 0: there is none.

    Args:
        rows: the first ones, at least one, each with its line.
        places: the columns from 0, source and target first.
        path: the name of the file in errors.
        request: which languages are wanted.

    Raises:
        InputError: most rows lack a column, no width is the usual one, or a header names the
            languages the other way round.
    """
    line, first = rows[0]
    width = columns.usual_width([row for _, row in rows])
    if max(places) >= width:
        raise wrong_width(line, first, path, "the columns asked for are not there")
    others = [row for row in rows if len(row[1]) != width]
    if len(others) * 2 >= len(rows) > 1:
        raise wrong_width(*others[0], path, f"other rows have {width}: which are right?")
    named = len(first) == width and _begins_with_header(rows, places, path, request)
    return width, line if named else 0


def _begins_with_header(
    rows: Sequence[tuple[int, list[str]]],
    places: Sequence[int],
    path: Path,
    request: Request,
) -> bool:
    """Whether the first row is a header, although columns were asked for by number; this is said.

    Args:
        rows: the first ones, each with its line.
        places: the columns of source and target, from 0.
        path: the name of the file in errors.
        request: which languages are wanted.

    Raises:
        InputError: the header names the languages the other way round.
    """
    line, first = rows[0]
    names = [first[place].strip() for place in places[:2]]
    known = found_in(names, request.pair)
    if known is not None and names[0] == known.tgt:
        raise InputError(
            f"by the first line, column {places[0] + 1} is {names[0]!r} and column "
            f"{places[1] + 1} is {names[1]!r}",
            path=path,
            line=line,
            hint=f"PATH:{places[1] + 1},{places[0] + 1} reads {request.pair.src!r} first",
        )
    if known is None and not columns.has_titles(first, [row for _, row in rows[1:]], request.pair):
        return False
    shown = ", ".join(repr(cell.strip()[:40]) for cell in first)
    request.note(f"{path}:{line}: the first line is a header ({shown}) and is not read as a pair")
    return True
