"""Plans with systems that are trained on judged topics, before or after they are distilled."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
from judged_places import EXAMPLE, save_judged_place
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app, command_named
from clirot.cli.shell import command_line
from clirot.distillation import DistillConfig
from clirot.errors import BusyError, UsageError
from clirot.experiments import Experiment, ExperimentConfig, open_experiment
from clirot.experiments.cells import Cell, joined
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.reading import plan_of
from clirot.experiments.work import work_of
from clirot.records import Step
from clirot.runs import SAVED_RUN
from clirot.settings import values
from clirot.store import Store
from clirot.supervision import TrainConfig

pytestmark = pytest.mark.filterwarnings("ignore::clirot.errors.UnusedSettingWarning")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = save_judged_place(tmp_path)
    monkeypatch.chdir(tmp_path)
    return path


def opened(plan: Path, **settings: Any) -> Experiment:
    return open_experiment(ExperimentConfig(plan=plan, **settings))


def test_the_example_makes_what_its_shell_commands_would(tmp_path: Path) -> None:
    """The settings of its models, written out; all others have their defaults."""
    file = PlanFile.read(EXAMPLE)
    plan = plan_of(file)
    assert list(plan.systems) == [
        "as is", "judged-en", "judged-translated", "distilled", "distilled-judged",
        "judged-distilled",
    ]  # fmt: skip
    work = work_of(plan, file, Store(tmp_path))
    encoder, collection = "encoders/me5-12", "splits/xquad/train"
    judged = {
        "collection": collection, "negatives_lang": "en", "apart": "documents",
        "positives": 1, "group_negatives": 1, "max_tokens": 160, "epochs": 2, "seed": 1,
    }  # fmt: skip
    expected: dict[str, dict[str, Any]] = {
        "judged-en": judged | {"model": encoder, "lang": "en"},
        "judged-translated": judged | {"model": encoder, "lang": "hi"},
        "distilled": {"teacher": encoder, "student": encoder, "epochs": 1, "seed": 1},
        "distilled-judged": judged
        | {"model": "judged.distilled.1", "lang": "hi"},
        "judged-distilled": {
            "teacher": "judged.judged-en.1", "student": "judged.judged-en.1", "epochs": 1,
            "seed": 1,
        },
    }  # fmt: skip
    for system, settings in expected.items():
        made = values(work.cells[f"models/judged.{system}.1"].configuration)
        trained = "model" in settings
        default = TrainConfig(model="", collection="") if trained else _default_student()
        changed = {key: one for key, one in made.items() if one != values(default)[key]}
        for key in ("name", "files", "sources"):
            changed.pop(key, None)
        same = {key: one for key, one in settings.items() if values(default)[key] != one}
        assert changed == same, system
    assert {cell.configuration.k for cell in work.cells.values() if cell.stage == "runs"} == {100}


def _default_student() -> DistillConfig:
    from clirot.records import LanguagePair

    return DistillConfig(pair=LanguagePair("en", "so"))


def test_the_example_on_tiny_models(plan: Path) -> None:
    """MAP by ir_measures; the digests say that each model was made from the right ones."""
    experiment = opened(plan)
    told: list[str] = []
    experiment.run(told=told.append)
    assert "no leakage: none of the 1 bitexts has a sentence of a collection" in told
    assert any("none of the 2 sets of judged topics" in one for one in told)
    evaluation = experiment.table().evaluation
    store = Store()
    judged = {
        line.split()[0]: {line.split()[2]: 1}
        for line in Path("splits/xquad/test/qrels.txt").read_text().splitlines()
    }
    for (system, label), (key,) in experiment.work.runs.items():
        path = store.get("runs", key.removeprefix("runs/")).path / SAVED_RUN
        run = ir_measures.read_trec_run(str(path))
        expected = ir_measures.calc_aggregate([ir_measures.AP], judged, run)[ir_measures.AP]
        assert evaluation.figure(system, evaluation.measures[0], label) == pytest.approx(expected)
    models = {name: store.get("models", f"judged.{name}.1") for name in evaluation.systems[1:]}
    digests = {name: one.digest for name, one in models.items()}
    made = {
        name: {each.kind: each.digest for each in one.manifest.inputs}
        for name, one in models.items()
    }
    assert made["judged-distilled"]["teacher"] == digests["judged-en"]
    assert made["distilled-judged"]["base"] == digests["distilled"]
    assert (
        made["judged-en"]["base"]
        == made["judged-translated"]["base"]
        == made["distilled"]["teacher"]
    )
    trained_on = {  # the first topics that a manifest names; others are what BM25 searched with
        name: next(each.digest for each in models[name].manifest.inputs if each.kind == "topics")
        for name in ("judged-en", "judged-translated", "distilled-judged")
    }
    assert (
        trained_on["judged-en"] != trained_on["judged-translated"] == trained_on["distilled-judged"]
    )
    # A student's documents are in its teacher's index; what was trained has an index of its own.
    assert {name for name in store.names("indexes") if name.startswith("judged.")} == {
        "judged.encoder.xquad", "judged.judged-en.1.xquad", "judged.judged-translated.1.xquad",
        "judged.distilled-judged.1.xquad",
    }  # fmt: skip
    indexes = {
        system: experiment.work.cells[key].configuration.index
        for (system, label), (key,) in experiment.work.runs.items()
        if label == "so"
    }
    assert indexes["judged-distilled"] == indexes["judged-en"] == "judged.judged-en.1.xquad"
    assert indexes["distilled"] == indexes["as is"] == "judged.encoder.xquad"
    assert indexes["distilled-judged"] == "judged.distilled-judged.1.xquad"
    shown = CliRunner().invoke(app, ["experiment", str(plan)])
    assert shown.exit_code == 0, shown.output
    held_out = shown.stdout.partition("\nHeld-out topics:\n")[2]
    rows = {row.split()[0]: row.split()[1:] for row in held_out.splitlines()[2:]}
    assert rows.keys() == {f"judged.{one}.1" for one in made if made[one].get("judgements")}
    for name, (measure, before, _, _) in rows.items():
        scores = store.get("models", name).manifest.results["development"]
        assert (measure, float(before)) == ("MAP", pytest.approx(scores[0], abs=1e-4))
    development = shown.stdout.partition("Development split (MAP):\n")[2].partition("\n\n")[0]
    assert {row.split()[0] for row in development.splitlines()[2:]} == {
        "judged.distilled.1", "judged.judged-distilled.1",
    }  # fmt: skip
    # What is there is found, and what is trained again is made anew with what is made from it.
    assert all(cell.there(store) for cell in experiment.cells)
    store.remove("models", "judged.judged-en.1")
    opened(plan, only=("judged-distilled",)).run()
    assert store.get("models", "judged.judged-en.1").digest == digests["judged-en"]


def test_a_part_of_it_has_what_it_needs(plan: Path) -> None:
    only = opened(plan, only=("judged-distilled",), stages=("models",))
    assert [cell.name for cell in only.cells] == ["judged.judged-en.1", "judged.judged-distilled.1"]
    listed = CliRunner().invoke(
        app, ["experiment", str(plan), "--only", "distilled-judged", "--dry-run"]
    )
    rows = [row.split() for row in listed.stdout.splitlines() if row.split()]
    assert [row[1] for row in rows if row[0] == "models"] == [
        "judged.distilled.1", "judged.distilled-judged.1",
    ]  # fmt: skip
    assert ["indexes", "judged.distilled-judged.1.xquad", "to", "make"] in rows
    assert sum(row[0] == "runs" for row in rows) == 2


def test_each_seed_is_made_from_its_own(plan: Path) -> None:
    plan.write_text(plan.read_text().replace("[bitext", "seeds = [3, 5]\n[bitext"))
    cells = opened(plan).work.cells
    for seed in (3, 5):
        student = cells[f"models/judged.judged-distilled.{seed}"]
        assert student.configuration.teacher == f"judged.judged-en.{seed}"
        assert student.configuration.training.seed == seed
        assert f"models/judged.judged-en.{seed}" in student.after
        trained = cells[f"models/judged.distilled-judged.{seed}"].configuration
        assert (trained.model, trained.training.seed) == (f"judged.distilled.{seed}", seed)
    assert len(opened(plan).work.runs["as is", "so"]) == 1
    assert len(opened(plan).work.runs["judged-distilled", "so"]) == 2


def test_commands_say_what_cells_do(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = opened(plan)

    class Called(Exception):  # noqa: N818
        pass

    def caught(config: Any, **_: Any) -> None:
        raise Called(config)

    monkeypatch.setattr("clirot.distillation.distill", caught)
    monkeypatch.setattr("clirot.supervision.train", caught)
    verbs = []
    for cell in experiment.cells:
        if cell.stage == "models":
            words = shlex.split(command_line(cell, Store(), command_named))
            result = CliRunner().invoke(app, words[1:-2])
            assert isinstance(result.exception, Called), result.output
            assert result.exception.args[0] == cell.configuration
            verbs.append(words[1])
    assert sorted(verbs) == ["distill", "distill", "train", "train", "train"]
    printed = (
        CliRunner()
        .invoke(app, ["experiment", str(plan), "--commands", "--stage", "models"])
        .stdout.splitlines()
    )
    # Those that need each other are one line, so that lines may run at the same time.
    assert [[part.split()[1] for part in line.split(" && ")] for line in printed] == [
        ["train", "distill"], ["train"], ["distill", "train"],
    ]  # fmt: skip


def test_cells_are_joined_where_they_need_each_other() -> None:
    def cell(name: str, *after: str, stage: str = "models") -> Cell:
        return Cell(stage=stage, name=name, configuration=None, after=after)

    cells = [
        cell("a"), cell("b"), cell("c", "models/a"), cell("d"), cell("e", "models/d", "models/c"),
        cell("i", "models/a", stage="indexes"), cell("j", "models/a", stage="indexes"),
    ]  # fmt: skip
    assert [[one.name for one in group] for group in joined(cells)] == [
        ["a", "c", "d", "e"], ["b"], ["i"], ["j"],
    ]  # fmt: skip


SAME = """
languages = ["so"]
[system.trained]
train = { model = "encoder", collection = "COLLECTION", lang = "LANG" }
[system.again]
model = "trained"
topics = { lang = "en" }
[collection.test]
id = "splits/xquad/test"
[evaluate]
metrics = ["map"]
"""


def write_topics(path: Path, ids: list[str], texts: list[str]) -> None:
    path.write_text("".join(f"{one}\t{text}\n" for one, text in zip(ids, texts, strict=True)))


def _leaks(
    plan: Path,
    collection: str,
    lang: str,
    more: str = "",
    *,
    tested: str = "so",
    place: str = "splits/xquad/test",
) -> list[str]:
    """What is said of a plan that trains on one collection and tests on another one."""
    path = plan.parent / "same.toml"
    text = SAME.replace("COLLECTION", collection).replace("LANG", lang)
    text = text.replace('["so"]', f'["{tested}"]').replace("splits/xquad/test", place)
    path.write_text(more + text)
    told: list[str] = []
    opened(path).check_leaks(told=told.append)
    return told


def test_topics_that_are_trained_on_are_refused(plan: Path) -> None:
    """The whole collection has all topics of the test, in the same language or in another."""
    for lang in ("so", "en"):
        with pytest.raises(UsageError) as caught:
            _leaks(plan, "xquad", lang)
        line = plan.with_name("same.toml").read_text().splitlines().index("[collection.test]") + 1
        assert f"same.toml:{line}: collection.test: " in str(caught.value)
        assert "30 of the 30 topics of so and 30 of its 30 relevant documents" in str(caught.value)
        assert "most-seen" in str(caught.value.hint)
    assert Store().names("models") == []
    said = "leakage: 30 of the 30 topics of so and 30 of its 30 relevant documents"
    assert [one[: len(said)] for one in _leaks(plan, "xquad", "en", "most-seen = 1.0\n")] == [said]
    assert _leaks(plan, "splits/xquad/train", "en") == [
        "no leakage: none of the 1 sets of judged topics that are trained on has a topic or a "
        "relevant document of the table"
    ]


def test_what_a_teacher_saw_its_student_has_seen(plan: Path) -> None:
    """Also where the system that is trained is no row of the table."""
    text = plan.read_text().replace("splits/xquad/train", "xquad")
    plan.write_text(text)
    for name in ("judged-distilled", "distilled-judged"):
        with pytest.raises(UsageError, match="30 of the 30 topics of en"):
            opened(plan, only=(name,)).check_leaks()
    opened(plan, only=("distilled", "as is")).check_leaks()
    unseen = text.replace("{lang}.tsv", "unseen.tsv")
    plan.write_text(unseen.replace('collection = "xquad"', 'collection = "splits/xquad/train"'))
    for name in ("distilled", "distilled-judged"):
        with pytest.raises(UsageError, match="the collection is bitext of a student: 30 of"):
            opened(plan, only=(name,)).check_leaks()


@pytest.mark.parametrize(("lang", "other"), [("en", "so"), ("so", "en")])
def test_a_topic_is_known_by_its_text_in_any_language(plan: Path, lang: str, other: str) -> None:
    """Two topics of the test have other ids in the training, and their text in the one language
    alone that is neither searched with nor trained on; case and punctuation differ.
    """
    copy = Path("copy")
    shutil.copytree("splits/xquad/train", copy)
    rows = Path(f"splits/xquad/test/queries.{other}.tsv").read_text().splitlines()
    first, second, *_ = (row.split("\t")[1] for row in rows)
    ids = [row.split("\t")[0] for row in (copy / "queries.so.tsv").read_text().splitlines()]
    texts = [f"{first.upper()}!", second.title(), *(f"word{chr(97 + n)}" for n in range(28))]
    write_topics(copy / f"queries.{other}.tsv", ids, texts)
    said = _leaks(plan, "copy", lang, tested=lang)
    assert said == [
        f"leakage: 2 of the 30 topics of {lang} and 0 of its 30 relevant documents are trained on, "
        "in copy"
    ]


def test_a_topic_is_known_by_its_id_in_one_collection(plan: Path) -> None:
    """Of texts without a letter nothing is known; the same ids elsewhere are other topics."""
    copy = Path("copy")
    shutil.copytree("splits/xquad/train", copy)
    ids = [row.split("\t")[0] for row in (copy / "queries.so.tsv").read_text().splitlines()]
    for lang in ("so", "en"):
        write_topics(copy / f"queries.{lang}.tsv", ids, ["?" * (n + 1) for n in range(30)])
    shutil.copytree(copy, "again")
    assert "30 relevant documents" in _leaks(plan, "copy", "so", place="again")[0]
    assert "0 of the 30 topics of so" in _leaks(plan, "copy", "so", place="again")[0]
    with pytest.raises(UsageError, match="30 of the 30 topics of so and 30 of its 30 relevant"):
        _leaks(plan, "copy", "so", place="./copy")


def test_what_is_relevant_in_both_is_counted(plan: Path) -> None:
    """By brute force over the texts, with every third document of the test in the training."""
    copy = Path("copy")
    shutil.copytree("splits/xquad/train", copy)
    tested = [
        row.split()[2] for row in Path("splits/xquad/test/qrels.txt").read_text().splitlines()
    ]
    texts = dict(
        row.split("\t") for row in Path("splits/xquad/test/docs.en.tsv").read_text().splitlines()
    )
    shared = tested[::3]
    rows = (copy / "docs.en.tsv").read_text().splitlines()
    qrels = (copy / "qrels.txt").read_text().splitlines()
    for place, docno in enumerate(shared):
        rows.append(f"new{place}\t{texts[docno].title()}.")
        qrels.append(f"{qrels[place].split()[0]} 0 new{place} 1")
    (copy / "docs.en.tsv").write_text("\n".join(rows) + "\n")
    (copy / "qrels.txt").write_text("\n".join(qrels) + "\n")
    assert _leaks(plan, "copy", "so") == [
        "leakage: 0 of the 30 topics of so and 10 of its 30 relevant documents are trained on, in "
        "copy"
    ]


def test_topics_that_are_left_out_may_be_tested_on(plan: Path) -> None:
    """Cross-validation: only the topics of the other parts count as trained on."""
    from clirot.collection import open_collection
    from clirot.supervision.configuration import TopicChoice
    from clirot.supervision.exposure import JudgedSource, exposure
    from clirot.supervision.judgements import judged_topics, split_topics

    choice = TopicChoice(folds=3, fold=2)
    source = JudgedSource(
        collection="xquad", docs_lang=None, lang="so", topics_variant=None, choice=choice
    )
    seen = exposure(source)
    collection = open_collection("xquad")
    split = split_topics(judged_topics(collection, collection.topics("so"), choice), choice)
    assert set(seen.topics) == {*split.train, *split.development}
    assert len(split.left_out) == 20 and not set(split.left_out) & set(seen.topics)
    assert set(seen.relevant) == {f"d{topic.removeprefix('q')}" for topic in seen.topics}


def test_a_training_that_is_impossible_is_told_with_its_line(plan: Path) -> None:
    (plan.parent / "splits" / "xquad" / "train" / "qrels.txt").write_text("q0 0 d0 0\n")
    with pytest.raises(UsageError, match=r"same\.toml:4: system\.trained\.train: .* grade 0"):
        _leaks(plan, "splits/xquad/train", "so")


def test_the_index_for_negatives_is_waited_for(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings that run at the same time mine in one index, which one of them makes."""
    import clirot.retrieval.lexical_indexing as lexical
    from clirot.supervision import negatives
    from clirot.supervision.preparation import requested

    build, busy = lexical.build_lexical, [BusyError("busy"), BusyError("busy")]

    def built(*arguments: Any) -> Any:
        if busy:
            raise busy.pop()
        return build(*arguments)

    monkeypatch.setattr(lexical, "build_lexical", built)
    monkeypatch.setattr(negatives, "_WAIT_S", 0)
    steps: list[Step] = []
    config = TrainConfig(model="encoder", collection="splits/xquad/train", lang="en")
    found = requested(config, Store(), steps.append).source.index
    assert found is not None and found.name == "bm25.splits-xquad-train"
    assert [one.label for one in steps if "busy" in one.label] == ["wait: busy"] * 2


