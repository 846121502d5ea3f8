"""Inputs that no real data is like: endless, far too large, nested, or written for a terminal."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clirot import bounds, compressed, input_streams, parquet_parts
from clirot.bitext.formats.local_file import LocalFile, read_local
from clirot.cli.console import note, printable
from clirot.collection.documents import DocumentFiles, parquet_records
from clirot.collection.labels import read_labels
from clirot.collection.rows import numbered_lines
from clirot.collection.topics import read_topics
from clirot.counted import counted
from clirot.cut_texts import AtLeast, CutTexts
from clirot.encoding import overflow
from clirot.encoding.overflow import head_of
from clirot.errors import InputError, ReadingNotice, UsageError
from clirot.experiments.plan_file import PlanFile
from clirot.json_values import NestedError, json_object, json_object_in, json_value
from clirot.places import is_directory, is_file, is_there
from clirot.records import LanguagePair
from clirot.runs import read_qrels, read_run
from clirot.runs.saved import find_run
from clirot.store import Store


class _Endless(io.RawIOBase):
    """The same bytes again and again, as `yes` writes them."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece * (65536 // len(piece))
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer):
        data = self._piece[: len(buffer)]
        buffer[: len(data)] = data
        self.given += len(data)
        return len(data)


@pytest.fixture
def endless(monkeypatch):
    def put(piece: bytes) -> _Endless:
        stream = _Endless(piece)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(stream)))
        return stream

    return put


@pytest.fixture
def small(monkeypatch):
    """Bounds of a megabyte."""
    monkeypatch.setattr(compressed, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(bounds, "WHOLE", 1 << 20)
    monkeypatch.setattr("clirot.collection.rows.LINE", 1 << 18)


@pytest.mark.parametrize(
    ("reader", "line"),
    [
        (read_run, b"q1 Q0 d1 1 1.0 t\n"),
        (read_qrels, b"q1 0 d1 1\n"),
        (read_topics, b"q1\tx\n"),
        (read_labels, b"q1\tx\n"),
    ],
)
def test_a_bomb_is_refused_by_every_reader(tmp_path, small, reader, line):
    path = tmp_path / "z.gz"
    path.write_bytes(gzip.compress(line * (4_000_000 // len(line))))
    with pytest.raises(InputError, match=r"unpack to more than .*: refused as a zip bomb"):
        reader(path)


def test_what_is_real_can_be_let_through(tmp_path, small, monkeypatch):
    path = tmp_path / "z.gz"
    path.write_bytes(gzip.compress(b"".join(b"q%d\ta\n" % n for n in range(300_000))))
    monkeypatch.setattr(compressed, "MAX_RATIO", 1)
    with pytest.raises(InputError, match="zip bomb") as refused:
        list(numbered_lines(path))
    assert "CLIROT_MOST_BYTES" in str(refused.value.hint)
    monkeypatch.setenv("CLIROT_MOST_BYTES", str(1 << 24))
    assert sum(1 for _ in numbered_lines(path)) == 300_000
    monkeypatch.setenv("CLIROT_MOST_BYTES", "much")
    with pytest.raises(UsageError, match="'much', not a number of bytes"):
        list(numbered_lines(path))


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (b"y\n", "expected 6 columns"),
        (b"\0", "NUL bytes"),
        (b"q1 Q0 d1 1 1.0 t\n", "a run of more than 1,048,576 bytes"),
        (b"y", "a run of more than 1,048,576 bytes"),
        (b"[", "a run of more than 1,048,576 bytes"),
    ],
)
def test_an_endless_run_is_refused(endless, small, piece, says):
    stream = endless(piece)
    with pytest.raises(InputError, match=says):
        read_run("-")
    assert stream.given < 1 << 22


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (b"\0", "<stdin>:1: a line of more than 262,144 bytes"),
        (b"y\n", "1 column"),
        (b"\n", "an input of more than 1,048,576 bytes"),
    ],
)
def test_endless_topics_are_refused(endless, small, monkeypatch, piece, says):
    monkeypatch.setattr(numbered_lines, "__kwdefaults__", {"most": 1 << 20})
    stream = endless(piece)
    with pytest.raises(InputError, match=says):
        read_topics("-")
    assert stream.given < 1 << 22


