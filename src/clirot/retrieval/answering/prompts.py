"""The text that asks a reader for an answer.

A prompt is a text with places in braces. Only the places below mean something; other braces, as in
JSON, are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clirot.errors import InputError
from clirot.input_streams import read_small_text
from clirot.languages import language_name
from clirot.registry import closest

QUESTION, PASSAGES = "question", "passages"
_PLACES = (QUESTION, PASSAGES, "question_language", "answer_language")
_PLACE = re.compile(r"\{([a-z_]+)\}")

FROM_PASSAGES = """\
Answer the question by what the passages say, in {answer_language}, in as few words as possible. \
Write the answer alone, on one line, without an explanation.

{passages}

Question, in {question_language}: {question}
Answer, in {answer_language}:"""
FROM_MEMORY = """\
Answer the question in {answer_language}, in as few words as possible. Write the answer alone, on \
one line, without an explanation.

Question, in {question_language}: {question}
Answer, in {answer_language}:"""
"""The prompt without passages."""


@dataclass(frozen=True)
class Prompt:
    """A prompt whose languages are filled in."""

    template: str
    """Of the remaining places, ``{question}`` is there, and ``{passages}`` where it is read."""

    @property
    def has_passages(self) -> bool:
        """Whether there is a place for passages."""
        return f"{{{PASSAGES}}}" in self.template

    def filled(self, question: str, passages: Sequence[str]) -> str:
        """The text for a question and its passages, each a line of its own with its number."""
        numbered = "\n".join(f"[{place}] {one}" for place, one in enumerate(passages, start=1))
        given = {QUESTION: question, PASSAGES: numbered}
        return _PLACE.sub(lambda found: given.get(found[1], found[0]), self.template)


def prompt_from(path: Path | None, *, closed_book: bool) -> str:
    """The prompt in a file, or the built-in one.

    Args:
        path: of the file; None: the built-in prompt.
        closed_book: whether no passages are given.

    Raises:
        InputError: the file cannot be read, has a place that means nothing, or lacks one.
    """
    if path is None:
        return FROM_MEMORY if closed_book else FROM_PASSAGES
    try:
        text = read_small_text(path, what="prompt").removesuffix("\n")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from error
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error.reason}", path=path) from error
    named = [found[1] for found in _PLACE.finditer(text)]
    for name in named:
        if name not in _PLACES:
            near = closest(name, _PLACES)
            suggestion = f"did you mean {{{near}}}? " if near is not None else ""
            known = ", ".join(f"{{{one}}}" for one in _PLACES)
            raise InputError(
                f"{{{name}}} stands for nothing in a prompt",
                path=path,
                hint=f"{suggestion}known: {known}",
            )
    wanted = [QUESTION] if closed_book else [QUESTION, PASSAGES]
    for name in wanted:
        if name not in named:
            raise InputError(f"the prompt has no place for {{{name}}}", path=path)
    if closed_book and PASSAGES in named:
        raise InputError(
            "the prompt has a place for {passages}, and none are given",
            path=path,
            hint="take the place out; `closed_book` answers without passages",
        )
    return text


def in_languages(template: str, question: str | None, answer: str | None) -> Prompt:
    """A prompt with the names of the languages in it.

    Args:
        template: as :func:`prompt_from` gives it.
        question: code of the topics' language; None: not known.
        answer: code of the language to answer in; None: not known.
    """
    given = {
        "question_language": "a language that is not stated",
        "answer_language": "the language of the question",
    }
    if question is not None:
        given["question_language"] = language_name(question)
    if answer is not None:
        given["answer_language"] = language_name(answer)
    return Prompt(_PLACE.sub(lambda found: given.get(found[1], found[0]), template))
