"""Every measure against trec_eval itself (pytrec_eval), and ir_measures and ranx where it has none.

Runs are generated with what breaks evaluation tools: scores that tie, also only as 32-bit floats,
infinite and negative ones, topics missing on either side, unjudged documents, grades and zeros.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import ir_measures
import pytest
import pytrec_eval

from clirot.evaluation.measures import judged_topics, measure_values, parse_measure
from clirot.runs import Qrels, Run, read_qrels

TOLERANCE = 1e-6
TREC_EVAL = (
    "map", "gm_map", "ndcg", "Rprec", "recip_rank", "bpref", "infAP", "11pt_avg", "set_P",
    "set_recall", "set_F", "set_map", "set_relative_P", "num_q", "num_ret", "num_rel",
    "num_rel_ret",
    *(f"{name}_{k}" for name in ("P", "recall", "success", "map_cut", "ndcg_cut")
      for k in (1, 3, 5, 10, 20, 100, 1000)),
    *(f"iprec_at_recall_{step / 10:.2f}" for step in range(11)),
)  # fmt: skip


def generated_qrels(chance: random.Random, topics: int = 6) -> dict[str, dict[str, int]]:
    return {
        f"q{topic}": {
            f"d{place}": chance.choice([0, 0, 1, 1, 2, 3])
            for place in chance.sample(range(60), chance.randint(1, 30))
        }
        for topic in range(topics)
    }


def generated_run(chance: random.Random, topics: int = 6) -> dict[str, dict[str, float]]:
    def score() -> float:
        odd = [math.inf, -math.inf, 0.0, -0.0, 1e39, -1e39, 17.0, 17.0000001, 1e-46]
        return chance.choice(
            [chance.gauss(0, 1), float(round(chance.gauss(0, 2))), chance.choice(odd)]
        )

    # q0 is missing, and one topic more than the qrels have is there
    return {
        f"q{topic}": {
            f"d{place}": score() for place in chance.sample(range(60), chance.randint(1, 50))
        }
        for topic in range(1, topics + 1)
    }


def values_of(
    written: str, scores: dict[str, dict[str, float]], qrels: Qrels, level: int = 1
) -> dict[str, float]:
    """One measure by topic."""
    run = Run.from_dict("run", scores)
    values = measure_values([parse_measure(written)], run, qrels, level=level)[0]
    return dict(zip(judged_topics(qrels), values.tolist(), strict=True))


def assert_as_trec_eval(
    qrels: dict[str, dict[str, int]], scores: dict[str, dict[str, float]], level: int
) -> int:
    judge = pytrec_eval.RelevanceEvaluator(qrels, set(TREC_EVAL), relevance_level=level)
    expected = judge.evaluate(scores)
    run = Run.from_dict("generated", scores)
    table = measure_values([parse_measure(name) for name in TREC_EVAL], run, qrels, level=level)
    compared = 0
    for written, values in zip(TREC_EVAL, table, strict=True):
        if written == "num_rel" and level > 1:
            continue  # pytrec_eval does not pass the level on to it
        for topic, value in zip(judged_topics(qrels), values.tolist(), strict=True):
            if topic in expected:
                assert value == pytest.approx(expected[topic][written], abs=TOLERANCE), (
                    written,
                    topic,
                )
                compared += 1
            elif written not in ("gm_map", "num_q", "num_rel"):
                assert value == 0.0, (written, topic)
    return compared


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("seed", range(25))
def test_generated_runs_give_trec_evals_figures(seed: int, level: int) -> None:
    chance = random.Random(1000 * level + seed)
    compared = assert_as_trec_eval(generated_qrels(chance), generated_run(chance), level)
    assert compared > 200


def test_all_scores_equal_is_ranked_as_trec_eval_ranks_it() -> None:
    documents = ["d1", "d10", "d2", "D2", "é", "z", "中"]
    qrels = {"q": {name: place % 3 for place, name in enumerate(documents)}}
    assert_as_trec_eval(qrels, {"q": dict.fromkeys(documents, 3.5)}, 1)
    run = Run.from_dict("ties", {"q": dict.fromkeys(documents, 3.5)})
    by_bytes = sorted(documents, key=str.encode, reverse=True)
    assert [hit.docno for hit in run.hits("q")] == by_bytes


def overlap_run(directory: Path, language: str, limit: int) -> dict[str, dict[str, float]]:
    """A run for a real collection: how many distinct words topic and document share. It ties."""
    postings: dict[str, list[str]] = {}
    for line in (directory / "docs.en.tsv").read_text("utf-8").splitlines():
        docno, _, text = line.partition("\t")
        for word in set(text.casefold().split()):
            postings.setdefault(word, []).append(docno)
    run = {}
    for line in (directory / f"queries.{language}.tsv").read_text("utf-8").splitlines()[:limit]:
        topic, _, text = line.partition("\t")
        shared = Counter(
            doc for word in set(text.casefold().split()) for doc in postings.get(word, ())
        )
        if shared:
            run[topic] = {docno: float(count) for docno, count in shared.most_common(300)}
    return run


@pytest.mark.parametrize(
    ("collection", "language"),
    [("cranfield", "en"), ("vaswani", "en"), ("xquad", "de"), ("quran_heldout", "fr")],
)
def test_real_judgements_give_trec_evals_figures(
    shared_data: Path, collection: str, language: str
) -> None:
    directory = shared_data / "collections" / collection
    qrels = read_qrels(directory / "qrels.txt")
    run = overlap_run(directory, language, limit=150)
    assert assert_as_trec_eval(qrels, run, 1) > 50 * len(TREC_EVAL)
    if collection == "cranfield":
        assert assert_as_trec_eval(qrels, run, 2) > 50 * len(TREC_EVAL)


def tieless_run(chance: random.Random) -> dict[str, dict[str, float]]:
    return {
        f"q{topic}": {f"d{place}": chance.gauss(0, 1) for place in chance.sample(range(60), 40)}
        for topic in range(6)
    }


IR_MEASURES = (
    "AP", "AP(rel=2)", "AP@20", "AP(rel=2)@20", "nDCG", "nDCG@10", "P@5", "P(rel=2)@5", "R@100",
    "RR", "RR@10", "RR(rel=2)@10", "Rprec", "Bpref", "Bpref(rel=2)", "Success@3", "Judged@10",
    "SetP", "SetR", "SetF", "SetAP", "SetF(beta=2.0)", "IPrec@0.1", "infAP", "NumRet",
    "NumRelRet", "AP(judged_only=True)", "nDCG(judged_only=True)@10", "P(judged_only=True)@5",
    "SetP(relative=True)",
)  # fmt: skip


@pytest.mark.parametrize("written", IR_MEASURES)
def test_ir_measures_own_spelling_gives_its_figures(written: str) -> None:
    chance = random.Random(7)
    qrels, scores = generated_qrels(chance), tieless_run(chance)
    theirs = ir_measures.parse_measure(written)
    expected = {one.query_id: one.value for one in ir_measures.iter_calc([theirs], qrels, scores)}
    ours = values_of(written, scores, qrels)
    assert ours == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.skipif(shutil.which("perl") is None, reason="gdeval is a perl script")
@pytest.mark.parametrize("written", ["ERR@10", "nDCG(dcg='exp-log2')@10"])
def test_gdeval_gives_the_same_figures(written: str) -> None:
    chance = random.Random(8)
    numbered = {topic.lstrip("q"): docs for topic, docs in generated_qrels(chance).items()}
    scores = {topic.lstrip("q"): docs for topic, docs in tieless_run(chance).items()}
    numbered = {t: d for t, d in numbered.items() if any(grade > 0 for grade in d.values())}
    calculated = ir_measures.gdeval.iter_calc(
        [ir_measures.parse_measure(written)], numbered, scores
    )
    expected = {one.query_id: one.value for one in calculated}
    expected.pop("amean", None)
    ours = values_of(written, scores, numbered)
    assert {t: ours[t] for t in expected} == pytest.approx(expected, abs=1e-5)  # five digits


RANX = (
    "hits", "hits@5", "hit_rate@5", "precision", "precision@5", "recall@20", "f1",
    "f1@10", "r-precision", "mrr", "mrr@10", "map", "map@20", "dcg@10", "dcg_burges@10", "ndcg",
    "ndcg@10", "ndcg_burges@10", "map@20-l2", "ndcg@10-l2", "mrr-l2",
)  # fmt: skip

ASK_RANX = """
import json, sys
from ranx import Qrels, Run, evaluate, fuse
asked = json.load(sys.stdin)
qrels, runs = Qrels(asked["qrels"]), [Run(run, name=str(i)) for i, run in enumerate(asked["runs"])]
figures = {}
for name in asked["measures"]:
    evaluate(qrels, runs[0], name, return_mean=False)
    figures[name] = runs[0].scores[name]
