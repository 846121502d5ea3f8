"""How the lines of a run or of qrels are laid out: as TREC's, or under a header that names columns.

A header is recognised where the first line names a topic, a document and a value (``query-id
corpus-id score`` of BEIR, a CSV file with ``qid,docid,rank,score``): the columns are then read by
their names. Lines of TREC's layout have no header of their own, so that any other layout is refused
with the name of the tool that writes it.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike

from clirot.bounds import most_fields, too_wide
from clirot.errors import InputError, ReadingNotice

TOPIC = ("query_id", "qid", "topic_id", "topic", "query", "topicno")
DOCNO = ("doc_id", "docno", "pid", "corpus_id", "document_id", "passage_id", "did", "doc")
RELEVANCE = ("relevance", "rel", "score", "label", "grade", "judgment", "judgement", "qrel")
SCORE = ("score", "relevance", "sim", "similarity")
"""Names of the fields of judgements and of retrieved documents, the likeliest first."""
_TAG = ("tag", "run", "runid", "run_name", "system")

Place = str | PathLike[str]


def folded(name: str) -> str:
    """The name of a field without what tools write differently: ``Query-ID`` is ``queryid``."""
    return re.sub(r"[\s_-]", "", name).casefold()


@lru_cache(256)  # the records of a file have the same fields
def field_of(names: tuple[str, ...], role: tuple[str, ...]) -> int | None:
    """The place of the first of a role's names among the names of fields; None: none is there."""
    known = [folded(name) for name in names]
    wanted = (folded(one) for one in role)
    return next((known.index(one) for one in wanted if one in known), None)


@dataclass(frozen=True)
class Kind:
    """What the lines of a file should be."""

    what: str
    """``run`` or ``qrels``."""
    columns: str
    """TREC's names of the columns, separated by spaces."""
    place: int
    """Of the value among them."""
    value: tuple[str, ...]
    """The names that a header may give to the value."""
    hints: Mapping[int, str]
    """The number of columns that a line has instead -> what the reader should do."""

    @property
    def width(self) -> int:
        """The number of TREC's columns."""
        return len(self.columns.split())


@dataclass(frozen=True)
class _Header:
    """The first line of a file, which names the columns."""

    number: int
    names: list[str]
    delimiter: bytes | None
    """None: white space."""
    places: tuple[int, int, int]
    """Of the topic, the document and the value."""
    tag: int | None

    def fields(self, line: bytes, path: Place, number: int) -> list[bytes]:
        """The columns of a line, without white space around them."""
        most = most_fields()
        if self.delimiter == b",":
            fields = [one.strip().encode() for one in _comma_separated(line, path, number)]
        else:
            fields = line.strip(b"\r\n ").split(self.delimiter, most)
            fields = [field.strip() for field in fields]
        if len(fields) > most:
            raise too_wide(path, number)
        return fields


def rows(data: bytes, path: Place, kind: Kind) -> Iterator[tuple[int, list[bytes]]]:
    """The number of each line that has data, and its columns in the order of TREC's layout.

    Blank lines are skipped, and so are comments: lines that begin with ``#`` and are no data.
    What was skipped is said (:class:`~clirot.errors.ReadingNotice`).

    Args:
        data: the content, in UTF-8.
        path: where it came from, for messages.
        kind: what it should be.

    Raises:
        InputError: a line has another number of columns.
    """
    header: _Header | None = None
    comments: list[int] = []
    begun = False
    most = most_fields()
    lines = io.BytesIO(data)  # not split, which would copy all of them
    for number, line in enumerate(lines, 1):
        fields = line.split(None, most)
        if not fields:
            continue
        if header is None and len(fields) > most:
            raise too_wide(path, number)
        if not begun and (header := _header(line, path, number, kind)) is not None:
            begun = True
            continue
        if header is not None and fields[0].startswith(b"#"):
            fields = header.fields(line, path, number)
        width = kind.width if header is None else len(header.names)
        value = kind.place if header is None else header.places[2]
        if _is_comment(fields, begun, width, value):
            comments.append(number)
            continue
        begun = True
        if header is not None:
            yield number, _by_name(header, line, path, number, kind)
        elif len(fields) == width:
            yield number, fields
        else:
            following = next((split for one in lines if (split := one.split())), [])
            raise InputError(
                f"expected {kind.width} columns ({kind.columns}), got {len(fields)}: {show(line)}",
                path=path,
                line=number,
                hint=_hint(fields, following, number, kind),
            )
    if comments:
        more = f", the first in line {comments[0]}"
        _say(f"skipped {len(comments)} comment lines (#){more}", path)


def check_lines(data: bytes, path: Place, kind: Kind) -> None:
    """Raise as :func:`rows` does, and say nothing. What is not UTF-8 is left to the reader."""
    with warnings.catch_warnings(), suppress(UnicodeDecodeError):
        warnings.simplefilter("ignore", ReadingNotice)
        for _ in rows(data, path, kind):
            pass


def tag_of(data: bytes) -> str:
    """The last column of the first line of TREC's layout; ``run`` where there is none."""
    for line in io.BytesIO(data):  # not split, which would copy all of them
        fields = line.split()
        if len(fields) == 6:
            return fields[5].decode(errors="replace")  # the reader says where it is not UTF-8
    return "run"


