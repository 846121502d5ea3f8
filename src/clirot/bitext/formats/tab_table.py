"""Tab-separated text, ``source TAB target [TAB id]`` or columns that have names or numbers.

Quotation marks are text, not syntax. An empty line is a pair with two empty sides, so that it is
counted among the dropped pairs. A first line that names the two languages (``en TAB so``) or sides
(``src TAB tgt``) is a header.

Without a header the first rows show what the columns hold. If these are not a source, a target and
perhaps ids, nothing is guessed: the error says what each column holds, and how to name the two that
hold text. A third column of scores, addresses or labels is no column of ids, and this is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import IO

from clirot.bitext.formats import columns
from clirot.bitext.formats.columns import IDS, NOTHING
from clirot.bitext.formats.lines import excerpt, numbered_lines
from clirot.bitext.formats.numbered_columns import by_number, wrong_width
from clirot.bitext.formats.request import Request, missing
from clirot.bitext.formats.sides import by_script, swapped
from clirot.bounds import most_fields, too_wide
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_ROW = "a row is: source sentence TAB target sentence, and TAB id if there is one"
_MOST_SIDES = 6  # columns of text that are compared with each other
_Row = tuple[int, list[str] | InputError]
"""The number of a line and its cells, or what is wrong with it; no cells: an empty line."""
_Cells = tuple[int, list[str]]


@dataclass(frozen=True)
class _Layout:
    """Where the sides are in a row."""

    places: tuple[int, ...]
    """The columns of source, target and, where there is one, id, from 0."""
    fits: Callable[[Sequence[str]], bool]
    """Whether a row has these columns."""
    hint: str
    """What to say of one that has not."""


def read_tsv(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The rows of tab-separated text; where a row has no id, its line number is the id.

    Raises:
        InputError: with the line, where a row has too few or too many columns or is not UTF-8; the
            header lacks a column; or there is no header and the columns do not hold a source and a
            target in this order.
    """
    first, rest = columns.sampled(_rows(stream, path), _size)
    full = [(at, cells) for at, cells in first if isinstance(cells, list) and cells]
    layout, header = _layout(full, path, request)
    for number, cells in chain(first, rest):
        if isinstance(cells, InputError):
            request.malformed(cells)
        elif not cells:
            yield SentencePair("", "", str(number), number)
        elif number == header:
            continue
        elif not layout.fits(cells):
            request.malformed(wrong_width(number, cells, path, layout.hint))
        else:
            own = [cells[place] for place in layout.places if place < len(cells)]
            identifier = own[2].strip() if len(own) == 3 else ""
            yield SentencePair(own[0], own[1], identifier or str(number), number)


def _size(row: _Row) -> int:
    return sum(map(len, row[1])) if isinstance(row[1], list) else 0


def _rows(stream: IO[bytes], path: Path) -> Iterator[_Row]:
    undecoded: list[InputError] = []
    most = most_fields()
    for number, line in numbered_lines(stream, path=path, malformed=undecoded.append):
        yield from ((error.line or 0, error) for error in undecoded)
        undecoded.clear()
        cells = line.split("\t", most) if line.strip() else []
        if len(cells) > most:
            yield number, too_wide(path, number)
        elif "\r" in line and sum("\t" in part for part in line.split("\r")) > 1:
            hint = "are these two rows? a carriage return alone ends no line"
            yield number, wrong_width(number, cells, path, hint)
        else:
            yield number, cells
    yield from ((error.line or 0, error) for error in undecoded)


def _layout(rows: Sequence[_Cells], path: Path, request: Request) -> tuple[_Layout, int]:
    """Where the columns of a table are, and the line of its header; 0: it has none.

    Args:
        rows: the first ones, without empty lines.
        path: the name of the file in errors.
        request: which columns are wanted.
    """
    pair, fields = request.pair, request.fields
    if not rows:
        return _Layout((0, 1), lambda cells: True, _ROW), 0
    line, first = rows[0]
    names = [cell.strip() for cell in first]
    if fields is None or fields.places is None:
        if fields is not None and not set(fields.names) <= set(names):
            message, hint = missing(names, pair, fields)
            raise InputError(message, path=path, line=line, hint=hint)
        known = fields or request.found_in(names)
        if known is None and request.names_other_variants(names):
            message, hint = missing(names, pair, None)
            raise InputError(message, path=path, line=line, hint=hint)
        places = tuple(names.index(name) for name in known.names) if known is not None else ()
        # Cells such as "en" in every row are no header.
        again = len(rows) > 1 and all(rows[1][1][at : at + 1] == [first[at]] for at in places)
        if fields is not None or (known is not None and not again):
            return _wide(places, len(names), f"the header has {len(names)}"), line
        return _by_content(rows, path, request), 0
    width, header = by_number(rows, fields.places, path, request)
    return _wide(fields.places, width, f"most rows have {width}"), header


def _wide(places: tuple[int, ...], width: int, hint: str) -> _Layout:
    return _Layout(places, lambda cells: len(cells) == width, hint)


