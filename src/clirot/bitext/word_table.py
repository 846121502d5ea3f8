"""Word translation tables: how the words of a language are translated, learnt from bitext.

A table is an artefact of kind ``tables``, made once from the bitext of a pair by IBM model 1 in
both directions (:mod:`clirot.bitext.translation_table`). Its words are those of
:func:`clirot.analysis.words`, neither stemmed nor left out, so that one table serves every index.

::

    src.txt, tgt.txt        the words of both languages, in the order of first occurrence
    counts.src.npy, ...     how often each occurs in the bitext
    forward.*.npy           p(src word | tgt word), (tgt words, src words)
    backward.*.npy          p(tgt word | src word), (src words, tgt words)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clirot.analysis import words
from clirot.bitext.table_config import TableConfig
from clirot.bitext.translation_table import Ids, ibm1
from clirot.errors import ArtefactError, InputError
from clirot.records import LanguagePair, ProgressSink, Step, silent
from clirot.sparse_files import load_lines, load_sparse, save_sparse
from clirot.store import Artefact, Store, write_text

if TYPE_CHECKING:
    from clirot.bitext import Bitext

_FORMAT = 1
_LEAST = 1e-4  # probabilities below it are noise of model 1 and most of a table's size


@dataclass(frozen=True)
class WordTable:
    """An opened table."""

    artefact: Artefact
    pair: LanguagePair
    """``src`` is the language that words are translated into."""
    src_words: Sequence[str]
    tgt_words: Sequence[str]
    src_counts: NDArray[np.int64]
    tgt_counts: NDArray[np.int64]
    forward: Any
    """``p(src word | tgt word)``, a sparse matrix by row."""
    backward: Any
    """``p(tgt word | src word)``, a sparse matrix by column."""

    @cached_property
    def _row(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.tgt_words)}

    def __contains__(self, word: object) -> bool:
        """Whether the bitext had the word."""
        return word in self._row

    def translations(self, word: str) -> list[tuple[str, float]]:
        """The translations of a word with ``p(src | tgt)``, the most probable first; empty for a
        word that the bitext did not have.
        """
        return self._listed(self.forward, word)

    def sources_of(self, word: str) -> list[tuple[str, float]]:
        """The words that this one may translate, with ``p(tgt | src)``, the highest first."""
        return self._listed(self.backward, word)

    def agreed(self, word: str) -> list[tuple[str, float]]:
        """The translations of a word with ``p(src | tgt) p(tgt | src)``, normalised, the most
        probable first: what both directions agree on.
        """
        backward = dict(self.sources_of(word))
        found = [(one, p * backward.get(one, 0.0)) for one, p in self.translations(word)]
        mass = sum(p for _, p in found)
        return sorted(
            ((one, p / mass) for one, p in found if p > 0), key=lambda one: (-one[1], one[0])
        )

    def worded(self, text: str) -> str:
        """A text word by word: each as its most probable translation, one that the table lacks as
        it is.
        """
        found = []
        for word in words(text, self.pair.tgt):
            known = self.agreed(word)
            found.append(known[0][0] if known else word)
        return " ".join(found)

    def _listed(self, matrix: Any, word: str) -> list[tuple[str, float]]:
        row = self._row.get(word)
        if row is None:
            return []
        begin, end = int(matrix.indptr[row]), int(matrix.indptr[row + 1])
        columns, values = matrix.indices[begin:end], matrix.data[begin:end]
        order = np.lexsort((columns, -values))
        return [
            (self.src_words[column], float(value))
            for column, value in zip(columns[order].tolist(), values[order], strict=True)
        ]

    def turned(self) -> WordTable:
        """The table for the other direction, which was learnt with it."""
        return WordTable(
            self.artefact,
            LanguagePair(self.pair.tgt, self.pair.src),
            self.tgt_words,
            self.src_words,
            self.tgt_counts,
            self.src_counts,
            self.backward.T.tocsr(),
            self.forward.T.tocsr(),
        )

    @classmethod
    def open(cls, artefact: Artefact) -> WordTable:
        """Open a table of the store.

        Raises:
            ArtefactError: it is damaged.
        """
        config, path = artefact.manifest.config, artefact.path
        artefact.check()
        try:
            src, tgt = (load_lines(path / f"{side}.txt") for side in ("src", "tgt"))
            src_counts, tgt_counts = (
                np.load(path / f"counts.{side}.npy") for side in ("src", "tgt")
            )
            if (len(src), len(tgt)) != (len(src_counts), len(tgt_counts)):
                raise ValueError("its files do not belong together")
            shape = (len(tgt), len(src))
            forward = load_sparse(sparse.csr_matrix, path, "forward", shape)
            # The matrix of (src, tgt) by column is that of (tgt, src) by row.
            backward = load_sparse(sparse.csr_matrix, path, "backward", shape)
            artefact.check_unreplaced()
        except (OSError, ValueError) as error:
            raise ArtefactError(
                f"the table {artefact.name} is damaged: {error}",
                hint=f"make it again: `make_table(src={config['src']}, tgt={config['tgt']}, "
                f"name={artefact.name}, replace=True)`",
            ) from error
        pair = LanguagePair(config["src"], config["tgt"])
        return cls(artefact, pair, src, tgt, src_counts, tgt_counts, forward, backward)


@dataclass(frozen=True)
class TableResult:
    """A table that is in the store."""

    artefact: Artefact
    fresh: bool
    """False where it was there already."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.artefact.name


