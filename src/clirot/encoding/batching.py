"""Texts in batches for an encoder: of like length together, each batch within a budget of tokens.

A batch is as wide as its longest text, and what the others lack is padding, which costs as much as
text. So texts are sorted by their length before they are cut into batches. Length in tokens needs
the tokenizer, which is a hundred times quicker than an encoder on a processor; length in characters
needs nothing, and wastes a fifth of the work (docs/indexes.md, "Encoding").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

_BATCH_TOKENS = 4096
_CPU_TOKENS = 2048
"""Measured: of 256 to 16,384 tokens, batches of one to two thousand were the quickest."""
_GPU_TOKENS = 8192
"""Not measured. A GPU wants larger batches, because each costs it a call of every layer."""
_CHARACTERS = 8
"""Of a text, so many characters for each token that the encoder reads are looked at: more than any
but a few long words have. It decides the batches, not what is read."""
_LONGEST = 1 << 13
"""Tokens beyond which the lengths of texts are taken for the same."""
_TOKENIZED = 1 << 20
"""Characters that are tokenized at once; what a tokenizer gives takes some 200 bytes a token."""


def batch_budget(device: str) -> int:
    """Tokens of a batch, padding included.

    Args:
        device: the type of the device that encodes, such as ``cpu``.
    """
    return _CPU_TOKENS if device == "cpu" else _GPU_TOKENS


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """The places of texts, the shortest first, in batches whose padded size is within a budget.

    Args:
        lengths: of the texts, in tokens.
        budget: tokens of a batch, padding included; a longer text is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], row))
    return _within(order, lengths, budget)


def token_lengths(tokenizer: Any, texts: Sequence[str], limit: int | None) -> list[int]:
    """How many tokens an encoder reads of each text, near enough to make batches by.

    Args:
        tokenizer: of transformers. One that is written in Python is too slow to be asked twice, so
            there the length follows from the characters.
        texts: any texts.
        limit: tokens that the encoder reads; None: it is not known.
    """
    if not getattr(tokenizer, "is_fast", False):
        return [_guessed(text) for text in texts]
    most = min(limit or _LONGEST, _LONGEST)
    found: list[int] = []
    for chunk in _chunks([text[: most * _CHARACTERS] for text in texts]):
        cut = tokenizer(
            chunk,
            truncation=True,
            max_length=most,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        found += map(len, cut["input_ids"])
    return found


def length_batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """The places of texts, the shortest first, in batches whose padded size stays within bounds.

    Lengths are guessed from characters. What was trained on such batches goes on with them.
    """
    # The number of characters is close enough to that of tokens.
    order = sorted(range(len(texts)), key=lambda row: (len(texts[row]), row))
    return _within(order, [_guessed(text) for text in texts], _BATCH_TOKENS)


def _within(order: Sequence[int], lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Places of growing length, cut where a batch would be wider than a budget."""
    batch: list[int] = []
    for row in order:
        if batch and lengths[row] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _guessed(text: str) -> int:
    return len(text) // 3 + 2


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for text in texts:
        if chunk and size + len(text) > _TOKENIZED:
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += len(text)
    if chunk:
        yield chunk