def test_a_plan_compares_indexes(plan: Path) -> None:
    """Exact, compressed and passages of one model in one table, and BM25 beside them."""
    path = plan.parent / "indexes.toml"
    path.write_text(
        'languages = ["so"]\n'
        '[index]\ndtype = "float32"\nbits = 1\nk1 = 1.2\n'
        '[system.exact]\nmodel = "encoder"\n'
        '[system.half]\nmodel = "exact"\nindex = { dtype = "float16" }\n'
        '[system.compressed]\nmodel = "encoder"\n'
        'index = { backend = "compressed", recall = 0.9, store = false }\n'
        '[system.passages]\nmodel = "encoder"\n'
        "index = { passage-tokens = 8, passage-overlap = 2 }\n"
        '[system.bm25]\nmodel = "bm25"\n'
        '[system.stemmed]\nmodel = "bm25"\nindex = { stemmer = "none", k1 = 0.9 }\n'
        '[collection.set]\nid = "xquad"\n[evaluate]\nmetrics = ["map"]\nbaseline = "exact"\n'
    )
    experiment = opened(path)
    experiment.run()
    assert len(experiment.table().evaluation.comparisons) == 5
    found = {
        name: Store().get("indexes", name).manifest.config for name in Store().names("indexes")
    }
    assert found.keys() == {
        "indexes.encoder.set.dtype-float32",
        "indexes.encoder.set",
        "indexes.encoder.set.compressed.dtype-float32.bits-1.recall-0.9.no-store",
        "indexes.encoder.set.dtype-float32.passage-tokens-8.passage-overlap-2",
        "indexes.bm25.set.k1-1.2",
        "indexes.bm25.set.stemmer-none",
    }
    assert found["indexes.encoder.set"]["dtype"] == "float16"
    compressed = found["indexes.encoder.set.compressed.dtype-float32.bits-1.recall-0.9.no-store"]
    assert [compressed[key] for key in ("backend", "bits", "recall")] == ["compressed", 1, 0.9]
    assert found["indexes.bm25.set.k1-1.2"]["k1"] == 1.2
    assert found["indexes.bm25.set.stemmer-none"]["k1"] == 0.9
    runs = {
        system: (Store().get("runs", keys[0].removeprefix("runs/")).path / SAVED_RUN).read_text()
        for (system, _), keys in experiment.work.runs.items()
    }
    firsts = {
        system: np.array([row.split()[4] for row in text.splitlines()], float)
        for system, text in runs.items()
    }
    assert not np.array_equal(firsts["exact"], firsts["passages"])
    assert np.allclose(firsts["exact"], firsts["half"], atol=1e-2)


@pytest.mark.filterwarnings("ignore::clirot.errors.CoverageWarning")
def test_a_system_is_called_as_its_encoder(plan: Path) -> None:
    """What a system starts from may have its name where that is a directory: not itself."""
    save_tiny_model(plan.parent / "own", seed=5)
    path = plan.parent / "own.toml"
    path.write_text(
        'languages = ["so"]\n[bitext.b]\nfiles = ["so.tsv"]\n'
        '[system.own]\ndistill = { teacher = "own", student = "teacher" }\n'
        '[system.next]\ntrain = { model = "own", collection = "xquad", lang = "so" }\n'
        '[collection.set]\nid = "splits/xquad/test"\n'
    )
    cells = opened(path).work.cells
    assert cells["models/own.own.1"].configuration.teacher == "own"
    assert cells["models/own.next.1"].configuration.model == "own.own.1"
