"""Statistical word translation: IBM model 1 by expectation maximisation.

A :class:`TranslationTable` says with what probability a unit of one language (a target subword) is
translated by each unit of the other (an English subword), learnt from sentence pairs alone. It
starts a student's embeddings, and it judges whether bitext is aligned.

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

_NULL = 0  # the empty word is row 0 of the working table
_MAX_CELLS = 60_000_000
"""Co-occurrence cells held at once, about 1.5 GB; more bitext than that is sampled evenly, and its
evidence is counted for the whole."""


@dataclass(frozen=True)
class TranslationTable:
    """``t(e|f)``: probability that target unit ``f`` is translated by English unit ``e``.

    ``probability`` is ``(F, E)``; rows of units seen in the bitext sum to 1, others are empty.
    ``evidence`` is ``(F,)``: the expected number of English units each ``f`` generated, or how
    much of the bitext stands behind its row.
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
    """Fit IBM model 1 with an empty word, English generated from the target language.

    Args:
        pairs: per sentence pair the target ids (each below ``n_target``) and the English ids (each
            below ``n_english``).
        n_target: number of target units, F.
        n_english: number of English units, E.
        iterations: rounds of expectation maximisation, from uniform probabilities.

    Returns:
        The table; deterministic.
    """
    rows, columns, sentence_position, n_positions = _cells(pairs)
    keys = rows * n_english + columns
    unique, cell_of = np.unique(keys, return_inverse=True)
    row_of_unique = unique // n_english
    table: NDArray[np.float64] = np.ones(len(unique))
    counts = table
    for _ in range(iterations):
        share = table[cell_of]
        total = _sums(sentence_position, share, n_positions)
        share /= total[sentence_position]
        counts = _sums(cell_of, share, len(unique))
        of_row = _sums(row_of_unique, counts, n_target + 1)
        table = counts / np.maximum(of_row[row_of_unique], 1e-300)
    real = row_of_unique != _NULL
    target = row_of_unique[real] - 1
    probability = sparse.csr_matrix(
        (table[real], (target, unique[real] % n_english)), shape=(n_target, n_english)
    )
    # Every English unit is generated once, so what a sample lacks is in proportion to those.
    whole = sum(len(english) for _, english in pairs) / max(n_positions, 1)
    evidence = _sums(target, counts[real], n_target) * whole
    return TranslationTable(probability=probability, evidence=evidence)


def _sums(place: Ids, weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The sum of the weights at each place, as floats even where there is nothing to sum."""
    return np.bincount(place, weights=weight, minlength=size).astype(np.float64, copy=False)


def _cells(pairs: Sequence[tuple[Ids, Ids]]) -> tuple[Ids, Ids, Ids, int]:
    """Every (target unit or empty word, English unit) of every pair, flattened.

    Returns the target row (0 is the empty word), the English column, the index of the English
    position the cell belongs to, and the number of positions.
    """
    sizes = np.array([(len(target) + 1) * len(english) for target, english in pairs])
    chosen = range(len(pairs))
    if sizes.sum() > _MAX_CELLS:
        stride = int(np.ceil(sizes.sum() / _MAX_CELLS))
        chosen = range(0, len(pairs), stride)
    rows, columns, positions = [], [], []
    position = 0
    for index in chosen:
        target, english = pairs[index]
        if len(english) == 0:
            continue
        with_null = np.concatenate([[_NULL], target + 1])
        rows.append(np.tile(with_null, len(english)))
        columns.append(np.repeat(english, len(with_null)))
        positions.append(np.repeat(np.arange(position, position + len(english)), len(with_null)))
        position += len(english)
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty, 0
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(positions), position
