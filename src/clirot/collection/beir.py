"""A directory in the layout of BEIR and MTEB, as a collection.

::

    corpus.jsonl       _id, title, text       or corpus/*.jsonl|parquet, as MTEB has them on the Hub
    queries.jsonl      _id, text              or queries/*.jsonl|parquet
    qrels/test.tsv     query-id, corpus-id, score, with a header; or jsonl, parquet; one a split

The text of a document is its title, a space and its text, as BEIR's own baselines take it. Topics
are those of a split that are judged: ``queries.jsonl`` has the queries of all splits. The split is
``test`` where nothing else is said; ``DIR/dev`` names another one, as ids of ir_datasets do.

The layout says no language. What ``lang`` and ``docs_lang`` say is taken as the language of the
topics and of the documents.
"""

from __future__ import annotations

import re
import warnings
from functools import cached_property
from pathlib import Path

from clirot.bounds import TOPICS
from clirot.collection.documents import DocumentFiles, FileCollection, parquet_records
from clirot.collection.topics import TITLE, TopicFile, read_records, read_topic_file
from clirot.errors import InputError, ReadingNotice, UnknownNameError, UsageError
from clirot.languages import parse_language
from clirot.records import Topic
from clirot.registry import closest
from clirot.runs import Qrels, read_qrels

LAYOUT = "corpus.jsonl, queries.jsonl and qrels/*.tsv (BEIR, MTEB)"
_TEST = "test"
_SHARD = re.compile(r"(.+?)(?:-\d{5}-of-\d{5})?\.(?:jsonl(?:\.gz)?|parquet)")
_JUDGEMENTS = re.compile(r"(.+?)(?:-\d{5}-of-\d{5})?\.(?:tsv|jsonl|parquet)(?:\.gz)?")


def is_beir(directory: Path) -> bool:
    """Whether a directory has BEIR's documents, or its topics and judgements."""
    return bool(_files(directory, "corpus")) or (
        bool(_files(directory, "queries")) and (directory / "qrels").is_dir()
    )


class BeirCollection(FileCollection):
    """A directory in BEIR's layout.

    Args:
        directory: where the files are.
        split: which judgements, and so which topics; None: ``test``, or the only one.
        docs_lang: what the documents are in; None: not known.

    Raises:
        UnknownNameError: there is no such split.
        InputError: a part is there in two formats.
    """

    def __init__(
        self, directory: Path, split: str | None = None, docs_lang: str | None = None
    ) -> None:
        super().__init__(str(directory) if split is None else f"{directory}/{split}", ())
        self._directory = directory
        self._splits = self._judged()
        if split is not None and split not in self._splits:
            near = closest(split, self._splits)
            suggestion = f"did you mean {near!r}? " if near is not None else ""
            raise UnknownNameError(
                f"{directory} has no judgements of the split {split!r}",
                hint=f"{suggestion}it has {', '.join(sorted(self._splits)) or 'none at all'}",
            )
        self._wanted = split
        self._told = False
        self.document_language = parse_language(docs_lang) if docs_lang is not None else None

    def topic_language(self, lang: str | None) -> str | None:
        """What is said; the layout says none."""
        return parse_language(lang) if lang is not None else None

    def _judged(self) -> dict[str, list[Path]]:
        """The files of judgements of each split."""
        found: dict[str, list[Path]] = {}
        directory = self._directory / "qrels"
        for path in sorted(directory.iterdir()) if directory.is_dir() else ():
            if path.is_file() and (match := _JUDGEMENTS.fullmatch(path.name)):
                found.setdefault(match[1], []).append(path)
        for split, paths in found.items():
            if len({path.name.partition(".")[2] for path in paths}) > 1:
                raise _twice(self._directory, f"judgements of the split {split!r}", paths)
        return found

    @cached_property
    def _split(self) -> str | None:
        """The split that is read; None: there are no judgements."""
        if self._wanted is not None or not self._splits:
            return self._wanted
        if _TEST not in self._splits and len(self._splits) > 1:
            first = min(self._splits)
            raise UsageError(
                f"{self.id} has judgements of several splits, and none is called {_TEST!r}: which "
                "one?",
                hint=f"write {self.id}/{first}; there are {', '.join(sorted(self._splits))}",
            )
        return _TEST if _TEST in self._splits else next(iter(self._splits))

    def _part(self, name: str) -> list[Path]:
        """The files of the documents or of the topics; of several splits, those of the one read."""
        paths = _files(self._directory, name)
        splits: dict[str, list[Path]] = {}
        for path in paths:
            match = _SHARD.fullmatch(path.name)
            assert match is not None  # `_files`
            splits.setdefault(match[1], []).append(path)
        if len(splits) < 2:
            return paths
        if self._split in splits:
            return splits[self._split]
        raise _twice(self._directory, name, paths)

    @cached_property
    def _document_files(self) -> DocumentFiles:
        paths = self._part("corpus")
        if not paths:
            raise InputError("no documents: there is no corpus.jsonl", path=self._directory)
        return DocumentFiles(paths)

    def _read_topics(self, language: str | None) -> list[Topic]:
        return self._read_field(language, None, TITLE)

    def _read_field(self, language: str | None, variant: str | None, field: str) -> list[Topic]:
        paths = self._part("queries")
        if not paths:
            raise InputError("no topics: there is no queries.jsonl", path=self._directory)
        topics = [topic for path in paths for topic in _read_topics(path, language, field).topics]
        if self._split is None:
            return topics
        judged = self._qrels.keys()
        kept = [topic for topic in topics if topic.id in judged]
        self._tell(len(kept), len(topics))
        return kept

    def _tell(self, kept: int, of: int) -> None:
        """Say once which split is read, where it was not named or leaves topics out."""
        others = ", ".join(sorted(self._splits.keys() - {self._split}))
        if self._told or not (others or kept < of):
            return
        self._told = True
        there = f"; there are also {others}: {self._directory}/SPLIT" if others else ""
        warnings.warn(
            f"{self.id}: the split {self._split} has {kept:,} of the {of:,} topics{there}",
            ReadingNotice,
            stacklevel=2,
        )

    @cached_property
    def _qrels(self) -> Qrels:
        if self._split is None:
            raise InputError("no judgements: there is no qrels/test.tsv", path=self._directory)
        found: dict[str, dict[str, int]] = {}
        for path in self._splits[self._split]:
            for topic, judged in read_qrels(path).items():
                found.setdefault(topic, {}).update(judged)
        return found

    def _read_qrels(self) -> Qrels:
        return self._qrels


def _files(directory: Path, name: str) -> list[Path]:
    """The files of a part: ``NAME.jsonl``, ``NAME.parquet``, or those in the directory ``NAME``."""
    try:
        own = [
            path
            for path in sorted(directory.iterdir())
            if path.is_file() and re.fullmatch(rf"{name}\.(jsonl(\.gz)?|parquet)", path.name)
        ]
        inside = directory / name
        if not own and inside.is_dir():
            return [
                path
                for path in sorted(inside.iterdir())
                if path.is_file() and _SHARD.fullmatch(path.name)
            ]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=directory) from error
    if len(own) > 1:
        raise _twice(directory, name, own)
    return own


def _twice(directory: Path, what: str, paths: list[Path]) -> InputError:
    return InputError(
        f"{what} more than once: {', '.join(path.name for path in paths)}",
        path=directory,
        hint="remove or rename all but one",
    )


def _read_topics(path: Path, language: str | None, field: str) -> TopicFile:
    if path.suffix == ".parquet":
        return read_records(parquet_records(path, most=TOPICS), path, language, field=field)
    return read_topic_file(path, language, field=field)
