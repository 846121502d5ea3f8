"""Collections of ir_datasets for training and testing, from files of the exact upstream shape.

Their real files are gigabytes and cannot be had here. The layout is what ir_datasets 0.6 reads; the
addresses and digests of its table of downloads are replaced by those of small files on localhost,
before it is imported, so that everything else happens as it does with the real ones. One process
does so for all collections.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
from tiny_model import save_tiny_model
from upstream_server import Upstreams, serving

from clirot.collection import open_collection
from clirot.errors import DownloadError

_COUNT = 15
_TESTS = Path(__file__).parent


def _tsv(*columns: list[str]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True)).encode()


def _jsonl(rows: list[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _tar(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _ids(first: int) -> list[str]:
    return [str(first + number) for number in range(_COUNT)]


def _words(more: str = "") -> list[str]:
    return [f"kelime{number} kawaida {more}".strip() for number in range(_COUNT)]


def _qrels(topics: list[str], documents: list[str], grade: int = 1, run: str = "0") -> bytes:
    rows = zip(topics, documents, strict=True)
    return "".join(f"{topic} {run} {document} {grade}\n" for topic, document in rows).encode()


def _campaign_topics(lang3: str) -> list[Mapping[str, Any]]:
    """Topics of HC4 and NeuCLIR; see ir_datasets' formats/extracted_cc.py."""
    topics = []
    for topic, word in zip(_ids(100), _words(), strict=True):
        made = [
            {
                "lang": lang,
                "source": source,
                "topic_title": word if lang == "eng" else f"{word} {lang}",
                "topic_description": f"about {word}",
                "topic_narrative": f"relevant is {word}",
            }
            for lang, source in (
                ("eng", "original"),
                (lang3, "human translation"),
                (lang3, "google translate"),
            )
        ]
        topics.append(
            {
                "topic_id": topic,
                "languages_with_qrels": [lang3],
                "topics": made,
                "narratives": {lang3: {"not_valuable": "no"}},
                "report": {"text": "it was so", "url": "https://x", "date": "2021-01-01"},
            }
        )
    return topics


def _campaign_documents() -> list[Mapping[str, Any]]:
    return [
        {"id": name, "title": "t", "text": word, "url": "u", "time": "2019", "cc_file": "f"}
        for name, word in zip(_ids(500), _words("متن"), strict=True)
    ]


def _wikiclir() -> dict[str, bytes]:
    third = [f"kelime{n} is a thing" for n in range(_COUNT)]
    relations = [f"{n} {500 + n} 2\n{n} {500 + (n + 1) % _COUNT} 1\n" for n in range(_COUNT)]
    return {
        "source": _tar(
            {
                "wiki-clir/english/wiki_en.queries": _tsv(
                    [*_ids(0), "99"], [*_words(), "x"], [*third, "y"]
                ),
                "wiki-clir/swahili/wiki_sw.documents": _tsv(_ids(500), _words(), _words("makala")),
                "wiki-clir/swahili/en2sw.rel": "".join(relations).replace(" ", "\t").encode(),
            }
        )
    }


def _clirmatrix(address: str, held: dict[str, bytes]) -> dict[str, bytes]:
    """The table of its own downloads is a download too."""
    results = [
        {
            "src_id": topic,
            "src_query": word,
            "tgt_results": [[str(500 + n), 6], [str(500 + (n + 1) % _COUNT), 0]],
        }
        for n, (topic, word) in enumerate(zip(_ids(0), _words(), strict=True))
    ]
    contents = {
        "docs/sw": gzip.compress(_tsv(_ids(500), _words("makala"))),
        "queries/de_sw/train": gzip.compress(_jsonl(results)),
    }
    table = {}
    for key, content in contents.items():
        path = f"/clirmatrix/{key}.gz"
        held[path] = content
        table[key] = {
            "url": f"{address}{path}",
            "expected_md5": _md5(content),
            "cache_path": f"{key}.gz",
        }
    docs = {"docs/sw": table["docs/sw"]}
    rest = {"queries/de_sw/train": table["queries/de_sw/train"]}
    said = {"clirmatrix_docs": docs, "clirmatrix_bi139_base": rest}
    return {
        "downloads": gzip.compress(json.dumps(said).encode()),
        "metadata": lz4.frame.compress(b"{}"),
    }


def _msmarco() -> dict[str, bytes]:
    qrels = _qrels(_ids(0), _ids(500))
    passages, questions = _tsv(_ids(500), _words("passage")), _tsv(_ids(0), _words())
    pairs = _tsv(_ids(0), _ids(500), [str(500 + (n + 2) % _COUNT) for n in range(_COUNT)])
    top = _tsv(_ids(0), _ids(500), _words(), _words("passage"))
    return {
        "collectionandqueries": _tar(
            {
                "collection.tsv": passages,
                "queries.dev.small.tsv": questions,
                "qrels.dev.small.tsv": qrels.replace(b" ", b"\t"),
            }
        ),
        "queries": _tar({"queries.train.tsv": questions, "queries.dev.tsv": questions}),
        "train/qrels": qrels.replace(b" ", b"\t"),
        "train/docpairs": gzip.compress(pairs),
        "dev/qrels": qrels,
        "dev/scoreddocs": _tar({"top1000.dev": top}),
    }


