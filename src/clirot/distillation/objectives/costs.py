"""The costs that a transport plan is sought on: cosine distance, and what may change it.

The tokens of a teacher's last layer all lie close to the mean of their sentence and of the corpus
(Ethayarajh 2019, arXiv 1909.00512), which blurs any alignment. So a plan may be sought on tokens
from which that mean is subtracted, or which are whitened (Su et al. 2021, arXiv 2103.15316), and a
translation table may be added. The loss is always the cosine distance of the tokens as they are,
because retrieval scores those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from clirot.distillation.objectives.tokens import TokenBatch, mean_pooled

_LEAST_PROBABILITY = 1e-4
"""A translation below this counts as never seen: the rare ones of IBM model 1 are noise."""


def cosine_cost(student: Tensor, teacher: Tensor) -> Tensor:
    """Cosine distance of unit vectors.

    Args:
        student: ``(batch, n, dim)``.
        teacher: ``(batch, m, dim)``.

    Returns:
        ``(batch, n, m)`` float32 in [0, 2].
    """
    similarity = torch.bmm(student.float(), teacher.float().transpose(1, 2))
    return 1 - similarity


def centred(tokens: TokenBatch) -> TokenBatch:
    """Tokens from which the mean of their sentence is subtracted, at unit norm again.

    A sentence of one token keeps it, because nothing would be left.
    """
    vectors = tokens.vectors.float()
    several = tokens.mask.sum(dim=1)[:, None, None] > 1
    rest = torch.where(several, vectors - mean_pooled(tokens)[:, None, :], vectors)
    return TokenBatch(torch.nn.functional.normalize(rest, dim=2), tokens.mask)


@dataclass(frozen=True, eq=False)
class Transform:
    """An affine map of tokens: ``(x - mean) @ matrix``, at unit norm again.

    ``mean``: ``(dim,)``. ``matrix``: ``(dim, dim)``, symmetric; None is the identity. It is fitted
    on the teacher's tokens. The student's tokens go through the same map, because they are pulled
    into the teacher's space.
    """

    mean: Tensor
    matrix: Tensor | None = None

    @classmethod
    def fitted(cls, tokens: Tensor, *, whiten: bool, shrinkage: float = 0.1) -> Transform:
        """Mean and whitening of a sample of tokens.

        Args:
            tokens: ``(sample, dim)``.
            whiten: also divide by the square root of the covariance.
            shrinkage: share of the covariance that is replaced by its mean variance, so that
                directions in which nothing varies are not blown up. With 0.1 no direction is
                stretched more than about three times as far as one of mean variance.
        """
        sample = tokens.double()
        mean = sample.mean(dim=0)
        if not whiten:
            return cls(mean.float())
        rest = sample - mean
        covariance = rest.T @ rest / max(1, len(rest))
        scale = covariance.diagonal().mean().clamp_min(1e-12)
        eye = torch.eye(len(mean), dtype=torch.float64)
        values, vectors = torch.linalg.eigh((1 - shrinkage) * covariance / scale + shrinkage * eye)
        return cls(mean.float(), (vectors * values.rsqrt() @ vectors.T).float())

    def __call__(self, vectors: Tensor) -> Tensor:
        """``(..., dim)`` to ``(..., dim)``, unit norm."""
        rest = vectors.float() - self.mean.to(vectors.device)
        if self.matrix is not None:
            rest = rest @ self.matrix.to(vectors.device)
        return torch.nn.functional.normalize(rest, dim=-1)


class Lexicon:
    """What a translation table says of a student's and a teacher's subwords.

    ``surprise(f, e) = log t / log t_min``, where ``t`` is the probability that the two translate
    each other and ``t_min`` is 1e-4. It is 0 for a certain translation and 1 for a pair that was
    never seen, or for a subword that is not in the table (a special token). What is added to a
    whole row or column of the costs does not change a balanced plan. So subwords without an entry
    are neither attracted nor repelled, and above ``t_min`` it does not matter whether the
    probability is that of one direction or joint.

    Args:
        student_ids: ``(entries,)`` int64.
        teacher_ids: ``(entries,)`` int64.
        probability: ``(entries,)`` in (0, 1].
    """

    def __init__(self, student_ids: Tensor, teacher_ids: Tensor, probability: Tensor) -> None:
        kept = probability > _LEAST_PROBABILITY
        self._width = int(teacher_ids.max()) + 1 if len(teacher_ids) else 1
        keys = student_ids[kept].long() * self._width + teacher_ids[kept].long()
        order = keys.argsort()
        self._keys = keys[order]
        least = math.log(_LEAST_PROBABILITY)
        self._surprise = (probability[kept].double().log() / least).clamp(0, 1).float()[order]

    def surprise(self, student_ids: Tensor, teacher_ids: Tensor) -> Tensor:
        """``(batch, n)`` and ``(batch, m)`` ids to ``(batch, n, m)`` float32 in [0, 1]."""
        device = student_ids.device
        wanted = student_ids[:, :, None] * self._width + teacher_ids[:, None, :]
        found = torch.ones(wanted.shape, device=device)
        if len(self._keys) == 0:
            return found
        keys, surprise = self._keys.to(device), self._surprise.to(device)
        place = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
        known = (keys[place] == wanted) & (teacher_ids[:, None, :] < self._width)
        return torch.where(known, surprise[place], found)


@dataclass(frozen=True, kw_only=True, eq=False)
class CorpusStatistics:
    """What a plan has to know of the training bitext; None: no setting asks for it."""

    student_idf: Tensor | None = None
    """``(student's vocabulary,)`` inverse document frequency of its ids."""
    teacher_idf: Tensor | None = None
    """``(teacher's vocabulary,)``."""
    transform: Transform | None = None
    """Centring or whitening of the tokens before the plan is sought."""
    lexicon: Lexicon | None = None
    """Which subwords translate each other."""
