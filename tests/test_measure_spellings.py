"""What trec_eval, ir_measures and ranx write: every name gives that tool's figure or is refused.

The names are those of the tools' own registries, so that none is forgotten.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from test_measures_parity import ask_ranx, generated_qrels, tieless_run

from clirot.errors import ClirotError, UnknownNameError, UsageError
from clirot.evaluation import EvaluateConfig, evaluate_runs
from clirot.evaluation.formats import paper_name
from clirot.evaluation.measures import (
    judged_topics,
    measure_names,
    measure_values,
    parse_measure,
    read_measures,
)
from clirot.evaluation.measures.other_tools import SETS
from clirot.evaluation.ranx_library import ranx_name
from clirot.runs import Run

NO_FIGURES = {"runid", "relstring"}
CHANCE = random.Random(17)
QRELS = {
    topic: documents
    for topic, documents in generated_qrels(CHANCE, topics=5).items()
    if any(documents.values())
} | {"q7": {"d1": 0, "d2": -1, "d3": 1}}
SCORES = tieless_run(CHANCE) | {"q7": {"d1": 3.0, "d2": 2.0, "d3": 1.0, "d9": 0.5}}


def ours(written: str, level: int = 1) -> dict[str, dict[str, float]]:
    """Canonical name -> topic -> value, of all that one spelling stands for."""
    measures = [one for name in measure_names(written) for one in read_measures(name)]
    values = measure_values(measures, Run.from_dict("r", SCORES), QRELS, level=level)
    topics = judged_topics(QRELS)
    return {
        str(measure): dict(zip(topics, row.tolist(), strict=True))
        for measure, row in zip(measures, values, strict=True)
    }


def trec_eval(written: str, level: int = 1) -> dict[str, dict[str, float]]:
    judge = pytrec_eval.RelevanceEvaluator(QRELS, {written}, relevance_level=level)
    found = judge.evaluate(SCORES)
    names = next(iter(found.values()))
    return {name: {topic: found[topic][name] for topic in QRELS} for name in names}


def assert_as_trec_eval(written: str, level: int = 1) -> None:
    expected = trec_eval(written, level)
    expected = {name: one for name, one in expected.items() if name not in NO_FIGURES}
    if level > 1:
        expected.pop("num_rel", None)  # pytrec_eval does not pass the level on to it
    figures = ours(written, level)
    for name, by_topic in expected.items():
        if name == "set_F" and written.startswith("set_F"):
            (mine,) = figures
        else:
            mine = str(parse_measure(name))
        assert figures[mine] == pytest.approx(by_topic, abs=1e-6), name
    assert len(figures) == len(expected) + (level > 1 and "num_rel" in figures)


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("written", sorted(pytrec_eval.supported_measures))
def test_every_name_of_trec_eval_is_its_figures_or_refused(written: str, level: int) -> None:
    if written in NO_FIGURES:
        with pytest.raises(
            UsageError, match=f"{written}' is a measure of trec_eval that clirot does"
        ):
            read_measures(written)
    elif written == "recall":  # what it is to ranx; see below
        with pytest.raises(UsageError, match="at 5 to 1000 documents to trec_eval"):
            read_measures(written)
    else:
        assert_as_trec_eval(written, level)


@pytest.mark.parametrize("written", sorted(pytrec_eval.supported_nicknames))
def test_every_set_of_trec_eval_is_its_figures_or_refused(written: str) -> None:
    if not pytrec_eval.supported_nicknames[written] <= pytrec_eval.supported_measures:
        with pytest.raises(UsageError, match="a measure of trec_eval that clirot does not compute"):
            read_measures(written)
        return
    assert_as_trec_eval(written)
    known = {re.sub(r"\.[\d,]+", "", one) for one in SETS[written.replace("_", "")]}
    assert known == pytrec_eval.supported_nicknames[written] - NO_FIGURES


@pytest.mark.parametrize(
    "written",
    [
        "P.5,10", "P_5,10", "ndcg_cut.10,20", "ndcg_cut_7", "recall.1,3,100", "map_cut.2,4",
        "success.2,3", "relative_P.5", "relative_P.1,2,3", "Rprec_mult.0.5,1.5", "Rprec_mult_0.25",
        "iprec_at_recall.0.00,0.55", "set_F.2", "set_F.0.5", "set_F_0.25", "set_F.0", "set_F.1",
    ],
)  # fmt: skip
def test_lists_of_trec_eval_are_its_figures(written: str) -> None:
    assert_as_trec_eval(written)


def test_cut_offs_of_a_list_are_no_measures_of_their_own() -> None:
    assert measure_names("ndcg_cut.10,20") == ["ndcg_cut.10,20"]
    assert measure_names("map,P.5,10,11pt_avg recall.5,100-l2 rbp.95") == [
        "map", "P.5,10", "11pt_avg", "recall.5,100-l2", "rbp.95",
    ]  # fmt: skip
    assert measure_names("utility.1,-1,0,0,map") == ["utility.1,-1,0,0", "map"]
    assert measure_names("ndcg.1=3,2=5,AP(rel=2, judged_only=True)@10 nDCG(gains={1:0,3:1})@5") == [
        "ndcg.1=3,2=5", "AP(rel=2, judged_only=True)@10", "nDCG(gains={1:0,3:1})@5",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="cut-offs of one measure stand without spaces"):
        [read_measures(name) for name in measure_names("P.5, 10")]
    assert [str(one) for one in read_measures("P.10,5-l2")] == ["precision@10-l2", "precision@5-l2"]


def test_one_measure_is_wanted_where_a_name_is_a_list() -> None:
    with pytest.raises(UsageError, match="'P' stands for 9 measures where one is needed"):
        parse_measure("P")


PARAMETERS = {
    "cutoff": ("", "@1", "@10"), "rel": ("", "rel=2"), "judged_only": ("", "judged_only=True"),
    "dcg": ("", "dcg='exp-log2'"), "gains": ("", "gains={1:0,3:1}", "gains={1:3,2:0}"),
    "beta": ("", "beta=2", "beta=0.5"), "relative": ("", "relative=True"),
    "recall": ("recall=0.1", "recall=0.55"), "p": ("", "p=0.5"), "alpha": ("",), "T": ("",),
    "min_rel": ("",), "max_rel": ("max_rel=3",), "normalize": ("",),
}  # fmt: skip


def of_ir_measures() -> Iterator[str]:
    """Every measure of its registry, with each parameter that it takes, and with none."""
    for name, measure in ir_measures.measures.registry.items():
        given = [key for key in measure.SUPPORTED_PARAMS if key != "cutoff"]
        needed = [PARAMETERS[key][0] for key in given if PARAMETERS[key][0]]
        cutoffs = PARAMETERS["cutoff"] if "cutoff" in measure.SUPPORTED_PARAMS else ("",)
        one_more = [
            [*(one for one in needed if not one.startswith(f"{key}=")), text]
            for key in given
            for text in PARAMETERS[key][1:]
        ]
        for settings in [needed, *one_more]:
            inside = f"({', '.join(settings)})" if settings else ""
            for cutoff in cutoffs:
                yield f"{name}{inside}{cutoff}"


def ir_figures(written: str) -> dict[str, float] | None:
    """Its figures by topic; None where nothing that is installed computes the measure."""
    try:
        measure = ir_measures.parse_measure(written)
        found = list(ir_measures.iter_calc([measure], QRELS, SCORES))
    except (ValueError, RuntimeError, AssertionError, KeyError, TypeError, OSError):
        return None
    return {one.query_id: one.value for one in found if one.query_id in QRELS} or None


@pytest.mark.filterwarnings("ignore")
def test_every_name_of_ir_measures_is_its_figure_or_refused() -> None:
    compared, refused = set(), set()
    for written in of_ir_measures():
        name = re.split(r"[(@]", written)[0]
        try:
            figures = ours(written)
        except ClirotError:
            refused.add(name)
            continue
        if name in ("ERR", "Judged", "RBP") or "exp-log2" in written:
            continue  # gdeval (a Perl script of five digits) and closed forms: test_measures_parity
        expected = ir_figures(written)
        if expected is None:
            continue  # it has no figure that could differ
        (mine,) = figures.values()
        assert mine == pytest.approx(expected, abs=1e-6), written
        compared.add(name)
    assert {"AP", "nDCG", "Bpref", "SetF", "IPrec", "NumRet", "RR", "Recall"} <= compared
    assert refused - compared - {"RBP"} == {  # RBP@10 is p = .10 to ranx
        "Accuracy", "BPM", "Compat", "ERR_IA", "nERR_IA", "alpha_DCG", "α_DCG", "alpha_nDCG",
        "α_nDCG", "NRBP", "nNRBP", "AP_IA", "MAP_IA", "P_IA", "StRecall", "INST", "INSQ", "NERR8",
        "NERR9", "NERR10", "NERR11", "SDCG",
    }  # fmt: skip


def test_every_name_of_ranx_is_its_figure_or_refused() -> None:
    names = (
        "hits", "hit_rate", "precision", "f1", "r-precision", "mrr", "map", "dcg", "dcg_burges",
        "ndcg", "ndcg_burges",
    )  # fmt: skip
    asked = [*names, *(f"{name}@5" for name in names if name != "r-precision"), "rbp.95", "rbp.5"]
    asked += ["rbp.80-l2", "map@5-l2", "hit_rate@3-l3", "recall@20"]
    qrels = {t: {d: max(g, 1) for d, g in one.items()} for t, one in QRELS.items() if t != "q7"}
    scores = {topic: SCORES[topic] for topic in qrels}
    answer = ask_ranx(qrels=qrels, runs=[scores, scores], measures=asked, weights=[1, 1])
    run = Run.from_dict("r", scores)
    for written in asked:
        values = measure_values([parse_measure(written)], run, qrels)[0].tolist()
        mine = dict(zip(judged_topics(qrels), values, strict=True))
        assert mine == pytest.approx(answer["figures"][written], abs=1e-6), written


def test_names_of_mteb_and_beir_are_their_figures() -> None:
    for written, theirs in (("ndcg_at_10", "ndcg_cut_10"), ("recall_at_3", "recall_3"),
                            ("precision_at_5", "P_5"), ("map_at_10", "map_cut_10")):  # fmt: skip
        (mine,) = ours(written).values()
        assert mine == pytest.approx(trec_eval(theirs)[theirs])
    for topic, value in next(iter(ours("R_cap@3").values())).items():
        relevant = {docno for docno, grade in QRELS[topic].items() if grade > 0}
        best = sorted(SCORES[topic], key=lambda docno: -SCORES[topic][docno])[:3]
        assert value == pytest.approx(len(relevant & set(best)) / min(3, len(relevant)))


def test_settings_are_in_the_names_of_tables_and_not_ranxs() -> None:
    assert [paper_name(parse_measure(one)) for one in ("set_recall", "hit_rate", "R@5", "set_F.2")
            ] == ["R", "Success", "R@5", "F1(beta=2)"]  # fmt: skip
    with pytest.raises(UsageError, match="ranx does not compute the measure ndcg"):
        ranx_name(parse_measure("nDCG(gains={1:3})@10"), 1)
    assert ranx_name(parse_measure("nDCG@10"), 1) == "ndcg@10"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("R_cap", "for example R_cap@100"),
        ("Hole@10", "near it: judged@10"),
        ("set_F@2", "looks at all that was retrieved"),
        ("set_P@5", "looks at all that was retrieved"),
        ("SetR@5", "looks at all that was retrieved"),
        ("set_recall_5", "looks at all that was retrieved"),
        ("f1.5", "or set_F.5 for F with beta = 5"),
        ("recall", "write set_recall, or recall@100"),
        ("R", "it needs a cut-off"),
        ("utility.1,0,0,0", "trec_eval's own coefficients"),
        ("Rprec_mult.0", "above 0"),
        ("rbp.0", "above 0 and below 1"),
        ("rbp.0.8", "write rbp.8 or rbp(p=0.8)"),
        ("P(rel=²)@5", "cannot read the parameter 'rel=²'"),
        ("P@²", "unknown measure 'P@²'"),
        ("rbp(p=1.5)", "above 0 and below 1"),
        ("nDCG(gains={1:0.5})", "whole numbers"),
        ("nDCG(gains={1:1,1:2})", "two gains"),
        ("nDCG(gains={1:1},dcg='exp-log2')", "an exponential gain too"),
        ("AP(gains={1:1})", "cannot read the parameter 'gains={1:1}'"),
        ("ndcg_cut.1=3", "ndcg_cut takes cut-offs"),
        ("AP(cutoff=0)", "cannot read the parameter 'cutoff=0'"),
        ("Accuracy@5", "near it: bpref or success@1"),
        ("prefs_simp", "preferences between documents"),
        ("NERR8(max_rel=3)@5", "cwl-eval"),
    ],
)
def test_what_is_another_thing_elsewhere_is_refused(written: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_measures(written)
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_geometric_means_are_trec_evals_and_have_no_test() -> None:
    run = Run.from_dict("a", SCORES)
    other = Run.from_dict(
        "b", {topic: dict(list(one.items())[:9]) for topic, one in SCORES.items()}
    )
    config = EvaluateConfig(metrics=("gm_map,gm_bpref,map",), baseline="a")
    evaluation = evaluate_runs({"a": run, "b": other}, QRELS, config)
    for name in ("gm_map", "gm_bpref"):
        by_topic = trec_eval(name)[name].values()
        expected = pytrec_eval.compute_aggregated_measure(name, list(by_topic))
        figure = evaluation.figure("a", parse_measure(name))
        assert figure == pytest.approx(expected)
        assert figure == pytest.approx(float(np.exp(np.mean(list(by_topic)))))
    assert {str(one.measure) for one in evaluation.comparisons} == {"map"}
    assert [note for note in evaluation.notes if "gm_" in note] == [
        "gm_map, gm_bpref: no mean over topics, so that there is no test and no interval"
    ]
