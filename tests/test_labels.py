"""Classification by neighbours: votes, accuracy, macro-F1, and the tests of macro-F1.

The judges are scikit-learn's measures, votes counted one by one, every labelling of few topics, and
a bootstrap that hands each draw to scikit-learn.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from clirot.collection import open_collection
from clirot.collection.labels import Labels, read_labels
from clirot.errors import InputError, UsageError
from clirot.evaluation import EvaluateConfig, evaluate, evaluate_runs
from clirot.evaluation.classes import Piece, bootstrap_test, interval, swap_test, total
from clirot.evaluation.formats import csv_text, json_document
from clirot.evaluation.gold import Gold
from clirot.evaluation.measures import parse_measure
from clirot.evaluation.measures.neighbours import _BASE, macro_f1, predicted
from clirot.evaluation.result import Evaluation
from clirot.runs import Qrels, Run, format_run

NAMES = ("alarm", "music", "weather", "world")


def ranked(documents: Sequence[str], scores: Sequence[float] | None = None) -> Run:
    """A run of one topic, best first."""
    values = scores or [float(len(documents) - place) for place in range(len(documents))]
    return Run.from_dict("r", {"t": dict(zip(documents, values, strict=True))})


DOCUMENTS = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "b2": "b", "c1": "c"}


@pytest.mark.parametrize(
    ("documents", "scores", "measure", "label"),
    [
        (["b1", "a1", "a2"], None, "knn-accuracy@1", "b"),
        (["b1", "a1", "a2"], None, "knn-accuracy@3", "a"),
        (["b1", "a1", "a2"], None, "knn-accuracy@2", "b"),  # a tie: the nearest
        (["c1", "b1", "a1", "a2", "b2"], None, "knn-accuracy@5", "b"),  # nearest of the tied two
        (["b1", "a1", "a2"], None, "knn-accuracy@99", "a"),  # fewer than k
        (["b1", "a1", "a2"], [9, 2, 1], "knn-accuracy(votes=score)@3", "b"),
        (["b1", "a1", "a2"], [4, 3, 2], "knn-accuracy(votes=score)@3", "a"),
        (["b1", "a1", "a2"], None, "knn-accuracy(votes=rank)@3", "b"),  # 1 against 1/2 + 1/3
        (["b1", "a1", "a2", "c1", "b2", "a3"], None, "knn-accuracy(votes=rank)@6", "b"),
        (["b1", "a1", "a2", "c1", "c1x", "a3"], None, "knn-accuracy(votes=rank)@6", "b"),  # 1 = 1
        (["b1", "a1"], [0, 0], "knn-accuracy(votes=score)@2", "b"),
    ],
)
def test_the_vote_of_the_neighbours(
    documents: list[str], scores: list[float] | None, measure: str, label: str
) -> None:
    # Equal scores are ordered by docno, descending, as trec_eval does.
    labels = {**DOCUMENTS, "c1x": "c"}
    assert predicted(ranked(documents, scores), "t", parse_measure(measure), labels) == label


def test_no_documents_are_no_label() -> None:
    assert predicted(ranked(["a1"]), "other", parse_measure("knn-accuracy@3"), DOCUMENTS) is None


def test_documents_that_cannot_vote() -> None:
    with pytest.raises(InputError, match="document 'x', number 2 of topic 't', has no label"):
        predicted(ranked(["a1", "x"]), "t", parse_measure("knn-accuracy@2"), DOCUMENTS)
    negative = parse_measure("knn-accuracy(votes=score)@2")
    with pytest.raises(InputError, match="score -1 for topic 't', which cannot weigh a vote"):
        predicted(ranked(["a1", "b1"], [1.0, -1.0]), "t", negative, DOCUMENTS)


def codes(gold: Sequence[int], given: Sequence[int]) -> np.ndarray:
    """-1: no label was given."""
    return np.array(gold, dtype=float) * _BASE + np.array(given) + 1


@pytest.mark.parametrize("seed", range(8))
def test_macro_f1_is_that_of_scikit_learn(seed: int) -> None:
    chance = random.Random(seed)
    gold = [chance.choice([0, 1, 3, 7]) for _ in range(40)]
    given = [chance.choice([one, chance.randint(-1, 8)]) for one in gold]
    expected = f1_score(gold, given, labels=sorted(set(gold)), average="macro", zero_division=0)
    assert macro_f1(codes(gold, given)) == pytest.approx(expected)


def made(seed: int, topics: Sequence[str], skill: float) -> tuple[Run, dict[str, str]]:
    """A run that finds documents of the right label with some skill; and the topics' labels."""
    chance = random.Random(seed)
    labels = {topic: NAMES[sum(map(ord, topic)) % 3] for topic in topics}
    found = {}
    for topic in topics:
        right = [f"{labels[topic]}{number}" for number in range(3)]
        wrong = [f"{name}{number}" for name in NAMES for number in range(3)]
        drawn = dict.fromkeys(
            chance.choice(right if chance.random() < skill else wrong) for _ in range(9)
        )
        found[topic] = {docno: float(9 - place) for place, docno in enumerate(drawn)}
    return Run.from_dict("run", found), labels


