"""Two text files whose lines correspond (the Moses format)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from clirot.bitext.lines import read_lines
from clirot.errors import InputError
from clirot.records import SentencePair


def read_aligned(src: Path, tgt: Path, *, id_prefix: str = "") -> Iterator[SentencePair]:
    """The line pairs of two files; the id is ``id_prefix`` and the line number.

    Raises:
        InputError: one file ends before the other (both counts are named), or is not UTF-8 text.
    """
    here, there = read_lines(src), read_lines(tgt)
    for number, (one, other) in enumerate(zip_longest(here, there), start=1):
        if one is None or other is None:
            more = 1 + sum(1 for _ in (there if one is None else here))
            counts = (number - 1, number - 1 + more)
            src_lines, tgt_lines = counts if one is None else counts[::-1]
            raise InputError(
                f"{src_lines} lines, but {tgt} has {tgt_lines}: they do not correspond",
                path=src,
                hint="both files must have one sentence a line, in the same order",
            )
        yield SentencePair(one, other, f"{id_prefix}{number}")
