"""The trainer: sentence-transformers' multi-vector trainer with a token objective.

A sentence reaches the student as a query (or a document) does at retrieval: with its prompt, its
expansion and its scoring mask. Three things are added to the trainer. The loss looks the teacher's
token vectors up by row number (the collator cannot carry ragged matrices). After every epoch
retrieval on the development split is measured and the best weights are kept. Checkpoints are marked
when they are whole, so that a process killed while writing one resumes from the one before; a
resumed run ends with the weights of an uninterrupted one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import MultiVectorEncoderTrainer
from torch import Tensor, nn
from transformers import PrinterCallback

from clirot.models import Side
from clirot.objectives import Objective, SentenceTokens, TokenBatch
from clirot.records import ProgressSink, silent
from clirot.training.batching import sampler_factory
from clirot.training.development import Development, check_finite
from clirot.training.diagnostics import plan_of
from clirot.training.epochs import WEIGHTS, BestKeeper, History, last_whole, loss_curve
from clirot.training.precision import best_device, bfloat16_pays
from clirot.training.reading import TokenReader
from clirot.training.teacher_tokens import TeacherTokens

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


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
        read: Callable[[dict[str, Any]], TokenBatch] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._read = read if read is not None else _tokens
        self._objective = objective
        self._teacher = teacher
        self._sides = sides

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The batch's loss, the mean over the sides; ``labels`` are rows of the teacher's store."""
        teacher = self._teacher.batch(labels.tolist(), labels.device)
        losses = []
        for side, features in zip(self._sides, sentence_features, strict=True):
            out = self.model(features, task=side)
            student = self._read(out)
            check_finite(student.vectors)
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
    translations: Sequence[SentenceTokens] = (),
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
        translations: the teacher's tokens of the first held-out pairs, with what the plan's figures
            want to know of them.
        scratch: directory for checkpoints; what an interrupted run of the same left there is
            resumed.
        progress: told of sentence pairs trained on, with loss and development MAP.
    """
    from datasets import Dataset, disable_progress_bars
    from sentence_transformers.multi_vector_encoder import MultiVectorEncoderTrainingArguments

    disable_progress_bars()
    _deterministic_body(model)
    checkpoints = scratch / "checkpoints"
    resume = last_whole(checkpoints)
    columns: dict[str, Side] = {side: side for side in sides}
    plan = plan_of(objective)
    reader = TokenReader(model, layer=plan.teacher_layer if "layer" in plan.asks_for else None)
    keeper = BestKeeper(
        model,
        development,
        plan,
        scratch,
        len(sentences),
        progress,
        reader=reader,
        translations=translations,
    )
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
        loss=TokenLoss(model, objective, teacher, sides, reader.batch if plan.asks_for else None),
        callbacks=[keeper],
    )
    trainer.remove_callback(PrinterCallback)
    if recipe.checkpointing:
        body: Any = model[0].auto_model
        # Renamed in transformers 5; the old name warns there.
        recompute = getattr(body, "activation_checkpointing_enable", None)
        (recompute or body.gradient_checkpointing_enable)({"use_reentrant": False})
    with reader if plan.asks_for else nullcontext():
        keeper.begin(resumed=resume is not None)
        trainer.train(resume_from_checkpoint=str(resume) if resume is not None else None)
    keeper.restore_best()
    keeper.history.curve = loss_curve(trainer.state.log_history, len(sentences))
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
        save_model(self.model, str(directory / WEIGHTS))

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        from safetensors.torch import load_model

        load_model(model or self.model, Path(resume_from_checkpoint) / WEIGHTS)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Clirot writes its own card: see :mod:`clirot.model_card`."""


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


def _tokens(out: dict[str, Any]) -> TokenBatch:
    """The tokens of a forward pass, where nothing but their vectors is asked for."""
    return TokenBatch(out["token_embeddings"], out["attention_mask"].bool())


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
