"""Low-rank adapters: train a small part of a large body (LoRA, arXiv 2106.09685).

A decoder of a billion weights does not fit beside its gradients and AdamW's moments on most
machines. Its linear layers are frozen and each gets the product of two thin trainable matrices,
which is added into the weights afterwards: the student that is saved loads without peft.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def check_installed() -> None:
    """Raise a UsageError that names the extra where peft is not installed."""
    if find_spec("peft") is None:
        raise UsageError(
            "low-rank adapters need the package peft",
            hint="pip install 'clirot[lora]', or leave --lora-rank out to train all weights",
        )


@contextmanager
def adapted(model: MultiVectorEncoder, *, rank: int, embeddings: bool) -> Iterator[None]:
    """Give the body adapters for the time of the block, then merge them into its weights.

    What the block raises leaves the model as it is. The projection after the body stays trainable.

    Args:
        model: the student, changed in place.
        rank: rank of the adapters, whose scale is 2; 0: none, the body itself is trained.
        embeddings: whether the input embeddings are trained, in full, beside the adapters. Those of
            a transplant must be, for most of them are new.

    Raises:
        UsageError: peft is not installed.
    """
    if rank == 0:
        yield
        return
    check_installed()
    from peft import LoraConfig, LoraModel

    backbone: Any = model[0]
    body = backbone.auto_model
    # The layers are replaced inside the body, so the wrapper itself is not needed to train.
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear")
    wrapper = LoraModel(body, config, "default")
    body.get_input_embeddings().weight.requires_grad = embeddings
    yield
    wrapper.merge_and_unload()
