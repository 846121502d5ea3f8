"""Every family of encoder as a student, every format of ColBERT as a teacher, end to end."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_families
import torch
from tiny_model import tiny_config
from torch import Tensor

from clirot.distillation import DistillResult, distill
from clirot.distillation.attention import sees_what_follows
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.settings import TrainingSettings, TransplantSettings
from clirot.distillation.start import read_whole_queries, with_dimension
from clirot.distillation.training import trainer
from clirot.distillation.training.batches import Material, Task
from clirot.distillation.training.development import Development, pool, split
from clirot.distillation.training.history import History
from clirot.distillation.training.teacher_tokens import teacher_tokens
from clirot.distillation.training.vocabulary import embedding_rates
from clirot.distillation.transplantation import transplant
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder, load_model
from clirot.errors import InputError, UsageError
from clirot.models import Side, resolve
from clirot.records import LanguagePair, ProgressSink, SentencePair, Step, silent
from clirot.store import Store

Build = Callable[[Path], Path]

STUDENTS: dict[str, Build] = {
    "bert, WordPiece": tiny_families.save_bert,
    "XLM-R, SentencePiece Unigram": tiny_families.save_xlm_roberta,
    "RoBERTa, byte BPE": tiny_families.save_roberta,
    "ModernBERT, byte BPE": tiny_families.save_modernbert,
    "Llama, byte BPE, nothing to pad with": tiny_families.save_llama,
    "Qwen2, byte BPE, tied head": tiny_families.save_qwen2,
    "T5 encoder": tiny_families.save_t5,
    "ColBERT of another dimension": lambda path: tiny_families.save_native_colbert(path, dim=4),
}
TEACHERS: dict[str, Build] = {
    "native": tiny_families.save_native_colbert,
    "pylate": tiny_families.save_pylate_colbert,
    "pylate, early": lambda path: tiny_families.save_pylate_colbert(path, typed=False),
    "stanford": tiny_families.save_stanford_colbert,
}
_LETTERS = "अआइईउऊएऐओऔ"
_CONFIG = TransplantSettings(vocabulary=200, same_spelling=3.0, sharpness=2.0)


@pytest.fixture(scope="module", params=list(STUDENTS), ids=lambda name: name.split(",")[0])
def student_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return STUDENTS[request.param](tmp_path_factory.mktemp("student") / "tiny")


@pytest.fixture(scope="module", params=list(TEACHERS))
def teacher_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TEACHERS[request.param](tmp_path_factory.mktemp("teacher") / "tiny")


@pytest.fixture(scope="module")
def colbert_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_families.save_native_colbert(tmp_path_factory.mktemp("colbert") / "tiny")


def _pairs(count: int = 80) -> list[SentencePair]:
    """Sentences in a made-up script, with punctuation; some longer than any model here reads."""
    generator = random.Random(5)
    letters = dict(zip("abcdefghij", _LETTERS, strict=True))
    words = ["".join(generator.choices("abcdefghij", k=generator.randint(2, 5))) for _ in range(40)]
    rows = []
    for number in range(count):
        english = generator.choices(words, k=90 if number % 20 == 0 else generator.randint(1, 7))
        foreign = ["".join(letters[one] for one in word) for word in reversed(english)]
        rows.append(
            SentencePair(f"{' '.join(english)}, {number}.", f"{number}, {' '.join(foreign)}!")
        )
    return rows


@pytest.fixture
def bitext(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    lines = [f"{pair.src}\t{pair.tgt}\tr{place}\n" for place, pair in enumerate(_pairs())]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _distill(
    teacher: Path,
    bitext: Path,
    *,
    store: Store | None = None,
    progress: ProgressSink = silent,
    **changes: Any,
) -> DistillResult:
    settings: dict[str, Any] = {
        "pair": LanguagePair("en", "mr"),
        "epochs": 1,
        "embedding_learning_rate": 1e-3,
        "max_tokens": TrainingSettings.max_tokens,
    }
    if "student" in changes and "lora_rank" in changes:
        settings["embedding_learning_rate"] = TrainingSettings.embedding_learning_rate  # they stay
    config = tiny_config(teacher, bitext, **(settings | changes))
    return distill(config, store=store, progress=progress)


def _saved(result: DistillResult, sentences: list[str]) -> list[np.ndarray[Any, Any]]:
    """What the student's plain checkpoint makes of queries, by sentence-transformers alone."""
    from sentence_transformers import MultiVectorEncoder

    model = MultiVectorEncoder(str(result.artefact.path), device="cpu")
    return [one.numpy() for one in model.encode_query(sentences, batch_size=2)]


