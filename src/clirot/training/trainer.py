"""The trainer: sentence-transformers' multi-vector trainer with a token objective.

A sentence reaches the student as a query (or a document) does at retrieval: with its prompt, its
expansion and its scoring mask. Three things are added to the trainer. The loss looks the teacher's
token vectors up by row number (the collator cannot carry ragged matrices). After every epoch
retrieval on the development split is measured and the best weights are kept. Checkpoints are marked
when they are whole, so that a process killed while writing one resumes from the one before; a
resumed run ends with the weights of an uninterrupted one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import MultiVectorEncoderTrainer
from torch import Tensor, nn
from transformers import PrinterCallback, TrainerCallback

from clirot.encoders import MultiVectorTokenEncoder
from clirot.models import Side
from clirot.objectives import Objective, TokenBatch, Transport
from clirot.records import ProgressSink, Step, silent
from clirot.store import write_text
from clirot.training.batching import sampler_factory
from clirot.training.development import Development
from clirot.training.diagnostics import plan_figures, plan_of
from clirot.training.precision import best_device, bfloat16_pays
from clirot.training.teacher_tokens import TeacherTokens

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_WHOLE = "whole"
_WEIGHTS = "student.safetensors"
_EPOCHS = "epochs"
_CURVE_POINTS = 100


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train: the numbers, apart from the objective's own."""

    epochs: int
    batch_size: int
    learning_rate: float
    embedding_learning_rate: float
    warmup: float
    max_tokens: int
    seed: int
    accumulate: int = 1
    checkpointing: bool = False


@dataclass
class History:
    """What training measured."""

    development: list[float] = field(default_factory=list)
    """MAP on the development split: before training, then after every epoch."""
    loss: list[float] = field(default_factory=list)
    """Mean loss of every epoch."""
    figures: list[dict[str, float]] = field(default_factory=list)
    """Of the transport plan on the development split, as ``development``: see
    :mod:`clirot.training.diagnostics`."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Pairs trained on and the mean loss since the point before, a hundred points at most."""

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept, the earliest of equals; 0: training did not help."""
        return max(range(len(self.development)), key=lambda epoch: self.development[epoch])


class TokenLoss(nn.Module):
    """An objective as the trainer calls it: features of the student's sentences, row numbers.

    Follows sentence-transformers' naming: ``model`` is the attribute it swaps for the wrapped one.
    """

    def __init__(
        self,
        model: MultiVectorEncoder,
        objective: Objective,
        teacher: TeacherTokens,
        sides: Sequence[Side],
    ) -> None:
        super().__init__()
        self.model = model
        self._objective = objective
        self._teacher = teacher
        self._sides = sides

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The batch's loss, the mean over the sides; ``labels`` are rows of the teacher's store."""
        losses = []
        for side, features in zip(self._sides, sentence_features, strict=True):
            out = self.model(features, task=side)
            student = TokenBatch(out["token_embeddings"], out["attention_mask"].bool())
            teacher = self._teacher.batch(labels.tolist(), student.vectors.device)
            losses.append(self._objective.loss(student, teacher))
        return torch.stack(losses).mean()


