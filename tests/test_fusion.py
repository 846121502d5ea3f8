"""Fusion: every method of ranx, against the formula where it is short; tuning; what is refused."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clirot.errors import ClirotError, InputError, UnknownNameError, UsageError
from clirot.evaluation import EvaluateConfig, evaluate_runs, ranx_library
from clirot.evaluation.fusion_methods import METHODS, NORMS, Fusion
from clirot.evaluation.measures import parse_measure
from clirot.evaluation.ranx_library import comparison_table, fuse, ranx_name, tune
from clirot.evaluation.result import Evaluation
from clirot.runs import Qrels, Run

MAP = parse_measure("map")
Scores = dict[str, dict[str, float]]


def random_scores(seed: int, topics: int = 4, depth: int = 12) -> Scores:
    chance = random.Random(seed)
    return {
        f"t{topic}": {f"d{place}": chance.gauss(0, 1) for place in chance.sample(range(20), depth)}
        for topic in range(topics)
    }


def random_qrels(seed: int, topics: int = 4) -> Qrels:
    chance = random.Random(seed)
    return {
        f"t{topic}": {f"d{place}": 1 for place in chance.sample(range(20), 5)}
        for topic in range(topics)
    }


def fused(how: str, *runs: Scores, names: str = "abc") -> Scores:
    made = [Run.from_dict(name, run) for name, run in zip(names, runs, strict=False)]
    fusion = Fusion.parse(how)
    topics = sorted({topic for run in runs for topic in run})
    settings = fusion.settings([run.name for run in made])
    found = fuse(made, topics, fusion.method, fusion.norm, settings)
    return {topic: found.documents(topic) for topic in found.topics}


def evaluation(runs: dict[str, Scores], qrels: Qrels, **given: object) -> Evaluation:
    named = {name: Run.from_dict(name, run) for name, run in runs.items()}
    config = EvaluateConfig(metrics=("map",), **given)  # type: ignore[arg-type]
    return evaluate_runs(named, qrels, config)


def ranked(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=scores.__getitem__, reverse=True)


def min_max(scores: dict[str, float]) -> dict[str, float]:
    low, high = min(scores.values()), max(scores.values())
    return {docno: (score - low) / (high - low) for docno, score in scores.items()}


def zmuv(scores: dict[str, float]) -> dict[str, float]:
    values = list(scores.values())
    return {docno: (score - np.mean(values)) / np.std(values) for docno, score in scores.items()}


def by_formula(how: str, lists: list[dict[str, float]]) -> dict[str, float]:
    """The definition of a fusion method, written out for one topic."""
    docnos = {docno for scores in lists for docno in scores}
    if how.startswith("rrf"):
        k = 10 if "k=10" in how else 60
        places = [{d: r for r, d in enumerate(ranked(one), 1)} for one in lists]
        return {d: sum(1 / (k + one[d]) for one in places if d in one) for d in docnos}
    if how == "isr":
        places = [{d: r for r, d in enumerate(ranked(one), 1)} for one in lists]
        return {
            d: sum(d in one for one in places) * sum(1 / one[d] ** 2 for one in places if d in one)
            for d in docnos
        }
    if how == "mnz:norm=zmuv":
        normed = [zmuv(one) for one in lists]
        return {
            d: sum(d in one for one in normed) * sum(one.get(d, 0.0) for one in normed)
            for d in docnos
        }
    if how.startswith("wsum"):
        weights = [0.3, 0.5, 2.0]
        normed = [min_max(one) for one in lists]
        return {
            d: sum(w * one.get(d, 0.0) for w, one in zip(weights, normed, strict=True))
            for d in docnos
        }
    normed = [min_max(one) for one in lists]
    found = {d: [one[d] for one in normed if d in one] for d in docnos}
    return {d: {"max": max, "min": min, "sum": sum}[how](one) for d, one in found.items()}


@pytest.mark.parametrize(
    "how",
    [
        "rrf",
        "rrf:k=10",
        "isr",
        "sum",
        "max",
        "min",
        "mnz:norm=zmuv",
        "wsum:a=0.3,b=0.5,c=2",
    ],
)
def test_the_formula_gives_the_same_scores(how: str) -> None:
    runs = [random_scores(seed) for seed in (1, 2, 3)]
    for topic, scores in fused(how, *runs).items():
        expected = by_formula(how, [run[topic] for run in runs])
        assert scores == pytest.approx(expected, rel=1e-5, abs=1e-6)  # scores are 32-bit floats


WRITTEN = [
    f"{name}:{parameter}=0.5"
    if any(one.default is None for one in facts.parameters.values())
    else name
    for name, facts in METHODS.items()
    for parameter in [next(iter(facts.parameters), "")]
    if not facts.trained
]


@pytest.mark.parametrize("how", [*WRITTEN, *(f"sum:norm={norm}" for norm in NORMS)])
def test_every_method_and_normalisation_fuses_and_the_order_of_runs_has_no_effect(
    how: str,
) -> None:
    runs = {name: random_scores(seed) for seed, name in enumerate("abc")}
    del runs["b"]["t2"]  # a topic that one run lacks
    qrels = random_qrels(9)
    forward = evaluation(runs, qrels, fuse=(how,)).fused[how, ""]
    backward = evaluation(dict(reversed(runs.items())), qrels, fuse=(how,)).fused[how, ""]
    assert {t: forward.documents(t) for t in forward.topics} == {
        t: backward.documents(t) for t in backward.topics
    }
    for topic in ("t0", "t2"):
        assert set(forward.documents(topic)) == {
            docno for run in runs.values() for docno in run.get(topic, {})
        }


@pytest.mark.parametrize("how", [name for name, facts in METHODS.items() if facts.trained])
def test_methods_that_learn_do_so_on_training_topics(how: str, tmp_path: Path) -> None:
    runs = {name: random_scores(seed, topics=10) for seed, name in enumerate("ab")}
    (tmp_path / "dev").write_text("t0\nt1\nt2\nt3\n")
    given = {"fuse": (how,), "tune_fusion": str(tmp_path / "dev")}
    result = evaluation(runs, random_qrels(9, topics=10), **given)
    assert result.topics[""] == tuple(f"t{topic}" for topic in range(4, 10))
    assert set(result.fused[how, ""].topics) == set(result.topics[""])
    assert any(f"fusion {how}" in note and "on 4 training topics" in note for note in result.notes)


def with_ties_and_gaps(names: str = "abc", topics: int = 9) -> list[Run]:
    """Runs of few different scores, each without one of the topics."""
    found = []
    for seed, name in enumerate(names):
        scores = random_scores(seed, topics=topics)
        del scores[f"t{seed}"]
        rounded = {t: {d: round(s, 1) for d, s in one.items()} for t, one in scores.items()}
        found.append(Run.from_dict(name, rounded))
    return found


def together_and_divided(
    monkeypatch: pytest.MonkeyPatch, runs: list[Run], how: Fusion
) -> tuple[Run, Run]:
    """What one process fuses, and what two processes do."""
    topics = sorted({topic for run in runs for topic in run.topics})
    settings = how.settings([run.name for run in runs])
    together = fuse(runs, topics, how.method, how.norm, settings)
    with monkeypatch.context() as patch:
        patch.setattr(ranx_library, "_DIVIDE_ABOVE", 0)
        patch.setattr(ranx_library, "_cores", lambda: 2)
        return together, fuse(runs, topics, how.method, how.norm, settings)


def assert_same(one: Run, other: Run) -> None:
    assert one.topics == other.topics
    assert one.bounds.tolist() == other.bounds.tolist()
    assert one.docnos == other.docnos
    assert one.scores.tolist() == other.scores.tolist()


forks = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


@forks
@pytest.mark.parametrize("how", [*WRITTEN, *(f"sum:norm={norm}" for norm in NORMS)])
def test_topics_that_are_divided_over_processes_give_the_same_run(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same(*together_and_divided(monkeypatch, with_ties_and_gaps(), Fusion.parse(how)))


@forks
@pytest.mark.parametrize("how", [name for name, facts in METHODS.items() if facts.trained])
def test_methods_that_have_learned_give_the_same_run_in_processes(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = with_ties_and_gaps()
    fusion = Fusion.parse(how)
    learned = tune(runs, random_qrels(9, topics=9), fusion.method, None, MAP, 1)
    assert_same(*together_and_divided(monkeypatch, runs, replace(fusion, learned=learned)))


DIVIDED = """
import sys
sys.path.insert(0, "tests")
from clirot.evaluation import ranx_library
from test_fusion import Fusion, fuse, with_ties_and_gaps
ranx_library._DIVIDE_ABOVE, ranx_library._cores = 0, lambda: 2
for how in sys.argv[1:]:
    runs, fusion = with_ties_and_gaps(), Fusion.parse(how)
    topics = sorted({topic for run in runs for topic in run.topics})
    found = fuse(runs, topics, fusion.method, fusion.norm, fusion.settings("abc"))
    print([list(found.documents(topic).items()) for topic in topics])