LABELLED = {f"{name}{number}": name for name in NAMES for number in range(3)}
TOPICS = [f"q{number:02}" for number in range(60)]


def qrels_of(labels: dict[str, str]) -> Qrels:
    return {t: {d: 1 for d, label in LABELLED.items() if label == one} for t, one in labels.items()}


def evaluated(**given: object) -> Evaluation:
    runs, labels = {}, {}
    for seed, (label, skill) in enumerate(
        [("a@x", 0.5), ("a@y", 0.3), ("b@x", 0.8), ("b@y", 0.7), ("c@x", 0.5), ("c@y", 0.5)]
    ):
        runs[label], labels = made(seed, TOPICS, skill)
    metrics = ("knn-accuracy@3", "knn-macro-f1@3")
    config = EvaluateConfig(metrics=metrics, samples=4000, **given)  # type: ignore[arg-type]
    return evaluate_runs(runs, qrels_of(labels), config, gold=Gold(labels=Labels(LABELLED, labels)))


def test_figures_are_those_of_scikit_learn() -> None:
    result = evaluated()
    accuracy, macro = result.measures
    for system, topic_set in result.values:
        run = result.inputs.runs[system, topic_set]
        gold, given = [], []
        labels = made(0, TOPICS, 0.5)[1]
        for topic in result.topics[topic_set]:
            votes = Counter(LABELLED[docno] for docno in list(run.documents(topic))[:3])
            first = [label for label, count in votes.items() if count == max(votes.values())]
            gold.append(labels[topic])
            given.append(first[0])  # a Counter keeps the order of first occurrence
        assert result.figure(system, accuracy, topic_set) == accuracy_score(gold, given)
        assert result.figure(system, macro, topic_set) == pytest.approx(
            f1_score(gold, given, labels=sorted(set(gold)), average="macro")
        )
    assert result.figure("a", macro, "overall") == pytest.approx(
        (result.figure("a", macro, "x") or 0) / 2 + (result.figure("a", macro, "y") or 0) / 2
    )


def piece(name: str, gold: Sequence[int], given: Sequence[int], weight: float = 1.0) -> Piece:
    topics = tuple(f"t{number:03}" for number in range(len(gold)))
    return Piece(weight, name, "", topics, codes(gold, given))


def sequences(seed: int, topics: int) -> tuple[list[int], list[int], list[int]]:
    chance = random.Random(seed)
    gold = [chance.randint(0, 2) for _ in range(topics)]
    one = [chance.choice([label, label, chance.randint(0, 2)]) for label in gold]
    other = [chance.choice([label, chance.randint(-1, 2)]) for label in gold]
    return gold, one, other


def test_the_swap_test_comes_near_every_labelling() -> None:
    gold, one, other = sequences(4, 12)
    first, second = piece("a", gold, one), piece("b", gold, other)
    observed = abs(macro_f1(first.codes) - macro_f1(second.codes))
    extreme = 0
    for signs in itertools.product([False, True], repeat=12):
        here, there = np.where(signs, other, one), np.where(signs, one, other)
        difference = macro_f1(codes(gold, here)) - macro_f1(codes(gold, there))
        extreme += abs(difference) >= observed - 1e-12
    found = swap_test([first], [second], samples=10_000, seed=1).p
    assert found == pytest.approx(extreme / 2**12, abs=0.015)
    assert swap_test([first], [first], samples=200, seed=0).p == 1.0


