"""Which piece of a text each token vector of an encoder stands for.

An encoder gives vectors. To show what a token matched, a person needs the characters that it was
cut from. Fast tokenizers know them; the tokens that an encoder adds (``[CLS]``, a prompt, the masks
that ColBERT fills queries with) have none, and are shown by their name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.encoding.batching import length_batches
from clirot.encoding.encoders import MultiVectorTokenEncoder, TokenVectors
from clirot.encoding.token_counts import prompt_of
from clirot.errors import UsageError
from clirot.records import ProgressSink, Step, silent

if TYPE_CHECKING:
    from torch import Tensor

Span = tuple[int, int]
"""First character and the one after the last, in code points; equal where there is none."""
_NO_SPAN = (0, 0)


@dataclass(frozen=True)
class TokenTexts:
    """The scored tokens of a text."""

    vectors: TokenVectors
    """``(tokens, dim)``"""
    spans: tuple[Span, ...]
    """``(tokens,)``: where each token lies in the text."""
    names: tuple[str, ...]
    """``(tokens,)``: what the tokenizer calls each token."""


def read_tokens(
    encoder: MultiVectorTokenEncoder,
    texts: Sequence[str],
    *,
    progress: ProgressSink = silent,
    label: str = "encode",
) -> list[TokenTexts]:
    """The scored tokens of each text, as :meth:`MultiVectorTokenEncoder.encode` encodes it.

    Raises:
        UsageError: the encoder merges tokens, so that a vector stands for several.
    """
    import torch
    from sentence_transformers.multi_vector_encoder.modules import BaseTokenPooling

    model = encoder.model
    for module in model:
        if isinstance(module, BaseTokenPooling):
            raise UsageError(
                f"{encoder.name} merges tokens ({type(module).__name__}), so that it is not known "
                "which token a vector stands for"
            )
    encode: Any = model.encode_query if encoder.side == "query" else model.encode_document
    found: dict[int, TokenTexts] = {}
    progress(Step(label, 0, len(texts), unit="texts"))
    for rows in length_batches(texts):
        chosen = [texts[row] for row in rows]
        with torch.inference_mode():
            outputs = encode(
                chosen, batch_size=len(rows), output_value=None, show_progress_bar=False
            )
        for row, output in zip(rows, outputs, strict=True):
            found[row] = _tokens(encoder, texts[row], output)
        progress(Step(label, len(found), len(texts), unit="texts"))
    return [found[row] for row in range(len(texts))]


def _tokens(encoder: MultiVectorTokenEncoder, text: str, output: dict[str, Any]) -> TokenTexts:
    tokenizer: Any = encoder.model.tokenizer
    ids: Tensor = output["input_ids"]
    scored = output["attention_mask"].bool()
    spans = _spans(encoder, text, ids.tolist())
    return TokenTexts(
        vectors=output["token_embeddings"][scored].float().cpu().numpy(),
        spans=tuple(span for span, kept in zip(spans, scored.tolist(), strict=True) if kept),
        names=tuple(map(str, tokenizer.convert_ids_to_tokens(ids[scored].tolist()))),
    )


def _spans(encoder: MultiVectorTokenEncoder, text: str, ids: list[int]) -> list[Span]:
    """Where each token of a row lies in the text, padding included.

    The text is cut once more, with the places of its pieces. A piece counts where its id is the one
    at its place in the row: so neither the end of a text that was cut short, nor masks that were
    filled in, get the place of another token.
    """
    model: Any = encoder.model
    tokenizer = model.tokenizer
    spans = [_NO_SPAN] * len(ids)
    if not getattr(tokenizer, "is_fast", False):
        return spans
    prompt = prompt_of(encoder)
    cut = tokenizer(prompt + text, return_offsets_mapping=True, truncation=False, verbose=False)
    first = 0
    if tokenizer.padding_side == "left":
        first = next((place for place, one in enumerate(ids) if one != tokenizer.pad_token_id), 0)
    for place, (one, (start, end)) in enumerate(
        zip(cut["input_ids"], cut["offset_mapping"], strict=True), first
    ):
        if place < len(ids) and ids[place] == one:
            spans[place] = _trimmed(text, start - len(prompt), end - len(prompt))
    return spans


def _trimmed(text: str, start: int, end: int) -> Span:
    """A place without the white space around it, which SentencePiece counts to its pieces."""
    start = max(start, 0)
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else _NO_SPAN
