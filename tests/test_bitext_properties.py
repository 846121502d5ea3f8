"""Bitext as it lies around is read right or refused in words; it is never read wrong.

For each reader a valid file is written and then disturbed as files are: a header, a byte order
mark, other line ends, blank lines, decomposed accents, a column more, a row that is broken. The
oracle is the list of pairs that was written. What is read must be these pairs, in this order; of a
file with a broken row, where such rows are left out, all pairs but that row's.
"""

from __future__ import annotations

import bz2
import gzip
import json
import unicodedata
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from bitext_files import WRITERS
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clirot.bitext.formats import LocalFile, read_local
from clirot.errors import ClirotError, InputError
from clirot.records import LanguagePair

EN_SO = LanguagePair("en", "so")
Pairs = list[tuple[str, str]]

_ENGLISH = [
    "the",
    "river",
    "is",
    "full",
    "of",
    "fish,",
    "a",
    'so-called "house"',
    "R&D",
    "1984",
    "5 < 6",
]
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


def right_or_refused(path: Path | str, expected: Pairs, *lost: int | None) -> bool:
    """Whether a file was read; it must then be read right.

    Args:
        path: the file.
        expected: what was written.
        lost: the rows that are broken, from 0. All others are read, or it is refused.
    """
    expected = [(tidied(src), tidied(tgt)) for src, tgt in expected]
    some = any(row is not None for row in lost)
    expected = [pair for row, pair in enumerate(expected) if row not in lost]
    read_at_all = True
    for skip in (False, True) if some else (False,):
        with suppress(ClirotError):
            found, broken = read(path, skip=skip)
            read_at_all = bool(found)  # of a file without pairs the filters say that none is left
            assert not found or found == expected
            assert not broken or skip
            continue
        read_at_all = False
    return read_at_all


