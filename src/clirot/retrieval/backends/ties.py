"""How documents of equal score are ordered: by docno, descending, as trec_eval orders them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def tie_order(docnos: Sequence[str]) -> NDArray[np.int64]:
    """``(documents,)``: of documents with equal scores the one of the lower number is first."""
    descending = sorted(range(len(docnos)), key=docnos.__getitem__, reverse=True)
    order = np.empty(len(descending), dtype=np.int64)
    order[descending] = np.arange(len(descending))
    return order
