"""The trainer: sentence-transformers' multi-vector trainer with a token objective.

A sentence reaches the student as a query (or a document) does at retrieval: with its prompt, its
expansion and its scoring mask. Three things are added to the trainer. The loss looks the teacher's
token vectors up by the place of the pair (the collator cannot carry ragged matrices). After every
epoch retrieval on the development split is measured and the best weights are kept. Checkpoints are
marked when they are whole, so that a process killed while writing one resumes from the one before;
a resumed run ends with the weights of an uninterrupted one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import MultiVectorEncoderTrainer
from sentence_transformers.util.distributed import all_gather, all_gather_padded
from torch import Tensor, nn
from transformers import PrinterCallback, TrainerCallback

from clirot.distillation.objectives.objective import Objective, terms_of
from clirot.distillation.objectives.tokens import SentenceTokens, TokenBatch
from clirot.distillation.objectives.transport import Transport
from clirot.distillation.training.batching import sampler_factory
from clirot.distillation.training.development import Development, check_finite
from clirot.distillation.training.diagnostics import plan_of
from clirot.distillation.training.epochs import WEIGHTS, BestKeeper, History, last_whole, loss_curve
from clirot.distillation.training.material import Material
from clirot.distillation.training.precision import best_device, bfloat16_pays
from clirot.distillation.training.processes import ALONE, Processes
from clirot.distillation.training.reading import TokenReader, prompt_of
from clirot.distillation.training.reporting import (
    TENSORBOARD,
    Report,
    reporting_to,
    tensorboard_callback,
)
from clirot.models import Side
from clirot.records import ProgressSink, silent

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_Loss = Callable[[TokenBatch, Side], Tensor]


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
    sampling_temperature: float = 1.0


class TokenLoss(nn.Module):
    """An objective as the trainer calls it: features of the student's sentences, and their places.

    Follows sentence-transformers' naming: ``model`` is the attribute it swaps for the wrapped one.
    """

    def __init__(
        self,
        model: MultiVectorEncoder,
        objective: Objective,
        material: Material,
        sides: Sequence[Side],
        processes: Processes = ALONE,
        *,
        read: Callable[[dict[str, Any], Side], TokenBatch] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._read = read if read is not None else _tokens
        self._objective = objective
        self._material = material
        self._sides = sides
        self._processes = processes

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The batch's loss, the mean over the sides; ``labels`` are places in the material."""
        loss = self._shared_loss(labels) if self._processes.count > 1 else self._own_loss(labels)
        losses = []
        for side, features in zip(self._sides, sentence_features, strict=True):
            out = self.model(features, task=side)
            student = self._read(out, side)
            check_finite(student.vectors)
            losses.append(loss(student, side))
        return torch.stack(losses).mean()

    def _own_loss(self, labels: Tensor) -> _Loss:
        places = labels.tolist()
        teacher = self._material.translations(places, labels.device)
        return lambda student, side: self._objective.loss(
            self._material.numbered(student, places), teacher, side
        )

    def _shared_loss(self, labels: Tensor) -> _Loss:
        """The loss of a batch that is shared out among processes, of which this one has a part.

        Gradients are averaged over the processes, and so are the losses that are logged. What is a
        mean over sentences is therefore weighted by how many of the batch are here. What compares
        the sentences of a batch is computed over all of it, by every process; its derivative here
        is by the sentences that are here, and is multiplied by the processes it will be divided by.
        """
        everywhere = all_gather(labels)  # in the order of the processes
        count, total = self._processes.count, int((everywhere >= 0).sum())
        here = labels >= 0
        weight = count * int(here.sum()) / total
        own = self._material.translations(labels[here].tolist(), labels.device) if weight else None
        terms = terms_of(self._objective)
        asked_for = frozenset[str]().union(
            *(one.plan.asks_for for _, one in terms if one.in_batch and isinstance(one, Transport))
        )

        def loss(student: TokenBatch, side: Side) -> Tensor:
            # A process without a sentence takes part all the same: the others wait for it.
            found = 0 * student.vectors.sum()
            if own is not None:
                part = student.rows(here.nonzero().flatten().tolist())
                for scale, one in terms:
                    if not one.in_batch:
                        found = found + weight * scale * one.loss(part, own, side)
            if any(one.in_batch for _, one in terms):
                places = everywhere[everywhere >= 0].tolist()
                real = (everywhere >= 0).nonzero().flatten().tolist()
                whole = _gathered(student, asked_for).rows(real)
                whole = self._material.numbered(whole, places)
                teacher = self._material.translations(places, labels.device)
                for scale, one in terms:
                    if one.in_batch:
                        value = scale * one.loss(whole, teacher, side)
                        found = found + count * value - ((count - 1) * value).detach()
            return found

        return loss


