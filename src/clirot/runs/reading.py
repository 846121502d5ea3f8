"""Reading judgements, and runs: small ones line by line, large ones by columns with Arrow.

Both ways give the same run. Columns are in :mod:`clirot.runs.by_columns`: 10 million lines take
seconds there, where a loop over the lines takes most of a minute; but Arrow's import takes a fifth
of a second, it reads regular files only, and it cannot say which line is wrong. Therefore
everything else is read line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path

from clirot.errors import InputError
from clirot.runs.by_columns import read_with_arrow
from clirot.runs.layouts import RELEVANCE, SCORE, Kind, check_lines, rows, show, tag_of
from clirot.runs.run import Run
from clirot.runs.source import (
    Row,
    check_utf8,
    is_json,
    is_parquet,
    json_rows,
    parquet_rows,
    read_bytes,
)

Qrels = Mapping[str, Mapping[str, int]]
"""Topic -> docno -> relevance. A relevance of 0 means judged and not relevant; one below 0 means
that the document was in the pool and not judged, as in trec_eval."""

_LARGEST = 2**31 - 1
_QRELS = Kind(
    "qrels",
    "topic 0 docno relevance",
    3,
    RELEVANCE,
    {6: "six columns are a run; give it as RUN, not as `qrels`"},
)
_RUN = Kind(
    "run",
    "topic Q0 docno rank score tag",
    4,
    SCORE,
    {
        2: "two columns look like topic docno; add the others: "
        'awk \'{print $1,"Q0",$2,1,0,"run"}\'',
        4: "four columns are qrels, which is what people judged, and not what a system found",
    }
    | dict.fromkeys(range(7, 100), "a docno or a tag must not contain spaces"),
)
_MANY_BYTES = 4_000_000
"""From this size on (about 80,000 lines) Arrow saves more time than its import takes."""
_SUFFIXES = {".gz", ".trec", ".txt", ".run", ".json", ".jsonl", ".res", ".tsv", ".csv", ".parquet"}


def read_run(
    path: str | PathLike[str], *, name: str | None = None, many_bytes: int = _MANY_BYTES
) -> Run:
    """Read a run: TREC (``topic Q0 docno rank score tag``), JSON, JSON lines or Parquet.

    A file whose first line names its columns is read by these names
    (:mod:`~clirot.runs.layouts`), and a compressed one is unpacked. The rank column is not used,
    as in trec_eval: scores decide. Blank lines are skipped.

    Args:
        path: a file, or ``-`` for standard input.
        name: of the run. By default the file's name without its suffixes, and the tag in the
            first line where it comes from standard input.
        many_bytes: files of this size and above are read by columns.

    Raises:
        InputError: the file is not a run, lists a document twice for a topic, or has a score that
            is not a number; the message gives the line.
    """
    data = read_bytes(path, what="run", check=partial(check_lines, path=path, kind=_RUN))
    tag = "run"
    if is_parquet(data):
        run = _run_from_rows(parquet_rows(data, path, values=SCORE), path)
    elif is_json(data):
        run = _run_from_rows(json_rows(data, path, values=SCORE), path)
    else:
        columns = read_with_arrow(data) if len(data) >= many_bytes else None
        tag = tag_of(data)
        if columns is None:
            run = _from_lines(data, path)
        else:
            check_utf8(data, path)
            del data  # half of the memory; what is ordered next is a copy
            run = columns.run()
    if name is None:
        name = tag if str(path) == "-" else file_label(path)
    return run.named(name)


def file_label(path: str | PathLike[str]) -> str:
    """A file's name without directories and run suffixes: ``x/bm25.so.trec.gz`` is ``bm25.so``."""
    label = Path(path).name
    while Path(label).suffix in _SUFFIXES and Path(label).stem:
        label = Path(label).stem
    return label


