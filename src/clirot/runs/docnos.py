"""The documents of a run as a column: Python strings when few, a dictionary of codes when many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clirot.runs.judgements import Judgements


class Docnos(Protocol):
    """What a :class:`~clirot.runs.Run` needs to know of its documents, row by row."""

    def __len__(self) -> int:
        """The number of rows."""

    def take(self, rows: NDArray[np.int64]) -> Docnos:
        """The column of these rows, in this order."""

    def strings(self, start: int, stop: int) -> list[str]:
        """The docnos of rows ``start`` up to ``stop``."""

    def descending_rank(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each of ``rows``, where its docno comes among theirs, last in the alphabet first.

        The alphabet is the bytes of UTF-8, as in trec_eval (``strcmp``); Python's order of code
        points is the same.
        """

    def match(
        self, topic: NDArray[np.int64], judgements: Judgements
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The judged rows and their relevances.

        Args:
            topic: of each row, its topic's place in ``judgements.topics``, or -1.
            judgements: the qrels.
        """


@dataclass(frozen=True, eq=False)
class FewDocnos:
    """Docnos as a list of strings. Quick to make, and needs no import."""

    values: list[str]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.int64]) -> FewDocnos:
        """See :class:`Docnos`."""
        return FewDocnos([self.values[row] for row in rows.tolist()])

    def strings(self, start: int, stop: int) -> list[str]:
        """See :class:`Docnos`."""
        return self.values[start:stop]

    def descending_rank(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """See :class:`Docnos`."""
        import numpy as np

        values = [self.values[row] for row in rows.tolist()]
        place = {value: rank for rank, value in enumerate(sorted(set(values), reverse=True))}
        return np.array([place[value] for value in values], dtype=np.int64)

    def match(
        self, topic: NDArray[np.int64], judgements: Judgements
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See :class:`Docnos`."""
        import numpy as np

        by_place = [judgements.qrels[name] for name in judgements.topics]
        none: dict[str, int] = {}
        found = [
            (row, relevance)
            for row, (place, docno) in enumerate(zip(topic.tolist(), self.values, strict=True))
            if (relevance := (by_place[place] if place >= 0 else none).get(docno)) is not None
        ]
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


def plain(array: Any, *, null: int = 0) -> Any:
    """The numbers of an Arrow array, as numpy sees its buffer, with ``null`` for nulls.

    Arrow's own ``to_numpy`` imports pandas, which takes a third of a second.
    """
    import numpy as np

    valid, values = array.buffers()
    rows = slice(array.offset, array.offset + len(array))
    numbers = np.frombuffer(values, dtype=_NUMPY_NAME[str(array.type)])[rows]
    if array.null_count:
        bits = np.unpackbits(np.frombuffer(valid, dtype=np.uint8), bitorder="little")
        numbers = np.where(bits[rows], numbers, null)
    return numbers


def _strings(values: Iterable[str]) -> Any:
    """An Arrow array of strings. ``pyarrow.array`` would import pandas here as well."""
    import numpy as np
    import pyarrow as pa

    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    return pa.StringArray.from_buffers(len(encoded), *buffers)


_NUMPY_NAME = {"double": "f8", "int32": "i4", "int64": "i8", "uint64": "u8"}


@dataclass(frozen=True, eq=False)
class ManyDocnos:
    """Docnos as codes into an Arrow dictionary of the distinct ones."""

    codes: NDArray[np.signedinteger[Any]]
    dictionary: Any
    """A ``pyarrow.Array`` of strings."""

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.int64]) -> ManyDocnos:
        """See :class:`Docnos`."""
        return ManyDocnos(self.codes[rows], self.dictionary)

    def strings(self, start: int, stop: int) -> list[str]:
        """See :class:`Docnos`."""
        strings: list[str] = self.dictionary.take(self.codes[start:stop]).to_pylist()
        return strings

    def descending_rank(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """See :class:`Docnos`."""
        import numpy as np
        import pyarrow.compute as pc

        codes = self.codes[rows]
        present = np.flatnonzero(np.bincount(codes, minlength=len(self.dictionary)))
        order = plain(
            pc.sort_indices(self.dictionary.take(present), sort_keys=[("", "descending")])
        )
        place = np.empty(len(self.dictionary), dtype=np.int64)
        place[present[order]] = np.arange(len(present))
        ranks: NDArray[np.int64] = place[codes]
        return ranks

    def match(
        self, topic: NDArray[np.int64], judgements: Judgements
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See :class:`Docnos`."""
        import numpy as np
        import pyarrow.compute as pc

        judged: dict[str, int] = {}
        judged_code = np.array(
            [
                judged.setdefault(docno, len(judged))
                for name in judgements.topics
                for docno in judgements.qrels[name]
            ],
            dtype=np.int64,
        )
        in_judged = pc.index_in(self.dictionary, value_set=_strings(judged))
        code = plain(in_judged, null=-1)[self.codes].astype(np.int64)
        rows = np.flatnonzero((code >= 0) & (topic >= 0))
        # A judgement and a row meet where topic and document are both equal: one number for both.
        wanted = judgements.topic * len(judged) + judged_code
        order = np.argsort(wanted)
        key = topic[rows] * len(judged) + code[rows]
        place = np.searchsorted(wanted[order], key)
        place = order[np.minimum(place, len(order) - 1)]
        hit = wanted[place] == key
        return rows[hit], judgements.relevance[place[hit]]