assert "ranx" not in sys.modules
"""


@forks
def test_processes_that_import_only_what_fuses_give_the_same_run() -> None:
    hows = ["rrf", "mnz:norm=zmuv", "sum:norm=borda", "condorcet", "w_bordafuse:a=1,b=2,c=0"]
    printed = subprocess.run(
        [sys.executable, "-c", DIVIDED, *hows],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    runs = with_ties_and_gaps()
    topics = sorted({topic for run in runs for topic in run.topics})
    for how, line in zip(hows, printed, strict=True):
        fusion = Fusion.parse(how)
        found = fuse(runs, topics, fusion.method, fusion.norm, fusion.settings("abc"))
        assert line == str([list(found.documents(topic).items()) for topic in topics])


@forks
def test_a_process_that_ends_before_its_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranx_library, "_fused", lambda *_: os._exit(1))
    monkeypatch.setattr(ranx_library, "_DIVIDE_ABOVE", 0)
    monkeypatch.setattr(ranx_library, "_cores", lambda: 2)
    with pytest.raises(ClirotError, match="a process that fused was ended by the system"):
        fuse(with_ties_and_gaps(), ["t3", "t4"], "rrf", None, {"k": 60})


def test_no_topics_give_an_empty_run() -> None:
    assert fuse(with_ties_and_gaps(), [], "rrf", None, {"k": 60}).topics == ()


def test_names_of_other_papers_are_read() -> None:
    assert Fusion.parse("comb_mnz").method == "mnz"
    assert Fusion.parse("weighted_bordafuse:a=1,b=2").method == "w_bordafuse"
    assert Fusion.parse("sum:norm=max,a,b").members == ("a", "b")


def test_ties_are_ordered_as_in_trec_eval() -> None:
    runs = {"a": {"t": {"x": 2.0, "y": 1.0}}, "b": {"t": {"y": 2.0, "x": 1.0}}}
    result = evaluation(runs, {"t": {"x": 1}}, fuse=("rrf",))
    assert [hit.docno for hit in result.fused["rrf", ""].hits("t")] == ["y", "x"]


def test_scores_that_are_equal_as_32_bit_floats_are_tied_before_fusion() -> None:
    runs = {"a": {"t": {"x": 17.0000001, "y": 17.0}}, "b": {"t": {"z": 1.0, "w": 0.0}}}
    result = evaluation(runs, {"t": {"x": 1}}, fuse=("rrf:k=1",))
    assert result.fused["rrf:k=1", ""].documents("t")["y"] == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("how", "expected", "says"),
    [
        ("sum", {"only": 1.0, "x": 1.0, "y": 0.0}, "makes those 1, as found (ranx: 0)"),
        ("wsum:a=.5,b=.5", {"only": 0.5, "x": 0.5, "y": 0.0}, "makes those 1"),
        ("sum:norm=min-max-inverted", {"only": 1.0, "y": 1.0, "x": 0.0}, "makes those 1"),
        ("sum:norm=sum", {"only": 1.0, "x": 1.0, "y": 0.0}, "equal shares"),
        ("sum:norm=zmuv", {"x": 1.0, "only": 0.0, "y": -1.0}, "they add nothing"),
        ("sum:norm=max", {"only": 1.0, "x": 1.0, "y": 0.5}, None),
        ("rrf", {"only": 1 / 61, "x": 1 / 61, "y": 1 / 62}, None),
    ],
)
def test_a_single_hit_counts_as_found_and_this_is_said(
    how: str, expected: dict[str, float], says: str | None
) -> None:
    runs = {"a": {"t": {"only": 7.0}}, "b": {"t": {"x": 2.0, "y": 1.0}}}
    result = evaluation(runs, {"t": {"only": 1}}, fuse=(how,))
    assert result.fused[how, ""].documents("t") == pytest.approx(expected)
    said = [note for note in result.notes if "single hit" in note]
    assert [note.startswith(f"fusion {how}: run a has a single hit") for note in said] == (
        [True] if says else []
    )
    assert says is None or says in said[0]


def test_hits_of_one_score_share_what_a_normalisation_sums_to() -> None:
    tied = {"t": {"x": 3.0, "y": 3.0, "z": 3.0000000001}, "u": {"x": 2.0, "y": 1.0}}
    runs = {"a": tied, "b": {"t": {"w": -5.0}, "u": {"y": -2.0, "x": -4.0}}}
    qrels = {"t": {"x": 1}, "u": {"x": 1}}
    fused_ = evaluation(runs, qrels, fuse=("sum", "sum:norm=sum", "mnz")).fused
    ones = dict.fromkeys("wxyz", 1.0)
    assert fused_["sum", ""].documents("t") == ones
    assert fused_["mnz", ""].documents("t") == ones
    assert fused_["sum:norm=sum", ""].documents("t") == pytest.approx(
        {"w": 1.0, "x": 1 / 3, "y": 1 / 3, "z": 1 / 3}
    )
    assert fused_["sum", ""].documents("u") == {"x": 1.0, "y": 1.0}


@pytest.mark.parametrize("norm", ["min-max", "min-max-inverted", "sum", "zmuv", "max"])
def test_scores_of_any_size_are_normalised_alike(norm: str) -> None:
    """ranx divides by 1e-9 at least; a language model's probabilities are below that."""
    plain = {"t": {"x": 4.0, "y": 3.0, "z": 1.0}}
    tiny = {"t": {docno: score * 1e-15 for docno, score in plain["t"].items()}}
    other = {"t": {"w": 2.0, "x": 1.0}}
    how = f"sum:norm={norm}"
    expected = evaluation({"a": plain, "b": other}, {"t": {"x": 1}}, fuse=(how,)).fused[how, ""]
    found = evaluation({"a": tiny, "b": other}, {"t": {"x": 1}}, fuse=(how,)).fused[how, ""]
    assert found.documents("t") == pytest.approx(expected.documents("t"), abs=1e-6)


