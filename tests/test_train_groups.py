"""What is trained on: judged topics in parts, mined negatives, groups, batches, losses.

Everything is held to what can be worked out by hand or by brute force.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from judged_collections import judged_config, save_judged, write_lines
from tiny_model import save_tiny_model

from clirot.collection import open_collection
from clirot.distillation.training.reading import prompt_of
from clirot.encoding.encoders import load_encoder, load_model
from clirot.errors import ClirotError, InputError, ReadingNotice
from clirot.models import resolve
from clirot.processes import ALONE
from clirot.records import Topic, silent
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.settings import assembled, leaves
from clirot.store import Store
from clirot.supervision import TrainConfig, train
from clirot.supervision.configuration import GroupSettings, JudgedTrainingSettings, TopicChoice
from clirot.supervision.development import JudgedDevelopment, searched
from clirot.supervision.groups import Candidates, groups_of
from clirot.supervision.judgements import Judged, judged_topics, split_topics
from clirot.supervision.losses import LOSSES
from clirot.supervision.preparation import Ready, prepared, requested
from clirot.supervision.sampling import GroupSampler
from clirot.supervision.teacher_scores import teacher_scores


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("base") / "tiny", seed=4)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_judged(tmp_path_factory.mktemp("judged") / "set")


def _ready(config: TrainConfig, tmp_path: Path) -> Ready:
    return prepared(requested(config, Store(), silent), tmp_path)


def _made_up(topics: int, relevant: Callable[[int], list[str]]) -> Judged:
    names = [f"q{number}" for number in range(topics)]
    qrels = {one: dict.fromkeys(relevant(number), 1) for number, one in enumerate(names)}
    return Judged("set", {one: f"text {one}" for one in names}, qrels, 1)


def test_the_split_follows_from_the_texts_and_its_own_seed() -> None:
    judged = _made_up(100, lambda n: [f"d{n}"])
    first = split_topics(judged, TopicChoice(development=15))
    assert len(first.development) == 15 and len(first.train) == 85 and not first.left_out
    assert sorted([*first.train, *first.development]) == sorted(judged.texts)
    turned = Judged("set", dict(reversed(judged.texts.items())), judged.qrels, 1)
    assert set(split_topics(turned, TopicChoice(development=15)).development) == set(
        first.development
    )
    other = split_topics(judged, TopicChoice(development=15, split_seed=1))
    assert set(other.development) != set(first.development)
    assert len(split_topics(judged, TopicChoice()).development) == 20  # a fifth at most


def test_each_topic_is_left_out_in_one_fold_and_never_held_out_there() -> None:
    judged = _made_up(53, lambda n: [f"d{n}"])
    parts = [split_topics(judged, TopicChoice(folds=5, fold=fold)) for fold in range(1, 6)]
    assert sorted(one for part in parts for one in part.left_out) == sorted(judged.texts)
    for part in parts:
        assert {*part.train}.isdisjoint(part.development)
        assert sorted([*part.train, *part.development, *part.left_out]) == sorted(judged.texts)


def test_held_apart_by_documents_nothing_relevant_is_shared() -> None:
    judged = _made_up(60, lambda n: [f"d{n // 3}", f"e{n}"])
    shared = split_topics(judged, TopicChoice(development=10))
    trained = {one for topic in shared.train for one in judged.relevant(topic)}
    sharing = [one for one in shared.development if trained & set(judged.relevant(one))]
    assert shared.sharing == len(sharing) > 0
    apart = split_topics(judged, TopicChoice(development=10, apart="documents"))
    assert apart.sharing == 0 and len(apart.development) == 12  # whole groups of three
    trained = {one for topic in apart.train for one in judged.relevant(topic)}
    assert all(trained.isdisjoint(judged.relevant(one)) for one in apart.development)


def test_no_negative_was_judged_relevant_and_none_is_drawn_twice(
    base: Path, judged: Path, tmp_path: Path
) -> None:
    ready = _ready(judged_config(base, judged, positives=1, group_negatives=5), tmp_path)
    qrels = open_collection(str(judged)).qrels()
    groups = ready.lesson.groups
    assert ready.counts["groups"] == len(groups) == 48
    assert ready.counts["relevant_not_trained_on"] == 48  # the second one, of a lower grade
    for group in groups:
        positive, *negatives = group.documents
        assert qrels[group.topic][positive] == 2 and len(set(negatives)) == 5
        assert all(qrels[group.topic].get(one, 0) <= 0 for one in negatives)
    held = ready.development
    assert {one.topic for one in groups}.isdisjoint(held.topics)


def test_bm25_searches_with_the_topics_in_the_language_of_the_documents(
    base: Path, judged: Path, tmp_path: Path
) -> None:
    store = Store()
    config = judged_config(base, judged, positives=1, depth=6, first_rank=2, group_negatives=2)
    ready = _ready(config, tmp_path)
    (name,) = store.names("indexes")
    english = search(SearchConfig(index=name, collection=str(judged), lang="en", k=6))
    found = {one.topic.id: [hit.docno for hit in one.hits] for one in english.rankings()}
    for group in ready.lesson.groups:
        own = [
            one for one in found[group.topic][1:] if one not in ready.lesson.relevant[group.topic]
        ]
        if len(own) >= 2:
            assert set(group.documents[1:]) <= set(own)
    # An index of these words that is there, under that name with other settings, is taken.
    build_index(IndexConfig(model="bm25", collection=str(judged), replace=True, bm25=_bm25(k1=2.0)))
    again = requested(config, store, silent)
    assert again.inputs[-1].digest == store.get("indexes", name).digest


def test_topics_and_documents_are_those_that_were_asked_for(base: Path, tmp_path: Path) -> None:
    """Documents in two languages, a variant of the topics, BM25 with the topics of a third."""
    place = save_judged(tmp_path / "set")
    for name, changed in (
        ("docs.sw.tsv", "docs.en.tsv"),
        ("queries.so.typed.tsv", "queries.so.tsv"),
    ):
        rows = (place / changed).read_text(encoding="utf-8").splitlines()
        write_lines(place / name, [f"{row} zz" for row in rows])
    english = judged_config(base, place, docs_lang="en", topics_variant="typed")
    swahili = judged_config(base, place, docs_lang="sw", negatives_lang="en")
    groups = []
    for number, config in enumerate((english, swahili)):
        (scratch := tmp_path / str(number)).mkdir()
        groups.append(_ready(config, scratch).lesson)
    assert all(text.endswith(" zz") for text in groups[0].topics_read.values())
    assert not any(text.endswith(" zz") for text in groups[0].documents_read.values())
    assert not any(text.endswith(" zz") for text in groups[1].topics_read.values())
    assert all(text.endswith(" zz") for text in groups[1].documents_read.values())
    # An index of other documents that has the name stays as it is.
    names = Store().names("indexes")
    assert len(names) == 2 and names[1].startswith(f"{names[0]}.")
    # Of English topics BM25 finds what has their words, of Somali ones what is empty too.
    for config in (swahili, english):
        searched_with = requested(config, Store(), silent).source.wording
        assert searched_with is not None and searched_with.language == "en"


_SEEN = {
    "test_train.py": {
        *(
            "model",
            "collection",
            "name",
            "loss",
            "teacher",
            "replace",
            "report_to",
            "folds",
            "fold",
        ),
        *("every", "max_topics", "development", "development_documents", "measure", "seed"),
        *("epochs", "batch_size", "accumulate", "checkpointing", "learning_rate", "warmup"),
        *("embedding_learning_rate", "start_share", "max_tokens", "lora_rank", "mini_batch"),
        "temperature",
    },
    "here": {
        *("lang", "docs_lang", "topics_variant", "negatives", "negatives_lang", "relevant_from"),
        "teacher_lang",
        *("split_seed", "apart", "positives", "group_negatives", "depth", "first_rank", "margin"),
    },
}
"""Where each setting is seen to arrive."""


def test_no_setting_is_forgotten() -> None:
    assert {one.name for one in leaves(TrainConfig)} == set().union(*_SEEN.values())


def _bm25(**settings: float) -> Any:
    from clirot.retrieval.settings import Bm25Settings

    return Bm25Settings(**settings)


def test_a_run_is_mined_from_its_file_and_from_the_store(
    base: Path, judged: Path, tmp_path: Path
) -> None:
    build_index(IndexConfig(model="bm25", collection=str(judged), name="words"))
    found = search(SearchConfig(index="words", collection=str(judged), lang="en", k=20))
    kept = found.save("kept")
    lines = "".join(found.lines())
    (tmp_path / "run.trec").write_text(lines)
    settings = {"group_negatives": 2, "depth": 20}
    by_file = judged_config(base, judged, negatives=str(tmp_path / "run.trec"), **settings)
    by_name = judged_config(base, judged, negatives="kept", **settings)
    groups = [
        _ready(one, tmp_path / str(place)).lesson.groups
        for place, one in enumerate((by_file, by_name, judged_config(base, judged, **settings)))
        if (tmp_path / str(place)).mkdir() is None
    ]
    assert groups[0] == groups[1]
    inputs = requested(by_name, Store(), silent).inputs
    assert (inputs[-1].kind, inputs[-1].digest) == ("runs", kept.digest)
    assert requested(by_file, Store(), silent).inputs[-1].kind == "negatives"
    assert by_file.deciding() == by_name.deciding()


def test_what_was_judged_not_relevant_and_what_ir_datasets_has_is_mined(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ir_datasets

    place = save_judged(tmp_path / "set")
    pairs = [f"q{n}\td{n}\td{(n + 20) % 120}\n" for n in range(60)]
    scored = [f"q{n} Q0 d{(n + k) % 120} {k} {-k} x\n" for n in range(60) for k in (3, 2, 0, 1)]
    (tmp_path / "pairs").write_text("".join(pairs))
    (tmp_path / "scored").write_text("".join(scored))
    local = ir_datasets.create_dataset(
        docs_tsv=str(place / "docs.en.tsv"),
        queries_tsv=str(place / "queries.so.tsv"),
        qrels_trec=str(place / "qrels.txt"),
    )
    handlers = ir_datasets.formats.TsvDocPairs, ir_datasets.formats.TrecScoredDocs
    whole = ir_datasets.Dataset(
        local,
        *(
            handler(ir_datasets.util.LocalDownload(tmp_path / name))
            for handler, name in zip(handlers, ("pairs", "scored"), strict=True)
        ),
    )
    monkeypatch.setitem(ir_datasets.registry._registered, "ours", whole)
    monkeypatch.setattr(whole, "docs_count", lambda: 120, raising=False)
    monkeypatch.setattr(ir_datasets, "docs_parent_id", lambda one: one)
    expected = {
        "judged": lambda n: {f"d{(n + 60) % 120}"},
        "docpairs": lambda n: {f"d{(n + 20) % 120}"},
        "scoreddocs": lambda n: {f"d{(n + k) % 120}" for k in (1, 2)},
    }
    for source, wanted in expected.items():
        config = judged_config(
            base, place, collection="ours", negatives=source, lang=None, group_negatives=1, depth=3
        )
        scratch = tmp_path / source
        scratch.mkdir()
        ready = _ready(config, scratch)
        assert ready.counts["groups"] == 96
        for group in ready.lesson.groups:
            assert set(group.documents[1:]) <= wanted(int(group.topic[1:]))
    with pytest.raises(InputError, match="has no docpairs"):
        _ready(judged_config(base, place, negatives="docpairs"), tmp_path)


def test_a_teacher_scores_by_maxsim_over_the_tokens_of_the_topic(base: Path) -> None:
    ref = resolve(str(base), Store())
    topics = {"q1": "abc de", "q2": "fgh"}
    documents = {"d1": "abc", "d2": "fgh ij", "d3": "k"}
    pairs = {"q1": ["d1", "d3"], "q2": ["d3", "d2"]}
    found = teacher_scores(ref, topics, pairs, documents, silent)
    assert {topic: list(one) for topic, one in found.items()} == pairs
    query, document = (load_encoder(ref, side=side) for side in ("query", "document"))
    for topic, wanted in pairs.items():
        (tokens,) = query.encode([topics[topic]])
        for one in wanted:
            (other,) = document.encode([documents[one]])
            expected = float((tokens @ other.T).max(1).mean())
            assert found[topic][one] == pytest.approx(expected, abs=1e-6)


def _english(place: Path) -> dict[str, str]:
    rows = (place / "queries.en.tsv").read_text(encoding="utf-8").splitlines()
    return dict(row.split("\t", 1) for row in rows)


@pytest.mark.parametrize("lang", [None, "en", "so"])
def test_a_teacher_reads_topics_in_the_language_of_the_documents_or_that_was_asked_for(
    lang: str | None, base: Path, judged: Path, tmp_path: Path
) -> None:
    config = judged_config(base, judged, loss="kl", teacher=str(base), teacher_lang=lang)
    lesson = _ready(config, tmp_path).lesson
    ref = resolve(str(base), Store())
    query, document = (load_encoder(ref, side=side) for side in ("query", "document"))
    for group in lesson.groups[:3]:
        text = lesson.topics_read[group.topic] if lang == "so" else _english(judged)[group.topic]
        (tokens,) = query.encode([text])
        for one, score in zip(group.documents, group.scores, strict=True):
            (other,) = document.encode([lesson.documents_read[one]])
            assert score == pytest.approx(float((tokens @ other.T).max(1).mean()), abs=1e-6)


def test_the_wording_that_a_teacher_reads_decides_the_model(base: Path, tmp_path: Path) -> None:
    place = save_judged(tmp_path / "set")
    # A run, so that no other input follows from the English topics.
    write_lines(run := tmp_path / "run", [f"q{n} Q0 d{n + 60} 1 1.0 made" for n in range(60)])
    config = judged_config(base, place, loss="kl", teacher=str(base), negatives=str(run))

    def made_from() -> set[tuple[str, str]]:
        return {(one.kind, one.digest) for one in requested(config, Store(), silent).inputs}

    before = made_from()
    rows = (place / "queries.en.tsv").read_text(encoding="utf-8").splitlines()
    write_lines(place / "queries.en.tsv", [f"{rows[0]} more", *rows[1:]])
    after = made_from()
    assert {kind for kind, _ in before ^ after} == {"topics"}
    # Some topics have no English text: it is said, and these are read as they are trained on.
    write_lines(place / "queries.en.tsv", rows[2:])
    with pytest.warns(ReadingNotice, match="2 of 60 judged topics have no text in en"):
        taught = requested(config, Store(), silent).taught
    assert taught is not None and taught.lacking == 2
    somali = (place / "queries.so.tsv").read_text(encoding="utf-8").splitlines()
    assert [f"{one}\t{text}" for one, text in list(taught.texts.items())[:3]] == [
        *somali[:2],
        rows[2],
    ]
    # All of them are others: an error where they were asked for.
    write_lines(place / "queries.en.tsv", [f"x{row}" for row in rows])
    asked = judged_config(
        base, place, loss="kl", teacher=str(base), negatives=str(run), teacher_lang="en"
    )
    with pytest.raises(InputError, match="its 60 topics in en are none of the 60 judged ones"):
        requested(asked, Store(), silent)


def test_what_the_teacher_scores_near_the_relevant_document_is_left_out() -> None:
    judged = Judged("set", {"q": "a"}, {"q": {"good": 2, "less": 1}}, 1)
    candidates = Candidates({"q": ["a", "b", "c"]}, {"q": ["d"]}, {})
    scores = {"q": {"good": 0.8, "less": 0.4, "a": 0.77, "b": 0.75, "c": 0.3, "d": 0.1}}
    settings = GroupSettings(group_negatives=2, margin=0.05)
    (first, second), counts = groups_of(judged, candidates, settings, 1, scores)
    assert (first.documents[0], set(first.documents[1:])) == ("good", {"b", "c"})
    assert (second.documents[0], set(second.documents[1:])) == ("less", {"c", "d"})
    assert first.scores == [scores["q"][one] for one in first.documents]
    assert counts["false_negatives_left_out"] == 1 + 2
    with pytest.raises(InputError, match="after 3 that the teacher scores too high were left out"):
        groups_of(judged, candidates, GroupSettings(group_negatives=4), 1, scores)


def _sampler(groups: list[tuple[str, set[str], set[str]]], **more: Any) -> GroupSampler:
    documents = [frozenset(one) for _, one, _ in groups]
    return GroupSampler(documents, [frozenset(one) for _, _, one in groups], **more)


def test_no_batch_holds_a_document_that_is_relevant_to_another_of_its_topics() -> None:
    chance = np.random.default_rng(2)
    relevant = {topic: {f"d{one}" for one in chance.choice(90, 4)} for topic in range(30)}
    groups = []
    for topic, good in relevant.items():
        others = sorted({f"d{one}" for one in range(90)} - good)
        groups += [(str(topic), {one, *chance.choice(others, 2)}, good) for one in sorted(good)]
    seen: Counter[int] = Counter()
    for epoch in range(20):
        sampler = _sampler(groups, batch_size=6, seed=1)
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler) == -(-len(groups) // 6)
        for batch in batches:
            assert len(batch) == len(set(batch)) == 6
            for row in batch:
                others = [groups[one][1] for one in batch if one != row]
                assert groups[row][2].isdisjoint(set().union(*others))
        seen.update(row for batch in batches for row in batch)
        again = _sampler(groups, batch_size=6, seed=1)
        again.set_epoch(epoch)
        assert list(again) == batches
    assert set(seen) == set(range(len(groups)))
    shares = [_sampler(groups, batch_size=6, seed=1, share=(rank, 3)) for rank in range(3)]
    for whole, *parts in zip(_sampler(groups, batch_size=6, seed=1), *shares, strict=True):
        assert all(len(part) == 2 for part in parts)
        assert sorted(row for part in parts for row in part) == sorted(whole)


def test_groups_that_may_meet_are_all_seen_once_in_an_epoch() -> None:
    groups = [(str(n), {f"d{n}"}, {f"d{n}"}) for n in range(45)]
    rows = [row for batch in _sampler(groups, batch_size=8, seed=3) for row in batch]
    assert set(rows) == set(range(45)) and len(rows) == 48


def _texts(lesson: Any, groups: Any) -> tuple[list[str], list[list[str]]]:
    topics = [lesson.topics_read[one.topic] for one in groups]
    return topics, [[lesson.documents_read[one] for one in group.documents] for group in groups]


@pytest.mark.parametrize("name", ["contrastive", "margin-mse", "kl"])
def test_losses_are_those_of_brute_force(
    name: str, base: Path, judged: Path, tmp_path: Path
) -> None:
    config = judged_config(
        base, judged, loss=name, teacher=str(base), margin=0.0, mini_batch=3, temperature=0.2
    )
    lesson = _ready(config, tmp_path).lesson
    groups = lesson.groups[:4]
    model = load_model(base, device="cpu").train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    topics, documents = _texts(lesson, groups)
    columns = [topics, *(list(column) for column in zip(*documents, strict=True))]
    sides = lesson.columns.values()
    features = [
        model.preprocess(texts, task=side, prompt=prompt_of(model, side))
        for texts, side in zip(columns, sides, strict=True)
    ]
    loss = LOSSES[name].made(model, config.training, ALONE)
    labels = torch.tensor([one.scores for one in groups])
    value = float(loss(features, labels).detach())

    model.eval()
    queries = [one.numpy() for one in model.encode_query(topics)]
    vectors = [[one.numpy() for one in model.encode_document(row)] for row in documents]

    def scores(query: Any, rows: Any) -> Any:
        return np.array([float((query @ one.T).max(1).mean()) for one in rows])

    teacher = labels.numpy()
    found = []
    for place, query in enumerate(queries):
        own = scores(query, vectors[place])
        if name == "contrastive":
            every = np.concatenate([scores(query, row) for row in vectors]) / 0.2
            found.append(np.log(np.exp(every).sum()) - own[0] / 0.2)
        elif name == "margin-mse":
            margins = teacher[place][0] - teacher[place][1:]
            found.append(np.mean((own[0] - own[1:] - margins) ** 2))
        else:
            p, q = (np.exp(one / 0.2) / np.exp(one / 0.2).sum() for one in (teacher[place], own))
            found.append(0.2**2 * float((p * np.log(p / q)).sum()))
    assert value == pytest.approx(np.mean(found), rel=1e-4, abs=1e-9)


def test_held_out_topics_are_measured_by_brute_force(base: Path) -> None:
    topics = {"q1": "abc de", "q2": "fgh ij"}
    documents = {f"d{n}": one for n, one in enumerate(["abc", "fgh", "de ij", "abc de", "j"])}
    qrels = {"q1": {"d0": 1, "d3": 2, "d9": 1}, "q2": {"d1": 1, "d2": 0}}
    judged = Judged("set", topics, qrels, 1)
    task = JudgedDevelopment.of(judged, list(topics), documents, "map", 0.5)
    model = load_model(base, device="cpu")
    measured = task.measured(model)
    queries = [one.numpy() for one in model.encode_query(list(topics.values()))]
    vectors = [one.numpy() for one in model.encode_document(list(documents.values()))]
    precisions, entropies = [], []
    for query, good in zip(queries, ({0, 3}, {1}), strict=True):
        found = np.array([(query @ one.T).max(1).mean() for one in vectors])
        order = np.argsort(-found).tolist()
        ranks = sorted(order.index(one) + 1 for one in good)
        precisions.append(np.mean([(n + 1) / rank for n, rank in enumerate(ranks)]))
        logits = found / 0.5
        rest = sum(np.exp(one) for n, one in enumerate(logits) if n not in good)
        own = [np.log(np.exp(logits[one]) + rest) - logits[one] for one in good]
        entropies.append(np.mean(own))
    assert measured.score == pytest.approx(np.mean(precisions))
    assert measured.entropy == pytest.approx(np.mean(entropies), abs=1e-5)


def test_held_out_topics_are_searched_in_what_is_relevant_then_what_was_mined() -> None:
    judged = _made_up(3, lambda n: [f"d{n}"])
    mined = {"q0": ["a", "b"], "q1": ["c"], "q2": ["e", "f", "g"]}
    assert searched(judged, ["q0", "q1"], mined, 1) == ["d0", "d1"]
    assert searched(judged, ["q0", "q1"], mined, 4) == ["d0", "d1", "a", "c"]
    every = searched(judged, ["q0", "q1"], mined, 9)
    assert every[:5] == ["d0", "d1", "a", "c", "b"] and set(every[5:]) == {"e", "f", "g"}


def _rewritten(place: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = place / "qrels.txt"
    write_lines(path, change(path.read_text(encoding="utf-8").splitlines()))


def _graded(grade: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: [f"{line.rpartition(' ')[0]} {grade}" for line in lines]


def _run(place: Path, row: Callable[[int, int], tuple[str, str]]) -> str:
    lines = []
    for number in range(60):
        for rank in range(1, 4):
            topic, document = row(number, rank)
            lines.append(f"{topic} Q0 {document} {rank} {-rank} made-up")
    write_lines(place / "made-up.trec", lines)
    return str(place / "made-up.trec")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [], "qrels"),
        (_graded(0), r"all 180 judgements have the grade 0, so that nothing is relevant"),
        (
            lambda lines: [line.replace(" d", " x") for line in lines],
            r"no topic has a relevant document in reach.* none of the 120 .*such as 'x0' of topic",
        ),
        (
            lambda lines: [line.replace("q", "other") for line in lines],
            r"none of the 60 judged topics, such as 'other0', is among its 60 topics",
        ),
        (lambda lines: lines[:27], r"too few judged topics .*: 9 with a relevant document, at"),
    ],
    ids=["none", "grade 0", "other documents", "other topics", "few"],
)
def test_judgements_that_cannot_be_trained_on(
    change: Any, message: str, base: Path, tmp_path: Path
) -> None:
    place = save_judged(tmp_path / "set")
    _rewritten(place, change)
    with pytest.raises(ClirotError, match=message) as caught:
        train(judged_config(base, place))
    assert caught.value.hint and not Store().names("models")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relevant_from": 3}, r"grades from 0 to 2, so that none is of `relevant_from=3`"),
        ({"apart": "documents"}, r"nothing is left to train on|too few judged topics"),
        ({"batch_size": 64}, r"a batch holds \d+ groups at most"),
        ({"negatives": "no-such-run"}, r"no such run file"),
        ({"lang": "sw"}, r"has no topics in 'sw'"),
    ],
)
def test_settings_that_leave_nothing_to_train_on(
    settings: dict[str, Any], message: str, base: Path, judged: Path
) -> None:
    with pytest.raises(ClirotError, match=message) as caught:
        train(judged_config(base, judged, **settings))
    assert caught.value.hint or "no such run" in message
    assert not Store().names("models")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (lambda n, k: (f"q{n}", f"other{n + k}"), r"none of its documents, such as 'other\d+', is"),
        (lambda n, k: (f"t{n}", f"d{n + k}"), r"has documents for none of the 60 judged topics"),
        (
            lambda n, k: (f"q{n}", [f"d{n}", f"d{(n + 7) % 120}", f"x{n}"][k - 1]),
            r"there are no negatives in run made-up: all 120 documents of the collection in it",
        ),
    ],
    ids=["other documents", "other topics", "the positives"],
)
def test_runs_that_hold_no_negatives(
    row: Any, message: str, base: Path, judged: Path, tmp_path: Path
) -> None:
    run = _run(tmp_path, row)
    with pytest.raises(InputError, match=message) as caught:
        train(judged_config(base, judged, negatives=run))
    assert caught.value.hint and not Store().names("models")


def test_all_relevant_and_nothing_judged_otherwise(base: Path, tmp_path: Path) -> None:
    place = save_judged(tmp_path / "set")
    _rewritten(place, _graded(1))
    with pytest.raises(InputError, match="there are no negatives in the documents that were"):
        train(judged_config(base, place, negatives="judged"))
    # BM25 finds others.
    assert _ready(judged_config(base, place, positives=2), tmp_path).counts["groups"] == 96


def test_what_is_left_out_is_counted(base: Path, tmp_path: Path) -> None:
    place = save_judged(tmp_path / "set")
    lines = (place / "docs.en.tsv").read_text(encoding="utf-8").splitlines()
    write_lines(place / "docs.en.tsv", [one for one in lines if not one.startswith("d5\t")])
    topics = (place / "queries.so.tsv").read_text(encoding="utf-8").splitlines()
    write_lines(place / "queries.so.tsv", topics[:-1])
    collection = open_collection(str(place))
    found = judged_topics(collection, collection.topics("so"), TopicChoice())
    assert found.counts["judged_topics"] == 60
    assert found.counts["judged_topics_without_text"] == 1
    counts = _ready(judged_config(base, place), tmp_path).counts
    assert counts["relevant_not_in_collection"] == 1 and counts["topics_without_relevant"] == 0
    assert counts["mined_not_in_collection"] == 0
    (tmp_path / "few").mkdir()
    few = _run(tmp_path, lambda n, k: (f"q{n}", f"d{(n + 30 + k) % 120}" if n % 2 else f"x{n}{k}"))
    more = _ready(judged_config(base, place, negatives=few), tmp_path / "few")
    assert more.counts["topics_without_mined"] > 20
    assert more.counts["topics_filled_up"] > 15 and more.counts["mined_not_in_collection"] >= 87


def test_topics_have_texts() -> None:
    class Empty:
        id = "set"

        def qrels(self) -> dict[str, dict[str, int]]:
            return {"q1": {"d1": 1}, "q2": {"d2": 1}}

    topics = [Topic("q1", "  "), Topic("q2", "abc")]
    found = judged_topics(Empty(), topics, TopicChoice())  # type: ignore[arg-type]
    assert list(found.texts) == ["q2"] and found.counts["judged_topics_without_text"] == 1


def test_settings_of_the_parts_have_ranges() -> None:
    with pytest.raises(ClirotError, match="`margin` must be"):
        assembled(GroupSettings, {"margin": 1.0})
    with pytest.raises(ClirotError, match="`temperature` must be"):
        assembled(JudgedTrainingSettings, {"temperature": 0.0})
