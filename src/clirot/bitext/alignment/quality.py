"""How likely each pair of a corpus is to be a translation, judged by the corpus itself.

The score is the complement of the local false discovery rate,

    P(translation | pair) = pi rho / (pi rho + 1 - pi)

with ``rho`` the density ratio and ``pi`` the share of translations of
:mod:`clirot.bitext.alignment.evidence`. It adapts to the corpus: in one with many bad pairs a
doubtful pair counts for less. It knows nothing of fluency, register or completeness: a translation
of half a sentence is a translation to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.alignment.evidence import READ_AT_ONCE, Judge, posterior_of
from clirot.bitext.alignment.lexicon import Beads
from clirot.errors import UsageError
from clirot.records import ProgressSink, Step, silent

DEFAULT_THRESHOLD = 0.5
"""The score below which a pair is likelier no translation."""
SAMPLE = 20_000
"""Pairs that the judge learns from, evenly spread; all pairs are scored."""


def alignment_scores(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> NDArray[np.float32]:
    """Score every pair of a corpus.

    Args:
        src: source sentences.
        tgt: the target sentence beside each. Order does not matter: a shifted corpus scores low,
            and :func:`~clirot.bitext.alignment.find_shifts` says why.
        seed: of the random re-pairing that scores are measured against.
        progress: told of the pairs scored.

    Returns:
        (pairs,): probabilities between 0 and 1; deterministic. A side without words, or a corpus
        of fewer than two pairs, cannot be judged: its pairs get what the lengths and the corpus as
        a whole suggest.

    Raises:
        UsageError: the sides are not equally long.
    """
    if len(src) != len(tgt):
        raise UsageError(f"{len(src)} source sentences, but {len(tgt)} target sentences")
    scores = np.zeros(len(src), dtype=np.float32)
    if not len(src):
        return scores
    stride = max(1, -(-len(src) // SAMPLE))
    judge = Judge(src[::stride], tgt[::stride], seed=seed)
    for low in range(0, len(src), READ_AT_ONCE):
        high = min(len(src), low + READ_AT_ONCE)
        scores[low:high] = judged(judge, src[low:high], tgt[low:high])
        progress(Step("score the alignment", high, len(src), unit="pairs"))
    return scores


def judged(judge: Judge, src: Sequence[str], tgt: Sequence[str]) -> NDArray[np.float32]:
    """(pairs,) the score of each pair of a piece of the judge's corpus."""
    own = np.arange(len(src))
    ratio = judge.view(src, tgt).log_ratio(Beads.pairs(own, own))
    return posterior_of(ratio, judge.prior).astype(np.float32)
