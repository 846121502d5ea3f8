"""Training: sentence-transformers' multi-vector trainer, for `distill` and for `train`.

A text reaches the model as a query (or a document) does at retrieval: with its prompt, its
expansion and its scoring mask. What is trained on, by which loss and in which batches, is said by a
lesson (:mod:`~clirot.distillation.training.lesson`). To the trainer this module adds a callback
that measures, keeps the best weights and marks complete checkpoints
(:mod:`~clirot.distillation.training.epochs`). A process that
was killed while it wrote a checkpoint resumes from the one before, and ends with the weights of an
uninterrupted run. What is overridden in the library: :class:`_Trainer` and decision 001.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import MultiVectorEncoderTrainer
from torch import nn
from transformers import PrinterCallback, TrainerCallback

from clirot.distillation.training.checkpoints import HISTORY, WEIGHTS, last_whole
from clirot.distillation.training.epochs import (
    BestKeeper,
    Report,
    loss_curve,
    reporting_to,
)
from clirot.distillation.training.history import History
from clirot.distillation.training.lengths import Lengths, warn_of_cut
from clirot.distillation.training.lesson import Lesson
from clirot.distillation.training.reading import prompt_of
from clirot.distillation.training.unused_parameters import pass_over_unused
from clirot.distillation.training.vocabulary import embedding_rates, occurring_rows
from clirot.encoding.libraries import quiet_libraries
from clirot.errors import UsageError
from clirot.processes import ALONE, Processes
from clirot.records import ProgressSink, silent

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def train(
    model: MultiVectorEncoder,
    task: Lesson,
    developments: Mapping[str, Any],
    *,
    processes: Processes = ALONE,
    progress: ProgressSink = silent,
    report: Report | None = None,
) -> History:
    """Train ``model`` in place and leave it with the weights of the best epoch.

    Several processes all call this with the same task. Only the first one measures, keeps weights
    and reports, and only its model has the best epoch's weights in the end.

    Args:
        model: the student, or whatever is trained.
        task: what to train on, and how.
        developments: language -> its development task; the mean over them chooses the epoch. Only
            the first process needs them.
        processes: those that train together.
        progress: told of rows trained on, with loss and what the development task measures.
        report: which programs training is reported to, under which name; None: to none.
    """
    from datasets import disable_progress_bars

    settings = task.loop
    with (
        quiet_libraries(),
        adapted(model, rank=settings.lora_rank, embeddings=task.new_from is not None),
        reporting_to(report.programs if report is not None else ()),
        ExitStack() as stack,
    ):
        disable_progress_bars()
        _deterministic_body(model)
        checkpoints = task.scratch / "checkpoints"
        history = task.scratch / HISTORY
        resume = processes.agree(last_whole(checkpoints, history) if processes.first else None)
        given = task.given_to(model, processes)
        keeper = BestKeeper(model, task, developments, given, processes, progress)
        if processes.count > 1:
            pass_over_unused(model, task.sides)
        stack.enter_context(occurring_rows(model, task, developments, processes))
        lengths = task.lengths(model)
        if processes.first:
            reader = f"{task.reader}, with `max_tokens={settings.max_tokens}`,"
            warn_of_cut(lengths.cut, len(lengths.sentences), reader, lengths.what)
        callbacks: list[TrainerCallback] = [keeper]
        if report is not None and processes.first:
            step = int(resume.name.rpartition("-")[2]) if resume is not None else 0
            callbacks = [*report.callbacks(resumed_at=step), keeper]
        trainer = _Trainer(
            model=model,
            args=_arguments(model, task, lengths, processes, report),
            train_dataset=task.dataset(processes),
            loss=given.loss,
            callbacks=callbacks,
        )
        trainer.shared_out = processes.count > 1
        if report is not None and report.programs and processes.first:
            keeper.report = trainer.log
        trainer.remove_callback(PrinterCallback)
        if settings.checkpointing:
            body: Any = model[0].auto_model
            # Renamed in transformers 5; the old name warns there.
            recompute = getattr(body, "activation_checkpointing_enable", None)
            (recompute or body.gradient_checkpointing_enable)({"use_reentrant": False})
        with given:
            keeper.begin(resumed=resume is not None)
            processes.wait()
            trainer.train(resume_from_checkpoint=str(resume) if resume is not None else None)
        if processes.first:
            keeper.restore_best()
        keeper.history.cut = lengths.cut.row
        keeper.history.curve = loss_curve(trainer.state.log_history, task.rows)
    return keeper.history


def _arguments(
    model: MultiVectorEncoder,
    task: Lesson,
    lengths: Lengths,
    processes: Processes,
    report: Report | None,
) -> Any:
    """The settings in the words of the library."""
    from sentence_transformers.multi_vector_encoder import MultiVectorEncoderTrainingArguments

    settings, device = task.loop, best_device()
    batch = settings.batch_size * settings.accumulate
    arguments = MultiVectorEncoderTrainingArguments(
        output_dir=str(task.scratch / "checkpoints"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=-(-settings.batch_size // processes.count),
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        learning_rate_mapping=embedding_rates(model, settings),
        warmup_steps=settings.warmup,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        weight_decay=0.0,
        max_grad_norm=1.0,
        bf16=bfloat16_pays(device),
        use_cpu=device == "cpu",
        batch_sampler=task.sampler(lengths, processes),
        max_length=lengths.longest,
        prompts={column: prompt_of(model, side) for column, side in task.columns.items()},
        router_mapping={column: str(side) for column, side in task.columns.items()},
        save_strategy="steps",
        # A checkpoint every epoch, but no more than some ten thousand rows apart.
        save_steps=max(1, min(-(-task.rows // batch), 10_000 // batch)),
        save_total_limit=2,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        report_to=report.integrations if report is not None else "none",
        run_name=report.name if report is not None else None,
        project="clirot",
        disable_tqdm=True,
        seed=settings.seed,
        data_seed=settings.seed,
        dataloader_pin_memory=device == "cuda",
        ddp_find_unused_parameters=False,  # see pass_over_unused
    )
    # One process drives one device: the library would split batches among all it sees.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


class _Trainer(MultiVectorEncoderTrainer):
    """The library's trainer with four methods overridden.

    It does not write the library's model card, whose examples it would compute beforehand. Its
    checkpoints hold the weights alone, since a model with adapters in it could not be loaded as a
    model. Batches that the sampler has shared out among processes are not shared out again.
    """

    shared_out = False
    """Whether the sampler has shared batches out among processes already."""

    def get_train_dataloader(self) -> Any:
        """The library's data loader; batches that are shared out stay as they are."""
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
        """Add nothing: clirot writes its own, in :mod:`clirot.distillation.student`."""