def test_a_student_of_any_family_is_trained_saved_and_loads_as_it_was(
    student_path: Path, colbert_path: Path, bitext: Path
) -> None:
    result = _distill(colbert_path, bitext, student=str(student_path), name="student")
    figures = result.artefact.manifest.results
    assert np.isfinite(figures["loss"]).all() and len(result.development) == 2
    ref = resolve("student", Store())
    encoder = load_encoder(ref, side="query")
    assert encoder.dim == load_encoder(ref, side="document").dim == 8
    sentences = [pair.tgt for pair in _pairs(5)] + ["a"]
    expected = encoder.encode(sentences)
    for saved, loaded in zip(_saved(result, sentences), expected, strict=True):
        assert saved.shape == loaded.shape and len(loaded) >= 1
        assert np.allclose(saved, loaded, atol=1e-5)
        assert np.allclose(np.linalg.norm(saved, axis=1), 1, atol=1e-5)


def test_what_a_text_is_batched_with_does_not_change_its_vectors(student_path: Path) -> None:
    model = load_model(student_path, device="cpu")
    sentences = [pair.tgt for pair in _pairs(4)]
    together = model.encode_query(sentences)
    for sentence, vectors in zip(sentences, together, strict=True):
        assert torch.allclose(model.encode_query([sentence])[0], vectors, atol=1e-5)


def test_training_has_no_dropout_whatever_the_family_calls_it(student_path: Path) -> None:
    model = load_model(student_path, device="cpu")
    features = model.preprocess(["ab cd ef", "a"], task="query")

    def vectors() -> Tensor:
        return model.train()(dict(features), task="query")["token_embeddings"]

    assert not torch.equal(vectors(), vectors())  # the test itself: there is dropout to remove
    trainer._deterministic_body(model)
    assert torch.equal(vectors(), vectors())


def test_the_input_embeddings_are_found_by_name(student_path: Path) -> None:
    import re

    model = load_model(student_path, device="cpu")
    (pattern,) = embedding_rates(model, TrainingSettings())
    found = [one for name, one in model.named_parameters() if re.search(pattern, name)]
    assert len(found) == 1 and found[0].shape[0] >= len(model.tokenizer)
    found[0].requires_grad = False
    assert embedding_rates(model, TrainingSettings()) == {}


