"""Reading relevance judgements, and saying which line is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from clirot.errors import InputError
from clirot.runs.source import columns, is_json, json_rows, read_bytes, show

Qrels = Mapping[str, Mapping[str, int]]
"""Topic -> docno -> relevance. A relevance of 0 means judged and not relevant; one below 0 means
that the document was in the pool and not judged, as in trec_eval."""

_LARGEST = 2**31 - 1
_HINTS = {
    3: "three columns look like BEIR's TSV; add the second column: awk '{print $1,0,$2,$3}'",
    6: "six columns are a run; give it as RUN, not as `qrels`",
}


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
    qrels: dict[str, dict[str, int]] = {}
    current, documents = None, {}
    for number, (topic, _, docno_bytes, written) in columns(
        data, path, "topic 0 docno relevance", _HINTS
    ):
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
        if (before := documents.setdefault(docno, relevance)) != relevance:
            raise _contradiction(topic.decode(), docno, relevance, before, path, number)
    return qrels


def _from_json(data: bytes, path: str | PathLike[str]) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for topic, docno, value, line in json_rows(data, path, values=("relevance", "rel", "score")):
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
