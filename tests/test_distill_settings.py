"""Every setting of a distillation, changed: it arrives in training, and the manifest says so.

What arrives is read off what the library's trainer is given at the moment it would take its first
step: its arguments, its model and its loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tiny_model import changed, save_bitext, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.cli import app
from clirot.distillation import DistillConfig, distill, start
from clirot.distillation.objectives.objective import terms_of, transports
from clirot.distillation.training import trainer
from clirot.distillation.training.epochs import BestKeeper
from clirot.models import STUDENT_SIDES
from clirot.records import LanguagePairs
from clirot.settings import Leaf, leaves, values
from clirot.store import Manifest, Store


@dataclass
class Seen:
    """What training was given."""

    trainer: Any = None
    transplant: Any = None
    manifest: Manifest | None = None
    rank: int = 0

    @property
    def args(self) -> Any:
        return self.trainer.args

    @property
    def objective(self) -> Any:
        return self.trainer.loss._objective

    @property
    def body(self) -> Any:
        return self.trainer.model[0].auto_model


def _embedding_rate(seen: Seen, rows: str) -> float:
    """Of those rows, or of all where they have one rate."""
    rates = seen.args.learning_rate_mapping
    return next((rate for name, rate in rates.items() if rows in name), {*rates.values()}.pop())


def _training_pairs(seen: Seen) -> int:
    assert seen.manifest is not None
    return int(seen.manifest.results["training_pairs"])


def _source_sentences(seen: Seen) -> int:
    return len(seen.trainer.train_dataset) - _training_pairs(seen)


def _contrast(name: str) -> Callable[[Seen], Any]:
    return lambda seen: {
        getattr(one.contrast, name) for _, one in terms_of(seen.objective) if name in type(one).uses
    }.pop()


ARRIVED: dict[str, Callable[[Seen], Any]] = {
    "seed": lambda seen: seen.args.seed,
    "epochs": lambda seen: seen.args.num_train_epochs,
    "batch_size": lambda seen: seen.args.per_device_train_batch_size,
    "accumulate": lambda seen: seen.args.gradient_accumulation_steps,
    "checkpointing": lambda seen: seen.body.is_activation_checkpointing,
    "learning_rate": lambda seen: seen.args.learning_rate,
    "embedding_learning_rate": lambda seen: _embedding_rate(seen, "base"),
    "new_embedding_learning_rate": lambda seen: _embedding_rate(seen, "added"),
    "start_share": lambda seen: _keeper(seen)._share,
    "warmup": lambda seen: seen.args.warmup_steps,
    "max_tokens": lambda seen: seen.args.max_length,
    "lora_rank": lambda seen: seen.rank,
    "development": lambda seen: seen.manifest.results["development_pairs"],  # type: ignore[union-attr]
    "sampling_temperature": lambda seen: seen.args.batch_sampler.args[1]["temperature"],
    "source_share": lambda seen: round(_source_sentences(seen) / _training_pairs(seen), 2),
    "temperature": _contrast("temperature"),
    "token_temperature": _contrast("token_temperature"),
    "prune_vocabulary": lambda seen: "pruned" in seen.manifest.results,  # type: ignore[union-attr]
    "mask_padding": lambda seen: (seen.trainer.model[0].query_expansion or {"length": 0})["length"],
    "side": lambda seen: next(
        side for side, each in STUDENT_SIDES.items() if each == tuple(seen.trainer.loss._sides)
    ),
    "objective": lambda seen: "+".join(type(one).__name__ for _, one in terms_of(seen.objective)),
    "report_to": lambda seen: tuple(
        one for one in ("tensorboard",) if "TensorBoardCallback" in _callbacks(seen)
    ),
}
"""Setting -> what training was given of it; of the plan and the transplant, the settings."""

CHANGED: dict[str, Any] = {
    "side": "document",
    "objective": "mse+token-contrast",
    "name": "other",
    "seed": 14,
    "epochs": 5,
    "batch_size": 8,
    "accumulate": 2,
    "checkpointing": True,
    "learning_rate": 1e-4,
    "embedding_learning_rate": 1e-3,
    "new_embedding_learning_rate": 2e-3,
    "start_share": 0.25,
    "warmup": 0.3,
    "max_tokens": 40,
    "lora_rank": 2,
    "development": 5,
    "sampling_temperature": 3.0,
    "source_share": 0.5,
    "reg": 0.05,
    "iterations": 30,
    "tolerance": 0.05,
    "solver": "sinkhorn",
    "marginals": "norm",
    "special_tokens": "drop",
    "unbalanced": 0.5,
    "centring": "sentence",
    "teacher_layer": 1,
    "lexical_prior": 0.2,
    "temperature": 0.07,
    "token_temperature": 0.2,
    "prune_vocabulary": True,
    "mask_padding": 20,
    "vocabulary": 150,
    "same_spelling": 1.0,
    "sharpness": 1.5,
    "report_to": ("tensorboard",),
}
ELSEWHERE = {
    "teacher": "the inputs of the manifest",
    "student": "the inputs of the manifest",
    "sources": "the inputs of the manifest",
    "files": "the inputs of the manifest",
    "add_subwords": "test_added_subwords.py: test_a_student_is_made_with_subwords",
    "vocabulary_texts": "test_more_text_keeps_more_subwords_and_is_an_input",
    "control_files": "test_controls.py",
    "bridge_texts": "test_bridge.py",
    "bridge_epochs": "test_bridge.py",
    "causal_mask": "test_a_decoder_without_its_causal_mask",
    "replace": "test_other_settings_under_the_same_name_are_refused_until_replaced",
}
"""Settings that this test does not change -> where they are seen to arrive."""
CLASSES = {"token-contrast": "TokenContrast", "contrastive": "Contrastive", "mse": "SentenceMSE"}


def _callbacks(seen: Seen) -> set[str]:
    return {type(one).__name__ for one in seen.trainer.callback_handler.callbacks}


def _keeper(seen: Seen) -> BestKeeper:
    callbacks = seen.trainer.callback_handler.callbacks
    return next(one for one in callbacks if isinstance(one, BestKeeper))


def _arrived(seen: Seen, leaf: Leaf) -> Any:
    if leaf.name == "name":
        assert seen.manifest is not None
        return seen.manifest.name
    if leaf.path[-1:] == ("plan",):
        (transport,) = transports(seen.objective)
        return getattr(transport.plan, leaf.name)
    if leaf.path == ("transplant",):
        return getattr(seen.transplant, leaf.name)
    return ARRIVED[leaf.name](seen)


def _expected(name: str, value: Any, config: DistillConfig) -> Any:
    if name == "objective":
        return "+".join(CLASSES[one] for one in value.split("+"))
    if name == "development":
        return min(value, 12) + min(value, 8)  # at most a tenth of 120 pairs and of 80
    return config.artefact_name if name == "name" else value


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> DistillConfig:
    """Of two languages, so that none of the settings is idle."""
    folder = tmp_path_factory.mktemp("bitext")
    so, sw = save_bitext(folder / "so.tsv"), save_bitext(folder / "sw.tsv", count=200)
    lines = sw.read_text(encoding="utf-8").splitlines(keepends=True)[120:]
    sw.write_text("".join(lines), encoding="utf-8")
    return tiny_config(
        save_tiny_model(folder / "teacher", seed=4),
        *(Path(f"so={so}"), Path(f"sw={sw}")),
        pair=LanguagePairs.of("en", "so,sw"),
        name="usual",
    )


def _given(config: DistillConfig, store: Store) -> Seen:
    """What training is given with these settings; it takes no step."""
    seen = Seen()
    transplant = start.transplant

    def transplanted(model: Any, bitexts: Any, settings: Any, **passes: Any) -> Any:
        seen.transplant = settings
        return transplant(model, bitexts, settings, **passes)

    def train(self: Any, **_: Any) -> None:
        seen.trainer = self
        ranks = {
            one.r["default"]
            for one in self.model.modules()
            if isinstance(getattr(one, "r", 0), dict)
        }
        seen.rank = max(ranks, default=0)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(start, "transplant", transplanted)
        patched.setattr(trainer._Trainer, "train", train)
        seen.manifest = distill(config, store=store).artefact.manifest
    return seen


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One for all, so that the bitext is fetched once."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def usual(config: DistillConfig, store: Store) -> Seen:
    return _given(config, store)


def test_no_setting_is_forgotten() -> None:
    assert {one.name for one in leaves(DistillConfig)} == CHANGED.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize(
    "leaf", [one for one in leaves(DistillConfig) if one.name in CHANGED], ids=lambda one: one.name
)
def test_a_setting_that_is_changed_arrives_in_training_and_in_the_manifest(
    leaf: Leaf, config: DistillConfig, usual: Seen, store: Store
) -> None:
    before, after = values(config)[leaf.name], CHANGED[leaf.name]
    other = changed(config, **{"name": leaf.name, leaf.name: after})
    seen = _given(other, store)
    assert usual.manifest is not None and seen.manifest is not None
    assert _arrived(usual, leaf) == _expected(leaf.name, before, config)
    assert _arrived(seen, leaf) == _expected(leaf.name, after, other) != _arrived(usual, leaf)
    told = {**seen.manifest.config, "seed": seen.manifest.seed}
    untold = {**usual.manifest.config, "seed": usual.manifest.seed}
    if leaf.said.decides:
        assert (untold.pop(leaf.name), told.pop(leaf.name)) == (before, after)
    assert leaf.name not in told and told == untold  # nothing else has changed


def test_models_and_bitext_are_told_by_the_inputs(
    config: DistillConfig, store: Store, tmp_path: Path
) -> None:
    teacher = save_tiny_model(tmp_path / "teacher", seed=5)
    base = save_tiny_model(tmp_path / "base", seed=6)
    # This encoder reads the languages letter by letter, as it reads English: it gains no subwords.
    usual = DistillConfig(pair=config.pair)
    rate = usual.training.new_embedding_learning_rate
    plain = replace(config, transplant=usual.transplant)
    plain = changed(plain, new_embedding_learning_rate=rate)
    more = changed(plain, name="inputs", teacher=str(teacher), student=str(base))
    seen = _given(more, store)
    assert seen.manifest is not None and seen.transplant is None
    inputs = {one.kind: one.name for one in seen.manifest.inputs}
    assert inputs["teacher"] == str(teacher) and inputs["base"] == str(base)
    assert seen.manifest.config["student"] == str(base)
    bitext = [one.name.split(".")[0] for one in seen.manifest.inputs if one.kind == "bitext"]
    assert bitext == ["en-so", "en-sw"]


@pytest.mark.parametrize(
    ("objective", "settings", "named"),
    [
        ("transport", {}, "sinkhorn"),
        ("transport+mse", {"solver": "exact"}, "exact"),
        ("mse", {}, None),
    ],
)
def test_the_manifest_says_which_solver_found_the_plans(
    objective: str,
    settings: dict[str, Any],
    named: str | None,
    config: DistillConfig,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    seen = _given(changed(config, name=objective, objective=objective, **settings), store)
    assert seen.manifest is not None and seen.manifest.results.get("solver") == named


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--batch-size 0", "--batch-size must be at least 1, got 0"),
        ("--reg 0", "--reg must be from 0.001 to 10, got 0.0"),
        ("--vocabulary 50", "--vocabulary must be from 100 to 200000, got 50"),
        ("--warmup 1", "--warmup must be at least 0 and below 1, got 1.0"),
        ("--seed -1", "--seed must be at least 0, got -1"),
        ("--seed 4294967296", "--seed must be below 2^32, got 4294967296"),
        ("--side queries", "unknown --side 'queries'"),
        ("--centring mean", "unknown --centring 'mean'"),
        ("--mask-padding 8 --side both", "--mask-padding fills queries, but this student encodes"),
        ("--teacher-layer 2 --student mbert", "--teacher-layer 2: the layers of 'mbert' are not"),
        ("--tgt sw --file x.tsv", "the file x.tsv does not say which one it is of"),
    ],
)
def test_a_setting_that_cannot_be_is_told_by_its_option(line: str, said: str, home: Path) -> None:
    targets = "so,sw" if "--tgt" in line else "so"
    words = ["distill", "--src", "en", "--tgt", targets, *line.replace("--tgt sw ", "").split()]
    result = CliRunner().invoke(app, words)
    message = str(result.exception)
    assert said in message and result.exit_code != 0
    assert "`" not in message
    assert not home.exists()
