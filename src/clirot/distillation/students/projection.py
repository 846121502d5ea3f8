"""Give an encoder the teacher's dimension, so that their tokens can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def with_dimension(model: MultiVectorEncoder, dim: int) -> MultiVectorEncoder:
    """The encoder itself if its token vectors have ``dim`` entries, else one with a linear
    projection before the normalisation.

    The projection is random and orthogonal (draws from torch's global generator, which the caller
    seeds): it keeps the angles between tokens as nearly as a linear map to ``dim`` can before it is
    trained. One that the encoder has already is replaced, for it was learnt for other vectors; its
    prompts, query expansion and list of tokens that are not scored stay.
    """
    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense

    found = int(model.encode_query(["a"])[0].shape[1])
    if found == dim:
        return model
    backbone: Any = model[0]
    projection = Dense(
        in_features=int(backbone.get_embedding_dimension()),
        out_features=dim,
        bias=False,
        activation_function=None,
        module_input_name="token_embeddings",
        module_output_name="token_embeddings",
    )
    torch.nn.init.orthogonal_(projection.linear.weight)
    return MultiVectorEncoder(
        modules=[
            backbone,
            projection,
            *(module for module in list(model)[1:] if not isinstance(module, Dense)),
        ],
        device=str(model.device),
        prompts={task: prompt for task, prompt in model.prompts.items() if prompt is not None},
        default_prompt_name=model.default_prompt_name,
    )
