"""Topics that are documents: their own document is left out on request, and otherwise told of."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plans import read
from typer.testing import CliRunner

from clirot.cli import app
from clirot.cli.shell import command_line
from clirot.errors import InputError, UsageError
from clirot.evaluation import EvaluateConfig, evaluate_runs
from clirot.evaluation.measures import parse_measure
from clirot.experiments.evaluating import config_for
from clirot.runs import Run
from clirot.store import Store

MAP = parse_measure("map")
OWN = {
    "a1": {"a1": 3.0, "a2": 2.0, "x": 1.0},
    "a2": {"a2": 3.0, "a1": 2.0},
    "a3": {"a3": 1.0},
    "a4": {"x": 1.0, "a1": 0.5},
}
QRELS = {"a1": {"a2": 1}, "a2": {"a1": 1}, "a3": {"x": 1}, "a4": {"a1": 1}}


def config(**given_: object) -> EvaluateConfig:
    return EvaluateConfig(**{"metrics": ("map",), **given_})  # type: ignore[arg-type]


def test_the_own_document_is_left_out_counted_and_said() -> None:
    runs = {"r": Run.from_dict("r", OWN)}
    result = evaluate_runs(runs, QRELS, config(leave_out_own=True))
    assert result.per_topic("r") == {
        "a1": {"map": 1.0}, "a2": {"map": 1.0}, "a3": {"map": 0.0}, "a4": {"map": 0.5}
    }  # fmt: skip
    assert result.inputs.own_left_out == {("r", ""): 3}
    assert result.notes == (
        "run r: left out the topic's own document for 3 of 4 topics",
        "run r: no results for 1 of 4 topics, which count as 0 (as in trec_eval -c): a3",
    )
    plain = evaluate_runs(runs, QRELS, config())
    assert plain.per_topic("r")["a1"] == {"map": 0.5}
    assert plain.notes == (
        "run r: 3 of 4 topics find first the document that has their own id, and none of these is "
        "judged relevant; ArguAna and Quora leave it out: `leave_out_own`",
    )


def test_nothing_is_said_where_ids_coincide_by_chance_or_are_judged() -> None:
    run = {"r": Run.from_dict("r", OWN)}
    judged = {**QRELS, "a1": {"a1": 1, "a2": 1}}
    assert evaluate_runs(run, judged, config()).notes == ()
    later = {topic: {"x": 9.0, **{d: s for d, s in docs.items() if d != "x"}}
             for topic, docs in OWN.items()}  # fmt: skip
    assert evaluate_runs({"r": Run.from_dict("r", later)}, QRELS, config()).notes == ()


def test_what_is_left_out_although_it_is_judged_relevant_is_said() -> None:
    judged = {**QRELS, "a1": {"a1": 1, "a2": 1}}
    result = evaluate_runs({"r": Run.from_dict("r", OWN)}, judged, config(leave_out_own=True))
    assert "3 of 4 topics; of these, 1 is judged relevant" in result.notes[0]
    none = evaluate_runs(
        {"r": Run.from_dict("r", {"a4": OWN["a4"]})}, QRELS, config(leave_out_own=True)
    )
    assert none.notes[0].startswith("no run has a document with the id of its topic")


def test_fusion_sees_runs_without_the_own_documents() -> None:
    runs = {"a": Run.from_dict("a", OWN), "b": Run.from_dict("b", {"a1": {"x": 2.0, "a2": 1.0}})}
    alone = {"a": Run.from_dict("a", {"a1": {"a1": 1.0}})}
    with pytest.raises(InputError, match="nothing is left of it"):
        evaluate_runs(alone, QRELS, config(leave_out_own=True))
    fused = evaluate_runs(runs, QRELS, config(leave_out_own=True, fuse=("rrf",))).fused["rrf", ""]
    assert set(fused.documents("a1")) == {"a2", "x"}
    with pytest.raises(UsageError, match="`predictions` are none"):
        config(leave_out_own=True, predictions=("p",), runs=())


ids = st.sampled_from(["1", "2", "3", "4", "é", "x"])
tables = st.dictionaries(
    ids, st.dictionaries(ids, st.floats(-5, 5, width=16), min_size=1, max_size=6), min_size=1
)


@given(tables, st.dictionaries(ids, st.dictionaries(ids, st.integers(0, 2), min_size=1)))
@settings(max_examples=60, deadline=None)
def test_figures_are_trec_evals_of_the_run_without_them(
    scores: dict[str, dict[str, float]], qrels: dict[str, dict[str, int]]
) -> None:
    without = {t: {d: s for d, s in docs.items() if d != t} for t, docs in scores.items()}
    if not any(without.get(topic) for topic in qrels):
        return
    judge = pytrec_eval.RelevanceEvaluator(qrels, {"map", "ndcg_cut_3"})
    expected = judge.evaluate({topic: docs for topic, docs in without.items() if docs})
    asked = config(metrics=("map", "ndcg@3"), leave_out_own=True)
    result = evaluate_runs({"r": Run.from_dict("r", scores)}, qrels, asked)
    for topic, values in result.per_topic("r").items():
        theirs = expected.get(topic, {"map": 0.0, "ndcg_cut_3": 0.0})
        assert values == pytest.approx({"map": theirs["map"], "ndcg@3": theirs["ndcg_cut_3"]})
    assert result.inputs.own_left_out["r", ""] == sum(t in docs for t, docs in scores.items())


def test_it_is_in_the_json_and_an_option(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a1 Q0 a1 1 2 t\na1 Q0 a2 2 1 t\n")
    (tmp_path / "qrels").write_text("a1 0 a2 1\n")
    call = ["evaluate", str(tmp_path / "run"), "--qrels", str(tmp_path / "qrels"), "-m", "ndcg@10"]
    done = CliRunner().invoke(app, [*call, "--json", "--leave-out-own"])
    (entry,) = json.loads(done.stdout)["runs"]
    assert entry["means"] == {"ndcg@10": 1.0}
    assert entry["own_documents_left_out"] == 1
    plain = CliRunner().invoke(app, [*call, "--json"])
    (entry,) = json.loads(plain.stdout)["runs"]
    assert entry["means"]["ndcg@10"] == pytest.approx(1 / np.log2(3))
    assert "own_documents_left_out" not in entry
    assert "leave it out: --leave-out-own" in plain.stderr


def test_a_plan_has_it_for_searches_and_for_the_evaluation(tmp_path: Path) -> None:
    for lang in ("en", "so"):
        (tmp_path / f"queries.{lang}.tsv").write_text("d1\tbread\n")
    (tmp_path / "docs.en.tsv").write_text("d1\tbread\n")
    (tmp_path / "qrels.txt").write_text("d1 0 d1 1\n")
    plan, work = read(
        f"""
