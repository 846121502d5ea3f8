"""How much likelier a pair is as a translation than as two sentences that met by chance.

The yardstick is the corpus itself, its sentences paired anew at random: the empirical null. A
logistic regression on the lexical scores and the lengths tells real pairs from re-paired ones; its
log-odds, less the log-odds of the classes, is the log of the density ratio

    log rho(s, t) = log p(features | translation) - log p(features | chance)

Real pairs are not all translations, or there would be nothing to find. The share that is, pi, is
estimated first, from how many real pairs score no better than half the re-paired ones do, and the
regression is fitted by expectation maximisation over which of the real pairs are translations.

Sources: Storey 2002, "A direct approach to false discovery rates", JRSS B 64 (the share); Efron,
Tibshirani, Storey and Tusher 2001, "Empirical Bayes analysis of a microarray experiment", JASA 96
(the local false discovery rate, which :mod:`clirot.bitext.alignment.quality` gives the complement
of); Ward, Hastie, Barry, Elith and Leathwick 2009, "Presence-only data and the EM algorithm",
Biometrics 65 (the regression); Gale and Church 1993, "A program for aligning sentences in bilingual
corpora", Computational Linguistics 19(1) (the lengths).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from clirot.bitext.alignment.lexicon import Beads, Floats, Lexicon, Reading, fold_count, folds_of
from clirot.bitext.alignment.units import Ids, Vocabulary

_NULL_PAIRS = 4000  # re-paired sentences wanted, if need be by pairing several times
READ_AT_ONCE = 1_000
"""Lines prepared together: bounds memory, to some 100 MB."""
_ROUNDS = 10  # of expectation maximisation
_PENALTY = 1e-3  # on the square of the weights: keeps separable classes finite
_RATIO_LIMIT = 50.0  # nats
_SHARES = (0.01, 0.99)  # never so sure of a corpus that no pair could tell otherwise


@dataclass(frozen=True)
class Lengths:
    """Gale and Church's length model, robustly fitted.

    The length of a translation is ``ratio`` times that of the source, with a variance proportional
    to the length.
    """

    ratio: float
    variance: float

    @classmethod
    def of(cls, src: Floats, tgt: Floats) -> Lengths:
        """From the characters of both sides of real pairs; medians, so a half may be wrong."""
        if not len(src):
            return cls(1.0, 1.0)
        ratio = float(np.median((tgt + 1) / (src + 1)))
        scale = (src + tgt / ratio) / 2 + 1
        deviation = np.abs(tgt - ratio * src) / np.sqrt(scale)
        return cls(ratio, max(float(np.median(deviation) * 1.4826) ** 2, 1e-3))

    def surprise(self, src: Floats, tgt: Floats) -> Floats:
        """How far apart two lengths are: heavy-tailed, 0 where they match."""
        scale = (src + tgt / self.ratio) / 2 + 1
        squared = (tgt - self.ratio * src) ** 2 / (scale * self.variance)
        surprise: Floats = np.log1p(squared / 4)
        return surprise


class Judge:
    """Says of any bead how much likelier a translation makes it; learnt from one set of pairs."""

    def __init__(self, src: Sequence[str], tgt: Sequence[str], *, seed: int = 0) -> None:
        """Learn from pairs, of which a good part should be translations.

        Args:
            src: source sentences.
            tgt: the target sentence beside each.
            seed: of the re-pairing.
        """
        self._vocabulary = Vocabulary()
        self._folds = fold_count(len(src))
        source, target = self._vocabulary.encode(src), self._vocabulary.encode(tgt)
        size = len(self._vocabulary)
        self._met = [np.bincount(one.units, minlength=size) for one in (source, target)]
        folds = folds_of(src, self._folds)
        here = np.arange(len(src))
        pairs = Beads.pairs(here, here)
        self._lexicon = Lexicon(source, target, pairs, folds, self._folds, len(self._vocabulary))
        self._lengths = Lengths.of(source.characters, target.characters)
        reals, nulls = [np.zeros((0, 3))], [np.zeros((0, 3))]
        chunks = max(1, -(-len(src) // READ_AT_ONCE))
        for chunk in range(chunks):
            # Strided, so that the pairs of a chunk are from all over the corpus.
            view = self.view(src[chunk::chunks], tgt[chunk::chunks])
            own = np.arange(len(view.reading.src))
            reals.append(self._features(view, Beads.pairs(own, own)))
            nulls.append(self._features(view, _repaired(view.reading.folds, len(src), seed)))
        real, null = np.concatenate(reals), np.concatenate(nulls)
        enough = next((some for some in (null, real) if len(some)), np.zeros((1, 3)))
        self._centre, self._scale = enough.mean(axis=0), enough.std(axis=0) + 1e-9
        real, null = self._standard(real), self._standard(null)
        self.share, self.share_error = _share(real[:, 0], null[:, 0])
        """The share of the pairs that are translations, and the standard error of that."""
        self.prior = min(max(self.share, _SHARES[0]), _SHARES[1])
        self._weights = _fit(real, null, self.prior)

    def view(self, src: Sequence[str], tgt: Sequence[str]) -> View:
        """Sentences prepared for judging: those learnt from, or others of the same corpus."""
        # What is read later must not make the vocabulary grow: a corpus may be read in chunks.
        vocabulary = self._vocabulary.copy()
        source, target = vocabulary.encode(src), vocabulary.encode(tgt)
        folds = folds_of(src, self._folds)
        return View(self, self._lexicon.reading(source, target, folds, len(vocabulary)))

    def telling(self, src: Sequence[str], tgt: Sequence[str]) -> Ids:
        """(pairs,): units on the poorer side of each pair that were met more than once.

        Of others nothing was learnt, and a pair of them speaks neither for a translation nor
        against one, whatever its features come to.
        """
        vocabulary = self._vocabulary.copy()
        counts = []
        for met, texts in zip(self._met, (src, tgt), strict=True):
            read = vocabulary.encode(texts)
            known = np.zeros(len(vocabulary), dtype=bool)
            known[: len(met)] = met > 1
            total = np.concatenate([[0], np.cumsum(known[read.units])])
            counts.append(np.diff(total[read.bounds]))
        poorer: Ids = np.minimum(*counts)
        return poorer

    def _features(self, view: View, beads: Beads) -> Floats:
        """(beads, 3): lexical score in all and by the unit, and the surprise of the lengths."""
        src, tgt = view.reading.src, view.reading.tgt
        forward, backward = self._lexicon.scores(view.reading, beads)
        n_src = np.maximum(src.bounds[beads.i1] - src.bounds[beads.i0], 1)
        n_tgt = np.maximum(tgt.bounds[beads.j1] - tgt.bounds[beads.j0], 1)
        surprise = self._lengths.surprise(
            src.length(beads.i0, beads.i1), tgt.length(beads.j0, beads.j1)
        )
        return np.stack([forward + backward, forward / n_src + backward / n_tgt, -surprise], axis=1)

    def _standard(self, features: Floats) -> Floats:
        standard: Floats = (features - self._centre) / self._scale
        return standard


class View:
    """Sentences of both sides, read with a judge's vocabulary."""

    def __init__(self, judge: Judge, reading: Reading) -> None:
        self._judge = judge
        self.reading = reading

    def log_ratio(self, beads: Beads) -> Floats:
        """``log rho`` of each bead, in nats, between -50 and 50."""
        judge = self._judge
        return _log_ratio(judge._standard(judge._features(self, beads)), judge._weights)

    def nearest(self) -> Ids:
        """(source sentences,): the target sentence whose words fit best, -1 where none does.

        A quick search over all of them, by the cosine of the source's rare words and what the
        target's words lend them.
        """
        return self._judge._lexicon.nearest(self.reading)


