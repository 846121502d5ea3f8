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
