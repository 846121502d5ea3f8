"""Every format of bitext: what is written is read back, hostile files are refused in words.

The tests of TMX, of tab-separated text and of lines are in ``test_bitext_formats``.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from bitext_files import WRITERS, as_mo, as_parquet, as_po, as_tmx, as_xliff
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clirot import compressed
from clirot.bitext.formats import FORMATS, Fields, LocalFile, lines, read_local
from clirot.bitext.formats.table import by_content
from clirot.errors import ChoiceNotice, ClirotError, InputError, UnknownNameError, UsageError
from clirot.records import LanguagePair, SentencePair

EN_SO = LanguagePair("en", "so")
SO_EN = LanguagePair("so", "en")
ROWS = [("Hello", "Salaan"), ('a "b", c & <d> \\ e', "f; ü\u2028g"), ("long " * 30, "dheer " * 30)]


def zstd(content: bytes) -> bytes:
    import pyarrow as pa

    return bytes(pa.compress(content, "zstd", asbytes=True))


PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}


def written(tmp_path: Path, content: bytes | str, name: str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(
    what: Path | str, pair: LanguagePair = EN_SO, *, kind: str | None = None
) -> list[SentencePair]:
    return list(read_local(LocalFile.parse(what, kind=kind), pair))


def sides(what: Path | str, pair: LanguagePair = EN_SO) -> list[tuple[str, str]]:
    return [(one.src, one.tgt) for one in pairs(what, pair)]


def wrong(what: Path | str, pair: LanguagePair = EN_SO, *, kind: str | None = None) -> str:
    """The message for what cannot be read, without its directory."""
    with pytest.raises(ClirotError) as caught:
        pairs(what, pair, kind=kind)
    return str(caught.value).replace(f"{Path(str(what)).parent}/", "")


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return path


# Every format


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", ["named.{}", "without-an-ending"])
def test_a_format_is_told_from_its_content_or_name(tmp_path, kind, name):
    if kind == "csv" and "{}" not in name:
        pytest.skip("only its name tells comma-separated text")
    path = written(tmp_path, WRITERS[kind](ROWS), name.format(kind.replace("xliff2", "xlf")))
    found = "tsv" if kind == "tsv" else kind.rstrip("2")
    if kind not in {"tsv", "csv"}:
        assert by_content(path.read_bytes()) == found
    assert sides(path) == ROWS
    assert sides(path, SO_EN) == (ROWS if kind == "tsv" else [(tgt, src) for src, tgt in ROWS])
    places = [one.place for one in pairs(path)]
    assert places == sorted(set(places)) and places[0] > 0


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "parquet"])
@pytest.mark.parametrize("ending", [*PACKED, ".zip"])
def test_a_format_may_be_compressed_or_in_an_archive(tmp_path, kind, ending):
    name = f"x.{kind.replace('xliff2', 'xlf')}"
    content = WRITERS[kind](ROWS)
    if ending == ".zip":
        path = archive(tmp_path / "a.zip", {f"d/{name}": content, "d/": b"", "README.md": b"r"})
    else:
        path = written(tmp_path, PACKED[ending](content), name + ending)
    assert sides(path) == ROWS


def test_a_misleading_name_is_overridden(tmp_path):
    path = written(tmp_path, "en,so\na,b\n", "x.txt")
    assert "1 column" in wrong(path)
    assert pairs(path, kind="csv") == [SentencePair("a", "b", "2")]
    with pytest.raises(UnknownNameError, match=r"unknown format 'cvs' \(did you mean 'csv'\?"):
        LocalFile.parse(path, kind="cvs")


def texts(kind: str) -> st.SearchStrategy[str]:
    """Text that a format can hold: XML has no control characters, a line no line feed."""
    xml = kind in {"tmx", "xliff", "xliff2"}
    without = {"tsv": "\t\n\r", "csv": "\r", "mo": "\0\x04", "po": "\0"}.get(kind, "")
    alphabet = st.characters(
        codec="utf-8",
        exclude_characters=without + ("\ufffe\uffff\r" if xml else ""),
        exclude_categories=("Cs", "Cc") if xml else ("Cs",),
    )
    return st.text(
        st.one_of(alphabet, st.sampled_from("\"'<&\\,;#ab\u2028")), min_size=1, max_size=40
    )


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(tmp_path_factory, kind, data):
    text = texts(kind)
    rows = data.draw(st.lists(st.tuples(text, text), min_size=1, max_size=8))
    if kind == "tsv":
        # A byte order mark begins a file, an empty line is no row, and white space none either.
        # Cells in one piece with digits would be taken for ids.
        rows = [(f"a {src}.", f"b {tgt}.") for src, tgt in rows]
    path = tmp_path_factory.mktemp("rows") / "file"
    path.write_bytes(WRITERS[kind](rows))
    found = list(read_local(LocalFile(paths=(path,), format=kind.rstrip("2")), EN_SO))
    assert [(one.src, one.tgt) for one in found] == rows


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(texts("tsv"), texts("tsv"))))
def test_two_aligned_files_are_read_back(tmp_path_factory, rows):
    directory = tmp_path_factory.mktemp("rows")
    for place, language in enumerate(("en", "so")):
        text = "".join(f"x{row[place]}\n" for row in rows)
        (directory / f"t.{language}.zst").write_bytes(zstd(text.encode()))
    file = LocalFile.parse(f"{directory}/t.so.zst,{directory}/t.en.zst")  # the names are believed
    found = [(one.src[1:], one.tgt[1:]) for one in read_local(file, EN_SO)]
    assert found == rows


# How a file is named


def test_columns_are_named_or_numbered(tmp_path):
    path = written(tmp_path, "n;English, US;somali\n1;a;b\n", "x.csv")
    assert pairs(f'{path}:"English, US",somali,n') == [SentencePair("a", "b", "1")]
    with pytest.warns(ChoiceNotice, match=r"the first line is a header \('n', 'English, US', 'som"):
        assert pairs(f"{path}:2,3") == [SentencePair("a", "b", "2")]
    path = written(tmp_path, "1.05\ta\tb\textra\n", "lasered.tsv")
    assert pairs(f"{path}:2,3,1") == [SentencePair("a", "b", "1.05")]
    assert wrong(f"{path}:2,5").startswith("lasered.tsv:1: 4 columns: '1.05\\ta")
    assert "not the names of columns: '2'" in wrong(f"{path}:2")
    assert wrong(f"{path}:en,so").startswith("lasered.tsv:1: no column 'en'; it has '1.05', 'a'")
    path = written(tmp_path, "en,somaali\na,b\n", "y.csv")
    assert wrong(f"{path}:en,somali").endswith("(did you mean 'somaali'?)")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("src,tgt", ("1", "2", "2")),
        ("Target,x,Source,id", ("3", "1", "4")),
        ("ID,eng_Latn,som_Latn", ("2", "3", "1")),
        ("en-GB,en-US,so-SO", ("2", "3", "2")),
        ("Somali,domain,English,score", ("3", "1", "2")),
    ],
)
def test_columns_are_found_by_their_names(tmp_path, header, expected):
    width = header.count(",") + 1
    row = ",".join(str(number) for number in range(1, width + 1))
    for kind, comma in (("csv", ","), ("csv", ";"), ("tsv", "\t")):
        text = f"{header}\n{row}\n".replace(",", comma)
        (found,) = pairs(written(tmp_path, text, f"x.{kind}"))
        assert (found.src, found.tgt, found.id) == expected


def test_indonesian_is_no_identifier(tmp_path):
    path = written(tmp_path, "id,en\nsatu,one\n", "x.csv")
    assert pairs(path, LanguagePair("en", "id")) == [SentencePair("one", "satu", "2")]


def test_what_is_named_is_understood_whatever_is_in_names(tmp_path):
    plain = written(tmp_path, "a\tb\n", "odd:name,so.tsv")
    assert LocalFile.parse(plain) == LocalFile(paths=(plain,))
    assert LocalFile.parse(f"{plain}:1,2").fields == Fields("1", "2")
    one, other = written(tmp_path, "a\n", "x,1.en"), written(tmp_path, "b\n", "x,1.so")
    assert LocalFile.parse(f"{one},{other}").paths == (one, other)
    assert wrong(f"{one},{tmp_path}/y.so") == "y.so: cannot be read: No such file or directory"
    assert (
        wrong(f"{tmp_path}/none.csv:a,b") == "none.csv: cannot be read: No such file or directory"
    )
    assert "cannot be read: " in wrong("a\0b")
    assert "cannot be read: File name too long" in wrong("x" * 3000)


def test_what_makes_no_sense_is_a_usage_error(tmp_path):
    tmx = written(tmp_path, as_tmx(ROWS), "x.tmx")
    for what, kind in ((f"{tmx}:a,b", None), (f"{tmx}:a,b", "tmx"), (f"{tmx},{tmx}:a,b", None)):
        with pytest.raises(UsageError, match="no columns to name"):
            pairs(what, kind=kind)
    with pytest.raises(UsageError, match=r"two files, but TMX .* is one"):
        pairs(f"{tmx},{tmx}", kind="tmx")
    with pytest.raises(UsageError, match=r"but one file \(name both with a comma"):
        pairs(tmx, kind="moses")


def test_the_name_in_the_store_tells_columns_and_formats_apart(tmp_path):
    path = written(tmp_path, "a\tb\tc\n", "x.tsv")
    digests = LocalFile.parse(path).digests
    names = {
        LocalFile.parse(what, kind=kind).source_name
        for what, kind in (
            (path, None),
            (f"{path}:1,2", None),
            (f"{path}:1,3", None),
            (path, "tsv"),
        )
    }
    assert len(names) == 4
    assert all(name.startswith("file-x-") for name in names)
    assert LocalFile.parse(path).source_name == f"file-x-{digests[0][:8]}"
    parts = [written(tmp_path, name, f"train.en-so.{name}.gz") for name in ("en", "so")]
    assert LocalFile(paths=tuple(parts)).source_name.startswith("file-train.en-so-")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    assert wrong(tmp_path / "pipe") == "pipe: not a regular file (save it to a file first)"
    with pytest.raises(InputError, match="not a regular file"):
        _ = LocalFile.parse(tmp_path / "pipe").digests


# Compressed, and archives


def test_members_and_frames_one_after_the_other_are_one_file(tmp_path):
    skippable = struct.pack("<2I", 0x184D2A50, 3) + b"abc"
    for ending, pack in PACKED.items():
        content = pack(b"a\tb\n") + pack(b"c\td\n")
        path = written(tmp_path, (skippable if ending == ".zst" else b"") + content, f"x{ending}")
        assert sides(path) == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize("ending", PACKED)
def test_cut_or_broken_compression_is_an_error_not_a_short_file(tmp_path, ending):
    rng = random.Random(7)
    text = "".join(f"s{rng.random()}\tt{rng.random()}\n" for _ in range(50_000)).encode()
    whole = PACKED[ending](text)
    for cut in (12, len(whole) // 2, len(whole) - 1):
        message = wrong(written(tmp_path, whole[:cut], f"x.tsv{ending}"))
        assert message.startswith("x.tsv") and "damaged" in message and "copy it again" in message
    message = wrong(written(tmp_path, whole[: len(whole) // 2], f"x.tsv{ending}"))
    assert int(message.split(":")[1]) > 1  # the line
    assert "damaged" in wrong(written(tmp_path, whole + b"rubbish!", f"x.tsv{ending}"))


def test_compressed_twice_is_refused(tmp_path):
    path = written(tmp_path, gzip.compress(bz2.compress(b"a\tb\n")), "x.gz")
    assert wrong(path) == "x.gz: bzip2 in gzip: compressed twice (unpack it once)"


@pytest.mark.parametrize("ending", [*PACKED, ".zip"])
def test_a_bomb_is_refused_before_it_fills_anything(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(compressed, "FREE_BYTES", 1 << 20)
    bomb = b"a\tb\n" * (1 << 20)
    if ending == ".zip":
        path = archive(tmp_path / "x.zip", {"x.tsv": bomb})
    else:
        path = written(tmp_path, PACKED[ending](bomb), f"x{ending}")
    assert "bytes unpack to more than" in wrong(path)
    # An honest file of that size, which repeats itself less, is read.
    rng = random.Random(3)
    text = "".join(f"a {rng.random()}\tx {rng.random()}\n" for _ in range(80_000)).encode()
    assert len(text) > 1 << 20
    assert len(pairs(written(tmp_path, gzip.compress(text), "y.gz"))) == 80_000


def test_a_moses_archive_as_opus_has_it(tmp_path):
    members = {"X.en-so.en": b"a\nb\n", "X.en-so.so": b"c\nd\n", "README": b"r", "LICENSE": b"l"}
    path = archive(tmp_path / "so-en.txt.zip", {**members, "X.en-so.xml": b"<x/>"})
    assert sides(path) == [("a", "c"), ("b", "d")]
    assert sides(path, SO_EN) == [("c", "a"), ("d", "b")]
    short = archive(tmp_path / "b.zip", {"x.en": b"a\nb\n", "x.so": b"c\n"})
    assert wrong(short).startswith("b.zip/x.en: 2 lines, but ")
    regional = archive(tmp_path / "c.zip", {"x.en": b"a\n", "x.zh_CN": b"b\n"})
    assert sides(regional, LanguagePair("en", "zh")) == [("a", "b")]


def test_an_archive_with_no_one_bitext_says_what_it_holds(tmp_path):
    path = archive(tmp_path / "a.zip", {"a.tsv": b"a\tb\n", "b.tsv": b"c\td\n", "x\x1b[2J": b""})
    message = wrong(path)
    assert "which of its 3 files is the bitext? It holds: a.tsv, b.tsv, x?[2J" in message
    assert "ends" not in message and "end in .en and .so" in message
    inner = archive(tmp_path / "in.zip", {"a.tsv": b"a\tb\n"}).read_bytes()
    nested = archive(tmp_path / "b.zip", {"in.zip": inner})
    for kind in (None, "tsv"):
        assert wrong(nested, kind=kind) == (
            "b.zip: in.zip is an archive in an archive (unpack it once)"
        )


def test_names_that_lead_out_of_an_archive_lead_nowhere(tmp_path):
    before = sorted(tmp_path.iterdir())
    path = archive(tmp_path / "a.zip", {"../../evil.tsv": b"a\tb\n", "/etc/README": b"r"})
    assert sides(path) == [("a", "b")]
    assert sorted(tmp_path.iterdir()) == [*before, path]


def test_encrypted_and_damaged_archives(tmp_path):
    path = archive(tmp_path / "a.zip", {"a.tsv": b"a\tb\n"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    locked = bytearray(content)
    locked[6] |= 1
    locked[central + 8] |= 1
    assert "is encrypted" in wrong(written(tmp_path, bytes(locked), "l.zip"))
    content[central - 2] ^= 1  # of the text itself
    assert "Bad CRC-32" in wrong(written(tmp_path, bytes(content), "d.zip"))
    assert "not a readable zip archive" in wrong(written(tmp_path, content[:40], "c.zip"))
    raw = zlib.compress(b"x")  # no archive and no text
    assert "not UTF-8" in wrong(written(tmp_path, raw, "z.zip"))


# Text


def test_a_line_without_end_is_refused_at_its_limit(tmp_path, monkeypatch):
    path = written(tmp_path, b"a\tb\n" + b"x" * 10_000_000 + b"\ty\n", "x.tsv")
    assert len(pairs(path)[1].src) == 10_000_000
    monkeypatch.setattr(lines, "LINE", 1 << 20)
    assert wrong(path).startswith("x.tsv:2: a line of more than 1,048,576 bytes")
    sixteen = written(tmp_path, ("a\tb\n" + "x" * 3_000_000).encode("utf-16"), "y.tsv")
    assert wrong(sixteen).startswith("y.tsv:2: a line of more than 1,048,576 bytes")


def test_nul_bytes_are_text(tmp_path):
    assert sides(written(tmp_path, b"a\0b\tc\n", "x.tsv")) == [("a\0b", "c")]
    assert sides(written(tmp_path, b"en,so\na\0b,c\n", "x.csv")) == [("a\0b", "c")]


def test_malformed_rows_are_counted_on_request(tmp_path):
    contents = {
        "x.tsv": b"a\tb\nonly\nc\td\n\xff\te\nf\tg\n",
        "x.csv": b'en,so\na,b\n1,2,3\nc,d\n\xff,e\n"x"y,z\nf,g\n',
        "x.jsonl": b'{"en":"a","so":"b"}\n{"en":"1"}\n{"en":"c","so":"d"}\n[]\n{"en":1,"so":"2"}\n'
        b'\xff\n{"en":"f","so":"g"}\n',
    }
    for name, content in contents.items():
        errors: list[InputError] = []
        file = LocalFile.parse(written(tmp_path, content, name))
        found = list(read_local(file, EN_SO, malformed=errors.append))
        assert [(one.src, one.tgt) for one in found] == [("a", "b"), ("c", "d"), ("f", "g")]
        starts = content.split(b"\n")
        good = {number for number, line in enumerate(starts, 1) if line[:1] in b'acf{"'}
        assert len(errors) == {"x.tsv": 2, "x.csv": 3, "x.jsonl": 4}[name]
        assert all(error.line is not None for error in errors)
        assert {one.place for one in found} <= good
        with pytest.raises(InputError) as caught:
            pairs(tmp_path / name)
        assert caught.value.message == errors[0].message


# Comma-separated


def test_a_field_may_hold_commas_quotes_and_lines(tmp_path):
    text = 'en,so\r\n"a, ""b""\nc",d\r\n\r\ne,f\r\n'
    found = pairs(written(tmp_path, "\ufeff" + text, "x.csv"))
    assert [(one.src, one.tgt, one.place) for one in found] == [
        ('a, "b"\nc', "d", 2),
        ("", "", 4),
        ("e", "f", 5),
    ]


@pytest.mark.parametrize("rows", [10, 50_000])
def test_a_stray_quotation_mark_does_not_swallow_the_file(tmp_path, rows):
    text = 'en,so\na,b\n"open,c\n' + "d,e\n" * rows
    message = wrong(written(tmp_path, text, "x.csv"))
    assert message.startswith("x.csv:3: not comma-separated text: a quotation mark opened in this")
    assert wrong(written(tmp_path, 'en,so\n"a"b,c\n', "y.csv")).startswith("y.csv:2: not comma-")


@pytest.mark.parametrize("after", [0, 10, 50_000])
@pytest.mark.parametrize("stray", ['"open,c', 'b,"open', 'b,"', '"a"b,c'])
def test_what_a_stray_quotation_mark_swallowed_is_read_again(tmp_path, stray, after):
    """One row is left out, wherever the reader noticed, and every other row is where it was."""
    good = [f"s{number},t{number}" for number in range(after)]
    lines = ["en,so", "a,b", stray, *good, '"x, y",z', "e,f", *good]
    text = "".join(f"{line}\n" for line in lines)
    errors: list[InputError] = []
    file = LocalFile.parse(written(tmp_path, text, "x.csv"))
    found = list(read_local(file, EN_SO, malformed=errors.append))
    assert [error.line for error in errors] == [3]
    expected = {number: line for number, line in enumerate(lines, 1) if number not in (1, 3)}
    assert [one.place for one in found] == list(expected)
    assert {one.place: f"{one.src},{one.tgt}" for one in found} == {
        number: line.replace('"', "") for number, line in expected.items()
    }


def test_a_table_without_the_columns_says_what_it_has(tmp_path):
    path = written(tmp_path, "a,b\nc,d\n", "x.csv")
    assert wrong(path) == (
        "x.csv:1: no columns for 'en' and 'so' among 'a', 'b' "
        "(name them: PATH:SRC,TGT (or by number from 1, where there is no header))"
    )
    assert wrong(written(tmp_path, "en,so\na,b,c\n", "y.csv")).startswith("y.csv:2: 3 columns: 'a,")


# JSON lines


def test_fields_of_json_lines(tmp_path):
    content = '{"id": 12345678901234567890, "x": {"en": "a\\ud83d\\ude00"}, "somali": null}\n\n'
    path = written(tmp_path, content, "x.jsonl")
    assert pairs(f"{path}:x.en,somali,id") == [
        SentencePair("a\U0001f600", "", "12345678901234567890")
    ]
    assert wrong(f"{path}:x.so,somali").startswith("x.jsonl:1: no field 'x.so'; it has 'id', 'x'")
    dotted = written(tmp_path, '{"a.b": "1", "so": "2"}', "y.jsonl")
    assert sides(f"{dotted}:a.b,so") == [("1", "2")]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("[1]", "not a JSON object"),
        ('{"en": "a", "so"', "not JSON: Expecting ':'"),
        ('{"en": "a"}', "no field 'so'; it has 'en'"),
        ('{"en": ["a"], "so": "b"}', "the field 'en' holds a list"),
        ('{"en": {"x": 1}, "so": "b"}', "the field 'en' holds an object"),
        ('{"en": 1.5, "so": "b"}', "the field 'en' holds a number"),
        ('{"en": true, "so": "b"}', "the field 'en' holds true or false"),
        ('{"en": "\\ud800", "so": "b"}', "half a surrogate pair at character 1"),
        ('{"x":' * 100_000, "nested more than 100 levels deep"),
        ('{"en": "a", "so": "b", "n": ' + "9" * 10_000 + "}", ""),
    ],
)
def test_lines_that_are_no_objects_with_the_fields(tmp_path, line, found):
    good = json.dumps({"en": "a", "so": "b"})
    path = written(tmp_path, f"{good}\n{line}\n", "x.jsonl")
    if found:
        assert wrong(path).startswith("x.jsonl:2: ") and found in wrong(path)
    else:
        assert len(pairs(path)) == 2


# Parquet


def test_parquet_of_other_types(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def table(name: str, **columns: object) -> Path:
        pq.write_table(pa.table(columns), tmp_path / name)
        return tmp_path / name

    texts = ["a", None, "c"]
    good = table(
        "a.parquet",
        en=pa.array(texts).dictionary_encode(),
        so=pa.array(["x", "y", "z"], pa.large_string()),
        id=[7, 8, None],
    )
    assert [(one.src, one.tgt, one.id) for one in pairs(good)] == [
        ("a", "x", "7"),
        ("", "y", "8"),
        ("c", "z", "3"),
    ]
    nested = table("b.parquet", translation=[{"en": "a", "so": "b"}, None, {"en": None, "so": "d"}])
    assert sides(nested) == [("a", "b"), ("", ""), ("", "d")]
    assert sides(f"{nested}:translation.so,translation.en")[0] == ("b", "a")
    numbers = table("c.parquet", en=[1, 2], so=["a", "b"])
    assert wrong(numbers) == "c.parquet: the column 'en' is of type int64, not text"
    lists = table("d.parquet", en=[["a"]], so=["b"])
    assert "is of type list<element: string>, not text" in wrong(lists)
    raw = table("e.parquet", en=pa.array([b"a"]), so=["b"])
    assert "is of type binary, not text" in wrong(raw)
    assert wrong(table("f.parquet", a=["b"])).startswith("f.parquet: no columns for 'en' and 'so'")
    bad = pa.StringArray.from_buffers(
        1, pa.py_buffer(struct.pack("<2i", 0, 1)), pa.py_buffer(b"\xff")
    )
    assert "not readable parquet" in wrong(table("g.parquet", en=bad, so=["b"]))


def test_broken_parquet(tmp_path):
    whole = as_parquet(ROWS * 50)
    assert "not readable parquet" in wrong(written(tmp_path, whole[:-9], "x.parquet"))
    assert "not readable parquet" in wrong(
        written(tmp_path, whole[:300] + whole[400:], "x.parquet")
    )
    assert "parquet inside other compression" in wrong(
        written(tmp_path, gzip.compress(whole), "x.parquet.gz")
    )
    assert "parquet inside" in wrong(archive(tmp_path / "x.zip", {"x.parquet": whole}))
    assert "not readable parquet" in wrong(written(tmp_path, b"en\tso\n", "y.parquet"))


# XLIFF


def xliff(body: str, attributes: str = 'source-language="en" target-language="so"') -> str:
    return f'<xliff version="1.2"><file {attributes}><body>\n{body}\n</body></file></xliff>'


def test_inline_elements_proposals_and_states(tmp_path):
    body = (
        '<group><trans-unit id="a"><source>One <g id="1">two</g> <ph id="2">code</ph>three</source>'
        '<target>Kow <mrk mtype="term">laba</mrk><x id="3"/></target>'
        "<alt-trans><source>no</source><target>no</target></alt-trans></trans-unit></group>"
        '<trans-unit id="b"><source>copied</source>'
        '<target state="needs-translation">copied</target></trans-unit>'
        '<trans-unit id="c"><source>alone</source></trans-unit>'
    )
    assert pairs(written(tmp_path, xliff(body), "x.xlf")) == [
        SentencePair("One two three", "Kow laba", "a"),
        SentencePair("copied", "", "b"),
        SentencePair("alone", "", "c"),
    ]


def test_units_that_were_cut_into_sentences(tmp_path):
    def unit(target: str) -> str:
        return (
            '<trans-unit id="u"><source>One. Two.</source><seg-source><g id="1">'
            '<mrk mtype="seg" mid="1">One<ph id="9">%s</ph>.</mrk> '
            '<mrk mtype="seg" mid="2">Two.</mrk></g></seg-source>'
            f"<target>{target}</target></trans-unit>"
        )

    both = '<mrk mtype="seg" mid="2">Laba.</mrk> <mrk mtype="seg" mid="1">Kow.</mrk>'
    assert pairs(written(tmp_path, xliff(unit(both)), "x.xlf")) == [
        SentencePair("One.", "Kow.", "u.1"),
        SentencePair("Two.", "Laba.", "u.2"),
    ]
    one = '<mrk mtype="seg" mid="1">Kow. Laba.</mrk>'
    assert pairs(written(tmp_path, xliff(unit(one)), "y.xlf")) == [
        SentencePair("One. Two.", "Kow. Laba.", "u")
    ]


def test_xliff_2_segments_and_modules(tmp_path):
    document = """<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.1" srcLang="en-US"
     trgLang="so"><file id="f"><unit id="u"><mtc:matches xmlns:mtc="urn:m"><mtc:match ref="#s">
     <source>no</source><target>no</target></mtc:match></mtc:matches>
     <originalData><data id="d">code</data></originalData>
     <segment id="s"><source>A <pc id="1">bold</pc><ph id="2" dataRef="d"/> word</source>
     <target>Eray</target></segment><ignorable><source> </source></ignorable>
     <segment><source>Two</source><target>Laba</target></segment></unit></file></xliff>"""
    assert pairs(written(tmp_path, document, "x.xlf")) == [
        SentencePair("A bold word", "Eray", "u::s"),
        SentencePair("Two", "Laba", "u::segment-2"),
    ]


def test_the_languages_of_xliff(tmp_path):
    unit = '<trans-unit id="1"><source>a</source><target>b</target></trans-unit>'
    other = xliff(unit, 'source-language="en" target-language="sw"')
    message = wrong(written(tmp_path, other, "x.xlf"))
    assert message == "x.xlf: nothing in it is between 'en' and 'so'; it translates: en to sw"
    unstated = xliff(unit, 'source-language="en-GB"')
    assert sides(written(tmp_path, unstated, "y.xlf")) == [("a", "b")]
    on_target = unstated.replace("<target>", '<target xml:lang="sw">')
    assert "it translates: en-GB to sw" in wrong(written(tmp_path, on_target, "z.xlf"))
    assert "not XLIFF: the document is a <html>" in wrong(written(tmp_path, "<html/>", "h.xlf"))
    assert "XLIFF of version '3.0'" in wrong(written(tmp_path, '<xliff version="3.0"/>', "3.xlf"))


def test_what_is_read_whole_has_a_limit(tmp_path, monkeypatch):
    from clirot.bitext.formats import toolkit

    monkeypatch.setattr(toolkit, "TOPICS", 1 << 12)
    for kind in ("xliff", "po", "mo"):
        assert sides(written(tmp_path, WRITERS[kind](ROWS), f"x.{kind}")) == ROWS
        large = written(tmp_path, WRITERS[kind](ROWS * 20), f"y.{kind}")
        assert wrong(large, kind=kind).startswith(f"y.{kind}: more than 4,096 bytes, and this form")
        with monkeypatch.context() as raised:
            raised.setenv("CLIROT_MOST_BYTES", "100000")
            assert len(sides(large)) == 20 * len(ROWS)


@pytest.mark.parametrize("kind", ["xliff", "po", "mo"])
def test_without_translate_toolkit_the_extra_is_named(tmp_path, monkeypatch, kind):
    for module in ("pypo", "mo", "xliff"):
        monkeypatch.setitem(sys.modules, f"translate.storage.{module}", None)
    path = written(tmp_path, WRITERS[kind](ROWS), f"x.{kind}")
    with pytest.raises(UsageError, match=r"not installed \(pip install 'clirot\[localisation\]'"):
        pairs(path)


def test_a_document_type_is_not_fetched(tmp_path):
    """Neither the check nor the library opens what a document points to."""
    (tmp_path / "x.dtd").write_text('<!ENTITY stolen "secret">')
    body = '<trans-unit id="1"><source>a&stolen;</source><target>b</target></trans-unit>'
    document = f'<!DOCTYPE xliff SYSTEM "{tmp_path}/x.dtd">\n{xliff(body)}'
    assert "the entity &stolen; is not defined" in wrong(written(tmp_path, document, "x.xlf"))
    plain = document.replace("&stolen;", "")
    assert sides(written(tmp_path, plain, "y.xlf")) == [("a", "b")]


# XML of any kind


def test_hostile_xml(tmp_path, monkeypatch):
    from clirot.bitext.formats import xml_stream

    laughs = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n'
    for name, content in (("t.tmx", as_tmx(ROWS)), ("x.xlf", as_xliff(ROWS))):
        text = content.decode()
        root = text.index("<tmx" if name == "t.tmx" else "<xliff")
        assert "declares the entity 'a'" in wrong(written(tmp_path, laughs + text[root:], name))
        file = laughs.replace('"aaaa"', 'SYSTEM "file:///etc/hostname"') + text[root:]
        assert "entity declarations are refused" in wrong(written(tmp_path, file, name))
        deep = text.replace("</seg>", "<hi>" * 1000, 1).replace("</source>", "<g>" * 1000, 1)
        assert "more than 500 elements within each other" in wrong(written(tmp_path, deep, name))
        odd = text.replace("?>", ' encoding="x-none"?>', 1)
        assert "cannot be decoded" in wrong(written(tmp_path, odd, name))
        nul = text.replace("Salaan", "Sal\0aan")
        assert "not well-formed XML" in wrong(written(tmp_path, nul, name))
        monkeypatch.setattr(xml_stream, "MAX_TEXT", 1 << 18)
        comment = text.replace("Salaan", f"<!--{'x' * (1 << 20)}-->")
        assert "a tag or comment of more than" in wrong(written(tmp_path, comment, name))
        segment = text.replace("Salaan", "x" * (1 << 20))
        assert "a segment of more than 262,144 characters" in wrong(
            written(tmp_path, segment, name)
        )
        monkeypatch.undo()
        latin = text.replace("?>", ' encoding="ISO-8859-1"?>', 1).replace("\u2028", " ")
        assert sides(written(tmp_path, latin.encode("latin-1"), name))[1][1] == "f; ü g"


# gettext

HEAD = (
    'msgid ""\nmsgstr ""\n"Language: {}\\n"\n"Content-Type: text/plain; charset={}\\n"\n'
    '"Plural-Forms: {}\\n"\n\n'
)


def po(body: str, language: str = "so", charset: str = "UTF-8", plural: str = "") -> bytes:
    text = HEAD.format(language, charset, plural) + body
    return text.encode("utf-8" if charset == "CHARSET" else charset)


def test_entries_of_po(tmp_path):
    body = r"""
