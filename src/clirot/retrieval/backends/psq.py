"""Probabilistic structured queries: topics in one language, words of another in the documents.

Each word of a topic stands for all its translations, each with its probability. What is known of it
in a document are expectations over them::

    tf(f, D) = sum_e p(e|f) tf(e, D)        df(f) = sum_e p(e|f) df(e)

``psq`` puts these into BM25 (Darwish and Oard, SIGIR 2003, their equations 5 and 6). ``psq-hmm`` is
the query likelihood of a hidden Markov model (Xu and Weischedel, SIGIR 2001)::

    P(Q|D) = product over f in Q of  a P(f|C) + (1 - a) sum_e p(f|e) tf(e, D) / |D|

with ``P(f|C)`` the same of all documents together; the score is the logarithm of how much more
likely the topic is than from the collection alone.

Sources of the choices: the probability of a translation is the product of both directions of the
table, which must agree on it, and translations are taken in its order until a cumulative mass is
reached, and share what they have anew (Wang and Oard, SIGIR 2006). A word that the table lacks
stands for itself, as names do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from clirot.retrieval.backends.postings import Postings, Scores
from clirot.retrieval.settings import PsqSettings

Expected = NDArray[np.float64]


Translations = Mapping[str, float]
"""Term of the documents -> its probability, for one topic word."""


def psq_bm25(postings: Postings, words: Sequence[Translations]) -> Scores:
    """BM25 of every document, with expected counts: ``(documents,)``.

    Args:
        postings: the documents.
        words: the translations of each word of the topic, ``p(e|f)``.
    """
    scores = np.zeros(len(postings), dtype=np.float32)
    mean = max(float(postings.lengths.mean()), 1e-9)
    for translations in words:
        rows, expected, frequency = expectations(postings, translations)
        if not len(rows):
            continue
        count = len(postings)
        idf = np.log1p((count - frequency + 0.5) / (frequency + 0.5))
        length = postings.k1 * (1 - postings.b + postings.b * postings.lengths[rows] / mean)
        scores[rows] += (idf * expected / (length + expected)).astype(np.float32)
    return scores


def psq_hmm(postings: Postings, words: Sequence[Translations], smoothing: float) -> Scores:
    """Logarithm of the topic's likelihood over that from the collection alone: ``(documents,)``.

    Args:
        postings: the documents.
        words: for each word of the topic, the terms that may be translated by it: ``p(f|e)``.
        smoothing: weight of the collection.
    """
    scores = np.zeros(len(postings), dtype=np.float64)
    total = float(postings.lengths.sum())
    for terms in words:
        rows, expected, _ = expectations(postings, terms)
        if not len(rows):
            continue
        anywhere = expected.sum() / total
        here = expected / np.maximum(postings.lengths[rows], 1)
        scores[rows] += np.log1p((1 - smoothing) / smoothing * here / anywhere)
    return scores.astype(np.float32)


def expectations(
    postings: Postings, translations: Translations
) -> tuple[NDArray[np.int64], Expected, float]:
    """What is expected of a topic word in the documents.

    Returns:
        The rows of the documents where it is expected at all, its expected count in each, and in
        how many documents it is expected.
    """
    columns = postings.columns(translations)
    if not len(columns):
        return np.zeros(0, dtype=np.int64), np.zeros(0), 0.0
    share = np.array([p for term, p in translations.items() if term in postings.vocabulary])
    matrix = postings.counts
    begin = matrix.indptr[columns].astype(np.int64)
    length = matrix.indptr[columns + 1] - begin
    # The places of all their postings, one term after the other.
    place = np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())
    weight = np.repeat(share, length) * matrix.data[place]
    counts = np.bincount(matrix.indices[place], weights=weight, minlength=len(postings))
    rows = np.flatnonzero(counts)
    return rows.astype(np.int64), counts[rows].astype(np.float64), float(share @ length)


def chosen(
    translations: Sequence[tuple[str, float]], settings: PsqSettings
) -> list[tuple[str, float]]:
    """The translations that are taken, with probabilities that sum to 1 again.

    Args:
        translations: with their probabilities, the most probable first.
        settings: how many.
    """
    kept: list[tuple[str, float]] = []
    mass = 0.0
    for word, probability in translations:
        if kept and (probability < settings.least_probability or mass >= settings.cumulative_mass):
            break
        kept.append((word, probability))
        mass += probability
    return [(word, probability / mass) for word, probability in kept]


def as_terms(
    translations: Sequence[tuple[str, float]], term: Callable[[str], str]
) -> dict[str, float]:
    """Terms of the documents for words: those with the same stem are added up, and stop words are
    no terms, so that their share of the probability is lost.
    """
    found: dict[str, float] = {}
    for word, probability in translations:
        if one := term(word):
            found[one] = found.get(one, 0.0) + probability
    return found