def _from_lines(data: bytes, path: str | PathLike[str]) -> Run:
    import numpy as np

    places: dict[bytes, int] = {}
    seen: list[set[bytes]] = []
    topic: list[int] = []
    docnos: list[bytes] = []
    scores: list[float] = []
    current, place, known = None, -1, set[bytes]()
    check_utf8(data, path)
    for number, (name, _, docno, _, written, _) in rows(data, path, _RUN):
        if name != current:
            current = name
            place = places.setdefault(name, len(places))
            if place == len(seen):
                seen.append(set())
            known = seen[place]
        if docno in known:
            raise InputError(
                f"document {docno.decode()!r} is listed twice for topic {name.decode()!r}",
                path=path,
                line=number,
                hint="a run lists a document once for a topic; remove one of the lines",
            )
        known.add(docno)
        try:
            score = float(written)
        except ValueError:
            score = float("nan")
        if score != score or b"_" in written:
            raise InputError(
                f"the score {show(written)} of document {docno.decode()!r} is not a number",
                path=path,
                line=number,
                hint=_hint_of(written, number, _RUN),
            )
        topic.append(place)
        docnos.append(docno)
        scores.append(score)
    return Run.from_rows(
        "run",
        tuple(name.decode() for name in places),
        np.array(topic, dtype=np.int64),
        b"\n".join(docnos).decode().split("\n"),  # decoding all of them at once is quicker
        np.array(scores, dtype=np.float64),
    )


def _run_from_rows(found: Iterable[Row], path: str | PathLike[str]) -> Run:
    scores: dict[str, dict[str, float]] = {}
    for topic, docno, score, line in found:
        documents = scores.setdefault(topic, {})
        if docno in documents:
            raise InputError(
                f"document {docno!r} is listed twice for topic {topic!r}", path=path, line=line
            )
        if score != score:
            raise InputError(
                f"the score of document {docno!r} of topic {topic!r} is not a number",
                path=path,
                line=line,
            )
        documents[docno] = score
    if not any(scores.values()):
        raise InputError("the run is empty", path=path)
    return Run.from_dict("run", scores)


def read_qrels(path: str | PathLike[str]) -> dict[str, dict[str, int]]:
    """Read judgements: TREC (``topic 0 docno relevance``), JSON, JSON lines or Parquet.

    A file whose first line names its columns, as BEIR's does, is read by these names
    (:mod:`~clirot.runs.layouts`), and a compressed one is unpacked.

    Some published qrels repeat lines. A line that repeats an earlier one is skipped; a line that
    contradicts an earlier one is an error.

    Args:
        path: a file, or ``-`` for standard input.

    Raises:
        InputError: the file is not qrels; the message gives the line.
    """
    data = read_bytes(path, what="qrels", check=partial(check_lines, path=path, kind=_QRELS))
    if is_parquet(data):
        qrels = _qrels_from_rows(parquet_rows(data, path, values=RELEVANCE), path)
    elif is_json(data):
        qrels = _qrels_from_rows(json_rows(data, path, values=RELEVANCE), path)
    else:
        qrels = _qrels_from_lines(data, path)
    if not qrels:
        raise InputError("there are no judgements in it", path=path)
    return qrels


def _qrels_from_lines(data: bytes, path: str | PathLike[str]) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    current, documents = None, {}
    check_utf8(data, path)
    for number, (topic, _, docno_bytes, written) in rows(data, path, _QRELS):
        try:
            relevance = int(written)
            if b"_" in written or abs(relevance) > _LARGEST:
                raise ValueError
        except ValueError:
            raise InputError(
                f"relevance {show(written)} is not a whole number",
                path=path,
                line=number,
                hint=_hint_of(written, number, _QRELS),
            ) from None
        if topic != current:
            current, documents = topic, qrels.setdefault(topic.decode(), {})
        docno = docno_bytes.decode()
        if (before := documents.setdefault(docno, relevance)) != relevance:
            raise _contradiction(topic.decode(), docno, relevance, before, path, number)
    return qrels


def _qrels_from_rows(found: Iterable[Row], path: str | PathLike[str]) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for topic, docno, value, line in found:
        if not abs(value) <= _LARGEST or value != int(value):
            raise InputError(
                f"topic {topic!r}, document {docno!r}: relevance {value} is not a whole number",
                path=path,
                line=line,
            )
        before = qrels.setdefault(topic, {}).setdefault(docno, int(value))
        if before != value:
            raise _contradiction(topic, docno, int(value), before, path, line)
    return qrels


def _contradiction(
    topic: str, docno: str, now: int, before: int, path: str | PathLike[str], line: int | None
) -> InputError:
    return InputError(
        f"document {docno!r} of topic {topic!r} is judged {now}, and was judged {before} before",
        path=path,
        line=line,
        hint="keep one of the two",
    )


def _hint_of(written: bytes, number: int, kind: Kind) -> str:
    """What to do about a value that is none: in a header, it is a name."""
    if number == 1 and not any(48 <= one <= 57 for one in written):
        return "if line 1 is a header, leave it out: tail -n +2"
    return "a decimal has a point" if b"," in written else f"the columns are: {kind.columns}"
