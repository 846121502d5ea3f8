"""Index backends: how the token vectors of a collection are kept and searched.

A backend is a row of :data:`BACKENDS`: a writer that takes documents chunk by chunk and continues
where a killed process stopped, and a function that opens what it wrote. ``exact`` keeps every
vector and finds the true best documents by MaxSim; other backends are compared with it.
``compressed`` finds them by codes, and promises a recall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clirot.encoding.maxsim import FloatArray
from clirot.records import Hit, ProgressSink
from clirot.registry import Registry
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.joining import join, open_joined
from clirot.retrieval.backends.compressed.writer import CompressedWriter
from clirot.retrieval.backends.exact import ExactIndex
from clirot.retrieval.backends.token_store import TokenStoreWriter
from clirot.retrieval.promise import Promise
from clirot.retrieval.settings import CompressedSettings
from clirot.settings import values


class Index(Protocol):
    """An opened index."""

    @property
    def dim(self) -> int:
        """Length of its token vectors."""
        ...

    def __len__(self) -> int:
        """Documents in it."""
        ...

    def __contains__(self, docno: object) -> bool:
        """Whether it has a document of that id."""
        ...

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """The k best documents of each query, best first; equal scores by docno, descending.

        Args:
            queries: ``(tokens, dim)`` each, rows of unit norm.
            k: how many hits a query gets, fewer where the index holds fewer documents.

        Raises:
            InputError: query vectors of another dimension, or not of unit norm.
        """
        ...

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """The k best of each query's own candidates, scored and ordered as by :meth:`search`.

        Args:
            queries: as for :meth:`search`.
            candidates: docnos, for each query; none gives no hits.
            k: how many hits a query gets.

        Raises:
            InputError: as :meth:`search`.
            KeyError: a candidate is not in the index.
        """
        ...


class IndexWriter(Protocol):
    """An index being written, chunk by chunk."""

    @property
    def documents(self) -> int:
        """Documents that are safely on disk: a resumed writer starts behind them."""
        ...

    @property
    def tokens(self) -> int:
        """Token vectors that are safely on disk."""
        ...

    def take_over(self, old: Path) -> None:
        """Begin with the documents of a finished index of the same backend and settings.

        Called before anything is appended. When it returns, they count as :attr:`documents`, and a
        writer that is made anew in the same places goes on behind them.

        Args:
            old: directory of the index, whose files stay as they are.

        Raises:
            ArtefactError: it is damaged, or does not hold what its vectors could be copied from.
        """
        ...

    def append(self, docnos: Sequence[str], vectors: Sequence[FloatArray]) -> None:
        """Write a chunk of documents, ``(tokens, dim)`` each; on disk when this returns."""
        ...

    def finish(self, progress: ProgressSink = ..., *, part: bool = ...) -> None:
        """Write what an index needs once all documents are in it.

        Args:
            progress: told of what takes long.
            part: whether it is a shard of an index, which gets when it is joined what is made of
                all documents together.
        """
        ...


@dataclass(frozen=True)
class Joining:
    """How shards become one index, where more belongs to it than what they find."""

    join: Callable[[Sequence[Path], Path, Path, CompressedSettings, ProgressSink], None]
    """``(shards, directory, scratch, settings, progress)``: write what they have in common."""
    open: Callable[[Sequence[Path], Path], CompressedIndex]
    """``(shards, directory)``: open them as one index; ArtefactError where one is damaged."""


@dataclass(frozen=True)
class Backend:
    """A kind of index."""

    description: str
    """One line for the documentation."""
    writer: Callable[[Path, Path, int, str, CompressedSettings], IndexWriter]
    """``(directory, scratch, dim, dtype, settings)``: start writing, or go on with what is there.
    """
    open: Callable[[Path], Index]
    """Open the index in a directory; ArtefactError where it is damaged."""
    identity: Callable[[CompressedSettings], dict[str, Any]] = lambda _: {}
    """What of the settings decides the index."""
    results: Callable[[Path], dict[str, Any]] = lambda _: {}
    """What the manifest says of the finished index in a directory, besides its counts."""
    joining: Joining | None = None
    """How shards are joined; None: the best that each of them finds are merged."""


def _exact_writer(
    directory: Path, scratch: Path, dim: int, dtype: str, _: CompressedSettings
) -> TokenStoreWriter:
    return TokenStoreWriter(directory, scratch, dim, dtype)


BACKENDS: Registry[Backend] = Registry(
    "index backend",
    {
        "exact": Backend("every token vector, exact MaxSim", _exact_writer, ExactIndex.open),
        "compressed": Backend(
            "codes of 1, 2 or 4 bits a dimension, a recall that was measured",
            CompressedWriter,
            CompressedIndex.open,
            identity=values,
            results=lambda directory: {"promise": Promise.open(directory).row},
            joining=Joining(join, open_joined),
        ),
    },
)
"""Of token vectors. Lexical models share another kind: see
:mod:`~clirot.retrieval.backends.postings`."""
