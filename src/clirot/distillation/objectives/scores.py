"""Objectives on retrieval scores within a batch: contrastive learning and score distillation.

With ``--side query`` a student's sentence is a query, and the teacher's sentences of the batch are
the documents; with ``--side document`` it is the other way round::

    S_kl = mean_i max_j <q_ki, d_lj>       MaxSim (arXiv 2004.12832), averaged over query tokens

Averaged, so that one temperature suits short and long sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from clirot.distillation.objectives.blocks import in_blocks
from clirot.distillation.objectives.objective import TokenBatch
from clirot.errors import UsageError
from clirot.models import Side


@dataclass(frozen=True, kw_only=True)
class Contrastive:
    """InfoNCE over MaxSim: the translation against the other sentences of the batch.

    ``loss = -mean_k log( exp(S_kk / temperature) / sum_l exp(S_kl / temperature) )`` (van den Oord
    et al., arXiv 1807.03748, equation 4). Where a sentence of either side occurs twice in the
    batch, its two translations are no negatives of each other.
    """

    in_batch: ClassVar[bool] = True

    temperature: float = 0.05
    """What scores are divided by; smaller attends to the hardest negatives."""

    def __post_init__(self) -> None:
        check_temperature(self.temperature)

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. A batch of one sentence has no negative and no gradient."""
        logits = batch_maxsim(*turned(student, teacher, side)) / self.temperature
        logits = logits.masked_fill(copies(student, teacher), float("-inf"))
        return cross_entropy_of_the_diagonal(logits)


@dataclass(frozen=True, kw_only=True)
class ScoreKL:
    """Score distillation: the student ranks the batch's sentences as the teacher ranks them.

    ``loss = mean_k KL( softmax_l(T_kl / temperature) || softmax_l(S_kl / temperature) )`` with
    ``T_kl`` the teacher's own MaxSim of sentence ``k`` with sentence ``l``: the loss that
    ColBERTv2 (arXiv 2112.01488, section 3.2) and PLAID-X distil scores with.
    """

    in_batch: ClassVar[bool] = True

    temperature: float = 0.05
    """What both sides' scores are divided by."""

    def __post_init__(self) -> None:
        check_temperature(self.temperature)

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. A batch of one sentence has no gradient."""
        scores = batch_maxsim(*turned(student, teacher, side))
        found = torch.log_softmax(scores / self.temperature, dim=1)
        with torch.no_grad():
            wanted = torch.log_softmax(batch_maxsim(teacher, teacher) / self.temperature, dim=1)
        return (wanted.exp() * (wanted - found)).sum(dim=1).mean()


def check_temperature(temperature: float, name: str = "temperature") -> None:
    """Raise unless a temperature, a setting of that name, is one.

    Raises:
        UsageError: it is not between 1e-4 and 100.
    """
    if not 1e-4 <= temperature <= 100:
        raise UsageError(f"{name} must be between 1e-4 and 100, got {temperature}")


def turned(student: TokenBatch, teacher: TokenBatch, side: Side) -> tuple[TokenBatch, TokenBatch]:
    """The queries of a batch and its documents."""
    return (student, teacher) if side == "query" else (teacher, student)


def batch_maxsim(queries: TokenBatch, documents: TokenBatch) -> Tensor:
    """Every query against every document: ``(queries, documents)`` float32 in [-1, 1]."""
    vectors, padding = documents.vectors.float(), ~documents.mask

    def maxsim(tokens: Tensor, mask: Tensor) -> Tensor:
        similarity = torch.einsum("knd,lmd->klnm", tokens, vectors)
        best = similarity.masked_fill(padding[None, :, None, :], float("-inf")).amax(dim=3)
        weight = mask.float()
        return (best * weight[:, None, :]).sum(dim=2) / weight.sum(dim=1)[:, None]

    row = queries.mask.shape[1] * padding.numel()
    return in_blocks(maxsim, queries.vectors.float(), queries.mask, row_entries=row)


def copies(student: TokenBatch, teacher: TokenBatch) -> Tensor:
    """Where two rows hold the same sentence on one of their sides, and so have each other's
    translations: ``(batch, batch)`` bool, false on the diagonal.
    """
    same = _alike(student) | _alike(teacher)
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)


def _alike(tokens: TokenBatch) -> Tensor:
    """Which rows hold the same sentence; where that is not known, the same tokens."""
    number = tokens.sentences
    if number is None:
        sums = (tokens.vectors.detach() * tokens.mask[:, :, None]).sum(dim=1)
        _, number = torch.unique(sums, dim=0, return_inverse=True)
    return number[:, None] == number[None]


def cross_entropy_of_the_diagonal(logits: Tensor) -> Tensor:
    """Mean negative log-probability of ``l = k``: scalar, from ``(batch, batch)``."""
    return torch.nn.functional.cross_entropy(
        logits, torch.arange(len(logits), device=logits.device)
    )
