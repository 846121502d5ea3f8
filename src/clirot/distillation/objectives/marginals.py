"""The mass of a token in a transport plan.

A weight a token, divided by the sentence's sum. What a weight says:

- ``uniform``: every token counts alike.
- ``distinct``: mean distance from the other tokens of the sentence.
- ``idf``: inverse document frequency of the token's id over the training bitext, a sentence a
  document, either side by its own vocabulary.
- ``norm``: length of the teacher's token before it was normalised. A student's tokens count alike:
  nothing in a loss on unit vectors trains their length, so that it would be left over from where
  the student started, and mean something else for every start.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clirot.distillation.objectives.costs import cosine_cost
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.errors import ClirotError


def ordinary(tokens: TokenBatch) -> Tensor:
    """Where the tokens that stand for text are: ``(batch, tokens)`` bool.

    A sentence of nothing but special tokens keeps them: it has no other place for its mass.

    Raises:
        ClirotError: it is not known which tokens are special.
    """
    if tokens.special is None:
        raise ClirotError("special tokens cannot be left out: it is not known which they are")
    found = tokens.mask & ~tokens.special
    return torch.where(found.any(dim=1, keepdim=True), found, tokens.mask)


def distinctness(tokens: TokenBatch) -> Tensor:
    """Mean cosine distance of each token from the real tokens of its sentence: ``(batch, tokens)``.

    A small floor keeps a sentence of identical tokens from having no mass at all.
    """
    vectors, mask = tokens.vectors.detach().float(), tokens.mask.to(torch.float32)
    distance = cosine_cost(vectors, vectors) * mask[:, None, :]
    return distance.sum(dim=2) / mask.sum(dim=1, keepdim=True) + 1e-3


def inverse_document_frequency(frequency: Tensor, documents: int) -> Tensor:
    """Inverse document frequency, as in BM25: ``log(1 + (N - df + .5) / (df + .5))``, in nats.

    This form is positive even for what every document holds, so that no sentence is without mass
    (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond",
    section 3.1, with the 1 inside the logarithm).

    Args:
        frequency: ``(vocabulary,)``: in how many documents each id occurs, df.
        documents: how many there are, N.

    Returns:
        ``(vocabulary,)`` float32.
    """
    df = frequency.double()
    return torch.log1p((documents - df + 0.5) / (df + 0.5)).float()


def looked_up(table: Tensor | None, tokens: TokenBatch) -> Tensor:
    """The entry of each token's id in a table: ``(batch, tokens)``.

    Raises:
        ClirotError: there is no table, or the ids are not known.
    """
    if table is None or tokens.ids is None:
        raise ClirotError("marginals idf need token ids and their frequencies in a bitext")
    return table.to(tokens.ids.device)[tokens.ids.clamp(0, len(table) - 1)]


def lengths(tokens: TokenBatch) -> Tensor:
    """Norms before the normalisation: ``(batch, tokens)``.

    Raises:
        ClirotError: they are not known.
    """
    if tokens.norms is None:
        raise ClirotError("marginals norm need the norms of the teacher's tokens")
    return tokens.norms.float()
