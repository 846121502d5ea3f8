"""Optimal transport between the tokens of translated sentences: the loss of OPTICAL.

The loss is the Frobenius product of the transport plan and the cost matrix of student-to-teacher
token distances (arXiv 2301.12566)::

    C_ij = 1 - <s_i, t_j>                     student token i to teacher token j, in [0, 2]
    P*   = argmin_{P in U(a, b)} <P, D> + reg KL(P, a b^T)
    loss = <P*, C>                            P* is held constant, the gradient flows through C

``a`` and ``b`` are the marginals: the masses of the tokens of the two sentences. A token's mass is
its weight divided by the sum of the weights of its sentence.

``D`` are the costs that the plan is sought on: ``C`` itself, or distances that align better. The
tokens of a teacher's last layer all lie close to the mean of their sentence and of the corpus
(Ethayarajh 2019, arXiv 1909.00512), which blurs any alignment. So a plan may be sought on tokens
from which that mean is subtracted, or which are whitened (Su et al. 2021, arXiv 2103.15316), and a
translation table may be added. The loss always uses ``C``, because retrieval scores the tokens as
they are.

The solvers are in :mod:`clirot.distillation.objectives.solvers`, contrasts that use a plan in
:mod:`clirot.distillation.objectives.contrastive`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from clirot.distillation.objectives.solvers import TransportProblem, solved
from clirot.distillation.objectives.tokens import TokenBatch, mean_pooled
from clirot.distillation.settings import LAST_LAYER, PlanSettings
from clirot.errors import ClirotError
from clirot.models import Side
from clirot.settings import leaves, part

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

    def __len__(self) -> int:
        """How many pairs of subwords it has."""
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
    """What a plan has to know of the training bitext; None: no setting asks for it."""

    student_idf: Tensor | None = None
    """``(student's vocabulary,)`` inverse document frequency of its ids."""
    teacher_idf: Tensor | None = None
    """``(teacher's vocabulary,)``."""
    transform: Transform | None = None
    """Centring or whitening of the tokens before the plan is sought."""
    lexicon: Lexicon | None = None
    """Which subwords translate each other."""


def ordinary(tokens: TokenBatch) -> Tensor:
    """Where the tokens that stand for text are: ``(batch, tokens)`` bool.

    A sentence that has only special tokens keeps them: its mass has no other place.

    Raises:
        ClirotError: it is not known which tokens are special.
    """
    if tokens.special is None:
        raise ClirotError("special tokens cannot be left out: it is not known which they are")
    found = tokens.mask & ~tokens.special
    return torch.where(found.any(dim=1, keepdim=True), found, tokens.mask)


def distinctness(tokens: TokenBatch) -> Tensor:
    """Mean cosine distance of each token from the real tokens of its sentence: ``(batch, tokens)``.

    A small constant is added, so that a sentence of identical tokens still has mass.
    """
    vectors, mask = tokens.vectors.detach().float(), tokens.mask.to(torch.float32)
    distance = cosine_cost(vectors, vectors) * mask[:, None, :]
    return distance.sum(dim=2) / mask.sum(dim=1, keepdim=True) + 1e-3


def inverse_document_frequency(frequency: Tensor, documents: int) -> Tensor:
    """Inverse document frequency, as in BM25: ``log(1 + (N - df + .5) / (df + .5))``, in nats.

    This form is positive even for a token that is in every document, so that no sentence is without
    mass (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond",
    section 3.1, with the 1 inside the logarithm).

    Args:
        frequency: ``(vocabulary,)``: in how many documents each id occurs, df.
        documents: how many there are, N.

    Returns:
        ``(vocabulary,)`` float32.
    """
    df = frequency.double()
    return torch.log1p((documents - df + 0.5) / (df + 0.5)).float()


@dataclass(frozen=True, kw_only=True)
class Transport:
    """The transport objective."""

    in_batch: ClassVar[bool] = False
    uses: ClassVar[frozenset[str]] = frozenset(leaf.name for leaf in leaves(PlanSettings))

    plan: PlanSettings = part(PlanSettings)
    corpus: CorpusStatistics = field(default_factory=CorpusStatistics, repr=False, compare=False)
    """What the training bitext says, where a setting asks for it."""

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch of ``<P*, C>``. See the module's docstring."""
        plan, cost = self.plan_and_cost(student, teacher)
        return (plan * cost).sum(dim=(1, 2)).mean()

    def plan_and_cost(self, student: TokenBatch, teacher: TokenBatch) -> tuple[Tensor, Tensor]:
        """The plan of each pair, zero on padding, and its costs: ``(batch, n, m)`` each.

        Only the costs carry a gradient.
        """
        cost = cosine_cost(student.vectors, teacher.vectors)
        with torch.no_grad():
            seen = self._aligned_by(student, teacher, cost.detach())
            a, b = self.masses(student), self.masses(teacher, of="teacher")
            plan = solved(TransportProblem(seen, a, b), self.plan)
        return plan, cost

    def masses(
        self, tokens: TokenBatch, *, of: Literal["student", "teacher"] = "student"
    ) -> Tensor:
        """The marginal of each sentence: ``(batch, tokens)``, rows sum to 1, zero on padding.

        Raises:
            ClirotError: something that the settings ask for is not known of the tokens.
        """
        weight = tokens.mask.to(torch.float32)
        if self.plan.special_tokens == "drop":
            weight = ordinary(tokens).to(torch.float32)
        if self.plan.marginals == "distinct":
            weight = weight * distinctness(tokens)
        elif self.plan.marginals == "idf":
            table = self.corpus.student_idf if of == "student" else self.corpus.teacher_idf
            if table is None or tokens.ids is None:
                raise ClirotError("marginals idf need token ids and their frequencies in a bitext")
            weight = weight * table.to(tokens.ids.device)[tokens.ids.clamp(0, len(table) - 1)]
        elif self.plan.marginals == "norm" and of == "teacher":
            # Nothing in a loss on unit vectors trains the length of a student's token: it would be
            # left over from where the student started.
            if tokens.norms is None:
                raise ClirotError("marginals norm need the norms of the teacher's tokens")
            weight = weight * tokens.norms.float()
        return weight / weight.sum(dim=1, keepdim=True)

    def _aligned_by(self, student: TokenBatch, teacher: TokenBatch, cost: Tensor) -> Tensor:
        """The costs that the plan is sought on: ``(batch, n, m)`` in [0, 2 + lexical_prior]."""
        settings, sides = self.plan, [student, teacher]
        if settings.teacher_layer != LAST_LAYER:
            sides = [_of_layer(student), _of_layer(teacher)]
        if settings.centring == "sentence":
            sides = [centred(one) for one in sides]
        elif settings.centring != "none":
            transform = self.corpus.transform
            if transform is None:
                raise ClirotError(f"centring {settings.centring} needs the mean of a corpus")
            sides = [TokenBatch(transform(one.vectors), one.mask) for one in sides]
        if sides[0] is not student:
            cost = cosine_cost(sides[0].vectors, sides[1].vectors)
        if settings.lexical_prior:
            lexicon = self.corpus.lexicon
            if lexicon is None or student.ids is None or teacher.ids is None:
                raise ClirotError("a lexical prior needs a translation table and token ids")
            cost = cost + settings.lexical_prior * lexicon.surprise(student.ids, teacher.ids)
        return cost


def _of_layer(tokens: TokenBatch) -> TokenBatch:
    """The same tokens in the earlier layer, at unit norm."""
    if tokens.layer is None:
        raise ClirotError("a plan of an earlier layer needs the tokens of that layer")
    return TokenBatch(
        torch.nn.functional.normalize(tokens.layer.detach().float(), dim=2), tokens.mask
    )
