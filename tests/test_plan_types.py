"""Mistakes in a plan: each is an error with file and line, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from experiment_places import save_experiment

from clirot.errors import UsageError
from clirot.experiments import ExperimentConfig, open_experiment

PLAN = """\
languages = ["so"]
[bitext.made-up]
files = ["so.tsv"]
[system.bm25]
model = "bm25"
[system.words]
model = "psq"
[system.fused]
fuse = "rrf"
[collection.set]
id = "set"
[evaluate]
metrics = ["map"]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(place: Path, old: str, new: str) -> str:
    """What is said about the plan with one line changed."""
    assert old in PLAN
    path = place / "p.toml"
    path.write_text(PLAN.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        open_experiment(ExperimentConfig(plan=path))
    said = str(caught.value)
    assert "p.toml" in said
    return said


def test_the_plan_itself_is_right(place: Path) -> None:
    (place / "p.toml").write_text(PLAN, encoding="utf-8")
    assert open_experiment(ExperimentConfig(plan=place / "p.toml")).systems[2] == "fused"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('languages = ["so"]', "languages = [1]", "p.toml:1: languages: each item"),
        ('languages = ["so"]', 'languages = [["so"]]', "must be a text"),
        ('languages = ["so"]', "languages = [{a = 1}]", "must be a text"),
        ('languages = ["so"]', 'prefix = 3\nlanguages = ["so"]', "prefix must be a text, got 3"),
        ('languages = ["so"]', 'seeds = [true]\nlanguages = ["so"]', "each item of seeds"),
        ('files = ["so.tsv"]', "files = [3]", "each item of files must be a text"),
        ('files = ["so.tsv"]', 'files = "so.tsv"', "a list is needed"),
        ('files = ["so.tsv"]', "sources = 3", "a list is needed, got 3"),
        ('files = ["so.tsv"]', "files = {so = 3}", "a list is needed, got 3"),
        ('files = ["so.tsv"]', 'files = ["so.tsv"]\nperturb = {}', "kind is needed"),
        ('model = "bm25"', "model = 3", "p.toml:5: system.bm25.model: model must be a text"),
        ('model = "bm25"', 'model = "bm25"\ncandidates = 3', "must be a text"),
        ('model = "bm25"', 'model = "bm25"\nsets = [3]', "each item of sets must be a text"),
        ('model = "bm25"', 'model = "bm25"\nsets = []', "sets is empty"),
        ('model = "bm25"', 'model = "bm25"\ntranslate = {model = "table", tgt = 3}', "a text"),
        ('fuse = "rrf"', "fuse = {}", "fuse must be a text"),
        ('id = "set"', 'id = ["set"]', "p.toml:11: collection.set.id: id must be a text"),
        ('id = "set"', 'id = "set"\nvariants = [3]', "each item of variants must be a text"),
        ('id = "set"', 'id = "set"\nvariants = []', "variants is empty"),
        ('id = "set"', 'id = "set"\nvariants = ["", ""]', "variants has an item twice"),
        ('id = "set"', 'id = "set"\npairs = [3]', "each item of pairs must be a text"),
        ('id = "set"', 'id = "set"\nperturb.bare = {}', "kind is needed"),
        ('id = "set"', 'id = "set"\nperturb."a@b" = {kind = "case"}', "not a name for a wording"),
        ('metrics = ["map"]', 'metrics = "map"', "p.toml:13: evaluate.metrics: a list is needed"),
        ('metrics = ["map"]', "gaps = [3]", "evaluate.gaps: each item of gaps must be a text"),
        ('metrics = ["map"]', 'metrics = ["mpa"]', "p.toml:13: evaluate.metrics: unknown measure"),
        ('metrics = ["map"]', 'baseline = "bm52"', "p.toml:13: evaluate.baseline: unknown system"),
        ('metrics = ["map"]', 'gaps = ["so..sw"]', "unknown topic set 'sw'"),
        ('metrics = ["map"]', 'contrasts = ["[bm25] - [x]"]', "unknown run 'x'"),
        ('metrics = ["map"]', 'expect = ["map>2>1"]', "cannot read the expectation"),
        ('metrics = ["map"]', 'expect = ["x:map>=0.1"]', "unknown system 'x'"),
        ('metrics = ["map"]', "alpha = 2", "alpha must be above 0"),
        ('fuse = "rrf"', 'fuse = "rfr"', "p.toml:9: system.fused.fuse: unknown fusion"),
        ('fuse = "rrf"', 'fuse = "rrf:fused,bm25"', "unknown system to fuse 'fused'"),
        (
            'fuse = "rrf"',
            'fuse = "rrf"\n[system.again]\nfuse = "rrf"',
            "'fused' and 'again' are the same fusion, 'rrf'",
        ),
        ("[system.words]", '[system."a\\nb"]', "not a name for a system"),
        (
            'languages = ["so"]\n[bitext',
            'languages = ["en"]\n[system.student]\ndistill = {teacher = "teacher"}\n[bitext',
            "there is no language for a student: its only one is 'en'",
        ),
    ],
)
def test_mistakes(place: Path, old: str, new: str, said: str) -> None:
    assert said in refused(place, old, new)


def test_a_baseline_that_was_left_out_is_told(place: Path) -> None:
    """The table is there without tests, and says so; contrasts of others go with them."""
    path = place / "p.toml"
    asked = 'metrics = ["map"]\nbaseline = "words"\ncontrasts = ["[bm25] - [words]"]'
    path.write_text(PLAN.replace('metrics = ["map"]', asked), encoding="utf-8")
    experiment = open_experiment(ExperimentConfig(plan=path, only=("bm25",)))
    experiment.run()
    evaluation = experiment.table().evaluation
    assert evaluation.comparisons == evaluation.contrasts == ()
    assert evaluation.notes[:2] == (
        "nothing is tested: the baseline words is left out",
        "1 contrasts are left out: they are of other systems too",
    )


def test_weights_that_are_tuned(place: Path) -> None:
    path = place / "p.toml"
    tuned = PLAN.replace('"rrf"', '"wsum"') + 'tune-fusion = "so"\n'
    path.write_text(tuned, encoding="utf-8")
    assert open_experiment(ExperimentConfig(plan=path)).systems


def test_a_fusion_is_restricted_to_its_sets(place: Path) -> None:
    path = place / "p.toml"
    text = PLAN.replace('fuse = "rrf"', 'fuse = "rrf"\nsets = ["so.low"]')
    text = text.replace('model = "psq"', 'model = "bm25"\nsearch = {k = 3}')
    text = text.replace('id = "set"', 'id = "set"\nperturb.low = {kind = "case"}')
    path.write_text(text, encoding="utf-8")
    experiment = open_experiment(ExperimentConfig(plan=path))
    experiment.run()
    assert set(experiment.table().evaluation.values) == {
        ("bm25", "so"), ("words", "so"),
        ("bm25", "so.low"), ("words", "so.low"), ("fused", "so.low"),
    }  # fmt: skip
