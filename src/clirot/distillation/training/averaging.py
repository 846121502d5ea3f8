"""The student's weights, drawn back towards those that it started with.

An encoder that reads many languages knows more of a language than some thousand sentence pairs say
of it, and training on them undoes a part of this: what is learnt of scripture is lost on the news.
The mean of the weights before and after training keeps most of both (WiSE-FT, Wortsman et al. 2022,
arXiv 2109.01903, equation 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_FIRST_FACTOR = ".lora_A."
"""In the name of the adapters' first factor. The second one is zero at the start, and what an
adapter adds is their product, so that a share of the second factor is that share of the product."""


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights that are trained, by name."""
    return {
        name: weight.detach().clone()
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }


@contextmanager
def drawn_back(model: nn.Module, start: Mapping[str, Tensor], share: float) -> Iterator[None]:
    """The model with weights ``share * start + (1 - share) * trained`` within the block.

    Args:
        model: changed in place; it has its own weights again afterwards.
        start: the weights that it started with, by name; those that are not in it stay.
        share: of the start, from 0 to 1.
    """
    if not share or not start:
        yield
        return
    trained = trained_weights(model)
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, begin in start.items():
            if _FIRST_FACTOR not in name:
                weights[name].lerp_(begin.to(weights[name]), share)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, own in trained.items():
                weights[name].copy_(own)