def train(
    model: MultiVectorEncoder,
    sentences: Sequence[str],
    teacher: TeacherTokens,
    objective: Objective,
    development: Development,
    recipe: Recipe,
    *,
    sides: Sequence[Side] = ("query",),
    scratch: Path,
    progress: ProgressSink = silent,
) -> History:
    """Train ``model`` in place and leave it with the weights of the best epoch.

    Args:
        model: the student.
        sentences: target sentences; row ``k`` of ``teacher`` is the translation of the ``k``-th.
        teacher: the teacher's tokens.
        objective: what to minimise.
        development: the held-out task that chooses the epoch.
        recipe: the numbers.
        sides: as what the student reads its sentences, and the loss is the mean of.
        scratch: directory for checkpoints; what an interrupted run of the same left there is
            resumed.
        progress: told of sentence pairs trained on, with loss and development MAP.
    """
    from datasets import Dataset, disable_progress_bars
    from sentence_transformers.multi_vector_encoder import MultiVectorEncoderTrainingArguments

    disable_progress_bars()
    _deterministic_body(model)
    checkpoints = scratch / "checkpoints"
    resume = _last_whole(checkpoints)
    columns: dict[str, Side] = {side: side for side in sides}
    keeper = _BestKeeper(model, development, plan_of(objective), scratch, len(sentences), progress)
    keeper.begin(resumed=resume is not None)
    device = best_device()
    tokenizer = model.tokenizer
    lengths = [len(ids) for ids in tokenizer(list(sentences), verbose=False)["input_ids"]]
    arguments = MultiVectorEncoderTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.learning_rate,
        learning_rate_mapping=dict.fromkeys(
            _embedding_patterns(model), recipe.embedding_learning_rate
        ),
        warmup_steps=recipe.warmup,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        weight_decay=0.0,
        max_grad_norm=1.0,
        bf16=bfloat16_pays(device),
        use_cpu=device == "cpu",
        batch_sampler=sampler_factory(lengths),
        max_length=min(_longest_input(model, recipe.max_tokens, side) for side in sides),
        prompts={column: _prompt(model, side) for column, side in columns.items()},
        router_mapping={column: str(side) for column, side in columns.items()},
        save_strategy="steps",
        save_steps=_checkpoint_steps(len(sentences), recipe.batch_size * recipe.accumulate),
        save_total_limit=2,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_pin_memory=device == "cuda",
    )
    trainer = _Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(
            {column: list(sentences) for column in columns} | {"label": list(range(len(sentences)))}
        ),
        loss=TokenLoss(model, objective, teacher, sides),
        callbacks=[keeper],
    )
    trainer.remove_callback(PrinterCallback)
    if recipe.checkpointing:
        body: Any = model[0].auto_model
        # Renamed in transformers 5; the old name warns there.
        recompute = getattr(body, "activation_checkpointing_enable", None)
        (recompute or body.gradient_checkpointing_enable)({"use_reentrant": False})
    trainer.train(resume_from_checkpoint=str(resume) if resume is not None else None)
    keeper.restore_best()
    keeper.history.curve = _loss_curve(trainer.state.log_history, len(sentences))
    return keeper.history


class _Trainer(MultiVectorEncoderTrainer):
    """The trainer without the library's own model card, whose examples it computes beforehand, and
    with checkpoints of the weights alone: a model with adapters in it is not a checkpoint that
    could be loaded as a model.
    """

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        from safetensors.torch import save_model

        directory = Path(str(output_dir or self.args.output_dir))
        directory.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(directory / _WEIGHTS))

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        from safetensors.torch import load_model

        load_model(model or self.model, Path(resume_from_checkpoint) / _WEIGHTS)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Clirot writes its own card: see :mod:`clirot.model_card`."""


class _BestKeeper(TrainerCallback):
    """Measures the development split, keeps the best weights, marks checkpoints, reports."""

    def __init__(
        self,
        model: MultiVectorEncoder,
        development: Development,
        plan: Transport,
        scratch: Path,
        sentences: int,
        progress: ProgressSink,
    ) -> None:
        self._model = model
        self._development = development
        self._plan = plan
        self._log = scratch / "history.json"
        self._epochs = scratch / _EPOCHS
        self._sentences = sentences
        self._progress = progress
        self.history = History()

    def begin(self, *, resumed: bool) -> None:
        """Take up the history of an interrupted run, or measure where this one starts."""
        if resumed and self._log.is_file():
            raw = json.loads(self._log.read_text(encoding="utf-8"))
            self.history = History(raw["development"], raw["loss"], raw["figures"])
        else:
            self._measure(epoch=0)

    def restore_best(self) -> None:
        """Load the weights of the best epoch into the model."""
        from safetensors.torch import load_model

        load_model(self._model, self._epochs / f"epoch-{self.history.best_epoch}.safetensors")

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure an epoch whose end a killed run had reached and saved, but not yet measured."""
        completed = int(state.epoch + 1e-6)
        if len(self.history.development) <= completed:
            self._measure(epoch=completed, loss=_epoch_loss(state, completed))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Report the loss and how far training is."""
        if logs and "loss" in logs:
            done = min(
                int(state.epoch * self._sentences), self._sentences * int(state.num_train_epochs)
            )
            self._progress(
                Step(
                    "distill",
                    done,
                    self._sentences * int(state.num_train_epochs),
                    figures=(
                        ("loss", float(logs["loss"])),
                        ("dev MAP", self.history.development[-1]),
                    ),
                    unit="pairs",
                )
            )

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the development split."""
        epoch = round(state.epoch)
        self._measure(epoch=epoch, loss=_epoch_loss(state, epoch))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark the checkpoint that was just written as whole."""
        write_text(Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE, "")

    def _measure(self, *, epoch: int, loss: float | None = None) -> None:
        from safetensors.torch import save_model

        training = self._model.training
        side = self._development.side
        encoder = MultiVectorTokenEncoder(self._model, side=side, name="student", digest="")
        vectors = self._development.student_tokens(encoder)
        found = self._development.mean_average_precision(vectors)
        figures = plan_figures(self._plan, *self._development.pairs(vectors))
        self._model.train(training)
        # A resumed run measures again what it had measured after its last checkpoint.
        del self.history.development[epoch:], self.history.figures[epoch:]
        del self.history.loss[max(0, epoch - 1) :]
        self.history.development.append(found)
        self.history.figures.append(figures)
        if loss is not None:
            self.history.loss.append(loss)
        # Every epoch's weights stay until the end: a resume on another machine may round
        # differently and prefer an epoch that this one did not.
        self._epochs.mkdir(exist_ok=True)
        temporary = self._epochs / ".new.safetensors"
        save_model(self._model, str(temporary))  # unlike save_file, with weights that are tied
        temporary.replace(self._epochs / f"epoch-{epoch}.safetensors")
        write_text(
            self._log,
            json.dumps(
                {
                    "development": self.history.development,
                    "loss": self.history.loss,
                    "figures": self.history.figures,
                }
            ),
        )


def _deterministic_body(model: MultiVectorEncoder) -> None:
    """No dropout: the target is the teacher's exact vectors, and noise in the student only blurs
    the plan. It also leaves no random state to restore when a run is resumed.
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        # ModernBERT and the decoders keep the rate of their attention as a number.
        for name, value in vars(module).items():
            if "drop" in name and isinstance(value, float):
                setattr(module, name, 0.0)
    backbone: Any = model[0]
    config = backbone.auto_model.config
    for name, value in config.to_dict().items():
        if "drop" in name and isinstance(value, float):
            setattr(config, name, 0.0)


