"""Collections in directories, topics from files and pipes: what is read and what is refused."""

from __future__ import annotations

import gzip
import io
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clirot.collection import open_collection, read_topics
from clirot.errors import ClirotError, InputError, UnknownNameError, UsageError
from clirot.records import Document, Topic

DOCS = "d1\tA camel walks.\nd2\t\nd3\tRain falls on the coast.\n"
TOPICS = "q1\tgeel\nq2\troob\n"
QRELS = "q1 0 d1 2\nq1 0 d3 0\nq2 0 d3 1\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "small"
    path.mkdir()
    (path / "docs.en.tsv").write_text(DOCS, encoding="utf-8")
    (path / "queries.so.tsv").write_text(TOPICS, encoding="utf-8")
    (path / "qrels.txt").write_text(QRELS, encoding="utf-8")
    return path


def _error(path: Path, text: str | bytes, name: str, part: str) -> InputError:
    """What reading ``part`` of a collection says when ``name`` in it holds ``text``."""
    content = text if isinstance(text, bytes) else text.encode()
    (path / name).write_bytes(content)
    collection = open_collection(str(path))
    with pytest.raises(InputError) as caught:
        list(getattr(collection, part)())
    return caught.value


def test_a_directory(directory: Path) -> None:
    collection = open_collection(str(directory))
    assert collection.id == str(directory)
    assert collection.languages == ("so",)
    assert list(collection.documents()) == [
        Document("d1", "A camel walks."),
        Document("d2", ""),
        Document("d3", "Rain falls on the coast."),
    ]
    assert (collection.document_count, collection.empty_document_count) == (3, 1)
    assert (
        collection.topics()
        == collection.topics("som")
        == [
            Topic("q1", "geel"),
            Topic("q2", "roob"),
        ]
    )
    assert collection.qrels() == {"q1": {"d1": 2, "d3": 0}, "q2": {"d3": 1}}


def test_digests_follow_the_content(directory: Path) -> None:
    before = open_collection(str(directory))
    digests = before.digest, before.topics_digest("so")
    (directory / "qrels.txt").write_text("q1 0 d1 1\n")
    after = open_collection(str(directory))
    assert (after.digest, after.topics_digest("so")) == digests
    (directory / "queries.so.tsv").write_text("q1\tgeel\n")
    assert open_collection(str(directory)).topics_digest("so") != digests[1]
    assert open_collection(str(directory)).digest == digests[0]
    (directory / "docs.en.tsv").write_text(DOCS + "d4\tmore\n")
    assert open_collection(str(directory)).digest != digests[0]


def test_gzip_and_json_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "docs.en.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.write('{"_id": "d1", "title": "Camels", "text": "They walk."}\n')
        stream.write('{"docid": 2, "contents": "Rain\\u2028falls."}\n')
    (tmp_path / "queries.so.tsv").write_bytes(b"\xef\xbb\xbfq1\tgeel\r\n\r\nq2\troob\r\n")
    (tmp_path / "topics.sw.jsonl").write_text('{"qid": 7, "query": "mvua"}\n')
    collection = open_collection(str(tmp_path))
    assert list(collection.documents()) == [
        Document("d1", "Camels They walk."),
        Document("2", "Rain falls."),
    ]
    assert collection.topics("so") == [Topic("q1", "geel"), Topic("q2", "roob")]
    assert collection.topics("sw") == [Topic("7", "mvua")]
    with pytest.raises(InputError, match=r"no judgements: there is no qrels\.txt"):
        collection.qrels()


def test_several_document_languages_must_be_chosen_from(directory: Path) -> None:
    (directory / "docs.so.tsv").write_text("d1\tgeel\n")
    both = open_collection(str(directory))
    for part in (both.documents, lambda: both.digest, lambda: both.document_count):
        with pytest.raises(UsageError, match="several languages") as caught:
            list(part())
        assert "en, so" in str(caught.value.hint)
    assert both.document_language is None
    assert [topic.id for topic in both.topics("so")] == ["q1", "q2"]
    assert set(both.qrels("so")) == {"q1", "q2"}
    somali = open_collection(str(directory), docs_lang="som")
    assert [document.text for document in somali.documents()] == ["geel"]
    assert somali.digest != open_collection(str(directory), docs_lang="en").digest
    assert [one.document_language for one in both.by_document_language()] == ["en", "so"]
    assert both.by_document_language()[1].digest == somali.digest
    assert list(somali.by_document_language()) == [somali]
    with pytest.raises(UsageError, match="no documents in 'fi'"):
        open_collection(str(directory), docs_lang="fi")
    with pytest.raises(UsageError, match="`docs_lang` chooses"):
        open_collection("cldr/so", docs_lang="so")


