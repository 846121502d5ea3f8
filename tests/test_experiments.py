"""``clirot experiment``: the table against the verbs called by hand, and what is made when."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import psutil
import pytest
from experiment_places import PLAN, save_experiment
from killing import Attempt
from typer.testing import CliRunner

from clirot.cli import app, command_named
from clirot.cli.shell import command_line
from clirot.collection import open_collection
from clirot.errors import BusyError, PartlyDoneError, UsageError
from clirot.experiments import Experiment, ExperimentConfig, open_experiment
from clirot.experiments.cells import STAGES, Cell
from clirot.experiments.running import Running
from clirot.runs import SAVED_RUN
from clirot.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::clirot.errors.UnusedSettingWarning")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = save_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return path


def opened(plan: Path, **settings: Any) -> Experiment:
    return open_experiment(ExperimentConfig(plan=plan, **settings))


def test_the_table_has_the_figures_of_its_runs(plan: Path) -> None:
    """MAP and P@1 by ir_measures, from the runs that are in the store, the mean over two seeds."""
    experiment = opened(plan)
    told: list[str] = []
    experiment.run(told=told.append)
    assert "no leakage: none of the 1 bitexts has a sentence of a collection" in told
    evaluation = experiment.table().evaluation
    assert evaluation.systems == (
        "bm25", "words", "start", "contrastive", "mse", "fused", "English",
    )  # fmt: skip
    store, collection = Store(), open_collection("set")
    kept = {topic.id for topic in collection.topics("so")[::2]}
    judged = {topic: docs for topic, docs in collection.qrels("so").items() if topic in kept}
    measures = {"map": ir_measures.AP, "P@1": ir_measures.P @ 1}
    for (system, label), keys in experiment.work.runs.items():
        found = []
        for key in keys:
            path = store.get("runs", key.removeprefix("runs/")).path / SAVED_RUN
            run = ir_measures.read_trec_run(str(path))
            found.append(ir_measures.calc_aggregate(list(measures.values()), judged, run))
        for place, measure in enumerate(measures.values()):
            expected = np.mean([one[measure] for one in found])
            figure = evaluation.figure(system, evaluation.measures[place], label)
            assert figure == pytest.approx(expected, abs=1e-6), (system, label, measure)
    assert {one.system for one in evaluation.comparisons} == set(evaluation.systems) - {"start"}
    assert [one.name for one in evaluation.gaps][:1] == ["so..so.drop"]
    assert len(evaluation.contrasts) == 4
    assert {len(topics) for topics in evaluation.topics.values()} == {15}


def test_topics_of_another_wording_are_those_of_the_topic_set(plan: Path) -> None:
    """Also where every second topic of it would be others: English lacks one of the topics."""
    english = plan.parent / "set" / "queries.en.tsv"
    rows = english.read_text().splitlines(keepends=True)
    english.write_text("".join([*rows[:3], *rows[4:]]))
    experiment = opened(plan, only=("English", "bm25"))
    experiment.run()
    evaluation = experiment.table().evaluation
    assert not any("English" in note for note in evaluation.notes)
    assert set(evaluation.inputs.runs["English", "so"].topics) == set(evaluation.topics["so"])


def test_what_is_there_is_found_again(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a changed line makes what depends on it, and says so where a name is taken."""
    experiment = opened(plan, only=("contrastive", "start"))
    experiment.run()
    assert all(cell.there(Store()) for cell in experiment.cells)
    before = {name: Store().get("models", name).digest for name in Store().names("models")}
    opened(plan, only=("contrastive", "start")).run()
    assert {name: Store().get("models", name).digest for name in before} == before
    plan.write_text(PLAN.replace("epochs = 2", "epochs = 1"))
    with pytest.raises(PartlyDoneError, match=r"tiny\.contrastive\.1 exists .* epochs"):
        opened(plan, only=("contrastive",)).run()
    opened(plan, only=("contrastive",), replace=True).run()
    changed = Store().get("models", "tiny.contrastive.1")
    assert changed.digest != before["tiny.contrastive.1"]
    assert changed.manifest.config["epochs"] == 1


def test_several_processes_make_the_same(plan: Path, tmp_path: Path) -> None:
    here, there = Store(), Store(tmp_path / "elsewhere")
    plan.write_text(PLAN.replace("seeds = [1, 2]", "seeds = [2]"))
    chosen = ExperimentConfig(plan=plan, only=("mse", "bm25", "words", "start"))
    alone = open_experiment(chosen, store=here)
    alone.run()
    together = open_experiment(replace(chosen, jobs=2), store=there)
    together.run()
    for kind in ("models", "tables", "runs"):
        names = here.names(kind)
        assert names == there.names(kind)
        for name in names:
            if kind != "runs":
                assert here.get(kind, name).digest == there.get(kind, name).digest
            else:  # a run names the file of its topics, which is elsewhere; its lines are the same
                one, other = (store.get(kind, name).path / SAVED_RUN for store in (here, there))
                assert one.read_bytes() == other.read_bytes()


