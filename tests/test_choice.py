"""What a student learns from and starts from where that is left open, and what follows from it."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from huggingface_hub import errors as hub_errors
from peft import LoraConfig, LoraModel
from safetensors.torch import load_file
from tiny_families import save_xlm_roberta
from tiny_hub import Hub
from tiny_model import save_bitext, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.cli import app
from clirot.distillation import DistillConfig, DistillResult, distill
from clirot.distillation.choice import Choice, choose, languages_of, takes_transplant
from clirot.distillation.training.averaging import drawn_back, trained_weights
from clirot.distillation.training.history import History
from clirot.errors import (
    ChoiceNotice,
    CoverageWarning,
    DownloadError,
    UnusedSettingWarning,
    UsageError,
)
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


@pytest.mark.parametrize("failure", [OFFLINE, hub_errors.HFValidationError("no such repository")])
def test_the_next_best_that_the_cache_has(
    store: Store, hub: Hub, xlmr: Path, failure: Exception
) -> None:
    """The Hub, which did not give the first, is not asked again."""
    first, second, *_ = teachers_for(["en", "so"])
    hub.repositories |= {KNOWN[first].hub_id: failure, KNOWN[second].hub_id: xlmr}
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


@pytest.mark.parametrize("src", ["ru", "aa"])
def test_no_english_teacher_is_chosen_for_another_source(store: Store, hub: Hub, src: str) -> None:
    for name in teachers_for([src, "el"]):
        hub.repositories[KNOWN[name].hub_id] = OFFLINE
    config = assembled(DistillConfig, {}, pair=LanguagePair(src, "el"))
    with pytest.raises(UsageError, match=r"no teacher that reads (Russian|Afar)") as caught:
        choose(config, store)
    assert "distil from English" in str(caught.value.hint)


def test_a_teacher_that_does_not_read_the_source(
    store: Store, hub: Hub, bert: Path, tmp_path: Path
) -> None:
    greek = str(with_card(bert, tmp_path / "greek", "el"))
    for teacher, warned in ((greek, True), (str(bert), False), ("minilm-en", True)):
        config = assembled(
            DistillConfig, {"teacher": teacher, "student": "transplant"},
            pair=LanguagePair("ru", "el"),
        )  # fmt: skip
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            choose(config, store)
        said = [str(one.message) for one in caught if one.category is CoverageWarning]
        assert bool(said) == warned
        assert not said or "does not read Russian (`src`)" in said[0]


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


def test_settings_are_judged_by_the_start_that_was_chosen(
    bert: Path, store: Store, tmp_path: Path
) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv")
    config = tiny_config(bert, bitext, objective="none", add_subwords="always")
    with pytest.warns(UnusedSettingWarning, match="add_subwords=always"):
        distill(config, store=store)


# --- the weights between the start and what training made of it


def weights_of(result: DistillResult) -> dict[str, torch.Tensor]:
    return load_file(result.artefact.path / "model.safetensors")


def test_the_weights_that_are_kept_are_a_mean_with_the_start(
    store: Store, xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However small a task chooses, what is compared was trained.
    monkeypatch.setattr(History, "best_epoch", property(lambda self: len(self.development) - 1))
    bitext = save_bitext(tmp_path / "pairs.tsv")

    def student(name: str, **settings: object) -> DistillResult:
        more = {"student": "teacher", "epochs": 1, "add_subwords": "never", "name": name}
        return distill(tiny_config(xlmr, bitext, **(more | settings)), store=store)

    trained, mean = student("trained", start_share=0.0), student("mean", start_share=0.25)
    start = student("start", objective="none")
    assert (trained.best_epoch, mean.best_epoch) == (1, 1)
    before, after, kept = weights_of(start), weights_of(trained), weights_of(mean)
    assert kept.keys() == before.keys()
    assert any(not torch.equal(before[name], after[name]) for name in after)
    for name, weight in kept.items():
        expected = 0.25 * before[name] + 0.75 * after[name]
        torch.testing.assert_close(weight, expected, rtol=1e-5, atol=1e-7)


def test_a_share_of_the_start_with_adapters() -> None:
    """A share of what an adapter adds, which is the product of its factors."""
    layer = torch.nn.Linear(4, 4)
    body = torch.nn.ModuleDict({"body": layer})
    wrapper = LoraModel(body, LoraConfig(r=2, target_modules=["body"]), "default")
    start = trained_weights(wrapper)
    texts = torch.randn(3, 4)
    plain = layer_output(wrapper, texts)
    with torch.no_grad():
        for weight in wrapper.parameters():
            if weight.requires_grad:
                weight.normal_()
    added = layer_output(wrapper, texts) - plain
    with drawn_back(wrapper, start, 0.25):
        torch.testing.assert_close(layer_output(wrapper, texts) - plain, 0.75 * added)
    torch.testing.assert_close(layer_output(wrapper, texts) - plain, added)


def layer_output(model: torch.nn.Module, texts: torch.Tensor) -> torch.Tensor:
    body: torch.nn.Module = model.model["body"]  # type: ignore[index, assignment]
    return body(texts)  # type: ignore[no-any-return]
