"""Large TREC runs, read column by column with Arrow.

Arrow reads 10 million lines in seconds, where a loop over the lines takes most of a minute. It only
reads regular files, and cannot say which line is wrong: :mod:`clirot.runs.reading` reads everything
else, and all small files, because importing Arrow takes a fifth of a second.
"""

from __future__ import annotations

from typing import Any

from clirot.runs.run import Run

_BLOCK_BYTES = 1 << 22  # 4 MB: 10 million lines took 1.7 s, and 5.6 s with 16 MB
_COLUMNS = ["topic", "q0", "docno", "rank", "score", "tag"]
_NUMPY_NAME = {"double": "f8", "int32": "i4"}


def read_with_arrow(data: bytes) -> Run | None:
    """The run in ``data``, or None where the file has to be read line by line.

    That is the case where the columns are separated by anything but single spaces or single tabs,
    a line has not six of them, a score is not a plain number, or a document is listed twice.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    delimiter = _delimiter(data)
    if delimiter is None:
        return None
    try:
        table = csv.read_csv(
            pa.py_buffer(data),
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
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError):
        return None
    scores = np.concatenate([_numbers(part) for part in table["score"].chunks])
    topics, topic = _codes(table["topic"].unify_dictionaries())
    # The whole column is encoded at once: unifying dictionaries of blocks costs as much again.
    docnos, docno = _codes(table["docno"].dictionary_encode())
    del table
    if any(pc.min(pc.binary_length(names)).as_py() == 0 for names in (topics, docnos)):
        return None
    key = topic.astype(np.int64) * len(docnos) + docno
    key.sort()
    if np.isnan(scores).any() or np.any(key[1:] == key[:-1]):
        return None
    distinct = docnos.to_pylist()  # rows of one document share one string
    rows = [distinct[place] for place in docno.tolist()]
    return Run.from_rows("run", tuple(topics.to_pylist()), topic, rows, scores)


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


def _codes(encoded: Any) -> tuple[Any, Any]:
    """The distinct values of an encoded column, and the place of each row's value among them."""
    import numpy as np

    codes = np.concatenate([_numbers(chunk.indices) for chunk in encoded.chunks])
    return encoded.chunk(0).dictionary, codes


def _numbers(array: Any) -> Any:
    """The numbers of an Arrow array, read from its buffer: ``to_numpy`` would import pandas."""
    import numpy as np

    _, values = array.buffers()
    rows = slice(array.offset, array.offset + len(array))
    return np.frombuffer(values, dtype=_NUMPY_NAME[str(array.type)])[rows]
