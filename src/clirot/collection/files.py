"""Collections in files: a directory with documents, topics and judgements, or topics alone.

A directory holds ``docs.<lang>.tsv|jsonl``, ``queries.<lang>.tsv|jsonl|trec|xml`` and
``qrels.txt``. ``queries.<lang>.<variant>.tsv`` (or another of these) is another wording of the
topics in that language. Where the documents in two languages are cut otherwise,
``qrels.<document language>.txt`` has the judgements of those in a language, and ``qrels.txt`` those
of the languages without such a file. ``train.<lang>.tsv`` and ``test.<lang>.tsv``, or
``labels.tsv``, are labels; ``answers.<lang>.tsv`` are gold answers. Every file may be
gzip-compressed (``.gz``). What files of topics may hold is said in :mod:`clirot.collection.topics`;
of one in several languages, the topics in that of its name are taken.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from clirot.collection.answers import Answers, answer_languages, directory_answers
from clirot.collection.documents import DocumentFiles, FileCollection
from clirot.collection.labels import Labels, directory_labels
from clirot.collection.topics import read_topics
from clirot.errors import InputError, UsageError
from clirot.languages import is_language, parse_language
from clirot.records import Topic
from clirot.runs import Qrels, read_qrels

_DOCUMENTS = re.compile(r"docs\.([A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]+)*)\.(tsv|jsonl)(\.gz)?")
_TOPICS = re.compile(
    r"(?:queries|topics)\.([A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]+)*)\.(tsv|jsonl|trec|xml)(\.gz)?"
)
_VARIANTS = re.compile(
    r"(?:queries|topics)\.([A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]+)*)"
    r"\.([A-Za-z0-9][A-Za-z0-9._+-]*)\.(tsv|jsonl|trec|xml)(\.gz)?"
)
_JUDGEMENTS = re.compile(
    r"qrels\.(?:([A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]+)*)\.)?(txt|qrels|trec)(\.gz)?"
)


class DirectoryCollection(FileCollection):
    """A directory of files.

    Args:
        directory: where the files are.
        docs_lang: which of several ``docs.<lang>`` files; None where there is one, or where only
            topics are wanted, or judgements that hold for all of them.

    Raises:
        InputError: the directory holds none of the files, or two for one language.
        UsageError: a document language that is not there.
    """

    def __init__(self, directory: Path, docs_lang: str | None = None) -> None:
        self._directory = directory
        self._documents = _by_language(directory, _DOCUMENTS)
        self._topics = _by_language(directory, _TOPICS)
        self._qrels = self._judgement_files()
        if not (self._documents or self._topics or self._qrels):
            raise InputError(
                "not a collection: no docs.<lang>.tsv|jsonl, no queries.<lang>.tsv, no qrels.txt; "
                "and not BEIR's layout: no corpus.jsonl, no queries.jsonl with qrels/test.tsv",
                path=directory,
                hint=_nearby(directory),
            )
        super().__init__(str(directory), tuple(sorted(self._topics)))
        self.document_language = self._chosen(docs_lang)

    def _judgement_files(self) -> dict[str | None, Path]:
        """By the language of the documents they judge; None: those of all others."""
        found: dict[str | None, list[Path]] = {}
        for path in _files(self._directory):
            match = _JUDGEMENTS.fullmatch(path.name)
            if match is None:
                continue
            language = parse_language(match[1]) if match[1] and is_language(match[1]) else match[1]
            if language is None or language in self._documents:  # "dev" is a code, and no language
                found.setdefault(language, []).append(path)
        for paths in found.values():
            if len(paths) > 1:
                raise InputError(
                    f"several qrels files: {', '.join(p.name for p in paths)}",
                    path=self._directory,
                    hint="remove or rename all but one",
                )
        return {language: paths[0] for language, paths in found.items()}

    @property
    def judged_languages(self) -> tuple[str, ...]:
        """See :attr:`Collection.judged_languages`."""
        return tuple(sorted(language for language in self._qrels if language is not None))

    def _chosen(self, docs_lang: str | None) -> str | None:
        if docs_lang is None:
            return next(iter(self._documents)) if len(self._documents) == 1 else None
        wanted = parse_language(docs_lang)
        found = self.nearest_language(wanted, sorted(self._documents), "documents")
        if found is None:
            there = ", ".join(sorted(self._documents)) or "none"
            raise UsageError(
                f"{self.id} has no documents in {wanted!r}", hint=f"document languages: {there}"
            )
        return found

    @cached_property
    def _document_files(self) -> DocumentFiles:
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
        return DocumentFiles([self._documents[self.document_language]])

    def _read_topics(self, language: str | None) -> list[Topic]:
        if language is None:
            raise InputError("no topics: there is no queries.<lang>.tsv", path=self._directory)
        return read_topics(self._topics[language], language)

    def variants(self, language: str | None) -> tuple[str, ...]:
        """See :meth:`Collection.variants`; a variant is a file."""
        return tuple(sorted(self._variants(language)))

    def _variants(self, language: str | None) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in _files(self._directory):
            match = _VARIANTS.fullmatch(path.name)
            if match is None or parse_language(match[1]) != language:
                continue
            if match[2] in found:
                raise InputError(
                    f"two files for the variant {match[2]!r} of the topics in {language!r}: "
                    f"{found[match[2]].name} and {path.name}",
                    path=self._directory,
                    hint="remove or rename one",
                )
            found[match[2]] = path
        return found

    def _read_variant(self, language: str | None, variant: str) -> list[Topic]:
        return read_topics(self._variants(language)[variant], language)

    def _read_field(self, language: str | None, variant: str | None, field: str) -> list[Topic]:
        if variant is not None:
            path = self._variants(language)[variant]
        elif language is None:
            return self._read_topics(None)
        else:
            path = self._topics[language]
        return read_topics(path, language, field=field)

    def _read_qrels(self) -> Qrels:
        own = self.judged_languages
        if own and self.document_language is None:
            raise UsageError(
                f"{self.id} has judgements of their own for documents in {', '.join(own)}: which "
                "documents were searched?",
                hint=f"say so with `docs_lang`: {', '.join(sorted(self._documents))}",
            )
        path = self._qrels.get(self.document_language, self._qrels.get(None))
        if path is None:
            of = f" of documents in {self.document_language!r}" if own else ""
            raise InputError(
                f"no judgements{of}: there is no qrels.txt"
                + f", only {', '.join(p.name for p in self._qrels.values())}" * bool(own),
                path=self._directory,
                hint="give a file of judgements: `qrels=FILE`",
            )
        return read_qrels(path)

    def labels(self) -> Labels:
        """See :meth:`Collection.labels`; they are in files that :mod:`~clirot.collection.labels`
        reads.
        """
        return directory_labels(self._directory) or super().labels()

    def _read_answers(self, language: str | None) -> Answers | None:
        there = answer_languages(self._directory)
        if language is not None:
            language = self.nearest_language(language, there, "answers") or language
        return directory_answers(self._directory, language)

    def by_document_language(self) -> tuple[DirectoryCollection, ...]:
        """Itself where a language is chosen."""
        if self.document_language is not None:
            return (self,)
        return tuple(DirectoryCollection(self._directory, one) for one in sorted(self._documents))


def has_layout(directory: Path) -> bool:
    """Whether a directory has documents or topics under the names that clirot gives them."""
    patterns = (_DOCUMENTS, _TOPICS)
    return any(one.fullmatch(path.name) for path in _files(directory) for one in patterns)


def _nearby(directory: Path) -> str | None:
    """What a person may have meant, where a directory below has a collection's files."""
    for path in sorted(directory.iterdir()):
        if path.is_dir() and ((path / "corpus.jsonl").is_file() or has_layout(path)):
            return f"did you mean {path}?"
    return None


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