def _is_comment(fields: Sequence[bytes], begun: bool, width: int, value: int) -> bool:
    """Whether a line is a comment; a topic may be called ``#1``, so one of all columns is none.

    Args:
        fields: of the line.
        begun: whether there was data or a header before.
        width: how many columns data has.
        value: the place of the value, which is a number in data.
    """
    if not fields[0].startswith(b"#"):
        return False
    bare = not fields[0].split()[0].strip(b"#")
    if len(fields) == width:
        infinite = fields[value].lstrip(b"+-").lower() in (b"inf", b"infinity")
        return bare and not infinite and not _is_number(fields[value])
    return bare or not begun


def _header(line: bytes, path: Place, number: int, kind: Kind) -> _Header | None:
    """The header that a line is; None: it is none. A name that is a number is data."""
    text = line.removeprefix(b"#").strip()
    delimiters: tuple[bytes | None, ...] = (b"\t", b",", None)
    for delimiter in delimiters:
        if delimiter is not None and delimiter not in text:
            continue
        if delimiter == b",":
            try:
                names = next(csv.reader([text.decode()]), [])
            except csv.Error:
                continue
        else:
            names = [name.strip() for name in text.decode().split("\t")]
            names = names if delimiter else text.decode().split()
        names = [name.strip() for name in names]
        found = [field_of(tuple(names), role) for role in (TOPIC, DOCNO, kind.value)]
        places = [place for place in found if place is not None]
        numbers = sum(_is_number(name.encode()) and name != "0" for name in names)
        if len(places) == 3 and not numbers:
            header = _Header(
                number,
                names,
                delimiter,
                (places[0], places[1], places[2]),
                field_of(tuple(names), _TAG),
            )
            _say_header(header, path, kind)
            return header
    return None


def _say_header(header: _Header, path: Place, kind: Kind) -> None:
    topic, docno, value = (header.names[place] for place in header.places)
    known = {"iteration", "iter", "q0", "0", "rank", *_TAG, topic, docno, value}
    others = [name for name in header.names if name not in known]
    _say(
        f"line {header.number} is a header: read {topic} as the topic, {docno} as the document and "
        f"{value} as the {'score' if kind.what == 'run' else 'relevance'}"
        + (f"; not read: {', '.join(others)}" if others else ""),
        path,
    )


def _say(message: str, path: Place) -> None:
    shown = "<stdin>" if str(path) == "-" else str(path)
    warnings.warn(f"{shown}: {message}", ReadingNotice, stacklevel=2)


def _by_name(header: _Header, line: bytes, path: Place, number: int, kind: Kind) -> list[bytes]:
    """The columns of a line under a header, in the order of TREC's layout."""
    fields = header.fields(line, path, number)
    if len(fields) != len(header.names):
        raise InputError(
            f"expected {len(header.names)} columns ({' '.join(header.names)}), got {len(fields)}: "
            + show(line),
            path=path,
            line=number,
        )
    topic, docno, value = (fields[place] for place in header.places)
    if not topic or not docno or not value:
        raise InputError(f"an empty column: {show(line)}", path=path, line=number)
    if kind.what == "qrels":
        return [topic, b"0", docno, value]
    return [topic, b"Q0", docno, b"0", value, b"run" if header.tag is None else fields[header.tag]]


def _comma_separated(line: bytes, path: Place, number: int) -> list[str]:
    try:
        return next(csv.reader([line.decode().strip("\r\n")], strict=True), [])
    except csv.Error as error:
        raise InputError(
            f"cannot be read as CSV ({error}): {show(line)}", path=path, line=number
        ) from None


def _hint(
    fields: Sequence[bytes], following: Sequence[bytes], number: int, kind: Kind
) -> str | None:
    """What to do about a line with another number of columns.

    Args:
        fields: of the line.
        following: the fields of the line behind it.
        number: of the line.
        kind: what it should be.
    """
    if number == 1 and not any(map(_is_number, fields)):  # a header, perhaps
        if (foreign := _foreign(following, kind)) is not None:
            return "behind a header, " + foreign.replace("awk '", "awk 'NR>1")
        if len(following) == kind.width:
            return "if line 1 is a header, leave it out: tail -n +2"
    return _foreign(fields, kind) or kind.hints.get(len(fields))


def _foreign(fields: Sequence[bytes], kind: Kind) -> str | None:
    """What a line of another tool should become, by a command that does it; None: not known."""
    if kind.what == "qrels":
        if len(fields) == 3 and _is_whole(fields[2]):
            return (
                "three columns look like BEIR's qrels without their header; add the second "
                "column: awk '{print $1,0,$2,$3}'"
            )
        return None
    if len(fields) == 3 and _is_whole(fields[2]):
        return (
            "three columns look like MS MARCO's run (topic docno rank), which has no scores; make "
            'them of the ranks: awk \'{print $1,"Q0",$2,$3,1/$3,"run"}\''
        )
    if len(fields) == 3 and _is_number(fields[2]):
        return (
            "three columns look like topic docno score; add the others: "
            'awk \'{print $1,"Q0",$2,0,$3,"run"}\''
        )
    if len(fields) == 4 and _is_whole(fields[2]) and b"." in fields[3] and _is_number(fields[3]):
        return (
            "four columns look like ColBERT's ranking (topic docno rank score); add the others: "
            'awk \'{print $1,"Q0",$2,$3,$4,"run"}\''
        )
    return None


def _is_whole(field: bytes) -> bool:
    return re.fullmatch(rb"-?\d+", field) is not None


def _is_number(field: bytes) -> bool:
    return re.fullmatch(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", field) is not None


def show(line: bytes) -> str:
    """A line for a message: readable and short."""
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 60 else text[:57] + "...")
