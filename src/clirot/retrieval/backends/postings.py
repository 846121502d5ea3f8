"""Which terms are in which documents, on disk: what lexical models match.

::

    docnos.txt       the documents' ids, one a line
    terms.txt        the vocabulary, one term a line, in the order of first occurrence
    counts.*.npy     how often each document has each term, (documents, terms), by column
    lengths.npy      terms of each document, int32
    bm25/            the weights of BM25, as bm25s keeps them
    layout.json      format, documents, terms, analysis, k1, b
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clirot.errors import ArtefactError, InputError
from clirot.records import Hit
from clirot.retrieval.backends.ties import best_first, hits, tie_order
from clirot.retrieval.settings import Bm25Settings
from clirot.sparse_files import load_lines, load_sparse, save_sparse
from clirot.store import write_text

_FORMAT = 1
_DOCNOS, _TERMS, _COUNTS, _LENGTHS = "docnos.txt", "terms.txt", "counts", "lengths.npy"
_WEIGHTS, _LAYOUT = "bm25", "layout.json"
_REBUILD = "build it again: `build_index(..., replace=True)`"

Scores = NDArray[np.float32]


class _Rows(Sequence[list[int]]):
    """The term ids of each document; a list is made of them only while it is looked at."""

    def __init__(self, ids: NDArray[np.int32], offsets: NDArray[np.int64]) -> None:
        self._ids, self._offsets = ids, offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: Any) -> Any:
        return self._ids[self._offsets[row] : self._offsets[row + 1]].tolist()

    def __iter__(self) -> Iterator[list[int]]:
        return (self[row] for row in range(len(self)))


@dataclass(frozen=True)
class _Corpus:
    """What bm25s takes for a corpus: term ids, and the vocabulary."""

    ids: _Rows
    vocab: dict[str, int]


class PostingsWriter:
    """Collects the terms of documents, and writes the postings and the weights of BM25.

    Args:
        directory: where to.
        analysis: how the terms were made, for whoever matches others with them.
        settings: the constants of BM25.
    """

    def __init__(self, directory: Path, analysis: dict[str, Any], settings: Bm25Settings) -> None:
        self._directory, self._analysis, self._settings = directory, analysis, settings
        self._docnos: list[str] = []
        self._ids = array("i")
        self._offsets = array("q", [0])
        self._vocabulary: dict[str, int] = {}

    def append(self, docno: str, terms: Iterable[str]) -> int:
        """Take a document; gives the number of its terms."""
        vocabulary = self._vocabulary
        self._ids.extend(vocabulary.setdefault(term, len(vocabulary)) for term in terms)
        self._offsets.append(len(self._ids))
        self._docnos.append(docno)
        return self._offsets[-1] - self._offsets[-2]

    def finish(self) -> None:
        """Write everything.

        Raises:
            InputError: no document has a word.
        """
        import bm25s

        if not self._vocabulary:
            raise InputError(
                f"none of the {len(self._docnos):,} documents has a word to search for",
                hint="is the text in the collection's text column?",
            )
        directory, settings = self._directory, self._settings
        ids = np.frombuffer(self._ids, dtype=np.int32)
        offsets = np.frombuffer(self._offsets, dtype=np.int64)
        shape = (len(self._docnos), len(self._vocabulary))
        ones = np.ones(len(ids), dtype=np.float32)
        counts = sparse.csr_matrix((ones, ids, offsets), shape=shape, copy=True)
        counts.sum_duplicates()  # in place, and the ids are needed once more
        save_sparse(counts.tocsc(), directory, _COUNTS)
        del counts
        np.save(directory / _LENGTHS, np.diff(offsets).astype(np.int32))
        weights = bm25s.BM25(k1=settings.k1, b=settings.b, method="lucene")
        weights.index(
            _Corpus(_Rows(ids, offsets), self._vocabulary),
            create_empty_token=False,
            show_progress=False,
        )
        weights.save(str(directory / _WEIGHTS), show_progress=False)
        (directory / _WEIGHTS / "vocab.index.json").unlink()  # the same as _TERMS
        write_text(directory / _DOCNOS, "".join(f"{one}\n" for one in self._docnos))
        write_text(directory / _TERMS, "".join(f"{one}\n" for one in self._vocabulary))
        layout = {
            "format": _FORMAT,
            "documents": shape[0],
            "terms": shape[1],
            "analysis": self._analysis,
            "k1": settings.k1,
            "b": settings.b,
        }
        write_text(directory / _LAYOUT, json.dumps(layout, indent=2, sort_keys=True) + "\n")


class Postings:
    """An opened index of words.

    Args:
        directory: where it is.

    Raises:
        ArtefactError: it is damaged.
    """

    def __init__(self, directory: Path) -> None:
        import bm25s

        try:
            layout = json.loads((directory / _LAYOUT).read_text(encoding="utf-8"))
            if layout["format"] != _FORMAT:
                raise ValueError(f"format {layout['format']}, expected {_FORMAT}")
            shape = (int(layout["documents"]), int(layout["terms"]))
            self.docnos = load_lines(directory / _DOCNOS)
            terms = load_lines(directory / _TERMS)
            self.lengths = np.load(directory / _LENGTHS, allow_pickle=False)
            self.counts: Any = load_sparse(sparse.csc_matrix, directory, _COUNTS, shape)
            self._weights = bm25s.BM25.load(str(directory / _WEIGHTS), mmap=True, load_vocab=False)
            if (len(self.docnos), len(terms), len(self.lengths)) != (*shape, shape[0]):
                raise ValueError("its files do not belong together")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArtefactError(
                f"the index in {directory} is damaged: {error}", hint=_REBUILD
            ) from error
        self.analysis: dict[str, Any] = layout["analysis"]
        self.k1, self.b = float(layout["k1"]), float(layout["b"])
        self.vocabulary = {term: column for column, term in enumerate(terms)}
        """Term -> its column of ``counts``."""
        self._tie_order = tie_order(self.docnos)

    def __len__(self) -> int:
        return len(self.docnos)

    def __contains__(self, docno: object) -> bool:
        return docno in self._row_of

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {docno: row for row, docno in enumerate(self.docnos)}

    def columns(self, terms: Iterable[str]) -> NDArray[np.int32]:
        """The columns of the terms that occur in the documents, one for each occurrence."""
        found = [self.vocabulary[term] for term in terms if term in self.vocabulary]
        return np.array(found, dtype=np.int32)

    def bm25(self, terms: Iterable[str]) -> Scores:
        """BM25 of every document for a topic's terms, ``(documents,)``.

        ``sum_t log(1 + (N - df_t + .5) / (df_t + .5)) tf / (k1 (1 - b + b |D| / avg) + tf)``, a
        term as often as the topic has it: Lucene's, with exact lengths (Kamphuis et al. 2020).
        """
        scores: Scores = self._weights.get_scores_from_ids(self.columns(terms))
        return scores

    def best(self, scores: Scores, k: int) -> list[Hit]:
        """The k documents of the highest scores above 0, best first; equal ones by docno,
        descending.
        """
        count = len(scores)
        least = np.partition(scores, count - k)[count - k] if count > k else 0
        return self._ordered(
            np.flatnonzero(scores >= least if least > 0 else scores > 0), scores, k
        )

    def best_of(self, docnos: Sequence[str], scores: Scores, k: int) -> list[Hit]:
        """The k documents of the highest scores among some, in the order of :meth:`best`.

        Args:
            docnos: documents of the index; those with a score of 0 too.
            scores: of every document, ``(documents,)``.
            k: how many.
        """
        return self._ordered(np.array([self._row_of[one] for one in docnos]), scores, k)

    def _ordered(self, rows: NDArray[np.int64], scores: Scores, k: int) -> list[Hit]:
        return hits(self.docnos, *best_first(rows, scores[rows], k, self._tie_order))
