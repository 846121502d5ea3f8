"""Distillation end to end with a tiny teacher: reproducible, resumable, honest about its input."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_model import save_tiny_model

from clirot.distillation import DistillConfig, DistillResult, distill
from clirot.errors import ArtefactError, InputError, UnknownNameError, UsageError
from clirot.records import LanguagePair, Step
from clirot.store import Store

_PAIR = LanguagePair("en", "so")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("teacher") / "tiny", seed=4)


def _write_bitext(path: Path, count: int = 120) -> Path:
    """A made-up language: every English word spelled backwards, word order reversed."""
    generator = random.Random(5)
    words = ["".join(generator.choices("abcdefghij", k=generator.randint(2, 5))) for _ in range(40)]
    rows = []
    for number in range(count):
        english = generator.choices(words, k=generator.randint(2, 6))
        foreign = [word[::-1] for word in reversed(english)]
        rows.append(f"{' '.join(english)} {number}\t{number} {' '.join(foreign)}\tr{number}\n")
    path.write_text("".join(rows), encoding="utf-8")
    return path


def _config(checkpoint: Path, bitext: Path, **changes: object) -> DistillConfig:
    settings: dict[str, object] = {
        "pair": _PAIR,
        "teacher": str(checkpoint),
        "files": (bitext,),
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "embedding_learning_rate": 1e-2,
        "vocabulary": 200,
        "max_tokens": 48,
    }
    return DistillConfig(**(settings | changes))  # type: ignore[arg-type]


@pytest.fixture
def bitext(tmp_path: Path) -> Path:
    return _write_bitext(tmp_path / "pairs.tsv")


def test_training_lowers_the_loss_and_the_best_epoch_is_kept(teacher: Path, bitext: Path) -> None:
    steps: list[Step] = []
    result = distill(_config(teacher, bitext, epochs=4), progress=steps.append)
    figures = result.artefact.manifest.results
    assert result.fresh and result.name == "en-so"
    assert len(result.development) == 5 and len(figures["loss"]) == 4
    assert figures["loss"][-1] < figures["loss"][0]
    assert result.development[result.best_epoch] == max(result.development)
    assert figures["training_pairs"] + figures["development_pairs"] == figures["pairs"] == 120
    assert any(step.label == "distill" and dict(step.figures)["loss"] > 0 for step in steps)


def test_a_student_is_a_plain_checkpoint_with_a_card(teacher: Path, bitext: Path) -> None:
    from sentence_transformers import MultiVectorEncoder

    result = distill(_config(teacher, bitext))
    model = MultiVectorEncoder(str(result.artefact.path), device="cpu")
    assert model.encode_query(["abc"])[0].shape[1] == 16
    card = (result.artefact.path / "README.md").read_text(encoding="utf-8")
    for said in ("Somali", str(teacher), "kept", result.artefact.manifest.inputs[0].digest):
        assert said in card
    names = {path.suffix for path in result.artefact.path.rglob("*") if path.is_file()}
    assert ".safetensors" in names and not names & {".bin", ".pt", ".pkl"}


def test_a_seed_decides_the_weights_and_a_second_call_finds_them(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    first = distill(_config(teacher, bitext))
    again = distill(_config(teacher, bitext))
    elsewhere = distill(_config(teacher, bitext), store=Store(tmp_path / "elsewhere"))
    other = distill(_config(teacher, bitext, seed=14, name="other"))
    assert not again.fresh and again.artefact.digest == first.artefact.digest
    assert elsewhere.fresh and elsewhere.artefact.digest == first.artefact.digest
    assert other.artefact.digest != first.artefact.digest


def test_other_settings_under_the_same_name_are_refused_until_replaced(
    teacher: Path, bitext: Path
) -> None:
    first = distill(_config(teacher, bitext))
    with pytest.raises(ArtefactError, match=r"reg was 0\.02, now 0\.05"):
        distill(_config(teacher, bitext, reg=0.05))
    replaced = distill(_config(teacher, bitext, reg=0.05, replace=True))
    assert replaced.fresh and replaced.artefact.digest != first.artefact.digest


def test_the_student_before_training_is_a_student_too(teacher: Path, bitext: Path) -> None:
    before = distill(_config(teacher, bitext, objective="none"))
    after = distill(_config(teacher, bitext))
    assert before.name == "en-so.none" and before.best_epoch == 0
    assert before.development == [pytest.approx(after.development[0], abs=1e-9)]


def test_a_student_may_start_from_another_encoder(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    from clirot.encoders import load_encoder
    from clirot.models import resolve

    base = save_tiny_model(tmp_path / "base", seed=9, hidden=32)
    result = distill(_config(teacher, bitext, student=str(base), name="from-base"))
    ref = resolve("from-base", Store())
    assert load_encoder(ref, side="query").dim == load_encoder(ref, side="document").dim == 16
    assert {one.kind for one in result.artefact.manifest.inputs} >= {"teacher", "base"}


_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_distillation import _config
from clirot.distillation import distill
from clirot.store import Store
print("ready", flush=True)
distill(_config(Path({teacher!r}), Path({bitext!r}), epochs=6), store=Store(Path({home!r})))
print("done", flush=True)
"""


