"""Reports of a training to other programs: TensorBoard, Weights & Biases, Trackio.

The integrations of transformers send what the trainer logs: loss, gradient norm, learning rates.
clirot adds what it measures at the end of an epoch (``eval_map``, the figures of the plan) and, for
TensorBoard, the student's settings. It keeps TensorBoard's files where they outlive the training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError
from clirot.registry import Registry

if TYPE_CHECKING:
    from transformers import TrainerCallback

TENSORBOARD = "tensorboard"

REPORTERS: Registry[tuple[str, str]] = Registry(
    "program to report to",
    {
        TENSORBOARD: ("tensorboard", "'clirot[tensorboard]'"),
        "wandb": ("wandb", "wandb"),
        "trackio": ("trackio", "trackio"),
    },
)
"""Name -> the package it needs, and what to install for it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Where a training is reported, and under which name."""

    programs: tuple[str, ...]
    """Names of :data:`REPORTERS`."""
    name: str
    directory: Path
    """Of TensorBoard's files, which outlive the training."""
    settings: Mapping[str, Any]
    """Those of the student, shown by TensorBoard as text."""

    @property
    def integrations(self) -> list[str] | str:
        """The integrations that transformers is to set up by itself: all but TensorBoard's."""
        return [one for one in self.programs if one != TENSORBOARD] or "none"

    def callbacks(self, *, resumed_at: int) -> list[TrainerCallback]:
        """TensorBoard's integration, writing to the report's directory, where it is wanted.

        Args:
            resumed_at: the step training goes on from. What an interrupted run logged after it is
                hidden, since it is logged again.
        """
        if TENSORBOARD not in self.programs:
            return []
        from torch.utils.tensorboard import SummaryWriter
        from transformers.integrations.integration_utils import TensorBoardCallback

        self.directory.mkdir(parents=True, exist_ok=True)
        step = resumed_at + 1 if resumed_at else 0
        writer: Any = SummaryWriter(str(self.directory), purge_step=step)
        text = json.dumps(dict(self.settings), indent=2, sort_keys=True)
        writer.add_text("clirot", "\n".join(f"    {line}" for line in text.splitlines()))
        return [TensorBoardCallback(writer)]


def check_reporters(names: Sequence[str]) -> None:
    """Check, before any work, that these can be reported to.

    Raises:
        UnknownNameError: there is no such program.
        UsageError: its package is not installed.
    """
    for name in names:
        package, requirement = REPORTERS[name]
        if find_spec(package) is None:
            raise UsageError(
                f"`report_to={name}` needs the package {package}, which is not installed",
                hint=f"pip install {requirement}, or leave out `report_to={name}`",
            )


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
    mean: float, languages: Mapping[str, float], figures: Mapping[str, float]
) -> dict[str, float]:
    """What is measured at the end of an epoch, under the names it is reported by.

    The integrations group what begins with ``eval_`` apart from the figures of training.
    """
    by_language = (
        {f"eval_map_{language}": one for language, one in languages.items()}
        if len(languages) > 1
        else {}
    )
    plan = {f"eval_{name}": value for name, value in figures.items()}
    return {"eval_map": mean, **by_language, **plan}
