"""One form of a text: composed and decomposed accents are the same words on every side."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from clirot.bitext.text import tidy
from clirot.collection import open_collection, read_topics
from clirot.collection.answers import read_answers, read_predictions
from clirot.collection.irds import IrDatasetsCollection
from clirot.collection.labels import read_labels
from clirot.collection.topic_source import TopicSource, read_topic_set
from clirot.digests import file_digest
from clirot.errors import UsageError
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.retrieval.translation.translating import translate
from clirot.text_form import composed, is_composed, on_one_line

C = "caf\u00e9 f\u00fcr \u1ecd\u0300j\u1ecd\u0301"
D = unicodedata.normalize("NFD", C)


def test_the_form() -> None:
    assert D != C
    assert composed(D) == composed(C) == C
    assert is_composed(C) and not is_composed(D)
    assert on_one_line(f" {D}\n x") == f"{C} x"
    assert composed("\ufb01\u00b2") == "\ufb01\u00b2"  # not NFKC: ligatures and digits stay


def _directory(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "docs.fr.tsv").write_text(f"d1\t{text}\nd2\tother words\n", encoding="utf-8")
    (path / "queries.fr.tsv").write_text(f"q1\t{text}\n", encoding="utf-8")
    (path / "queries.fr.mt.jsonl").write_text(json.dumps({"id": "q1", "text": text}))
    (path / "qrels.txt").write_text("q1 0 d1 1\n")
    return path


def test_collections_are_read_alike(tmp_path: Path) -> None:
    one, other = (
        open_collection(str(_directory(tmp_path / name, text)))
        for name, text in (("c", C), ("d", D))
    )
    assert list(one.documents()) == list(other.documents())
    assert one.topics() == other.topics()
    assert one.topics(variant="mt") == other.topics(variant="mt")
    assert one.topics()[0].text == C
    assert one.topics_digest() == other.topics_digest()


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("docs.fr.tsv", f"d1\t{C}\n", True),
        ("docs.fr.tsv", f"d1\t{D}\n", False),
        ("docs.fr.tsv", f"id\ttext\nd1\t{C}\n", False),
        ("docs.fr.jsonl", json.dumps({"id": "d1", "text": C}), True),
        ("docs.fr.jsonl", json.dumps({"id": "d1", "text": D}), False),  # as \u0301
    ],
)
def test_an_index_of_before_is_told_apart_where_it_was_made_of_other_texts(
    tmp_path: Path, name: str, text: str, same: bool
) -> None:
    """The digest was that of the file, and it still is where the file is read as it was."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert (open_collection(str(tmp_path)).digest == file_digest(path)) is same


def test_labels_answers_and_predictions(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(f"q1\t{D}\nq1\t{C}\n", encoding="utf-8")
    assert read_answers(path, "fr").by_topic == {"q1": (C,)}
    assert read_labels(path).topics == {"q1": C}  # not two labels
    path.write_text(f"q1\t{D}\n", encoding="utf-8")
    assert read_predictions(path) == {"q1": C}


def test_ids_stay_as_they_are(tmp_path: Path) -> None:
    """They are compared with those of runs and judgements byte by byte."""
    path = tmp_path / "topics"
    path.write_text("caf\u0065\u0301\tx\n", encoding="utf-8")
    assert read_topics(path)[0].id == "cafe\u0301"


def test_what_a_program_translates(tmp_path: Path) -> None:
    path = tmp_path / "topics.tsv"
    path.write_text("q1\tx\n")
    config = TranslateConfig(topics=str(path), command=f"printf '%s\\n' '{D}'", tgt="fr", lang="en")
    assert [row.text for row in translate(config).rows()] == [C]


def _cased(path: Path) -> Path:
    """A tiny encoder that keeps accents and does not compose them, as mBERT's does not."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    letters = sorted(set(C.replace(" ", "") + "othrwds"))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters)]
    tokenizer = BertTokenizerFast(
        vocab={word: place for place, word in enumerate(words)},
        do_lower_case=False,
        strip_accents=None,
        model_max_length=64,
    )
    torch.manual_seed(1)
    model = BertModel(
        BertConfig(
            vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=64,
        )
    )  # fmt: skip
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.normal_()
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    assert tokenizer.tokenize(C) != tokenizer.tokenize(D)
    return path


def test_a_search_finds_the_same(tmp_path: Path) -> None:
    model = str(_cased(tmp_path / "cased"))
    places = [_directory(tmp_path / name, text) for name, text in (("c", C), ("d", D))]
    lines = set()
    for place in places:
        index = build_index(IndexConfig(model=model, collection=str(place), name=place.name))
        kept = index.artefact.manifest.results.get("reading", [])
        assert [note[:32] for note in kept] == ["1 documents are in decomposed Un"] * (
            place.name == "d"
        )
        for topics in places:
            config = SearchConfig(index=index.name, collection=str(topics), tag="t")
            lines.add("".join(search(config).lines()))
    assert len(lines) == 1
    found = read_topic_set(TopicSource(topics=str(places[1] / "queries.fr.tsv"), lang="fr"))
    assert (found.topics[0].text, found.language) == (C, "fr")


def test_ir_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ir_datasets

    for name in ("docs", "queries"):
        (tmp_path / name).write_text(f"x1\t{D}\n", encoding="utf-8")
    local = ir_datasets.create_dataset(
        docs_tsv=str(tmp_path / "docs"), queries_tsv=str(tmp_path / "queries")
    )
    monkeypatch.setitem(ir_datasets.registry._registered, "test-of-forms", local)
    monkeypatch.setattr(local, "docs_count", lambda: 1, raising=False)
    collection = IrDatasetsCollection("test-of-forms")
    assert [document.text for document in collection.documents()] == [C]
    assert collection.topics()[0].text == C
    with pytest.raises(UsageError, match="have no title; they have text"):
        collection.topics(field="title+description")


def test_bitext_has_the_same_form() -> None:
    assert tidy(f"{D}\t x") == on_one_line(f"{D}\t x")