def _start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_killed_at_ten_moments_it_ends_with_the_weights_of_an_undisturbed_run(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    settings = {"tests": str(Path(__file__).parent), "teacher": str(teacher), "bitext": str(bitext)}
    calm = _KILLED.format(home=str(tmp_path / "calm"), **settings)
    process = _start(calm)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    started = time.monotonic()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    duration = time.monotonic() - started

    home = tmp_path / "stormy"
    stormy = _KILLED.format(home=str(home), **settings)
    generator = random.Random(6)
    kills = 0
    for _ in range(10):
        process = _start(stormy)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(timeout=generator.uniform(0.0, duration))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        finally:
            process.communicate()
        if Store(home).has("models", "en-so"):
            break  # it had finished, or was killed after its last step: whole either way
    assert kills > 0
    process = _start(stormy)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    expected = Store(tmp_path / "calm").get("models", "en-so")
    assert Store(home).get("models", "en-so").digest == expected.digest


def test_too_little_bitext_is_an_error_that_says_how_much(teacher: Path, tmp_path: Path) -> None:
    few = _write_bitext(tmp_path / "few.tsv", count=12)
    with pytest.raises(InputError, match="too little bitext to train on: 12 pairs"):
        distill(_config(teacher, few))
    assert not Store().names("models")


def test_unknown_names_are_refused_before_anything_is_made(
    teacher: Path, bitext: Path, home: Path
) -> None:
    with pytest.raises(UnknownNameError, match="unknown objective") as caught:
        distill(_config(teacher, bitext, objective="transprot"))
    assert "transport" in (caught.value.hint or "")
    with pytest.raises(UnknownNameError, match="unknown model 'minilm-em'") as caught:
        distill(_config(teacher, bitext, teacher="minilm-em"))
    assert "minilm-en" in (caught.value.hint or "")
    assert not (home / "models").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("epochs", 0), ("batch_size", -1), ("warmup", 1.0), ("marginals", "norm"), ("reg", 0.0)],
)
def test_settings_that_make_no_sense_are_refused_before_anything_is_made(
    setting: str, value: object, teacher: Path, bitext: Path, home: Path
) -> None:
    with pytest.raises(UsageError, match=setting):
        distill(_config(teacher, bitext, **{setting: value}))
    assert not home.exists() or not list(home.iterdir())


@pytest.mark.parametrize("objective", ["contrastive", "transport+0.5*mse"])
def test_the_students_of_other_objectives_are_named_after_them(
    teacher: Path, bitext: Path, objective: str
) -> None:
    default = distill(_config(teacher, bitext, epochs=1))
    other = distill(_config(teacher, bitext, epochs=1, objective=objective))
    assert default.name == "en-so"
    assert other.name == f"en-so.{objective.replace('*', '-')}"
    assert other.development[0] == default.development[0]
    assert other.artefact.digest != default.artefact.digest
    assert not distill(_config(teacher, bitext, epochs=1, objective=objective)).fresh


def test_the_result_reads_its_figures_from_the_manifest(teacher: Path, bitext: Path) -> None:
    made = distill(_config(teacher, bitext))
    found = DistillResult(Store().get("models", made.name), fresh=False)
    results = made.artefact.manifest.results
    assert len(results["plan"]) == len(made.development) == 3
    assert all(0 < one["transport_cost"] < 2 for one in results["plan"])
    pairs, losses = zip(*results["loss_curve"], strict=True)
    assert pairs[-1] == 2 * results["training_pairs"] and list(pairs) == sorted(set(pairs))
    assert np.mean(losses) == pytest.approx(np.mean(results["loss"]), rel=0.02)
    assert found.development == made.development and found.best_epoch == made.best_epoch
