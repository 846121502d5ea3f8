"""How text is tidied for the store, and how it is folded to be compared.

Tidied text is one line in Unicode's composed form (NFC) with single spaces. Folded text is tidied
text in lower case without punctuation, symbols and spaces, every number a single ``0``: what is
left is what two copies of a sentence share. Folding is by code point (no NFKC, no case mapping that
changes the length), which an array does in one lookup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.codepoints import SPACE, Codepoints, categories

REPLACEMENT = "\ufffd"
_UNSEEN = "\ufeff"  # byte order marks, which files glued together leave inside
_SPACE, _CONTROL, _MARK_OF_ORDER, _LAST = 1, 2, 4, 8


def tidy(text: str) -> str:
    """``text`` on one line, in Unicode's composed form (NFC).

    Tabs, line ends and runs of white space become one space; byte order marks go; what is no
    character of a text (control characters, lone surrogates, noncharacters) becomes U+FFFD.
    """
    text = text.replace(_UNSEEN, "")
    if not text.isprintable():
        text = "".join(map(_replaced, text))
    return " ".join(unicodedata.normalize("NFC", text).split())


def tidied(texts: Sequence[str]) -> tuple[list[str], NDArray[np.bool_]]:
    """:func:`tidy` for many texts, and which of them held control characters and the like.

    Most text is tidy: one look at all characters finds what is not.
    """
    points = Codepoints.of(texts)
    kind = _kinds().take(points.array)
    space = (kind & _SPACE) != 0
    # A space that is not U+0020, or stands beside another, or at an end.
    odd = space & (points.array != 0x20)
    odd[1:] |= space[1:] & space[:-1]
    starts, ends = points.bounds[:-1], points.bounds[1:]
    full = ends > starts
    odd[starts[full]] |= space[starts[full]]
    odd[ends[full] - 1] |= space[ends[full] - 1]
    control = (kind & _CONTROL) != 0
    odd |= (kind & (_CONTROL | _MARK_OF_ORDER)) != 0
    untidy = points.count(odd) > 0
    damaged: NDArray[np.bool_] = points.count(control) > 0
    done = list(texts)
    # is_normalized looks at each text by a table; ASCII, which English mostly is, at once.
    for place, text in enumerate(texts):
        if untidy[place]:
            done[place] = tidy(text)
        elif not text.isascii() and not unicodedata.is_normalized("NFC", text):
            # Composing may bring forth what was not there: do all of it.
            done[place] = tidy(text)
    return done, damaged


def folded(points: Codepoints) -> list[str]:
    """Tidied texts as they are compared. Empty where a text has no letter and no number.

    Args:
        points: the texts' characters.
    """
    kept = Codepoints(_folds().take(points.array), points.bounds)
    kept = kept.select(kept.array != 0)
    number = kept.array == ord("0")
    again = np.zeros_like(number)
    again[1:] = number[1:] & number[:-1]
    inner = kept.bounds[:-1]
    again[inner[inner < len(again)]] = False  # the first of a text follows none of its own
    return kept.select(~again).texts()


def _replaced(character: str) -> str:
    return REPLACEMENT if _is_control(ord(character)) else character


def _is_control(code: int) -> bool:
    if code in (0x9, 0xA, 0xB, 0xC, 0xD, 0x1C, 0x1D, 0x1E, 0x1F, 0x85):
        return False  # white space to str.split
    return (
        code < 0x20
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or 0xFDD0 <= code < 0xFDF0
        or code & 0xFFFE == 0xFFFE
    )


@cache
def _kinds() -> NDArray[np.uint8]:
    """(1,114,112,) what tidying does with a code point."""
    table = np.zeros(SPACE, np.uint8)
    for code in range(0x10000):  # no white space beyond
        if chr(code).isspace():
            table[code] = _SPACE
        elif _is_control(code):
            table[code] = _CONTROL
    for plane in range(0x1FFFE, SPACE, 0x10000):
        table[plane : plane + 2] = _CONTROL
    table[ord(_UNSEEN)] = _MARK_OF_ORDER
    return table


@cache
def _folds() -> NDArray[np.uint32]:
    """(1,114,112,) code point -> what it is folded to; 0: it goes."""
    table = np.arange(SPACE, dtype=np.uint32)
    kind = categories()
    for code in np.flatnonzero(kind == ord("L")).tolist():
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    table[kind == ord("N")] = ord("0")
    table[np.isin(kind, [ord(one) for one in "PSZC"])] = 0
    return table
