"""The bridge: a student that learns its teacher's language first, from text alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_families
from tiny_model import changed, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot import processes
from clirot.cli import app
from clirot.distillation import DistillConfig, DistillResult, distill
from clirot.distillation.training import trainer
from clirot.distillation.training.batches import Task
from clirot.encoding.encoders import load_encoder
from clirot.errors import InputError, UnusedSettingWarning, UsageError
from clirot.models import resolve
from clirot.processes import Processes
from clirot.store import Store


@pytest.fixture
def text(bitext: Path, tmp_path: Path) -> Path:
    """The English of the bitext, and some lines that say nothing new."""
    english = [line.split("\t")[0] for line in bitext.read_text(encoding="utf-8").splitlines()]
    path = tmp_path / "english.txt"
    path.write_text("\n".join([*english, "", english[0], "  "]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def config(tmp_path: Path, bitext: Path, text: Path) -> DistillConfig:
    """A student of another kind than its teacher."""
    base = tiny_families.save_xlm_roberta(tmp_path / "base")
    teacher = save_tiny_model(tmp_path / "teacher", seed=4)
    more = {"student": str(base), "add_subwords": "never", "objective": "mse", "epochs": 1}
    more |= {"learning_rate": 1e-2, "start_share": 0.0, "bridge_texts": (text,)}
    return tiny_config(teacher, bitext, **more)


def test_the_student_reads_english_as_the_teacher_does_before_it_sees_bitext(
    config: DistillConfig, bitext: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    inner = Task.dataset

    def noted(task: Task, processes: Processes) -> Any:
        made = inner(task, processes)
        seen.append(list(made["query"]))
        return made

    monkeypatch.setattr(Task, "dataset", noted)
    result = distill(config)
    found = result.artefact.manifest.results["bridge"]
    lines = [line.split("\t") for line in bitext.read_text(encoding="utf-8").splitlines()]
    english, somali = {one[0] for one in lines}, {one[1] for one in lines}
    first, second = (set(one) for one in seen)
    assert first < english and len(seen[0]) == len(first) == found["sentences"]
    assert second <= somali
    held = result.artefact.manifest.results["development_pairs"]
    assert len(english) - len(first) == held  # none that is held out
    assert len(found["source_development_map"]) == 2
    assert len(found["loss"]) == 1 and found["development_map"][1] == result.development[0]
    (text,) = (one for one in result.artefact.manifest.inputs if one.kind == "bridge text")
    assert text.name == str(config.bridge.bridge_texts[0])


def test_it_brings_the_student_nearer_to_the_teacher_in_english(
    config: DistillConfig, text: Path
) -> None:
    def distance(result: DistillResult) -> float:
        """Between a student's English sentences and the teacher's, by their mean vectors."""
        student = load_encoder(resolve(result.name, Store()), side="query")
        teacher = load_encoder(resolve(config.teacher, Store()), side="document")
        sentences = [one for one in text.read_text(encoding="utf-8").splitlines() if one][:30]
        pairs = zip(student.encode(sentences), teacher.encode(sentences), strict=True)
        return float(np.mean([np.linalg.norm(a.mean(0) - b.mean(0)) for a, b in pairs]))

    settings = {"name": "far", "bridge_texts": (), "learning_rate": 1e-30}
    far = distill(changed(config, **settings))
    near = distill(changed(config, name="near", bridge_epochs=4))
    assert distance(near) < 0.9 * distance(far)


def test_an_interrupted_bridge_goes_on_and_ends_the_same(
    config: DistillConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = distill(config, store=Store(tmp_path / "elsewhere"))
    inner = trainer._arguments
    calls = []

    def failing(*given: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt  # after the bridge, before bitext
        return inner(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "_arguments", failing)
    with pytest.raises(KeyboardInterrupt):
        distill(config)
    again = distill(config)
    assert again.artefact.digest == whole.artefact.digest


def test_bad_texts_and_idle_settings_are_told(
    config: DistillConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="No such file"):
        distill(changed(config, bridge_texts=(tmp_path / "gone.txt",)))
    (tmp_path / "few.txt").write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(InputError, match="the bridge has 2 different sentences"):
        distill(changed(config, bridge_texts=(tmp_path / "few.txt",)))
    with pytest.warns(UnusedSettingWarning, match="bridge_epochs"):
        distill(changed(config, bridge_texts=(), bridge_epochs=2))
    monkeypatch.setattr(processes, "launched", lambda: (0, 2))
    with pytest.raises(UsageError, match="a bridge is trained by one process"):
        distill(changed(config, name="two"))


def test_the_command_says_what_the_bridge_brought(
    config: DistillConfig, text: Path, bitext: Path
) -> None:
    models = ["--teacher", config.teacher, "--student", config.student, "--objective", "mse"]
    call = ["distill", "--src", "en", "--tgt", "so", *models, "--add-subwords", "never"]
    more = ["--file", str(bitext), "--bridge-text", str(text), "--epochs", "1"]
    done = CliRunner().invoke(app, [*call, *more])
    assert done.exit_code == 0, done.stderr
    assert "  bridge of 108 sentences: development MAP " in done.stderr