def _contents(address: str, held: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Family -> key of ir_datasets' table -> content."""
    technical = [
        {
            "doc_id": name,
            "title": word,
            "abstract": "摘要",
            "keywords": ["k"],
            "category": "c",
            "category_eng": "c",
            "discipline": "d",
            "discipline_eng": "d",
        }
        for name, word in zip(_ids(500), _words(), strict=True)
    ]
    qrels = _qrels(_ids(100), _ids(500), 3)
    mrtydi = "mrtydi-v1.0-swahili"
    passages = [
        {"id": f"{name}#0", "contents": f"Kichwa\n\n{word}"}
        for name, word in zip(_ids(500), _words(), strict=True)
    ]
    numbered = [f"{name}#0" for name in _ids(500)]
    return {
        "wikiclir": _wikiclir(),
        "clirmatrix": _clirmatrix(address, held),
        "mmarco": {
            "v2/de/docs": _tsv(_ids(500), _words("Absatz")),
            "v2/de/queries/train": _tsv(_ids(0), _words()),
            "train/triples": _tsv(
                _ids(0), _ids(500), [str(500 + (n + 1) % _COUNT) for n in range(_COUNT)]
            ),
        },
        "msmarco-passage": _msmarco(),
        "neumarco": {
            "main": _tar(
                {
                    "eng-fas/msmarco.collection.20210731-scale21-sockeye2-tm1.tsv": _tsv(
                        _ids(500), _words("متن")
                    )
                }
            )
        },
        "mr-tydi": {
            "sw": _tar(
                {
                    f"{mrtydi}/collection/docs.jsonl.gz": gzip.compress(_jsonl(passages)),
                    f"{mrtydi}/topic.train.tsv": _tsv(_ids(0), _words()),
                    f"{mrtydi}/qrels.train.txt": _qrels(_ids(0), numbered, run="Q0"),
                }
            )
        },
        "csl": {
            "docs": gzip.compress(_jsonl(technical)),
            "trec-2023/queries": _jsonl(_campaign_topics("zho")),
            "trec-2023/qrels": _tar({"tech_final_qrels.txt": qrels}),
        },
        "neuclir": {
            "1/fa/docs": gzip.compress(_jsonl(_campaign_documents())),
            "trec-2022/queries": _jsonl(_campaign_topics("fas")),
            "trec-2022/qrels": _qrels(_ids(100), _ids(500), 3, "fas")
            + _qrels(["100"], ["777"], 3, "rus"),
        },
        "hc4": {
            "train/topics": _jsonl(_campaign_topics("fas")),
            "fa/train/qrels": qrels,
        },
    }


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


_PROGRAM = """
import json, pkgutil, sys
replaced, ids, base = json.loads(open(sys.argv[1]).read()), json.loads(sys.argv[2]), sys.argv[3]
real = pkgutil.get_data

def get_data(package, name):
    content = real(package, name)
    if (package, name) != ("ir_datasets", "etc/downloads.json"):
        return content
    table = json.loads(content)
    for family, rows in replaced.items():
        assert rows.keys() <= table[family].keys(), family
        for key, row in rows.items():
            kept = {k: v for k, v in table[family][key].items() if k == "cache_path"}
            table[family][key] = {**kept, **row}
    return json.dumps(table).encode()

pkgutil.get_data = get_data
from pathlib import Path
from clirot.collection import open_collection
from clirot.evaluation.measures import measure_values, parse_measure
from clirot.records import silent
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.runs import Run
from clirot.settings import assembled
from clirot.store import Store
from clirot.supervision import TrainConfig
from clirot.supervision.preparation import prepared, requested

store, said = Store(), {}
for number, (one, negatives) in enumerate(ids.items()):
    collection = open_collection(one)
    documents, topics, qrels = list(collection.documents()), collection.topics(), collection.qrels()
    build_index(IndexConfig(model="bm25", collection=one, name=f"i{number}"))
    run = search(SearchConfig(index=f"i{number}", collection=one, k=10))
    found = {r.topic.id: {hit.docno: hit.score for hit in r.hits} for r in run.rankings()}
    (values,) = measure_values([parse_measure("mrr")], Run.from_dict("r", found), qrels)
    config = assembled(TrainConfig, {
        "model": base, "collection": one, "negatives": negatives, "max_topics": 12, "positives": 1,
        "group_negatives": 1, "batch_size": 2,
    })
    scratch = Path(f"scratch{number}")
    scratch.mkdir()
    ready = prepared(requested(config, store, silent), scratch)
    said[one] = {
        "documents": [len(documents), documents[0].id, documents[0].text],
        "languages": [list(collection.languages), collection.document_language],
        "topics": [len(topics), topics[0].id, topics[0].text],
        "qrels": [len(qrels), qrels[topics[0].id]],
        "mrr": float(values.mean()),
        "topics_trained_on": ready.counts["training_topics"] + ready.counts["development_topics"],
        "groups": [one.documents for one in ready.lesson.groups],
    }
print(json.dumps(said))
"""

_FIRST = "kelime0 kawaida"
"""The text of the first topic of each, and what its document begins with."""
_COLLECTIONS: dict[str, tuple[str, list[Any], list[Any], str, dict[str, int]]] = {
    "wikiclir/sw": (
        "bm25", [["en"], "sw"], ["500", f"{_FIRST} {_FIRST} makala"], "0", {"500": 2, "501": 1},
    ),
    "clirmatrix/sw/bi139-base/de/train": (
        "judged", [["de"], "sw"], ["500", f"{_FIRST} makala"], "0", {"500": 6, "501": 0},
    ),
    "mmarco/v2/de/train": (
        "docpairs", [["de"], "de"], ["500", f"{_FIRST} Absatz"], "0", {"500": 1},
    ),
    "msmarco-passage/train": (
        "docpairs", [["en"], "en"], ["500", f"{_FIRST} passage"], "0", {"500": 1},
    ),
    "msmarco-passage/dev/small": (
        "bm25", [["en"], "en"], ["500", f"{_FIRST} passage"], "0", {"500": 1},
    ),
    "neumarco/fa/train": (
        "docpairs", [["en"], "fa"], ["500", f"{_FIRST} متن"], "0", {"500": 1},
    ),
    "mr-tydi/sw/train": (
        "bm25", [["sw"], "sw"], ["500#0", f"Kichwa\n\n{_FIRST}"], "0", {"500#0": 1},
    ),
    "csl/trec-2023": ("bm25", [[], "zh"], ["500", f"{_FIRST}\n摘要"], "100", {"500": 3}),
    "neuclir/1/fa/trec-2022": (
        "bm25", [[], "fa"], ["500", f"t {_FIRST} متن"], "100", {"500": 3},
    ),
    "hc4/fa/train": ("bm25", [[], "fa"], ["500", f"t {_FIRST} متن"], "100", {"500": 3}),
}  # fmt: skip
"""Id -> where negatives are mined, languages of topics and documents, the first document, the id of
the first topic, its judgements."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is read, searched and grouped of every collection."""
    folder = tmp_path_factory.mktemp("irds")
    base = save_tiny_model(folder / "tiny", seed=4)
    local = folder / "irds" / "hc4" / "fas" / "hc4_docs.jsonl"  # which a user makes and links here
    local.parent.mkdir(parents=True)
    local.write_bytes(_jsonl(_campaign_documents()))
    with serving(Upstreams()) as server:
        replaced: dict[str, dict[str, dict[str, str]]] = {}
        for family, contents in _contents(server.address, server.files).items():
            for key, content in contents.items():
                path = f"/{family}/{key}"
                server.files[path] = content
                row = {"url": f"{server.address}{path}", "expected_md5": _md5(content)}
                replaced.setdefault(family, {})[key] = row
        table = folder / "downloads.json"
        table.write_text(json.dumps(replaced))
        ids = {one: said[0] for one, said in _COLLECTIONS.items()}
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(table), json.dumps(ids), str(base)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ
            | {
                "CLIROT_HOME": str(folder / "home"),
                "IR_DATASETS_HOME": str(folder / "irds"),
                "NO_PROXY": "127.0.0.1",
                "OMP_NUM_THREADS": "1",
            },
        )
        assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("name", list(_COLLECTIONS))
