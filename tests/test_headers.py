"""Header lines of tables: skipped and said, or refused; never read as data."""

from __future__ import annotations

import json
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from clirot.cli import app
from clirot.collection import open_collection
from clirot.collection.answers import read_answers, read_predictions
from clirot.collection.labels import read_labels
from clirot.errors import InputError, ReadingNotice, UsageError
from clirot.records import Document, Topic
from clirot.store import Store


def _collection(path: Path, docs: str, queries: str = "q1\tsalt\n") -> Path:
    (path / "docs.en.tsv").write_text(docs, encoding="utf-8")
    (path / "queries.en.tsv").write_text(queries, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "header",
    [
        "id\ttext",
        "_id\ttext",
        "docid\tcontents",
        "Doc-ID\tBody",
        "docno \t text ",
        "corpus-id\ttext",
    ],
)
def test_a_header_of_documents_is_skipped_and_said(tmp_path: Path, header: str) -> None:
    _collection(tmp_path, f"{header}\nd1\tA camel.\nd2\t\n")
    collection = open_collection(str(tmp_path))
    with pytest.warns(ReadingNotice) as said:
        documents = list(collection.documents())
    assert documents == [Document("d1", "A camel."), Document("d2", "")]
    assert str(said[0].message).startswith(f"{tmp_path / 'docs.en.tsv'}: skipped the header line '")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ReadingNotice)  # it is said once
        assert (collection.document_count, collection.empty_document_count) == (2, 1)


def test_named_columns_may_be_more_and_in_any_order(tmp_path: Path) -> None:
    _collection(tmp_path, "text\tid\ttitle\nThey walk.\td1\tCamels\nIt falls.\td2\t\n")
    documents = list(open_collection(str(tmp_path)).documents())
    assert documents == [Document("d1", "Camels They walk."), Document("d2", "It falls.")]


@pytest.mark.parametrize("header", ["qid\tquery", "query-id\ttext", "Topic_ID\tTitle", "id\ttopic"])
def test_a_header_of_topics(tmp_path: Path, header: str) -> None:
    _collection(tmp_path, "d1\ta\n", f"{header}\nq1\tsalt\n")
    with pytest.warns(ReadingNotice, match=r"queries\.en\.tsv: skipped the header line"):
        topics = open_collection(str(tmp_path)).topics()
    assert topics == [Topic("q1", "salt")]