def _by_content(rows: Sequence[_Cells], path: Path, request: Request) -> _Layout:
    """The columns of a table without a header.

    Raises:
        InputError: they are not source, target and perhaps an id.
    """
    cells, pair = [row for _, row in rows], request.pair
    width = columns.usual_width(cells)
    if width == 1:  # no row can be read, so that there is nothing to go on with
        raise wrong_width(*rows[0], path, _ROW)
    whole = [row for row in cells if len(row) == width]
    line = next(number for number, row in rows if len(row) == width)
    if whole[0] == cells[0] and columns.has_titles(whole[0], cells[1:], pair):
        names = [repr(cell.strip()[:40]) for cell in whole[0]]
        raise InputError(
            f"the first line seems to be a header: {', '.join(names)}",
            path=path,
            line=line,
            hint=f"name the columns of {pair.src!r} and {pair.tgt!r}: PATH:SRC,TGT; PATH:1,2 "
            "reads columns by number",
        )
    kinds = columns.kinds_of(whole, width, pair)
    sides = columns.sides_among(kinds, len(whole))
    order = _order(whole, sides, pair)
    hint = _to_be_named(kinds, sides, order, pair)
    if width > 3:
        raise wrong_width(line, whole[0], path, f"{_described(kinds)}; {hint}")
    if sides != [0, 1]:
        shape = "source TAB target TAB id" if width == 3 else "source TAB target"
        what = f"not {shape}: {_described(kinds)}, as in {excerpt(chr(9).join(whole[0]))}"
        raise InputError(what, path=path, line=line, hint=hint)
    if order == (1, 0):
        why = swapped(_text(whole, 0), _text(whole, 1), pair) or ""
        raise InputError(f"not source TAB target: {why}", path=path, line=line, hint=hint)
    if width == 2:
        # A row may have an id all the same. Other content in a third cell is a stray tab.
        return _Layout((0, 1, 2), lambda row: len(row) == 2 or _with_id(row), _ROW)
    if kinds[2] in (IDS, NOTHING) or _numbered(whole):
        return _Layout((0, 1, 2), lambda row: _without_id(row) or _with_some_id(row), _ROW)
    request.note(
        f"{path}: the third column holds {kinds[2]}, such as {excerpt(whole[0][2].strip())}; "
        "it is not read, and ids are the numbers of the lines"
    )
    known = {row[2] for row in whole}

    def fits(row: Sequence[str]) -> bool:
        return _without_id(row) or _with_some_id(row) or (len(row) == 3 and row[2] in known)

    return _Layout((0, 1), fits, _ROW)


def _with_id(row: Sequence[str]) -> bool:
    return len(row) == 3 and columns.is_id(row[2])


def _with_some_id(row: Sequence[str]) -> bool:
    return _with_id(row) or (len(row) == 3 and len(row[2].split()) < 2)


def _without_id(row: Sequence[str]) -> bool:
    """Whether a row lacks the third cell that others have, and not the second instead."""
    return len(row) == 2 and (not row[1].strip() or not columns.is_id(row[1]))


def _numbered(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the third cells are whole numbers that are all different, or numbers of sections.

    Those rise, such as 1.9, 1.10 and 2.1, or begin with zeros, such as 0034.0. Scores of mined
    files fall, or are in no order.
    """
    third = [own for row in rows if (own := row[2].strip())]
    parts = [own.split(".") for own in third]
    if len(set(third)) < len(third) or not all(map(str.isdecimal, chain(*parts))):
        return False
    numbers = [tuple(map(int, one)) for one in parts]
    whole = all(len(one) == 1 for one in numbers)
    padded = any(re.match("0[0-9]", own) for own in third)
    return whole or padded or numbers == sorted(numbers)


def _text(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place] for row in rows]


def _order(
    rows: Sequence[Sequence[str]], sides: Sequence[int], pair: LanguagePair
) -> tuple[int, int] | None:
    """The columns of source and target, where the text in them shows it.

    Of more than two columns only the script tells which language one is in. English, for example,
    is told from any other language, and that may be a third one.
    """
    tells = swapped if len(sides) == 2 else by_script
    for one, other in combinations(sides[:_MOST_SIDES], 2):
        for src, tgt in ((one, other), (other, one)):
            if tells(_text(rows, src), _text(rows, tgt), pair):
                return tgt, src
    return None


def _described(kinds: Sequence[str]) -> str:
    """``column 1 holds numbers, columns 2 and 3 hold text``."""
    parts = []
    for kind in dict.fromkeys(kinds):
        places = [str(at) for at, one in enumerate(kinds, start=1) if one == kind]
        if len(places) == 1:
            parts.append(f"column {places[0]} holds {kind}")
        else:
            parts.append(f"columns {', '.join(places[:-1])} and {places[-1]} hold {kind}")
    return ", ".join(parts)


def _to_be_named(
    kinds: Sequence[str],
    sides: Sequence[int],
    order: tuple[int, int] | None,
    pair: LanguagePair,
) -> str:
    """How to name the columns of a table that is not read as it is."""
    if len(sides) < 2:
        return (
            "a pair needs a column of text in each language; PATH:1,2 reads the first two "
            "columns all the same"
        )
    ids = [at for at, kind in enumerate(kinds) if kind == IDS and at not in sides]
    own = f",{ids[0] + 1}" if len(ids) == 1 else ""
    if order is not None:
        src, tgt = order
        return f"PATH:{src + 1},{tgt + 1}{own} reads the columns of {pair.src!r} and {pair.tgt!r}"
    src, tgt = sides[:2]
    if len(sides) > 2:
        return (
            f"name the columns of {pair.src!r} and {pair.tgt!r}, for example "
            f"PATH:{src + 1},{tgt + 1}"
        )
    return (
        f"PATH:{src + 1},{tgt + 1}{own} reads {pair.src!r} from column {src + 1} and {pair.tgt!r} "
        f"from column {tgt + 1}; write PATH:{tgt + 1},{src + 1}{own} if they stand the other way "
        "round"
    )
