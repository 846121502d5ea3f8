"""The alignment score as a stage of the chain of filters, for corpora of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.alignment.evidence import Judge
from clirot.bitext.alignment.quality import SAMPLE, judged
from clirot.bitext.filters.batch import Batch


class AlignmentScorer:
    """A :class:`~clirot.bitext.filters.scoring.CorpusScorer`.

    It gives what :func:`~clirot.bitext.alignment.alignment_scores` gives for the pairs that the
    other filters keep, and holds no more text than the sample that it learns from.
    """

    name = "alignment"

    def __init__(self, minimum: float | None = None, *, seed: int = 0) -> None:
        """A scorer that has learnt nothing yet.

        Args:
            minimum: pairs of a lower score are dropped; None: none is.
            seed: of the random re-pairing that scores are measured against.
        """
        self.minimum = minimum
        self._seed = seed
        self._judge: Judge | None = None

    def fit(self, kept: Callable[[], Iterator[Batch]]) -> None:
        """Learn from pairs spread evenly over those kept."""
        stride = max(1, -(-sum(len(batch) for batch in kept()) // SAMPLE))
        src: list[str] = []
        tgt: list[str] = []
        first = 0
        for batch in kept():
            chosen = slice(-first % stride, None, stride)
            src += batch.src[chosen]
            tgt += batch.tgt[chosen]
            first += len(batch)
        self._judge = Judge(src, tgt, seed=self._seed)

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """(pairs,) the probability that each is a translation."""
        assert self._judge is not None, "fit() comes first"
        return judged(self._judge, batch.src, batch.tgt)
