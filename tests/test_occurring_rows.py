"""Training the rows of the vocabulary that occur gives the student that the whole table gives.

Bit by bit, for every family, since nothing but zeros is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tiny_families
import torch
from tiny_model import tiny_config
from torch import nn

from clirot.distillation import DistillConfig, distill
from clirot.distillation.settings import TrainingSettings
from clirot.distillation.training import trainer
from clirot.distillation.training.checkpoints import WEIGHTS
from clirot.distillation.training.history import History
from clirot.distillation.training.vocabulary import (
    OccurringRows,
    embedding_rates,
    occurring_ids,
    only_rows,
)
from clirot.encoding.encoders import load_model
from clirot.errors import ClirotError
from clirot.records import Step
from clirot.store import Store

FAMILIES: dict[str, Callable[[Path], Path]] = {
    "BERT": tiny_families.save_bert,
    "XLM-R": tiny_families.save_xlm_roberta,
    "Llama": tiny_families.save_llama,
    "T5, tied tables": tiny_families.save_t5,
    "Gemma, scaled": tiny_families.save_gemma,
}


@pytest.fixture(autouse=True)
def _the_last_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a task chooses, what is compared was trained."""
    monkeypatch.setattr(History, "best_epoch", property(lambda self: len(self.development) - 1))


@contextmanager
def _whole_table(model: Any, *_: Any) -> Iterator[None]:
    yield


def _both(
    config: DistillConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[float], list[float]]:
    """Distil with the whole table and with rows; hold the students to each other. The norms of the
    gradients, and how many rows were trained.
    """
    norms: list[float] = []
    rows: list[float] = []
    train = trainer._Trainer.train

    def watched(self: Any, **given: Any) -> Any:
        out = train(self, **given)
        norms.extend(one["grad_norm"] for one in self.state.log_history if "grad_norm" in one)
        table = self.model[0].auto_model.get_input_embeddings()
        rows.append(len(table.weight))
        assert not hasattr(table, "_whole") or table.weight.requires_grad == _trains(config)
        return out

    monkeypatch.setattr(trainer._Trainer, "train", watched)
    with monkeypatch.context() as patched:
        patched.setattr(trainer, "occurring_rows", _whole_table)
        whole = distill(config, store=Store(tmp_path / "whole"))
    parts = distill(config, store=Store(tmp_path / "parts"))
    assert rows[1] < rows[0]
    half = len(norms) // 2
    assert norms[:half] == norms[half:]
    assert parts.artefact.manifest.results == whole.artefact.manifest.results
    assert parts.best_epoch == 2
    assert parts.artefact.digest == whole.artefact.digest
    return norms, rows


def _trains(config: DistillConfig) -> bool:
    return not config.training.lora_rank or config.student == "auto"  # a transplant


def _config(teacher: Path, bitext: Path, **changes: Any) -> DistillConfig:
    # So large an objective that gradients are clipped.
    changes = {"objective": "100*transport+contrastive", "name": "student"} | changes
    if "student" in changes:
        # One group of rows: the norm of two is rounded otherwise.
        changes = {"add_subwords": "never"} | changes
    return tiny_config(teacher, bitext, **changes)


