"""Statistical word translation: IBM model 1, fitted by expectation maximisation.

A :class:`TranslationTable` holds the probability with which a unit of one language (a target
subword, say) is translated by each unit of the other (an English subword), learnt from sentence
pairs alone. It starts a student's embeddings, and scores whether sentences are translations.

Source: Brown, Della Pietra, Della Pietra and Mercer (1993), "The Mathematics of Statistical Machine
Translation: Parameter Estimation", Computational Linguistics 19(2), section 4.1 (model 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ids = NDArray[np.int64]

_MAX_CELLS = 60_000_000
"""Co-occurrence cells in memory at once, about 1.5 GB. Of more bitext than that an even sample is
used, and its evidence is scaled up to the whole."""


@dataclass(frozen=True)
class TranslationTable:
    """``t(e|f)``: the probability that target unit ``f`` is translated by English unit ``e``.

    ``probability`` is ``(F, E)``; rows of units that occur in the bitext sum to 1, others are
    empty. ``evidence`` is ``(F,)``: the expected number of English units that each ``f`` generated,
    which says how much of the bitext its row was learnt from.
    """

    probability: sparse.csr_matrix
    evidence: NDArray[np.float64]


def ibm1(
    pairs: Sequence[tuple[Ids, Ids]],
    *,
    n_target: int,
    n_english: int,
    iterations: int = 8,
) -> TranslationTable:
    """Fit IBM model 1 with an empty word; English is generated from the target language.

    Args:
        pairs: per sentence pair the target ids (each below ``n_target``) and the English ids (each
            below ``n_english``).
        n_target: number of target units, F.
        n_english: number of English units, E.
        iterations: rounds of expectation maximisation, from uniform probabilities.

    Returns:
        The table; deterministic.
    """
    rows, columns, position, n_positions = _cells(pairs)
    unique, cell = np.unique(rows * n_english + columns, return_inverse=True)
    row = unique // n_english  # 0 is the empty word
    table: NDArray[np.float64] = np.ones(len(unique))
    counts = table
    for _ in range(iterations):
        share = table[cell]
        share /= _sums(position, share, n_positions)[position]
        counts = _sums(cell, share, len(unique))
        table = counts / np.maximum(_sums(row, counts, n_target + 1)[row], 1e-300)
    real = row > 0
    target = row[real] - 1
    probability = sparse.csr_matrix(
        (table[real], (target, unique[real] % n_english)), shape=(n_target, n_english)
    )
    # Every English unit is generated once, so a sample has its share of those.
    whole = sum(len(english) for _, english in pairs) / max(n_positions, 1)
    evidence = _sums(target, counts[real], n_target) * whole
    return TranslationTable(probability=probability, evidence=evidence)


def _sums(place: Ids, weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The sum of the weights at each place, as floats even where there is nothing to sum."""
    return np.bincount(place, weights=weight, minlength=size).astype(np.float64, copy=False)


def _cells(pairs: Sequence[tuple[Ids, Ids]]) -> tuple[Ids, Ids, Ids, int]:
    """Every (target unit or empty word, English unit) of every pair, one after the other.

    Returns the target row (0 is the empty word), the English column, the number of the English
    position that the cell belongs to, and how many positions there are.
    """
    cells = sum((len(target) + 1) * len(english) for target, english in pairs)
    stride = max(1, -(-cells // _MAX_CELLS))
    empty = np.zeros(0, dtype=np.int64)
    rows, columns, positions = [empty], [empty], [empty]
    position = 0
    for target, english in pairs[::stride]:
        with_empty = np.concatenate([[0], target + 1])
        rows.append(np.tile(with_empty, len(english)))
        columns.append(np.repeat(english, len(with_empty)))
        here = np.arange(position, position + len(english))
        positions.append(np.repeat(here, len(with_empty)))
        position += len(english)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(positions), position