def test_a_collection_is_opened_indexed_searched_and_grouped_by_its_id(
    name: str, found: dict[str, Any]
) -> None:
    negatives, languages, document, topic, judged = _COLLECTIONS[name]
    one = found[name]
    assert one["languages"] == languages
    assert one["documents"] == [_COUNT, *document]
    assert one["topics"] == [_COUNT, topic, _FIRST]
    assert one["qrels"] == [_COUNT, judged]
    assert one["mrr"] == 1.0  # a topic has a word that its document alone has
    assert one["topics_trained_on"] == 12
    assert len(one["groups"]) == 10 and all(len(group) == 2 for group in one["groups"])
    suffix = "#0" if name.startswith("mr-tydi") else ""
    for positive, negative in one["groups"]:
        number = int(positive.removesuffix(suffix)) - 500
        after = {"docpairs": 1 if name.startswith("mmarco") else 2, "judged": 1}.get(negatives)
        if after is not None:
            assert negative == str(500 + (number + after) % _COUNT)


def test_neuclir_keeps_the_judgements_of_one_language_apart(found: dict[str, Any]) -> None:
    assert "777" not in json.dumps(found["neuclir/1/fa/trec-2022"])


def test_clirmatrix_says_so_where_its_table_of_files_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ir_datasets

    def fails(_: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(ir_datasets, "load", fails)
    with pytest.raises(DownloadError, match=r"could not serve clirmatrix/sw/.*no route to host"):
        open_collection("clirmatrix/sw/bi139-base/de/train")
