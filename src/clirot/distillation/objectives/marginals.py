"""The mass of each token in a transport plan: the marginals of the plan.

A token's mass is its weight divided by the sum of the weights of its sentence.
:class:`~clirot.distillation.objectives.settings.PlanSettings` says what the weights can be.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from clirot.distillation.objectives.costs import CorpusStatistics, cosine_cost
from clirot.distillation.objectives.settings import PlanSettings
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.errors import ClirotError


def masses(
    tokens: TokenBatch,
    settings: PlanSettings,
    corpus: CorpusStatistics,
    of: Literal["student", "teacher"],
) -> Tensor:
    """The marginal of each sentence: ``(batch, tokens)``, rows sum to 1, zero on padding.

    Raises:
        ClirotError: something that the settings ask for is not known of the tokens.
    """
    weight = tokens.mask.to(torch.float32)
    if settings.special_tokens == "drop":
        weight = ordinary(tokens).to(torch.float32)
    if settings.marginals == "distinct":
        weight = weight * distinctness(tokens)
    elif settings.marginals == "idf":
        table = corpus.student_idf if of == "student" else corpus.teacher_idf
        if table is None or tokens.ids is None:
            raise ClirotError("marginals idf need token ids and their frequencies in a bitext")
        weight = weight * table.to(tokens.ids.device)[tokens.ids.clamp(0, len(table) - 1)]
    elif settings.marginals == "norm" and of == "teacher":
        # Nothing in a loss on unit vectors trains the length of a student's token: it would be
        # left over from where the student started.
        if tokens.norms is None:
            raise ClirotError("marginals norm need the norms of the teacher's tokens")
        weight = weight * tokens.norms.float()
    return weight / weight.sum(dim=1, keepdim=True)


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