@pytest.mark.parametrize("family", list(FAMILIES), ids=lambda name: name.split(",")[0])
def test_the_student_of_any_family_is_that_of_the_whole_table(
    family: str, teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = FAMILIES[family](tmp_path / "base")
    config = _config(teacher, bitext, student=str(base), accumulate=2)
    norms, _ = _both(config, tmp_path, monkeypatch)
    assert max(norms) > 1  # the gradients were clipped


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_so_is_that_of_a_transplant_with_adapters_and_without(
    lora_rank: int, teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lora_rank:
        pytest.importorskip("peft")
    config = _config(teacher, bitext, lora_rank=lora_rank, side="both")
    _both(config, tmp_path, monkeypatch)


def test_beside_adapters_the_table_of_another_base_stays_as_it_is(
    teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    base = tiny_families.save_llama(tmp_path / "base")
    rate = TrainingSettings.embedding_learning_rate
    config = _config(teacher, bitext, student=str(base), lora_rank=2, embedding_learning_rate=rate)
    _both(config, tmp_path, monkeypatch)


def test_a_checkpoint_has_the_rows_alone_and_is_resumed_to_the_same_student(
    teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_families.save_xlm_roberta(tmp_path / "base")
    config = _config(teacher, bitext, student=str(base))
    with monkeypatch.context() as patched:
        patched.setattr(trainer, "occurring_rows", _whole_table)
        whole = distill(config, store=Store(tmp_path / "whole"))

    def interrupt(step: Step) -> None:
        if step.label == "distill" and step.done > 0.7 * (step.total or 0):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distill(config, progress=interrupt)
    scratch = Store().home / "models" / ".student.part" / "scratch"
    saved = [*scratch.glob(f"checkpoints/*/{WEIGHTS}"), *scratch.glob("epochs/*.safetensors")]
    table = (base / "model.safetensors").stat().st_size
    assert saved and all(one.stat().st_size < table for one in saved)
    steps: list[Step] = []
    resumed = distill(config, progress=steps.append)
    first = next(step for step in steps if step.label == "distill")
    assert first.done > 0.5 * (first.total or 0)
    assert resumed.artefact.digest == whole.artefact.digest


def test_rows_of_other_ids_are_not_loaded(tmp_path: Path) -> None:
    from safetensors.torch import load_model as load_weights
    from safetensors.torch import save_model as save_weights

    model = load_model(tiny_families.save_bert(tmp_path / "bert"), device="cpu")
    ids = occurring_ids(model, ["abc"], sides=["query"])
    others = occurring_ids(model, ["abd"], sides=["query"])
    assert len(ids) == len(others)
    with only_rows(model, ids):
        save_weights(model, str(tmp_path / "rows"))
        load_weights(model, tmp_path / "rows")
    with only_rows(model, others), pytest.raises(ClirotError, match="other subwords"):
        load_weights(model, tmp_path / "rows")


@pytest.mark.parametrize("family", list(FAMILIES), ids=lambda name: name.split(",")[0])
def test_every_text_is_encoded_as_before_and_only_rows_are_parameters(
    family: str, tmp_path: Path
) -> None:
    model = load_model(FAMILIES[family](tmp_path / "base"), device="cpu")
    texts = ["abcd", "the quick brown fox 12, 34", "बी चि"]
    before, names = [one.clone() for one in model.encode_query(texts)], {*model.state_dict()}
    body = model[0].auto_model
    table = body.get_input_embeddings()
    expected = table.weight.detach().clone()
    ids = occurring_ids(model, ["abcd"], sides=["query"])
    with only_rows(model, ids):
        assert all(
            torch.equal(one, two)
            for one, two in zip(before, model.encode_query(texts), strict=True)
        )
        rows = body.get_input_embeddings()
        assert isinstance(rows, OccurringRows) and len(rows.weight) < len(expected)
        assert not any(len(one) == len(expected) for one in model.parameters())
        assert rows.embedding_dim == 16 and rows.weight.dtype == torch.float32
        assert sum("embed" in name and "_extra" in name for name in model.state_dict()) >= 1
        with torch.no_grad():
            rows.weight.add_(1)
        with pytest.raises(ClirotError, match="training has met a subword"):
            model.train()(model.preprocess(["fox 12"], task="query"), task="query")
    assert {*model.state_dict()} == names and body.get_input_embeddings() is table
    place = torch.from_numpy(ids)
    expected[place] += 1
    assert torch.equal(table.weight, expected)


def test_a_table_that_is_more_than_looked_up_stays_whole(tmp_path: Path) -> None:
    model = load_model(tiny_families.save_bert(tmp_path / "bert"), device="cpu")
    body = model[0].auto_model
    table = body.get_input_embeddings()
    body.head = nn.Linear(table.embedding_dim, table.num_embeddings, bias=False)
    body.head.weight = table.weight
    with only_rows(model, occurring_ids(model, ["abc"], sides=["query"])):
        assert body.get_input_embeddings() is table
    assert len(embedding_rates(model, TrainingSettings())) == 1


def test_subwords_that_were_added_have_a_learning_rate_of_their_own(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    """At a rate of all but nothing, one group of rows stays and the other one moves."""
    start = distill(_config(teacher, bitext, objective="none", name="start"))
    table = load_model(start.artefact.path, device="cpu")[0].auto_model.get_input_embeddings()
    figures = start.artefact.manifest.results["start"]
    begin = int(figures["vocabulary"] - figures["new_subwords"])
    assert 0 < begin < len(table.weight)
    stays = 1e-30
    for name, moving in (("embedding", slice(0, begin)), ("new_embedding", slice(begin, None))):
        rates = {"embedding_learning_rate": stays, "new_embedding_learning_rate": stays}
        rates[f"{name}_learning_rate"] = 1e-2
        made = distill(_config(teacher, bitext, name=name, **rates))
        found = load_model(made.artefact.path, device="cpu")[0].auto_model.get_input_embeddings()
        moved = (found.weight - table.weight).abs().amax(dim=1) > 1e-6
        assert (
            moved[moving].any()
            and not moved.clone().index_fill_(0, torch.arange(len(moved))[moving], False).any()
        )


def test_two_groups_of_rows_with_one_rate_are_one_group(teacher: Path, tmp_path: Path) -> None:
    """Up to rounding: the norm of the gradients is then summed up in another order."""
    model = load_model(tiny_families.save_bert(tmp_path / "bert"), device="cpu")
    features = model.preprocess(["abz 12, xy", "z"], task="query")
    ids = occurring_ids(model, ["abz 12, xy", "z"], sides=["query"])
    gradients = []
    for begin in (None, int(ids[len(ids) // 2])):
        with only_rows(model, ids, new_from=begin):
            table = model[0].auto_model.get_input_embeddings()
            out = model(dict(features), task="query")["token_embeddings"]
            (out * torch.arange(out.numel()).reshape(out.shape).cos()).sum().backward()
            parts = [table.weight] + ([table.added.weight] if table.added is not None else [])
            assert len(parts) == 1 + (begin is not None)
            gradients.append(torch.cat([one.grad for one in parts]))
    assert torch.equal(*gradients)


@pytest.mark.parametrize("start", ["transplant", "encoder"])
def test_embeddings_with_a_learning_rate_of_0_stay_and_new_ones_are_trained(
    start: str, teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"embedding_learning_rate": 0.0, "start_share": 0.0}
    if start == "encoder":
        changes["student"] = str(tiny_families.save_xlm_roberta(tmp_path / "base"))
        changes["add_subwords"] = "never"
    begun = distill(tiny_config(teacher, bitext, name="begun", **changes | {"objective": "none"}))
    made = distill(tiny_config(teacher, bitext, name="made", **changes))
    bodies: Any = [load_model(one.artefact.path)[0].auto_model for one in (begun, made)]
    before, after = (one.get_input_embeddings().weight for one in bodies)
    old = len(before) if start == "encoder" else len(load_model(teacher).tokenizer)
    assert torch.equal(before[:old], after[:old])
    assert start == "encoder" or not torch.equal(before[old:], after[old:])
    one, other = (next(iter(body.encoder.parameters())) for body in bodies)
    assert not torch.equal(one, other)
