"""What a student forgets of languages that it is not trained on, and how it keeps its teacher's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from tiny_model import save_bitext, tiny_config
from typer.testing import CliRunner

from clirot.cli import app
from clirot.distillation import distill
from clirot.distillation.training import trainer
from clirot.distillation.training.batches import Material, Task
from clirot.distillation.training.development import Development, pool, split
from clirot.encoding.encoders import load_encoder, load_model
from clirot.errors import InputError, UsageError
from clirot.models import ModelRef, resolve
from clirot.records import SentencePair
from clirot.store import Store


def _pairs(path: Path) -> list[SentencePair]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [SentencePair(*line.split("\t")[:2]) for line in lines]


def _brute_force(
    reads_topics: ModelRef, reads_documents: ModelRef, topics: dict[str, str], documents: list[str]
) -> float:
    """MAP by MaxSim in float64; topic -> its one relevant document."""
    encoded = load_encoder(reads_documents, side="document").encode(documents)
    queries = load_encoder(reads_topics, side="query").encode(list(topics))
    found = []
    for query, own in zip(queries, topics.values(), strict=True):
        scores = np.array(
            [(query.astype(np.float64) @ one.T.astype(np.float64)).max(1).sum() for one in encoded]
        )
        found.append(1 / (scores >= scores[documents.index(own)] - 1e-6).sum())
    return float(np.mean(found))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Bitext of a language that is written backwards."""
    path = tmp_path / "other.tsv"
    rows = [f"{pair.src}\t{pair.src[::-1]}\n" for pair in _pairs(save_bitext(tmp_path / "so.tsv"))]
    path.write_text("".join(rows), encoding="utf-8")
    return path


def test_other_languages_are_measured_before_and_after_and_change_nothing(
    teacher: Path, bitext: Path, other: Path, tmp_path: Path
) -> None:
    made = distill(tiny_config(teacher, bitext, control_files=(f"om={other}",)))
    assert list(made.controls) == ["en", "om"]
    start = distill(tiny_config(teacher, bitext, objective="none", name="start"))
    assert start.controls == {}
    models = [resolve(one.name, Store()) for one in (start, made)]
    english = resolve(str(teacher), Store())
    part = split(_pairs(bitext), development=500)
    held = [pair.src for pair in part.development]
    pairs = _pairs(other)
    for place, model in enumerate(models):
        expected = _brute_force(model, english, dict(zip(held, held, strict=True)), pool(part))
        assert made.controls["en"][place] == pytest.approx(expected, abs=1e-6)
        expected = _brute_force(
            model,
            english,
            {pair.tgt: pair.src for pair in pairs},
            list(dict.fromkeys(pair.src for pair in pairs)),
        )
        assert made.controls["om"][place] == pytest.approx(expected, abs=1e-6)
    (named,) = [one for one in made.artefact.manifest.inputs if one.kind == "control bitext"]
    assert named.name == f"om={other}"

    without = distill(tiny_config(teacher, bitext), store=Store(tmp_path / "without"))
    assert list(without.controls) == ["en"]
    one, same = (load_file(each.artefact.path / "model.safetensors") for each in (made, without))
    assert all(np.array_equal(one[name], same[name]) for name in one)


def test_a_document_student_reads_english_documents(teacher: Path, bitext: Path) -> None:
    made = distill(tiny_config(teacher, bitext, side="document", epochs=1))
    part = split(_pairs(bitext), development=500)
    held = {pair.src: pair.src for pair in part.development}
    models = [resolve(name, Store()) for name in (made.name, str(teacher))]
    expected = _brute_force(models[1], models[0], held, pool(part))
    assert made.controls["en"][1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["{}"], "does not say which language"),
        (["om="], "does not say which language"),
        (["zz-!={}"], "does not say which language"),
        (["so={}"], "trained on"),
        (["en={}"], "the teacher's"),
        (["om={}", "orm={}"], "named twice"),
    ],
)
def test_a_control_file_that_makes_no_sense_is_refused_before_any_work(
    files: list[str], message: str, teacher: Path, bitext: Path, other: Path
) -> None:
    given = tuple(one.format(other) for one in files)
    with pytest.raises(UsageError, match=message):
        distill(tiny_config(teacher, bitext, control_files=given))
    assert not (Store().home / "bitext").exists()


def test_a_control_file_that_is_too_small_or_not_there_is_told(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"gone\.tsv"):
        distill(tiny_config(teacher, bitext, control_files=(f"om={tmp_path / 'gone.tsv'}",)))
    few = tmp_path / "few.tsv"
    few.write_text("a b\tb a\nsame\tsame\n \tx\n", encoding="utf-8")
    with pytest.raises(InputError, match="1 different pairs, at least 40"):
        distill(tiny_config(teacher, bitext, control_files=(f"om={few}",)))


def test_the_command_says_what_became_of_other_languages(
    teacher: Path, bitext: Path, other: Path
) -> None:
    call = ["distill", "--src", "en", "--tgt", "so", "--teacher", str(teacher), "--epochs", "1"]
    call += ["--file", str(bitext), "--control-file", f"om={other}", "--vocabulary", "200"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "en-so\n"
    found = Store().get("models", "en-so").manifest.results["controls"]
    said = ", ".join(f"{one} {old:.3f} to {new:.3f}" for one, (old, new) in found.items())
    assert f"not trained on: {said}\n" in done.stderr


def test_a_student_reads_a_share_of_the_sentences_that_are_not_held_out_in_english_too(
    teacher: Path, bitext: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Material] = []
    train = trainer.train

    def watched(model: Any, task: Task, *given: Any, **more: Any) -> Any:
        taken.append(task.material)
        return train(model, task, *given, **more)

    monkeypatch.setattr(trainer, "train", watched)
    made = distill(tiny_config(teacher, bitext, source_share=0.25, prune_vocabulary=True))
    (material,) = taken
    part = split(_pairs(bitext), development=500)
    count = len(part.train)
    own = material.sentences[count:]
    assert list(material.sentences[:count]) == [pair.tgt for pair in part.train]
    assert len(own) == len(set(own)) == round(count / 4)
    assert made.artefact.manifest.results["source_sentences"] == len(own)
    assert set(own) <= {pair.src for pair in part.train}
    assert not set(own) & {pair.src for pair in part.development}
    # Their translations are themselves, and the copies of a sentence are known by the row.
    row = {pair.src: row for pair, row in zip(part.train, material.rows, strict=False)}
    assert list(material.rows[count:]) == [row[one] for one in own]
    # They are text of the student: its vocabulary keeps their subwords.
    student = load_model(made.artefact.path).tokenizer
    whole = distill(tiny_config(teacher, bitext, source_share=0.25, name="whole"))
    unpruned = load_model(whole.artefact.path).tokenizer
    assert [student.tokenize(one) for one in own] == [unpruned.tokenize(one) for one in own]
    # More of it begins with what less of it has.
    distill(tiny_config(teacher, bitext, source_share=1.0, name="all"))
    assert list(taken[-1].sentences[count:])[: len(own)] == list(own)


def test_a_development_split_that_is_too_easy_is_told(
    teacher: Path, bitext: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Development, "retrieval", lambda *_: (1.0, 0.0))
    call = ["distill", "--src", "en", "--tgt", "so", "--teacher", str(teacher), "--epochs", "1"]
    done = CliRunner().invoke(app, [*call, "--file", str(bitext), "--vocabulary", "200"])
    assert done.exit_code == 0, done.stderr
    assert "or the cross-entropy of the held-out sentences: the student is the" in done.stderr