def _gathered(tokens: TokenBatch, names: frozenset[str]) -> TokenBatch:
    """The batch of all processes, with what of it ``names`` says besides the vectors; only what is
    here has a gradient.
    """
    vectors, mask = all_gather_padded(tokens.vectors.float(), tokens.mask.to(torch.uint8))
    rest: dict[str, Tensor] = {}
    for name in sorted(names):  # in the same order everywhere
        part: Tensor | None = getattr(tokens, name)
        if part is None:
            continue
        # As the library pads vectors: ``(batch, tokens, width)``; a bool travels as a byte.
        wide = part.to(torch.uint8) if part.dtype == torch.bool else part
        wide = wide if wide.dim() == 3 else wide[:, :, None]
        gathered, _ = all_gather_padded(wide.contiguous(), tokens.mask.to(torch.uint8))
        rest[name] = gathered.reshape(*gathered.shape[:2], *part.shape[2:]).to(part.dtype)
    return TokenBatch(vectors, mask.bool(), **rest)


def train(
    model: MultiVectorEncoder,
    material: Material,
    objective: Objective,
    developments: Mapping[str, Development],
    recipe: Recipe,
    *,
    sides: Sequence[Side] = ("query",),
    translations: Mapping[str, Sequence[SentenceTokens]] | None = None,
    scratch: Path,
    progress: ProgressSink = silent,
    processes: Processes = ALONE,
    report_to: Sequence[str] = (),
    report: Report | None = None,
) -> History:
    """Train ``model`` in place and leave it with the weights of the best epoch.

    Of several processes, all call this with the same arguments; the first alone measures, keeps and
    reports, and its model alone has the best epoch's weights in the end.

    Args:
        model: the student.
        material: the sentences, and the teacher's tokens of their translations.
        objective: what to minimise.
        developments: language -> its held-out task; the mean over them chooses the epoch.
        recipe: the numbers.
        sides: as what the student reads its sentences, and the loss is the mean of.
        translations: language -> the teacher's tokens of its first held-out pairs, with what the
            plan's figures want to know of them.
        scratch: directory for checkpoints; what an interrupted run of the same left there is
            resumed.
        progress: told of sentence pairs trained on, with loss and development MAP.
        processes: those that train together.
        report_to: names of :data:`clirot.distillation.training.reporting.REPORTERS`.
        report: what reports are called, and where TensorBoard's go.
    """
    from datasets import Dataset, disable_progress_bars
    from sentence_transformers.multi_vector_encoder import MultiVectorEncoderTrainingArguments

    disable_progress_bars()
    sentences = material.sentences
    _deterministic_body(model)
    checkpoints = scratch / "checkpoints"
    resume = processes.agree(last_whole(checkpoints) if processes.first else None)
    columns: dict[str, Side] = {side: side for side in sides}
    plan = plan_of(objective)
    asked = plan.plan.asks_for
    reader = TokenReader(model, layer=plan.plan.teacher_layer if "layer" in asked else None)
    keeper = BestKeeper(
        model,
        developments,
        plan,
        scratch,
        len(sentences),
        progress,
        processes=processes,
        reader=reader,
        translations=translations,
    )
    if processes.count > 1:
        pass_over_unused(model, sides)
    device = best_device()
    tokenizer = model.tokenizer
    lengths = [len(ids) for ids in tokenizer(list(sentences), verbose=False)["input_ids"]]
    arguments = MultiVectorEncoderTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=-(-recipe.batch_size // processes.count),
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
        batch_sampler=sampler_factory(
            lengths,
            batch_size=recipe.batch_size,
            sizes=material.sizes,
            temperature=recipe.sampling_temperature,
            rank=processes.rank,
            processes=processes.count,
        ),
        max_length=min(_longest_input(model, recipe.max_tokens, side) for side in sides),
        prompts={column: prompt_of(model, side) for column, side in columns.items()},
        router_mapping={column: str(side) for column, side in columns.items()},
        save_strategy="steps",
        save_steps=_checkpoint_steps(len(sentences), recipe.batch_size * recipe.accumulate),
        save_total_limit=2,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        report_to=[one for one in report_to if one != TENSORBOARD] or "none",
        run_name=report.name if report is not None else None,
        project="clirot",
        disable_tqdm=True,
        seed=recipe.seed,
        data_seed=recipe.seed,
        dataloader_pin_memory=device == "cuda",
        ddp_find_unused_parameters=False,  # see pass_over_unused
    )
    # One process drives one device: the library would split batches among all it sees.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    texts, places = list(sentences), list(range(len(sentences)))
    if processes.count > 1:  # the row that makes up for what a process lacks: see the sampler
        texts.append(min(texts, key=len))
        places.append(-1)
    callbacks: list[TrainerCallback] = [keeper]
    if TENSORBOARD in report_to and report is not None and processes.first:
        step = int(resume.name.rpartition("-")[2]) if resume is not None else 0
        callbacks.insert(
            0, tensorboard_callback(report.directory, resumed_at=step, settings=report.settings)
        )
    trainer = _Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(dict.fromkeys(columns, texts) | {"label": places}),
        loss=TokenLoss(
            model,
            objective,
            material,
            sides,
            processes,
            read=reader.batch if asked else None,
        ),
        callbacks=callbacks,
    )
    trainer.shared_out = processes.count > 1
    if report_to and processes.first:
        keeper.report = trainer.log
    trainer.remove_callback(PrinterCallback)
    if recipe.checkpointing:
        body: Any = model[0].auto_model
        # Renamed in transformers 5; the old name warns there.
        recompute = getattr(body, "activation_checkpointing_enable", None)
        (recompute or body.gradient_checkpointing_enable)({"use_reentrant": False})
    with reader if asked else nullcontext(), reporting_to(report_to):
        keeper.begin(resumed=resume is not None)
        processes.wait()
        trainer.train(resume_from_checkpoint=str(resume) if resume is not None else None)
    if processes.first:
        keeper.restore_best()
    keeper.history.curve = loss_curve(trainer.state.log_history, len(sentences))
    return keeper.history


