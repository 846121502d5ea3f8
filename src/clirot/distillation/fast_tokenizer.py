"""What is common to taking subwords out of a fast tokenizer and to adding some.

A fast tokenizer (``tokenizers``) is a description in JSON: a normaliser, which words it cuts a text
into, a model with its vocabulary, and the tokens that were added. It is changed there, and made
anew from the description.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

SPACE = "▁"
"""What SentencePiece writes in place of a space, and before the first word."""
BYTE = re.compile(r"<0x[0-9A-F]{2}>")
"""A piece that stands for one byte of a character that has no piece of its own."""
_KINDS = ("Unigram", "BPE", "WordPiece")
_ODD = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
_ATTRIBUTES = (
    *("model_max_length", "padding_side", "truncation_side", "model_input_names"),
    *("clean_up_tokenization_spaces", "chat_template"),
)


def model_of(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """The description of a tokenizer's model; empty where the tokenizer has no fast version."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    found: dict[str, Any] = json.loads(backend.to_str())["model"] if backend is not None else {}
    return found


def unchangeable(tokenizer: PreTrainedTokenizerBase) -> str:
    """Why the vocabulary of a tokenizer cannot be changed, as what it is; empty where it can.

    A tokenizer written in Python has its rules in code, one of characters or bytes has no pieces,
    and a BPE that marks the ends of words or drops merges at random is not used by encoders of
    today.
    """
    model = model_of(tokenizer)
    if not model:
        return f"{type(tokenizer).__name__}, which has no fast version"
    kind = model.get("type") or type(tokenizer).__name__
    if kind not in _KINDS:
        return str(kind)
    odd = [name for name in _ODD if kind == "BPE" and model.get(name)]
    return f"BPE with {odd[0]}" if odd else ""


def piece_ids(model: Mapping[str, Any]) -> dict[str, int]:
    """Piece -> its id, from the description of a model."""
    vocabulary = model["vocab"]
    if model["type"] == "Unigram":
        return {piece: place for place, (piece, _) in enumerate(vocabulary)}
    return dict(vocabulary)


def is_of_bytes(described: Mapping[str, Any]) -> bool:
    """Whether a tokenizer cuts bytes, written as characters, as that of GPT-2 does."""
    parts = [described[part] for part in ("normalizer", "pre_tokenizer", "decoder")]
    return described["model"]["type"] == "BPE" and '"ByteLevel"' in json.dumps(parts)


def rebuilt(
    tokenizer: PreTrainedTokenizerFast, described: Mapping[str, Any]
) -> PreTrainedTokenizerFast:
    """A tokenizer from its description, with everything else as another one has it.

    Args:
        tokenizer: the one whose special tokens, longest input, ... it takes over.
        described: the description; truncation and padding are left to whoever calls it.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    whole = {**described, "truncation": None, "padding": None}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(whole)),
        **{name: getattr(tokenizer, name) for name in _ATTRIBUTES if hasattr(tokenizer, name)},
        **tokenizer.special_tokens_map,
    )


def replace_tokenizer(model: MultiVectorEncoder, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give a model another tokenizer, in place.

    The words that are not scored (ColBERT's punctuation) become token ids again, as when the model
    is loaded.
    """
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    backbone: Any = model[0]
    backbone.processor = tokenizer
    for module in model:
        if isinstance(module, MultiVectorMask):
            module.resolve_with_tokenizer(tokenizer)
