"""Gold answers to the questions that topics are: what passages should hold and readers should say.

A file of answers has the rows ``question id TAB answer``, with or without a header line; a question
with several answers has several rows. A directory collection has ``answers.<lang>.tsv``, where the
language is that of the answers, which may be another one than that of the questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clirot.collection.rows import Row, Source, numbered_lines
from clirot.collection.tables import ANSWER_COLUMNS, ID, Table
from clirot.errors import InputError, UsageError
from clirot.languages import parse_language
from clirot.text_form import on_one_line

_FILES = re.compile(r"answers\.([A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]+)*)\.tsv(?:\.gz)?")


@dataclass(frozen=True)
class Answers:
    """The accepted answers to each question, in one language."""

    language: str
    by_topic: Mapping[str, tuple[str, ...]]
    """In the order of the file; each at least one."""


def answers_from(rows: Iterable[tuple[str, str]], language: str) -> Answers:
    """Answers from ids and texts, in one form (:mod:`clirot.text_form`) and on one line; equal ones
    once.
    """
    found: dict[str, dict[str, None]] = {}
    for topic, text in rows:
        found.setdefault(topic, {})[on_one_line(text)] = None
    return Answers(language, {topic: tuple(texts) for topic, texts in found.items()})


def read_answers(path: Source, language: str) -> Answers:
    """Read a file of answers.

    Args:
        path: the file.
        language: of the answers, in any accepted spelling.

    Raises:
        InputError: unreadable, malformed, or an answer without text (file and line).
    """
    rows = []
    for number, identifier, text in _rows(path, "answers are TSV: question id TAB answer"):
        if not identifier or not text:
            raise InputError("a row without id or without answer", path=path, line=number)
        rows.append((identifier, text))
    if not rows:
        raise InputError("no answers: the file is empty", path=path)
    return answers_from(rows, parse_language(language))


def read_predictions(path: Source) -> dict[str, str]:
    """Read what a reader answered: ``question id TAB answer``; an answer may be empty.

    Raises:
        InputError: unreadable, malformed, empty, or a question with two answers (file and line).
    """
    found: dict[str, str] = {}
    for number, identifier, text in _rows(path, "expected question id TAB answer, one tab a line"):
        if not identifier:
            raise InputError("a row without a question id", path=path, line=number)
        if identifier in found:
            raise InputError(
                f"question {identifier!r} is answered twice",
                path=path,
                line=number,
                hint="a reader gives one answer to a question",
            )
        found[identifier] = on_one_line(text)
    if not found:
        raise InputError("no predictions: the file is empty", path=path)
    return found


def _rows(path: Source, hint: str) -> Iterator[Row]:
    """Line, question id and answer."""
    table = Table(numbered_lines(path), path, ANSWER_COLUMNS)
    for number, row in table.rows((ID, "answer"), hint):
        yield number, row[ID], row["answer"]


def directory_answers(directory: Path, language: str | None) -> Answers | None:
    """The answers in the files of a directory; None where it has no such files.

    Args:
        directory: the collection.
        language: of the answers, normalised; None: the only one there is.

    Raises:
        InputError: as :func:`read_answers`; or two files of one language.
        UsageError: there are none in that language, or none was named where there are several.
    """
    found = _by_language(directory)
    if not found:
        return None
    if language is None and len(found) == 1:
        (language,) = found
    if language not in found:
        asked = "which language?" if language is None else f"none in {language!r}"
        raise UsageError(
            f"{directory} has answers, {asked}",
            hint=f"choose one with `answers_lang`: {', '.join(sorted(found))}",
        )
    return read_answers(found[language], language)


def answer_languages(directory: Path) -> tuple[str, ...]:
    """The languages of the files of answers in a directory, sorted.

    Raises:
        InputError: two files of one language.
    """
    return tuple(sorted(_by_language(directory)))


def _by_language(directory: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(directory.iterdir()):
        if match := _FILES.fullmatch(path.name):
            code = parse_language(match[1])
            if code in found:
                raise InputError(
                    f"two files of answers in {code!r}: {found[code].name} and {path.name}",
                    path=directory,
                    hint="remove or rename one",
                )
            found[code] = path
    return found
