"""Texts that are longer than a model reads: each is counted, and the longest is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny_families
from tiny_model import save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.cli import app
from clirot.cut_texts import CutTexts
from clirot.distillation import distill
from clirot.distillation.start import read_whole_queries
from clirot.distillation.training.development import split
from clirot.distillation.training.lengths import Lengths
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_model
from clirot.encoding.overflow import noting_cuts
from clirot.errors import CutTextWarning
from clirot.experiments.making import VERBS
from clirot.models import Side
from clirot.records import SentencePair, Step, silent
from clirot.retrieval import encoded_windows
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import Search, SearchConfig, search
from clirot.store import Store

LIMIT = 64
FAMILIES: dict[str, Callable[[Path], Path]] = {
    "bert": tiny_families.save_bert,
    "xlm-r": tiny_families.save_xlm_roberta,
    "roberta": tiny_families.save_roberta,
    "llama": tiny_families.save_llama,
    "t5": tiny_families.save_t5,
    "native": tiny_families.save_native_colbert,
    "pylate": tiny_families.save_pylate_colbert,
    "stanford": tiny_families.save_stanford_colbert,
}
TEXTS = ["ab cd", "fox dog ab " * 40, "x", "", "ab dc " * 100]


def encoder(model: Any, side: Side) -> MultiVectorTokenEncoder:
    return MultiVectorTokenEncoder(model, side=side, name="model", digest="0")


def byte_model(path: Path) -> Path:
    """An encoder whose tokenizer is written in Python: a token is a byte."""
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    ByT5Tokenizer(model_max_length=32).save_pretrained(path)
    config = T5Config(vocab_size=384, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(path)
    return path


def counted(model: Any, side: Side, texts: Sequence[str]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}

    def note(row: int, tokens: int, limit: int) -> None:
        assert row not in found
        found[row] = tokens, limit

    encoder(model, side).encode(texts, cut=note)
    assert "preprocess" not in vars(model)  # the model is as it was
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_lengths_are_those_of_a_tokenizer_that_does_not_cut(family: str, tmp_path: Path) -> None:
    model = load_model(FAMILIES[family](tmp_path / "model"), device="cpu")
    for side in ("query", "document"):
        prompt = model.prompts.get(side) or ""
        lengths = [
            len(model.tokenizer(f"{prompt}{text}", verbose=False)["input_ids"]) for text in TEXTS
        ]
        read = [len(one) for one in encoder(model, side).encode(TEXTS)]
        expected = {
            row: (length, read[row]) for row, length in enumerate(lengths) if length > read[row]
        }
        assert sorted(expected) == [1, 4]
        assert counted(model, side, TEXTS) == expected


def test_a_tokenizer_that_throws_the_rest_away(tmp_path: Path) -> None:
    model = load_model(byte_model(tmp_path / "model"), device="cpu")
    texts = ["ab", "x" * 31, "y" * 32, "z" * 100]
    # Each byte is a token, and there is one at the end. 31 bytes fill the model, and are not cut.
    assert counted(model, "document", texts) == {2: (33, 32), 3: (101, 32)}


def test_a_text_is_tokenized_for_its_length_and_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import PreTrainedTokenizerBase

    model = load_model(tiny_families.save_bert(tmp_path / "model"), device="cpu")
    plain = encoder(model, "document")
    seen: list[str] = []
    inner = PreTrainedTokenizerBase.__call__

    def call(self: Any, text: Any = None, *more: Any, **options: Any) -> Any:
        seen.extend([text] if isinstance(text, str) else text)
        return inner(self, text, *more, **options)

    monkeypatch.setattr(PreTrainedTokenizerBase, "__call__", call)
    plain.encode(TEXTS, cut=lambda *_: None)
    limit = model.max_seq_length * 8  # characters by which batches are made
    once = set(TEXTS)
    assert sorted(seen) == sorted([*once, *(text[:limit] for text in once)])


def test_blocks_within_blocks_note_the_same(tmp_path: Path) -> None:
    model = load_model(tiny_families.save_bert(tmp_path / "model"), device="cpu")
    with noting_cuts(model) as outer:
        with noting_cuts(model) as inner:
            model.encode_document(TEXTS)
        assert inner == outer and set(outer) == {TEXTS[1], TEXTS[4]}
        model.encode_document(["ba " * 80])
        assert len(outer) == 3 and len(inner) == 2


# --- the count


def test_the_longest_is_kept_and_a_row_says_all() -> None:
    cut = CutTexts()
    assert cut.row == {"count": 0} and CutTexts.of(cut.row) == CutTexts.of(None) == cut
    for which, tokens in (("a", 70), ("b" * 100, 90), ("c", 80)):
        cut.add(which, tokens, LIMIT)
    assert cut.row == {"count": 3, "longest": {"id": "b" * 60, "tokens": 90, "read": 64}}
    assert CutTexts.of(json.loads(json.dumps(cut.row))) == cut
    assert cut + CutTexts() == CutTexts() + cut == cut
    assert (cut + CutTexts(2, "d", 91, 64)).row["longest"]["id"] == "d"
    assert cut.remark(1200, "topics", "e5").startswith("3 of 1,200 topics are longer than e5 reads")


# --- index and search


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def collection(tmp_path: Path) -> str:
    """Twenty documents, every fourth of which is cut: they have more than 62 letters."""
    folder = tmp_path / "set"
    folder.mkdir()
    texts = ["abc " * (30 + row if row % 4 == 0 else 3) for row in range(20)]
    rows = [f"d{row}\t{text}\n" for row, text in enumerate(texts)]
    (folder / "docs.en.tsv").write_text("".join(rows))
    (folder / "queries.en.tsv").write_text(f"q1\tabc\nq2\t{'abc ' * 21}\nq3\t{'abc ' * 22}\n")
    return str(folder)


# A word has three tokens, and there is one before and one after the text: (30 + 16) * 3 + 2.
DOCUMENTS = {"count": 5, "longest": {"id": "d16", "tokens": 140, "read": LIMIT}}
TOPICS = {"count": 2, "longest": {"id": "q3", "tokens": 68, "read": LIMIT}}


def test_an_index_counts_its_documents_and_says_so_each_time(model: str, collection: str) -> None:
    words = ["index", "--model", model, "--collection", collection, "--name", "i", "--json"]
    said = f"warning: 5 of 20 documents are longer than {model} reads"
    for fresh in (True, False):
        done = CliRunner().invoke(app, words)
        document = json.loads(done.stdout)
        assert document["name"] == "i" and document["fresh"] is fresh
        assert document["results"]["cut_texts"] == DOCUMENTS
        assert said in " ".join(done.stderr.split())
    manifest = Store().get("indexes", "i").manifest
    assert manifest.results["cut_texts"] == DOCUMENTS


@pytest.mark.parametrize("stop", [3, 8, 13])
def test_an_index_that_was_interrupted_counts_the_same(
    stop: int, model: str, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded_windows, "WINDOW", 4)

    def interrupt(step: Step) -> None:
        if step.done >= stop:
            raise KeyboardInterrupt

    config = IndexConfig(model=model, collection=collection, name="i")
    with pytest.raises(KeyboardInterrupt):
        build_index(config, progress=interrupt)
    (draft,) = (Store().home / "indexes").glob(".i.part")
    for file in draft.rglob("cut.jsonl"):  # a process that is killed leaves half of a line
        file.write_text(file.read_text() + '{"from": 12, "cu')
    assert build_index(config).artefact.manifest.results["cut_texts"] == DOCUMENTS


def test_documents_that_fit_are_no_remark(model: str, tmp_path: Path) -> None:
    folder = tmp_path / "short"
    folder.mkdir()
    (folder / "docs.en.tsv").write_text(f"d1\tabc\nd2\t{'ab ' * 31}\n")  # 64 tokens, which fit
    (folder / "queries.en.tsv").write_text("q1\tabc\n")
    made = build_index(IndexConfig(model=model, collection=str(folder), name="i"))
    assert not [*made.remarks()] and made.artefact.manifest.results["cut_texts"] == {"count": 0}
    ready = found("i", folder)
    assert list(ready.rankings()) and not [*ready.remarks()]


def found(index: str, collection: str | Path) -> Search:
    return search(SearchConfig(index=index, collection=str(collection)))


def test_a_search_counts_its_topics_and_keeps_it(model: str, collection: str) -> None:
    build_index(IndexConfig(model=model, collection=collection, name="i"))
    ready = found("i", collection)
    assert not [*ready.remarks()]  # nothing has been read yet
    assert len([*ready.rankings()]) == 3 and ready.cut.row == TOPICS
    words = ["search", "--index", "i", "--collection", collection, "--save", "r"]
    said = f"warning: 2 of 3 topics are longer than {model} reads"
    for _ in range(2):  # made, and found made
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0 and said in " ".join(done.stderr.split())
    assert Store().get("runs", "r").manifest.results == {
        "topics": 3,
        "topics_language": "en",
        "cut_texts": TOPICS,
    }


def test_words_are_read_to_the_end(collection: str) -> None:
    build_index(IndexConfig(model="bm25", collection=collection, name="w"))
    ready = found("w", collection)
    assert [*ready.rankings()] and not [*ready.remarks()]


def test_a_cell_of_an_experiment_says_it_too(model: str, collection: str) -> None:
    class Cell:
        name = "i"
        configuration: Any = IndexConfig(model=model, collection=collection, name="i")

    (note,) = VERBS["indexes"](Cell(), Store(), False, silent)  # type: ignore[arg-type]
    assert note.startswith("i: 5 of 20 documents are longer than")
    Cell.name, Cell.configuration = "r", SearchConfig(index="i", collection=collection)
    (note,) = VERBS["runs"](Cell(), Store(), False, silent)  # type: ignore[arg-type]
    assert note.startswith("r: 2 of 3 topics are longer than")


# --- distill


def test_a_student_counts_the_sentences_of_both_sides(model: str, tmp_path: Path) -> None:
    pairs = []
    for row in range(120):
        word = "".join(chr(97 + int(digit)) for digit in f"{row:03}")
        count = 25 if row % 9 == 0 else 12 if row % 7 == 0 else 3
        src, tgt = f"{word} " * count, f"{word[::-1]} " * count
        pairs.append(SentencePair(f"{src}{row}", f"{row} {tgt.strip()}"))
    bitext = tmp_path / "pairs.tsv"
    bitext.write_text("".join(f"{one.src}\t{one.tgt}\n" for one in pairs))
    settings: dict[str, Any] = {"student": model, "epochs": 1, "max_tokens": 24}
    settings["add_subwords"] = "never"  # words would be shorter with them
    config = tiny_config(Path(model), bitext, name="s", **settings)
    with pytest.warns(CutTextWarning) as told:
        made = distill(config)
    train = split(pairs, development=config.training.development).train
    tokenizer = load_model(Path(model), device="cpu").tokenizer
    expected = {}
    for side, limit, texts in (
        ("teacher", LIMIT, [one.src for one in train]),
        ("student", 24, [one.tgt for one in train]),
    ):
        lengths = {text: len(tokenizer(text, verbose=False)["input_ids"]) for text in texts}
        longest = max(texts, key=lambda text: lengths[text])  # the first of them
        count = sum(lengths[text] > limit for text in texts)
        assert 5 < count < len(texts) / 2
        expected[side] = {
            "count": count,
            "longest": {"id": longest[:60], "tokens": lengths[longest], "read": limit},
        }
        message = f"{count} of {len(train)} training sentences are longer than the {side}, "
        assert sum(message in str(one.message) for one in told) == 1
    assert made.artefact.manifest.results["cut_texts"] == expected
    # The teacher's vectors are in the cache now, and what was cut with them.
    with pytest.warns(CutTextWarning, match="the teacher"):
        again = distill(tiny_config(Path(model), bitext, name="t", **settings))
    assert again.artefact.manifest.results["cut_texts"] == expected


def test_the_prompt_of_a_student_counts(tmp_path: Path) -> None:
    model = load_model(tiny_families.save_native_colbert(tmp_path / "model"), device="cpu")
    read_whole_queries(model)
    sentences = ["ab " * 9, "ab " * 10, "ab " * 11, "abc"]
    found = Lengths.of(model, sentences, 23, ("query",))
    assert (found.sentences, found.longest) == ([20, 22, 24, 5], 23)
    # With the marker the second has 23 tokens, which fit.
    assert found.cut.row == {"count": 1, "longest": {"id": sentences[2], "tokens": 25, "read": 23}}