prefix = "own"
languages = ["so"]
[system.bm25]
model = "bm25"
[collection.set]
id = "{tmp_path}"
[search]
leave-out-own = true
[evaluate]
metrics = ["ndcg_cut.10,20", "set_F.2"]
leave-out-own = true
""",
        tmp_path / "plan.toml",
    )
    searches = [cell for cell in work.cells.values() if cell.stage == "runs"]
    assert searches and all(cell.configuration.leave_out_own for cell in searches)
    assert config_for(plan, plan.systems)[0].leave_out_own
    from clirot.cli import command_named

    lines = [command_line(cell, Store(), command_named) for cell in searches]
    assert all(" --leave-out-own " in line for line in lines)


def test_ids_in_another_unicode_form_are_told_of() -> None:
    composed, parted = "caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")
    run = {"r": Run.from_dict("r", {"q": {parted: 2.0, "x": 1.0}})}
    notes = evaluate_runs(run, {"q": {composed: 1, "x": 1}}, config()).notes
    assert notes == (
        "run r: 1 id is written otherwise than in the judgements (accents composed or decomposed,"
        f" Unicode NFC and NFD), so there is no match: {parted}",
    )
    assert evaluate_runs(run, {"q": {parted: 1, "x": 1}}, config()).notes == ()


def test_a_system_is_said_once_for_all_its_topic_sets() -> None:
    runs = {f"r@{name}": Run.from_dict("r", OWN) for name in ("so", "sw")}
    runs["other@so"] = Run.from_dict("other", {"a1": {"x": 2.0, "a2": 1.0}})
    runs["other@sw"] = Run.from_dict("other", {"a1": {"a1": 2.0, "a2": 1.0}})
    notes = evaluate_runs(runs, QRELS, config(leave_out_own=True)).notes
    assert [note for note in notes if "left out the topic's own" in note] == [
        "run r: left out the topic's own document for 3 of 4 topics of so, 3 of 4 topics of sw",
        "run other: left out the topic's own document for 1 of 1 topics of sw",
    ]
