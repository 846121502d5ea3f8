"""Whether what was loaded is an encoder of text, with all that its token vectors depend on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from clirot.encoding.loading import Loaded, check_weights, unused_by
from clirot.encoding.vocabulary import check_embeddings, check_vocabulary
from clirot.errors import InputError

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def check_text_encoder(model: MultiVectorEncoder, path: Path) -> None:
    """Refuse a model that gives no vector for each token; make texts of any length readable."""
    backbone: Any = model[0]
    body, tokenizer = getattr(backbone, "auto_model", None), getattr(backbone, "tokenizer", None)
    hint = "an encoder of text: BERT, XLM-R, ModernBERT and their like, or a decoder such as Llama"
    if body is None or tokenizer is None:
        raise InputError("not a transformer that reads text", path=path, hint=hint)
    if body.config.is_encoder_decoder and hasattr(body, "decoder"):
        raise InputError(
            f"{type(body).__name__} is an encoder with a decoder: its token vectors are those of "
            "the text it would write, not of the text it reads",
            path=path,
            hint=hint,
        )
    if tokenizer.pad_token is None:
        # Decoders have none. Padding is masked, so any token of the vocabulary will do; a new one
        # would change the embeddings.
        padding = tokenizer.eos_token or tokenizer.unk_token or tokenizer.bos_token
        if padding is None:
            raise InputError("the tokenizer has no token to pad with", path=path, hint=hint)
        tokenizer.pad_token = padding
    positions = getattr(getattr(body, "embeddings", None), "position_embeddings", None)
    if isinstance(positions, torch.nn.Embedding) and positions.padding_idx is not None:
        # RoBERTa and XLM-R count positions from the one after padding's. A tokenizer that does not
        # state its longest input does not know that.
        readable = positions.num_embeddings - positions.padding_idx - 1
        tokenizer.model_max_length = min(tokenizer.model_max_length, readable)


def check_whole(model: MultiVectorEncoder, loaded: Sequence[Loaded], path: Path) -> None:
    """Refuse a model that lacks weights or words; only what no token vector depends on may lack.

    Raises:
        InputError: it does.
    """

    def vectors() -> torch.Tensor:
        features = model.preprocess(["a b"], task="document")
        moved = {
            name: one.to(model.device) if isinstance(one, torch.Tensor) else one
            for name, one in features.items()
        }
        found: torch.Tensor = model(moved, task="document")["token_embeddings"]
        return found

    backbone: Any = model[0]
    check_vocabulary(backbone.tokenizer, path)
    _check_projection(model, path)
    for one in loaded:
        check_weights(one, path, unused=unused_by(one.model, vectors))
    check_embeddings(backbone.tokenizer, backbone.auto_model, path)


def _check_projection(model: MultiVectorEncoder, path: Path) -> None:
    """Refuse a projection that the library made up: it is random.

    Raises:
        InputError: there is one for which the checkpoint has no module.
    """
    from sentence_transformers.base.modules import Dense

    listed = path / "modules.json"
    if not listed.is_file():
        return  # Stanford's, whose projection is among the weights; or a plain encoder without one
    own = [one["type"] for one in json.loads(listed.read_text(encoding="utf-8"))]
    if sum(isinstance(one, Dense) for one in model) > sum("Dense" in one for one in own):
        raise InputError(
            "a late-interaction model of which modules.json names no projection",
            path=path,
            hint="copy or download the checkpoint again, with all its files",
        )
