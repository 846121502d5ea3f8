"""What is read off an encoder besides its vectors, and what is counted over a bitext."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_families
import torch
from tiny_model import changed, save_bitext, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.cli import app
from clirot.distillation import DistillConfig, distill
from clirot.distillation.corpus_statistics import corpus_statistics, idf_table, lexicon_of
from clirot.distillation.diagnostics import AlignConfig, align
from clirot.distillation.objectives.tokens import SentenceTokens
from clirot.distillation.objectives.transport import Transport, inverse_document_frequency
from clirot.distillation.settings import PlanSettings
from clirot.distillation.start import read_whole_queries
from clirot.distillation.training.batches import Material
from clirot.distillation.training.plan_figures import plan_figures
from clirot.distillation.training.reading import (
    TokenReader,
    fill_with_masks,
    reading_of,
    token_ids,
)
from clirot.distillation.training.teacher_tokens import TeacherTokens, teacher_tokens
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder, load_model
from clirot.errors import UsageError
from clirot.models import resolve
from clirot.records import LanguagePair
from clirot.store import Store

TEXTS = ["ab cd, ef", "a", "gh ij ab cd ef ab!", "b b b"]

MODELS = {
    "plain": lambda path: save_tiny_model(path, seed=4),
    "colbert": tiny_families.save_native_colbert,
    "pylate": tiny_families.save_pylate_colbert,
    "llama": tiny_families.save_llama,
    "xlm-r": tiny_families.save_xlm_roberta,
    "modernbert": tiny_families.save_modernbert,
    "t5": tiny_families.save_t5,
}


@pytest.fixture(scope="module", params=list(MODELS))
def model_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return MODELS[request.param](tmp_path_factory.mktemp("model") / "tiny")


def _read(reader: TokenReader, side: str = "query") -> list[SentenceTokens]:
    return [one for batch in reader.read(TEXTS, side=side) for one in batch]  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["query", "document"])
def test_a_reader_reads_what_the_encoder_gives_and_leaves_it_as_it_was(
    model_path: Path, side: str
) -> None:
    model = load_model(model_path, device="cpu")
    encode = model.encode_query if side == "query" else model.encode_document
    before = encode(TEXTS)
    with TokenReader(model, layer=1) as reader:
        found = _read(reader, side)
    for one, vectors in zip(found, before, strict=True):
        assert np.allclose(one.vectors, vectors.numpy(), atol=1e-5)
        assert one.ids is not None and one.special is not None and one.layer is not None
        assert len(one.ids) == len(one.special) == len(one.layer) == len(vectors)
    assert all(torch.equal(one, two) for one, two in zip(encode(TEXTS), before, strict=True))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model)
    assert not model[0].auto_model.config.output_hidden_states


def test_layers_and_norms_are_those_of_the_body(teacher: Path) -> None:
    model = load_model(teacher, device="cpu")
    body: Any = model[0].auto_model
    for layer in range(body.config.num_hidden_layers + 1):
        with TokenReader(model, layer=layer) as reader:
            found = _read(reader)
        for text, one in zip(TEXTS, found, strict=True):
            features = model.tokenizer([text], return_tensors="pt")
            with torch.no_grad():
                hidden = body(**features, output_hidden_states=True).hidden_states
            assert one.layer is not None and one.norms is not None
            unit = torch.nn.functional.normalize(hidden[layer][0], dim=1)
            assert np.allclose(one.layer, unit.numpy(), atol=1e-5)
            assert np.allclose(one.norms, hidden[-1][0].norm(dim=1).numpy(), rtol=1e-5)
    with pytest.raises(UsageError, match=r"`teacher_layer` 9: the encoder has \d+ layers"):
        TokenReader(model, layer=9)


@pytest.mark.parametrize("side", ["query", "document"])
def test_special_are_the_tokens_that_are_not_of_the_text(model_path: Path, side: str) -> None:
    model = load_model(model_path, device="cpu")
    read_whole_queries(model)
    tokenizer = model.tokenizer
    with TokenReader(model) as reader:
        found = _read(reader, side)
    for text, one in zip(TEXTS, found, strict=True):
        assert one.ids is not None and one.special is not None
        expected = Counter(tokenizer(text, add_special_tokens=False)["input_ids"])
        masks = {tokenizer.mask_token_id}
        own = [int(t) for t in one.ids[~one.special] if int(t) not in masks]
        # Punctuation that a ColBERT does not score is missing; after a prompt, some tokenizers
        # write the first word with a space before it.
        assert len(own) <= sum(expected.values())
        assert sum((Counter(own) - expected).values()) <= 1
        unscored = sum(char in text for char in ",!")
        assert len(own) >= sum(expected.values()) - unscored


@pytest.mark.parametrize("family", ["plain", "xlm-r", "modernbert", "llama"])
def test_the_space_after_a_prompt_does_not_make_the_first_word_special(
    family: str, tmp_path: Path
) -> None:
    model = load_model(MODELS[family](tmp_path / "tiny"), device="cpu")
    model.prompts = {"query": "query: ", "document": "ab cd:"}
    for side, prompt in model.prompts.items():
        with TokenReader(model) as reader:
            found = _read(reader, side)
        for text, one in zip(TEXTS, found, strict=True):
            offsets = model.tokenizer(prompt + text, return_offsets_mapping=True)["offset_mapping"]
            assert one.special is not None
            for special, (start, end) in zip(one.special.tolist(), offsets, strict=True):
                if (prompt + text)[start:end] != " ":  # which is the prompt's, or the word's
                    assert special == (end <= len(prompt))


def test_token_ids_are_those_that_are_scored_or_unscored(teacher: Path) -> None:
    model = load_model(teacher, device="cpu")
    with TokenReader(model) as reader:
        found = _read(reader)
    for one, ids in zip(found, token_ids(model, TEXTS, side="query"), strict=True):
        assert one.ids is not None and one.ids.tolist() == ids.tolist()


def test_a_reading_is_kept_apart_from_the_vectors_and_read_back(
    teacher: Path, tmp_path: Path
) -> None:
    model = load_model(teacher, device="cpu")
    encoder = MultiVectorTokenEncoder(model, side="document", name="t", digest="0" * 64)
    plain = teacher_tokens(encoder, TEXTS, cache=tmp_path)
    assert plain.sentence(0).ids is None
    for layer in (None, 1):
        reading = reading_of(encoder, layer=layer)
        stored = teacher_tokens(reading, TEXTS, cache=tmp_path)
        known = [one for batch in reading.read(TEXTS) for one in batch]
        for row, one in enumerate(known):
            found = stored.sentence(row)
            assert np.allclose(found.vectors, plain[row], atol=2e-3)
            assert found.ids is not None and np.array_equal(found.ids, one.ids)
            assert found.special is not None and np.array_equal(found.special, one.special)
            assert found.norms is not None and np.allclose(found.norms, one.norms)
            assert (found.layer is None) == (layer is None)
        batch = stored.batch([1, 2], torch.device("cpu"))
        assert batch.ids is not None and batch.ids.shape == batch.mask.shape
    assert len(list((tmp_path / "teacher-tokens").iterdir())) == 3


@pytest.mark.parametrize("name", ["plain", "colbert", "pylate"])
def test_sentences_are_filled_with_masks_that_are_scored(name: str, tmp_path: Path) -> None:
    model = load_model(MODELS[name](tmp_path / "tiny"), device="cpu")
    encoder = MultiVectorTokenEncoder(model, side="document", name="t", digest="0" * 64)
    before = model[0].query_length, model[0].query_expansion, model.encode_query(TEXTS)
    reading = reading_of(encoder, mask_padding=9)
    found = [one for batch in reading.read(TEXTS) for one in batch]
    mask = model.tokenizer.mask_token_id
    for one, text in zip(found, TEXTS, strict=True):
        assert one.ids is not None and one.special is not None
        assert len(one.ids) == max(9, int((one.ids != mask).sum()))
        assert not one.special[one.ids == mask].any()
        prompt = model.prompts.get("document") or ""
        own = model.tokenizer(prompt + text)["input_ids"]
        assert one.ids[one.ids != mask].tolist() == own
    assert (model[0].query_length, model[0].query_expansion) == before[:2]
    for one, two in zip(model.encode_query(TEXTS), before[2], strict=True):
        assert torch.equal(one, two)


def test_filling_needs_a_mask_token_and_room(tmp_path: Path) -> None:
    llama = load_model(tiny_families.save_llama(tmp_path / "llama"), device="cpu")
    with pytest.raises(UsageError, match="has no mask token"):
        fill_with_masks(llama, 8)
    bert = load_model(save_tiny_model(tmp_path / "bert"), device="cpu")
    encoder = MultiVectorTokenEncoder(bert, side="document", name="t", digest="")
    with pytest.raises(UsageError, match=r"`mask_padding` 999: the encoder reads at most"):
        reading_of(encoder, mask_padding=999)


# What is counted over a bitext


def test_idf_counts_the_sentences_a_token_is_in() -> None:
    documents = [np.array(one) for one in ([1, 1, 2], [1, 3], [1], [2, 3, 3])]
    table = idf_table(iter(documents), 6)
    frequency = [sum(token in one for one in documents) for token in range(6)]
    assert torch.equal(table, inverse_document_frequency(torch.tensor(frequency), 4))
    assert len(idf_table([np.array([9])], 3)) == 10


def test_a_lexicon_knows_the_words_of_a_made_up_language(teacher: Path) -> None:
    """One word for one: every subword's likeliest translation is its own."""
    tokenizer = load_model(teacher, device="cpu").tokenizer
    generator = random.Random(3)
    other = dict(zip("abcdefgh", "cdefghab", strict=True))
    lines = [[generator.choice("abcdefgh") for _ in range(5)] for _ in range(400)]
    english = [" ".join(line) for line in lines]
    foreign = [" ".join(other[word] for word in reversed(line)) for line in lines]
    lexicon = lexicon_of(tokenizer, tokenizer, [(foreign, english)])
    known = torch.tensor([tokenizer(list("abcdefgh"), add_special_tokens=False)["input_ids"]])
    own = known.reshape(1, -1)
    surprise = lexicon.surprise(own, own)[0]
    best = surprise.argmin(dim=1)
    letters = "abcdefgh"
    assert [other[letters[int(place)]] for place in best] == list(letters)
    assert float(surprise.amin(dim=1).max()) < 0.2 < float(surprise.median())


