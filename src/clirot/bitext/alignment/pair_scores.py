"""The probability that a pair is a translation, estimated from the corpus alone.

A logistic regression tells the pairs of the corpus from the same sentences paired anew at random,
by the scores of model 1 (:mod:`.lexicon`) and by the lengths. Its log-odds, less those of the two
classes, is the log of a density ratio: how much likelier the features of a pair are if it is a
translation than if its sentences met by chance,

    log rho(s, t) = log p(features | translation) - log p(features | chance)

Not all pairs of a corpus are translations. The share of those that are, pi, is estimated first,
from how many pairs score no better than half of the random ones. The regression is then fitted by
expectation maximisation over which pairs are translations. The probability of a pair is

    P(translation | pair) = pi rho / (pi rho + 1 - pi)

which is one less the local false discovery rate. It depends on the corpus: where many pairs are
wrong, a doubtful pair has a lower probability. It says nothing of fluency, register or
completeness: a translation of half a sentence counts as a translation.

Sources: Storey 2002, "A direct approach to false discovery rates", JRSS B 64 (the share); Efron,
Tibshirani, Storey and Tusher 2001, "Empirical Bayes analysis of a microarray experiment", JASA 96
(the local false discovery rate); Ward, Hastie, Barry, Elith and Leathwick 2009, "Presence-only data
and the EM algorithm", Biometrics 65 (the regression); Gale and Church 1993, "A program for aligning
sentences in bilingual corpora", Computational Linguistics 19(1) (the lengths).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from clirot.bitext.alignment.lexicon import (
    Beads,
    Floats,
    Reading,
    encoded,
    fold_count,
    folds_of,
    lexicon,
    units,
)
from clirot.bitext.translation_table import Ids
from clirot.errors import UsageError
from clirot.records import ProgressSink, Step, silent

DEFAULT_THRESHOLD = 0.5
"""The probability below which a pair is more likely not a translation."""
SAMPLE = 20_000
"""Pairs that are learnt from, evenly spread; all pairs are scored."""
READ_AT_ONCE = 1_000
"""Lines prepared together: bounds memory, to some 100 MB."""
_NULL_PAIRS = 4000  # random pairs wanted, if need be by pairing several times
_ROUNDS = 10  # of expectation maximisation
_PENALTY = 1e-3  # on the square of the weights, which separable classes would make infinite
_RATIO_LIMIT = 50.0  # nats
_SHARES = (0.01, 0.99)  # bounds of the share: no corpus is taken to be all right or all wrong


def alignment_scores(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> NDArray[np.float32]:
    """The probability of every pair of a corpus to be a translation.

    Args:
        src: source sentences.
        tgt: the target sentence beside each. The order of the pairs does not matter: a shifted
            corpus scores low, and :func:`~clirot.bitext.alignment.find_shifts` says why.
        seed: of the random pairing that pairs are compared with.
        progress: told of the pairs scored.

    Returns:
        (pairs,) probabilities; deterministic. Where a side has no words, or the corpus has fewer
        than two pairs, they follow from the lengths and from the share of translations.

    Raises:
        UsageError: the sides are not equally long.
    """
    if len(src) != len(tgt):
        raise UsageError(f"{len(src)} source sentences, but {len(tgt)} target sentences")
    stride = max(1, -(-len(src) // SAMPLE))
    model = PairModel(src[::stride], tgt[::stride], seed=seed)
    return model.probabilities(src, tgt, "score the alignment", progress)


@dataclass(frozen=True)
class Lengths:
    """Gale and Church's length model, robustly fitted.

    The length of a translation is ``ratio`` times that of the source, with a variance that is
    proportional to the length.
    """

    ratio: float
    variance: float

    @classmethod
    def of(cls, src: Floats, tgt: Floats) -> Lengths:
        """Fit to the lengths of pairs in characters; by medians, so up to half may be wrong."""
        if not len(src):
            return cls(1.0, 1.0)
        ratio = float(np.median((tgt + 1) / (src + 1)))
        scale = (src + tgt / ratio) / 2 + 1
        deviation = np.abs(tgt - ratio * src) / np.sqrt(scale)
        return cls(ratio, max(float(np.median(deviation) * 1.4826) ** 2, 1e-3))

    def surprise(self, src: Floats, tgt: Floats) -> Floats:
        """How far two lengths are apart: 0 where they match, and it grows slowly."""
        scale = (src + tgt / self.ratio) / 2 + 1
        squared = (tgt - self.ratio * src) ** 2 / (scale * self.variance)
        return np.asarray(np.log1p(squared / 4))


class PairModel:
    """The density ratio of any bead, and the share of translations; learnt from pairs."""

    def __init__(self, src: Sequence[str], tgt: Sequence[str], *, seed: int = 0) -> None:
        """Learn from pairs, of which a good part should be translations.

        Args:
            src: source sentences.
            tgt: the target sentence beside each.
            seed: of the random pairing.
        """
        self._vocabulary: dict[str, int] = {}
        source, target = encoded(src, self._vocabulary), encoded(tgt, self._vocabulary)
        size = len(self._vocabulary)
        self._seen = [np.bincount(one.units, minlength=size) for one in (source, target)]
        self._folds = fold_count(len(src))
        self._lexicon = lexicon(source, target, folds_of(src, self._folds), size)
        self._lengths = Lengths.of(source.characters, target.characters)
        real, null = self._features_of_both(src, tgt, seed)
        enough = next((some for some in (null, real) if len(some)), np.zeros((1, 3)))
        self._centre, self._scale = enough.mean(axis=0), enough.std(axis=0) + 1e-9
        real, null = self._standard(real), self._standard(null)
        self.share, self.share_error = _share(real[:, 0], null[:, 0])
        """The share of the pairs that are translations, and the standard error of the estimate."""
        self.prior = float(np.clip(self.share, *_SHARES))
        self._weights = _fit(real, null, self.prior)

    @property
    def is_sure(self) -> bool:
        """Whether some of the pairs are translations beyond doubt: by four standard errors."""
        return self.share > 4 * self.share_error

    def read(self, src: Sequence[str], tgt: Sequence[str]) -> Reading:
        """Prepare sentences: those learnt from, or others of the same corpus."""
        # A copy, so that the vocabulary does not grow with a corpus that is read in chunks.
        vocabulary = dict(self._vocabulary)
        source, target = encoded(src, vocabulary), encoded(tgt, vocabulary)
        folds = folds_of(src, self._folds)
        return Reading(self._lexicon, source, target, folds, len(vocabulary))

    def log_ratio(self, reading: Reading, beads: Beads) -> Floats:
        """``log rho`` of each bead of some prepared sentences, in nats, between -50 and 50."""
        return _log_ratio(self._standard(self._features(reading, beads)), self._weights)

    def probabilities(
        self,
        src: Sequence[str],
        tgt: Sequence[str],
        label: str = "",
        progress: ProgressSink = silent,
    ) -> NDArray[np.float32]:
        """(pairs,) the probability that each pair is a translation; progress is told by a label."""
        found = np.zeros(len(src), dtype=np.float32)
        for low in range(0, len(src), READ_AT_ONCE):
            high = min(len(src), low + READ_AT_ONCE)
            lines = np.arange(high - low)
            reading = self.read(src[low:high], tgt[low:high])
            ratio = self.log_ratio(reading, Beads.pairs(lines, lines))
            found[low:high] = posterior_of(ratio, self.prior)
            progress(Step(label, high, len(src), unit="pairs"))
        return found

    def known_units(self, src: Sequence[str], tgt: Sequence[str]) -> int:
        """How many units some pairs have that were learnt from more than once.

        Of each pair the side with fewer of them counts. Nothing was learnt of other units, and a
        pair of them says nothing for a translation or against it, whatever its features are.
        """
        counts = []
        for seen, texts in zip(self._seen, (src, tgt), strict=True):
            known = {unit for unit, number in self._vocabulary.items() if seen[number] > 1}
            counts.append([sum(unit in known for unit in units(text)) for text in texts])
        return sum(map(min, *counts))

    def _features(self, reading: Reading, beads: Beads) -> Floats:
        """(beads, 3) model 1's score in all and by the unit, and how well the lengths match."""
        forward, backward = reading.scores(beads)
        n_src, src_length = reading.src.sizes(beads.i0, beads.i1)
        n_tgt, tgt_length = reading.tgt.sizes(beads.j0, beads.j1)
        by_unit = forward / np.maximum(n_src, 1) + backward / np.maximum(n_tgt, 1)
        surprise = self._lengths.surprise(src_length, tgt_length)
        return np.stack([forward + backward, by_unit, -surprise], axis=1)

    def _standard(self, features: Floats) -> Floats:
        """Features with mean 0 and variance 1 over the random pairs."""
        return np.asarray((features - self._centre) / self._scale)

    def _features_of_both(
        self, src: Sequence[str], tgt: Sequence[str], seed: int
    ) -> tuple[Floats, Floats]:
        """The features of the pairs, and of the same sentences paired at random."""
        real, null = [np.zeros((0, 3))], [np.zeros((0, 3))]
        chunks = max(1, -(-len(src) // READ_AT_ONCE))
        for chunk in range(chunks):
            # Strided, so that the pairs of a chunk are from all over the corpus.
            reading = self.read(src[chunk::chunks], tgt[chunk::chunks])
            own = np.arange(len(reading.src))
            real.append(self._features(reading, Beads.pairs(own, own)))
            random = _random_pairs(reading.folds, len(src), seed)
            null.append(self._features(reading, random))
        return np.concatenate(real), np.concatenate(null)


def _random_pairs(folds: Ids, pairs: int, seed: int) -> Beads:
    """Sentences paired at random within their folds; several times where ``pairs`` are few.

    Within, because a target sentence that was in the training of the lexicon has no unknown words,
    so that other random pairs would differ from the real ones in that.
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
    """Storey's estimate of the share of translations, at the median of the random pairs."""
    if not len(null) or not len(real):
        return 0.0, 1.0
    below = real <= np.median(null)
    return float(1 - 2 * below.mean()), float(1 / np.sqrt(len(real)))


def _fit(real: Floats, null: Floats, prior: float) -> Floats:
    """Weights of the log density ratio of translations and random pairs; the last: intercept.

    The weights of each class's pairs sum to 1, so that the intercept needs no correction.
    """
    if not len(real) or not len(null):
        return np.zeros(real.shape[1] + 1)  # nothing to compare with: every pair is as likely
    x = np.concatenate([real, real, null])
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    sign = np.concatenate([np.ones(len(real)), -np.ones(len(real) + len(null))])
    # At first, the share that scores best is taken to be the translations.
    posterior = (real[:, 0] >= np.quantile(real[:, 0], 1 - prior)).astype(np.float64)
    weights = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        chance = np.concatenate([1 - posterior, np.ones(len(null))])
        weight = np.concatenate([posterior / max(posterior.sum(), 1e-9), chance / chance.sum()])
        weights = _logistic(x, sign, weight, weights)
        posterior = posterior_of(_log_ratio(real, weights), prior)
    return weights


def _logistic(x: Floats, sign: Floats, weight: Floats, start: Floats) -> Floats:
    """Weighted logistic regression, with a small penalty on all weights but the intercept."""
    ridge = np.full(x.shape[1], _PENALTY)
    ridge[-1] = 0

    def loss(w: Floats) -> tuple[float, Floats]:
        margin = sign * (x @ w)
        value = float(weight @ np.logaddexp(0, -margin) + ridge @ w**2)
        slope = -weight * sign * expit(-margin)
        return value, x.T @ slope + 2 * ridge * w

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x)


def _log_ratio(x: Floats, weights: Floats) -> Floats:
    return np.asarray(np.clip(x @ weights[:-1] + weights[-1], -_RATIO_LIMIT, _RATIO_LIMIT))


def posterior_of(log_ratio: Floats, prior: float) -> Floats:
    """The probability of a translation, given the share of translations."""
    return np.asarray(expit(log_ratio + logit(prior)))
