"""MIRACL and CIRAL: real topics and judgements where they are at hand, and passages of the upstream
shape from a server on localhost.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from upstream_server import Instead, Status, Upstreams, mirrored

from clirot.collection import open_collection, passages, read_topics, register
from clirot.collection.catalogue import RELEASES
from clirot.collection.passages import PassageCollection, ciral, miracl
from clirot.download import Upstream
from clirot.errors import DownloadError, InputError, UnknownNameError, UsageError
from clirot.runs import read_qrels

ROWS = [
    {"docid": "7#0", "title": "Nairobi", "text": "Nairobi ni  mji.", "url": "https://x"},
    {"docid": "7#1", "title": "", "text": "Mombasa ina bandari.", "url": "https://x"},
    {"docid": "8#0", "title": "Ziwa", "text": "", "url": "https://x"},
]
TOPICS = "6\tBandari iko wapi?\n8\tJe,mji mkuu ni gani? \n"
QRELS = "6\tQ0\t7#1\t1\n6\tQ0\t7#0\t0\n8\tQ0\t7#0\t1\n"


def lines(rows: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def path_of(upstream: Upstream) -> str:
    return f"/{upstream.place}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Upstreams:  # type: ignore[misc]
    with mirrored(Upstreams(), monkeypatch) as upstreams:
        yield upstreams  # type: ignore[misc]


@pytest.fixture
def small_miracl(server: Upstreams, monkeypatch: pytest.MonkeyPatch) -> PassageCollection:
    """``miracl/sw/dev`` in two shards, with the digests that ir_datasets' table would have."""
    root = "https://huggingface.co/datasets/miracl"
    contents = {
        "v1.0/sw/corpus/1": (f"{root}/docs-1.jsonl.gz", gzip.compress(lines(ROWS[2:]))),
        "v1.0/sw/corpus/0": (f"{root}/docs-0.jsonl.gz", gzip.compress(lines(ROWS[:2]))),
        "v1.0/sw/dev/topics": (f"{root}/topics.tsv", TOPICS.encode()),
        "v1.0/sw/dev/qrels": (f"{root}/qrels.tsv", QRELS.encode()),
        "v1.0/sw/test-b/topics": (f"{root}/topics-b.tsv", TOPICS.encode()),
    }
    said = {
        key: {"url": url, "expected_md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}
        for key, (url, content) in contents.items()
    }
    real = miracl()
    monkeypatch.setattr(passages, "_MIRACL_THERE", {})
    made = dataclasses.replace(real, languages=passages._miracl_languages(said, {"sw": 3}))
    for url, content in contents.values():
        parts = urlsplit(url)
        server.files[f"/{parts.netloc}{parts.path}"] = content
    monkeypatch.setattr("clirot.collection.catalogue.RELEASES", {"miracl": lambda: made})
    collection = open_collection("miracl/swa/dev")
    assert isinstance(collection, PassageCollection)
    return collection


# --- MIRACL


def test_miracl_from_files_of_the_upstream_shape(
    small_miracl: PassageCollection, server: Upstreams
) -> None:
    assert small_miracl.id == "miracl/sw/dev"
    assert (small_miracl.document_language, small_miracl.languages) == ("sw", ("sw",))
    assert small_miracl.digest and server.asked == []  # published digests decide the documents
    assert [(one.id, one.text) for one in small_miracl.documents()] == [
        ("7#0", "Nairobi Nairobi ni mji."), ("7#1", "Mombasa ina bandari."), ("8#0", "Ziwa"),
    ]  # fmt: skip
    assert [one.text for one in small_miracl.topics()] == [
        "Bandari iko wapi?",
        "Je,mji mkuu ni gani?",
    ]
    assert small_miracl.qrels() == {"6": {"7#1": 1, "7#0": 0}, "8": {"7#0": 1}}
    assert small_miracl.document_count == 3
    assert open_collection("miracl/sw").digest == small_miracl.digest
    hidden = open_collection("miracl/sw/test-b")
    assert len(hidden.topics()) == 2
    with pytest.raises(InputError, match="no judgements: they have not been published"):
        hidden.qrels()


def test_a_shard_that_is_not_the_published_one(
    small_miracl: PassageCollection, server: Upstreams
) -> None:
    shard = path_of(small_miracl._passages.passages[1])
    server.faults[shard] = [Instead(gzip.compress(b"{}\n"))]
    found = small_miracl.documents()
    assert next(found).id == "7#0"
    with pytest.raises(DownloadError, match="is not the published file: expected md5"):
        list(found)
    assert len(list(small_miracl.documents())) == 3  # the right one is fetched the next time


@pytest.mark.parametrize(
    ("fault", "fragment"),
    [
        (Status(401), "HTTP 401"),
        (Status(404), "HTTP 404"),
        (Instead(b"<!doctype html><html>log in</html>"), "is not whole gzip data"),
    ],
)
def test_passages_that_cannot_be_fetched(
    small_miracl: PassageCollection, server: Upstreams, fault: Status | Instead, fragment: str
) -> None:
    server.faults[path_of(small_miracl._passages.passages[0])] = [fault] * 2
    with pytest.raises(DownloadError, match=fragment):
        next(small_miracl.documents())


def test_what_ir_datasets_says_of_miracl() -> None:
    """The same sets as ir_datasets has, with the same digests."""
    import ir_datasets

    ids = {one for one in ir_datasets.registry if str(one).startswith("miracl/")}
    assert set(miracl().ids) == ids
    german = miracl().languages["de"]
    assert len(german.passages) == 32 and german.passages[31].filename == "docs-31.jsonl.gz"
    assert german.count == 15_866_222
    assert all(one.md5 for one in german.passages)
    assert list(german.sets) == ["dev", "test-b"] and german.sets["test-b"].qrels is None


@pytest.mark.parametrize(
    ("language", "topics", "judgements"),
    [
        ("ar", 2896, 29197), ("bn", 411, 4206), ("de", 305, 3144), ("en", 799, 8350),
        ("es", 648, 6443), ("fi", 1271, 12008), ("fr", 343, 3429), ("hi", 350, 3494),
        ("ru", 1252, 13100), ("sw", 482, 5092), ("te", 828, 1606), ("th", 733, 7573),
        ("yo", 119, 1188), ("zh", 393, 3928),
    ],
)  # fmt: skip
def test_real_topics_and_judgements_of_miracl(
    mirror: Path, language: str, topics: int, judgements: int
) -> None:
    """The counts of its own page; every topic is judged, and every judged topic is there."""
    collection = open_collection(f"miracl/{language}/dev")
    ids = {topic.id for topic in collection.topics()}
    assert ids == set(collection.qrels())
    assert (len(ids), sum(map(len, collection.qrels().values()))) == (topics, judgements)


def test_real_topics_of_mr_tydi_are_read(mirror: Path) -> None:
    (folder,) = (mirror / "raw.githubusercontent.com/castorini/anserini-tools").iterdir()
    for language, part, count in (("sw", "dev", 526), ("sw", "test", 670), ("fi", "test", 1254)):
        topics = read_topics(folder / f"topics/topics.mrtydi-v1.1-{language}.{part}.txt.gz")
        judged = read_qrels(folder / f"qrels/qrels.mrtydi-v1.1-{language}.{part}.txt")
        assert {topic.id for topic in topics} == set(judged)
        assert len(topics) == count


# --- CIRAL


def test_ciral_from_files_of_the_upstream_shape(server: Upstreams) -> None:
    own = ciral().languages["ha"]
    server.files[path_of(own.passages[0])] = lines(ROWS)
    dev = own.sets["dev"]
    server.files[path_of(dev.topics["en"])] = b"6\tWhere is the port?\n"
    server.files[path_of(dev.topics["ha"])] = TOPICS.encode()
    assert dev.qrels is not None
    server.files[path_of(dev.qrels)] = QRELS.encode()
    collection = open_collection("ciral/hau/dev")
    assert [one.text for one in collection.topics()] == ["Where is the port?"]
    assert len(collection.topics("ha")) == 2
    assert collection.qrels("en") == {"6": {"7#1": 1, "7#0": 0}}
    assert [one.id for one in collection.documents()] == ["7#0", "7#1", "8#0"]
    assert collection.document_language == "ha"
    alone = open_collection("ciral/ha")
    assert alone.digest == collection.digest
    assert open_collection("ciral/ha", "ha").id == "ciral/ha"
    for part in (alone.topics, alone.qrels):
        with pytest.raises(InputError, match="passages alone") as caught:
            part()
        assert "ciral/ha/test-a-pools" in str(caught.value.hint)
    with pytest.raises(UsageError, match="are in 'ha', not in 'en'"):
        open_collection("ciral/ha", "en")


def test_addresses_of_ciral_are_at_a_commit() -> None:
    for own in ciral().languages.values():
        every = [*own.passages]
        for one in own.sets.values():
            every += [*one.topics.values(), *([one.qrels] if one.qrels else [])]
        for upstream in every:
            assert any(len(part) == 40 for part in upstream.place.split("/")), upstream.url
            assert upstream.licence == "Apache-2.0"


@pytest.mark.parametrize(
    ("name", "topics", "judgements"),
    [
        ("so/dev", 10, 187), ("so/test-a", 99, 1798), ("so/test-a-pools", 99, 9094),
        ("so/test-b", 239, 4324), ("sw/dev", 10, 196), ("sw/test-a", 85, 1656),
        ("sw/test-a-pools", 85, 8079), ("sw/test-b", 113, 2174),
    ],
)  # fmt: skip
def test_real_topics_and_judgements_of_ciral(
    mirror: Path, name: str, topics: int, judgements: int
) -> None:
    """The counts of its own page, but for the one judgement of a topic that is not there."""
    collection = open_collection(f"ciral/{name}")
    assert sum(map(len, collection.qrels().values())) == judgements
    judged = set(collection.qrels())
    assert len(judged) == topics
    for language in collection.languages:
        if name.endswith("dev") and language == "en":
            continue  # not among the files at hand
        assert {topic.id for topic in collection.topics(language)} == judged


def test_a_misnumbered_topic_has_its_number(mirror: Path) -> None:
    collection = open_collection("ciral/sw/test-b")
    native = {topic.id: topic.text for topic in collection.topics("sw")}
    assert native["238"].startswith("Rais 44 wa America")
    assert native["237"].startswith("Ni virusi gani")


@pytest.mark.parametrize(
    ("spec", "said", "hint"),
    [
        ("ciral", "unknown collection 'ciral'", "ciral/so/test-a"),
        ("ciral/am", "unknown collection 'ciral/am'", "ciral/ha"),
        ("ciral/so/test", "unknown collection 'ciral/so/test'", "did you mean 'ciral/so/test-"),
        ("miracl/sw/dve", "unknown collection 'miracl/sw/dve'", "did you mean 'miracl/sw/dev'?"),
        ("cirall/so", "unknown collection 'cirall/so'", "did you mean 'ciral/so'?"),
    ],
)
def test_unknown_names(spec: str, said: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        open_collection(spec)
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


def test_ciral_is_registered_in_ir_datasets(mirror: Path) -> None:
    import ir_datasets

    assert {"clirot/ciral/so/test-a", "clirot/ciral/yo/test-b"} <= set(register())
    dataset = ir_datasets.load("clirot/ciral/so/test-a")
    assert (dataset.docs_lang(), dataset.queries_lang()) == ("so", "en")
    assert len(list(dataset.queries_iter())) == 99
    assert set(RELEASES) == {"miracl", "ciral", "africlirmatrix"}


# --- AfriCLIRMatrix


def test_africlirmatrix_from_files_of_the_upstream_shape(server: Upstreams) -> None:
    commit = "29941eca075cc5488f1260af54165b3e6a2282d5"
    root = f"/raw.githubusercontent.com/castorini/africlirmatrix/{commit}/test/"
    name = "africlirmatrix-v1.0.en.som"
    server.files[f"{root}queries/topics.{name}.tsv"] = b"32410\tVehicle\n7558\tCoin\n"
    server.files[f"{root}qrels/qrels.{name}.txt"] = b"32410 Q0 10870 6\n7558 Q0 33430 4\n"
    articles = [{"id": "10870", "contents": "Gaadhi"}, {"id": "33430", "contents": "Lacag\nbir"}]
    revision = "f94e826e12c3589ff908d338492211a4ebabe7a9"
    hub = f"/huggingface.co/datasets/castorini/africlirmatrix/resolve/{revision}"
    server.files[f"{hub}/africlirmatrix-v1.0-somali/corpus.jsonl"] = lines(articles)
    collection = open_collection("africlirmatrix/som/test")
    assert collection.id == "africlirmatrix/so/test"
    assert (collection.languages, collection.document_language) == (("en",), "so")
    assert [one.text for one in collection.documents()] == ["Gaadhi", "Lacag bir"]
    assert [(one.id, one.text) for one in collection.topics()] == [
        ("32410", "Vehicle"),
        ("7558", "Coin"),
    ]
    assert collection.qrels() == {"32410": {"10870": 6}, "7558": {"33430": 4}}
    assert "clirot/africlirmatrix/zu/test" in register()
    with pytest.raises(UnknownNameError, match="africlirmatrix/so/tset"):
        open_collection("africlirmatrix/so/tset")
