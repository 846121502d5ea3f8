"""The stage for scores that need the whole corpus: how well the sides of a pair correspond.

A scorer first sees all pairs that the other filters kept (it may learn from them), then is asked
for the score of each. The chain calls it last, writes its scores into the store as a column, and
drops what scores too low. One is :class:`clirot.bitext.alignment.AlignmentScorer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.batch import Batch


class CorpusScorer(Protocol):
    """Scores pairs by what a whole corpus says."""

    @property
    def name(self) -> str:
        """The column its scores are stored in."""
        ...

    @property
    def minimum(self) -> float | None:
        """Pairs of a lower score are dropped as "misaligned"; None: none is."""
        ...

    def fit(self, kept: Callable[[], Iterator[Batch]]) -> None:
        """Look at the corpus.

        Args:
            kept: gives the kept pairs in their order, batch by batch, each time it is called. A
                batch's ``first`` is its place among all pairs, dropped ones included.
        """
        ...

    def score(self, batch: Batch) -> NDArray[np.float32]:
        """(pairs,) the score of each pair of a batch of the same corpus, kept ones only."""
        ...