# note
#: main.c:1
#, c-format
msgctxt "menu"
msgid "one\t\"two\" "
"three\n"
msgstr ""
"kow \303\251\x21"

#, fuzzy, c-format
#| msgid "before"
msgid "guess"
msgstr "male"

msgid "untranslated"
msgstr ""

#~ msgid "gone"
#~ msgstr "tagay"
"""
    found = pairs(written(tmp_path, po(body), "x.po"))
    assert [(one.src, one.tgt, one.id, one.place) for one in found] == [
        ('one\t"two" three\n', "kow é!", "2", 12),
        ("untranslated", "", "4", 22),
    ]


ARABIC = (
    "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : "
    "n%100>=11 && n%100<=99 ? 4 : 5;"
)
RUSSIAN = (
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && "
    "(n%100<10 || n%100>=20) ? 1 : 2);"
)


@pytest.mark.parametrize(
    ("rule", "forms", "one", "many"),
    [
        ("", 2, 0, 1),
        ("nplurals=2; plural=(n != 1);", 2, 0, 1),
        ("nplurals=1; plural=0;", 1, 0, 0),
        (RUSSIAN, 3, 0, 2),
        (ARABIC, 6, 1, 4),
        ("nplurals=2; plural=n/0;", 2, 0, 1),
        ("nplurals=2; plural=__import__('os');", 2, 0, 1),
        ("nplurals=2; plural=" + "(" * 900, 2, 0, 1),
    ],
)
def test_plural_forms_go_with_one_and_with_most_numbers(tmp_path, rule, forms, one, many):
    strings = "".join(f'msgstr[{form}] "f{form}"\n' for form in range(forms))
    body = f'msgid "%d file"\nmsgid_plural "%d files"\n{strings}'
    assert pairs(written(tmp_path, po(body, plural=rule), "x.po")) == [
        SentencePair("%d file", f"f{one}", "2"),
        SentencePair("%d files", f"f{many}", "2.plural"),
    ]


def test_the_language_and_the_charset_of_po(tmp_path):
    body = 'msgid "a"\nmsgstr "é"\n'
    path = written(tmp_path, po(body, charset="ISO-8859-1"), "x.po")
    assert sides(path) == [("a", "é")]
    assert sides(path, SO_EN) == [("é", "a")]
    assert wrong(path, LanguagePair("en", "sw")) == "x.po: translates into 'so', not 'sw'"
    assert sides(written(tmp_path, po(body, language=""), "x.po")) == [("a", "é")]
    assert sides(written(tmp_path, po(body, charset="CHARSET"), "x.po")) == [("a", "é")]
    latin = written(tmp_path, po(body, "sr@latin"), "x.po")
    assert sides(latin, LanguagePair.of("en", "sr-Latn")) == [("a", "é")]
    for charset in ("utf-7", "rot13", "idna", "UTF-16", "none"):
        odd = po(body).replace(b"UTF-8", charset.encode())
        assert f"the charset '{charset}' is not known" in wrong(written(tmp_path, odd, "x.po"))
    cut = written(tmp_path, po(body).replace("é".encode(), b"\xe9"), "x.po")
    assert wrong(cut).startswith("x.po:8: not UTF-8: byte 0xe9 at column 9")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('msgid "a\nmsgstr "b"\n', ":7: not a line of PO: 'msgid \"a'"),
        ('msgid "a"\nmsgstr "\\q"\n', ":8: unknown escape \\q"),
        ('msgid "a"\nmsgstr "\\777"\n', ":8: unknown escape \\777"),
        ('msgid "a"\nmsgstr "\\377"\n', ":8: unknown escape \\377, or bytes that are not UTF-8"),
        ('msgid "a"\nmsgid_plural "b"\nmsgid "c"\n', ":9: no entry of PO goes on with 'msgid"),
        ('msgid "a"\n\nmsgid "b"\nmsgstr "c"\n', ":9: no entry of PO goes on with 'msgid"),
        ('msgid "a"\n', ":7: the msgid of line 7 has no msgstr"),
        ('msgstr "a"\n', ":7: no entry of PO goes on with 'msgstr"),
        ('"a"\n', ""),
        ("text\n", ":7: not a line of PO: 'text'"),
        ('msgid "a"\nmsgstr[0] "b"\n', ":8: no entry of PO goes on with 'msgstr[0]"),
        ('msgid "a"\nmsgstr "b"\nmsgstr "c"\n', ":9: no entry of PO goes on with 'msgstr"),
        ('msgid "a" garbage\nmsgstr "b"\n', ":7: not a line of PO: 'msgid \"a\" garbage'"),
    ],
)
def test_broken_po_is_placed(tmp_path, body, found):
    path = written(tmp_path, po(body), "x.po")
    if found:
        assert wrong(path).startswith(f"x.po{found}")
    else:  # a blank line does not end an entry
        assert pairs(path) == []


def test_a_msgstr_on_its_own(tmp_path):
    assert wrong(written(tmp_path, 'msgstr "a"\n', "x.po")).startswith(
        "x.po:1: no entry of PO goes on with 'msgstr"
    )


@settings(max_examples=60, deadline=None)
@example(entries={"_:": ("0", False, False), "a": ("b", False, False)})
@given(
    entries=st.dictionaries(texts("po"), st.tuples(texts("po"), st.booleans(), st.booleans())),
)
def test_po_and_mo_agree_with_polib(tmp_path_factory, entries):
    import polib

    catalogue = polib.POFile()
    catalogue.metadata = {"Language": "so", "Content-Type": "text/plain; charset=utf-8"}
    expected = []
    for msgid, (msgstr, fuzzy, obsolete) in entries.items():
        # polib takes these for the end of a line, and "\x04" for the end of a context.
        odd = set("\x04\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
        if odd & set(msgid + msgstr) or msgid in {one[0] for one in expected}:
            continue
        flags = ["fuzzy"] if fuzzy else []
        catalogue.append(polib.POEntry(msgid=msgid, msgstr=msgstr, flags=flags, obsolete=obsolete))
        if not fuzzy and not obsolete:
            expected.append((msgid, msgstr))
    directory = tmp_path_factory.mktemp("po")
    catalogue.save(str(directory / "x.po"))
    catalogue.save_as_mofile(str(directory / "x.mo"))
    assert sides(directory / "x.po") == expected
    assert sorted(sides(directory / "x.mo")) == sorted(expected)


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed")
def test_mo_as_gettext_compiles_it(tmp_path):
    body = 'msgctxt "c"\nmsgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] "x"\nmsgstr[1] "y"\n'
    source = written(tmp_path, po(body + as_po(ROWS).decode().partition("\n\n")[2]), "x.po")
    for order in ("little", "big"):
        target = tmp_path / f"{order}.mo"
        subprocess.run(
            ["msgfmt", f"--endianness={order}", "-o", str(target), str(source)], check=True
        )
        assert sorted(sides(target)) == sorted(sides(source))
        assert len(sides(target)) == 5


def test_broken_mo(tmp_path):
    whole = as_mo(ROWS)
    assert "not a compiled gettext catalogue" in wrong(written(tmp_path, whole[:15], "x.mo"))
    message = wrong(written(tmp_path, whole[:-40], "x.mo"))
    assert message.startswith("x.mo: entry 4 of 4 leads out of the file")
    future = whole[:4] + struct.pack("<I", 7 << 16) + whole[8:]
    assert "revision 7" in wrong(written(tmp_path, future, "x.mo"))
    # A thousand entries that are all the same long string are a bomb too.
    long = b"x" * 100_000
    table = struct.pack("<2I", len(long), 28) * 1000
    at = 28 + len(long)
    bomb = struct.pack("<7I", 0x950412DE, 0, 1000, at, at, 0, at) + long + table
    assert "leads out of the file" in wrong(written(tmp_path, bomb, "x.mo"))
    latin = as_mo([("a", "b")]).replace(b"b\0", b"\xe9\0")
    assert wrong(written(tmp_path, latin, "x.mo")).startswith("x.mo: entry 2: not UTF-8: ")


# Any bytes at all


@pytest.mark.parametrize("reader", __import__("fuzz_readers").READERS)
def test_mutations_of_valid_files_are_read_or_refused(tmp_path, reader):
    """A few hundred; ``make fuzz`` does it in earnest."""
    import fuzz_readers

    rng = random.Random(2301)
    read = fuzz_readers.target(reader, tmp_path)
    whole = list(fuzz_readers.seeds(reader))
    assert any(read(seed) for seed in whole)
    for _ in range(200):
        data = bytearray(rng.choice(whole))
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(data) + 1)
            other = rng.choice(whole)
            cut = rng.randrange(len(other) + 1)
            size = rng.randrange(1, 30)
            what = rng.randrange(5)
            if what == 0 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif what == 1:
                del data[at : at + size]
            elif what == 2:
                data[at:at] = other[cut : cut + size]
            elif what == 3:
                data[at:at] = (
                    rng.choice((b"\0", b"\xff\xfe", b'"', b"<", b"\n", b"\xed\xa0\x80")) * 3
                )
            else:
                del data[at:]
        read(bytes(data))


# Memory

CHILD = """
import resource, sys
from pathlib import Path
from clirot.bitext.formats import LocalFile, read_local
from clirot.records import LanguagePair

