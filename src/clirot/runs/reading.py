"""Reading runs: small files line by line, large ones column by column.

Both ways give the same run. The reader of columns (:mod:`clirot.runs.arrow`) only reads regular
files. Everything else is read line by line, and where a line is wrong the error names it.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from clirot.errors import InputError
from clirot.runs.run import Run
from clirot.runs.source import check_utf8, is_json, read_bytes, show

_MANY_BYTES = 4_000_000
"""From this size on (about 80,000 lines) Arrow saves more time than its import takes."""
_SUFFIXES = {".gz", ".trec", ".txt", ".run", ".json", ".jsonl", ".res", ".tsv"}


def read_run(
    path: str | PathLike[str], *, name: str | None = None, many_bytes: int = _MANY_BYTES
) -> Run:
    """Read a run: TREC (``topic Q0 docno rank score tag``), JSON or JSON lines, gzipped or not.

    The rank column is not used, as in trec_eval: scores decide. Blank lines are skipped.

    Args:
        path: a file, or ``-`` for standard input.
        name: of the run. By default the file's name without its suffixes, and the tag in the
            first line where it comes from standard input.
        many_bytes: files of this size and above are read by columns.

    Raises:
        InputError: the file is not a run, lists a document twice for a topic, or has a score that
            is not a number; the message gives the line.
    """
    data = read_bytes(path, what="run")
    if is_json(data):
        run = _from_json(data, path)
        tag = "run"
    else:
        by_columns = None
        if len(data) >= many_bytes:
            from clirot.runs.arrow import read_with_arrow

            by_columns = read_with_arrow(data)
        run = _from_lines(data, path) if by_columns is None else by_columns
        tag = data.lstrip().split(b"\n", 1)[0].split()[5].decode()
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

    check_utf8(data, path)
    places: dict[bytes, int] = {}
    seen: list[set[bytes]] = []
    topic: list[int] = []
    docnos: list[bytes] = []
    scores: list[float] = []
    current, place, known = None, -1, set[bytes]()
    for number, line in enumerate(data.split(b"\n"), 1):
        fields = line.split()
        if len(fields) != 6:
            if not fields:
                continue
            raise _wrong_columns(line, len(fields), path, number)
        name, _, docno, _, written, _ = fields
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
                hint="the columns are: topic Q0 docno rank score tag",
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


def _wrong_columns(line: bytes, count: int, path: str | PathLike[str], number: int) -> InputError:
    hint = None
    if count == 4:
        hint = "four columns are qrels; give them as `qrels`"
    elif count > 6:
        hint = "a docno or a tag must not contain spaces"
    return InputError(
        f"expected 6 columns (topic Q0 docno rank score tag), got {count}: {show(line)}",
        path=path,
        line=number,
        hint=hint,
    )


def _from_json(data: bytes, path: str | PathLike[str]) -> Run:
    from clirot.runs.json_rows import json_rows, number_of

    scores: dict[str, dict[str, float]] = {}
    for row in json_rows(data, path, values=("score", "relevance")):
        value = number_of(row, path)
        documents = scores.setdefault(row.topic, {})
        if row.docno in documents:
            raise InputError(
                f"document {row.docno!r} is listed twice for topic {row.topic!r}",
                path=path,
                line=row.line,
            )
        if value != value:
            raise InputError(
                f"the score of document {row.docno!r} of topic {row.topic!r} is not a number",
                path=path,
                line=row.line,
            )
        documents[row.docno] = float(value)
    if not any(scores.values()):
        raise InputError("the run is empty", path=path)
    return Run.from_dict("run", scores)
