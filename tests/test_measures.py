"""Names of measures, and closed-form values that no second implementation is needed for."""

from __future__ import annotations

import math

import pytest

from clirot.errors import InputError, UnknownNameError, UsageError
from clirot.evaluation.measures import Measure, measure_values, parse_measure, read_measures
from clirot.evaluation.measures import values as values_module
from clirot.evaluation.measures.names import DEFINITIONS
from clirot.runs import Run

SAME = {
    "map": ["map", "MAP", "AP", "ap", " map "],
    "map@100": ["map@100", "AP@100", "map_cut_100", "map_cut.100", "MAP@100"],
    "ndcg": ["ndcg", "nDCG", "NDCG"],
    "ndcg@20": ["ndcg@20", "nDCG@20", "NDCG@20", "ndcg_cut_20", "ndcg_cut.20"],
    "ndcg_burges@10": ["ndcg_burges@10", "nDCG(dcg='exp-log2')@10"],
    "precision@5": ["P@5", "P_5", "P.5", "precision@5", "Precision@5"],
    "recall@1000": ["R@1000", "recall@1000", "recall_1000", "Recall@1000"],
    "mrr": ["recip_rank", "RR", "MRR", "mrr", "reciprocal_rank"],
    "mrr@10": ["RR@10", "MRR@10", "mrr@10"],
    "judged@20": ["judged@20", "Judged@20"],
    "success@1": ["success@1", "Success@1", "success_1", "hit_rate@1"],
    "rprec": ["Rprec", "r-precision", "RPrec"],
    "bpref": ["bpref", "Bpref", "BPref"],
    "infap": ["infAP"],
    "f1": ["f1", "SetF", "set_F"],
    "f1(beta=2)": ["SetF(beta=2)", "SetF(beta=2.0)", "set_F.2"],
    "precision": ["set_P", "SetP", "precision"],
    "set_recall": ["set_recall", "SetR"],
    "hit_rate": ["hit_rate"],
    "set_relative_p": ["set_relative_P", "SetRelP", "SetP(relative=True)"],
    "set_map": ["set_map", "SetAP"],
    "iprec@0.1": ["iprec_at_recall_0.10", "IPrec@0.1", "iprec@0.1"],
    "11pt_avg": ["11pt_avg"],
    "map@100-l2": ["map@100-l2", "AP(rel=2)@100"],
    "map(judged_only=True)": ["AP(judged_only=True)"],
    "f1(beta=2,judged_only=True)@10": ["f1(beta=2, judged_only=True)@10"],
    "rbp(p=0.95)": ["RBP(p=0.95)"],
    "rbp.95": ["rbp.95"],
    "rbp(p=0.95)-l1": ["RBP(p=0.95, rel=1)"],
    "rbp(p=0.8)@10": ["RBP(p=0.8)@10"],
    "num_rel_ret": ["num_rel_ret", "NumRelRet"],
    "num_ret": ["NumRet", "num_ret"],
    "num_rel_ret-l2": ["NumRet(rel=2)", "num_rel_ret-l2"],
    "f1(beta=0.5)": ["set_F.0.5", "set_F_0.5", "SetF(beta=0.5)"],
    "relative_p@5": ["relative_P.5", "relative_P_5"],
    "rprec_mult@0.4": ["Rprec_mult.0.4", "Rprec_mult_0.40"],
    "utility": ["utility", "utility.1,-1,0,0", "utility.1.0,-1.0,0,0"],
    "ndcg(gains={1:0,3:1})": ["nDCG(gains={1:0,3:1})", "ndcg.1=0,3=1", "nDCG(gains={3:1, 1: 0})"],
    "ndcg(gains={1:0,3:1})@10": ["nDCG(gains={1:0,3:1})@10", "NDCG(cutoff=10,gains={1:0,3:1})"],
    "gm_map": ["gm_map"],
    "hits@5": ["hits@5"],
    "err@20": ["ERR@20"],
}


@pytest.mark.parametrize(
    ("canonical", "written"), [(name, one) for name, all_ in SAME.items() for one in all_]
)
def test_spellings_of_one_measure_are_one_measure(canonical: str, written: str) -> None:
    assert parse_measure(written).format() == canonical
    assert parse_measure(canonical) == parse_measure(written)


@pytest.mark.parametrize("name", [*DEFINITIONS])
def test_every_canonical_name_is_read_back(name: str) -> None:
    definition = DEFINITIONS[name]
    measure = Measure(
        name,
        cutoff=7 if definition.cutoff else None,
        level=2 if definition.needs == "judgements" and name != "num_ret" else None,
        at=0.3 if definition.at else None,
        gains=((1, 0), (2, 5)) if name == "ndcg" else None,
        judged_only=name != "iprec" and definition.needs == "judgements",
    )
    assert parse_measure(measure.format()) == measure


@pytest.mark.parametrize(
    ("written", "near"),
    [("nDGC@10", "ndcg"), ("mpa", "map"), ("recal@5", "recall"), ("bperf", "bpref")],
)
def test_a_near_miss_is_suggested(written: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        parse_measure(written)
    assert caught.value.message == f"unknown measure {written.partition('@')[0]!r}"
    assert f"did you mean {near!r}?" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("bpref@10", "bpref has no cut-off"),
        ("ndcg@0", "not a whole number from 1 on"),
        ("ndcg@1.5", "not a whole number from 1 on"),
        ("iprec", "needs a recall level"),
        ("iprec@2", "not between 0 and 1"),
        ("iprec@0.125", "trec_eval knows two digits"),
        ("rbp@10", "it is p = 0.10 to ranx and the first 10 to ir_measures"),
        ("map@10-l2(rel=3)", "unknown measure"),
        ("AP(rel=3)-l2", "says two things about one setting"),
        ("AP(depth=3)", "cannot read the parameter 'depth=3'"),
        ("alpha_nDCG@10", "that clirot does not compute: it needs judgements of subtopics"),
        ("", "unknown measure"),
    ],
)
def test_what_a_measure_cannot_be_is_said(written: str, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("(", r"\(").replace(".", r"\.")):
        parse_measure(written)