def make_table(
    config: TableConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> TableResult:
    """Make a table, or find it made; bitext that the store lacks is fetched first.

    Raises:
        UnknownNameError: there is no such source.
        ArtefactError: a table of that name was made from something else.
        InputError: there is no bitext, or a file cannot be read.
    """
    from clirot.bitext.chosen import Choice, chosen_bitext

    store = store if store is not None else Store()
    store.path("tables", config.table_name)  # a bad name is an error before any work
    src, tgt = config.pair.src, config.pair.tgt

    def call(kept: Sequence[str]) -> str:
        named = "".join(f", sources={one}" for one in kept)
        return f"make_table(src={src}, tgt={tgt}{named})"

    choice = Choice(pair=config.pair, sources=config.sources, files=config.files, call=call)
    bitext = chosen_bitext(choice, store, progress)
    settings = {"format": _FORMAT, "src": src, "tgt": tgt, "iterations": config.iterations}
    name, inputs = config.table_name, bitext.inputs
    found = store.finished("tables", name, config=settings, inputs=inputs, replace=config.replace)
    if found is not None:
        return TableResult(found, fresh=False)
    with store.draft("tables", name, config=settings, inputs=inputs) as draft:
        draft.results.update(_write(bitext, draft.path, config.iterations, progress))
    return TableResult(store.get("tables", name), fresh=True)


def _write(
    bitext: Bitext, directory: Path, iterations: int, progress: ProgressSink
) -> dict[str, Any]:
    """Learn the table and write it; gives its figures."""
    progress(Step("words", 0, len(bitext), unit="pairs"))
    src, src_ids = _numbered((pair.src for pair in bitext.pairs), bitext.pair.src)
    tgt, tgt_ids = _numbered((pair.tgt for pair in bitext.pairs), bitext.pair.tgt)
    both = [
        (own, other) for own, other in zip(tgt_ids, src_ids, strict=True) if len(own) and len(other)
    ]
    if not both:
        raise InputError(
            f"no pair of the {bitext.pair} bitext has a word on both sides",
            hint="fetch other bitext of the pair, or name a file (`files`)",
        )
    sizes = (len(tgt), len(src))
    forward = ibm1(both, n_target=sizes[0], n_english=sizes[1], iterations=iterations)
    progress(Step("words", len(bitext) // 2, len(bitext), unit="pairs"))
    turned = [(other, own) for own, other in both]
    backward = ibm1(turned, n_target=sizes[1], n_english=sizes[0], iterations=iterations)
    progress(Step("words", len(bitext), len(bitext), unit="pairs"))
    matrices = {
        "forward": _pruned(forward.probability),
        "backward": _pruned(backward.probability).T.tocsr(),
    }
    for name, matrix in matrices.items():
        save_sparse(matrix, directory, name)
    for side, known, ids in (("src", src, src_ids), ("tgt", tgt, tgt_ids)):
        write_text(directory / f"{side}.txt", "".join(f"{word}\n" for word in known))
        counts = np.bincount(np.concatenate(ids), minlength=len(known))
        np.save(directory / f"counts.{side}.npy", counts.astype(np.int64))
    return {
        "pairs": len(both),
        "pairs_without_words": len(bitext) - len(both),
        "src_words": len(src),
        "tgt_words": len(tgt),
        "translations": int(matrices["forward"].nnz),
    }


def _numbered(texts: Iterable[str], language: str) -> tuple[list[str], list[Ids]]:
    """The distinct words of texts, and each text as numbers of words."""
    known: dict[str, int] = {}
    ids = [
        np.array([known.setdefault(word, len(known)) for word in words(text, language)], np.int64)
        for text in texts
    ]
    return list(known), ids


def _pruned(probability: sparse.csr_matrix) -> sparse.csr_matrix:
    kept = probability.tocsr()
    kept.data[kept.data < _LEAST] = 0
    kept.eliminate_zeros()
    kept.sort_indices()
    kept.data = kept.data.astype(np.float32)
    return kept
