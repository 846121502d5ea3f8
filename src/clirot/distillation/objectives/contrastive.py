"""Objectives within a batch: InfoNCE, score distillation, and contrasts that use transport plans.

For a student of queries, a student's sentence is a query and the teacher's sentences of the batch
are the documents; for a student of documents it is the other way round::

    S_kl = mean_i max_j <q_ki, d_lj>       MaxSim (arXiv 2004.12832), averaged over query tokens

The average makes one temperature suit short and long sentences.

The transport loss only pulls the tokens of a pair together, wherever the rest of the batch is.
:class:`TransportContrast` and :class:`TokenContrast` also push the rest away: the first takes the
cost of a plan as the score of a pair, the second takes the plan as the labels of its tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.objectives.transport import Transport
from clirot.distillation.settings import ContrastSettings
from clirot.errors import UsageError
from clirot.models import Side
from clirot.settings import part

BLOCK_ENTRIES = 2**25
"""Entries of a table made at once: 128 MB of float32, more than 64 pairs of 80 tokens need."""


@dataclass(frozen=True)
class Contrastive:
    """InfoNCE over MaxSim: the translation against the other sentences of the batch.

    ``loss = -mean_k log( exp(S_kk / temperature) / sum_l exp(S_kl / temperature) )`` (van den Oord
    et al., arXiv 1807.03748, equation 4). Where a sentence of either side occurs twice in the
    batch, its two translations are not negatives of each other.
    """

    in_batch: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = frozenset({"temperature"})

    contrast: ContrastSettings = part(ContrastSettings)

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. A batch of one sentence has no negative and no gradient."""
        scores = batch_maxsim(*_queries_and_documents(student, teacher, side))
        logits = scores / self.contrast.temperature
        return _own_entropy(logits.masked_fill(_copies(student, teacher), float("-inf")))


@dataclass(frozen=True)
class ScoreKL:
    """Score distillation: the student ranks the batch's sentences as the teacher ranks them.

    ``loss = mean_k KL( softmax_l(T_kl / temperature) || softmax_l(S_kl / temperature) )`` with
    ``T_kl`` the teacher's own MaxSim of sentence ``k`` with sentence ``l``: the loss by which
    ColBERTv2 (arXiv 2112.01488, section 3.2) and PLAID-X distil scores.
    """

    in_batch: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = frozenset({"temperature"})

    contrast: ContrastSettings = part(ContrastSettings)

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. A batch of one sentence has no gradient."""
        scores = batch_maxsim(*_queries_and_documents(student, teacher, side))
        found = torch.log_softmax(scores / self.contrast.temperature, dim=1)
        with torch.no_grad():
            english = batch_maxsim(teacher, teacher)
            wanted = torch.log_softmax(english / self.contrast.temperature, dim=1)
        return (wanted.exp() * (wanted - found)).sum(dim=1).mean()


@dataclass(frozen=True)
class TransportContrast(Transport):
    """Contrast of transport costs: a pair's own against those to the batch's other sentences.

    ``loss = -mean_k log softmax_l(-W_kl / temperature)_k`` with ``W_kl = <P*_kl, C_kl>`` the cost
    of carrying student sentence ``k`` to teacher sentence ``l``. For a student of documents, a
    teacher sentence is told from the student's: ``W_lk``. It solves ``batch^2`` plans a step.
    """

    in_batch: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = Transport.uses | {"temperature"}

    contrast: ContrastSettings = part(ContrastSettings)

    def __post_init__(self) -> None:
        if self.plan.unbalanced:
            raise UsageError(
                "transport-contrast needs balanced plans: an unbalanced plan carries least where "
                "sentences differ most, and would cost nothing there",
                hint="leave `unbalanced` at 0, or use transport+contrastive",
            )

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. A batch of one sentence has no negative and no gradient."""
        batch = len(student.mask)
        costs = []
        for one in range(batch):  # a row of plans at a time: batch^2 cost matrices may not fit
            plan, cost = self.plan_and_cost(student.repeated(one, batch), teacher)
            costs.append((plan * cost).sum(dim=(1, 2)))
        logits = -torch.stack(costs) / self.contrast.temperature
        if side == "document":
            logits = logits.T
        return _own_entropy(logits.masked_fill(_copies(student, teacher), float("-inf")))