def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def count(name):
    return sum(1 for _ in read_local(LocalFile.parse(name), LanguagePair("en", "so")))

small, large = sys.argv[1:]
assert count(small) == 1000
before = peak_kib()
print(count(large), peak_kib() - before)
"""

ROW = (
    "The library of the town is open on all days of the week.",
    "Maktabaddu waa furan tahay. " * 4,
)


LONG = (" ".join([ROW[0]] * 4), " ".join([ROW[1]] * 4))


@pytest.mark.parametrize(
    ("kind", "size", "row"),
    [
        ("tsv", 1_000_000, ROW),
        ("csv", 1_000_000, ROW),
        ("jsonl", 1_000_000, ROW),
        ("moses", 1_000_000, ROW),
        ("parquet", 1_000_000, ROW),
        # As many bytes in fewer units, which take longer to read.
        ("tmx", 250_000, LONG),
    ],
)
def test_memory_does_not_grow_with_a_million_pairs(tmp_path, kind, size, row):
    """The large file has 150 MB and more; reading it may take 24 MB more than the small one."""
    names = [large_file(tmp_path, kind, count, row) for count in (1000, size)]
    files = [Path(one) for one in names[1].split(",")]
    large = sum(file.stat().st_size for file in files)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *names], capture_output=True, text=True, check=True
    )
    for file in files:  # pytest would keep them
        file.unlink()
    count, grown_kib = map(int, done.stdout.split())
    assert count == size
    assert grown_kib * 1024 < 24_000_000 < large / 6


def large_file(directory: Path, kind: str, size: int, row: tuple[str, str]) -> str:
    """Write a file of one row again and again; how to name it."""
    path = directory / f"{size}.{kind}"
    if kind == "parquet":
        million_rows_of_parquet(path, size)
        return str(path)
    if kind == "moses":
        for language, text in zip(("en", "so"), row, strict=True):
            with path.with_suffix(f".{language}").open("w") as out:
                for _ in range(size // 1000):
                    out.write(f"{text}\n" * 1000)
        return f"{path.with_suffix('.en')},{path.with_suffix('.so')}"
    head, tail = around(WRITERS[kind])
    whole = WRITERS[kind]([row])
    thousand = (whole[len(head) : len(whole) - len(tail)].rstrip(b"\n") + b"\n") * 1000
    with path.open("wb") as out:
        out.write(head)
        for _ in range(size // 1000):
            out.write(thousand)
        out.write(tail)
    return str(path)


def around(writer) -> tuple[bytes, bytes]:
    """What a format writes before its rows and after them."""
    none, one = writer([]), writer([("@@", "@@")])
    if one.startswith(none):
        return none, b""
    head = next(at for at, (a, b) in enumerate(zip(none + b"\0", one, strict=False)) if a != b)
    tail = next(at for at, (a, b) in enumerate(zip(none[::-1], one[::-1], strict=False)) if a != b)
    return none[:head], none[len(none) - min(tail, len(none) - head) :]


def million_rows_of_parquet(path: Path, size: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema({"en": pa.string(), "so": pa.string()})
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as out:
        # Two row groups: a group alone is much more than may be held.
        table = pa.table({"en": [ROW[0]] * min(size, 500_000), "so": [ROW[1]] * min(size, 500_000)})
        for _ in range(max(1, size // 500_000)):
            out.write_table(table, row_group_size=500_000)


# Real files


def test_the_tmx_of_tico_19(mirror):
    data = next(mirror.glob("**/all.en-so.tmx.zip")).parent
    for path in sorted(data.glob("*.zip")):
        language = path.name.split(".")[1].removeprefix("en-")  # es-LA is not es
        found = pairs(path, LanguagePair.of("en", language))
        assert len(found) == 3071
        assert [one.place for one in found] == list(range(1, 3072))
        back = sides(path, LanguagePair.of(language, "en"))
        assert back == [(one.tgt, one.src) for one in found]


def test_the_terminologies_of_tico_19(mirror):
    """Comma-separated, quoted, with columns of their own names; Python's csv is the judge."""
    import csv

    for path in sorted(next(mirror.glob("**/terminologies")).glob("*.csv")):
        language = path.stem[5:].split("_")[0]
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        found = sides(f"{path}:sourceString,targetString", LanguagePair.of("en", language))
        expected = [(row["sourceString"], row["targetString"]) for row in rows]
        assert [one for one in found if any(one)] == [one for one in expected if any(one)]


def test_every_tab_separated_corpus(shared_data):
    for path in sorted((shared_data / "bitext").glob("*.en-so*.tsv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
            expected = [tuple(line.rstrip("\n").split("\t")[:2]) for line in stream]
        assert sides(path) == expected


def test_the_table_of_formats():
    assert sorted(FORMATS) == sorted({kind.rstrip("2") for kind in WRITERS} | {"moses"})
    assert all(FORMATS[name].name == name for name in FORMATS)
