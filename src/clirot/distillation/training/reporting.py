"""Reports of a training to other programs: TensorBoard, Weights & Biases, Trackio.

transformers' integrations send what the trainer logs: loss, gradient norm, learning rates. clirot
adds what it measures at the end of an epoch (``eval_map``, the plan's figures) and, for
TensorBoard, its own settings, and writes TensorBoard's files where they outlive the training.
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
    """What a report of a training is called, and where it goes."""

    name: str
    directory: Path
    """Of TensorBoard's files; it outlives the training."""
    settings: Mapping[str, Any]


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
                f"--report-to {name} needs the package {package}, which is not installed",
                hint=f"pip install {requirement}, or leave --report-to {name} out",
            )


@contextmanager
def reporting_to(names: Sequence[str]) -> Iterator[None]:
    """Training that is reported to these programs.

    The runs that it opens are closed in the end, also when it fails; by themselves they would be
    when Python exits, in so many lines on stdout. A run of W&B that was open before goes on.
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


def tensorboard_callback(
    directory: Path, *, resumed_at: int, settings: Mapping[str, Any]
) -> TrainerCallback:
    """The integration of transformers, writing to ``directory``.

    Args:
        directory: where TensorBoard's files go; made if need be.
        resumed_at: the step training goes on from. What an interrupted run logged after it is
            hidden, for it is logged again.
        settings: shown as text.
    """
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    directory.mkdir(parents=True, exist_ok=True)
    writer: Any = SummaryWriter(str(directory), purge_step=resumed_at + 1 if resumed_at else 0)
    text = json.dumps(dict(settings), indent=2, sort_keys=True)
    writer.add_text("clirot", "\n".join(f"    {line}" for line in text.splitlines()))
    callback: TrainerCallback = TensorBoardCallback(writer)
    return callback


def evaluated(
    mean: float, languages: Mapping[str, float], figures: Mapping[str, float]
) -> dict[str, float]:
    """What is measured at the end of an epoch, under the names it is reported by.

    ``eval_`` is the prefix by which the integrations tell it from what is trained on.
    """
    by_language = (
        {f"eval_map_{language}": one for language, one in languages.items()}
        if len(languages) > 1
        else {}
    )
    plan = {f"eval_{name}": value for name, value in figures.items()}
    return {"eval_map": mean, **by_language, **plan}
