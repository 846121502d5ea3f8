"""What the columns of a table hold, told from its first rows.

Bitext as it is passed around has scores, addresses or ids before, between or after its two columns
of text. A column of such cells is not taken for a side of a pair. Which column is which language is
not asked here (:mod:`clirot.bitext.formats.sides`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from clirot.errors import InputError, LanguageError
from clirot.languages import language_name, parse_language
from clirot.records import LanguagePair

_ROWS = 1000  # of a table that are looked at
_CHARACTERS = 1 << 20  # of these rows
_FEW = 10  # rows; of fewer, all have to be of a kind
_SHARE = 0.9  # of more rows
_SHOWN = 3  # rows that show a side to hold ids; a single one may be "COVID-19"
_LABELS = 20  # rows that show a column to hold labels; of the code of a language, fewer do

TEXT, NUMBERS, ADDRESSES = "text", "numbers", "web addresses"
IDS, LABELS, NOTHING = "ids", "labels", "nothing"

_NUMBER = re.compile(r"[+-]?(?:\d[\d.,']*|[.,]\d+)(?:[eE][+-]?\d+)?\s?%?|[+-]?(?:nan|inf)", re.I)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+", re.I)
# Numbered, or in parts (app:key_of_it); and attributions of the Tatoeba project, which have spaces.
_ID = re.compile(r"\S*\d\S*|\S+[_:/.=]\S+|.*#\d+.*", re.S)
_LABEL = re.compile(r"\S{1,60}")
_TITLES = {"source", "src", "target", "tgt", "trg", "text", "sentence", "sentences"}
_TITLES |= {"segment", "translation", "original", "raw"}

Item = TypeVar("Item")


def sampled(
    items: Iterator[Item], size: Callable[[Item], int]
) -> tuple[list[Item], Iterator[Item]]:
    """The first rows of a table, so many that they show what is in it, and all others.

    An error that ends the reading among the first is raised by the others: what can be said of
    the rows before it comes first.

    Args:
        items: the rows.
        size: characters of one.
    """
    first: list[Item] = []
    total = 0

    def failing(error: InputError) -> Iterator[Item]:
        raise error
        yield

    try:
        for item in items:
            first.append(item)
            total += size(item)
            if len(first) == _ROWS or total > _CHARACTERS:
                break
    except InputError as error:
        return first, failing(error)
    return first, items


def usual_width(rows: Iterable[Sequence[str]]) -> int:
    """The number of cells that most rows have, rows of one cell aside. Of several such numbers 3
    comes before 2, and any other after them. 1: no row has more.
    """
    widths = Counter(len(row) for row in rows)
    if len(widths) > 1:
        del widths[1]
    return max(widths, key=lambda width: (widths[width], width <= 3, width), default=0)


def kinds_of(rows: Sequence[Sequence[str]], width: int, pair: LanguagePair) -> list[str]:
    """What each column holds, by the rows of that width."""
    whole = [row for row in rows if len(row) == width]
    columns = [[cell for row in whole if (cell := row[place].strip())] for place in range(width)]
    kinds = [kind_of(column, pair) for column in columns]
    if all(len(set(column)) < 2 for column in columns):  # one row, again and again
        kinds = [TEXT if kind == LABELS else kind for kind in kinds]
    return kinds


def kind_of(cells: Sequence[str], pair: LanguagePair) -> str:
    """What the cells of a column are. Cells that are all alike are labels.

    Args:
        cells: without white space around them, and without empty ones.
        pair: languages whose codes are labels, too.
    """
    if not cells:
        return NOTHING
    for kind, pattern in ((NUMBERS, _NUMBER), (ADDRESSES, _ADDRESS)):
        if _mostly(cells, pattern):
            return kind
    distinct = len(set(cells))
    few = distinct == 1 or (distinct <= len(cells) // _LABELS and _mostly(cells, _LABEL))
    if (len(cells) >= _LABELS and few) or (
        len(cells) >= _SHOWN and distinct == 1 and _is_code(cells[0], pair)
    ):
        return LABELS
    # Ids are all different.
    return IDS if distinct == len(cells) and _mostly(cells, _ID) else TEXT


def is_id(cell: str) -> bool:
    """Whether a third cell may be an id: empty, or in one piece with a digit or with parts, or an
    attribution with ``#12``.
    """
    return not cell.strip() or _ID.fullmatch(cell.strip()) is not None


def is_number(cell: str) -> bool:
    """Whether a cell is a number or an address, which is no sentence."""
    cell = cell.strip()
    return _NUMBER.fullmatch(cell) is not None or _ADDRESS.fullmatch(cell) is not None


def sides_among(kinds: Sequence[str], rows: int) -> list[int]:
    """The places of the columns that may be a side of a pair, from 0.

    Args:
        kinds: of the columns.
        rows: how many rows they were told from.
    """
    found = [at for at, kind in enumerate(kinds) if kind == TEXT]
    if len(found) < 2 and (rows < _SHOWN or not found):
        found += [at for at, kind in enumerate(kinds) if kind == IDS][: 2 - len(found)]
    return sorted(found)


def has_titles(first: Sequence[str], rest: Sequence[Sequence[str]], pair: LanguagePair) -> bool:
    """Whether a first row names the columns: in words, or as the only one without a number where
    all others have one.
    """
    named = [cell for cell in first if _is_title(cell, pair)]
    if len(named) >= 2 and len(set(named)) == len(named):
        return True
    kinds = kinds_of(rest, len(first), pair)
    return any(
        kind in (NUMBERS, ADDRESSES) and cell.strip() and not is_number(cell)
        for kind, cell in zip(kinds, first, strict=True)
    ) and all(cell.strip() for cell in first)


def _is_title(cell: str, pair: LanguagePair) -> bool:
    words = re.findall(r"[^\W\d_]+", cell.casefold())
    names = [language_name(code).casefold() for code in (pair.src, pair.tgt)]
    known = _TITLES | {pair.src, pair.tgt, *chain(*(name.split() for name in names))}
    return bool(words) and len(cell) <= 40 and all(word in known for word in words)


def _is_code(cell: str, pair: LanguagePair) -> bool:
    try:
        return len(cell) <= 20 and parse_language(cell) in (pair.src, pair.tgt)
    except LanguageError:
        return False


def _mostly(cells: Sequence[str], pattern: re.Pattern[str]) -> bool:
    matching = sum(pattern.fullmatch(cell) is not None for cell in cells)
    return matching >= (len(cells) if len(cells) < _FEW else _SHARE * len(cells))
