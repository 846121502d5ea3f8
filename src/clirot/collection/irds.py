"""A collection that ir_datasets serves, by its id (https://ir-datasets.com).

Texts are what ir_datasets calls their ``default_text``. Its own downloads go where it keeps them
(``IR_DATASETS_HOME``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from clirot.collection.collection import Collection
from clirot.collection.rows import excerpt
from clirot.errors import DownloadError, InputError, LanguageError, UsageError
from clirot.languages import parse_language
from clirot.records import Document, Topic
from clirot.runs import Qrels

_FAILURES = (OSError, RuntimeError, EOFError, ValueError)
"""What a download may end with. requests' errors are OSErrors; the others are those of a file that
is damaged."""


class IrDatasetsCollection(Collection):
    """A data set of ir_datasets.

    Args:
        id: its id there.

    Raises:
        KeyError: ir_datasets has no such data set.
        DownloadError: what there is has to be asked for, and was not answered.
    """

    def __init__(self, id: str) -> None:  # noqa: A002
        import ir_datasets

        self.id = id  # for what is said below
        try:
            self._dataset: Any = ir_datasets.load(id)
        except _FAILURES as error:  # CLIRMatrix's table of files is a download itself
            raise self._not_served(error) from error
        super().__init__(id, self._stated_languages())
        if self._dataset.has_docs():
            self.document_language = _code(self._dataset.docs_lang())

    def _stated_languages(self) -> tuple[str, ...]:
        code = _code(self._dataset.queries_lang()) if self._dataset.has_queries() else None
        return (code,) if code is not None else ()

    def _read_documents(self) -> Iterator[Document]:
        if not self._dataset.has_docs():
            raise self._lacks("documents")
        for row in self._rows("docs_iter"):
            yield Document(row.doc_id, _text(row))

    def _read_topics(self, language: str | None) -> list[Topic]:
        if not self._dataset.has_queries():
            raise self._lacks("topics")
        return [
            Topic(row.query_id, " ".join(_text(row).split())) for row in self._rows("queries_iter")
        ]

    def _read_field(self, language: str | None, variant: str | None, field: str) -> list[Topic]:
        if not self._dataset.has_queries():
            raise self._lacks("topics")
        names = field.split("+")
        there = self._dataset.queries_cls()._fields
        if missing := [name for name in names if name not in there]:
            raise UsageError(
                f"the topics of {self.id} have no {missing[0]}; they have {', '.join(there[1:])}",
                hint="leave `topics_field` out",
            )
        return [
            Topic(row.query_id, " ".join(" ".join(getattr(row, name) for name in names).split()))
            for row in self._rows("queries_iter")
        ]

    def _read_qrels(self) -> Qrels:
        if not self._dataset.has_qrels():
            raise self._lacks("judgements")
        qrels: dict[str, dict[str, int]] = {}
        for row in self._rows("qrels_iter"):
            qrels.setdefault(row.query_id, {})[row.doc_id] = int(row.relevance)
        return qrels

    def docpairs(self) -> Iterator[tuple[str, str]]:
        """See :meth:`Collection.docpairs`."""
        if not self._dataset.has_docpairs():
            yield from super().docpairs()
        for row in self._rows("docpairs_iter"):
            yield row.query_id, row.doc_id_b

    def scoreddocs(self) -> Iterator[tuple[str, str]]:
        """See :meth:`Collection.scoreddocs`. They are sorted here, since some files are not; where
        all scores are alike, as in MS MARCO's, they stay in the order of the file.
        """
        if not self._dataset.has_scoreddocs():
            yield from super().scoreddocs()
        found: dict[str, list[tuple[float, str]]] = {}
        for row in self._rows("scoreddocs_iter"):
            found.setdefault(row.query_id, []).append((-float(row.score), row.doc_id))
        for topic, scored in found.items():
            scored.sort(key=lambda one: one[0])
            yield from ((topic, document) for _, document in scored)

    def _rows(self, method: str) -> Iterator[Any]:
        """The rows of a part, its download's failure in clirot's words."""
        try:
            yield from getattr(self._dataset, method)()
        except (*_FAILURES, LookupError) as error:
            raise self._not_served(error) from error

    def _not_served(self, error: Exception) -> DownloadError:
        return DownloadError(
            f"ir_datasets could not serve {self.id}: {excerpt(str(error), 200)}",
            hint=f"https://ir-datasets.com/{self.id.split('/')[0]}.html says how to get it",
        )

    def _lacks(self, part: str) -> InputError:
        return InputError(
            f"collection {self.id} has no {part} in ir_datasets",
            hint="another id of the same family may: "
            f"https://ir-datasets.com/{self.id.split('/')[0]}.html",
        )

    @property
    def document_count(self) -> int | None:
        """How many documents ir_datasets' catalogue says there are; nothing is downloaded."""
        if not self._dataset.has_docs():
            return None
        count = self._dataset.docs_count()
        return None if count is None else int(count)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the id of its documents, ir_datasets' version and its digests of their files.

        Hashing the documents themselves would mean reading what may be a terabyte.
        """
        import ir_datasets
        from ir_datasets.util.fileio import PackageDataFile

        if not self._dataset.has_docs():
            raise self._lacks("documents")
        parent = ir_datasets.docs_parent_id(self.id)
        with PackageDataFile("etc/downloads.json").stream() as stream:
            downloads = json.load(stream).get(parent.split("/")[0], {})
        deciding = {
            "id": parent,
            "ir_datasets": ir_datasets.__version__,
            "downloads": downloads,
            "texts": "NFC",  # an index of before, when they were as they are, is told apart
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def _code(stated: str | None) -> str | None:
    """The language that a data set states, normalised; None where it states none or no real one."""
    try:
        return parse_language(stated) if stated else None
    except LanguageError:
        return None


def _text(row: Any) -> str:
    if hasattr(row, "default_text"):
        return str(row.default_text())
    return "\n".join(value for value in row[1:] if isinstance(value, str))


def known_ids() -> list[str]:
    """Every id ir_datasets lists (patterns such as CLIRMatrix's excepted)."""
    import ir_datasets

    return sorted(ir_datasets.registry)