@dataclass(frozen=True)
class TokenContrast(Transport):
    """Contrast of tokens: a student token's counterparts against all teacher tokens of the batch.

    ``loss = -mean_k sum_ij P*_k,ij log softmax(<s_ki, .> / temperature)_kj``, the softmax over the
    teacher's tokens of every sentence of the batch. The plan says which tokens belong together, and
    a token has to be told apart from those of its own sentence and of all others. (XLM-Align, arXiv
    2106.06381, also learns from alignments that transport labels, by a pointer within the
    sentence.) Written out, it is the transport loss over the temperature and a term that pushes
    away::

        loss = mean_k ( <P*_k, C_k> / temperature
                        + sum_i (P*_k 1)_i log sum_lj exp(-C_ki,lj / temperature) )

    The tokens of a copy of the sentence elsewhere in the batch, or of another translation of it,
    are not negatives. For a student of documents the tokens change places, as they do in MaxSim:
    the teacher's are the query's, and each is told from all the student's tokens of the batch.
    """

    in_batch: ClassVar[bool] = True
    uses: ClassVar[frozenset[str]] = Transport.uses | {"token_temperature"}

    contrast: ContrastSettings = part(ContrastSettings)

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch. In a batch of one sentence its own tokens are the negatives."""
        temperature = self.contrast.token_temperature
        plan, cost = self.plan_and_cost(student, teacher)
        attracted = (plan * cost).sum() / temperature
        queries, documents = _queries_and_documents(student, teacher, side)
        mass = plan.sum(dim=2 if side == "query" else 1)[queries.mask]
        tokens, every = (one.vectors[one.mask].float() for one in (queries, documents))
        of_query, of_document = (one.mask.nonzero()[:, 0] for one in (queries, documents))
        hidden = _copies(student, teacher)[:, of_document]

        def away(tokens: Tensor, of_query: Tensor) -> Tensor:
            logits = (tokens @ every.T - 1) / temperature
            return logits.masked_fill(hidden[of_query], float("-inf")).logsumexp(dim=1)

        repelled = (mass * _in_blocks(away, tokens, of_query, row_entries=len(every))).sum()
        return (attracted + repelled) / len(student.mask)


def batch_maxsim(queries: TokenBatch, documents: TokenBatch) -> Tensor:
    """Every query against every document: ``(queries, documents)`` float32 in [-1, 1]."""
    vectors, padding = documents.vectors.float(), ~documents.mask

    def maxsim(tokens: Tensor, mask: Tensor) -> Tensor:
        similarity = torch.einsum("knd,lmd->klnm", tokens, vectors)
        best = similarity.masked_fill(padding[None, :, None, :], float("-inf")).amax(dim=3)
        weight = mask.float()
        return (best * weight[:, None, :]).sum(dim=2) / weight.sum(dim=1)[:, None]

    row = queries.mask.shape[1] * padding.numel()
    return _in_blocks(maxsim, queries.vectors.float(), queries.mask, row_entries=row)


def _queries_and_documents(
    student: TokenBatch, teacher: TokenBatch, side: Side
) -> tuple[TokenBatch, TokenBatch]:
    return (student, teacher) if side == "query" else (teacher, student)


def _own_entropy(logits: Tensor) -> Tensor:
    """Mean negative log-probability of ``l = k``: scalar, from ``(batch, batch)``."""
    return torch.nn.functional.cross_entropy(
        logits, torch.arange(len(logits), device=logits.device)
    )


def _copies(student: TokenBatch, teacher: TokenBatch) -> Tensor:
    """Which two rows have the same sentence on one of their sides, and so translate each other.

    ``(batch, batch)`` bool, false on the diagonal.
    """
    same = _alike(student) | _alike(teacher)
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)


def _alike(tokens: TokenBatch) -> Tensor:
    """Which two rows have the same sentence; where that is not known, the same tokens."""
    number = tokens.sentences
    if number is None:
        sums = (tokens.vectors.detach() * tokens.mask[:, :, None]).sum(dim=1)
        _, number = torch.unique(sums, dim=0, return_inverse=True)
    return number[:, None] == number[None]


def _in_blocks(reduce: Callable[..., Tensor], *queries: Tensor, row_entries: int) -> Tensor:
    """``reduce(*queries)``, made a block of queries at a time where the whole would be too large.

    A table of all tokens of a batch against all has 4 GB in batches of 512 sentences of 64 tokens,
    and autograd keeps several tables of its size. With blocks, the backward pass computes each
    block again instead of keeping it.

    Args:
        reduce: from queries, ``(n, ...)`` each, to ``(n, ...)``, each row by itself. Tensors that
            it closes over get their gradient too.
        queries: tensors of equal length.
        row_entries: how many entries the table inside ``reduce`` has for a query.
    """
    rows = max(1, BLOCK_ENTRIES // row_entries)
    if len(queries[0]) <= rows:
        return reduce(*queries)
    return torch.cat(
        [
            checkpoint(reduce, *block, use_reentrant=False, preserve_rng_state=False)
            for block in zip(*(torch.split(one, rows) for one in queries), strict=True)
        ]
    )