def _repaired(folds: Ids, pairs: int, seed: int) -> Beads:
    """Sentences paired anew at random, within their folds; several times where ``pairs`` are few.

    Within, because a target sentence that was in the training of the lexicon has no unknown words
    and would make another null.
    """
    draw = np.random.default_rng(seed)
    times = max(1, min(10, _NULL_PAIRS // max(pairs, 1)))
    i, j = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for fold in np.unique(folds):
        here = np.flatnonzero(folds == fold)
        if len(here) > 1:
            for _ in range(times):
                order = draw.permutation(here)
                # Neighbours on a random circle: no sentence meets its own.
                i.append(order)
                j.append(np.roll(order, 1))
    return Beads.pairs(np.concatenate(i), np.concatenate(j))


def _share(real: Floats, null: Floats) -> tuple[float, float]:
    """Storey's estimate of the share that is not null, at the median of the null."""
    if not len(null) or not len(real):
        return 0.0, 1.0
    below = real <= np.median(null)
    return float(1 - 2 * below.mean()), float(1 / np.sqrt(len(real)))


def _fit(real: Floats, null: Floats, prior: float) -> Floats:
    """Weights, the last the intercept: of the log density ratio of translations to the null.

    Classes are weighed so that each sums to 1 and the intercept needs no correction.
    """
    if not len(real) or not len(null):
        return np.zeros(real.shape[1] + 1)  # nothing to compare with: every pair is as likely
    x = np.concatenate([real, real, null])
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    sign = np.concatenate([np.ones(len(real)), -np.ones(len(real) + len(null))])
    # Begin with the best-scoring share as translations.
    posterior = (real[:, 0] >= np.quantile(real[:, 0], 1 - prior)).astype(np.float64)
    weights = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        chance = (1 - posterior).sum() + len(null)
        weight = np.concatenate(
            [
                posterior / max(posterior.sum(), 1e-9),
                (1 - posterior) / chance,
                np.full(len(null), 1 / chance),
            ]
        )
        weights = _logistic(x, sign, weight, weights)
        posterior = posterior_of(_log_ratio(real, weights), prior)
    return weights


def _logistic(x: Floats, sign: Floats, weight: Floats, start: Floats) -> Floats:
    """Weighted logistic regression with a small ridge, the intercept (last column) spared."""
    ridge = np.full(x.shape[1], _PENALTY)
    ridge[-1] = 0

    def loss(w: Floats) -> tuple[float, Floats]:
        margin = sign * (x @ w)
        value = float(weight @ np.logaddexp(0, -margin) + ridge @ w**2)
        slope = -weight * sign * expit(-margin)
        return value, x.T @ slope + 2 * ridge * w

    fitted: Floats = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return fitted


def _log_ratio(x: Floats, weights: Floats) -> Floats:
    ratio: Floats = np.clip(x @ weights[:-1] + weights[-1], -_RATIO_LIMIT, _RATIO_LIMIT)
    return ratio


def posterior_of(log_ratio: Floats, prior: float) -> Floats:
    """The probability of a translation, given the share of translations."""
    odds = log_ratio + np.log(prior) - np.log1p(-prior)
    posterior: Floats = expit(odds)
    return posterior
