"""Two text files whose lines correspond (the Moses format)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

from clirot.bitext.formats.lines import numbered_lines
from clirot.bitext.formats.part import Part
from clirot.errors import InputError
from clirot.records import SentencePair


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
