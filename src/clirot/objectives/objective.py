"""What every objective is given and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class TokenBatch(NamedTuple):
    """Token vectors of a batch of sentences, padded.

    ``vectors``: ``(batch, tokens, dim)``, unit norm at real tokens.
    ``mask``: ``(batch, tokens)`` bool, true at real tokens; every sentence has at least one.
    """

    vectors: Tensor
    mask: Tensor

    @classmethod
    def padded(
        cls, sentences: Sequence[NDArray[np.float32]], device: torch.device | None = None
    ) -> TokenBatch:
        """A batch of ``(tokens, dim)`` matrices, padded with zeros to the longest."""
        longest = max(len(sentence) for sentence in sentences)
        vectors = np.zeros((len(sentences), longest, sentences[0].shape[1]), dtype=np.float32)
        mask = np.zeros((len(sentences), longest), dtype=bool)
        for row, sentence in enumerate(sentences):
            vectors[row, : len(sentence)] = sentence
            mask[row, : len(sentence)] = True
        return cls(torch.from_numpy(vectors).to(device), torch.from_numpy(mask).to(device))


class Objective(Protocol):
    """A loss between a student's tokens and the teacher's tokens of the translations."""

    @property
    def in_batch(self) -> bool:
        """Whether it compares the sentences of a batch, so that a batch of one teaches nothing."""
        ...

    def loss(self, student: TokenBatch, teacher: TokenBatch) -> Tensor:
        """The scalar to minimise; differentiable in ``student.vectors`` only.

        Row ``k`` of ``teacher`` encodes the translation of row ``k`` of ``student``.
        """
        ...