@pytest.mark.parametrize(
    "name, part, text, said",
    [
        ("docs.en.tsv", "documents", "d1\tone\nd2 two\n", ":2: 1 column where id TAB text"),
        ("docs.en.tsv", "documents", "d1\tone\ttwo\n", ":1: 3 columns where id TAB text"),
        ("docs.en.tsv", "documents", "d1\ta\nd2\tb\nd1\tc\n", ":3: document 'd1' occurs twice (f"),
        ("docs.en.tsv", "documents", "d 1\ta\n", ":1: not an id for a document: 'd 1'"),
        ("docs.en.tsv", "documents", "\ta\n", ":1: not an id for a document: ''"),
        ("docs.en.tsv", "documents", b"d1\tok\nd2\tcaf\xe9\n", ":2: not UTF-8: byte 0xe9 at colu"),
        ("docs.en.tsv", "documents", "\n \n", "has no documents"),
        ("docs.en.tsv", "documents", b"\x1f\x8b\x08\x00broken", "damaged gzip"),
        ("queries.so.tsv", "topics", "q1\tgeel\nq1\troob\n", ":2: topic 'q1' occurs twice"),
        ("queries.so.tsv", "topics", "q1\tgeel\nq2\t \n", ":2: topic 'q2' has no text"),
        ("queries.so.tsv", "topics", "q1 geel\n", ":1: 1 column where id TAB text"),
        ("queries.so.tsv", "topics", "", "no topics: the file is empty"),
        (
            "qrels.txt",
            "qrels",
            "q1 0 d1 1\nq1 0 d1 0\n",
            ":2: document 'd1' of topic 'q1' is judged 0, and",
        ),
        ("qrels.txt", "qrels", "q1 0 d1 1\nq1 d1 1\n", ":2: expected 4 columns"),
        ("qrels.txt", "qrels", "q1 0 d1 yes\n", ":1: relevance 'yes' is not a whole number"),
        ("qrels.txt", "qrels", "", "qrels is empty"),
    ],
)
def test_what_is_wrong_with_a_file(
    directory: Path, name: str, part: str, text: str | bytes, said: str
) -> None:
    error = _error(directory, text, name, part)
    assert said in error.message
    if said.startswith(":"):
        assert error.message.startswith(str(directory / name) + ":")


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"id": "d1", "text": "a"}\n{"id": "d1", "text": "b"}\n', ":2: document 'd1' occurs"),
        ('{"id": "d1"}\n', ":1: none of the fields text, contents, body; it has id"),
        ('{"id": "d1", "text": ["a"]}\n', ":1: field 'text' is not text"),
        ('{"id": "d1"\n', ":1: not JSON"),
        ('["d1", "a"]\n', ":1: not a JSON object"),
    ],
)
def test_what_is_wrong_with_json_lines(directory: Path, text: str, said: str) -> None:
    (directory / "docs.en.tsv").unlink()
    assert said in _error(directory, text, "docs.en.jsonl", "documents").message


def test_parts_that_are_not_there(directory: Path, tmp_path: Path) -> None:
    (directory / "docs.en.tsv").unlink()
    collection = open_collection(str(directory))
    assert len(collection.topics()) == 2
    for part in (collection.documents, lambda: [collection.digest]):
        with pytest.raises(InputError, match="no documents"):
            list(part())
    (directory / "queries.so.tsv").unlink()
    with pytest.raises(InputError, match="no topics"):
        open_collection(str(directory)).topics()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="not a collection"):
        open_collection(str(empty))
    with pytest.raises(InputError, match="no such directory"):
        open_collection(str(tmp_path / "nowhere"))


def test_two_files_for_one_language(directory: Path) -> None:
    (directory / "queries.som.tsv").write_text(TOPICS)
    with pytest.raises(InputError, match=r"two files for 'so': queries\.so\.tsv and queries\.som"):
        open_collection(str(directory))


def test_trec_topics(tmp_path: Path) -> None:
    path = tmp_path / "topics.301"
    path.write_text(
        "<top>\n<num> Number: 301\n<title> Topic: camel\n  milk\n<desc> Description:\nNot read.\n"
        "</top>\n\n<top><num>302</num><title>rain</title></top>\n",
        encoding="utf-8",
    )
    assert read_topics(path) == [Topic("301", "camel milk"), Topic("302", "rain")]


