"""Tables that are separated by tabs, with or without a first line that names their columns.

MS MARCO's, MIRACL's and clirot's own files have no such line; exports of pandas, of spreadsheets
and of Hugging Face have one. A first line is a header where every cell of it is a name that such
columns have, one of them the id's. It is skipped, which is said, and then the columns may be
more than two and in any order.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from clirot.bounds import STREAM, most_fields, too_wide
from clirot.collection.rows import Lines, Row, Source, excerpt, numbered_lines
from clirot.errors import InputError, ReadingNotice

ID = "id"
TITLE = "title"
TEXT = "text"
DESCRIPTION = "description"
NARRATIVE = "narrative"
_ID_NAMES = (
    *("id", "_id", "#id", "did", "pid", "docid", "doc_id", "docno", "document_id", "corpus_id"),
    *("qid", "q_id", "query_id", "queryid", "question_id", "topic_id", "topicid"),
    *("num", "number"),
)
_NOTHING_ELSE = frozenset(_ID_NAMES) - {"id", "did", "pid", "num", "number"}
"""Names that no document and no topic has for its id."""
_ID_COLUMN = dict.fromkeys(_ID_NAMES, ID)

DOCUMENT_COLUMNS: Mapping[str, str] = _ID_COLUMN | {
    **dict.fromkeys(("text", "contents", "content", "body", "passage", "document", "doc"), TEXT),
    **dict.fromkeys(("sentence", "segment", "utterance"), TEXT),
    "title": TITLE,
}
TOPIC_COLUMNS: Mapping[str, str] = _ID_COLUMN | {
    **dict.fromkeys(("title", "text", "query", "topic", "utterance", "sentence"), TITLE),
    **dict.fromkeys(("description", "desc"), DESCRIPTION),
    **dict.fromkeys(("question",), TITLE),
    **dict.fromkeys(("narrative", "narr"), NARRATIVE),
}
LABEL_COLUMNS: Mapping[str, str] = _ID_COLUMN | {
    **dict.fromkeys(("label", "class", "category", "intent", "topic"), "label"),
    **dict.fromkeys(("text", "utterance", "sentence", "title", "headline", "content"), TEXT),
}
ANSWER_COLUMNS: Mapping[str, str] = _ID_COLUMN | {
    "question": ID,
    **dict.fromkeys(("answer", "answers", "gold", "prediction", "text"), "answer"),
}
"""What the columns of a kind of table are called, in small letters, with "_" for "-" and spaces ->
what they hold."""


class Table:
    """The rows of a table.

    Args:
        lines: its lines.
        path: where they are from, for messages.
        columns: the names that its columns may have -> what they hold.
        silent: do not say that a header was skipped: it was said before.

    Raises:
        InputError: the first line seems to be a header, and names columns that are not known; its
            cells are in quotation marks; or a row has too many cells.
    """

    def __init__(
        self, lines: Lines, path: Source, columns: Mapping[str, str], *, silent: bool = False
    ) -> None:
        self._path = path
        rest = _narrow(lines, path)
        first = next(rest, None)
        self._first = first[1] if first is not None else ""
        self.header: tuple[str, ...] | None = None
        """What each column holds; None: there is no header."""
        if first is not None:
            self.header = _header(first[1], path, first[0], columns)
            if self.header is None:
                _without_quotation_marks(first[1], path, first[0])
                rest = chain([first], rest)
                if not silent:
                    _doubt(first[1], path, columns)
            elif not silent:
                warnings.warn(
                    f"{_shown(path)}: skipped the header line {_as_words(first[1])}",
                    ReadingNotice,
                    stacklevel=3,
                )
        self._lines = rest

    def rows(
        self, without: Sequence[str], hint: str, *, optional: int = 0
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows: their line, and what they hold, without white space around it.

        Args:
            without: what the columns hold where there is no header.
            hint: what a reader should know of rows with another number of columns.
            optional: how many of these columns, the last ones, a row may lack.

        Raises:
            InputError: a row has another number of columns, or is the header once more.
        """
        held = without if self.header is None else self.header
        fewest = len(held) - (optional if self.header is None else 0)
        for number, line in self._lines:
            if self.header is not None and line == self._first:
                raise InputError(
                    f"the header line once more: {_as_words(line)}",
                    path=self._path,
                    line=number,
                    hint="tables were put together; keep the first header only",
                )
            cells = line.split("\t")
            if not fewest <= len(cells) <= len(held):
                expected = " TAB ".join(held[:fewest])
                raise InputError(
                    f"{len(cells)} column{'s' * (len(cells) != 1)} where {expected} was expected: "
                    + excerpt(line),
                    path=self._path,
                    line=number,
                    hint=hint,
                )
            yield number, {name: cell.strip() for name, cell in zip(held, cells, strict=False)}