def test_a_highest_score_below_0_cannot_be_divided_by() -> None:
    runs = {"a": {"t": {"x": -2.0, "y": -3.0}}, "b": {"t": {"x": 2.0}}}
    with pytest.raises(UsageError, match="run 'a' has no score above 0 for topic 't'"):
        evaluation(runs, {"t": {"x": 1}}, fuse=("sum:norm=max",))


def test_weights_are_tuned_on_the_scores_that_are_fused() -> None:
    """The relevant document is the only hit of a: it must count for a weight to help."""
    runs = {
        "a": {topic: {"right": 7.0} for topic in "tuv"},
        "b": {topic: {"w1": 3.0, "w2": 2.0, "right": 1.0} for topic in "tuv"},
    }
    qrels = {topic: {"right": 1} for topic in "tuv"}
    inputs = {name: Run.from_dict(name, one) for name, one in runs.items()}
    found = ranx_library.tune(
        list(inputs.values()), qrels, "wsum", "min-max", parse_measure("map"), 1
    )
    assert found["weights"][0] > found["weights"][1]


def test_neither_the_environment_nor_numba_is_left_changed() -> None:
    import numba

    before = dict(os.environ), numba.config.DISABLE_JIT, numba.config.CACHE_DIR
    fused("rrf", random_scores(1), random_scores(2))
    assert (dict(os.environ), numba.config.DISABLE_JIT, numba.config.CACHE_DIR) == before