rrf = fuse(runs, norm=None, method="rrf", params={"k": 60})
total = fuse(runs, norm="min-max", method="wsum", params={"weights": asked["weights"]})
json.dump({"figures": figures, "rrf": rrf.to_dict(), "sum": total.to_dict()}, sys.stdout)
"""


def ask_ranx(**asked: object) -> dict[str, dict[str, dict[str, float]]]:
    """ranx in a process of its own, without compiling: it reads the switch when it is imported."""
    done = subprocess.run(
        [sys.executable, "-c", ASK_RANX], input=json.dumps(asked), text=True, capture_output=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, dict[str, dict[str, float]]] = json.loads(done.stdout)
    return answer


def test_ranx_gives_the_same_figures_and_the_same_fusions() -> None:
    from clirot.evaluation.fusion_methods import Fusion
    from clirot.evaluation.ranx_library import fuse

    chance = random.Random(9)
    qrels = {
        topic: {docno: max(1, grade) for docno, grade in documents.items()}
        for topic, documents in generated_qrels(chance).items()
    }  # graded from 1: ranx has no topics without a relevant document
    runs = [tieless_run(chance), tieless_run(chance)]
    answer = ask_ranx(qrels=qrels, runs=runs, measures=RANX, weights=[0.3, 0.7])
    for written in RANX:
        assert values_of(written, runs[0], qrels) == pytest.approx(
            answer["figures"][written], abs=TOLERANCE
        ), written
    named = [Run.from_dict(name, run) for name, run in zip("ab", runs, strict=True)]
    for how, key in (("rrf", "rrf"), ("wsum:a=0.3,b=0.7", "sum")):
        fusion = Fusion.parse(how)
        found = fuse(named, sorted(qrels), fusion.method, fusion.norm, fusion.settings("ab"))
        for topic in qrels:
            assert found.documents(topic) == pytest.approx(answer[key][topic])
