"""Parameters without a gradient, which several processes must not wait for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clirot.models import Side

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def pass_over_unused(model: MultiVectorEncoder, sides: Sequence[Side]) -> None:
    """Tell DistributedDataParallel which parameters never get a gradient, such as BERT's pooler.

    It waits for the gradient of every other parameter. It could look for them in every step, but
    not where one loss calls the model twice, as that of both sides does. They are not frozen: the
    optimiser's state must fit one process and several.
    """
    from torch import Tensor
    from torch.nn.parallel import DistributedDataParallel

    model.train()
    for side in sides:
        features = model.preprocess(["a"], task=side)
        inputs = {
            name: value.to(model.device) if isinstance(value, Tensor) else value
            for name, value in features.items()
        }
        model(inputs, task=side)["token_embeddings"].sum().backward()
    unused = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    model.zero_grad(set_to_none=True)
    ignoring: Any = DistributedDataParallel
    ignoring._set_params_and_buffers_to_ignore_for_model(model, unused)