def test_a_plan_of_any_size_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(input_streams, "SMALL", 1000)
    (tmp_path / "p.toml").write_text("# x\n" * 300)
    with pytest.raises(InputError, match="a plan of more than 1,000 bytes"):
        PlanFile.read(tmp_path / "p.toml")


@pytest.mark.parametrize("levels", [101, 900, 100_000])
def test_json_has_a_hundred_levels_at_most(tmp_path, levels):
    nested = "[" * (levels - 1) + "]" * (levels - 1)
    with pytest.raises(NestedError, match="more than 100 levels"):
        json_value(f'{{"a":{nested}}}')
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"id":"q1","text":"x","z":{nested}}}\n')
    with pytest.raises(InputError, match=r"t\.jsonl:1: .*nested more than 100 levels deep"):
        read_topics(path)


def test_json_of_a_hundred_levels_and_of_many_brackets_is_read():
    nested = "[" * 100 + "]" * 100
    assert json_value(nested) == json.loads(nested)
    assert json_value(json.dumps({"text": "[" * 1000})) == {"text": "[" * 1000}


def test_a_file_that_should_hold_an_object(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(OSError, match=r"x\.json"):
        json_object_in(path)
    wrong = ["", "{", "3", "[]", '{"a":' + "[" * 200, '{"a":' + "9" * 9000 + "}"]
    for content in [*(one.encode() for one in wrong), b'{"a": "\xff"}', b"\xff\xfe{\x00}\x00"]:
        path.write_bytes(content)
        with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
            json_object_in(path)
    path.write_text('{"a": ["ü", null]}', encoding="utf-8")
    assert json_object_in(path) == json_object('{"a": ["ü", null]}') == {"a": ["ü", None]}


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 topics"), (1, "1 topic"), (2, "2 topics"), (1200, "1,200 topics")]
)
def test_one_is_counted_in_the_singular(number, said):
    assert counted(number, "topic") == said
    assert counted(number, "is", "are").split()[1] == ("is" if number == 1 else "are")


def test_names_that_no_file_can_have_are_names_of_nothing(tmp_path):
    for name in ("a" * 300, "a" * 5000, "a/" * 3000, "a\0b"):
        assert not any(ask(name) for ask in (is_there, is_file, is_directory))
        assert find_run(name, Store(tmp_path)).path == name
        with pytest.raises(InputError):
            read_run(name)
        with pytest.raises(InputError):
            list(numbered_lines(name))
    assert is_there(tmp_path) and is_directory(tmp_path) and not is_file(tmp_path)


def test_a_pipe_that_nothing_writes_to_is_waited_for_with_a_word(tmp_path, monkeypatch):
    monkeypatch.setattr(input_streams, "_PATIENCE_MS", 10)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        pipe.write_bytes(b"q1 0 d1 1\n")

    later = threading.Timer(0.2, write)
    later.start()
    with pytest.warns(ReadingNotice, match="nothing has been written to yet"):
        assert read_qrels(pipe) == {"q1": {"d1": 1}}
    later.join()


def test_nothing_that_a_terminal_obeys_is_left(capsys):
    assert printable("a\x1b[2Jb\x9b1m\u202ec\r") == "a\\x1b[2Jb\\x9b1m\\u202ec\\r"
    kept = "می‌خواهم क्‍ष\u00a0\u3000\tx\ny"
    assert printable(kept) == kept
    assert printable("\x1b[1m5\x1b[0m\x1b[2J", bold=True) == "\x1b[1m5\x1b[0m\\x1b[2J"
    note("no \x1b]0;title\x07 here")
    assert capsys.readouterr().err == "no \\x1b]0;title\\x07 here\n"


