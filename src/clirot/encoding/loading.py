"""Models of transformers, loaded whole or not at all.

transformers gives a weight that a checkpoint lacks random values, and leaves out one that the
architecture does not know. It says so in a notice, and returns the model. Here what it reports is
looked at, and only what changes nothing passes: weights that nothing depends on may be missing (a
pooler beside token vectors), and a head for another task may be too many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clirot.encoding.libraries import heard_libraries
from clirot.errors import InputError

_LEFTOVERS = ("version", "masked_bias")
"""Last part of the names of what older releases stored beside weights; no weight is called so."""


@dataclass(frozen=True)
class Loaded:
    """What transformers reports of a model that it has loaded, in the names of the model."""

    model: Any
    missing: Collection[str]
    """Weights that the checkpoint lacks, which have random values now."""
    unexpected: Collection[str]
    """Weights of the checkpoint that the architecture does not know."""
    mismatched: Collection[tuple[str, tuple[int, ...], tuple[int, ...]]]
    """Weights of another shape: name, shape in the checkpoint, shape that is needed."""


@contextmanager
def loading(path: Path) -> Iterator[list[Loaded]]:
    """Load models within the block; the list gets what transformers reports of each.

    sentence-transformers calls ``from_pretrained`` without asking for the report, and has no way to
    ask. So that method is wrapped within the block: it asks, and keeps what comes.

    Args:
        path: the checkpoint, for warnings (ModelWarning) of what libraries say.
    """
    from transformers import PreTrainedModel

    found: list[Loaded] = []
    own = PreTrainedModel.__dict__["from_pretrained"]

    def from_pretrained(cls: Any, *arguments: Any, **options: Any) -> Any:
        wanted = options.pop("output_loading_info", False)
        # With the mismatched ones the report would be lost in an error that does not show it.
        options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
        model, report = own.__func__(cls, *arguments, **options)
        found.append(
            Loaded(
                model,
                report["missing_keys"],
                report["unexpected_keys"],
                report["mismatched_keys"],
            )
        )
        return (model, report) if wanted else model

    library: Any = PreTrainedModel
    library.from_pretrained = classmethod(from_pretrained)
    try:
        with heard_libraries(path):
            yield found
    finally:
        library.from_pretrained = own


def check_weights(
    loaded: Loaded,
    path: Path,
    *,
    unused: Callable[[Collection[str]], Collection[str]] = lambda _: (),
) -> None:
    """Refuse a model whose weights are not all from its checkpoint.

    Args:
        loaded: what transformers reports.
        path: the checkpoint.
        unused: of the names of missing weights, those that nothing depends on.

    Raises:
        InputError: weights are missing, of another shape, too many, infinite or not numbers, or
            every embedding is zero. The message names the first.
    """
    if loaded.mismatched:
        name, stored, needed = min(loaded.mismatched)
        raise InputError(
            f"config.json does not fit the weights: {name} is {_shape(stored)} in the weights, and "
            f"{_shape(needed)} by config.json{_more(loaded.mismatched)}",
            path=path,
            hint="take config.json and weights from the same save",
        )
    missing = sorted(set(loaded.missing) - {*unused(loaded.missing)}, key=_natural)
    extra = sorted(_inside(loaded), key=_natural)
    if missing:
        raise InputError(
            f"weights are missing: {missing[0]}{_more(missing)}{_too_many(loaded.unexpected)}",
            path=path,
            hint=_what_to_do(loaded),
        )
    if extra:
        raise InputError(
            f"there are weights that the architecture of config.json has no place for: {extra[0]}"
            f"{_more(extra)}",
            path=path,
            hint="config.json is of another model, or says fewer layers than were saved",
        )
    _check_values(loaded.model, path)


def _check_values(model: Any, path: Path) -> None:
    """Refuse weights that no training gives: it may take a rare word to meet them.

    Raises:
        InputError: one is infinite or not a number, or a whole table of embeddings is zero.
    """
    import torch

    # A sum meets each number in one pass; where it overflows, all are looked at one by one.
    wrong = [
        name
        for name, one in model.named_parameters()
        if not torch.isfinite(one.detach().sum()) and not torch.isfinite(one.detach()).all()
    ]
    if wrong:
        raise InputError(
            f"weights are infinite or not numbers: {wrong[0]}{_more(wrong)}",
            path=path,
            hint="take a checkpoint from before its training diverged",
        )
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Embedding) and not module.weight.any():
            raise InputError(
                f"all embeddings are zero, so that texts do not differ: {name}.weight",
                path=path,
                hint="the weights were never filled in: copy or download the checkpoint again",
            )


def unused_by(model: Any, outcome: Callable[[], Any]) -> Callable[[Collection[str]], list[str]]:
    """Which parameters of a model have no part in what it computes.

    Args:
        model: a module.
        outcome: computes the tensor that matters, with a graph.
    """

    def unused(names: Collection[str]) -> list[str]:
        import torch

        own = {name: one for name, one in model.named_parameters() if name in names}
        if not own:
            return []
        with torch.enable_grad():
            total = outcome().sum()
        if not total.requires_grad:
            return []
        gradients = torch.autograd.grad(total, list(own.values()), allow_unused=True)
        return [name for name, one in zip(own, gradients, strict=True) if one is None]

    return unused


def _inside(loaded: Loaded) -> list[str]:
    """The unexpected weights that belong into the model itself, and not to a head beside it.

    A head hangs on the model or on its body: its first new name stands there. A weight whose first
    new name stands deeper would change what the body computes.
    """
    model = loaded.model
    modules = dict(model.named_modules())
    buffers = {name for name, _ in model.named_buffers()}  # computed, where a checkpoint had them
    prefix = model.base_model_prefix
    found = []
    for name in loaded.unexpected:
        plain = name.removeprefix(f"{prefix}.") if prefix not in modules else name
        parts = plain.split(".")
        depth = 0
        while depth < len(parts) and ".".join(parts[: depth + 1]) in modules:
            depth += 1
        holder = ".".join(parts[:depth])
        if holder and holder != prefix and plain not in buffers and parts[-1] not in _LEFTOVERS:
            found.append(name)
    return found


def _what_to_do(loaded: Loaded) -> str:
    """A hint: what is wrong with the names, where that can be told."""
    wanted, have = set(loaded.missing), set(loaded.unexpected)
    body = f"{loaded.model.base_model_prefix}."
    if (
        not have
        and not any(name.startswith(body) for name in wanted)
        and hasattr(loaded.model, loaded.model.base_model_prefix)
    ):
        return (
            "the checkpoint has the body of a model only, as an encoder has it, and no head to "
            "write with"
        )
    for name in sorted(have, key=_natural)[:1]:
        for one in wanted:
            if name.endswith(f".{one}"):
                prefix = name.removesuffix(one)
                if sum(f"{prefix}{each}" in have for each in wanted) > len(wanted) / 2:
                    return f"the names begin with {prefix!r}: save the weights without it"
    return (
        "config.json says more layers than were saved, or the weights are of another model, or "
        "their names were changed: save them with save_pretrained"
    )


def _too_many(unexpected: Collection[str]) -> str:
    if not unexpected:
        return ""
    first = sorted(unexpected, key=_natural)
    return f"; and these have no place: {first[0]}{_more(first)}"


def _more(names: Collection[Any]) -> str:
    return f" (and {len(names) - 1:,} more)" if len(names) > 1 else ""


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Layers in the order of their numbers."""
    return [(one.isdigit(), int(one) if one.isdigit() else 0, one) for one in re.split(r"\.", name)]