@pytest.mark.parametrize(
    "docs, said",
    [
        (
            "docid\tSomali\nd1\ta\n",
            ":1: the first line seems to be a header, 'docid TAB Somali',",
        ),
        ("id\ttext\turl\nd1\ta\tb\n", "what the column 'url' holds is not known"),
        ("id\ttext\tbody\nd1\ta\tb\n", ":1: the header line names two columns of one kind"),
        ("'id'\t'text'\n'd1'\t'a'\n", ":1: the cells of the header line are in quotation marks"),
        ('"d1"\t"a b"\n"d2"\t"c"\n', ":1: the cells are in quotation marks: "),
        ("id\ttitle\ttext\nd1\ta\n", ":2: 2 columns where id TAB title TAB text was expected"),
        ("id\ttext\n", "has no documents"),
    ],
)
def test_what_is_refused(tmp_path: Path, docs: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        list(open_collection(str(_collection(tmp_path, docs))).documents())
    assert said in caught.value.message


def test_a_line_that_may_be_a_header_is_read_and_said(tmp_path: Path) -> None:
    """ "id" is also the code of Indonesian, and may be an id."""
    _collection(tmp_path, "id\tIndonesian\nso\tSomali\n")
    with pytest.warns(ReadingNotice, match="is read as a row, not as a header"):
        documents = list(open_collection(str(tmp_path)).documents())
    assert [one.id for one in documents] == ["id", "so"]


def test_labels_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for header in ("id\tlabel", "id\tintent\ttext", "index_id\tcategory\ttext"):
        more = "\tbook a table" * header.count("text")
        path.write_text(f"{header}\nu1\tbook{more}\n")
        assert read_labels(path).topics == {"u1": "book"}
    path.write_text("id\ttext\tlabel\nu1\tbook a table\tbook\n")
    assert read_labels(path).topics == {"u1": "book"}
    path.write_text("id\ttext\nu1\tbook a table\n")
    with pytest.raises(InputError, match="without id or without label"):
        read_labels(path)
    for header in ("question id\tanswer", "qid\tanswer", "question_id\tgold"):
        path.write_text(f"{header}\nq1\tsalt\nq1\trock salt\n")
        assert read_answers(path, "en").by_topic == {"q1": ("salt", "rock salt")}
    path.write_text("qid\tprediction\nq1\t\n")
    assert read_predictions(path) == {"q1": ""}


def test_the_command_line_says_it(tmp_path: Path) -> None:
    """Header lines are told on stderr, and no document or topic is made of them."""
    place = tmp_path / "set"
    place.mkdir()
    _collection(place, "id\ttext\nd1\tsalt\n", "qid\tquery\nq1\tsalt\n")
    runner = CliRunner()
    made = runner.invoke(
        app, ["index", "--model", "bm25", "--collection", str(place), "--name", "w"]
    )
    assert made.exit_code == 0
    assert f"{place}/docs.en.tsv: skipped the header line 'id TAB text'\n" in made.stderr
    assert "indexed: 1 document," in made.stderr
    kept = Store().get("indexes", "w").manifest.results["reading"]
    assert kept == ["the header line of docs.en.tsv is skipped"]
    found = runner.invoke(app, ["search", "--index", "w", "--topics", f"{place}/queries.en.tsv",
                                "--lang", "en", "--topics-field", "title"])  # fmt: skip
    assert [line.split()[:3] for line in found.stdout.splitlines()] == [["q1", "Q0", "d1"]]
    assert "queries.en.tsv: skipped the header line 'qid TAB query'\n" in found.stderr
    (place / "clef").write_text("<top><num>1<EN-title>salt</top>")
    refused = runner.invoke(
        app, ["search", "--index", "w", "--topics", f"{place}/clef", "--lang", "so"]
    )
    assert isinstance(refused.exception, UsageError)
    assert "clef has no topics in 'so': they are in 'en'" in refused.exception.message


# ------------------------------------------------------------------------------------- properties

_WORD = st.sampled_from(["salt", "r\u00e4gn", "\u96e8", "\u0928\u093c", "7", "<b>", "id", "text"])
_TEXT = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)
_ID = st.text("abc0123456789-_.", min_size=1, max_size=5)
_ROWS = st.dictionaries(_ID, _TEXT, min_size=1, max_size=5)
_DRESS = ("plain", "byte order mark", "CRLF", "decomposed", "trailing blanks", "no last line end")


def _bytes(lines: list[str], dress: str) -> bytes:
    text = "".join(f"{line}\n" for line in lines)
    if dress == "CRLF":
        text = text.replace("\n", "\r\n")
    elif dress == "decomposed":
        text = unicodedata.normalize("NFD", text)
    elif dress == "trailing blanks":
        text = text.replace("\n", " \u00a0 \n")
    elif dress == "no last line end":
        text = text.rstrip("\n")
    return (b"\xef\xbb\xbf" if dress == "byte order mark" else b"") + text.encode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReadingNotice)
        yield tmp_path_factory.mktemp("tables")


_FILES = {
    "documents": ("docs.en.tsv", ("id\ttext", "_id\tcontents", "docid\ttext")),
    "labels": ("labels.tsv", ("id\tlabel", "id\tclass")),
    "answers": ("answers.en.tsv", ("qid\tanswer", "id\tanswer")),
}


def _read(place: Path, kind: str) -> dict[str, str]:
    path = place / _FILES[kind][0]
    if kind == "documents":
        return {one.id: one.text for one in open_collection(str(place)).documents()}
    if kind == "labels":
        return dict(read_labels(path).documents)
    return {key: texts[0] for key, texts in read_answers(path, "en").by_topic.items()}