def test_a_long_text_is_read_by_its_beginning(monkeypatch):
    monkeypatch.setattr(overflow, "LONGEST_HEAD", 20)
    assert head_of("short") == "short"
    assert head_of("words of a long text that goes on") == "words of a long text"[:15]
    assert head_of("x" * 50) == "x" * 20


def test_no_more_of_a_text_is_tokenized_than_is_read(monkeypatch):
    monkeypatch.setattr(overflow, "LONGEST_HEAD", 20)
    texts = ["a b", "a b c d e f g h i j k l m n o p", "a" * 30, "a  " * 10, ""]
    asked: list[str] = []

    def lengths(some):
        asked.extend(some)
        return [len(text.split()) for text in some]

    heads, found = overflow.read_heads(texts, lengths, 6)
    assert asked[:5] == ["a b", "a b c d e f g h i j"[:19], "a" * 20, "a  " * 6 + "a", ""]
    assert asked[5:] == [texts[2]]
    assert heads == [texts[0], asked[1], texts[2], asked[3], ""]
    assert found == [2, 10, 1, 7, 0]
    assert [isinstance(one, AtLeast) for one in found] == [False, True, False, True, False]
    assert overflow.read_heads(texts, lengths, None) == (texts, [2, 16, 1, 10, 0])
    assert overflow.read_heads([], lengths, 6) == ([], [])


def test_tokens_that_were_not_counted_to_the_end_are_said_to_be_more():
    cut = CutTexts()
    cut.add("d1", AtLeast(1000), 32)
    assert "has more than 1,000 tokens, of which 32 were read" in cut.remark(1, "documents", "m")
    assert cut.row["longest"] == {"id": "d1", "tokens": 1000, "read": 32, "at_least": True}
    assert CutTexts.of(json.loads(json.dumps(cut.row))).row == cut.row


def test_large_runs_are_the_same_run(tmp_path):
    rng = np.random.default_rng(5)
    lines = [
        f"q{topic} Q0 d{doc} 1 {rng.integers(4)} t\n"
        for topic in rng.permutation(40)
        for doc in rng.permutation(300)[:50]
    ]
    path = tmp_path / "r.trec"
    path.write_text("".join(lines))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, other = read_run(path), read_run(path, many_bytes=0)
    assert [*one] == [*other] and one.topics == other.topics
    Path(path).write_text("".join([*lines, lines[7]]))
    with pytest.raises(InputError, match="listed twice"):
        read_run(path, many_bytes=0)


def _bitext(path):
    list(read_local(LocalFile.parse(path), LanguagePair.parse("en-so")))


def _documents(path):
    list(DocumentFiles([path]).documents())


@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize("reader", [read_run, read_qrels])
def test_a_row_of_too_many_fields_is_refused(tmp_path, monkeypatch, reader, separator):
    monkeypatch.setattr(bounds, "FIELDS", 50)
    path = tmp_path / "x.tsv"
    path.write_text(f"\n{separator.join('x' * 51)}\n")
    with pytest.raises(InputError, match=r"x\.tsv:2: a row of more than 50 fields"):
        reader(path)
    path.write_text(f"{separator.join('x' * 50)}\n")
    with pytest.raises(InputError, match="got 50"):
        reader(path)
    head = ["query_id", "doc_id", "score", *(f"more{place}" for place in "abcdefg" * 6)]
    rows = ["q", "d", "1", *(str(place) for place in range(42))]
    path.write_text("".join(separator.join(row) + "\n" for row in (head, rows)))
    with pytest.warns(ReadingNotice, match="is a header"):
        assert reader(path) is not None
    path.write_text("".join(separator.join(row) + "\n" for row in (head, rows + ["z"] * 6)))
    with pytest.raises(InputError, match=":2: a row of more than 50"):
        reader(path)


