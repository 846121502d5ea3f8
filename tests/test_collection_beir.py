"""Directories in the layout of BEIR and MTEB as collections."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from clirot.collection import open_collection
from clirot.digests import file_digest
from clirot.errors import InputError, ReadingNotice, UnknownNameError, UsageError
from clirot.evaluation import evaluate
from clirot.evaluation.config import EvaluateConfig
from clirot.records import Document, Topic
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search

CORPUS = [
    {"_id": "d1", "title": "Camels", "text": "They walk far.", "metadata": {}},
    {"_id": "d2", "title": "", "text": "Rain falls."},
    {"_id": "d3", "title": "Salt", "text": ""},
]
QUERIES = [
    {"_id": "q1", "text": "camels", "metadata": {}},
    {"_id": "q2", "text": "rain"},
    {"_id": "q3", "text": "salt"},
]
DOCUMENTS = [
    Document("d1", "Camels They walk far."),
    Document("d2", "Rain falls."),
    Document("d3", "Salt"),
]
HEADER = "query-id\tcorpus-id\tscore\n"


def _lines(rows: list[dict[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    path = tmp_path / "small"
    (path / "qrels").mkdir(parents=True)
    (path / "corpus.jsonl").write_text(_lines(CORPUS))
    (path / "queries.jsonl").write_text(_lines(QUERIES))
    (path / "qrels" / "test.tsv").write_text(f"{HEADER}q1\td1\t1\n")
    (path / "qrels" / "dev.tsv").write_text(f"{HEADER}q2\td2\t2\nq3\td3\t1\n")
    return path


def test_a_directory_of_beir(beir: Path) -> None:
    collection = open_collection(str(beir))
    assert (collection.id, collection.languages) == (str(beir), ())
    assert list(collection.documents()) == DOCUMENTS
    assert collection.document_count == 3
    assert collection.digest == file_digest(beir / "corpus.jsonl")
    with pytest.warns(ReadingNotice) as said:
        topics = collection.topics()
    assert topics == [Topic("q1", "camels")]  # of the test split alone
    messages = [str(one.message) for one in said]
    assert (
        f"{beir}: the split test has 1 of the 3 topics; there are also dev: {beir}/SPLIT"
        in messages
    )
    assert collection.qrels() == {"q1": {"d1": 1}}


def test_another_split_is_written_behind(beir: Path) -> None:
    dev = open_collection(f"{beir}/dev")
    assert [topic.id for topic in dev.topics()] == ["q2", "q3"]
    assert dev.qrels() == {"q2": {"d2": 2}, "q3": {"d3": 1}}
    assert dev.digest == open_collection(str(beir)).digest  # one index serves all splits
    with pytest.raises(UnknownNameError, match="no judgements of the split 'def'") as caught:
        open_collection(f"{beir}/def")
    assert "did you mean 'dev'? it has dev, test" in str(caught.value.hint)
    (beir / "qrels" / "test.tsv").unlink()
    assert len(open_collection(str(beir)).topics()) == 2  # the only one
    (beir / "qrels" / "train.tsv").write_text(f"{HEADER}q1\td1\t1\n")
    with pytest.raises(UsageError, match="several splits, and none is called 'test'") as caught:
        open_collection(str(beir)).topics()
    assert "there are dev, train" in str(caught.value.hint)


def test_the_languages_are_what_is_said(beir: Path) -> None:
    assert open_collection(str(beir)).document_language is None
    collection = open_collection(str(beir), "eng")
    assert collection.document_language == "en"
    assert (collection.topic_language(None), collection.topic_language("fra")) == (None, "fr")
    assert collection.topics("fra") == collection.topics()
    assert collection.qrels("fra") == collection.qrels()


def test_parts_in_other_forms(beir: Path) -> None:
    """Compressed, and MTEB's: directories with JSON lines or Parquet, perhaps in several files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = (beir / "corpus.jsonl").read_bytes()
    (beir / "corpus.jsonl.gz").write_bytes(gzip.compress(data))
    with pytest.raises(InputError, match=r"corpus more than once: corpus\.jsonl, "):
        open_collection(str(beir)).document_count  # noqa: B018
    (beir / "corpus.jsonl").unlink()
    assert list(open_collection(str(beir)).documents()) == DOCUMENTS
    (beir / "corpus.jsonl.gz").unlink()
    (beir / "corpus").mkdir()
    for number, row in enumerate(CORPUS):
        row = {name: row[name] for name in ("_id", "title", "text")}
        name = f"corpus-0000{number}-of-00003.parquet"
        pq.write_table(pa.Table.from_pylist([row]), beir / "corpus" / name)
    (beir / "queries.jsonl").unlink()
    (beir / "queries").mkdir()
    queries = [{name: row[name] for name in ("_id", "text")} for row in QUERIES]
    for split in ("test", "dev"):  # every split has its own queries here
        place = beir / "queries" / f"{split}-00000-of-00001.parquet"
        pq.write_table(pa.Table.from_pylist(queries if split == "dev" else queries[:1]), place)
    for split in ("test", "dev"):
        (beir / "qrels" / f"{split}.tsv").unlink()
    judged = [{"query-id": "q1", "corpus-id": "d1", "score": 1}]
    place = beir / "qrels" / "test-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(judged), place)
    (beir / "qrels" / "dev.jsonl").write_text(_lines([{**judged[0], "query-id": "q2"}]))
    collection = open_collection(str(beir))
    assert list(collection.documents()) == DOCUMENTS
    assert collection.document_count == 3
    assert collection.topics() == [Topic("q1", "camels")]
    assert collection.qrels() == {"q1": {"d1": 1}}
    assert open_collection(f"{beir}/dev").topics() == [Topic("q2", "rain")]
    (beir / "corpus" / "corpus-00001-of-00003.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="not Parquet"):
        list(open_collection(str(beir)).documents())


def test_what_is_missing(beir: Path, tmp_path: Path) -> None:
    (beir / "qrels" / "test.tsv").unlink()
    (beir / "qrels" / "dev.tsv").unlink()
    collection = open_collection(str(beir))
    assert len(collection.topics()) == 3
    with pytest.raises(InputError, match=r"no judgements: there is no qrels/test\.tsv"):
        collection.qrels()
    (beir / "queries.jsonl").unlink()
    with pytest.raises(InputError, match=r"no topics: there is no queries\.jsonl"):
        collection.topics()
    with pytest.raises(InputError, match=r"and not BEIR's layout: no corpus\.jsonl") as caught:
        open_collection(str(tmp_path))
    assert caught.value.hint == f"did you mean {beir}?"
    (beir / "docs.en.tsv").write_text("d1\tsalt\n")  # clirot's layout comes first
    assert list(open_collection(str(beir)).documents()) == [Document("d1", "salt")]


def test_one_id_in_two_files_is_refused(beir: Path) -> None:
    (beir / "corpus.jsonl").rename(beir / "one.jsonl")
    (beir / "corpus").mkdir()
    (beir / "corpus" / "corpus-00000-of-00002.jsonl").write_text(_lines(CORPUS))
    (beir / "corpus" / "corpus-00001-of-00002.jsonl").write_text(_lines(CORPUS[1:2]))
    with pytest.raises(InputError, match="document 'd2' is in an earlier file too") as caught:
        list(open_collection(str(beir)).documents())
    assert caught.value.line == 1


def test_from_index_to_evaluation(beir: Path, tmp_path: Path) -> None:
    index = build_index(
        IndexConfig(model="bm25", collection=str(beir), docs_lang="en", name="words")
    ).name
    run = tmp_path / "run.trec"
    for split, topics in (("", 1), ("/dev", 2)):
        found = search(SearchConfig(index=index, collection=f"{beir}{split}", tag="t"))
        run.write_text("".join(found.lines()))
        config = EvaluateConfig(runs=(str(run),), collection=f"{beir}{split}", metrics=("map",))
        result = evaluate(config)
        assert [len(judged) for judged in result.topics.values()] == [topics]
        assert result.values["run", ""].tolist() == [[1.0] * topics]