def test_the_interval_is_that_of_draws_handed_to_scikit_learn() -> None:
    gold, one, other = sequences(7, 80)
    parts = [piece("a", gold, one), piece("b", gold, other, -1.0)]
    rng = np.random.default_rng(5)
    true, here, there = map(np.array, (gold, one, other))
    drawn = []
    for _ in range(300):
        places = rng.integers(0, 80, 80)
        f1 = [
            f1_score(true[places], given[places], labels=[0, 1, 2], average="macro")
            for given in (here, there)
        ]
        drawn.append(f1[0] - f1[1])
    low, high = np.percentile(drawn, [2.5, 97.5])
    found = interval(parts, confidence=0.95, seed=0)
    assert found == pytest.approx((low, high), abs=0.04)
    assert total(parts) == pytest.approx(macro_f1(parts[0].codes) - macro_f1(parts[1].codes))
    p = bootstrap_test(parts, samples=4000, seed=0).p
    assert p == pytest.approx(
        np.mean(np.abs(np.array(drawn) - total(parts)) >= total(parts)), abs=0.03
    )


def test_equal_systems_are_told_apart_as_often_as_alpha_says() -> None:
    rejected = 0
    for seed in range(300):
        gold, one, other = sequences(seed, 40)
        chance = random.Random(seed)
        pairs = [chance.choice([(a, b), (b, a)]) for a, b in zip(one, other, strict=True)]
        first, second = ([pair[side] for pair in pairs] for side in (0, 1))
        p = swap_test([piece("a", gold, first)], [piece("b", gold, second)], samples=400, seed=0).p
        rejected += p < 0.05
    assert 0.02 <= rejected / 300 <= 0.08


def test_a_system_without_errors_has_a_point_as_interval() -> None:
    gold = [0, 1, 2, 0, 1]
    assert interval([piece("a", gold, gold)], confidence=0.9, seed=0) == (1.0, 1.0)


def test_comparisons_gaps_and_contrasts_of_macro_f1() -> None:
    result = evaluated(
        baseline="a", gaps=("x..y",), intervals=True,
        contrasts=("[b@x] - [a@x]", "[b@x] - [a@x] - [c@x]"),
    )  # fmt: skip
    macro = result.measures[1]
    for topic_set in ("x", "overall"):
        one = result.comparison("b", macro, topic_set)
        assert one is not None
        figures = [result.figure(system, macro, topic_set) or 0 for system in "ba"]
        assert one.difference == pytest.approx(figures[0] - figures[1])
        assert one.interval.low < one.difference < one.interval.high
        assert one.effect is None
        assert one.better + one.worse <= one.topics == 60
        assert one.test.p < 0.05
    accuracy = result.comparison("b", result.measures[0], "x")
    assert accuracy is not None
    one = result.comparison("b", macro, "x")
    assert one is not None
    assert (one.better, one.worse) == (accuracy.better, accuracy.worse)
    contrast = {(c.name, str(c.measure)): c for c in result.contrasts}
    assert contrast["[b@x] - [a@x]", str(macro)].test.p == one.test.p
    assert contrast["[b@x] - [a@x] - [c@x]", str(macro)].how == "bootstrap"
    change = next(c for c in result.gap_changes if c.measure == macro)
    gaps = {gap.system: gap for gap in result.gaps if gap.measure == macro}
    assert change.how == "randomisation"
    assert change.difference == pytest.approx(gaps["b"].difference - gaps["a"].difference)
    assert gaps["a"].interval.low <= gaps["a"].difference <= gaps["a"].interval.high


def test_macro_f1_has_no_figure_of_single_topics_and_no_t_test() -> None:
    result = evaluated(baseline="a", test="t")
    assert set(result.per_topic("a", "x")["q00"]) == {"knn-accuracy@3"}
    assert csv_text(result, per_topic=True).startswith("run,topic_set,topic,knn-accuracy@3\n")
    assert any("tested by randomisation, and not by the t-test" in note for note in result.notes)
    json.dumps(json_document(result, per_topic=True), allow_nan=False)


def collection(directory: Path, **files: str) -> Path:
    directory.mkdir()
    texts = {
        "docs.en.tsv": "d1\tplay\nd2\train\n",
        "queries.so.tsv": "q1\tciyaar\nq2\troob\n",
        "qrels.txt": "q1 0 d1 1\nq2 0 d2 1\n",
        "train.en.tsv": "d1\tmusic\tplay\nd2\tweather\train\n",
        "test.so.tsv": "q1\tmusic\tciyaar\nq2\tweather\troob\n",
    }
    for name, text in (
        texts | {key.replace("_", "."): text for key, text in files.items()}
    ).items():
        if text:
            (directory / name).write_text(text)
    run = Run.from_dict("run", {"q1": {"d1": 2.0, "d2": 1.0}, "q2": {"d1": 2.0, "d2": 1.0}})
    (directory.parent / "run").write_text("".join(format_run(run)))
    return directory


