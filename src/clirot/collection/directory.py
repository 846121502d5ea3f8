"""A collection in a directory: ``docs.<lang>.tsv|jsonl``, ``queries.<lang>.tsv``, ``qrels.txt``.

Every file may be gzip-compressed (``.gz``). Topics are read by :func:`read_topics`, so a
``queries.<lang>.jsonl`` or ``.trec`` works as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from clirot.collection.collection import Collection
from clirot.collection.rows import json_rows, numbered_lines, tab_rows, with_distinct_ids
from clirot.collection.topics import read_topics
from clirot.digests import file_digest
from clirot.errors import InputError, UsageError
from clirot.languages import parse_language
from clirot.records import Document, Topic
from clirot.runs import Qrels, read_qrels

_DOCUMENTS = re.compile(r"docs\.([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*)\.(tsv|jsonl)(\.gz)?")
_TOPICS = re.compile(
    r"(?:queries|topics)\.([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*)\.(tsv|jsonl|trec)(\.gz)?"
)
_JUDGEMENTS = re.compile(r"qrels\.(txt|qrels|trec)(\.gz)?")
_ID_KEYS = ("id", "_id", "doc_id", "docid", "docno")
_TEXT_KEYS = ("text", "contents", "body")


class DirectoryCollection(Collection):
    """A directory of files.

    Args:
        directory: where the files are.
        docs_lang: which of several ``docs.<lang>`` files; None where there is one, or where only
            topics and judgements are wanted.

    Raises:
        InputError: the directory holds none of the files, or two for one language.
        UsageError: a document language that is not there.
    """

    def __init__(self, directory: Path, docs_lang: str | None = None) -> None:
        self._directory = directory
        self._documents = _by_language(directory, _DOCUMENTS)
        self._topics = _by_language(directory, _TOPICS)
        qrels = [path for path in _files(directory) if _JUDGEMENTS.fullmatch(path.name)]
        if len(qrels) > 1:
            raise InputError(
                f"several qrels files: {', '.join(p.name for p in qrels)}", path=directory
            )
        self._qrels = qrels[0] if qrels else None
        if not (self._documents or self._topics or self._qrels):
            raise InputError(
                "not a collection: no docs.<lang>.tsv|jsonl, no queries.<lang>.tsv, no qrels.txt",
                path=directory,
            )
        super().__init__(str(directory), tuple(sorted(self._topics)))
        self.document_language = self._chosen(docs_lang)

    def _chosen(self, docs_lang: str | None) -> str | None:
        if docs_lang is None:
            return next(iter(self._documents)) if len(self._documents) == 1 else None
        wanted = parse_language(docs_lang)
        if wanted not in self._documents:
            there = ", ".join(sorted(self._documents)) or "none"
            raise UsageError(
                f"{self.id} has no documents in {wanted!r}", hint=f"document languages: {there}"
            )
        return wanted

    @property
    def _documents_file(self) -> Path:
        if self.document_language is None:
            if self._documents:
                raise UsageError(
                    f"{self.id} has documents in several languages: which one?",
                    hint=f"choose one with `docs_lang`: {', '.join(sorted(self._documents))}",
                )
            raise InputError(
                "no documents: there is no docs.<lang>.tsv or docs.<lang>.jsonl",
                path=self._directory,
            )
        return self._documents[self.document_language]

    def _read_documents(self) -> Iterator[Document]:
        path = self._documents_file
        lines = numbered_lines(path)
        if ".jsonl" in path.suffixes:
            rows = json_rows(lines, path, ids=_ID_KEYS, texts=_TEXT_KEYS, title=True)
        else:
            rows = tab_rows(lines, path)
        for _, identifier, text in with_distinct_ids(rows, "document", path):
            yield Document(identifier, text)

    def _read_topics(self, language: str | None) -> list[Topic]:
        if language is None:
            raise InputError("no topics: there is no queries.<lang>.tsv", path=self._directory)
        return read_topics(self._topics[language])

    def _read_qrels(self) -> Qrels:
        if self._qrels is None:
            raise InputError(
                "no judgements: there is no qrels.txt",
                path=self._directory,
                hint="give a file of judgements: `qrels=FILE`",
            )
        return read_qrels(self._qrels)

    def by_document_language(self) -> tuple[DirectoryCollection, ...]:
        """Itself where a language is chosen."""
        if self.document_language is not None:
            return (self,)
        return tuple(DirectoryCollection(self._directory, one) for one in sorted(self._documents))

    @cached_property
    def document_count(self) -> int:
        """How many documents there are, counted by reading the file once."""
        return sum(1 for _ in numbered_lines(self._documents_file))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the documents file."""
        return file_digest(self._documents_file)


def _by_language(directory: Path, pattern: re.Pattern[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _files(directory):
        if match := pattern.fullmatch(path.name):
            language = parse_language(match[1])
            if language in found:
                raise InputError(
                    f"two files for {language!r}: {found[language].name} and {path.name}",
                    path=directory,
                    hint="remove or rename one",
                )
            found[language] = path
    return found


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=directory) from error