ENDS = st.sampled_from(["\n", "\r\n", "\r"])
HEADERS = st.sampled_from(
    [None, ["en", "so"], ["source", "target"], ["English text", "Somali text"]]
)
COLUMNS = {
    "scores": lambda n: f"{1 + n / 97:.4f}",
    "counts": lambda n: str(n // 2),
    "addresses": lambda n: f"https://example.org/{n}?q=a b".replace(" ", "+"),
    "ids": lambda n: f"doc{n // 7}.{n}",
    "numbers": str,
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
        "broken": draw(
            st.none() | st.tuples(st.integers(0, len(rows) - 1), st.sampled_from(list(BREAKS)))
        ),
    }


BREAKS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "a separator lost": lambda line, mark: line.replace(mark, b" "),
    "a separator more": lambda line, mark: line.replace(b" ", mark, 1),
    "no UTF-8": lambda line, mark: line + b"\xe9",
    "half": lambda line, mark: line[: line.index(b" ")],
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
        lines[row] = BREAKS[how](lines[row], separator.encode())
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
EXAMPLES = 60


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(table=tables(), packed=PACKED, by_number=st.booleans())
def test_tab_separated(tmp_path_factory, table, packed, by_number):
    directory = tmp_path_factory.mktemp("t")
    path: Path | str = stored(directory, lines_of(table, "\t"), "x.tsv", packed)
    places = [1, 2, 3]
    if table["column"]:
        places.remove(table["at"] + 1)
    if by_number:
        path = f"{path}:{places[0]},{places[1]}"
    right_or_refused(path, table["rows"], table["broken"] and table["broken"][0])


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(
    table=tables(),
    packed=PACKED,
    separator=st.sampled_from(",;\t"),
    quoting=st.booleans(),
    by_number=st.booleans(),
)
def test_comma_separated(tmp_path_factory, table, packed, separator, quoting, by_number):
    def quoted(cell: str) -> str:
        needed = quoting or any(mark in cell for mark in (separator, '"'))
        return '"' + cell.replace('"', '""') + '"' if needed else cell

    # Between quotation marks a separator is text.
    row, how = table["broken"] or (0, "")
    held = quoting or any(mark in cell for cell in table["rows"][row] for mark in ',;"')
    assume(how != "a separator more" or not held)
    directory = tmp_path_factory.mktemp("t")
    table = {**table, "trailing": ""}  # after a quotation mark it is a malformed row
    content = lines_of(table, separator, quoted)
    path: Path | str = stored(directory, content, "x.csv", packed)
    places = [1, 2, 3]
    if table["column"]:
        places.remove(table["at"] + 1)
    if by_number:
        path = f"{path}:{places[0]},{places[1]}"
    right_or_refused(path, table["rows"], table["broken"] and table["broken"][0])


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(table=tables(), packed=PACKED, nested=st.booleans())
def test_json_lines(tmp_path_factory, table, packed, nested):
    names = ["en", "so"] if nested else table["header"] or ["eng_Latn", "som_Latn"]
    rows = []
    for number, row in enumerate(table["rows"]):
        found = dict(zip(names, row, strict=True))
        other = {table["column"]: COLUMNS[table["column"]](number)} if table["column"] else {}
        rows.append({**other, **({"translation": found} if nested else found)})
    lines = [json.dumps(row, ensure_ascii=number % 2 == 0) for number, row in enumerate(rows)]
    content = [line.encode() + table["trailing"].encode() for line in lines]
    if table["broken"]:
        row, how = table["broken"]
        content[row] = BREAKS[how](content[row].strip(), b",")[:-2]
    if table["blank"]:
        content.insert(len(content) if table["blank"] == "after" else 1, b"")
    end = table["end"].encode()
    whole = b"\xef\xbb\xbf" * table["mark"] + end.join(content) + end
    path = stored(tmp_path_factory.mktemp("t"), whole, "x.jsonl", packed)
    right_or_refused(path, table["rows"], table["broken"] and table["broken"][0])


@settings(max_examples=EXAMPLES // 2, deadline=None, derandomize=True)
@given(table=tables(), title=st.sampled_from(["score", "id", "lang", "source", "src"]))
def test_parquet(tmp_path_factory, table, title):
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = table["header"] or ["eng", "som"]
    columns = dict(zip(names, zip(*table["rows"], strict=True), strict=True))
    columns = {name: list(cells) for name, cells in columns.items()}
    if table["column"] and title not in columns:
        cells = [COLUMNS[table["column"]](number) for number in range(len(table["rows"]))]
        columns = {title: cells, **columns}
    path = tmp_path_factory.mktemp("t") / "x.parquet"
    pq.write_table(pa.table(columns), path)
    right_or_refused(path, table["rows"])


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(
    rows=WRITTEN,
    ends=st.tuples(ENDS, ENDS),
    marks=st.tuples(st.booleans(), st.booleans()),
    charset=st.sampled_from(["utf-8", "utf-16"]),
    blank=st.sampled_from(["", "both", "one", "last of one"]),
    broken=st.sampled_from(["", "", "a line lost", "no UTF-8"]),
)
def test_two_aligned_files(tmp_path_factory, rows, ends, marks, charset, blank, broken):
    directory = tmp_path_factory.mktemp("t")
    for side, language in enumerate(("en", "so")):
        lines = [row[side] for row in rows]
        if blank == "both" or (blank == "one" and side == 0):
            lines.insert(1, "")
        if blank == "last of one" and side == 0:
            lines.append("")
        if broken == "a line lost" and side == 1:
            del lines[0]
        mark = "\ufeff" if marks[side] and charset == "utf-8" else ""
        content = (mark + "".join(line + ends[side] for line in lines)).encode(charset)
        if broken == "no UTF-8" and side == 1 and charset == "utf-8":
            content = content.replace(b"i", b"\xe9", 1)
        (directory / f"x.{language}").write_bytes(content)
    right_or_refused(f"{directory / 'x.so'},{directory / 'x.en'}", rows)


UNIT_BREAKS: dict[str, Any] = {
    "a bare ampersand": lambda unit: unit.replace(b"webiga", b"webiga & wax").replace(
        b"Webiga", b"& "
    ),
    "an illegal reference": lambda unit: unit.replace(b"Webiga", b"We&#x1F;biga"),
    "an illegal character": lambda unit: unit.replace(b"Webiga", b"We\x0bbiga"),
    "no UTF-8": lambda unit: unit.replace(b"Webiga", b"Web\xe9ga"),
    "an undeclared entity": lambda unit: unit.replace(b"Webiga", b"We&eacute;biga"),
    "a bare less-than": lambda unit: unit.replace(b"Webiga", b"We < biga"),
    "an element not closed": lambda unit: unit.replace(b"Webiga", b"We<hi>biga"),
    "an end too many": lambda unit: unit.replace(b"Webiga", b"We</hi>biga"),
    "the end of the side lost": lambda unit: unit.replace(b"</seg>", b"", 1).replace(
        b"</source>", b"", 1
    ),
    "the unit's end lost": lambda unit: (
        unit.replace(b"</tu>", b"").replace(b"</trans-unit>", b"").replace(b"</unit>", b"")
    ),
    "the unit's tag broken": lambda unit: unit.replace(b"<tu>", b'<tu a="&">').replace(
        b' id="', b' id="&'
    ),
    "the unit's tag lost": lambda unit: unit[unit.index(b">") + 1 :],
    "cut in half": lambda unit: unit[: len(unit) // 2],
    "a tag in CDATA": lambda unit: unit.replace(
        b"Webiga", b"& <![CDATA[<tu><trans-unit><unit></tu></body>]]>"
    ),
    "a tag in a comment": lambda unit: unit.replace(
        b"Webiga", b"<!-- \x01 <tu> <unit> </body> -->"
    ),
}
BETWEEN = {"tmx": b"</tu>", "xliff": b"</trans-unit>", "xliff2": b"</unit>"}


@pytest.mark.parametrize("kind", BETWEEN)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(
    rows=WRITTEN,
    at=st.integers(0, 7),
    also=st.integers(0, 7),
    how=st.sampled_from(list(UNIT_BREAKS)),
    packed=PACKED,
    form=st.sampled_from(["lines", "one line", "CRLF", "CR", "mark", "NFD", "more"]),
)
def test_memories_with_a_broken_unit(tmp_path_factory, kind, rows, at, also, how, packed, form):
    """Every unit but the broken one is read, those before it and those after it."""
    at, also = at % len(rows), also % len(rows)
    if form == "NFD":
        rows = [tuple(unicodedata.normalize("NFD", cell) for cell in row) for row in rows]
    end, begin = BETWEEN[kind], b"<" + BETWEEN[kind][2:-1]
    written = WRITERS[kind](rows)
    units = spans(written, begin, end)
    content = written
    for row in sorted({at, also}, reverse=True):
        start, stop = units[row]
        broken = UNIT_BREAKS[how if row == at else "a bare ampersand"](written[start:stop])
        content = content[:start] + broken + content[stop:]
    if form == "more":  # what other programs add
        content = content.replace(end, b"<!-- <tu> --><note>5 &lt; 6</note>" + end)
    changes = {"one line": (b"\n", b" "), "CRLF": (b"\n", b"\r\n"), "CR": (b"\n", b"\r")}
    content = content.replace(*changes[form]) if form in changes else content
    content = b"\xef\xbb\xbf" * (form == "mark") + content
    name = f"x.{kind.replace('xliff2', 'xlf')}"
    path = stored(tmp_path_factory.mktemp("t"), content, name, packed)
    right = right_or_refused(path, rows, at, also)
    if how in ("a bare ampersand", "an illegal reference", "no UTF-8", "an undeclared entity"):
        assert right == (len(rows) > len({at, also}))


def spans(content: bytes, begin: bytes, end: bytes) -> list[tuple[int, int]]:
    """Where the units of a document begin and end."""
    found, at = [], 0
    while (start := content.find(begin, at)) >= 0:
        at = content.index(end, start) + len(end)
        found.append((start, at))
    return found


PO_BREAKS: dict[str, Any] = {
    "a string not closed": lambda lines: [*lines[:-1], lines[-1][:-1]],
    "a string in two pieces": lambda lines: [*lines[:-1], *lines[-1].rsplit(b" ", 1)],
    "an unknown escape": lambda lines: [*lines[:-1], lines[-1].replace(b"Webiga", b"We\\qbiga")],
    "no UTF-8": lambda lines: [*lines[:-1], lines[-1].replace(b"Webiga", b"We\xe9biga")],
    "no msgstr": lambda lines: lines[:-1],
    "no msgid": lambda lines: [line for line in lines if not line.startswith(b"msgid")],
    "a comment inside": lambda lines: [*lines[:-1], b"# note", lines[-1]],
    "a bad comment": lambda lines: [b"# caf\xe9", *lines],
    "text": lambda lines: [*lines, b"some text"],
}


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(
    rows=WRITTEN,
    at=st.integers(0, 7),
    how=st.sampled_from(list(PO_BREAKS)),
    packed=PACKED,
    end=ENDS,
    apart=st.booleans(),
    mark=st.booleans(),
)
def test_catalogues_with_a_broken_entry(tmp_path_factory, rows, at, how, packed, end, apart, mark):
    """Every entry but the broken one is read."""
    at %= len(rows)
    rows = list({src: (src, tgt) for src, tgt in rows}.values())
    at = min(at, len(rows) - 1)
    entries = [one.splitlines() for one in WRITERS["po"](rows).split(b"\n\n")]
    entries[at + 1] = PO_BREAKS[how](entries[at + 1])
    lines = [b"\n".join(one) for one in entries]
    content = lines[0] + b"\n\n" + (b"\n\n" if apart else b"\n").join(lines[1:]) + b"\n"
    content = b"\xef\xbb\xbf" * mark + content.replace(b"\n", end.encode())
    path = stored(tmp_path_factory.mktemp("t"), content, "x.po", packed)
    right = right_or_refused(path, rows, at)
    assert right or end == "\r" or not apart or len(rows) == 1
