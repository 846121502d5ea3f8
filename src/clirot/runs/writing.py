"""Writing runs in TREC's format."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from clirot.errors import UsageError
from clirot.records import Hit
from clirot.runs.run import Run


def format_hits(topic: str, hits: Sequence[Hit], tag: str) -> str:
    r"""The TREC lines of one topic: ``topic Q0 docno rank score tag\n``, rank from 1.

    The lines are in the order in which trec_eval (and :func:`~clirot.runs.read_run`) will rank
    them when it reads them back: it keeps scores as 32-bit floats and orders equal ones by docno,
    descending, so that is what is written. A score is written with the fewest digits from which
    the same 32-bit float is read: 6 fixed decimals would tie scores that differ.

    Raises:
        UsageError: a topic, docno or tag is empty or contains white space, which the format
            cannot hold, or a score is not a number.
    """
    for kind, value in [("topic", topic), ("tag", tag), *(("docno", hit.docno) for hit in hits)]:
        # bytes.split() knows the white space of C, as trec_eval and read_run do.
        if value.encode().split() != [value.encode()]:
            raise UsageError(
                f"{kind} {value!r} cannot be written to a run",
                hint="TREC's format separates by white space; names must be free of it",
            )
    rows = []
    for hit in hits:
        if hit.score != hit.score:
            raise UsageError(f"the score of document {hit.docno!r} for topic {topic!r} is NaN")
        rows.append((_single(hit.score), hit.docno))
    rows.sort(reverse=True)
    return "".join(
        f"{topic} Q0 {docno} {rank} {_shortest(score)} {tag}\n"
        for rank, (score, docno) in enumerate(rows, 1)
    )


def format_run(run: Run) -> Iterator[str]:
    """A whole run, topic by topic; its name is the tag."""
    return (format_hits(topic, hits, run.name) for topic, hits in run)


def _single(score: float) -> float:
    """The nearest 32-bit float, as a Python float."""
    try:
        return float(struct.unpack("f", struct.pack("f", score))[0])
    except OverflowError:
        return float("inf") if score > 0 else float("-inf")


def _shortest(score: float) -> str:
    for digits in range(6, 9):
        text = f"{score:.{digits}g}"
        if _single(float(text)) == score:
            return text
    return f"{score:.9g}"