def test_labels_come_from_the_collection_or_from_a_file(tmp_path: Path) -> None:
    folder = collection(tmp_path / "c")
    labels = open_collection(str(folder)).labels()
    assert labels == Labels({"d1": "music", "d2": "weather"}, {"q1": "music", "q2": "weather"})
    assert labels.names == ("music", "weather")
    config = EvaluateConfig(
        runs=(str(tmp_path / "run"),), collection=str(folder), metrics=("knn-accuracy@1",)
    )
    result = evaluate(config)
    assert result.figure("run", result.measures[0]) == 0.5
    file = tmp_path / "labels"
    file.write_text("d1\tx\nd2\tx\nq1\tx\nq2\tx\n")
    config = EvaluateConfig(
        runs=(str(tmp_path / "run"),), collection=str(folder), metrics=("knn-accuracy@1",),
        labels=file,
    )  # fmt: skip
    result = evaluate(config)
    assert result.figure("run", result.measures[0]) == 1.0


def test_one_file_for_documents_and_topics(tmp_path: Path) -> None:
    folder = collection(
        tmp_path / "c", train_en_tsv="", test_so_tsv="", labels_tsv="d1\ta b\nq1\tc\n"
    )
    labels = open_collection(str(folder)).labels()
    assert labels.documents == labels.topics == {"d1": "a b", "q1": "c"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("q1\n", "1 column where id TAB label was expected"),
        ("q1\t\n", "a row without id or without label"),
        ("q1\ta\tb\tc\n", "4 columns where id TAB label was expected"),
        ("q1\ta\nq1\tb\n", "'q1' is labelled 'b', and was 'a' before"),
        ("", "the file is empty"),
    ],
)
def test_malformed_labels(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "labels").write_text(text)
    with pytest.raises(InputError, match=says):
        read_labels(tmp_path / "labels")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    folder = collection(tmp_path / "c", train_en_tsv="", test_so_tsv="")
    given = {"runs": (str(tmp_path / "run"),), "metrics": ("knn-accuracy@1",)}
    with pytest.raises(InputError, match="has no labels"):
        evaluate(EvaluateConfig(collection=str(folder), **given))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="knn-accuracy@1 needs the labels of documents"):
        evaluate(EvaluateConfig(qrels=folder / "qrels.txt", **given))  # type: ignore[arg-type]
    (folder / "test.so.tsv").write_text("q1\tmusic\n")
    (folder / "train.en.tsv").write_text("d1\tmusic\n")
    with pytest.raises(InputError, match="1 of 2 topics have no label, such as 'q2'"):
        evaluate(EvaluateConfig(collection=str(folder), **given))  # type: ignore[arg-type]
    (folder / "labels.tsv").write_text("q1\tmusic\n")
    with pytest.raises(InputError, match="labels in more than one way"):
        open_collection(str(folder)).labels()
    with pytest.raises(UsageError, match="`labels` are for measures of neighbours"):
        evaluate(EvaluateConfig(runs=("x",), qrels=Path("q"), labels=Path("l")))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("knn-accuracy", "it needs the number of neighbours that vote"),
        ("knn-accuracy(votes=loud)@5", "cannot read the parameter 'votes=loud'"),
        ("knn-macro-f1@5-l2", "it has no relevance level"),
        ("map(votes=rank)", "cannot read the parameter"),
    ],
)
def test_names_that_are_none(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_measure(name)


def test_names_are_read_back() -> None:
    for name in ("knn-accuracy@5", "knn-macro-f1@10", "knn-macro-f1(votes=rank)@3"):
        assert str(parse_measure(name)) == name
    assert parse_measure("kNN macro F1@5") == parse_measure("knn_macro_f1@5")


def test_sib_200(shared_data: Path) -> None:
    """Judgements and labels agree on real data: P@1 is the accuracy of the nearest neighbour."""
    for name in ("intents_sib200", "topics_masakhanews"):
        opened = open_collection(str(shared_data / "collections" / name))
        labels, qrels = opened.labels(), opened.qrels("so")
        for topic, judged in qrels.items():
            same = {d for d, label in labels.documents.items() if label == labels.topics[topic]}
            assert {docno for docno, grade in judged.items() if grade > 0} == same
