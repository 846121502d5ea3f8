"""The models that a student comes from: not replaced, and what they have seen is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_model import changed, save_bitext, tiny_config

from clirot.distillation import distill
from clirot.errors import BitextWarning, UsageError
from clirot.models import resolve
from clirot.store import Store


def test_training_a_student_further_on_other_bitext_is_warned_of(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    first = distill(tiny_config(teacher, bitext, objective="none", name="first"))
    distill(tiny_config(teacher, bitext, objective="none", name="same", student=first.name))
    other = save_bitext(tmp_path / "other.tsv", count=130)
    config = tiny_config(teacher, other, objective="none", name="further", student=first.name)
    with pytest.warns(BitextWarning, match="first was trained on other bitext"):
        distill(config)
    for changes in (
        {"student": "same"},  # which started from the first
        {"student": "same", "teacher": "first"},
        {"teacher": "same", "objective": "none"},  # whose weights the transplant has
    ):
        settings = {"name": "more", "replace": True, "epochs": 1} | changes
        config = tiny_config(teacher, bitext, **settings)
        distill(config)
        with pytest.warns(BitextWarning, match="first was trained on other bitext|same was"):
            distill(changed(config, files=(other,)))


def test_students_that_were_made_from_each_other_by_turns_go_on(
    teacher: Path, bitext: Path
) -> None:
    untrained = tiny_config(teacher, bitext, objective="none", student=str(teacher))
    distill(changed(untrained, name="first"))
    distill(changed(untrained, name="second", student="first"))
    distill(changed(untrained, name="first", student="second", replace=True))
    assert distill(changed(untrained, name="third", student="first")).fresh


def test_training_a_student_further_with_more_held_out_is_warned_of(
    teacher: Path, bitext: Path
) -> None:
    distill(tiny_config(teacher, bitext, objective="none", name="first", development=4))
    further = tiny_config(teacher, bitext, objective="none", name="further", student="first")
    distill(changed(further, development=4))
    with pytest.warns(BitextWarning, match="first was trained with `development=4`, perhaps"):
        distill(changed(further, development=12, replace=True))


def test_a_student_does_not_replace_what_it_learns_from(teacher: Path, bitext: Path) -> None:
    untrained = tiny_config(teacher, bitext, objective="none", replace=True)
    for name, learns_from in (("first", str(teacher)), ("second", "first")):
        distill(changed(untrained, name=name, teacher=learns_from))
    for taught in ("first", "second"):
        with pytest.raises(UsageError, match="first would replace the model that it learns from"):
            distill(changed(untrained, name="first", teacher=taught))
    assert resolve("second", Store()).teacher is not None