@pytest.mark.parametrize("kind", _FILES)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(rows=_ROWS, header=st.booleans(), which=st.integers(0, 1), dress=st.sampled_from(_DRESS))
def test_what_was_written_is_read(
    kind: str, place: Path, rows: dict[str, str], header: bool, which: int, dress: str
) -> None:
    name, headers = _FILES[kind]
    lines = [headers[which]] * header + [f"{key}\t{text}" for key, text in rows.items()]
    (place / name).write_bytes(_bytes(lines, dress))
    assert _read(place, kind) == {
        key: unicodedata.normalize("NFC", text) for key, text in rows.items()
    }


@pytest.mark.parametrize("kind", _FILES)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    rows=_ROWS,
    header=st.booleans(),
    at=st.integers(0, 9),
    fault=st.sampled_from(["more columns", "no tab", "no id", "bytes"]),
)
def test_a_broken_row_is_refused_with_its_line(
    kind: str, place: Path, rows: dict[str, str], header: bool, at: int, fault: str
) -> None:
    name, headers = _FILES[kind]
    lines = [headers[0]] * header + [f"{key}\t{text}" for key, text in rows.items()]
    at = header + at % len(rows)
    broken = {
        "more columns": f"{lines[at]}\tmore\tand more",
        "no tab": lines[at].replace("\t", " "),
        "no id": "\tno id",
        "bytes": lines[at] + "\udcff",
    }[fault]
    content = "\n".join([*lines[:at], broken, *lines[at + 1 :]])
    (place / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError) as caught:
        _read(place, kind)
    assert caught.value.line == at + 1
    (place / name).unlink()


_DOCUMENT = st.fixed_dictionaries(
    {"text": _TEXT},
    optional={"title": _TEXT, "url": _TEXT, "metadata": st.just({"deep": [1, {"id": "x"}]})},
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    rows=st.dictionaries(_ID, _DOCUMENT, min_size=1, max_size=5),
    key=st.sampled_from(["id", "_id", "docno", "doc_id"]),
    escaped=st.booleans(),
    dress=st.sampled_from([one for one in _DRESS if one != "trailing blanks"]),
)
def test_documents_in_json_lines_are_read(
    place: Path, rows: dict[str, dict[str, object]], key: str, escaped: bool, dress: str
) -> None:
    """Whatever other fields a document has, in any order."""
    lines = [
        json.dumps({**fields, key: name}, ensure_ascii=escaped) for name, fields in rows.items()
    ]
    (place / "json").mkdir(exist_ok=True)
    (place / "json" / "docs.en.jsonl").write_bytes(_bytes(lines, dress))
    found = {one.id: one.text for one in open_collection(str(place / "json")).documents()}
    assert found == {
        name: unicodedata.normalize("NFC", f"{fields.get('title', '')} {fields['text']}".strip())
        for name, fields in rows.items()
    }


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    rows=st.dictionaries(_ID, _TEXT, min_size=1, max_size=5),
    at=st.integers(0, 9),
    fault=st.sampled_from(["cut", "list", "number", "no id", "no text", "null", "bytes", "again"]),
)
def test_a_broken_document_in_json_lines_is_refused_with_its_line(
    place: Path, rows: dict[str, str], at: int, fault: str
) -> None:
    records = [{"id": name, "text": text} for name, text in rows.items()]
    at %= len(records)
    lines = [json.dumps(one) for one in records]
    lines[at] = {
        "cut": lines[at][:-2],
        "list": f"[{lines[at]}]",
        "number": "7",
        "no id": json.dumps({"text": "x"}),
        "no text": json.dumps({"id": "x"}),
        "null": json.dumps({"id": records[at]["id"], "text": None}),
        "bytes": lines[at][:-2] + '\udcff"}',
        "again": f"{lines[at]}\n{lines[at]}",
    }[fault]
    (place / "broken").mkdir(exist_ok=True)
    content = "\n".join(lines).encode("utf-8", "surrogateescape")
    (place / "broken" / "docs.en.jsonl").write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(open_collection(str(place / "broken")).documents())
    assert caught.value.line == at + 1 + (fault == "again")
