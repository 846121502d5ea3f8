"""The models that a student comes from: none is replaced by it, and what they have seen is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from clirot.distillation.configuration import TRANSPLANT, DistillConfig
from clirot.errors import BitextWarning, UsageError
from clirot.store import Input, Store

if TYPE_CHECKING:
    from clirot.models import ModelRef


def check_teacher(teacher: ModelRef, name: str) -> None:
    """Raise if a student of this name would replace its own teacher, or its teacher's teacher.

    Raises:
        UsageError: it would, and neither could be loaded again.
    """
    one: ModelRef | None = teacher
    while one is not None:
        if one.origin == "made" and one.name == name:
            raise UsageError(
                f"the student {name} would replace the model that it learns from",
                hint="give it another --name",
            )
        one = one.teacher


def warn_of_seen(
    begin: ModelRef, config: DistillConfig, inputs: Iterable[Input], store: Store
) -> None:
    """Warn (BitextWarning) where the student starts from one that was trained, or started from one
    that was, on what may be held out now: other bitext, or less of it held out.

    Args:
        begin: what the student starts from.
        config: its settings.
        inputs: what it is made from.
        store: where the models are that were made here.
    """
    now = _bitext(inputs)
    name, made = begin.name, set(store.names("models")) if begin.origin == "made" else set()
    while name in made:
        made.remove(name)  # one that was made again, from a student of its own, ends the chain
        manifest = store.get("models", name).manifest
        reason = "on other bitext" if _bitext(manifest.inputs) != now else ""
        if not reason and manifest.config["development"] < config.development:
            reason = f"with development {manifest.config['development']}"
        if reason:
            warnings.warn(
                f"{name} was trained {reason}, perhaps on sentences that are held out now: the "
                "development MAP may be too high",
                BitextWarning,
                stacklevel=4,
            )
            return
        kind = "teacher" if manifest.config["student"] == TRANSPLANT else "base"
        name = next(one.name for one in manifest.inputs if one.kind == kind)


def _bitext(inputs: Iterable[Input]) -> set[str]:
    """The digests of the bitext among the inputs of a model."""
    return {one.digest for one in inputs if one.kind == "bitext"}
