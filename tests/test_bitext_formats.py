"""Readers of bitext formats: well-formed, odd and broken files, each written here."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from clirot.bitext.formats.lines import read_aligned, read_lines
from clirot.bitext.formats.local_file import LocalFile, local_name, read_local
from clirot.bitext.formats.request import Request
from clirot.bitext.formats.tmx import read_tmx
from clirot.bitext.formats.zip_archive import open_member
from clirot.errors import InputError, UsageError
from clirot.records import LanguagePair, SentencePair

EN_SO = LanguagePair("en", "so")


def written(tmp_path: Path, content: bytes | str, name: str = "bitext.tsv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def wrong(path: Path, pair: LanguagePair = EN_SO) -> str:
    """The message for a file that cannot be read, without its directory."""
    with pytest.raises(InputError) as caught:
        list(read_local(path, pair))
    return str(caught.value).removeprefix(f"{path.parent}/")


# Lines


def test_only_a_line_feed_ends_a_line(tmp_path):
    text = "one\u2028still one\x0b\x0c\x1c\x85\nwith a carriage return\r\nlast without an end"
    path = written(tmp_path, text)
    assert list(read_lines(path)) == [
        "one\u2028still one\x0b\x0c\x1c\x85",
        "with a carriage return",
        "last without an end",
    ]


def test_gzip_is_known_by_its_bytes_and_a_byte_order_mark_goes(tmp_path):
    path = written(tmp_path, gzip.compress("\ufeffa\tb\n".encode()), "named.tsv")
    assert list(read_local(path, EN_SO)) == [SentencePair("a", "b", "1")]


def test_bytes_that_are_not_utf8_are_placed(tmp_path):
    path = written(tmp_path, b"Good\tWacan\n" + "café\tx\n".encode("latin-1"))
    assert wrong(path) == (
        "bitext.tsv:2: not UTF-8: byte 0xe9 at column 4 "
        "(convert the file, for example with: iconv -f WINDOWS-1252 -t UTF-8; "
        "`fetch_bitext(skip_malformed=True)` leaves out what is broken, counts it and goes on)"
    )
    path = written(tmp_path, "a\tb\n".encode("utf-32"))
    assert wrong(path).startswith("bitext.tsv: UTF-32, not UTF-8 (convert it")


@pytest.mark.parametrize("charset", ["UTF-16LE", "UTF-16BE"])
def test_utf_16_without_a_byte_order_mark_is_named(tmp_path, charset):
    for content in ("a house\tguri\nmilk\tcaano\n", "une fenêtre\tdaaqad\n"):
        path = written(tmp_path, content.encode(charset))
        assert wrong(path).startswith(f"bitext.tsv: {charset} without a byte order mark (convert")


def test_what_is_no_file_or_two_is_refused(tmp_path):
    for name in ("a.en", "b.so", "c"):
        (tmp_path / name).write_text("x\n")
    three = ",".join(str(tmp_path / name) for name in ("a.en", "b.so", "c"))
    for text, message in (
        ("-", "cannot come from standard input"),
        ("", "a file without a name"),
        (three, "at most two files go together"),
    ):
        with pytest.raises(UsageError, match=message):
            LocalFile.parse(text)


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf16_with_a_byte_order_mark_is_read(tmp_path, charset):
    # U+0A0A and U+0D0D are letters whose bytes are those of a line feed and a carriage return.
    text = "\ufeffa\tb\r\n" + "\u0a0a" * 40_000 + "\u0d0d\u010a\tq\n" + "\U0001f600\tlast"
    path = written(tmp_path, text.encode(charset))
    assert [pair.src for pair in read_local(path, EN_SO)] == [
        "a",
        "\u0a0a" * 40_000 + "\u0d0d\u010a",
        "\U0001f600",
    ]
    cut = written(tmp_path, text.encode(charset)[:-1])
    assert wrong(cut) == f"bitext.tsv:3: not {charset.upper()}: truncated data"


@pytest.mark.parametrize("cut", [12, 40, 5000])
def test_cut_gzip_is_an_error_not_a_short_file(tmp_path, cut):
    whole = gzip.compress("".join(f"s{i * 7919}\tt{i * 104729}\n" for i in range(4000)).encode())
    assert wrong(written(tmp_path, whole[:cut], "x.tsv.gz")).split(":")[0] == "x.tsv.gz"
    assert "damaged gzip data" in wrong(written(tmp_path, whole[:cut], "x.tsv.gz"))
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0xFF
    assert "damaged gzip data" in wrong(written(tmp_path, bytes(broken), "x.tsv.gz"))


def test_a_missing_file_or_a_directory_is_an_error_in_words(tmp_path):
    assert wrong(tmp_path / "none.tsv") == "none.tsv: cannot be read: No such file or directory"
    assert "Is a directory" in wrong(tmp_path)


# Tab-separated


def test_two_or_three_columns(tmp_path):
    path = written(tmp_path, 'Hello\tSalaan\n"quoted"\tb\tid7\n\nx\t\n')
    assert list(read_local(path, EN_SO)) == [
        SentencePair("Hello", "Salaan", "1"),
        SentencePair('"quoted"', "b", "id7"),
        SentencePair("", "", "3"),
        SentencePair("x", "", "4"),
    ]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("no tab here", "1 column: 'no tab here'"),
        ("a\tb\tc\td", "4 columns: 'a\\tb\\tc\\td'"),
        ("x" * 80, "1 column: '" + "x" * 57 + "...'"),
    ],
)
def test_a_malformed_row_is_named_by_line(tmp_path, row, found):
    message = wrong(written(tmp_path, f"Hello\tSalaan\n{row}\n"))
    assert message.startswith(f"bitext.tsv:2: {found} (a row is: source sentence TAB")


# Aligned text


def test_two_aligned_files(tmp_path):
    one, other = written(tmp_path, "a\nb\n", "x.en"), written(tmp_path, "A\nB", "x.so")
    assert list(read_aligned(one, other, id_prefix="n")) == [
        SentencePair("a", "A", "n1"),
        SentencePair("b", "B", "n2"),
    ]


@pytest.mark.parametrize(("src", "tgt"), [(2, 5), (5, 2), (0, 1), (1, 0)])
def test_files_of_different_length_name_both_counts(tmp_path, src, tgt):
    one, other = written(tmp_path, "a\n" * src, "x.en"), written(tmp_path, "b\n" * tgt, "x.so")
    with pytest.raises(InputError, match=rf"x\.en: {src} lines, but .*x\.so has {tgt}"):
        list(read_aligned(one, other))


# TMX


def tmx(body: str, *, head: str = "", version: str = "1.4") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}<tmx version="{version}">'
        f'<header srclang="en"/>\n<body>\n{body}\n</body></tmx>\n'
    )


def unit(en: str, so: str, attributes: str = "") -> str:
    return (
        f'<tu {attributes}><tuv xml:lang="en-US"><seg>{en}</seg></tuv>'
        f'<tuv xml:lang="SO"><seg>{so}</seg></tuv></tu>'
    )


def read(document: str | bytes, src: str = "en", tgt: str = "so") -> list[SentencePair]:
    stream = io.BytesIO(document.encode() if isinstance(document, str) else document)
    return list(read_tmx(stream, Path("m.tmx"), Request(pair=LanguagePair(src, tgt))))


def broken(document: str | bytes, src: str = "en", tgt: str = "so") -> str:
    with pytest.raises(InputError) as caught:
        read(document, src, tgt)
    return str(caught.value)


def test_units_in_any_spelling_of_the_languages():
    document = tmx(unit("Hi &amp; bye", "Haye", 'tuid="u:1"') + unit("a\nb", "c<!-- no -->d"))
    assert read(document) == [
        SentencePair("Hi & bye", "Haye", "u:1"),
        SentencePair("a\nb", "cd", "2"),
    ]
    assert read(document, "so", "en")[0] == SentencePair("Haye", "Hi & bye", "u:1")


def test_markup_of_the_original_document_is_not_part_of_the_sentence():
    seg = 'Press <bpt i="1">&lt;b&gt;<sub>title</sub></bpt>the <hi>red</hi> key<ept i="1"/><ph/>.'
    assert read(tmx(unit(seg, "x")))[0].src == "Press the red key."


def test_the_first_of_several_variants_counts_and_notes_are_not_segments():
    body = (
        '<tu><note>n</note><prop type="x">p</prop><tuv lang="EN"><note>n</note><seg>first</seg>'
        '</tuv><tuv lang="en-GB"><seg>second</seg></tuv><tuv lang="so"><seg>s</seg></tuv></tu>'
    )
    assert read(tmx(body, version="1.1")) == [SentencePair("first", "s", "1")]


def test_a_unit_without_one_language_is_a_pair_with_an_empty_side():
    body = unit("a", "b") + '<tu><tuv xml:lang="en"><seg>alone</seg></tuv></tu>'
    assert read(tmx(body))[1] == SentencePair("alone", "", "2")


def test_utf16_and_an_external_document_type_are_fine():
    document = tmx(unit("é", "ö"), head='<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n')
    assert read(document) == [SentencePair("é", "ö", "1")]
    sixteen = document.replace("UTF-8", "UTF-16").encode("utf-16")
    assert read(sixteen) == [SentencePair("é", "ö", "1")]


def test_entity_declarations_are_refused_before_they_expand():
    bomb = '<!DOCTYPE tmx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
    assert "m.tmx:2: declares the entity 'a'" in broken(tmx(unit("&b;", "x"), head=bomb))
    file = '<!DOCTYPE tmx [<!ENTITY f SYSTEM "file:///etc/hostname">]>\n'
    assert "declares the entity 'f'" in broken(tmx(unit("&f;", "x"), head=file))
    external = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'
    assert "&copy; is not defined" in broken(tmx(unit("&copy;", "x"), head=external))


def test_broken_documents_are_placed():
    whole = tmx(unit("a", "b") + "\n" + unit("c", "d"))
    assert broken(whole[: whole.index("</body>")]).startswith("m.tmx:6: not well-formed XML: no")
    assert "m.tmx:4: not well-formed XML: mismatched tag at column" in broken(
        whole.replace("<seg>a</seg>", "<seg>a</s>")
    )
    assert "m.tmx:4: not well-formed XML: not well-formed (invalid token)" in broken(
        whole.encode().replace(b"<seg>a", b"<seg>\xe9 ")
    )
    assert broken("") == "m.tmx:1: not well-formed XML: no element found at column 1"
    assert broken("<html></html>") == "m.tmx:1: not TMX: the document is a <html>"
    assert "m.tmx:4: a <tuv> without xml:lang" in broken(whole.replace(' xml:lang="SO"', "", 1))


def test_a_memory_of_other_languages_says_which():
    assert broken(tmx(unit("a", "b")), "en", "sw") == (
        "m.tmx: no unit has both 'en' and 'sw'; languages found: en, so"
    )
    assert "languages found: none" in broken(tmx(""))


def test_memory_does_not_grow_with_the_document():
    class Endless(io.RawIOBase):
        """A translation memory of 60,000 units (12 MB) that is never held in one piece."""

        def __init__(self) -> None:
            self.left = 600
            self.piece = "".join(unit("some words " * 4, "erayo " * 8) for _ in range(100)).encode()
            self.rest = tmx("#").split("#")[0].encode()

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            while not self.rest:
                if self.left == 0:
                    return 0
                self.left -= 1
                self.rest = self.piece if self.left else b"</body></tmx>"
            count = min(len(buffer), len(self.rest))
            buffer[:count], self.rest = self.rest[:count], self.rest[count:]
            return count

    tracemalloc.start()
    count = sum(
        1 for _ in read_tmx(io.BufferedReader(Endless()), Path("m.tmx"), Request(pair=EN_SO))
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 59_900
    assert peak < 3_000_000


def test_a_local_tmx_gzipped_or_not(tmp_path):
    document = tmx(unit("a", "b")).encode()
    for name, content in (("m.tmx", document), ("m.TMX.gz", gzip.compress(document))):
        path = written(tmp_path, content, name)
        assert list(read_local(path, EN_SO)) == [SentencePair("a", "b", "1")]
    assert "damaged gzip data" in wrong(written(tmp_path, gzip.compress(document)[:30], "m.tmx.gz"))


# Zip


def archive(tmp_path: Path, **members: str) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in members.items():
            out.writestr(name.replace("_", "."), text)
    return path


def test_the_one_member_of_an_archive(tmp_path):
    with open_member(archive(tmp_path, a_tmx="<x/>", README="r"), suffix=".tmx") as stream:
        assert stream.read() == b"<x/>"


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"README": "r"}, r"0 files ending in \.tmx .* it holds: README"),
        ({"a_tmx": "1", "b_tmx": "2"}, r"2 files ending in \.tmx .* a\.tmx, b\.tmx"),
        ({}, "it holds: nothing"),
    ],
)
def test_not_exactly_one_member(tmp_path, members, found):
    path = archive(tmp_path, **members)
    with pytest.raises(InputError, match=found), open_member(path, suffix=".tmx"):
        pass


def test_a_damaged_archive(tmp_path):
    path = written(tmp_path, b"no zip", "b.zip")
    with pytest.raises(InputError, match="not a readable zip"), open_member(path, suffix=".tmx"):
        pass
    path = archive(tmp_path, a_tmx="some text " * 500)
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)

    def consume() -> bytes:
        with open_member(path, suffix=".tmx") as stream:
            return stream.read()

    with pytest.raises(InputError, match="not a readable zip"):
        consume()


# Names of files


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("quran.en-so.train.tsv.gz", "quran.en-so.train"),
        ("m.TMX", "m"),
        ("my file (2).txt", "my-file-2"),
        ("ünï.tsv", "n"),
        ("..tsv", "bitext"),
        ("x" * 300 + ".tsv", "x" * 80),
    ],
)
def test_the_name_of_a_local_file_in_the_store(name, stem):
    assert local_name(Path("/some/where") / name, "0123456789abcdef") == f"file-{stem}-01234567"