CONDORCET = """
import sys
sys.path.insert(0, "tests")
from test_fusion import fused
runs = [{"t": {f"d{p}": float((p * step) % 7) for p in range(9)}} for step in (1, 3, 5)]
print([list(fused(how, *runs)["t"].items()) for how in ("condorcet", "w_condorcet")])
"""


def test_condorcet_fusion_is_the_same_in_every_process() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", CONDORCET],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[1],
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(printed) == 1


def good_and_poor(topics: int) -> tuple[dict[str, Scores], Qrels]:
    """A run with the relevant document first, and one that has it last."""
    good = {f"t{n}": {"rel": 9.0, "x": 2.0, "y": 1.0} for n in range(topics)}
    poor = {f"t{n}": {"x": 3.0, "y": 2.0, "rel": 1.0} for n in range(topics)}
    return {"good": good, "poor": poor}, {f"t{n}": {"rel": 1} for n in range(topics)}


def test_weights_are_chosen_on_training_topics_which_are_not_reported(tmp_path: Path) -> None:
    runs, qrels = good_and_poor(20)
    (tmp_path / "dev.ids").write_text("".join(f"t{n}\n" for n in range(5)))
    result = evaluation(runs, qrels, fuse=("wsum",), tune_fusion=str(tmp_path / "dev.ids"))
    assert result.figure("wsum", MAP) == 1.0
    assert len(result.topics[""]) == 15
    assert not set(result.topics[""]) & {f"t{n}" for n in range(5)}
    assert "left out 5 of 20 topics, which served to tune the fusion" in result.notes
    assert any(
        note.endswith("chosen on 5 training topics for the best map") for note in result.notes
    )


