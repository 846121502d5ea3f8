"""A broken unit of TMX, XLIFF or PO is told with its place, and left out on request."""

from __future__ import annotations

import codecs
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from bitext_files import as_po, as_xliff, as_xliff2

from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.bitext.formats import LocalFile, read_local
from clirot.bitext.formats.request import Request
from clirot.bitext.formats.tmx import read_tmx
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair
from clirot.store import Store

EN_SO = LanguagePair("en", "so")
ROWS = [("Good line", "Sadar fiican"), ("Last line", "Sadarka dambe")]
SKIP = "`fetch_bitext(skip_malformed=True)` leaves out what is broken, counts it and goes on"


def written(tmp_path: Path, content: bytes | str, name: str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def skipping(path: Path) -> tuple[list[SentencePair], list[InputError]]:
    lost: list[InputError] = []
    return list(read_local(LocalFile.parse(path), EN_SO, malformed=lost.append)), lost


def refused(path: Path) -> InputError:
    """The error of a file that is read without leave to skip, and with it."""
    for malformed in ({}, {"malformed": lambda error: None}):
        with pytest.raises(InputError) as caught:
            list(read_local(LocalFile.parse(path), EN_SO, **malformed))
    return caught.value


def unit(en: str, so: str) -> str:
    return (
        f'<tu><tuv xml:lang="en"><seg>{en}</seg></tuv><tuv xml:lang="so"><seg>{so}</seg></tuv></tu>'
    )


def tmx(*units: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>\n') -> str:
    body = "\n".join(units)
    return f'{head}<tmx version="1.4"><header srclang="en"/><body>\n{body}\n</body></tmx>'


@pytest.mark.parametrize(
    ("en", "what"),
    [
        ("Bad &#x1F; char", "reference to invalid character number at column 33"),
        ("Bad & char", "not well-formed (invalid token) at column 34"),
        ("Bad &eacute; char", "undefined entity at column 33"),
        ("Bad </hi> char", "mismatched tag at column 35"),
    ],
)
def test_the_error_names_the_place_and_the_way_out(tmp_path, en, what):
    path = written(
        tmp_path,
        tmx(unit("a", "b"), unit(en, "Xaraf xun"), *(unit(*row) for row in ROWS)),
        "x.tmx",
    )
    with pytest.raises(InputError) as caught:
        list(read_local(path, EN_SO))
    assert caught.value.message == f"{path}:4: not well-formed XML: {what}"
    assert caught.value.hint == SKIP
    found, lost = skipping(path)
    assert [(one.src, one.tgt, one.id) for one in found] == [
        ("a", "b", "1"),
        ("Good line", "Sadar fiican", "3"),
        ("Last line", "Sadarka dambe", "4"),
    ]
    assert [(error.message, error.line) for error in lost] == [(caught.value.message, 4)]


def test_lines_and_columns_are_right_after_a_fault(tmp_path):
    bad = unit("é & x", "y")
    document = tmx(bad, unit("a", "b"), bad + unit("c", "d"), bad)
    for name, content in (
        ("a.tmx", document.encode()),
        ("b.tmx", document.replace("\n", "\r\n").encode()),
        ("c.tmx", document.replace("UTF-8", "UTF-16").encode("utf-16")),
        ("d.tmx", document.replace("UTF-8", "ISO-8859-1").encode("latin-1")),
    ):
        found, lost = skipping(written(tmp_path, content, name))
        assert [(one.src, one.place) for one in found] == [("a", 2), ("c", 4)]
        at = bad.index("& ") + 2
        assert [(error.line, f"column {at}" in error.message) for error in lost] == [
            (3, True),
            (5, True),
            (6, True),
        ]


def test_a_unit_that_is_not_closed_and_one_without_a_language(tmp_path):
    open_unit = unit("half", "badh").removesuffix("</tu>")
    nameless = unit("x", "y").replace(' xml:lang="so"', "")
    path = written(tmp_path, tmx(open_unit, unit("a", "b"), nameless, unit("c", "d")), "x.tmx")
    found, lost = skipping(path)
    assert [(one.src, one.tgt, one.place) for one in found] == [("a", "b", 2), ("c", "d", 4)]
    assert [error.message.partition(": ")[2] for error in lost] == [
        "the <tu> of line 3 is not closed",
        "a <tuv> without xml:lang",
    ]


@pytest.mark.parametrize("wrapped", ["<!-- {} -->", "<![CDATA[ {} ]]>", "<?x {} ?>"])
def test_tags_that_are_text_are_not_where_reading_goes_on(tmp_path, wrapped):
    inside = wrapped.format(unit("no", "maya") + "</body>")
    for content in (
        unit(f"bad & {inside}", "y"),  # after the fault
        unit(wrapped.format("\x01" + unit("no", "maya")), "y"),  # the fault is inside
    ):
        found, lost = skipping(written(tmp_path, tmx(content, unit("a", "b")), "x.tmx"))
        assert [(one.src, one.tgt) for one in found] == [("a", "b")] and len(lost) == 1


def test_what_is_hostile_or_cut_off_is_never_skipped(tmp_path):
    whole = tmx(unit("a & b", "c"), unit("d", "e"))
    laughs = '<!DOCTYPE tmx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n'
    for content, why in (
        (whole[: whole.index("</body>")], "no element found"),
        (whole[: whole.index("</tu>")], "ends before it is whole"),
        (whole[: whole.rindex("<tu>") + 20], "unclosed token"),
        (tmx(unit("a & <!-- b", "c"), unit("d", "e")), "ends before it is whole"),
        (whole.replace("<header", "<header a='&'"), "not well-formed"),
        (tmx(unit("&b;", "x"), head=laughs), "declares the entity 'a'"),
        (tmx(unit("<hi>" * 600, "x"), unit("d", "e")), "more than 500 elements"),
        (whole + "<tmx/>", "junk after document element"),
    ):
        assert why in refused(written(tmp_path, content, "x.tmx")).message


def test_an_entity_of_an_external_document_type_is_a_fault_of_its_unit(tmp_path):
    head = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'
    found, lost = skipping(
        written(tmp_path, tmx(unit("&copy;", "x"), unit("a", "b"), head=head), "x.tmx")
    )
    assert [one.src for one in found] == ["a"]
    assert "the entity &copy; is not defined" in lost[0].message


def test_memory_does_not_grow_with_broken_units():
    class Endless(io.RawIOBase):
        """20,000 units, every other one broken, that are never held in one piece."""

        pieces = 200

        def __init__(self) -> None:
            good, bad = unit("some words " * 4, "erayo " * 8), unit("some & words", "erayo")
            self.piece = ((good + bad) * 50).encode()
            self.rest = tmx("#").split("#")[0].encode()

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            if not self.rest and self.pieces:
                self.pieces -= 1
                self.rest = self.piece if self.pieces else b"</body></tmx>"
            count = min(len(buffer), len(self.rest))
            buffer[:count], self.rest = self.rest[:count], self.rest[count:]
            return count

    lost = 0

    def count(error: InputError) -> None:
        nonlocal lost
        lost += 1

    tracemalloc.start()
    request = Request(pair=EN_SO, malformed=count)
    found = sum(1 for _ in read_tmx(io.BufferedReader(Endless()), Path("m.tmx"), request))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found, lost) == (9950, 9950)
    assert peak < 3_000_000


def test_xliff_keeps_its_files_ids_and_lines_apart(tmp_path):
    """The unit after a broken one may be in another file, between other languages."""

    def file(target: str, *units: str) -> str:
        head = f'<file source-language="en" target-language="{target}"><body><group>'
        return head + "\n".join(units) + "</group></body></file>\n"

    def one(src: str, tgt: str) -> str:
        return f"<trans-unit><source>{src}</source><target>{tgt}</target></trans-unit>"

    document = '<xliff version="1.2">{}{}{}</xliff>'.format(
        file("so", one("a", "b"), one("c & d", "e")),
        file("sw", one("f", "g"), one("<x>", "h")),
        file("so", one("i", "j"), one("k", "l</target>"), one("m", "n")),
    )
    for content in (document.encode(), codecs.BOM_UTF16_LE + document.encode("utf-16-le")):
        found, lost = skipping(written(tmp_path, content, "x.xlf"))
        assert [(pair.src, pair.tgt, pair.id) for pair in found] == [
            ("a", "b", "1"),
            ("i", "j", "5"),
            ("m", "n", "7"),
        ]
        assert [error.line for error in lost] == [2, 4, 6]


@pytest.mark.parametrize("writer", [as_xliff, as_xliff2])
def test_a_broken_unit_of_either_version(tmp_path, writer):
    content = writer([("Bad", "Xun"), *ROWS]).replace(b"Bad", b"Bad \xff")
    path = written(tmp_path, content, "x.xlf")
    found, lost = skipping(path)
    assert [(one.src, one.tgt) for one in found] == ROWS
    assert len(lost) == 1
    with pytest.raises(InputError) as caught:
        list(read_local(path, EN_SO))
    assert (caught.value.message, caught.value.hint) == (lost[0].message, SKIP)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("x.tsv", b"a\tb\nc\nd\te\n", 2),
        ("x.tsv", b"a\tb\nc\xff\td\ne\tf\n", 2),
        ("x.csv", b"en,so\na,b\nc\nd,e\n", 3),
        ("x.jsonl", b'{"en": "a", "so": "b"}\n{"en": "c", "so": \n{"en": "d", "so": "e"}\n', 2),
    ],
)
def test_a_broken_row_of_a_table_names_the_way_out(tmp_path, name, content, line):
    path = written(tmp_path, content, name)
    with pytest.raises(InputError) as caught:
        list(read_local(path, EN_SO))
    assert caught.value.line == line and (caught.value.hint or "").endswith(SKIP)
    found, lost = skipping(path)
    assert len(found) == 2 and [error.line for error in lost] == [line]


