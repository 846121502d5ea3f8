"""What a transport plan takes to be near: cosine distance, and what may come before and on top.

The tokens of a teacher's last layer are all close to the mean of their sentence and of the corpus
(Ethayarajh 2019, arXiv 1909.00512), which blurs any alignment. A plan may be sought on tokens less
that mean, or whitened (Su et al. 2021, arXiv 2103.15316), and with a translation table's word on
top. The loss stays the cosine distance of the tokens as they are: that is what retrieval scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from clirot.distillation.objectives.tokens import TokenBatch, mean_pooled

_LEAST_PROBABILITY = 1e-4
"""Below it a translation counts as never seen: model 1's tail is noise."""


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
    """Tokens less the mean of their sentence, at unit norm again.

    A sentence of one token keeps it: there is nothing left of it otherwise.
    """
    vectors = tokens.vectors.float()
    several = tokens.mask.sum(dim=1)[:, None, None] > 1
    rest = torch.where(several, vectors - mean_pooled(tokens)[:, None, :], vectors)
    return TokenBatch(torch.nn.functional.normalize(rest, dim=2), tokens.mask)


@dataclass(frozen=True, eq=False)
class Transform:
    """An affine map of tokens: ``(x - mean) @ matrix``, at unit norm again.

    ``mean``: ``(dim,)``. ``matrix``: ``(dim, dim)``, symmetric; None is the identity. Fitted on the
    teacher's tokens; the student's go through the same one, since it is the teacher's space that
    they are pulled into.
    """

    mean: Tensor
    matrix: Tensor | None = None

    @classmethod
    def fitted(cls, tokens: Tensor, *, whiten: bool, shrinkage: float = 0.1) -> Transform:
        """Mean and whitening of a sample of tokens.

        Args:
            tokens: ``(sample, dim)``.
            whiten: divide by the square root of the covariance too.
            shrinkage: how much of the covariance is replaced by its mean variance in every
                direction, so that directions in which nothing varies are not blown up: with 0.1 no
                direction is stretched more than about three times as far as one of mean variance.
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

    ``surprise(f, e) = log t / log t_min``, ``t`` the probability that the two translate each other
    and ``t_min`` 1e-4: 0 for a translation that is certain, 1 for a pair that was never seen, or a
    subword that the table does not have (a special token). A balanced plan is not moved by what is
    added to a whole row or column of the costs, so that subwords without an entry are neither drawn
    nor pushed, and the direction of the probability (given either side, or joint) does not matter
    above ``t_min``.

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

    def __len__(self) -> int:
        return len(self._keys)

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
    """What a plan knows of the training bitext; None where nothing asks for it."""

    student_idf: Tensor | None = None
    """``(student's vocabulary,)`` inverse document frequency of its ids."""
    teacher_idf: Tensor | None = None
    """``(teacher's vocabulary,)``."""
    transform: Transform | None = None
    """Centring or whitening of the tokens that the plan is sought on."""
    lexicon: Lexicon | None = None
    """Which subwords translate each other."""