def _prompt(model: MultiVectorEncoder, side: Side) -> str:
    """What ``encode_query`` or ``encode_document`` puts before a text."""
    task = side if side in model.prompts else model.default_prompt_name
    return (model.prompts[task] if task is not None else None) or ""


def _longest_input(model: MultiVectorEncoder, max_tokens: int, side: Side) -> int:
    """The longest input in training, prompt and expansion included.

    The trainer's limit overrides the model's own, so it must not be above what ``encode_query`` or
    ``encode_document`` cuts at, nor what the encoder has positions for.
    """
    backbone: Any = model[0]
    own = backbone.query_length if side == "query" else backbone.document_length
    longest = min(max_tokens, own or backbone.max_seq_length or max_tokens)
    expansion = backbone.query_expansion if side == "query" else None
    if expansion is None:
        return longest
    fixed: int = expansion["length"]
    return fixed if expansion["strategy"] == "fixed" else max(longest, fixed)


def _embedding_patterns(model: MultiVectorEncoder) -> list[str]:
    """Regular expressions for the names of the input embeddings among the parameters that are
    trained: one, or none.
    """
    body: Any = model[0].auto_model
    weight = body.get_input_embeddings().weight
    return [
        re.escape(name) + "$"
        for name, parameter in model.named_parameters()
        if parameter is weight and parameter.requires_grad
    ]


def _checkpoint_steps(sentences: int, batch_size: int) -> int:
    """Every epoch, but no more than some ten thousand sentences apart."""
    return max(1, min(-(-sentences // batch_size), 10_000 // batch_size))


def _last_whole(checkpoints: Path) -> Path | None:
    """The newest checkpoint that was written to its end; half-written ones are removed."""
    found: list[tuple[int, Path]] = []
    for path in checkpoints.glob("checkpoint-*"):
        if (path / _WHOLE).is_file() and (path / _WEIGHTS).is_file():
            found.append((int(path.name.rpartition("-")[2]), path))
        else:
            shutil.rmtree(path)
    return max(found)[1] if found else None


def _epoch_loss(state: Any, epoch: int) -> float:
    """Mean loss of an epoch, from the log that checkpoints carry; NaN before the first epoch."""
    losses = [
        entry["loss"]
        for entry in state.log_history
        if "loss" in entry and epoch - 1 < entry["epoch"] <= epoch + 1e-6
    ]
    return sum(losses) / len(losses) if losses else float("nan")


def _loss_curve(log: Sequence[dict[str, Any]], sentences: int) -> list[tuple[int, float]]:
    """The log of the steps, averaged to a hundred points or fewer."""
    steps = [(entry["epoch"] * sentences, entry["loss"]) for entry in log if "loss" in entry]
    width = -(-len(steps) // _CURVE_POINTS) or 1
    curve = []
    for start in range(0, len(steps), width):
        part = steps[start : start + width]
        mean = sum(loss for _, loss in part) / len(part)
        curve.append((round(part[-1][0]), round(mean, 6)))
    return curve