class _Trainer(MultiVectorEncoderTrainer):
    """The trainer without the library's own model card, whose examples it computes beforehand, and
    with checkpoints of the weights alone: a model with adapters in it is not a checkpoint that
    could be loaded as a model.
    """

    shared_out = False
    """Whether the sampler has shared batches out among processes already."""

    def get_train_dataloader(self) -> Any:
        """The library's; of batches that are shared out, without sharing them out again."""
        if not self.shared_out:
            return super().get_train_dataloader()
        from accelerate.data_loader import prepare_data_loader

        loader = self._build_dataloader(
            self.train_dataset, self.args.train_batch_size, dataset_kind="train"
        )
        self._train_dataloader = prepare_data_loader(
            loader, self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return self._train_dataloader

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
        """Clirot writes its own card: see :mod:`clirot.distillation.model_card`."""


def pass_over_unused(model: MultiVectorEncoder, sides: Sequence[Side]) -> None:
    """Tell DistributedDataParallel which parameters never get a gradient, such as BERT's pooler.

    It waits for the gradient of every other one. Looking for them in every step, which it can do
    too, it cannot do where one loss calls the model twice, as that of both sides does. They are not
    frozen: the optimiser's state must fit one process and several.
    """
    model.train()
    for side in sides:
        features = model.preprocess(["a"], task=side)
        inputs = {
            name: value.to(model.device) if isinstance(value, Tensor) else value
            for name, value in features.items()
        }
        model(inputs, task=side)["token_embeddings"].sum().backward()
    unused = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    model.zero_grad(set_to_none=True)
    ignoring: Any = nn.parallel.DistributedDataParallel
    ignoring._set_params_and_buffers_to_ignore_for_model(model, unused)


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


def _tokens(out: dict[str, Any], _: Side) -> TokenBatch:
    """The tokens of a forward pass, where nothing but their vectors is asked for."""
    return TokenBatch(out["token_embeddings"], out["attention_mask"].bool())


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