def test_commands_say_what_cells_do(
    plan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command, read back by the command line, calls the verb with the cell's settings."""
    experiment = opened(plan)
    store = Store()

    class Called(Exception):  # noqa: N818
        pass

    def caught(config: Any, **_: Any) -> None:
        raise Called(config)

    for verb in (
        "clirot.distillation.distill",
        "clirot.bitext.word_table.make_table",
        "clirot.retrieval.indexing.build_index",
        "clirot.retrieval.searching.search",
        "clirot.retrieval.perturbation.perturbing.perturb",
        "clirot.bitext.acquisition.fetch_bitext",
    ):
        monkeypatch.setattr(verb, caught)
    seen = set()
    for cell in experiment.cells:
        line = command_line(cell, store, command_named)
        calls = [part for part in line.split(" && ") if part.startswith("clirot")]
        words = shlex.split(calls[0].removesuffix(" > /dev/null"))
        result = CliRunner().invoke(app, words[1:])
        assert isinstance(result.exception, Called), (line, result.output)
        wanted = cell.configuration
        if cell.stage == "bitext":
            wanted = cell.configuration.fetch
            assert calls[1].startswith(f"clirot bitext export {cell.configuration.artefact} --ev")
        assert result.exception.args[0] == wanted, line
        seen.add(cell.stage)
    assert seen == set(STAGES)


def test_the_commands_make_the_table(
    plan: Path, shell: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stage by stage through a shell, for the systems without training; then the same table."""
    chosen = ["--only", "bm25", "--only", "words"]
    plan.write_text(PLAN.replace('baseline = "start"', 'baseline = "bm25"'))
    text = plan.read_text().replace('contrasts = ["[{objective}] - [start]"]', "")
    plan.write_text(text)
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "by-commands"))
    listed = CliRunner().invoke(app, ["experiment", str(plan), *chosen, "--commands"])
    lines = [line for line in listed.stdout.splitlines() if not line.startswith("#")]
    home = {"CLIROT_HOME": str(tmp_path / "by-commands")}
    done = subprocess.run(
        ["sh", "-e"], input="\n".join(lines), env=shell | home, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    dry = CliRunner().invoke(app, ["experiment", str(plan), *chosen, "--dry-run"])
    assert "to make" not in dry.stdout
    by_commands = CliRunner().invoke(app, ["experiment", str(plan), *chosen]).stdout
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "by-itself"))
    assert CliRunner().invoke(app, ["experiment", str(plan), *chosen]).stdout == by_commands
    assert "words" in by_commands


def test_own_documents_that_a_plan_leaves_out_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "docs.en.tsv").write_text("d1\tmoon light\nd2\tsun light\n")
    (folder / "queries.so.tsv").write_text("d1\tmoon light\nq2\tsun\n")
    (folder / "qrels.txt").write_text("d1 0 d2 1\nq2 0 d2 1\n")
    path = tmp_path / "own.toml"
    path.write_text(
        'question = "?"\nlanguages = ["so"]\n'
        '[system.own]\nmodel = "bm25"\nsearch = { leave-out-own = true }\n'
        f'[system.again]\nmodel = "bm25"\ncandidates = "own"\n[collection.c]\nid = "{folder}"\n'
        '[evaluate]\nmetrics = ["map"]\n'
    )
    told: list[str] = []
    opened(path).run(told=told.append)
    assert "own.own.so: left out the topic's own document for 1 of 2 topics" in told


def test_a_cell_that_fails_stops_only_what_needs_it(plan: Path) -> None:
    (plan.parent / "set" / "qrels.txt").write_text("q0 0 d0 1\n")
    (plan.parent / "set" / "queries.en.tsv").write_text("q0\t\n")
    experiment = opened(plan, only=("bm25", "English"))
    with pytest.raises(PartlyDoneError, match="2 of 8 cells could not be made") as caught:
        experiment.run()
    assert "runs/tiny.English.so: " in caught.value.message
    assert "topic 'q0'" in caught.value.message
    assert Store().names("runs") == ["tiny.bm25.so", "tiny.bm25.so.drop"]


def test_a_cell_that_another_process_makes_is_waited_for(plan: Path) -> None:
    import clirot.experiments.making as making

    answers: list[Any] = [BusyError("busy"), BusyError("busy"), ["made"]]

    def busy(cell: Cell, *_: Any) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, BusyError):
            raise answer
        return answer  # type: ignore[no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(making.VERBS, "runs", busy)  # type: ignore[arg-type]
        patch.setattr(making, "_WAIT_S", 0)
        cell = Cell(stage="runs", name="b", configuration=None)
        assert making.make(cell, Store()) == ["made"]
    assert answers == []


def test_what_needs_a_failed_cell_is_named(plan: Path) -> None:
    cells = {
        "indexes/a": Cell(stage="indexes", name="a", configuration=None),
        "runs/b": Cell(stage="runs", name="b", configuration=None, after=("indexes/a",)),
    }

    def broken(cell: Cell, *_: Any) -> list[str]:
        raise UsageError("broken")

    import clirot.experiments.making as making

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(making.VERBS, "indexes", broken)  # type: ignore[arg-type]
        with pytest.raises(PartlyDoneError, match=r"indexes/a: broken\n  and 1 that need them"):
            Running(cells, Store(), jobs=1, replace=False).run()


def test_a_collection_that_is_not_there_is_refused_before_anything_runs(plan: Path) -> None:
    plan.write_text(PLAN.replace('id = "set"', 'id = "sett"'))
    line = PLAN.splitlines().index('id = "set"') + 1
    with pytest.raises(
        UsageError, match=rf"plan\.toml:{line}: collection\.set\.id: unknown collection 'sett'"
    ):
        opened(plan)
    assert not Store().home.exists()


def test_a_collection_that_is_bitext_is_refused(plan: Path) -> None:
    pairs = plan.parent / "so.tsv"
    pairs.write_text(pairs.read_text() + (plan.parent / "unseen.tsv").read_text())
    line = PLAN.splitlines().index("[collection.set]") + 1
    expected = rf"plan\.toml:{line}: collection\.set: .* 15 of the 30"
    with pytest.raises(UsageError, match=expected) as no:
        opened(plan, only=("start",)).run()
    assert "most-seen" in str(no.value.hint)
    assert Store().names("models") == []
    plan.write_text(f"most-seen = 0.5\n{PLAN}")
    told: list[str] = []
    opened(plan, only=("start",)).run(told=told.append)
    assert any(line.startswith("leakage: 15 of the 30 topics of so") for line in told)


def test_output(plan: Path) -> None:
    """The table on stdout, JSON, the seeds, the page."""
    chosen = ["experiment", str(plan), "--only", "start", "--only", "mse", "--only", "bm25"]
    plan.write_text(PLAN.replace('contrasts = ["[{objective}] - [start]"]', "intervals = true"))
    shown = CliRunner().invoke(app, chosen)
    assert shown.exit_code == 0, shown.output
    assert "Does it learn?" in shown.stderr
    assert "minutes left" in shown.stderr
    assert shown.stdout.splitlines()[0].split() == ["topics", "run", "map", "precision@1"]
    assert "\nSeeds:\n" in shown.stdout
    development = shown.stdout.partition("\nDevelopment split (MAP):\n")[2]
    rows = {row.split()[0]: row.split()[1:] for row in development.splitlines()[2:]}
    for name in Store().names("models"):
        scores = Store().get("models", name).manifest.results["development_map"]
        assert float(rows[name][0]) == pytest.approx(scores[0], abs=1e-4)
        assert float(rows[name][1]) == pytest.approx(scores[int(rows[name][2])], abs=1e-4)
    assert rows.keys() == set(Store().names("models"))
    as_json = CliRunner().invoke(app, [*chosen, "--json", "--report", "page"])
    document = json.loads(as_json.stdout)
    assert {one["name"] for one in document["runs"]} == {"start", "mse", "bm25"}
    page = Path("page/index.html").read_text(encoding="utf-8")
    assert "Does it learn?" in page
    assert "seeds: 1, 2" in page


@pytest.fixture
def killed_plan(plan: Path) -> Path:
    """One seed, and systems of every kind: killing is about what is made, not how much of it."""
    text = PLAN.replace("seeds = [1, 2]\n", "").replace('"contrastive", "mse"', '"mse"')
    plan.write_text(text)
    return plan


def test_killed_at_ten_random_moments(
    killed_plan: Path, tmp_path: Path, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same table in the end, byte for byte, and no artefact that is not whole."""
    from clirot.store import tree_digest

    table, again = tmp_path / "table.json", tmp_path / "again.json"
    command = f"experiment {killed_plan} --json"
    code, seconds = attempt(f"{command} > {table}")
    assert code == 0
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "killed"))
    draw = random.Random(11)
    kills = 0
    while kills < 10:
        # Each attempt goes on where the last one was killed, until all is done: then anew.
        code, _ = attempt(command, seconds * (1 + 4 * draw.random()) / 12)
        store = Store()
        for kind in ("models", "indexes", "runs", "tables", "bitext"):
            for artefact in store.all(kind):
                assert tree_digest(artefact.path) == artefact.digest, artefact.name
        if code == 0:
            shutil.rmtree(store.home)
            continue
        assert code == -signal.SIGKILL
        kills += 1
    assert attempt(f"{command} > {again}")[0] == 0
    assert again.read_bytes() == table.read_bytes()


def _spawned(process: psutil.Process) -> bool:
    """Whether it is one of the pool; there are short-lived children too."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def test_no_process_outlives_the_first(plan: Path, tmp_path: Path) -> None:
    """Killed, ``--jobs 2`` leaves no process behind."""
    words = [sys.executable, "-m", "clirot", "experiment", str(plan), "--jobs", "2"]
    environment = os.environ | {"CLIROT_HOME": str(tmp_path / "jobs")}
    with subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) as process:
        first = psutil.Process(process.pid)
        working: list[psutil.Process] = []
        while len(working) < 2:
            assert process.poll() is None
            working = [one for one in first.children() if _spawned(one)]
            time.sleep(0.05)
        process.kill()
    gone, alive = psutil.wait_procs(working, timeout=60)
    assert (len(gone), alive) == (len(working), [])
