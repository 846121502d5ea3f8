"""Settings that were changed and change nothing: told, so that nobody takes them for the cause."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import TYPE_CHECKING

from clirot.distillation.configuration import TRANSPLANT, DistillConfig
from clirot.errors import UnusedSettingWarning

if TYPE_CHECKING:
    from clirot.distillation.objectives.objective import Objective

_OF_A_TRANSPLANT = ("vocabulary", "same_spelling", "sharpness")


def warn_of_unused(config: DistillConfig, objective: Objective | None) -> None:
    """Warn (UnusedSettingWarning) of each setting that differs from its default to no effect.

    Args:
        config: the settings.
        objective: what they make of it; None: nothing is trained.
    """
    changed = {
        one.name: getattr(config, one.name)
        for one in fields(config)
        if getattr(config, one.name) != one.default
    }
    reasons = _reasons(config, changed, objective)
    for name, value in changed.items():
        if name in reasons:
            warnings.warn(
                f"{name} {value} changes nothing with {reasons[name]}",
                UnusedSettingWarning,
                stacklevel=4,
            )


def _reasons(
    config: DistillConfig, changed: dict[str, object], objective: Objective | None
) -> dict[str, str]:
    from clirot.distillation.objectives.objective import unused

    found = {
        name: f"objective {config.objective!r}: {why}"
        for name, why in unused(changed, objective).items()
    }
    if config.student != TRANSPLANT:
        base = f"student {config.student!r}"
        found |= dict.fromkeys(_OF_A_TRANSPLANT, f"{base}: it keeps its own vocabulary")
        if config.lora_rank and objective is not None:
            found["embedding_learning_rate"] = (
                f"{base} and lora_rank {config.lora_rank}: its input embeddings are not trained"
            )
    if len(config.pairs) == 1:
        found["sampling_temperature"] = "one language: all of the training is its own"
    return found
