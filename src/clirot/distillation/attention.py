"""Decoders that read in both directions.

A decoder's token has seen only what stands before it. Without the causal mask it sees the whole
sentence, as the tokens of an encoder do; the weights were not trained for it, and learn it with the
student (LLM2Vec, BehnamGhader et al. 2024, arXiv 2404.05961, section 2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from clirot.errors import UsageError

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def drop_causal_mask(model: MultiVectorEncoder) -> None:
    """Let a decoder's tokens attend to those after them too, in place.

    transformers reads ``is_causal`` in the configuration, which is saved with the student, so that
    it is read in the same way wherever it is loaded.

    Raises:
        UsageError: the model has no causal mask, or its architecture does not let it be dropped.
    """
    if sees_what_follows(model):
        raise UsageError(
            "the student reads in both directions already: it has no causal mask to drop",
            hint="leave `causal_mask` at keep",
        )
    backbone: Any = model[0]
    body = backbone.auto_model
    body.config.get_text_config().is_causal = False
    body.config.is_causal = False
    if not sees_what_follows(model):
        raise UsageError(
            f"the causal mask of {type(body).__name__} cannot be dropped",
            hint="leave `causal_mask` at keep, or choose another model",
        )


def sees_what_follows(model: MultiVectorEncoder) -> bool:
    """Whether a token's vector depends on the tokens after it; it is tried, with two inputs that
    differ in their last token.
    """
    backbone: Any = model[0]
    body, tokenizer = backbone.auto_model, model.tokenizer
    special = {*tokenizer.all_special_ids}
    one, other = [place for place in range(len(special) + 2) if place not in special][:2]
    pair = torch.tensor([[one, other, one, one], [one, other, one, other]], device=body.device)
    with torch.inference_mode():
        tokens = body(input_ids=pair, attention_mask=torch.ones_like(pair)).last_hidden_state
    return not torch.equal(tokens[0, 0], tokens[1, 0])