@pytest.mark.parametrize(
    ("reader", "ending"),
    [
        (read_topics, "tsv"),
        (read_labels, "tsv"),
        (_documents, "tsv"),
        (_bitext, "tsv"),
        (_bitext, "csv"),
    ],
)
def test_a_table_of_too_many_columns_is_refused(tmp_path, monkeypatch, reader, ending):
    monkeypatch.setattr(bounds, "FIELDS", 50)
    path = tmp_path / f"x.{ending}"
    path.write_text(("," if ending == "csv" else "\t").join("x" * 51) + "\n")
    with pytest.raises(InputError, match=r"x\.[tc]sv:1: a row of more than 50 fields"):
        reader(path)
    monkeypatch.setenv("CLIROT_MOST_BYTES", "51")
    with pytest.raises(InputError) as refused:
        reader(path)
    assert "more than" not in str(refused.value)


def _written(path: Path, table: pa.Table, **how) -> Path:
    pq.write_table(table, path, **how)
    return path


def test_a_parquet_file_that_claims_to_unpack_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_parts, "FREE_BYTES", 1 << 20)
    text = pa.array(["x" * 1000] * 4000)
    ids = pa.array([str(number) for number in range(4000)])
    table = pa.table({"query_id": ids, "doc_id": text, "score": pa.array(range(4000))})
    path = _written(tmp_path / "r.parquet", table, compression="zstd", use_dictionary=False)
    assert path.stat().st_size * compressed.MAX_RATIO < 4_000_000
    with pytest.raises(InputError, match=r"unpack to 4,\d+,\d+, more than .*: refused as a zip"):
        read_run(path)
    monkeypatch.setenv("CLIROT_MOST_BYTES", str(1 << 24))
    assert len(read_run(path)) == 4000


def test_what_a_dictionary_of_parquet_stands_for_is_counted(tmp_path, monkeypatch):
    """Few bytes by the footer's claim: every row refers to the same long text."""
    texts = pa.array(["x" * 10_000] * 3000).dictionary_encode()
    names = pa.array([f"d{number}" for number in range(3000)])
    path = _written(tmp_path / "c.parquet", pa.table({"_id": names, "text": texts}))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(parquet_parts, "_PART", 1 << 20)
    parts = []
    with path.open("rb") as stream:
        for part in parquet_parts.parquet_parts(stream, path, size=1 << 20, most=1 << 25):
            parts.append(part.nbytes)
            assert set(part.column("text").to_pylist()) == {"x" * 10_000}
    assert len(parts) > 25 and max(parts) < 1.1 * (1 << 20) and sum(parts) > 30_000_000
    records = parquet_records(path, most=1 << 24)
    with pytest.raises(InputError, match=r"c\.parquet:\d+: a table of more than 16,777,216 bytes"):
        for _ in records:
            pass
    monkeypatch.setattr(parquet_parts, "LINE", 5000)
    monkeypatch.setattr(parquet_parts, "_PART", 5000)
    with pytest.raises(InputError, match=r"c\.parquet:1: a row of more than 5,000 bytes"):
        list(parquet_records(path, most=1 << 30))


def test_parquet_in_parts_is_the_whole_table(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_parts, "_PART", 300)
    monkeypatch.setattr(parquet_parts, "_ROWS", 7)
    monkeypatch.setattr(parquet_parts, "_NESTED_ROWS", 3)
    table = pa.table(
        {
            "a": ["", None, "é" * 40, "a.b"] * 25,
            "n": [{"en": "x", "so": None}, None] * 50,
            "d": pa.array(["k", None, "k", "l"] * 25).dictionary_encode(),
            "i": [*range(100)],
            "v": pa.array([str(number) for number in range(100)], pa.string_view()),
            "b": [b"\0", b"", None, b"q"] * 25,
            "z": pa.nulls(100),
        }
    )
    path = _written(tmp_path / "t.parquet", table, row_group_size=13)

    def read(columns):
        with path.open("rb") as stream:
            return [
                row
                for part in parquet_parts.parquet_parts(
                    stream, path, size=10**6, most=10**6, columns=columns
                )
                for row in part.to_pylist()
            ]

    assert read(None) == table.drop_columns(["n"]).to_pylist()
    assert read(["n.en", "a"]) == [
        {"a": row["a"], "n": row["n"] and {"en": row["n"]["en"]}} for row in table.to_pylist()
    ]