def test_where_nothing_can_be_left_out_no_way_out_is_named(tmp_path):
    """A file of single sentences has no pair, and a line less would shift aligned files."""
    one = written(tmp_path, b"a\nb\nc\n", "x.tsv")
    written(tmp_path, b"a\nb\xff\n", "m.en")
    written(tmp_path, b"c\nd\n", "m.so")
    for given in (one, LocalFile.parse(f"{tmp_path}/m.en,{tmp_path}/m.so")):
        with pytest.raises(InputError) as caught:
            list(read_local(given, EN_SO))
        assert "skip_malformed" not in (caught.value.hint or "")


def test_entries_of_po_around_a_broken_one(tmp_path):
    content = as_po([("Bad\ttext", "Xun"), ROWS[0], ("half", "badh"), ROWS[1]])
    content = content.replace(b"\\t", b"\\q").replace(b'msgstr "badh"\n', b"")
    path = written(tmp_path, content, "x.po")
    with pytest.raises(InputError) as caught:
        list(read_local(path, EN_SO))
    found, lost = skipping(path)
    assert lost[0].message == caught.value.message
    assert "unknown escape \\q" in lost[0].message
    assert caught.value.hint is not None and caught.value.hint.endswith(f"; {SKIP}")
    assert lost[1].message.endswith("not a whole entry of PO: '#: a.c:2'")
    assert [(one.src, one.tgt, one.id) for one in found] == [(*ROWS[0], "3"), (*ROWS[1], "5")]


