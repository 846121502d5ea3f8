"""Token vectors of sentences, as every objective gets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class SentenceTokens(NamedTuple):
    """One sentence's tokens, and what the settings of a transport plan may ask of them.

    ``vectors``: ``(tokens, dim)`` float32, unit norm. ``ids``: ``(tokens,)`` int64, of the
    encoder's own vocabulary. ``special``: ``(tokens,)`` bool, true at tokens that stand for no
    text (``[CLS]``, ``[SEP]``, those of a prompt). ``norms``: ``(tokens,)`` float32, the length of
    the vectors before they were normalised. ``layer``: ``(tokens, width)`` float32, the tokens in
    an earlier layer of the encoder, unit norm.
    """

    vectors: NDArray[np.float32]
    ids: NDArray[np.int64] | None = None
    special: NDArray[np.bool_] | None = None
    norms: NDArray[np.float32] | None = None
    layer: NDArray[np.float32] | None = None


class TokenBatch(NamedTuple):
    """Token vectors of a batch of sentences, padded.

    ``vectors``: ``(batch, tokens, dim)``, unit norm at real tokens.
    ``mask``: ``(batch, tokens)`` bool, true at real tokens; every sentence has at least one.

    ``ids`` to ``layer`` are there where an objective asks for them, padded alike: see
    :class:`SentenceTokens`.
    ``sentences``: ``(batch,)`` int64, a number for each distinct sentence; None: not known.
    """

    vectors: Tensor
    mask: Tensor
    ids: Tensor | None = None
    special: Tensor | None = None
    norms: Tensor | None = None
    layer: Tensor | None = None
    sentences: Tensor | None = None

    @classmethod
    def padded(
        cls,
        sentences: Sequence[NDArray[np.float32] | SentenceTokens],
        device: torch.device | None = None,
    ) -> TokenBatch:
        """A batch of sentences, padded with zeros to the longest.

        A ``(tokens, dim)`` matrix stands for a sentence of which only the vectors are known.
        """
        known = [
            one if isinstance(one, SentenceTokens) else SentenceTokens(one) for one in sentences
        ]
        longest = max(len(one.vectors) for one in known)
        mask = np.zeros((len(known), longest), dtype=bool)
        for row, one in enumerate(known):
            mask[row, : len(one.vectors)] = True

        def column(name: str) -> Tensor | None:
            parts: list[Any] = [getattr(one, name) for one in known]
            if any(part is None for part in parts):
                return None
            table = np.zeros((len(parts), longest, *parts[0].shape[1:]), dtype=parts[0].dtype)
            for row, part in enumerate(parts):
                table[row, : len(part)] = part
            return torch.from_numpy(table).to(device)

        vectors = column("vectors")
        assert vectors is not None
        rest = {name: column(name) for name in SentenceTokens._fields[1:]}
        return cls(vectors, torch.from_numpy(mask).to(device), **rest)

    def rows(self, rows: Sequence[int]) -> TokenBatch:
        """Some of the sentences, in that order."""
        return TokenBatch(*(part if part is None else part[list(rows)] for part in self))  # type: ignore[arg-type]

    def repeated(self, row: int, times: int) -> TokenBatch:
        """A batch of one sentence over and over, in the memory of one."""
        return TokenBatch(
            *(part if part is None else part[row].expand(times, *part[row].shape) for part in self)  # type: ignore[arg-type]
        )


def mean_pooled(tokens: TokenBatch) -> Tensor:
    """Mean of the real tokens of each sentence: ``(batch, dim)``, float32."""
    weight = tokens.mask.float()[:, :, None]
    return (tokens.vectors.float() * weight).sum(dim=1) / weight.sum(dim=1)