def one_topic(measure: str, ranking: str, *, level: int = 1, more: int = 0) -> float:
    """A measure for a ranking written as grades, ``-`` for unjudged: ``"10-2"``."""
    scores = {f"d{rank}": -float(rank) for rank in range(len(ranking))}
    qrels = {f"d{rank}": int(grade) for rank, grade in enumerate(ranking) if grade != "-"}
    qrels |= {f"missed{number}": 1 for number in range(more)}
    run = Run.from_dict("run", {"q": scores})
    return float(measure_values([parse_measure(measure)], run, {"q": qrels}, level=level)[0, 0])


@pytest.mark.parametrize(
    ("measure", "ranking", "more", "value"),
    [
        ("map", "101", 0, (1 + 2 / 3) / 2),
        ("map", "101", 2, (1 + 2 / 3) / 4),
        ("map@2", "101", 0, 1 / 2),
        ("ndcg", "01", 0, 1 / math.log2(3)),
        ("ndcg@1", "12", 0, 1 / 2),
        ("dcg@2", "12", 0, 1 + 2 / math.log2(3)),
        ("dcg_burges@2", "12", 0, 1 + 3 / math.log2(3)),
        ("mrr", "-01", 0, 1 / 3),
        ("mrr@2", "-01", 0, 0.0),
        ("precision@5", "11", 0, 2 / 5),
        ("recall@1", "11", 0, 1 / 2),
        ("success@2", "001", 0, 0.0),
        ("judged@10", "1-0", 0, 2 / 3),
        ("judged@2", "1-0", 0, 1 / 2),
        ("rbp.5", "101", 0, 0.5 * (1 + 0.25)),
        ("err@3", "40", 0, 15 / 16),
        ("err@2", "11", 0, 1 / 16 + 15 / 16 * 1 / 16 / 2),
        ("f1@2", "10", 1, 1 / 2),
        ("num_rel", "1-0", 3, 4.0),
        ("map", "--1", 0, 1 / 3),
        ("map(judged_only=True)", "--1", 0, 1.0),
        ("precision(judged_only=True)", "--10", 0, 1 / 2),
    ],
)
def test_closed_forms(measure: str, ranking: str, more: int, value: float) -> None:
    assert one_topic(measure, ranking, more=more) == pytest.approx(value, abs=1e-12)


def test_the_relevance_level_changes_what_is_relevant_and_leaves_ndcg_alone() -> None:
    assert one_topic("map", "12") == 1.0
    assert one_topic("map", "12", level=2) == 0.5
    assert one_topic("map-l2", "12") == 0.5
    assert one_topic("ndcg", "12", level=2) == one_topic("ndcg", "12")
    assert one_topic("ndcg-l2", "12") == pytest.approx(1 / math.log2(3))


def test_a_topic_without_relevant_documents_is_zero_everywhere() -> None:
    for name, definition in DEFINITIONS.items():
        if name.startswith(("num_", "judged", "gm_")) or definition.needs != "judgements":
            continue
        if name == "utility":
            continue  # it counts what was retrieved and is not relevant
        at = {"iprec": "@0.5", "rprec_mult": "@0.5", "recall": "@3"}.get(name, "")
        for measure in read_measures(name + at):
            assert one_topic(str(measure), "00-") == 0.0, name


def test_negative_judgements_are_neither_relevant_nor_judged_nonrelevant() -> None:
    run = Run.from_dict("run", {"q": {"a": 3.0, "b": 2.0, "c": 1.0}})
    for grade, bpref in ((0, 0.0), (-1, 1.0)):
        qrels = {"q": {"a": grade, "b": 1, "c": 0}}
        measures = [parse_measure("bpref"), parse_measure("map")]
        assert measure_values(measures, run, qrels)[:, 0].tolist() == [bpref, 0.5]


def test_large_runs_are_measured_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {f"q{n}": {f"d{place}": -float(place) for place in range(n)} for n in range(1, 9)}
    qrels = {f"q{n}": {f"d{n // 2}": 1 + n % 2, "d0": 0} for n in reversed(range(1, 12))}
    run = Run.from_dict("run", scores)
    measures = [parse_measure(name) for name in ("map", "ndcg@3", "judged@4", "num_rel", "dcg")]
    whole = measure_values(measures, run, qrels)
    monkeypatch.setattr(values_module, "_ROWS", 10)
    assert measure_values(measures, run, qrels).tolist() == whole.tolist()
    assert whole[0].any()


def test_a_grade_that_trec_eval_cannot_handle_is_refused() -> None:
    run = Run.from_dict("run", {"q": {"a": 1.0}})
    with pytest.raises(InputError, match="topic 'q': a relevance of 10001 is more than"):
        measure_values([parse_measure("map")], run, {"q": {"a": 10001}})
    with pytest.raises(InputError, match="a relevance of 14"):
        measure_values([parse_measure("ndcg_burges")], run, {"q": {"a": 14}})
    assert measure_values([parse_measure("dcg_burges")], run, {"q": {"a": 14}})[0, 0] == 2**14 - 1