def best_device() -> str:
    """``cuda`` where there is one, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def bfloat16_pays(device: str) -> bool:
    """Whether mixed bfloat16 training is faster than float32 on ``cuda`` or ``cpu``.

    Decided by what the hardware says it has, never by timing it, so that one machine always trains
    in the same arithmetic. On a CPU without matrix instructions for it, bfloat16 is about twenty
    times slower than float32.
    """
    if device == "cuda":
        return torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)
    return device == "cpu" and bool(torch.cpu._is_amx_tile_supported())


def check_adapters_installed() -> None:
    """Raise a UsageError that names the extra where peft is not installed."""
    if find_spec("peft") is None:
        raise UsageError(
            "low-rank adapters need the package peft",
            hint="pip install 'clirot[lora]', or leave out `lora_rank` to train all weights",
        )


@contextmanager
def adapted(model: MultiVectorEncoder, *, rank: int, embeddings: bool) -> Iterator[None]:
    """Train low-rank adapters (LoRA, arXiv 2106.09685) within the block in place of the weights.

    A decoder of a billion weights does not fit beside its gradients and AdamW's moments on most
    machines. Its linear layers are frozen, each gets the product of two thin trainable matrices,
    and after the block these are merged into the weights: the student loads without peft. If the
    block raises, they are not. The projection after the body stays trainable.

    Args:
        model: the student, changed in place.
        rank: rank of the adapters, whose scale is 2; 0: none, the body itself is trained.
        embeddings: whether the input embeddings are trained too, in full.

    Raises:
        UsageError: peft is not installed.
    """
    if rank == 0:
        yield
        return
    check_adapters_installed()
    from peft import LoraConfig, LoraModel

    backbone: Any = model[0]
    body = backbone.auto_model
    # The layers are replaced inside the body, so the wrapper itself is not needed to train.
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear")
    wrapper = LoraModel(body, config, "default")
    body.get_input_embeddings().weight.requires_grad = embeddings
    yield
    wrapper.merge_and_unload()


def _deterministic_body(model: MultiVectorEncoder) -> None:
    """Switch dropout off: the target is the teacher's exact vectors, and noise in the student only
    blurs the plan. There is then no random state to restore when a run is resumed.
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
