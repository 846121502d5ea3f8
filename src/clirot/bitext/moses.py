"""Two members of a zip archive whose lines correspond: how OPUS publishes bitext ("Moses").

``WikiMatrix.en-so.en`` and ``WikiMatrix.en-so.so``, beside a README, a licence and scores. Both are
read as streams; nothing is unpacked to disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import IO

from clirot.bitext.zipped import open_member
from clirot.errors import InputError
from clirot.records import SentencePair


def read_moses_zip(
    path: Path, *, pair: tuple[str, str], src: str, id_prefix: str = ""
) -> Iterator[SentencePair]:
    """The line pairs of the two members that end in ``.<pair>.<language>``.

    Args:
        path: the archive.
        pair: the two languages as the names of the members write them, in that order.
        src: which of them is the source side.
        id_prefix: what the line number follows in an id.

    Raises:
        InputError: not a zip archive, or a damaged one; there are no two such members, or more; one
            has more lines than the other (both counts are named); a line is not UTF-8.
    """
    tgt = pair[1] if src == pair[0] else pair[0]
    ours, theirs = (f".{pair[0]}-{pair[1]}.{language}" for language in (src, tgt))
    with open_member(path, suffix=ours) as one, open_member(path, suffix=theirs) as other:
        here, there = _lines(one, path, ours), _lines(other, path, theirs)
        for number, (first, second) in enumerate(zip_longest(here, there), start=1):
            if first is None or second is None:
                longer = number + sum(1 for _ in (there if first is None else here))
                counts = (number - 1, longer) if first is None else (longer, number - 1)
                raise InputError(
                    f"*{ours} has {counts[0]} lines, but *{theirs} has {counts[1]}: they do not "
                    "correspond",
                    path=path,
                    hint="the archive is not what its publisher made, or was made wrongly",
                )
            yield SentencePair(first, second, f"{id_prefix}{number}")


def _lines(stream: IO[bytes], path: Path, member: str) -> Iterator[str]:
    # Only a line feed ends a line: str.splitlines would also cut at separators inside sentences.
    for number, raw in enumerate(stream, start=1):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"*{member}: not UTF-8: byte 0x{raw[error.start]:02x} at column {error.start + 1}",
                path=path,
                line=number,
            ) from error
        yield line.removesuffix("\n").removesuffix("\r")