@pytest.mark.parametrize(
    "text, said",
    [
        ("<top>\n<num> 1\n</top>\n", ":1: a topic without <title>"),
        ("<top>\n<title> a\n</top>\n", ":1: a topic without <num>"),
        ("<top>\n<num> 1\n<title> a\n", ":1: the topic that opens here has no </top>"),
        ("<top>\n<num> 1\n<top>\n", ":3: <top> inside the topic that opens in line 1"),
        ("<top>\n<num> 1\n<title> a\n<title> b\n</top>", ":4: a second <title>"),
        ("<html>\n<body>\n", "no topics in it"),
        ('{"id": "1"}\n', ":1: none of the fields text, query"),
        ('{"id": true, "text": "a"}\n', ":1: field 'id' is not text"),
    ],
)
def test_what_is_wrong_with_topics(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "topics"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_topics(path)
    assert said in caught.value.message


def test_topics_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def given_bytes(content: bytes) -> None:
        buffer = io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))

    for content in (TOPICS.encode(), gzip.compress(TOPICS.encode())):
        given_bytes(content)
        assert read_topics("-") == [Topic("q1", "geel"), Topic("q2", "roob")]
    given_bytes(b"q1\tgeel\nq1\tgeel\n")
    with pytest.raises(InputError, match="<stdin>:2: topic 'q1' occurs twice"):
        read_topics("-")


_WORD = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Z"], exclude_characters="\ufeff"), min_size=1
).filter(lambda word: not any(character.isspace() for character in word))
_TEXT = st.lists(_WORD, min_size=1, max_size=6).map(" ".join)


@given(rows=st.dictionaries(_WORD.filter(lambda w: w[0] not in "{<"), _TEXT, min_size=1))
def test_topics_come_back_as_they_were_written(
    rows: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("topics") / "topics.tsv"
    path.write_bytes("".join(f"{key}\t{text}\n" for key, text in rows.items()).encode())
    assert read_topics(path) == [
        Topic(key, unicodedata.normalize("NFC", text)) for key, text in rows.items()
    ]


def test_every_shared_collection_opens(shared_data: Path) -> None:
    for directory in sorted((shared_data / "collections").rglob("qrels.txt")):
        collection = open_collection(str(directory.parent))
        if directory.parent.name == "intents_xsid":  # German, and that of South Tyrol and of Munich
            assert {"de", "de-ST", "de-x-muc"} <= set(collection.languages)
        documents = {
            document.id for one in collection.by_document_language() for document in one.documents()
        }
        judged = {docno for rows in collection.qrels().values() for docno in rows}
        assert judged <= documents, directory
        for language in collection.languages:
            assert {topic.id for topic in collection.topics(language)} & collection.qrels().keys()
    cranfield = open_collection(str(shared_data / "collections" / "cranfield"))
    assert (cranfield.document_count, cranfield.empty_document_count) == (1400, 2)


def test_ir_datasets_ids_are_opened_without_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    vaswani = open_collection("vaswani")
    assert (vaswani.id, vaswani.languages, vaswani.document_count) == ("vaswani", ("en",), 11429)
    assert vaswani.digest != open_collection("cranfield").digest
    # Topic sets of one document collection share its digest, so they share an index.
    assert (
        open_collection("antique/test").digest
        == open_collection("antique/train").digest
        != vaswani.digest
    )
    with pytest.raises(InputError, match="has no judgements"):
        open_collection("antique").qrels()
    with pytest.raises(InputError, match="has no topics"):
        open_collection("antique").topics()


def test_ir_datasets_rows_become_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ir_datasets

    for name, text in (("docs", DOCS), ("queries", TOPICS), ("qrels", QRELS)):
        (tmp_path / name).write_text(text)
    local = ir_datasets.create_dataset(
        docs_tsv=str(tmp_path / "docs"),
        queries_tsv=str(tmp_path / "queries"),
        qrels_trec=str(tmp_path / "qrels"),
    )
    monkeypatch.setitem(ir_datasets.registry._registered, "test-of-ours", local)
    monkeypatch.setattr(local, "docs_count", lambda: 3, raising=False)
    collection = open_collection("test-of-ours")
    assert [document.id for document in collection.documents()] == ["d1", "d2", "d3"]
    assert collection.languages == ()
    assert collection.topics() == [Topic("q1", "geel"), Topic("q2", "roob")]
    assert collection.qrels() == {"q1": {"d1": 2, "d3": 0}, "q2": {"d3": 1}}
    with pytest.raises(UsageError, match="does not say what language"):
        collection.topics("so")


@pytest.mark.parametrize("spec", ["cldr", "cldr/", "no-such-thing-anywhere", ""])
def test_no_such_collection(spec: str) -> None:
    with pytest.raises(ClirotError) as caught:
        open_collection(spec)
    assert isinstance(caught.value, UnknownNameError)
    assert caught.value.hint


def test_half_a_surrogate_pair_in_json_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "topics.jsonl"
    path.write_text('{"id": "q1", "text": "cat"}\n{"id": "q2", "text": "\\ud800 cat"}\n')
    with pytest.raises(InputError, match="half a surrogate pair at character 1") as caught:
        read_topics(path)
    assert caught.value.line == 2
