"""Clean TREC runs read column by column: by splitting when they are small, by Arrow when large.

A 10-million-line run takes seconds with Arrow where a loop over its lines takes most of a minute
and gigabytes; a small one is read sooner than Arrow is imported. Only a clean file is read either
way: see :mod:`clirot.runs.reading` for who does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clirot.runs.docnos import FewDocnos, ManyDocnos, plain
from clirot.runs.run import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.signedinteger[Any]]

_BLOCK_BYTES = 1 << 22  # larger blocks were slower: 5.6 s for 10 million lines at 16 MB, 1.7 s at 4
_COLUMNS = ["topic", "q0", "docno", "rank", "score", "tag"]


def read_by_splitting(data: bytes) -> Run | None:
    """The run in ``data``, or None where a careful reader should look at it.

    That is where a line has not six columns, a score is not a plain number, a document is listed
    twice, or the bytes are not UTF-8.
    """
    import numpy as np

    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    fields = data.split()
    if len(fields) != 6 * len(lines) or any(len(line.split(None, 6)) != 6 for line in lines):
        return None
    names, docnos = fields[0::6], fields[2::6]
    try:
        scores = np.array(list(map(float, fields[4::6])), dtype=np.float64)
    except ValueError:
        return None
    if np.isnan(scores).any() or b"_" in b"".join(fields[4::6]):
        return None
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    if len(set(zip(names, docnos, strict=True))) != len(names):
        return None
    try:
        topics = tuple(name.decode() for name in places)
        documents = FewDocnos(b"\n".join(docnos).decode().split("\n"))  # one decoding for all
    except UnicodeDecodeError:
        return None
    topic = np.array([places[name] for name in names], dtype=np.int64)
    return Run.from_rows("run", topics, topic, documents, scores)


def read_with_arrow(data: bytes) -> Run | None:
    """The run in ``data``, or None where a careful reader should look at it.

    That is where columns are separated by anything but single spaces or single tabs, a line has
    not six of them, a score is not a plain number, a document is listed twice, or Arrow is not
    installed.
    """
    try:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import csv
    except ModuleNotFoundError:
        return None

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
    scores: NDArray[np.float64] = np.concatenate([plain(part) for part in table["score"].chunks])
    topics, topic = _codes(table["topic"].unify_dictionaries())
    # One encoding of the whole column: dictionaries of blocks would cost as much again to unify.
    distinct, docno = _codes(table["docno"].dictionary_encode())
    del table
    if np.isnan(scores).any() or _repeats(topic, docno, len(distinct)):
        return None
    if any(pc.min(pc.binary_length(names)).as_py() == 0 for names in (topics, distinct)):
        return None
    names = tuple(topics.to_pylist())
    return Run.from_rows("run", names, topic, ManyDocnos(docno, distinct), scores)


def _delimiter(data: bytes) -> str | None:
    """The single character between all columns, or None where the file is less regular.

    Together with six columns on every line and no empty topic or docno, the tests make sure that
    each field is what splitting at white space would give.
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


def _codes(encoded: Any) -> tuple[Any, Codes]:
    """The dictionary of an encoded column and each row's place in it."""
    import numpy as np

    codes = np.concatenate([plain(chunk.indices) for chunk in encoded.chunks])
    return encoded.chunk(0).dictionary, codes


def _repeats(topic: Codes, docno: Codes, docnos: int) -> bool:
    import numpy as np

    key = topic.astype(np.int64) * docnos + docno
    key.sort()
    return bool(np.any(key[1:] == key[:-1]))
