"""The evaluation as a library: topic sets, gaps, fusion, comparisons, and what it refuses."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from clirot.errors import InputError, UnknownNameError, UsageError
from clirot.evaluation import EvaluateConfig, evaluate, evaluate_runs
from clirot.evaluation.measures import parse_measure
from clirot.evaluation.samples import sample
from clirot.evaluation.significance import bootstrap_interval, randomisation_test
from clirot.runs import Qrels, Run

MAP = parse_measure("map")


def found_at(ranks: dict[str, int], docno: str = "rel") -> Run:
    """A run with the relevant document at a rank for each topic, so that AP is 1 / rank."""
    return Run.from_dict(
        "run",
        {
            topic: {
                (docno if place == rank else f"other{place}"): -float(place)
                for place in range(1, rank + 1)
            }
            for topic, rank in ranks.items()
        },
    )


def one_relevant(*topics: str) -> Qrels:
    return {topic: {"rel": 1} for topic in topics}


def random_ranks(seed: int, topics: int = 40) -> dict[str, int]:
    chance = random.Random(seed)
    return {f"t{topic}": chance.randint(1, 9) for topic in range(topics)}


def config(**given: object) -> EvaluateConfig:
    return EvaluateConfig(**{"metrics": ("map",), **given})  # type: ignore[arg-type]


def test_topics_without_results_are_zero_and_topics_without_judgements_are_left_out() -> None:
    result = evaluate_runs({"a": found_at({"t1": 1, "t9": 1})}, one_relevant("t1", "t2"), config())
    assert result.figure("a", MAP) == 0.5
    assert result.per_topic("a") == {"t1": {"map": 1.0}, "t2": {"map": 0.0}}
    assert result.notes == (
        "run a: no results for 1 of 2 topics, which count as 0 (as in trec_eval -c): t2",
        "run a: left out 1 of its topics, which the judgements lack: t9",
    )


def test_overall_is_the_mean_over_sets_and_a_topic_of_several_sets_is_one_observation() -> None:
    topics = [f"t{place}" for place in range(30)]
    chance = random.Random(2)
    ranks = {
        name: {topic: chance.randint(1, 9) for topic in topics}
        for name in ("a@so", "a@sw", "b@so", "b@sw")
    }
    runs = {name: found_at(one) for name, one in ranks.items()}
    result = evaluate_runs(runs, one_relevant(*topics), config(baseline="a"))
    means = {name: np.mean([1 / rank for rank in one.values()]) for name, one in ranks.items()}
    assert result.topic_sets == ("so", "sw", "overall")
    assert result.figure("a", MAP) == pytest.approx((means["a@so"] + means["a@sw"]) / 2)
    compared = result.comparison("b", MAP, "overall")
    assert compared is not None
    ordered = sorted(topics)
    paired = np.array(
        [
            sum(1 / ranks[f"b@{one}"][t] - 1 / ranks[f"a@{one}"][t] for one in ("so", "sw")) / 2
            for t in ordered
        ]
    )
    assert compared.topics == 30
    assert compared.test.p == randomisation_test(paired).p
    assert compared.difference == pytest.approx(paired.mean())
    assert compared.interval.low == pytest.approx(bootstrap_interval(paired).low)


def test_sets_of_different_size_count_alike() -> None:
    result = evaluate_runs(
        {"a@x": found_at({"t1": 1, "t2": 1, "t3": 1}), "a@y": found_at({"u1": 2})},
        one_relevant("t1", "t2", "t3", "u1"),
        config(),
    )
    # Each set is judged on all topics here: 3/4 and (1/2)/4.
    assert result.figure("a", MAP, "overall") == pytest.approx((0.75 + 0.125) / 2)
    drawn = sample(result, "a", MAP, ("x", "y"))
    assert drawn is not None
    assert drawn.values.mean() == pytest.approx((0.75 + 0.125) / 2)


def test_the_gap_of_the_same_topics_is_paired_and_of_others_is_not() -> None:
    clean, typo = random_ranks(1), random_ranks(2)
    qrels = one_relevant(*clean)
    result = evaluate_runs(
        {"a@clean": found_at(clean), "a@typo": found_at(typo)}, qrels, config(gaps=("clean..typo",))
    )
    gap = result.gaps[0]
    differences = np.array([1 / clean[t] - 1 / typo[t] for t in sorted(clean)])
    assert gap.paired
    assert gap.difference == pytest.approx(differences.mean())
    assert gap.interval == bootstrap_interval(differences)


def test_topic_sets_from_files_split_one_run(tmp_path: Path) -> None:
    ranks = random_ranks(3)
    names = sorted(ranks)
    (tmp_path / "high").write_text("\n".join(names[:25]))
    (tmp_path / "low").write_text("\n".join(f"{name} and more" for name in names[25:]))
    sets = (f"high={tmp_path / 'high'}", f"low={tmp_path / 'low'}")
    result = evaluate_runs(
        {"a": found_at(ranks)}, one_relevant(*names), config(topic_sets=sets, gaps=("high..low",))
    )
    high, low = (np.array([1 / ranks[t] for t in part]) for part in (names[:25], names[25:]))
    assert result.figure("a", MAP, "low") == pytest.approx(low.mean())
    gap = result.gaps[0]
    assert not gap.paired
    assert gap.interval == bootstrap_interval(high, low)
    assert gap.relative == pytest.approx(1 - low.mean() / high.mean())


def test_the_family_of_holm_is_everything_tested() -> None:
    runs = {name: found_at(random_ranks(seed)) for seed, name in enumerate("abcd")}
    result = evaluate_runs(
        runs, one_relevant(*random_ranks(0)), config(metrics=("map", "mrr", "P@1"), baseline="a")
    )
    assert len(result.comparisons) == 9
    smallest = min(result.comparisons, key=lambda one: one.test.p)
    assert smallest.p_adjusted == pytest.approx(min(1.0, 9 * smallest.test.p))


def test_a_comparison_does_not_depend_on_the_order_of_files_or_on_other_runs() -> None:
    one, two, three = (random_ranks(seed) for seed in (1, 2, 3))
    first = evaluate_runs(
        {"a": found_at(one), "b": found_at(two)}, one_relevant(*one), config(baseline="a")
    ).comparisons[0]
    backwards = dict(reversed(two.items()))
    second = evaluate_runs(
        {"c": found_at(three), "b": found_at(backwards), "a": found_at(one)},
        one_relevant(*reversed(one)),
        config(baseline="a"),
    )
    again = second.comparison("b", MAP, "")
    assert again is not None
    assert (again.test, again.interval) == (first.test, first.interval)


def test_a_clear_difference_is_marked_and_no_difference_is_not() -> None:
    good = dict.fromkeys(random_ranks(1), 1)
    runs = {
        "base": found_at(random_ranks(1)),
        "good": found_at(good),
        "same": found_at(random_ranks(1)),
    }
    result = evaluate_runs(runs, one_relevant(*good), config(baseline="base"))
    marks = {one.system: one.significant for one in result.comparisons}
    assert marks == {"good": True, "same": False}
    same = result.comparison("same", MAP, "")
    assert same is not None
    assert (same.test.p, same.effect, same.better, same.worse) == (1.0, 0.0, 0, 0)


def test_fused_runs_use_ranks_or_weighted_normalised_scores() -> None:
    a = Run.from_dict("a", {"t": {"x": 10.0, "y": 0.0, "rel": 5.0}})
    b = Run.from_dict("b", {"t": {"rel": 1.0, "z": 0.0}})
    result = evaluate_runs(
        {"a": a, "b": b},
        one_relevant("t"),
        config(fuse=("rrf:k=1", "wsum:a=1,b=0.25", "wsum:a=1,b=0")),
    )
    rrf = {hit.docno: hit.score for hit in result.fused["rrf:k=1", ""].hits("t")}
    assert rrf == pytest.approx({"rel": 1 / 3 + 1 / 2, "x": 1 / 2, "z": 1 / 3, "y": 1 / 4})
    total = {hit.docno: hit.score for hit in result.fused["wsum:a=1,b=0.25", ""].hits("t")}
    assert total == pytest.approx({"x": 1.0, "rel": 0.5 + 0.25, "y": 0.0, "z": 0.0})
    assert result.figure("rrf:k=1", MAP) == 1.0
    assert result.figure("wsum:a=1,b=0", MAP) == 0.5


def test_counts_are_summed_and_geometric_means_are_geometric() -> None:
    result = evaluate_runs(
        {"a": found_at({"t1": 1, "t2": 4})},
        one_relevant("t1", "t2"),
        config(metrics=("num_ret", "gm_map", "num_q")),
    )
    assert [result.figure("a", measure) for measure in result.measures] == [
        5,
        pytest.approx(0.5),
        2,
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"baseline": "A1"}, "unknown run 'A1'"),
        ({"baseline": "only"}, "unknown run"),
        ({"metrics": ("mpa",)}, "unknown measure 'mpa'"),
        ({"metrics": ()}, "no measure to compute"),
        ({"baseline": "a1", "test": "ttest"}, "unknown `test` 'ttest'"),
        ({"gaps": ("so",)}, "cannot read the gap 'so'"),
        ({"gaps": ("so..sw",)}, "unknown topic set 'so'"),
        ({"gaps": ("a..b/",)}, "cannot read the gap 'a..b/'"),
        ({"contrasts": ("a1 - a2",)}, "cannot read the contrast 'a1 - a2'"),
        ({"contrasts": ("[a1] [a2]",)}, "cannot read the contrast"),
        ({"contrasts": ("[a1] - []",)}, "cannot read the contrast"),
        ({"contrasts": ("[a1]",)}, "has 1 of the two or more terms"),
        ({"contrasts": ("[a1] - [a3]",)}, "unknown run 'a3'"),
        ({"contrasts": ("[a1] - [a2@so]",)}, "unknown topic set 'so'"),
        ({"fuse": ("rff",)}, "unknown fusion 'rff'"),
        ({"fuse": ("wsum:a3=1",)}, "unknown run 'a3'"),
        ({"fuse": ("wsum:a1=-1",)}, "cannot read 'a1=-1' in the fusion"),
        ({"expect": ("map",)}, "cannot read the expectation 'map'"),
        ({"expect": ("map>=high",)}, "cannot read the expectation"),
        ({"expect": ("a9:map>=0",)}, "unknown run 'a9'"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(given: dict[str, object], says: str) -> None:
    runs = {"a1": found_at({"t": 1}), "a2": found_at({"t": 2})}
    with pytest.raises(UsageError, match=says):
        evaluate_runs(runs, one_relevant("t"), config(**given))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"runs": ()}, "no run to evaluate"),
        ({"runs": ("-", "b=-")}, "standard input"),
        ({"rel_level": 0}, "`rel_level` must be at least 1, got 0"),
        ({"alpha": 1.0}, "`alpha` must be above 0 and below 1, got 1.0"),
        ({"confidence": 95}, "`confidence` must be above 0 and below 1, got 95"),
        ({"samples": 10}, "`samples` must be at least 100, got 10"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"lang": "so", "qrels": Path("q")}, "`lang` chooses among"),
    ],
)
def test_contradictions_are_seen_before_anything_is_read(
    given: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        config(**given)


def test_other_refusals() -> None:
    run = found_at({"t": 1})
    with pytest.raises(UsageError, match="neither was given"):
        evaluate(config(runs=("x",)))
    with pytest.raises(UsageError, match="names no topic set and others do"):
        evaluate_runs({"a@so": run, "b": run}, one_relevant("t"), config())
    with pytest.raises(InputError, match="none of its topics is judged"):
        evaluate_runs({"a": run}, one_relevant("u"), config())
    with pytest.raises(UsageError, match="nothing to compare"):
        evaluate_runs({"a": run}, one_relevant("t"), config(baseline="a"))
    with pytest.raises(UnknownNameError, match="unknown run 'sw'"):
        evaluate_runs({"a@so": run}, one_relevant("t"), config(baseline="sw"))
    infinite = Run.from_dict("b", {"t": {"rel": float("inf"), "x": 0.0}})
    with pytest.raises(UsageError, match="infinite scores"):
        evaluate_runs({"a": run, "b": infinite}, one_relevant("t"), config(fuse=("sum",)))


def test_the_topics_of_a_language_are_those_the_collection_has_in_it() -> None:
    from clirot.collection import open_collection

    collection = open_collection("cldr/so")
    topic = collection.topics("so")[0]
    document = next(iter(collection.qrels("so")[topic.id]))
    run = Run.from_dict("r", {topic.id: {document: 1.0}})
    assert run.topics == (topic.id,)
    result = evaluate_runs({"r": run}, collection.qrels("so"), config(metrics=("num_q",)))
    assert result.figure("r", result.measures[0]) == len(collection.qrels("so"))
