"""Relevance judgements of a collection from a TREC qrels file."""

from __future__ import annotations

from os import PathLike

from clirot.collection.lines import excerpt, numbered_lines
from clirot.errors import InputError

Judgements = dict[str, dict[str, int]]
"""Topic id -> document id -> grade; 0 and less are judged not relevant."""


def read_judgements(path: str | PathLike[str]) -> Judgements:
    """Read ``topic iteration document grade`` rows. The same row may occur twice.

    Raises:
        InputError: unreadable, a row of another shape, a grade that is no integer, a document
            judged in two ways for one topic (file and line), or no judgement at all.
    """
    judgements: Judgements = {}
    for number, line in numbered_lines(path):
        columns = line.split()
        if len(columns) != 4:
            raise InputError(
                f"{len(columns)} columns where a qrels row has 4 (topic iteration document grade): "
                + excerpt(line),
                path=path,
                line=number,
            )
        topic, _, document, written = columns
        try:
            grade = int(written)
        except ValueError:
            raise InputError(
                f"the grade is not a whole number: {written!r}", path=path, line=number
            ) from None
        judged = judgements.setdefault(topic, {})
        if judged.setdefault(document, grade) != grade:
            raise InputError(
                f"document {document!r} is judged {grade} for topic {topic!r}, "
                f"and was judged {judged[document]} before",
                path=path,
                line=number,
                hint="keep one of the two rows",
            )
    if not judgements:
        raise InputError("no judgements in it", path=path)
    return judgements