def test_what_is_given_is_not_tuned(tmp_path: Path) -> None:
    runs, qrels = good_and_poor(6)
    (tmp_path / "dev").write_text("t0\n")
    how = "wsum:good=0,poor=1"
    result = evaluation(runs, qrels, fuse=(how, "wsum"), tune_fusion=str(tmp_path / "dev"))
    assert result.figure(how, MAP) == pytest.approx(1 / 3)
    assert result.figure("wsum", MAP) == 1.0


def test_a_topic_set_can_serve_for_tuning_and_is_then_no_longer_reported() -> None:
    runs, qrels = good_and_poor(8)
    first, last = [f"t{n}" for n in range(3)], [f"t{n}" for n in range(3, 8)]
    split = {
        f"{name}@{part}": {topic: run[topic] for topic in topics}
        for name, run in runs.items()
        for part, topics in (("dev", first), ("test", last))
    }
    named = {name: Run.from_dict(name, run) for name, run in split.items()}
    config = EvaluateConfig(metrics=("map",), fuse=("rrf",), tune_fusion="dev")
    # Both sets have the judgements of all topics here: they overlap, and none is left.
    with pytest.raises(UsageError, match="all topics serve to tune the fusion"):
        evaluate_runs(named, qrels, config)


def test_topic_sets_from_files_serve_for_tuning(tmp_path: Path) -> None:
    runs, qrels = good_and_poor(8)
    (tmp_path / "dev").write_text("t0\nt1\nt2\n")
    (tmp_path / "test").write_text("t2\nt3\nt4\nt5\n")
    sets = (f"dev={tmp_path / 'dev'}", f"test={tmp_path / 'test'}")
    result = evaluation(runs, qrels, topic_sets=sets, fuse=("wsum",), tune_fusion="dev")
    assert dict(result.topics) == {"test": ("t3", "t4", "t5")}  # t2 is in both
    assert "topic set test: left out 1 of 4 topics, which served to tune the fusion" in result.notes
    assert result.figure("wsum", MAP) == 1.0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"fuse": ("sum:a=0.3,b=1",)}, "sum has no weights"),
        ({"fuse": ("rrf:norm=max",)}, "rrf looks at ranks"),
        ({"fuse": ("sum:norm=minmax",)}, "unknown normalisation 'minmax'"),
        ({"fuse": ("gmnz",)}, "gmnz needs gamma"),
        ({"fuse": ("rrf", "gmnz")}, "gmnz needs gamma"),
        ({"fuse": ("gmnz:gama=0.5",)}, "has no setting 'gama'"),
        ({"fuse": ("rbc:phi=1",)}, "phi must be from 0.01 to 0.99, got 1"),
        ({"fuse": ("logn_isr:sigma=0",)}, "sigma must be from 1e-06 to 1e"),
        ({"fuse": ("rrf:k=1e22",)}, "k must be from 0 to 1e"),
        ({"fuse": ("wsum:a=0,b=0",)}, "all weights are 0"),
        ({"fuse": ("rrf", "rrf")}, "asked for twice"),
        ({"fuse": ("wsum:a=1,b=2",), "tune_fusion": "dev"}, "there is nothing to choose"),
        ({"fuse": ("rrf:k=x",)}, "cannot read 'k=x'"),
        ({"fuse": ("sum:a,a",)}, "it is there twice"),
        ({"fuse": ("sum:a",)}, "at least two runs"),
        ({"fuse": ("posfuse",)}, "posfuse learns from training topics"),
        ({"tune_fusion": "dev"}, "`tune_fusion` needs a fusion"),
        ({"tune_measure": "map"}, "`tune_measure` needs the topics"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], says: str) -> None:
    runs = {"a": random_scores(1), "b": random_scores(2)}
    with pytest.raises(UsageError, match=says):
        evaluation(runs, random_qrels(3), **given)


