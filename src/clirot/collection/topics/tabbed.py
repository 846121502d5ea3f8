"""Topics in tables: ``id TAB text``, as MS MARCO, Mr. TyDi, MIRACL and clirot itself write them.

With a header line the columns may also be a description and a narrative.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from clirot.collection.rows import Lines, Source, excerpt
from clirot.collection.tables import ID, TEXT, TITLE, TOPIC_COLUMNS, Table
from clirot.collection.topics.wordings import Wording
from clirot.errors import InputError

_HINT = "topics are TSV (id TAB text), JSON lines, TREC <top> markup or XML <topic> elements"
_FEW = 100  # columns of a table of topics
_COLON = re.compile(r"\d+:\S")


def tabbed_wordings(lines: Lines, path: Source) -> Iterator[Wording]:
    """The topics of a table.

    Raises:
        InputError: see :class:`~clirot.collection.tables.Table`; or the table has commas, or
            colons, where tabs should be.
    """
    rest = iter(lines)
    first = next(rest, None)
    if first is None:
        return
    _check_tabs(first, path)
    table = Table(chain([first], rest), path, TOPIC_COLUMNS)
    for number, row in table.rows((ID, TEXT), _HINT):
        identifier = row.pop(ID)
        if TEXT in row:  # there is no header
            row = {TITLE: row[TEXT]}
        yield Wording(line=number, id=identifier, fields=row)


def _check_tabs(first: tuple[int, str], path: Source) -> None:
    number, line = first
    if "\t" in line:
        return
    if _COLON.match(line):
        what, hint = "TREC's NUMBER:TEXT", "write tabs: sed 's/:/\\t/' FILE"
    elif "," in line and {"id", "qid", "_id", "query_id", "text", "query", "title"} & {
        cell.strip().strip('"').casefold().replace("-", "_") for cell in line.split(",", _FEW)
    }:
        what, hint = "a table with commas (CSV)", "write it with tabs, without quotation marks"
    else:
        return
    raise InputError(
        f"1 column where id TAB text was expected: {excerpt(line)}; it seems to be {what}, "
        "which is not read",
        path=path,
        line=number,
        hint=hint,
    )
