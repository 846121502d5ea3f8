"""Gaps against a baseline, differences of gaps and signed sums of means, held to other arithmetic.

The judges are the functions of ``significance`` on differences made by hand, scipy's Welch test,
and a bootstrap that draws topics and computes every mean anew.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from clirot.errors import UsageError
from clirot.evaluation import EvaluateConfig, evaluate_runs
from clirot.evaluation.contrast_tables import contrast_tables
from clirot.evaluation.contrasts import WrittenContrast
from clirot.evaluation.formats import csv_text, json_document, markdown_table
from clirot.evaluation.latex import latex_table
from clirot.evaluation.result import Evaluation
from clirot.evaluation.significance import (
    bootstrap_interval,
    bootstrap_test,
    holm,
    interval_of_sum,
    randomisation_test,
    t_test,
    welch_test,
)
from clirot.runs import Run

Ranks = Mapping[str, int]


def found_at(ranks: Ranks) -> Run:
    """A run whose AP of each topic is 1 / rank."""
    return Run.from_dict(
        "run",
        {
            topic: {("rel" if at == rank else f"x{at}"): -float(at) for at in range(1, rank + 1)}
            for topic, rank in ranks.items()
        },
    )


def ranks(seed: int, topics: list[str], most: int = 9) -> dict[str, int]:
    chance = random.Random(seed)
    return {topic: chance.randint(1, most) for topic in topics}


def named(first: int, last: int) -> list[str]:
    return [f"t{number:03}" for number in range(first, last)]


def ap(of: Ranks) -> NDArray[np.float64]:
    return np.array([1 / of[topic] for topic in sorted(of)])


def evaluated(
    runs: Mapping[str, Ranks], tmp_path: Path | None = None, **given: object
) -> Evaluation:
    """Runs are judged on the topics that they have."""
    sets: dict[str, set[str]] = {}
    for label, of in runs.items():
        sets.setdefault(label.partition("@")[2], set()).update(of)
    qrels = {topic: {"rel": 1} for topics in sets.values() for topic in sorted(topics)}
    files = []
    if tmp_path is not None:
        for name, topics in sets.items():
            (tmp_path / name).write_text("\n".join(topics))
            files.append(f"{name}={tmp_path / name}")
    config = EvaluateConfig(metrics=("map",), topic_sets=tuple(files), **given)  # type: ignore[arg-type]
    return evaluate_runs({name: found_at(of) for name, of in runs.items()}, qrels, config)


SHARED = {
    label: ranks(seed, named(0, 40))
    for seed, label in enumerate(("a@clean", "a@typo", "b@clean", "b@typo", "c@clean", "c@typo"))
}


def test_the_change_of_a_paired_gap_is_tested_topic_by_topic() -> None:
    result = evaluated(SHARED, gaps=("clean..typo",), baseline="a")
    by_hand = {
        system: (ap(SHARED[f"{system}@clean"]) - ap(SHARED[f"{system}@typo"]))
        - (ap(SHARED["a@clean"]) - ap(SHARED["a@typo"]))
        for system in "bc"
    }
    assert [one.system for one in result.gap_changes] == ["b", "c"]
    for one in result.gap_changes:
        assert one.system is not None
        values = by_hand[one.system]
        assert one.difference == pytest.approx(values.mean())
        assert one.difference == pytest.approx(gap(result, one.system) - gap(result, "a"))
        assert (one.how, one.topics, one.samples, one.baseline) == ("randomisation", 40, 1, "a")
        assert one.test.p == pytest.approx(randomisation_test(values).p)
        assert one.interval == pytest.approx(bootstrap_interval(values))
    p_values = [one.test.p for one in result.gap_changes]
    assert [one.p_adjusted for one in result.gap_changes] == holm(p_values)


def gap(result: Evaluation, system: str) -> float:
    return next(one.difference for one in result.gaps if one.system == system)


def test_a_gap_between_sets_without_a_common_topic_is_not_paired(tmp_path: Path) -> None:
    runs = {
        "a@en": ranks(1, named(0, 40)), "a@so": ranks(2, named(50, 80)),
        "b@en": ranks(3, named(0, 40)), "b@so": ranks(4, named(50, 80)),
    }  # fmt: skip
    result = evaluated(runs, tmp_path, gaps=("en..so",), baseline="a")
    one = result.gap_changes[0]
    en, so = (ap(runs[f"b@{name}"]) - ap(runs[f"a@{name}"]) for name in ("en", "so"))
    assert one.difference == pytest.approx(en.mean() - so.mean())
    assert (one.how, one.samples, one.topics) == ("bootstrap", 2, 70)
    assert one.interval == pytest.approx(bootstrap_interval(en, so))
    welch = float(ttest_ind(en, so, equal_var=False).pvalue)
    assert one.test.p == pytest.approx(welch, abs=0.02)
    by_t = evaluated(runs, tmp_path, gaps=("en..so",), baseline="a", test="t").gap_changes[0]
    assert by_t.how == "welch"
    assert by_t.test.p == pytest.approx(welch, rel=1e-9)


def test_the_difference_of_two_gaps() -> None:
    sets = ("de", "de.typo", "so", "so.typo")
    runs = {f"a@{one}": ranks(seed, named(0, 30)) for seed, one in enumerate(sets)}
    result = evaluated(runs, gaps=("de..de.typo/so..so.typo",))
    de, typo, so, so_typo = (ap(runs[f"a@{one}"]) for one in sets)
    (one,) = result.gap_differences
    values = (de - typo) - (so - so_typo)
    assert one.name == "de..de.typo/so..so.typo"
    assert one.difference == pytest.approx(values.mean())
    assert one.interval == pytest.approx(bootstrap_interval(values))
    assert one.test.p == pytest.approx(randomisation_test(values).p)
    assert [gap.name for gap in result.gaps] == ["de..de.typo", "so..so.typo"]
    assert result.gap_changes == ()


def test_gaps_of_different_languages_with_topics_of_their_own(tmp_path: Path) -> None:
    runs = {
        f"{system}@{one}": ranks(seed, named(*topics), most=3 + seed)
        for system, start in (("a", 0), ("b", 4))
        for seed, (one, topics) in enumerate(
            [("de", (0, 50)), ("de.x", (0, 50)), ("so", (60, 90)), ("so.x", (60, 90))], start
        )
    }
    result = evaluated(runs, tmp_path, gaps=("de..de.x/so..so.x",), baseline="a", test="t")
    gaps = {
        (system, one): ap(runs[f"{system}@{one}"]) - ap(runs[f"{system}@{one}.x"])
        for system in "ab"
        for one in ("de", "so")
    }
    for one in result.gap_differences:
        assert one.system is not None
        de, so = gaps[one.system, "de"], gaps[one.system, "so"]
        assert one.test.p == pytest.approx(float(ttest_ind(de, so, equal_var=False).pvalue))
    (change,) = result.gap_changes
    de, so = (gaps["b", one] - gaps["a", one] for one in ("de", "so"))
    assert change.difference == pytest.approx(de.mean() - so.mean())
    assert change.test.p == pytest.approx(float(ttest_ind(de, so, equal_var=False).pvalue))


def test_a_contrast_of_systems_is_tested_topic_by_topic() -> None:
    runs = {name: ranks(seed, named(0, 30)) for seed, name in enumerate("abcd")}
    a, b, c, d = (ap(runs[name]) for name in "abcd")
    result = evaluated(runs, contrasts=("[a] - [b] - [c] + [d]", "[a]-[b]"))
    first, second = result.contrasts
    assert first.test.p == pytest.approx(randomisation_test(a - b - c + d).p)
    assert first.interval == pytest.approx(bootstrap_interval(a - b - c + d))
    assert second.difference == pytest.approx((a - b).mean())
    assert [first.p_adjusted, second.p_adjusted] == holm([first.test.p, second.test.p])
    by_t = evaluated(runs, contrasts=("[a] - [b] - [c] + [d]",), test="t").contrasts[0]
    assert by_t.test.p == t_test(a - b - c + d).p


def test_a_difference_of_two_systems_is_what_the_comparison_says() -> None:
    result = evaluated(SHARED, contrasts=("[b] - [a]", "[b@typo] − [a@typo]"), baseline="a")
    whole, typo = result.contrasts
    for one, topic_set in ((whole, "overall"), (typo, "typo")):
        compared = result.comparison("b", result.measures[0], topic_set)
        assert compared is not None
        assert one.difference == pytest.approx(compared.difference)
        assert one.test.p == pytest.approx(compared.test.p)
        assert one.interval == pytest.approx(compared.interval)


def test_topics_that_only_some_terms_have_are_samples_of_their_own(tmp_path: Path) -> None:
    """Against a bootstrap that draws topics within each group and averages what each set has."""
    runs = {"a@x": ranks(1, named(0, 60)), "a@y": ranks(2, named(20, 100))}
    runs["a@x"] |= {topic: runs["a@y"][topic] for topic in named(20, 60)}  # strongly correlated
    result = evaluated(runs, tmp_path, gaps=("x..y",), contrasts=("[a@x] - [a@y]",))
    (one,) = result.contrasts
    assert (one.how, one.samples, one.topics) == ("bootstrap", 3, 100)
    assert one.interval == result.gaps[0].interval
    assert (result.gaps[0].paired, result.gaps[0].shared) == (False, 40)
    rng = np.random.default_rng(0)
    groups = [named(0, 20), named(20, 60), named(60, 100)]
    drawn = []
    for _ in range(4000):
        topics = [
            group[place] for group in groups for place in rng.integers(0, len(group), len(group))
        ]
        means = [
            np.mean(
                [1 / runs[f"a@{name}"][topic] for topic in topics if topic in runs[f"a@{name}"]]
            )
            for name in "xy"
        ]
        drawn.append(means[0] - means[1])
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert one.interval == pytest.approx((low, high), abs=0.012)
    # As independent samples the interval would be far wider.
    independent = bootstrap_interval(ap(runs["a@x"]), ap(runs["a@y"]))
    assert high - low < 0.85 * (independent.high - independent.low)


def test_a_mean_over_all_sets_and_over_some() -> None:
    result = evaluated(SHARED, contrasts=("[b@clean,typo] - [b]", "[c@typo] + [b] - [a]"))
    assert result.contrasts[0].difference == pytest.approx(0.0)
    assert result.contrasts[0].test.p == 1.0
    means = {label: ap(of).mean() for label, of in SHARED.items()}
    assert result.contrasts[1].difference == pytest.approx(
        means["c@typo"]
        + (means["b@clean"] + means["b@typo"]) / 2
        - (means["a@clean"] + means["a@typo"]) / 2
    )


def test_a_run_that_lacks_a_set_is_refused_in_a_contrast_and_left_out_of_gaps() -> None:
    runs = {name: of for name, of in SHARED.items() if name != "c@typo"}
    with pytest.raises(UsageError, match="run 'c' is not there for the topic set 'typo'"):
        evaluated(runs, contrasts=("[a] - [c]",))
    result = evaluated(runs, gaps=("clean..typo",), baseline="a")
    assert [one.system for one in result.gap_changes] == ["b"]


def test_names_with_signs_and_spaces_are_read() -> None:
    read = WrittenContrast.parse("  [12L transport@so,sw]-[12L: a-b] + [rrf:k=10] ")
    assert read.terms == ((1, "12L transport@so,sw"), (-1, "12L: a-b"), (1, "rrf:k=10"))


def test_the_bootstrap_test_errs_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    rejected = sum(
        bootstrap_test([rng.beta(0.3, 0.4, 25), -rng.beta(0.3, 0.4, 40)], samples=400).p < 0.05
        for _ in range(600)
    )
    assert 0.03 <= rejected / 600 <= 0.075


def test_samples_without_spread() -> None:
    same, other = np.full(5, 0.5), np.full(7, -0.5)
    assert bootstrap_test([same, other]).p == 1.0
    assert welch_test([same, other]).p == 1.0
    assert bootstrap_test([same, other + 0.25]).p == pytest.approx(1 / 20_000)
    assert welch_test([same, other + 0.25]).p == 0.0
    assert interval_of_sum([same, other + 0.25]) == (0.25, 0.25)


def test_every_form_has_them() -> None:
    result = evaluated(
        SHARED, gaps=("clean..typo",), baseline="a", contrasts=("[b@typo] - [c@typo]",)
    )
    tables = contrast_tables(result, places=3)
    assert [table.heading for table in tables] == [
        "",
        "Gaps against those of a (below 0: narrower)",
        "Contrasts",
    ]
    change = result.gap_changes[0]
    for text in (markdown_table(result, places=3), latex_table(result, places=3)):
        assert f"{change.difference:+.3f}" in text
        assert "[b@typo] - [c@typo]" in text
    assert r" & $p$ & $p$ (Holm) & Test & Topics \\" in latex_table(result)
    rows = list(csv.DictReader(io.StringIO(csv_text(result))))
    kinds = [row["kind"] for row in rows]
    assert kinds == ["mean"] * 9 + ["gap"] * 3 + ["gap against baseline"] * 2 + ["contrast"]
    assert (rows[12]["run"], rows[12]["topic_set"], rows[12]["baseline"]) == (
        "b", "clean..typo", "a",
    )  # fmt: skip
    assert float(rows[12]["value"]) == change.difference
    document = json.loads(json.dumps(json_document(result)))
    assert document["gap_changes"][0]["difference"] == change.difference
    assert document["gap_differences"] == []
    assert document["contrasts"][0]["contrast"] == "[b@typo] - [c@typo]"
    assert document["contrasts"][0]["test"] == "randomisation"
