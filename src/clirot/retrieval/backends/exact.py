"""The ``exact`` backend: every token vector kept, the true best documents found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from clirot.encoding.maxsim import CPU, FloatArray, TokenMatrix
from clirot.records import Hit
from clirot.retrieval.backends.index import Backend
from clirot.retrieval.backends.selection import top_k
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter


class ExactIndex:
    """An opened exact index; see :class:`clirot.retrieval.backends.Index`.

    Args:
        store: the documents' token vectors.
        device: where to compute; None: the GPU where there is one and the vectors fit on it.
    """

    def __init__(self, store: TokenStore, *, device: torch.device | None = None) -> None:
        device = device if device is not None else _device(store)
        self._docnos = store.docnos
        self._matrix = TokenMatrix(store.tokens.to(device), store.offsets, device)
        # Equal scores go by docno, descending: trec_eval's order, so that no reader reorders a run.
        descending = sorted(range(len(store.docnos)), key=store.docnos.__getitem__, reverse=True)
        self._tie_order = np.empty(len(descending), dtype=np.int64)
        self._tie_order[descending] = np.arange(len(descending))

    @classmethod
    def open(cls, directory: Path) -> ExactIndex:
        """Open the index in a directory.

        Raises:
            ArtefactError: it is damaged.
        """
        return cls(TokenStore.open(directory))

    @property
    def dim(self) -> int:
        """Length of its token vectors."""
        return self._matrix.dim

    def __len__(self) -> int:
        return len(self._docnos)

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`."""
        for rows, scores in top_k(self._matrix, queries, k, self._tie_order):
            yield [
                Hit(self._docnos[row], score)
                for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
            ]


def _device(store: TokenStore) -> torch.device:
    if not torch.cuda.is_available():
        return CPU
    free, _ = torch.cuda.mem_get_info()
    fits = store.tokens.nbytes < free // 2  # the other half is for scores
    return torch.device("cuda") if fits else CPU


EXACT = Backend("every token vector, exact MaxSim", TokenStoreWriter, ExactIndex.open)