def test_topics_that_cannot_serve_for_tuning_are_refused(tmp_path: Path) -> None:
    runs, qrels = good_and_poor(4)
    with pytest.raises(InputError, match="there is no such topic set file"):
        evaluation(runs, qrels, fuse=("wsum",), tune_fusion=str(tmp_path / "nowhere"))
    (tmp_path / "other").write_text("x1\n")
    with pytest.raises(InputError, match="is judged"):
        evaluation(runs, qrels, fuse=("wsum",), tune_fusion=str(tmp_path / "other"))
    (tmp_path / "all").write_text("t0\nt1\nt2\nt3\n")
    with pytest.raises(UsageError, match="none is left to report"):
        evaluation(runs, qrels, fuse=("wsum",), tune_fusion=str(tmp_path / "all"))
    (tmp_path / "one").write_text("t0\n")
    with pytest.raises(UsageError, match="ranx does not compute the measure bpref"):
        evaluation(
            runs, qrels, fuse=("wsum",), tune_fusion=str(tmp_path / "one"), tune_measure="bpref"
        )
    with pytest.raises(UnknownNameError, match="unknown measure 'mpa'"):
        evaluation(
            runs, qrels, fuse=("wsum",), tune_fusion=str(tmp_path / "one"), tune_measure="mpa"
        )


def test_the_table_of_ranx_has_the_figures_of_trec_eval() -> None:
    runs = {name: Run.from_dict(name, random_scores(seed)) for seed, name in enumerate("ab")}
    qrels = {**random_qrels(9), "t9": {"d1": 1}}  # a topic without results
    measures = [parse_measure(name) for name in ("map", "ndcg@5", "P@5", "mrr")]
    table = comparison_table(
        runs, qrels, [(one, 1) for one in measures], test="t", alpha=0.05, places=4
    )
    result = evaluate_runs(runs, qrels, EvaluateConfig(metrics=("map", "ndcg@5", "P@5", "mrr")))
    for line, name in zip(table.splitlines()[2:], "ab", strict=True):
        figures = [float(text.rstrip("ᵃᵇ")) for text in line.split()[2:]]
        ours = [result.figure(name, measure) for measure in measures]
        assert figures == pytest.approx(ours, abs=0.0001)


def test_names_of_measures_in_ranx() -> None:
    assert ranx_name(parse_measure("P@5"), 1) == "precision@5"
    assert ranx_name(parse_measure("map"), 2) == "map-l2"
    assert ranx_name(parse_measure("ndcg@10"), 2) == "ndcg@10"
    assert ranx_name(parse_measure("success@1"), 1) == "hit_rate@1"


def test_only_one_module_imports_ranx() -> None:
    sources = Path(__file__).parents[1] / "src" / "clirot"
    importing = [
        path.name
        for path in sources.rglob("*.py")
        if any(
            line.split()[:2] in (["import", "ranx"], ["from", "ranx"])
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    ]
    assert importing == ["ranx_library.py"]
