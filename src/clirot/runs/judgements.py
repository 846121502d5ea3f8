"""Reading relevance judgements, and saying which line is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from clirot.errors import InputError
from clirot.runs.source import check_utf8, is_json, read_bytes, show

Qrels = Mapping[str, Mapping[str, int]]
"""Topic -> docno -> relevance. A relevance of 0 means judged and not relevant; one below 0 means
that the document was in the pool and not judged, as in trec_eval."""

_LARGEST = 2**31 - 1


def read_qrels(path: str | PathLike[str]) -> dict[str, dict[str, int]]:
    """Read judgements: TREC (``topic 0 docno relevance``), JSON or JSON lines, gzipped or not.

    Some published qrels repeat lines. A line that repeats an earlier one is skipped; a line that
    contradicts an earlier one is an error.

    Args:
        path: a file, or ``-`` for standard input.

    Raises:
        InputError: the file is not qrels; the message gives the line.
    """
    data = read_bytes(path, what="qrels")
    qrels = _from_json(data, path) if is_json(data) else _from_trec(data, path)
    if not qrels:
        raise InputError("there are no judgements in it", path=path)
    return qrels


def _from_trec(data: bytes, path: str | PathLike[str]) -> dict[str, dict[str, int]]:
    check_utf8(data, path)
    qrels: dict[str, dict[str, int]] = {}
    current, documents = None, {}
    for number, line in enumerate(data.split(b"\n"), 1):
        fields = line.split()
        if len(fields) != 4:
            if not fields:
                continue
            raise _wrong_columns(line, len(fields), path, number)
        topic, _, docno_bytes, written = fields
        try:
            relevance = int(written)
            if b"_" in written or abs(relevance) > _LARGEST:
                raise ValueError
        except ValueError:
            raise InputError(
                f"relevance {show(written)} is not a whole number",
                path=path,
                line=number,
                hint="the columns are: topic 0 docno relevance",
            ) from None
        if topic != current:
            current, documents = topic, qrels.setdefault(topic.decode(), {})
        docno = docno_bytes.decode()
        if documents.setdefault(docno, relevance) != relevance:
            raise InputError(
                f"document {docno!r} of topic {topic.decode()!r} is judged {relevance}, "
                f"and was judged {documents[docno]} before",
                path=path,
                line=number,
                hint="keep one of the two lines",
            )
    return qrels


def _wrong_columns(line: bytes, count: int, path: str | PathLike[str], number: int) -> InputError:
    hint = None
    if count == 6:
        hint = "six columns are a run; give it as RUN, not as `qrels`"
    elif number == 1 and count == 3:
        hint = "three columns look like BEIR's TSV; add the second column: awk '{print $1,0,$2,$3}'"
    return InputError(
        f"expected 4 columns (topic 0 docno relevance), got {count}: {show(line)}",
        path=path,
        line=number,
        hint=hint,
    )


def _from_json(data: bytes, path: str | PathLike[str]) -> dict[str, dict[str, int]]:
    from clirot.runs.json_rows import json_rows, number_of

    qrels: dict[str, dict[str, int]] = {}
    for row in json_rows(data, path, values=("relevance", "rel", "score")):
        value = number_of(row, path)
        if not abs(value) <= _LARGEST or value != int(value):
            raise InputError(
                f"topic {row.topic!r}, document {row.docno!r}: "
                f"relevance {value} is not a whole number",
                path=path,
                line=row.line,
            )
        known = qrels.setdefault(row.topic, {}).setdefault(row.docno, int(value))
        if known != value:
            raise InputError(
                f"document {row.docno!r} of topic {row.topic!r} is judged {int(value)}, "
                f"and was judged {known} before",
                path=path,
                line=row.line,
                hint="keep one of the two",
            )
    return qrels