def _stored(sentences: list[SentenceTokens], directory: Path) -> TeacherTokens:
    from clirot.distillation.training.teacher_tokens import Reading

    reading = Reading(digest="0", described="test", read=lambda texts: [sentences])
    return teacher_tokens(reading, ["x"] * len(sentences), cache=directory)


def test_what_one_reading_puts_into_every_sentence_says_nothing_when_both_are_trained(
    tmp_path: Path,
) -> None:
    """A ColBERT's marker of a document is in no query, and the other way about."""
    model = load_model(tiny_families.save_native_colbert(tmp_path / "colbert"), device="cpu")
    with TokenReader(model) as reader:
        store = _stored(_read(reader, "document"), tmp_path)
    found = corpus_statistics(
        PlanSettings(marginals="idf"),
        model,
        Material(sentences=TEXTS, rows=range(len(TEXTS)), sizes=[len(TEXTS)], teacher=store),
        sides=("query", "document"),
        teacher_tokenizer=model.tokenizer,
        translations=TEXTS,
    )
    markers = [
        set.intersection(*(set(ids.tolist()) for ids in token_ids(model, TEXTS, side=side)))
        for side in ("query", "document")
    ]
    assert markers[0] ^ markers[1]
    least = float(found.student_idf.min())
    assert {float(found.student_idf[one]) for one in markers[0] | markers[1]} == {least}