def _narrow(lines: Lines, path: Source) -> Iterator[tuple[int, str]]:
    """The lines, of which each has as many cells as a row may have."""
    most = most_fields()
    for number, line in lines:
        if len(line) > most and line.count("\t") >= most:
            raise too_wide(path, number)
        yield number, line


def document_rows(lines: Lines, path: Source, *, silent: bool = False) -> Iterator[Row]:
    """Ids and texts of a table of documents, a title before its text as in BEIR.

    Raises:
        InputError: see :class:`Table`.
    """
    table = Table(lines, path, DOCUMENT_COLUMNS, silent=silent)
    hint = "one tab a line; with a title, begin the file with the line id TAB title TAB text"
    for number, row in table.rows((ID, TEXT), hint):
        parts = (row.get(TITLE, ""), row.get(TEXT, ""))
        yield number, row[ID], " ".join(filter(None, parts))


def has_header(path: Source, columns: Mapping[str, str]) -> bool:
    """Whether a file begins with a header line.

    Raises:
        InputError: it cannot be read.
    """
    first = next(numbered_lines(path, most=STREAM), None)
    return first is not None and _header(first[1], path, first[0], columns) is not None


def _without_quotation_marks(line: str, path: Source, number: int) -> None:
    """Refuse a first row with every cell in quotation marks: they would be a part of its id."""
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) > 1 and all(
        len(cell) > 1 and cell[0] == cell[-1] and cell[0] in ("'", '"') for cell in cells
    ):
        raise InputError(
            f"the cells are in quotation marks: {excerpt(line)}",
            path=path,
            line=number,
            hint="write the table without: no cell of it is unquoted",
        )


def _header(
    line: str, path: Source, number: int, columns: Mapping[str, str]
) -> tuple[str, ...] | None:
    names = _names(line)
    if len(names) < 2:
        return None
    held = [_held(name, columns) for name in names]
    if None not in held and held.count(ID) == 1:
        if any(cell.strip()[:1] in ("'", '"') for cell in line.split("\t")):
            raise InputError(
                f"the cells of the header line are in quotation marks: {_as_words(line)}",
                path=path,
                line=number,
                hint="write the table without: no cell of it is unquoted",
            )
        if len({*held}) != len(held):
            raise InputError(
                f"the header line names two columns of one kind: {_as_words(line)}",
                path=path,
                line=number,
                hint="leave one of them out",
            )
        return tuple(str(one) for one in held)
    unknown = [name for name, what in zip(names, held, strict=True) if what is None]
    certain = names[0] in _NOTHING_ELSE or names[0].endswith("_id")
    seems = certain or (held[0] == ID and len(names) > 2 and held[1] is not None)
    if unknown and seems:
        raise InputError(
            f"the first line seems to be a header, {_as_words(line)}, and what the column "
            f"{unknown[0]!r} holds is not known",
            path=path,
            line=number,
            hint=f"known are {', '.join(sorted(columns))}",
        )
    return None


def _doubt(line: str, path: Source, columns: Mapping[str, str]) -> None:
    """Say that a first line which looks a little like a header is read as a row."""
    names = _names(line)
    if len(names) > 1 and _held(names[0], columns) == ID:
        warnings.warn(
            f"{_shown(path)}: the first line, {_as_words(line)}, is read as a row, not as a header",
            ReadingNotice,
            stacklevel=4,
        )


def _held(name: str, columns: Mapping[str, str]) -> str | None:
    """What a column of that name holds; None: not known."""
    return columns.get(name) or (ID if name.endswith("_id") else None)


def _names(line: str) -> list[str]:
    cells = (cell.strip().strip("\"'").casefold() for cell in line.split("\t"))
    return ["_".join(cell.replace("-", " ").split()) for cell in cells]


def _as_words(line: str) -> str:
    return excerpt(" TAB ".join(cell.strip() for cell in line.split("\t")))


def _shown(path: Source) -> str:
    return "<stdin>" if str(path) == "-" else str(path)
