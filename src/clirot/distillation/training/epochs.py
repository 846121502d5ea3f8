"""What happens while an epoch runs and at its end: progress, measures, kept weights, reports.

The development split is measured and the best weights are kept. Complete checkpoints are marked, so
that one whose writing was interrupted is told apart. Training may be reported to TensorBoard,
Weights & Biases or Trackio: the integrations of transformers send what the trainer logs (loss,
gradient norm, learning rates), and clirot adds what it measures at the end of an epoch
(``eval_map``, the figures of the plan) and, for TensorBoard, the student's settings. TensorBoard's
files are kept where they outlive the training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from transformers import TrainerCallback

from clirot.digests import file_digest
from clirot.distillation.training.averaging import drawn_back, trained_weights
from clirot.distillation.training.checkpoints import (
    HISTORY,
    epoch_weights,
    mark_whole,
    read_history,
    write_history,
)
from clirot.distillation.training.history import History
from clirot.distillation.training.lesson import Given, Lesson
from clirot.processes import ALONE, Processes
from clirot.records import ProgressSink, Step, silent

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder
    from transformers import TrainerCallback

_TENSORBOARD = "tensorboard"
_CURVE_POINTS = 100


class BestKeeper(TrainerCallback):
    """Measures the development split, keeps the best weights, marks checkpoints, reports.

    Args:
        model: what is trained.
        task: on what.
        developments: language -> its development task.
        given: the task for this model, which measures it.
        processes: those that train together; the first one alone measures and writes.
        progress: told of rows trained on.
    """

    def __init__(
        self,
        model: MultiVectorEncoder,
        task: Lesson,
        developments: Mapping[str, Any],
        given: Given,
        processes: Processes = ALONE,
        progress: ProgressSink = silent,
    ) -> None:
        self._model = model
        self._task = task
        self._developments = developments
        self._given = given
        self._log = task.scratch / HISTORY
        self._progress = progress
        self._processes = processes
        self._share = task.loop.start_share
        self._start: dict[str, Tensor] = {}
        topics = min((task.topics(one) for one in developments.values()), default=1)
        self.history = History(resolution=0.5 / (topics * max(1, len(developments))))
        self.report: Callable[[dict[str, float]], None] | None = None
        """Told the figures of every epoch while training runs."""

    def begin(self, *, resumed: bool) -> None:
        """Take up the history of an interrupted run, or measure the student before training.

        The model still has the weights that it starts with, whether the run is resumed or not.
        """
        if not self._processes.first:
            return
        if self._share:
            self._start = trained_weights(self._model)
        measured = read_history(self._log) if resumed else None
        if measured is not None:
            self.history = History(**json.loads(measured))
        else:
            self._measure(epoch=0)

    def restore_best(self) -> None:
        """Load the weights of the best epoch into the model."""
        from safetensors.torch import load_model

        load_model(self._model, epoch_weights(self._log, self.history.best_epoch))

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure an epoch that a killed run had finished and saved, but not yet measured."""
        completed = int(state.epoch + 1e-6)
        if completed == 0:
            self._tell()
        if self._processes.first and len(self.history.development) <= completed:
            self._measure(epoch=completed, loss=_epoch_loss(state, completed))
            self._tell()
        self._processes.wait()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Report the loss and how far training is."""
        if self._processes.first and logs and "loss" in logs:
            task = self._task
            total = task.rows * int(state.num_train_epochs)
            done = min(int(state.epoch * task.rows), total)
            figures = (
                ("loss", float(logs["loss"])),
                (f"dev {task.measure}", self.history.development[-1]),
            )
            self._progress(Step(task.verb, done, total, figures=figures, unit=task.unit))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the development split."""
        epoch = round(state.epoch)
        if self._processes.first:
            self._measure(epoch=epoch, loss=_epoch_loss(state, epoch))
            self._tell()
        self._processes.wait()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark the checkpoint that was just written as complete; each process writes a part."""
        self._processes.wait()
        if not self._processes.first:
            return
        mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def _tell(self) -> None:
        if self.report is not None and self.history.development:
            last = (self.history.development[-1], self.history.languages[-1])
            self.report(evaluated(*last, self.history.figures[-1], self._task.measure))

    def _measure(self, *, epoch: int, loss: float | None = None) -> None:
        """Measure and keep the weights that the student would have if this were the last epoch."""
        history = self.history
        # A resumed run measures again what it had measured after its last checkpoint. The history
        # is cut first: it must never name weights that are being replaced.
        if len(history.development) > epoch:
            for measured in (
                history.development,
                history.entropy,
                history.figures,
                history.languages,
                history.weights,
            ):
                del measured[epoch:]
            del history.loss[max(0, epoch - 1) :]
            write_history(self._log, json.dumps(asdict(history)))
        training = self._model.training
        found: dict[str, float] = {}
        entropies: dict[str, float] = {}
        plans: list[Mapping[str, float]] = []
        with full_precision(self._model), drawn_back(self._model, self._start, self._share):
            for language, development in self._developments.items():
                one = self._given.measured(development)
                found[language], entropies[language] = one.score, one.entropy
                plans.append(one.figures)
            kept = self._keep(epoch)
        self._model.train(training)
        history.development.append(macro_mean(found))
        history.entropy.append(round(macro_mean(entropies), 6))
        history.languages.append(found)
        history.weights.append(kept)
        history.figures.append(
            {name: round(sum(one[name] for one in plans) / len(plans), 6) for name in plans[0]}
        )
        if loss is not None:
            history.loss.append(loss)
        write_history(self._log, json.dumps(asdict(history)))

    def _keep(self, epoch: int) -> str:
        """Write the weights of an epoch, and give their SHA-256.

        Those of all epochs stay until the end: a run that is resumed on another machine may round
        differently and prefer an epoch that this one did not.
        """
        from safetensors.torch import save_model

        target = epoch_weights(self._log, epoch)
        target.parent.mkdir(exist_ok=True)
        temporary = target.with_name(".new.safetensors")
        save_model(self._model, str(temporary))  # unlike save_file, with weights that are tied
        digest = file_digest(temporary)
        temporary.replace(target)
        return digest


def macro_mean(found: Mapping[str, float]) -> float:
    """The mean over languages; each counts alike, however much bitext it has."""
    return sum(found.values()) / len(found)


@contextmanager
def full_precision(model: nn.Module) -> Iterator[None]:
    """The model without the mixed precision that a trainer puts around its ``forward``.

    A student is measured before there is a trainer, and used when there is none any more: what is
    measured in between must be computed in the same arithmetic.
    """
    inner: dict[str, Any] = vars(model)
    wrapped = inner.pop("forward", None)
    try:
        yield
    finally:
        if wrapped is not None:
            inner["forward"] = wrapped


def _epoch_loss(state: Any, epoch: int) -> float:
    """Mean loss of an epoch, from the log that checkpoints carry; NaN before the first epoch."""
    losses = [
        entry["loss"]
        for entry in state.log_history
        if "loss" in entry and epoch - 1 < entry["epoch"] <= epoch + 1e-6
    ]
    return sum(losses) / len(losses) if losses else float("nan")


def loss_curve(log: Sequence[dict[str, Any]], sentences: int) -> list[tuple[int, float]]:
    """The log of the steps, averaged to a hundred points or fewer."""
    steps = [(entry["epoch"] * sentences, entry["loss"]) for entry in log if "loss" in entry]
    width = -(-len(steps) // _CURVE_POINTS) or 1
    curve = []
    for start in range(0, len(steps), width):
        part = steps[start : start + width]
        mean = sum(loss for _, loss in part) / len(part)
        curve.append((round(part[-1][0]), round(mean, 6)))
    return curve


@dataclass(frozen=True, kw_only=True)
class Report:
    """Where a training is reported, and under which name."""

    programs: tuple[str, ...]
    """Names of :data:`clirot.distillation.configuration.REPORTERS`."""
    name: str
    directory: Path
    """Of TensorBoard's files, which outlive the training."""
    settings: Mapping[str, Any]
    """Those of the student, shown by TensorBoard as text."""

    @property
    def integrations(self) -> list[str] | str:
        """The integrations that transformers is to set up by itself: all but TensorBoard's."""
        return [one for one in self.programs if one != _TENSORBOARD] or "none"

    def callbacks(self, *, resumed_at: int) -> list[TrainerCallback]:
        """TensorBoard's integration, writing to the report's directory, where it is wanted.

        Args:
            resumed_at: the step training goes on from. What an interrupted run logged after it is
                hidden, since it is logged again.
        """
        if _TENSORBOARD not in self.programs:
            return []
        from torch.utils.tensorboard import SummaryWriter
        from transformers.integrations.integration_utils import TensorBoardCallback

        self.directory.mkdir(parents=True, exist_ok=True)
        step = resumed_at + 1 if resumed_at else 0
        writer: Any = SummaryWriter(str(self.directory), purge_step=step)
        text = json.dumps(dict(self.settings), indent=2, sort_keys=True)
        writer.add_text("clirot", "\n".join(f"    {line}" for line in text.splitlines()))
        return [TensorBoardCallback(writer)]


@contextmanager
def reporting_to(names: Sequence[str]) -> Iterator[None]:
    """Close the runs that training opens in these programs, also when it fails.

    Otherwise they are closed when Python exits, with several lines on stdout. A run of W&B that was
    open before stays open.
    """
    wandb = import_module("wandb") if "wandb" in names else None
    if wandb is not None and wandb.run is not None:
        wandb = None
    failed = 1
    try:
        yield
        failed = 0
    finally:
        if wandb is not None:
            wandb.finish(exit_code=failed)
        if failed and "trackio" in names:  # where training ends well transformers closes it
            with suppress(RuntimeError):  # none was opened yet
                import_module("trackio").finish()


def evaluated(
    mean: float,
    languages: Mapping[str, float],
    figures: Mapping[str, float],
    measure: str = "MAP",
) -> dict[str, float]:
    """What is measured at the end of an epoch, under the names it is reported by.

    The integrations group what begins with ``eval_`` apart from the figures of training.
    """
    name = f"eval_{measure.lower()}"
    by_language = (
        {f"{name}_{language}": one for language, one in languages.items()}
        if len(languages) > 1
        else {}
    )
    plan = {f"eval_{name}": value for name, value in figures.items()}
    return {name: mean, **by_language, **plan}