@pytest.mark.parametrize("of_layer", [False, True])
def test_corpus_statistics_are_what_the_settings_ask_for(
    teacher: Path, tmp_path: Path, of_layer: bool
) -> None:
    model = load_model(teacher, device="cpu")
    with TokenReader(model, layer=1 if of_layer else None) as reader:
        sentences = _read(reader, "document")
    store = _stored(sentences, tmp_path)

    def of(**settings: Any) -> Any:
        plan = PlanSettings(**settings, teacher_layer=1 if of_layer else -1)
        return corpus_statistics(
            plan,
            model,
            Material(sentences=TEXTS, rows=range(len(TEXTS)), sizes=[len(TEXTS)], teacher=store),
            sides=("query",),
            teacher_tokenizer=model.tokenizer,
            translations=TEXTS,
        )

    nothing = of()
    assert nothing.student_idf is nothing.teacher_idf is nothing.transform is nothing.lexicon
    idf = of(marginals="idf")
    cls = model.tokenizer.cls_token_id
    assert torch.equal(idf.student_idf, idf.teacher_idf)
    assert int(idf.teacher_idf.argmin()) in (cls, model.tokenizer.sep_token_id)
    tokens = np.concatenate([one.layer if of_layer else one.vectors for one in sentences])
    units = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    assert np.allclose(of(centring="corpus").transform.mean, units.mean(axis=0), atol=2e-3)
    assert of(centring="corpus").transform.matrix is None
    assert of(centring="whiten").transform.matrix.shape == (tokens.shape[1],) * 2
    assert len(of(lexical_prior=0.1).lexicon) > 0


