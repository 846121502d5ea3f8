"""The parts of training: the split, the development task, batches, the teacher's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from clirot.distillation.objectives.objective import objective_of
from clirot.distillation.objectives.transport import Transport
from clirot.distillation.settings import ObjectiveSettings, PlanSettings
from clirot.distillation.training.development import Development, pool, split
from clirot.distillation.training.history import History
from clirot.distillation.training.plan_figures import plan_figures, plan_of
from clirot.distillation.training.sampling import LengthBucketedSampler, sampler_factory
from clirot.distillation.training.teacher_tokens import teacher_tokens
from clirot.distillation.training.trainer import bfloat16_pays
from clirot.encoding.encoders import TokenVectors
from clirot.errors import DamagedDraftWarning, InputError
from clirot.records import ProgressSink, SentencePair, silent


class _Letters:
    """An encoder by letters: one unit vector a character, so that MaxSim can be worked out."""

    name, digest, dim = "letters", "0" * 64, 26

    def __init__(self) -> None:
        self.encoded = 0

    def encode(
        self, texts: Sequence[str], *, progress: ProgressSink = silent, label: str = "encode"
    ) -> list[TokenVectors]:
        self.encoded += len(texts)
        eye = np.eye(26, dtype=np.float32)
        return [eye[[ord(c) - 97 for c in text if c.isalpha()] or [25]] for text in texts]


def _pairs(count: int, per_sentence: int = 1) -> list[SentencePair]:
    return [SentencePair(f"s{i // per_sentence}", f"t{i}") for i in range(count)]


def test_no_english_sentence_is_on_both_sides_of_the_split() -> None:
    parts = split(_pairs(600, per_sentence=3), development=50)
    held, trained = {p.src for p in parts.development}, {p.src for p in parts.train}
    assert not held & trained
    assert len(parts.train) + len(parts.development) == 600 and not parts.aside
    assert 50 <= len(parts.development) <= 52  # all translations of a held sentence go with it


def test_a_held_out_translation_is_not_trained_on_beside_other_english() -> None:
    pairs = _pairs(500)
    held = split(pairs, development=40).development
    twice = [SentencePair(f"again {n}", pair.tgt) for n, pair in enumerate(held[:5])]
    more = split([*pairs, *twice], development=40)
    told = {pair.tgt for pair in more.development}
    assert len(more.aside) >= 4 and {pair.tgt for pair in more.aside} <= told
    assert not {pair.tgt for pair in more.train} & told
    assert len(more.train) + len(more.development) + len(more.aside) == 505
    assert {pair.src for pair in more.aside} <= set(pool(more))


def test_the_split_stays_when_bitext_is_added_and_when_it_is_shuffled() -> None:
    small = _pairs(500)
    held = {p.src for p in split(small, development=40).development}
    assert {p.src for p in split(small[::-1], development=40).development} == held
    more = {p.src for p in split([*small, SentencePair("new", "neu")], development=40).development}
    assert len(held & more) >= 39


@pytest.mark.parametrize("pairs", [_pairs(39), [SentencePair("same", f"t{i}") for i in range(90)]])
def test_bitext_that_cannot_be_split_is_an_error(pairs: list[SentencePair]) -> None:
    with pytest.raises(InputError, match="too little bitext"):
        split(pairs, development=10)


def _made_up(count: int) -> list[SentencePair]:
    generator = np.random.default_rng(1)

    def word() -> str:
        return "".join(generator.choice(list("abcdefghijklm"), 8))

    return [SentencePair(word(), word()) for _ in range(count)]


def _brute_force(
    encoder: _Letters, topics: list[str], documents: list[str], relevant: list[str]
) -> float:
    vectors = dict(zip(documents, encoder.encode(documents), strict=True))
    reciprocal = []
    for topic, wanted in zip(topics, relevant, strict=True):
        query = encoder.encode([topic])[0]
        scores = {doc: (query @ vectors[doc].T).max(axis=1).sum() for doc in documents}
        reciprocal.append(1 / sum(score >= scores[wanted] for score in scores.values()))
    return float(np.mean(reciprocal))


def test_development_map_of_a_query_student_is_that_of_brute_force() -> None:
    parts = split(_made_up(120), development=12)
    encoder = _Letters()
    english = pool(parts)
    task = Development.of(parts, dict(zip(english, encoder.encode(english), strict=True)))
    held = parts.development
    wanted = _brute_force(encoder, [p.tgt for p in held], english, [p.src for p in held])
    student = task.student_tokens(encoder)
    assert task.mean_average_precision(student) == pytest.approx(wanted)
    for (own, other), pair in zip(zip(*task.pairs(student), strict=True), held, strict=True):
        assert np.array_equal(own, encoder.encode([pair.tgt])[0])
        assert np.array_equal(other, encoder.encode([pair.src])[0])


def test_development_map_of_a_document_student_is_that_of_brute_force() -> None:
    pairs = _made_up(120)
    pairs.append(SentencePair(pairs[0].src, "anothertranslation"))
    parts = split(pairs, development=12)
    encoder = _Letters()
    english = dict.fromkeys(pair.src for pair in pairs)
    vectors = dict(zip(english, encoder.encode(list(english)), strict=True))
    task = Development.of(parts, vectors, queries=vectors)
    target = {pair.src: pair.tgt for pair in reversed(pairs)}  # the first translation of each
    topics = list(dict.fromkeys(pair.src for pair in parts.development))
    documents = [target[sentence] for sentence in pool(parts)]
    wanted = _brute_force(encoder, topics, documents, [target[topic] for topic in topics])
    student = task.student_tokens(encoder)
    assert task.mean_average_precision(student) == pytest.approx(wanted)
    for (own, other), topic in zip(zip(*task.pairs(student), strict=True), topics, strict=True):
        assert np.array_equal(own, encoder.encode([target[topic]])[0])
        assert np.array_equal(other, vectors[topic])


@pytest.mark.parametrize("side", ["query", "document"])
def test_the_cross_entropy_of_the_held_out_sentences_is_that_of_brute_force(side: str) -> None:
    parts = split(_made_up(120), development=12)
    encoder = _Letters()
    english = dict.fromkeys(pair.src for pair in _made_up(120))
    vectors = dict(zip(english, encoder.encode(list(english)), strict=True))
    task = Development.of(parts, vectors, queries=vectors if side == "document" else None)
    target = {pair.src: pair.tgt for pair in _made_up(120)}
    documents = [one if side == "query" else target[one] for one in pool(parts)]
    wanted = []
    for pair in parts.development:
        query = encoder.encode([pair.tgt if side == "query" else pair.src])[0]
        found = [(query @ one.T).max(axis=1).mean() / 0.05 for one in encoder.encode(documents)]
        own = found[documents.index(pair.src if side == "query" else pair.tgt)]
        wanted.append(np.log(np.exp(found).sum()) - own)
    _, entropy = task.retrieval(task.student_tokens(encoder), 0.05)
    assert entropy == pytest.approx(np.mean(wanted))


@pytest.mark.parametrize(
    ("maps", "entropies", "kept"),
    [
        ([0.4, 0.9, 0.8], [3, 2, 1], 1),  # MAP decides
        ([1.0, 1.0, 1.0], [0.3, 0.1, 0.2], 1),  # nothing that MAP can tell apart
        ([1.0, 0.995, 0.98], [0.3, 0.2, 0.1], 1),  # one sentence of a hundred, and four
        ([0.5, 0.5], [0.3, 0.3], 0),  # the earliest of equals
    ],
)
def test_epochs_that_differ_by_less_than_a_sentence_are_told_apart_by_cross_entropy(
    maps: list[float], entropies: list[float], kept: int
) -> None:
    history = History(development=maps, entropy=entropies, resolution=0.5 / 100)
    assert history.best_epoch == kept


def test_an_epoch_sees_every_row_once_in_batches_of_like_length() -> None:
    lengths = np.random.default_rng(2).integers(1, 60, 1003).tolist()
    sampler = sampler_factory(lengths)(None, batch_size=16, seed=3, generator=None)
    batches = list(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(1003))
    assert len(batches) == len(sampler)
    spread = np.mean([np.ptp([lengths[row] for row in batch]) for batch in batches])
    assert spread < 5 < np.mean([np.ptp(lengths[i : i + 16]) for i in range(0, 1003, 16)])


def test_the_order_of_an_epoch_follows_from_seed_and_number() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = LengthBucketedSampler(range(50), batch_size=8, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3) and order(1, 2) != order(2, 2)


def test_the_teachers_tokens_are_encoded_once_and_padded_with_nothing(tmp_path: Path) -> None:
    encoder = _Letters()
    sentences = ["abc", "a", "hello"]
    first = teacher_tokens(encoder, sentences, cache=tmp_path)
    again = teacher_tokens(encoder, sentences, cache=tmp_path)
    assert encoder.encoded == 3
    batch = again.batch([2, 1], torch.device("cpu"))
    assert batch.vectors.shape == (2, 5, 26)
    assert batch.mask.tolist() == [[True] * 5, [True] + [False] * 4]
    assert torch.equal(batch.vectors[0], torch.from_numpy(encoder.encode(["hello"])[0]))
    assert float(batch.vectors[1, 1:].abs().sum()) == 0.0
    assert len(first) == 3
    other = teacher_tokens(encoder, [*sentences, "x"], cache=tmp_path)
    assert len(other) == 4


@pytest.mark.parametrize("name", ["vectors.npy", "offsets.npy", "cut.json"])
@pytest.mark.parametrize("how", ["flip", "cut", "gone"])
def test_damaged_tokens_of_the_teacher_are_encoded_anew(
    tmp_path: Path, name: str, how: str
) -> None:
    encoder, sentences = _Letters(), ["abc", "a", "hello"]
    directory = teacher_tokens(encoder, sentences, cache=tmp_path).directory
    path = directory / name
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        changed = bytes([content[-2] ^ 1]) + content[-1:] if how == "flip" else b""
        path.write_bytes(content[:-2] + changed)
    with pytest.warns(DamagedDraftWarning, match="stored vectors of the teacher.* are damaged"):
        again = teacher_tokens(encoder, sentences, cache=tmp_path)
    assert encoder.encoded == 6 and path.read_bytes() == content
    assert np.array_equal(again[2], encoder.encode(["hello"])[0])


def test_tokens_that_an_earlier_clirot_stored_are_encoded_anew(tmp_path: Path) -> None:
    encoder = _Letters()
    directory = teacher_tokens(encoder, ["abc"], cache=tmp_path).directory
    (mark,) = {one for one in directory.iterdir() if one.suffix not in (".npy", ".json")}
    mark.unlink()
    teacher_tokens(encoder, ["abc"], cache=tmp_path)
    assert encoder.encoded == 2 and mark.is_file()


def test_an_interrupted_encoding_leaves_no_tokens_behind(tmp_path: Path) -> None:
    class Dies(_Letters):
        def encode(self, texts: Sequence[str], **_: object) -> list[TokenVectors]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teacher_tokens(Dies(), ["abc"], cache=tmp_path)
    assert len(teacher_tokens(_Letters(), ["abc"], cache=tmp_path)) == 1


def test_bfloat16_follows_what_the_processor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert bfloat16_pays("cpu")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert not bfloat16_pays("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not bfloat16_pays("cuda")


def _unit(rows: int, dim: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_figures_of_a_plan_are_those_of_known_plans() -> None:
    own = [_unit(rows, 64, rows) for rows in (5, 2, 9)]
    itself = plan_figures(Transport(), own, own)
    assert itself["transport_cost"] == pytest.approx(0, abs=1e-3)
    assert itself["plan_entropy"] == pytest.approx(0, abs=1e-2)
    assert itself["marginal_error"] == pytest.approx(0, abs=1e-2)
    # Tokens that are all alike are shared out evenly: the entropy of a row is log m.
    alike = [np.repeat(_unit(1, 64, 1), rows, axis=0) for rows in (3, 7)]
    other = [np.repeat(_unit(1, 64, 2), rows, axis=0) for rows in (4, 4)]
    even = plan_figures(Transport(), alike, other)
    assert even["plan_entropy"] == pytest.approx(np.log(4), abs=1e-4)
    loose = plan_figures(
        Transport(plan=PlanSettings(reg=0.05, unbalanced=0.1)), alike, other
    )  # carries a part
    assert loose["marginal_error"] > 0.5
    assert loose["plan_entropy"] == pytest.approx(np.log(4), abs=1e-4)
    assert even["transport_cost"] == pytest.approx(1 - float(alike[0][0] @ other[0][0]), abs=1e-4)


def test_too_few_iterations_show_in_the_marginal_error() -> None:
    students = [_unit(12, 16, seed) for seed in range(40)]
    teachers = [_unit(9, 16, 100 + seed) for seed in range(40)]
    few, many = (
        plan_figures(Transport(plan=PlanSettings(iterations=count)), students, teachers)[
            "marginal_error"
        ]
        for count in (3, 500)
    )
    assert few > 10 * many


def test_the_plan_that_is_watched_is_the_one_that_is_trained_on() -> None:
    plan = PlanSettings(reg=0.07)
    settings = ObjectiveSettings(plan=plan)
    assert plan_of(objective_of("mse+0.1*transport", settings)) == Transport(plan=plan)
    assert plan_of(objective_of("mse", settings)) == Transport()
