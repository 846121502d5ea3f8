"""What arithmetic to train in: bfloat16 where the processor multiplies it fast, else float32.

Decided by what the hardware says it has, never by timing it, so that one machine always trains in
one way. On a CPU without matrix instructions for it, bfloat16 is not merely no faster but some
twenty times slower than float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


def bfloat16_pays(device: str) -> bool:
    """Whether mixed bfloat16 training is faster than float32 on ``cuda`` or ``cpu``."""
    if device == "cuda":
        return torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)
    return device == "cpu" and bool(torch.cpu._is_amx_tile_supported())


def best_device() -> str:
    """``cuda`` where there is one, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def full_precision(model: nn.Module) -> Iterator[None]:
    """The model without the mixed precision that a trainer puts around its ``forward``.

    A student is measured before there is a trainer, and used when there is none any more: what is
    measured in between must be in the same arithmetic.
    """
    inner: dict[str, Any] = vars(model)
    wrapped = inner.pop("forward", None)
    try:
        yield
    finally:
        if wrapped is not None:
            inner["forward"] = wrapped
