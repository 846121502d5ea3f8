"""What a model came about by: the trainings that led to it, the first one first.

A student may start from a model that was trained on judged topics, and such a model from a student.
A manifest names the inputs of one training only, so the card of a model lists those before it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clirot.models import ModelRef, is_student
from clirot.store import Artefact, Input, Store

_MODELS = ("base", "teacher", "scorer")
_ROLES = {"base": "from", "teacher": "teacher", "scorer": "scored by"}


def lineage(inputs: Iterable[Input], store: Store) -> str:
    """A section of a model card: the trainings before the model's own.

    Args:
        inputs: of the model.
        store: where the models are that were made here.

    Returns:
        Markdown; empty where none of them was made here.
    """
    steps: dict[str, Artefact] = {}
    for one in inputs:
        _collect(one, store, steps)
    if not steps:
        return ""
    rows = "\n".join(f"{number}. {_step(made)}" for number, made in enumerate(steps.values(), 1))
    return f"\n## Before it\n\nThe models that it was made from came about by\n\n{rows}\n"


def _collect(one: Input, store: Store, steps: dict[str, Artefact]) -> None:
    """Put a model's own beginnings, then the model itself, in the order in which they were made."""
    if one.kind not in _MODELS or one.digest in steps or not store.has("models", one.name):
        return
    made = store.get("models", one.name)
    if made.digest != one.digest:
        return  # another one of that name is there now: of the one that was meant nothing is known
    for before in made.manifest.inputs:
        _collect(before, store, steps)
    steps[one.digest] = made


def _step(made: Artefact) -> str:
    """One training in a line."""
    manifest = made.manifest
    config: Mapping[str, Any] = manifest.config
    how = f"objective `{config['objective']}`" if is_student(config) else f"loss `{config['loss']}`"
    verb = "distil" if is_student(config) else "train"
    made_from = ", ".join(_named(manifest.inputs))
    return f"{verb} `{made.name}` (`{made.digest[:12]}`), {how}, seed {manifest.seed}: {made_from}"


def _named(inputs: Iterable[Input]) -> Iterator[str]:
    for one in inputs:
        yield f"{_ROLES.get(one.kind, one.kind)} `{one.name}`"


def model_input(kind: str, ref: ModelRef) -> Input:
    """A model as an input of the next, by a name under which it is found again from whatever
    directory.
    """
    return Input(kind=kind, name=findable(ref), digest=ref.digest)


def findable(ref: ModelRef) -> str:
    """That name."""
    return str(ref.path) if ref.origin == "path" else ref.name
