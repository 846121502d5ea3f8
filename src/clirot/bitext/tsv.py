"""Tab-separated bitext: ``source TAB target [TAB id]``, UTF-8, gzipped or not, no header.

Quotation marks are text, not syntax. An empty line is a pair with two empty sides, so that it is
counted among what was dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clirot.bitext.lines import read_lines
from clirot.errors import InputError
from clirot.records import SentencePair


def read_tsv(path: Path) -> Iterator[SentencePair]:
    """The rows of a file; where a row has no id, its line number is the id.

    Raises:
        InputError: with the line, where a row has not two or three columns or is not UTF-8.
    """
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split("\t")
        if not line.strip():
            columns = ["", ""]
        if len(columns) not in (2, 3):
            found = "1 column" if len(columns) == 1 else f"{len(columns)} columns"
            raise InputError(
                f"{found}: {_excerpt(line)}",
                path=path,
                line=number,
                hint="a row is: source sentence TAB target sentence, and TAB id if there is one",
            )
        identifier = columns[2].strip() if len(columns) == 3 else ""
        yield SentencePair(columns[0], columns[1], identifier or str(number))


def _excerpt(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")
