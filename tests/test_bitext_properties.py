"""Bitext as it lies around is read right or refused in words; it is never read wrong.

For each reader a valid file is written and then disturbed as files are: a header, a byte order
mark, other line ends, blank lines, decomposed accents, a column more, a row that is broken. The
oracle is the list of pairs that was written. What is read must be these pairs, in this order; of a
file with a broken row, where such rows are left out, all pairs but that row's.
"""

from __future__ import annotations

import bz2
import gzip
import io
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest
from bitext_files import WRITERS
from hypothesis import given, settings
from hypothesis import strategies as st

from clirot.bitext.formats import LocalFile, read_local
from clirot.errors import ClirotError, InputError
from clirot.records import LanguagePair

EN_SO = LanguagePair("en", "so")
Pairs = list[tuple[str, str]]

_ENGLISH = ["the", "river", "is", "full", "of", "fish,", "a", 'so-called "house"', "R&D", "1984", "5 < 6"]
_SOMALI = ["webiga", "waa", "buuxaa", "kalluun", "ilmo", "café", "l'été", "Ä b", "2 > 1;", "#hal"]


def sentences(words: list[str]) -> st.SearchStrategy[str]:
    """Two words and more, so that no sentence looks like a number, an id or a label."""
    some = st.lists(st.sampled_from(words), min_size=1, max_size=5)
    return some.map(lambda chosen: " ".join([words[0].capitalize(), words[1], *chosen]))


WRITTEN = st.lists(
    st.tuples(sentences(_ENGLISH), sentences(_SOMALI)), min_size=2, max_size=8, unique=True
)


def tidied(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("\ufeff", "").split())


def read(file: Path | str, *, skip: bool = False, kind: str | None = None) -> tuple[Pairs, int]:
    """The pairs of a file without those with an empty side, which the filters count; and how many
    rows were left out.

    Raises:
        ClirotError: it is refused.
    """
    lost: list[InputError] = []
    notes: list[str] = []
    more: dict[str, Any] = {"malformed": lost.append} if skip else {}
    found = read_local(LocalFile.parse(file, kind=kind), EN_SO, note=notes.append, **more)
    pairs = [(tidied(one.src), tidied(one.tgt)) for one in found]
    assert all(error.line for error in lost)
    return [one for one in pairs if all(one)], len(lost)


def right_or_refused(path: Path | str, expected: Pairs, lost: int | None = None) -> bool:
    """Whether a file was read; it must then be read right.

    Args:
        path: the file.
        expected: what was written.
        lost: the row that is broken, from 0. Without leave, the file must be refused; with leave,
            the others are read, or it is refused.
    """
    expected = [(tidied(src), tidied(tgt)) for src, tgt in expected]
    if lost is not None:
        expected = expected[:lost] + expected[lost + 1 :]
    done = False
    for skip in (False, True):
        try:
            found, broken = read(path, skip=skip)
        except ClirotError as error:
            assert error.message
            done = False
        else:
            assert found == expected
            assert not broken or lost is not None
            done = True
    return done


ENDS = st.sampled_from(["\n", "\r\n", "\r"])
HEADERS = st.sampled_from([None, ["en", "so"], ["source", "target"], ["English text", "Somali text"]])
COLUMNS = {
    "scores": lambda n: f"{1 + n / 97:.4f}",
    "counts": lambda n: str(n // 2),
    "addresses": lambda n: f"https://example.org/{n}?q=a b".replace(" ", "+"),
    "ids": lambda n: f"doc{n // 7}.{n}",
    "numbers": lambda n: str(n),
    "codes": lambda n: "eng_Latn",
    "text": lambda n: ["Ein Satz", "Noch ein Satz", "Der dritte Satz"][n % 3] + " hier" * (n // 3),
    "empty": lambda n: "",
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """A table that was disturbed."""
    rows = draw(WRITTEN)
    if draw(st.booleans()):
        rows = [tuple(unicodedata.normalize("NFD", cell) for cell in row) for row in rows]
    column = draw(st.sampled_from([None, *COLUMNS]))
    return {
        "rows": rows,
        "header": draw(HEADERS),
        "column": column,
        "at": draw(st.integers(0, 2)) if column else None,
        "mark": draw(st.booleans()),
        "end": draw(ENDS),
        "blank": draw(st.sampled_from(["", "after", "before", "between"])),
        "trailing": draw(st.sampled_from(["", "", " ", "\t"])),
        "broken": draw(st.none() | st.tuples(st.integers(0, len(rows) - 1), st.sampled_from(list(BREAKS)))),
    }


BREAKS = {
    "a tab lost": lambda line: line.replace(b"\t", b" ").replace(b",", b" "),
    "a tab more": lambda line: line.replace(b" ", b"\t", 1),
    "no UTF-8": lambda line: line + b"\xe9",
    "half": lambda line: line[: line.index(b" ")],
}


def lines_of(table: dict[str, Any], separator: str, quoted: Any = str) -> bytes:
    """The bytes of a table of text."""
    rows = [list(row) for row in table["rows"]]
    header = table["header"] and list(table["header"])
    if table["column"]:
        for number, row in enumerate(rows):
            row.insert(table["at"], COLUMNS[table["column"]](number))
        header and header.insert(table["at"], table["column"])
    lines = [separator.join(map(quoted, row)).encode() for row in rows]
    if table["broken"]:
        row, how = table["broken"]
        lines[row] = BREAKS[how](lines[row])
    lines = ([separator.join(header).encode()] if header else []) + lines
    lines = [line + table["trailing"].encode() for line in lines]
    if table["blank"] == "between":
        lines.insert(2, b"")
    lines = [b""] * (table["blank"] == "before") + lines + [b"", b""] * (table["blank"] == "after")
    end = table["end"].encode()
    return b"\xef\xbb\xbf" * table["mark"] + end.join(lines) + end


def stored(directory: Path, content: bytes, name: str, packed: str) -> Path:
    if packed == "zip":
        with zipfile.ZipFile(directory / "x.zip", "w") as archive:
            archive.writestr(name, content)
        return directory / "x.zip"
    path = directory / (name + {"plain": "", "gz": ".gz", "bz2": ".bz2"}[packed])
    pack = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress}[packed]
    path.write_bytes(pack(content))
    return path


PACKED = st.sampled_from(["plain", "plain", "gz", "bz2", "zip"])
@settings(max_examples=2000, deadline=None)
@given(table=tables(), packed=PACKED, by_number=st.booleans())
def test_tab_separated(tmp_path_factory, table, packed, by_number):
    path: Path | str = stored(
        tmp_path_factory.mktemp("t"), lines_of(table, "\t"), "x.tsv", packed
    )
    places = [1, 2, 3]
    if table["column"]:
        places.remove(table["at"] + 1)
    if by_number:
        path = f"{path}:{places[0]},{places[1]}"
    right_or_refused(path, table["rows"], table["broken"] and table["broken"][0])