def test_the_share_of_special_tokens_in_a_plan_is_known() -> None:
    """A sentence onto itself: two of five tokens are special, and go to themselves."""
    generator = np.random.default_rng(1)
    vectors = generator.standard_normal((5, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    special = np.array([True, False, False, False, True])
    one = SentenceTokens(vectors, special=special)
    figures = plan_figures(Transport(plan=PlanSettings(iterations=200)), [one], [one])
    assert figures["special_mass"] == pytest.approx(0.4, abs=1e-3)
    assert figures["special_to_text"] == pytest.approx(0, abs=1e-3)
    turned = one._replace(vectors=np.roll(vectors, 1, axis=0))  # [CLS] onto a word, a word onto it
    crossed = plan_figures(Transport(plan=PlanSettings(iterations=200)), [turned], [one])
    assert crossed["special_mass"] == pytest.approx(0.6, abs=1e-3)
    assert crossed["special_to_text"] == pytest.approx(0.4, abs=1e-3)
    dropped = plan_figures(
        Transport(plan=PlanSettings(special_tokens="drop", iterations=200)), [turned], [one]
    )
    assert dropped["special_mass"] == 0
    assert "special_mass" not in plan_figures(Transport(), [vectors], [vectors])


# The whole way


@pytest.mark.parametrize(
    "settings",
    [
        {"special_tokens": "drop", "marginals": "idf"},
        {"marginals": "norm"},
        {"teacher_layer": 1, "centring": "whiten"},
        {"lexical_prior": 0.3, "centring": "corpus", "side": "document"},
        {"solver": "exact", "special_tokens": "drop", "side": "both"},
        {"tolerance": 0.05, "iterations": 40, "objective": "mse+transport"},
        {"mask_padding": 20, "objective": "transport+0.5*contrastive"},
        {"marginals": "idf", "lora_rank": 2, "teacher_layer": 0},
    ],
    ids=str,
)
def test_a_student_is_distilled_with_every_option(
    settings: dict[str, Any], teacher: Path, tmp_path: Path
) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv")
    result = distill(tiny_config(teacher, bitext, epochs=1, name="student", **settings))
    manifest = result.artefact.manifest
    assert {name: manifest.config[name] for name in settings} == settings
    assert np.isfinite(manifest.results["loss"]).all()
    figures = manifest.results["plan"][-1]
    if settings.get("special_tokens") == "drop":
        assert figures["special_mass"] == 0
    else:
        assert 0 <= figures["special_to_text"] <= figures["special_mass"] <= 1
    again = distill(tiny_config(teacher, bitext, epochs=1, name="student", **settings))
    assert not again.fresh
    aligned = align(AlignConfig(model="student", tgt="a b c", src="c b a"))
    assert aligned.plan.sum() == pytest.approx(1, abs=0.05)
    if "mask_padding" in settings:
        encoder = load_encoder(resolve("student", Store()), side="query")
        assert all(len(one) >= 20 for one in encoder.encode(["a", "b c"]))
        documents = load_encoder(resolve("student", Store()), side="document")
        assert len(documents.encode(["a"])[0]) < 20


def test_a_student_of_another_tokenizer_takes_ids_of_its_own(teacher: Path, tmp_path: Path) -> None:
    base = tiny_families.save_xlm_roberta(tmp_path / "xlmr")
    bitext = save_bitext(tmp_path / "pairs.tsv")
    settings = {"marginals": "idf", "lexical_prior": 0.2, "special_tokens": "drop"}
    result = distill(tiny_config(teacher, bitext, epochs=1, student=str(base), **settings))
    assert np.isfinite(result.artefact.manifest.results["loss"]).all()
    shown = CliRunner().invoke(app, ["models", "show", "en-so"]).stdout
    assert "results.plan.special_mass" in shown and "0.0 0.0" in shown


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"teacher_layer": 3, "student": "xlm-r-base"}, "the layers of 'xlm-r-base' are not"),
        ({"mask_padding": 32, "side": "document"}, "`mask_padding` fills queries"),
        ({"mask_padding": -1}, "`mask_padding` must be from 0 to 1024"),
    ],
)
def test_contradictions_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        changed(DistillConfig(pair=LanguagePair("en", "so")), **settings)
