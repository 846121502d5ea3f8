"""Large runs, read by columns with Arrow, in a few bytes for each row.

Ten million rows are some 250 MB here beside the bytes of the file. As Python's strings the ids
alone would be three times as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.runs.packed import PackedIds
from clirot.runs.run import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK_BYTES = 1 << 20  # 1 MB: with 4 the memory is more, and with 16 the time as well
_ODD = 0x1E3779B97F4A7C15  # spreads the numbers of topics over 64 bits
_COLUMNS = ["topic", "q0", "docno", "rank", "score", "tag"]
_NUMPY_NAME = {"double": "f8", "int32": "i4"}


@dataclass(frozen=True)
class Columns:
    """The rows of a run in the order of its file."""

    topics: tuple[str, ...]
    topic: NDArray[np.int32]
    """(rows,) the place of each row's topic in :attr:`topics`."""
    text: bytes | bytearray
    """The docnos of the rows, as :class:`PackedIds` takes them."""
    lengths: NDArray[np.int32]
    """(rows,)"""
    scores: NDArray[np.float64]
    """(rows,)"""

    def run(self) -> Run:
        """The run, in the order of trec_eval."""
        docnos = PackedIds.of_lengths(self.text, self.lengths)
        return Run.from_rows("run", self.topics, self.topic, docnos, self.scores)


def read_with_arrow(data: bytes) -> Columns | None:
    """The rows in ``data``, or None where the file has to be read line by line.

    That is the case where the columns are separated by anything but single spaces or single tabs,
    a line has not six of them, a score is not a plain number, or a document is listed twice.
    """
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    delimiter = _delimiter(data)
    if delimiter is None:
        return None
    topics: dict[str, int] = {}
    most = data.count(b"\n") + 1
    topic = np.empty(most, dtype=np.int32)
    scores = np.empty(most, dtype=np.float64)
    key = np.empty(most, dtype=np.int64)
    end = 0
    text = bytearray()
    lengths = np.empty(most, dtype=np.int32)
    try:
        # Block by block, and not the whole table at once: 10 million lines would take 2 GB more.
        with csv.open_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(column_names=_COLUMNS, block_size=_BLOCK_BYTES),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, quote_char=False, ignore_empty_lines=True
            ),
            convert_options=csv.ConvertOptions(
                column_types={
                    "topic": pa.dictionary(pa.int32(), pa.string()),
                    "docno": pa.string(),
                    "score": pa.float64(),
                },
                include_columns=["topic", "docno", "score"],
                null_values=[],
            ),
        ) as blocks:
            for block in blocks:
                names, codes = _codes(block["topic"])
                places = [topics.setdefault(name, len(topics)) for name in names]
                start, end = end, end + len(block)
                topic[start:end] = np.array(places, dtype=np.int32)[codes]
                odd = np.array(places, dtype=np.int64) * np.int64(_ODD)
                key[start:end] = odd[codes]
                names, codes = _codes(block["docno"].dictionary_encode())
                key[start:end] ^= np.fromiter(map(hash, names), dtype=np.int64)[codes]
                encoded = [name.encode() + b"\n" for name in names]
                lengths[start:end] = np.fromiter(map(len, encoded), dtype=np.int32)[codes]
                text += b"".join(np.array(encoded, dtype=object)[codes].tolist())
                scores[start:end] = _numbers(block["score"])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError):
        return None
    topic, scores, key = topic[:end], scores[:end], key[:end]  # without blank lines
    lengths = lengths[:end]
    if "" in topics or np.any(lengths == 1):  # an empty id is its line feed only
        return None
    # Two documents with one hash are most unlikely, and then the lines are read one by one.
    key.sort()
    if np.isnan(scores).any() or np.any(key[1:] == key[:-1]):
        return None
    return Columns(tuple(topics), topic, text, lengths, scores)


def _delimiter(data: bytes) -> str | None:
    """The single character between all columns, or None where the file is less regular.

    Together with six columns on every line and no empty topic or docno, this makes sure that each
    field is what splitting at white space would give.
    """
    line = data[: data.find(b"\n")]
    for delimiter, other in ((b" ", b"\t"), (b"\t", b" ")):
        parts = line.split(delimiter)
        if len(parts) == 6 and parts == line.split():
            odd = (other, b"\v", b"\f", delimiter * 2, delimiter + b"\n", delimiter + b"\r")
            if any(bytes_ in data for bytes_ in odd) or data.endswith(delimiter):
                return None
            return delimiter.decode()
    return None


def _codes(encoded: Any) -> tuple[list[str], Any]:
    """The distinct values of an encoded column, and the place of each row's value among them."""
    return encoded.dictionary.to_pylist(), _numbers(encoded.indices)


def _numbers(array: Any) -> Any:
    """The numbers of an Arrow array, read from its buffer: ``to_numpy`` would import pandas."""
    import numpy as np

    _, values = array.buffers()
    rows = slice(array.offset, array.offset + len(array))
    return np.frombuffer(values, dtype=_NUMPY_NAME[str(array.type)])[rows]