def test_half_an_entry_is_not_joined_with_another(tmp_path):
    head = as_po([]).decode()
    body = 'msgid "a"\n\nmsgstr "d"\n\nmsgid "e"\nmsgstr "f"\n\nmsgid "g\nmsgstr "h"\n'
    found, lost = skipping(written(tmp_path, head + body, "x.po"))
    assert [(one.src, one.tgt) for one in found] == [("e", "f")]
    assert len(lost) == 3


def test_a_broken_header_is_not_skipped(tmp_path):
    content = as_po(ROWS).replace(b"Language:", b"Language\\q:")
    assert "unknown escape" in refused(written(tmp_path, content, "x.po")).message


def test_what_was_left_out_is_counted_and_said(tmp_path):
    path = written(tmp_path, tmx(unit("a & b", "c"), *(unit(*row) for row in ROWS)), "x.tmx")
    config = FetchConfig(pair=EN_SO, files=(path,), skip_malformed=True)
    (one,) = fetch_bitext(config, store=Store(tmp_path / "home")).fetched
    assert (one.read, one.kept, one.dropped) == (3, 2, {"malformed": 1})
    (warning,) = one.warnings
    assert warning.startswith("1 row or unit was malformed and left out; the first: ")
    assert f"{path}:3: not well-formed XML" in warning
    assert json.loads(json.dumps(one.artefact.manifest.results))["malformed"]
