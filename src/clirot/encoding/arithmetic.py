"""The number types that similarities are computed in, and the grids that make them exact."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

MAX_NORM = 1.02
"""Largest norm of a token vector for which scores are exact; encoders must give unit vectors."""
GRID = 2.0**26
"""Components are rounded to multiples of one over this."""
SUM_GRID = 2.0**40
"""The maxima are rounded to multiples of one over this."""


@dataclass(frozen=True)
class Arithmetic:
    """How similarities are computed: exactly in float64, or screened in a narrower type."""

    dtype: torch.dtype
    """Type of the matrix product's operands and result."""
    unit: float
    """Unit roundoff of that type."""

    @property
    def exact(self) -> bool:
        """Whether scores are those of the definition, with no error."""
        return self.dtype is torch.float64

    def rounding(self, stored: torch.dtype, dim: int) -> float:
        """The longest residual that rounding a token vector to this type can leave.

        Args:
            stored: the type that it is rounded from.
            dim: length of the vector.
        """
        if stored is self.dtype or self.unit <= FLOAT32.unit:
            return 0.0
        # Each component is off by the unit roundoff of itself, or by half the smallest number.
        least = float(torch.finfo(self.dtype).smallest_normal) * self.unit
        return self.unit * MAX_NORM + least * math.sqrt(dim)


EXACT = Arithmetic(torch.float64, 2.0**-53)
FLOAT32 = Arithmetic(torch.float32, 2.0**-24)
FLOAT16 = Arithmetic(torch.float16, 2.0**-11)
BFLOAT16 = Arithmetic(torch.bfloat16, 2.0**-8)


def snap(values: Tensor, grid: float = GRID) -> Tensor:
    """Round to multiples of ``1 / grid``. Scaling by a power of two is exact."""
    return (values * grid).round_().div_(grid)
