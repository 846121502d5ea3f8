"""The number type that an encoder computes in: where bfloat16 is quicker, and what it is used for.

In bfloat16 the large products of an encoder are computed from numbers of 8 bits' precision, by
torch's autocast: the weights stay float32, and so do sums, normalisations and the softmax. The
vectors differ from those in float32 by some thousandths, and depend on their batch by as much.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from numpy.typing import NDArray

FLOAT32, BFLOAT16 = "float32", "bfloat16"
_NEAR_UNIT = 0.02


def bfloat16_pays() -> bool:
    """Whether what encodes here multiplies bfloat16 in hardware: the GPU where there is one, else
    the processor (AMX, AVX-512 with BF16). By capability, so that one machine always does the same.
    """
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
        return False  # the GPU of a Mac is what encodes there, and emulates it in part
    flags = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, flag, bool)()) for flag in flags)


def computing_in(dtype: str, device: str) -> AbstractContextManager[Any]:
    """Within it, an encoder on a type of device computes in a number type."""
    if dtype == FLOAT32:
        return nullcontext()
    return torch.autocast(device, dtype=torch.bfloat16)


def unit_again(vectors: NDArray[Any]) -> NDArray[Any]:
    """Token vectors whose norms bfloat16 has rounded, with norm 1; ``(tokens, dim)``.

    An encoder whose last layer is computed in bfloat16 gives norms of 1 to some thousandths. Other
    norms are the encoder's own, and stay.
    """
    import numpy as np

    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    rounded = np.abs(norms - 1) < _NEAR_UNIT
    divided: NDArray[Any] = vectors / np.where(rounded, norms, 1).astype(vectors.dtype)
    return divided
