"""Writing a compressed index, chunk by chunk.

::

    codec.json      format, dim, bits, and whether there are vectors and lists
    rotation.bin    int16, (dim, dim), in multiples of 2^-11
    codes/          a token store of bytes: the codes of all tokens
    store/          a token store: the vectors, where they are kept
    lists/          inverted lists, in large collections
    promise.json    how deep to look for which recall

The codes are written last. So a killed writer goes on behind them, and what the other stores have
beyond them already is not written twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray
from clirot.errors import ArtefactError
from clirot.records import ProgressSink, silent
from clirot.retrieval.backends.compressed.calibration import measured, measured_by_codes
from clirot.retrieval.backends.compressed.codec import Codec
from clirot.retrieval.backends.compressed.index import (
    CODES,
    LISTS,
    ROTATION,
    STORE,
    CompressedIndex,
    Layout,
)
from clirot.retrieval.backends.compressed.list_building import build_lists
from clirot.retrieval.backends.compressed.sampled_documents import SampledDocuments
from clirot.retrieval.backends.token_store import BYTES, TokenStoreWriter
from clirot.retrieval.settings import CompressedSettings


class CompressedWriter:
    """See :class:`clirot.retrieval.backends.IndexWriter`.

    Args:
        directory: where the index is written.
        scratch: where unfinished work is kept.
        dim: length of a token vector.
        dtype: of the vectors; the codes are those of vectors of that type.
        settings: bits, recall and whether the vectors are kept.
    """

    def __init__(
        self, directory: Path, scratch: Path, dim: int, dtype: str, settings: CompressedSettings
    ) -> None:
        self._directory, self._scratch = directory, scratch
        self._dtype, self._settings = np.dtype(dtype), settings
        self._codec = Codec.of(dim, settings.bits)
        self._codes = self._writer(CODES, self._codec.width, BYTES)
        self._vectors: TokenStoreWriter | SampledDocuments = self._opened(dim, dtype)
        if self._vectors.documents < self._codes.documents:  # damaged, and begun anew
            for place in (CODES, STORE):
                shutil.rmtree(scratch / place, ignore_errors=True)
            self._codes = self._writer(CODES, self._codec.width, BYTES)
            self._vectors = self._opened(dim, dtype)

    @property
    def documents(self) -> int:
        """Documents that are safely on disk."""
        return self._codes.documents

    @property
    def tokens(self) -> int:
        """Token vectors that are safely on disk."""
        return self._codes.tokens

    def take_over(self, old: Path) -> None:
        """See :meth:`clirot.retrieval.backends.IndexWriter.take_over`."""
        if isinstance(self._vectors, SampledDocuments):
            raise ArtefactError(
                f"{old} keeps no token vectors, and without those of all documents it cannot be "
                "measured what a grown index would find",
                hint="build it anew from all documents: `build_index(..., replace=True)`",
            )
        self._vectors.take_over(old / STORE)
        self._codes.take_over(old / CODES)

    def append(self, docnos: Sequence[str], vectors: Sequence[FloatArray]) -> None:
        """See :meth:`clirot.retrieval.backends.IndexWriter.append`."""
        there = self._vectors.documents - self._codes.documents
        if there < len(docnos):
            self._vectors.append(docnos[there:], vectors[there:])
        self._codes.append(docnos, [self._coded(matrix) for matrix in vectors])

    def finish(self, progress: ProgressSink = silent, *, part: bool = False) -> None:
        """Make the lists, and measure what can be promised."""
        self._codes.finish()
        self._vectors.finish()
        self._codec.save(self._directory / ROTATION)
        layout = Layout(self._codec.dim, self._codec.bits, self._settings.store, lists=False)
        layout.save(self._directory)
        if not part:
            codes = CompressedIndex.without_promise(self._directory).codes
            places = (self._directory / LISTS, self._scratch / LISTS)
            replace(layout, lists=build_lists(codes, *places, progress)).save(self._directory)
        index = CompressedIndex.without_promise(self._directory)
        asked = self._settings.recall
        if isinstance(self._vectors, SampledDocuments):
            promise = measured_by_codes(index, self._vectors.matrix(), asked, progress)
        else:
            promise = measured(index, asked, progress)
        promise.save(self._directory)

    def _opened(self, dim: int, dtype: str) -> TokenStoreWriter | SampledDocuments:
        if self._settings.store:
            return self._writer(STORE, dim, dtype)
        return SampledDocuments(self._scratch / STORE, dim, dtype, self._codes.documents)

    def _writer(self, name: str, dim: int, dtype: str) -> TokenStoreWriter:
        for place in (self._directory, self._scratch):
            (place / name).mkdir(exist_ok=True)
        return TokenStoreWriter(self._directory / name, self._scratch / name, dim, dtype)

    def _coded(self, matrix: FloatArray) -> NDArray[np.uint8]:
        return self._codec.encode(matrix.astype(self._dtype).astype(np.float32))
