"""What a student learns from and starts from where that is left open, and what follows from it."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
from pathlib import Path

import pytest
from huggingface_hub import errors as hub_errors
from tiny_families import save_xlm_roberta
from tiny_hub import Hub
from tiny_model import save_bitext, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.cli import app
from clirot.distillation import DistillConfig, distill
from clirot.distillation.choice import Choice, choose, languages_of, takes_transplant
from clirot.errors import ChoiceNotice, DownloadError, UnusedSettingWarning, UsageError
from clirot.known_models import KNOWN, teachers_for
from clirot.models import resolve
from clirot.records import LanguagePair
from clirot.settings import assembled, values
from clirot.store import Store

OFFLINE = hub_errors.LocalEntryNotFoundError("the Hub does not answer")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("choice") / "bert", seed=1)


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_xlm_roberta(tmp_path_factory.mktemp("choice") / "xlmr")


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


def chosen(store: Store, tgt: str = "so", **settings: object) -> Choice:
    return choose(assembled(DistillConfig, settings, pair=LanguagePair("en", tgt)), store)


def with_card(model: Path, folder: Path, languages: str) -> Path:
    shutil.copytree(model, folder)
    (folder / "README.md").write_text(f"---\nlanguage: {languages}\n---\nA card.\n")
    return folder


# --- the teacher


def test_a_multilingual_teacher_where_the_hub_gives_one(store: Store, hub: Hub, xlmr: Path) -> None:
    first = teachers_for(["en", "so"])[0]
    hub.repositories[KNOWN[first].hub_id] = xlmr
    found = chosen(store)
    assert (found.teacher.name, found.config.teacher) == (first, first)
    assert found.config.student == "teacher"
    assert found.base is found.teacher
    assert found.because == f"{first} reads English and Somali"


def test_the_next_best_that_the_cache_has(store: Store, hub: Hub, xlmr: Path) -> None:
    """The Hub, which did not answer once, is not asked again."""
    first, second, *_ = teachers_for(["en", "so"])
    hub.repositories |= {KNOWN[first].hub_id: OFFLINE, KNOWN[second].hub_id: xlmr}
    assert chosen(store).teacher.name == second
    assert hub.in_cache == {KNOWN[second].hub_id}


def test_a_transplant_where_no_encoder_can_be_had(store: Store, hub: Hub) -> None:
    names = teachers_for(["en", "so"])
    hub.repositories |= {KNOWN[name].hub_id: OFFLINE for name in names}
    found = chosen(store)
    assert (found.teacher.name, found.config.student, found.base) == (
        "minilm-en",
        "transplant",
        None,
    )
    assert names[0] in found.because
    assert "the Hub does not answer" in found.because
    with pytest.raises(UsageError, match="no multilingual teacher to start from") as caught:
        chosen(store, student="teacher")
    assert "the Hub does not answer" in caught.value.message


def test_a_transplant_where_no_encoder_covers_the_language(store: Store, hub: Hub) -> None:
    found = chosen(store, "aa")
    assert found.config.student == "transplant"
    assert "no known multilingual encoder" in found.because
    assert "Afar" in found.because
    assert not hub.asked


def test_a_teacher_that_was_named_is_not_replaced(store: Store, hub: Hub, bert: Path) -> None:
    hub.repositories["someone/model"] = OFFLINE
    with pytest.raises(DownloadError):
        chosen(store, teacher="someone/model")
    assert chosen(store, teacher=str(bert), student="transplant").because == ""
    assert chosen(store, student="transplant").teacher.name == "minilm-en"


# --- the start


@pytest.mark.parametrize(
    ("languages", "start"),
    [
        ("[en, so]", "teacher"),
        ("so", "teacher"),
        ("en", "transplant"),
        ("multilingual", "transplant"),
        ("[", "transplant"),
    ],
)
def test_a_card_says_which_languages_a_model_reads(
    store: Store, bert: Path, tmp_path: Path, languages: str, start: str
) -> None:
    teacher = with_card(bert, tmp_path / "model", languages)
    assert chosen(store, teacher=str(teacher)).config.student == start


def test_nothing_can_be_transplanted_into_sentencepiece(
    store: Store, bert: Path, xlmr: Path, tmp_path: Path
) -> None:
    assert takes_transplant(bert)
    assert not takes_transplant(xlmr)
    found = chosen(store, teacher=str(xlmr))
    assert found.config.student == "teacher"
    assert "tokenizer" in found.because
    assert languages_of(resolve(str(xlmr), store)) is None
    old = tmp_path / "old"
    shutil.copytree(bert, old, ignore=shutil.ignore_patterns("tokenizer.json"))
    assert takes_transplant(old)


def test_defaults_follow_from_the_start(store: Store, bert: Path) -> None:
    started = {
        student: values(chosen(store, teacher=str(bert), student=student).config)
        for student in ("transplant", "teacher")
    }
    rates = [started[one]["learning_rate"] for one in started]
    assert rates[0] > rates[1]
    given = chosen(store, teacher=str(bert), student="teacher", learning_rate=rates[0])
    assert values(given.config)["learning_rate"] == rates[0]
    # What is settled is a number like any other, and what is not settled survives a copy.
    assert json.loads(json.dumps(started["teacher"]["learning_rate"])) == rates[1]
    unsettled = DistillConfig(pair=LanguagePair("en", "so"))
    for kept in (copy.deepcopy(unsettled), pickle.loads(pickle.dumps(unsettled))):
        assert values(choose_kept(kept, store, bert))["learning_rate"] == rates[1]


def choose_kept(config: DistillConfig, store: Store, teacher: Path) -> DistillConfig:
    from dataclasses import replace

    return choose(replace(config, teacher=str(teacher), student="teacher"), store).config


# --- the whole way


def test_a_student_that_starts_as_its_teacher(store: Store, xlmr: Path, tmp_path: Path) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv")
    config = tiny_config(xlmr, bitext, student="teacher", epochs=1)
    result = distill(config, store=store)
    manifest = result.artefact.manifest
    assert manifest.config["student"] == "teacher"
    kinds = {one.kind: one.digest for one in manifest.inputs}
    assert kinds["teacher"] == kinds["base"]
    assert not distill(config, store=store).fresh


def test_what_was_chosen_is_said(bert: Path, store: Store, tmp_path: Path) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv")
    config = tiny_config(bert, bitext, objective="none")
    with pytest.warns(ChoiceNotice, match="starts as a transplant of it: .* is not known to read"):
        distill(config, store=store)
    words = ["distill", "--src", "en", "--tgt", "so", "--teacher", str(bert)]
    words += [
        "--file",
        str(bitext),
        "--objective",
        "none",
        "--vocabulary",
        "200",
        "--name",
        "again",
    ]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.stderr
    assert f"the teacher is {bert}, and the student starts as a transplant of it" in said.stderr
    assert "warning" not in said.stderr


def test_a_setting_of_the_transplant_is_not_taken_for_one_of_an_encoder(
    bert: Path, store: Store, tmp_path: Path
) -> None:
    """It is judged by the start that was chosen, not by the word auto."""
    bitext = save_bitext(tmp_path / "pairs.tsv")
    teacher = with_card(bert, tmp_path / "model", "so")
    given = {"teacher": str(teacher), "files": (bitext,), "objective": "none", "sharpness": 3.0}
    config = assembled(DistillConfig, given, pair=LanguagePair("en", "so"))
    with pytest.warns(UnusedSettingWarning, match="sharpness"):
        distill(config, store=store)
