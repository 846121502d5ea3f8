"""Contrasts within a batch that go by transport plans: of sentences, and of tokens.

The transport loss ends where a pair's own tokens meet, wherever the rest of the batch is; these
also ask that the rest be further away. :class:`TransportContrast` takes the cost of a plan as the
score of a pair. :class:`TokenContrast` takes the plan as the labels of its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from clirot.distillation.objectives.blocks import in_blocks
from clirot.distillation.objectives.objective import TokenBatch
from clirot.distillation.objectives.scores import (
    check_temperature,
    copies,
    cross_entropy_of_the_diagonal,
    turned,
)
from clirot.distillation.objectives.transport import Transport
from clirot.errors import UsageError
from clirot.models import Side


@dataclass(frozen=True, kw_only=True)
class TransportContrast(Transport):
    """Contrast of transport costs: a pair's own against those to the batch's other sentences.

    ``loss = -mean_k log softmax_l(-W_kl / temperature)_k`` with ``W_kl = <P*_kl, C_kl>`` the cost
    of carrying student sentence ``k`` to teacher sentence ``l``; with ``--side document`` a teacher
    sentence is told from the student's, ``W_lk``. It solves ``batch^2`` plans a step.
    """

    in_batch: ClassVar[bool] = True

    temperature: float = 0.05
    """What costs are divided by; smaller attends to the hardest negatives."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_temperature(self.temperature)
        if self.unbalanced:
            raise UsageError(
                "transport-contrast needs balanced plans: an unbalanced one carries least where "
                "sentences differ most, and would cost nothing there",
                hint="leave --unbalanced at 0, or use transport+contrastive",
            )

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. A batch of one sentence has no negative and no gradient."""
        batch = len(student.mask)
        costs = []
        for one in range(batch):  # a row of plans at a time: batch^2 cost matrices may not fit
            plan, cost = self.plan_and_cost(student.repeated(one, batch), teacher)
            costs.append((plan * cost).sum(dim=(1, 2)))
        logits = -torch.stack(costs) / self.temperature
        if side == "document":
            logits = logits.T
        return cross_entropy_of_the_diagonal(
            logits.masked_fill(copies(student, teacher), float("-inf"))
        )


@dataclass(frozen=True, kw_only=True)
class TokenContrast(Transport):
    """Contrast of tokens: a student token's counterparts against all teacher tokens of the batch.

    ``loss = -mean_k sum_ij P*_k,ij log softmax(<s_ki, .> / temperature)_kj``, the softmax over the
    teacher's tokens of every sentence of the batch: the plan labels the tokens, and a token has to
    be told apart from those of its own sentence and of all others. (XLM-Align, arXiv 2106.06381,
    also learns from alignments that transport labels, by a pointer within the sentence.) Written
    out, it is the transport loss over the temperature and a term that pushes away::

        loss = mean_k ( <P*_k, C_k> / temperature
                        + sum_i (P*_k 1)_i log sum_lj exp(-C_ki,lj / temperature) )

    Tokens of a copy of the sentence elsewhere in the batch, or of another translation of it, are no
    negatives. With ``--side
    document`` the tokens change places, as they do in MaxSim: the teacher's are the query's, and
    each is told from all the student's tokens of the batch.
    """

    in_batch: ClassVar[bool] = True

    token_temperature: float = 0.1
    """What cosines are divided by; smaller attends to the hardest negatives."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_temperature(self.token_temperature, "token_temperature")

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. In a batch of one sentence its own tokens are the negatives."""
        plan, cost = self.plan_and_cost(student, teacher)
        attracted = (plan * cost).sum() / self.token_temperature
        queries, documents = turned(student, teacher, side)
        mass = plan.sum(dim=2 if side == "query" else 1)[queries.mask]
        tokens, every = (one.vectors[one.mask].float() for one in (queries, documents))
        of_query, of_document = (one.mask.nonzero()[:, 0] for one in (queries, documents))
        hidden = copies(student, teacher)[:, of_document]

        def away(tokens: Tensor, of_query: Tensor) -> Tensor:
            logits = (tokens @ every.T - 1) / self.token_temperature
            return logits.masked_fill(hidden[of_query], float("-inf")).logsumexp(dim=1)

        repelled = (mass * in_blocks(away, tokens, of_query, row_entries=len(every))).sum()
        return (attracted + repelled) / len(student.mask)