class _Seen:
    """An objective that keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[TokenBatch] = []

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side) -> Tensor:
        self.batches.append(TokenBatch(student.vectors.detach(), student.mask))
        return (student.vectors * student.mask[:, :, None]).sum() * 0


def _start(teacher: Path) -> Any:
    model = load_model(teacher, device="cpu")
    transplant(model, [_pairs()], _CONFIG)
    read_whole_queries(model)
    return model


def _colbert_as_base(base: Path) -> Any:
    model = with_dimension(load_model(base, device="cpu"), 6)
    read_whole_queries(model)
    return model


@pytest.mark.parametrize("sides", [("query",), ("document",), ("query", "document")], ids=str)
@pytest.mark.parametrize("start", [_start, _colbert_as_base, load_model], ids=lambda f: f.__name__)
def test_in_training_a_sentence_is_read_as_it_is_at_retrieval(
    start: Callable[[Path], Any],
    sides: tuple[Side, ...],
    teacher_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trainer, "bfloat16_pays", lambda device: False)
    monkeypatch.setattr(trainer, "best_device", lambda: "cpu")
    model = start(teacher_path).to("cpu")
    pairs = _pairs(60)
    if len(sides) > 1:  # the trainer knows one limit only, so the lower one holds for both sides
        pairs = [pair for pair in _pairs(200) if len(model.tokenizer.tokenize(pair.tgt)) < 8]
    parts = split(pairs, development=5)
    documents = MultiVectorTokenEncoder(model, side="document", name="t", digest="0")
    vectors = dict(zip(pool(parts), documents.encode(pool(parts)), strict=True))
    sentences = [pair.tgt for pair in parts.train]
    inputs: list[tuple[list[int], list[int]]] = []

    def keep(module: Any, arguments: Any) -> None:
        if module.training:
            batch = (arguments[0][name].int().tolist() for name in ("input_ids", "attention_mask"))
            inputs.extend(zip(*batch, strict=True))

    handle = model[0].register_forward_pre_hook(keep)
    seen = _Seen()
    task = Task(
        settings=TrainingSettings(
            epochs=1,
            batch_size=8,
            learning_rate=1e-30,  # nothing is learnt
            embedding_learning_rate=1e-30,
            warmup=0.0,
            max_tokens=256,
            seed=1,
        ),
        objective=seen,
        temperature=1.0,
        material=Material(
            sentences=sentences,
            rows=range(len(sentences)),
            sizes=[len(sentences)],
            teacher=teacher_tokens(
                documents, [pair.src for pair in parts.train], cache=tmp_path / "cache"
            ),
        ),
        scratch=tmp_path,
        sides=sides,
    )
    trainer.train(model, task, {"so": Development.of(parts, vectors)})
    handle.remove()

    trained = [
        one[mask].numpy()
        for batch in seen.batches
        for one, mask in zip(batch.vectors, batch.mask, strict=True)
    ]
    assert len(trained) == len(inputs) == len(sides) * len(sentences)
    encoded, expected = [], []
    for side in sides:
        encode = model.encode_query if side == "query" else model.encode_document
        encoded += [one.numpy() for one in encode(sentences)]
        prompt = model.prompts[side]
        assert prompt.strip()  # every ColBERT here has one
        raw = [model.preprocess([one], prompt=prompt, task=side) for one in sentences]
        expected += [
            _without_padding(one["input_ids"][0].tolist(), one["attention_mask"][0].tolist())
            for one in raw
        ]
    assert sorted(_without_padding(*one) for one in inputs) == sorted(expected)
    for vectors_ in trained:
        nearest = min(
            (one for one in encoded if len(one) == len(vectors_)),
            key=lambda one: np.abs(one - vectors_).max(),
        )
        assert np.allclose(nearest, vectors_, atol=1e-5)


def _without_padding(ids: list[int], mask: list[int]) -> list[int]:
    """Ids and mask in one list; what a longer neighbour in the batch added is cut off."""
    # 12: the expansion's length in every ColBERT here; it is made of [MASK], padding of id 0.
    while ids and not mask[-1] and (len(ids) > 12 or ids[-1] == 0):
        ids, mask = ids[:-1], mask[:-1]
    return [*ids, -1, *mask]


def test_a_transplant_keeps_the_markers_the_mask_and_the_projection(teacher_path: Path) -> None:
    teacher, student = load_model(teacher_path, device="cpu"), _start(teacher_path)
    theirs, ours = teacher.tokenizer, student.tokenizer
    added = theirs.added_tokens_decoder
    for place, token in added.items():
        kept = ours.added_tokens_decoder[place]
        assert (kept.content, kept.special) == (token.content, token.special)
    assert all(ours.get_vocab()[piece] == place for piece, place in theirs.get_vocab().items())
    assert len(ours) == student[0].auto_model.get_input_embeddings().weight.shape[0] > len(theirs)
    assert student.prompts == teacher.prompts
    masks = [
        [one for one in model if hasattr(one, "skiplist_words")] for model in (teacher, student)
    ]
    assert masks[0][0]._skiplist_ids.tolist() == masks[1][0]._skiplist_ids.tolist()
    # English is read as the teacher reads it, and what the target language has not in common with
    # it has the teacher's vectors.
    text = "xyz, xyz"
    for task in ("query", "document"):
        ids = [
            model.preprocess([text], prompt=model.prompts[task], task=task)["input_ids"][0].tolist()
            for model in (teacher, student)
        ]
        assert ids[0] == ids[1]
        assert ids[0][1] in added or "unused" in theirs.convert_ids_to_tokens(ids[0][1])
    vectors = [model.encode_query(["xyz xyz"])[0] for model in (teacher, student)]
    assert vectors[0].shape == vectors[1].shape == (12, 8)
    assert torch.allclose(*vectors, atol=1e-5)


def test_a_colbert_student_saved_is_the_student_in_memory(
    teacher_path: Path, tmp_path: Path
) -> None:
    from sentence_transformers import MultiVectorEncoder

    student = _start(teacher_path)
    student.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    loaded = MultiVectorEncoder(str(tmp_path / "saved"), device="cpu")
    assert loaded.prompts == student.prompts
    assert loaded[0].query_expansion == student[0].query_expansion
    for text in ("अआ, इई!", "ab", " ".join(["अआइ"] * 30)):
        for task in ("query", "document"):
            one, other = (
                getattr(model, f"encode_{task}")([text])[0] for model in (student, loaded)
            )
            assert one.shape == other.shape and torch.allclose(one, other, atol=1e-6)


def test_punctuation_is_not_scored_and_a_long_query_is_not_cut(teacher_path: Path) -> None:
    teacher, student = load_model(teacher_path, device="cpu"), _start(teacher_path)
    documents = teacher.encode_document(["ab cd", "ab, cd!"])
    assert len(documents[0]) == len(documents[1])
    assert len(teacher.encode_query(["ab"])[0]) == len(student.encode_query(["ab"])[0]) == 12
    long = " ".join(["xyz"] * 8)
    assert len(teacher.encode_query([long])[0]) == 12
    assert len(student.encode_query([long])[0]) == 8 * 3 + 3


def test_a_student_of_each_kind_of_colbert_is_distilled(teacher_path: Path, bitext: Path) -> None:
    result = _distill(teacher_path, bitext, name="colbert")
    ref = resolve("colbert", Store())
    sentences = [pair.tgt for pair in _pairs(5)]
    expected = load_encoder(ref, side="query").encode(sentences)
    for saved, loaded in zip(_saved(result, sentences), expected, strict=True):
        assert len(loaded) >= 12 and np.allclose(saved, loaded, atol=1e-5)
    # Documents are encoded by the teacher: its marker, its list of what is not scored.
    native = load_model(teacher_path, device="cpu").encode_document(["ab, cd"])[0].numpy()
    found = load_encoder(ref, side="document").encode(["ab, cd"])[0]
    assert np.allclose(found, native, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_in_half_precision_are_widened(tmp_path: Path, dtype: str) -> None:
    path = tiny_families.save_llama(tmp_path / "half", dtype=dtype)
    model = with_dimension(load_model(path, device="cpu"), 4)
    assert {one.dtype for one in model.parameters()} == {torch.float32}
    assert model.encode_query(["abc"])[0].dtype == torch.float32


def test_a_decoder_is_padded_without_a_new_token_and_reads_no_chat_template(tmp_path: Path) -> None:
    model = load_model(tiny_families.save_llama(tmp_path / "llama"), device="cpu")
    assert model.tokenizer.pad_token == "<|end|>"
    assert model[0].auto_model.get_input_embeddings().weight.shape[0] == len(model.tokenizer)
    ids = model.preprocess(["abc"], task="query")["input_ids"][0]
    assert model.tokenizer.decode(ids) == "abc"


@pytest.mark.parametrize(
    "save", [tiny_families.save_llama, tiny_families.save_qwen2, tiny_families.save_gemma]
)
def test_a_decoder_without_its_causal_mask(
    save: Callable[[Path], Path], bitext: Path, tmp_path: Path
) -> None:
    """Its tokens see what follows, in training and wherever it is loaded."""
    from sentence_transformers import MultiVectorEncoder

    base = save(tmp_path / "base")
    assert not sees_what_follows(load_model(base, device="cpu"))
    for mask in ("keep", "drop"):
        result = _distill(base, bitext, student="teacher", causal_mask=mask, name=mask, lora_rank=2)
        student = MultiVectorEncoder(str(result.artefact.path), device="cpu")
        assert sees_what_follows(student) is (mask == "drop")
        # Alone and beside a longer text, which pads it.
        alone, first = student.encode_query(["ab"])[0], student.encode_query(["ab", "ab cd ef"])[0]
        assert torch.allclose(alone, first, atol=1e-5)


def test_an_encoder_has_no_causal_mask_to_drop(bitext: Path, tmp_path: Path) -> None:
    base = tiny_families.save_xlm_roberta(tmp_path / "base")
    with pytest.raises(UsageError, match="reads in both directions already"):
        _distill(base, bitext, student="teacher", causal_mask="drop")


def test_an_encoder_with_its_decoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="BartModel is an encoder with a decoder") as caught:
        load_model(tiny_families.save_bart(tmp_path / "bart"))
    assert "ModernBERT" in (caught.value.hint or "")


def test_a_model_without_a_transformer_is_refused(tmp_path: Path) -> None:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    words = StaticEmbedding(Tokenizer(WordLevel({"a": 0}, unk_token="a")), embedding_dim=4)
    MultiVectorEncoder(modules=[words], device="cpu").save_pretrained(
        str(tmp_path / "static"), create_model_card=False
    )
    with pytest.raises(InputError, match="not a transformer that reads text"):
        load_model(tmp_path / "static")


def test_a_tokenizer_without_any_special_token_is_refused(tmp_path: Path) -> None:
    path = tiny_families.save_llama(tmp_path / "llama", special=False)
    with pytest.raises(InputError, match="no token to pad with"):
        load_model(path)


@pytest.mark.parametrize("build", [tiny_families.save_modernbert, tiny_families.save_xlm_roberta])
def test_a_transplant_into_another_tokenizer_is_refused_with_a_way_out(
    build: Build, tmp_path: Path, bitext: Path
) -> None:
    with pytest.raises(UsageError, match="WordPiece") as caught:
        _distill(build(tmp_path / "teacher"), bitext, student="transplant")
    assert "`student=xlm-r-base`" in (caught.value.hint or "")
    assert not Store().names("models")


@pytest.mark.parametrize("build", [tiny_families.save_llama, tiny_families.save_modernbert])
def test_adapters_are_trained_in_place_of_the_weights_and_merged_into_them(
    build: Build,
    colbert_path: Path,
    tmp_path: Path,
    bitext: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("peft")
    # However small a task chooses, there is something to merge.
    monkeypatch.setattr(History, "best_epoch", property(lambda self: len(self.development) - 1))
    base = build(tmp_path / "base")
    settings: dict[str, Any] = {"student": str(base), "lora_rank": 2, "learning_rate": 1e-2}
    settings |= {"objective": "transport", "reg": 0.02, "start_share": 0.0, "add_subwords": "never"}
    result = _distill(colbert_path, bitext, name="adapted", epochs=2, **settings)
    elsewhere = Store(tmp_path / "elsewhere")
    again = _distill(colbert_path, bitext, name="adapted", epochs=2, store=elsewhere, **settings)
    assert again.artefact.digest == result.artefact.digest
    assert result.best_epoch == 2
    sentences = [pair.tgt for pair in _pairs(5)]
    expected = load_encoder(resolve("adapted", Store()), side="query").encode(sentences)
    for saved, loaded in zip(_saved(result, sentences), expected, strict=True):
        assert np.allclose(saved, loaded, atol=1e-5)
    assert not list(result.artefact.path.rglob("adapter*"))
    before, after = (load_model(path, device="cpu") for path in (base, result.artefact.path))
    weights, trained = before[0].auto_model.state_dict(), after[0].auto_model.state_dict()
    assert weights.keys() == trained.keys()
    embeddings = before[0].auto_model.get_input_embeddings().weight
    for name, weight in weights.items():
        change = trained[name] - weight
        if weight.dim() == 2 and weight.shape != embeddings.shape:
            assert 0 < torch.linalg.matrix_rank(change, rtol=1e-3) <= 2, name
        else:
            assert not change.any(), name


def test_with_adapters_an_interrupted_run_ends_as_an_undisturbed_one(
    colbert_path: Path, tmp_path: Path, bitext: Path
) -> None:
    pytest.importorskip("peft")
    settings: dict[str, Any] = {"lora_rank": 2, "epochs": 2, "name": "adapted"}
    calm = _distill(colbert_path, bitext, store=Store(tmp_path / "calm"), **settings)

    def interrupt(step: Step) -> None:
        if step.label == "distill" and step.done > 0.7 * (step.total or 0):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _distill(colbert_path, bitext, progress=interrupt, **settings)
    steps: list[Step] = []
    resumed = _distill(colbert_path, bitext, progress=steps.append, **settings)
    first = next(step for step in steps if step.label == "distill")
    assert first.done > 0.5 * (first.total or 0)  # it went on after its first epoch
    assert resumed.artefact.digest == calm.artefact.digest


def test_without_peft_the_extra_is_named(
    colbert_path: Path, bitext: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="peft") as caught:
        _distill(colbert_path, bitext, lora_rank=4)
    assert "pip install 'clirot[lora]'" in (caught.value.hint or "")
    assert not Store().names("models")


def test_a_rank_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="`lora_rank` must be from 0 to 1024, got -1"):
        TrainingSettings(lora_rank=-1)
