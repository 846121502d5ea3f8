"""Which teacher a student learns from and what it starts from, where that is left open.

OPTICAL distils a multilingual encoder into itself: the teacher reads the English sentence, and the
student, which starts as the same encoder, its translation (arXiv 2301.12566). That is the best
start where an encoder covers the language. Where none does, or none can be had, the vocabulary of
an English teacher is transplanted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from clirot.distillation.configuration import AUTO, TEACHER, TRANSPLANT, DistillConfig
from clirot.errors import (
    ClirotError,
    CoverageWarning,
    InputError,
    LanguageError,
    UsageError,
    first_line,
)
from clirot.json_values import json_object_in
from clirot.known_models import KNOWN, covers, teachers_for
from clirot.languages import closest_language, language_name, parse_language
from clirot.models import ModelRef, resolve
from clirot.settings import settled
from clirot.store import Store

ENGLISH_TEACHER = "minilm-en"
"""The teacher of a transplant where none is named."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a student learns from and starts from."""

    config: DistillConfig
    """The settings with nothing left open: teacher, student, and the defaults that follow."""
    teacher: ModelRef
    base: ModelRef | None
    """The encoder that the student starts from; None: a transplant of the teacher."""
    because: str
    """Why, in a sentence; empty where all of it was named."""


def choose(config: DistillConfig, store: Store) -> Choice:
    """Choose what is left open (``auto``), and find the models.

    Where the teacher is open, it is the best of the known multilingual encoders that cover all of
    the languages and that the Hub, or its cache on this machine, gives; else the English teacher of
    a transplant. Where the student is open, it starts as its teacher if that covers the languages,
    else as a transplant.

    Raises:
        UnknownNameError: there is no such model.
        DownloadError: a model that was named, or minilm-en, cannot be fetched.
        UsageError: the student was to start as a multilingual teacher, and there is none.
    """
    teacher, because = _teacher(config, store)
    _warn_of_source(teacher, config.pair.src)
    student = config.student
    if student == AUTO:
        student, reason = _start(config, teacher)
        because = because or reason
    base = None
    if student == TEACHER:
        base = teacher
    elif student != TRANSPLANT:
        base = resolve(student, store)
    decided = replace(config, teacher=teacher.name, student=student)
    return Choice(
        config=settled(decided, TRANSPLANT if base is None else "encoder"),
        teacher=teacher,
        base=base,
        because=because,
    )


def _teacher(config: DistillConfig, store: Store) -> tuple[ModelRef, str]:
    """The teacher, and why; the reason is empty where it was named."""
    if config.teacher != AUTO:
        return resolve(config.teacher, store), ""
    if config.student not in (AUTO, TEACHER):
        return resolve(ENGLISH_TEACHER, store), ""
    targets = [pair.tgt for pair in config.pairs]
    candidates = teachers_for([config.pair.src, *targets])
    failure: ClirotError | None = None
    for name in candidates:
        try:
            # Where the Hub does not answer for the first, it need not be asked for the others.
            found = resolve(name, store, fetch=failure is None)
        except ClirotError as error:  # gated, gone, or not what it should be: the next one
            failure = failure or error
        else:
            return found, f"{name} reads {_listed([config.pair.src, *targets])}"
    if failure is None:
        why = f"no known multilingual encoder of this size covers {_listed(targets)}"
        hint = "name one: `clirot models` lists larger ones too (`teacher`)"
    else:
        why = f"{candidates[0]}, which covers {_listed(targets)}, is not here: {failure.message}"
        hint = failure.hint or "check the network"
    if config.student == TEACHER:
        raise UsageError(f"there is no multilingual teacher to start from: {why}", hint=hint)
    if not covers(KNOWN[ENGLISH_TEACHER], config.pair.src):
        raise UsageError(
            f"there is no teacher that reads {language_name(config.pair.src)}: {why}",
            hint=f"{hint}; or distil from English, and search in any language that the student "
            "reads",
        )
    return resolve(ENGLISH_TEACHER, store), why


def _warn_of_source(teacher: ModelRef, src: str) -> None:
    """Warn (CoverageWarning) of a teacher that is not made for the bitext's source language."""
    known = languages_of(teacher)
    if teacher.origin == "known":
        covered = covers(KNOWN[teacher.name], src)
    else:
        # A student's own languages do not name the one that it was distilled from.
        covered = known is None or bool(closest_language(src, known) or teacher.pairs)
    if not covered:
        warnings.warn(
            f"the teacher {teacher.name} does not read {language_name(src)} (`src`): what it makes "
            "of such sentences means little",
            CoverageWarning,
            stacklevel=4,
        )


def _start(config: DistillConfig, teacher: ModelRef) -> tuple[str, str]:
    """What the student of this teacher starts from, and why."""
    targets, known = [pair.tgt for pair in config.pairs], languages_of(teacher)
    if teacher.origin == "known":  # its row knows languages that have two codes
        covered = all(covers(KNOWN[teacher.name], one) for one in targets)
    else:
        covered = all(closest_language(one, known or ()) for one in targets)
    if covered:
        return TEACHER, f"{teacher.name} reads {_listed(targets)}"
    if takes_transplant(teacher.path):
        said = "is not known to read" if known is None else "does not read"
        return TRANSPLANT, f"{teacher.name} {said} {_listed(targets)}"
    return TEACHER, f"nothing can be transplanted into the tokenizer of {teacher.name}"


def languages_of(ref: ModelRef) -> tuple[str, ...] | None:
    """The languages that a model reads, as its row of the known models or its card says.

    Returns:
        Normalised codes; None where neither says anything.
    """
    if ref.origin == "known":
        return KNOWN[ref.name].languages
    if ref.pairs:
        own = [pair.tgt for pair in ref.pairs if ref.encodes == ("query", "document")]
        return tuple(dict.fromkeys(own)) or None
    return _card_languages(ref.path / "README.md")


def _card_languages(card: Path) -> tuple[str, ...] | None:
    """The languages in the front matter of a model card, as the Hub reads it."""
    if not card.is_file():
        return None
    from huggingface_hub import metadata_load

    try:
        said = (metadata_load(card) or {}).get("language")
    except Exception:  # of the YAML library too: a card that cannot be read says nothing
        return None
    return tuple(_normalised([said] if isinstance(said, str) else said or ())) or None


def _normalised(codes: Iterable[str]) -> list[str]:
    found = []
    for code in codes:
        with suppress(LanguageError):  # such as "multilingual", which names no language
            found.append(parse_language(str(code)))
    return found


def takes_transplant(path: Path) -> bool:
    """Whether a checkpoint's tokenizer is WordPiece, as its files say; nothing is loaded."""
    own = path / "tokenizer.json"
    if not own.is_file():
        return (path / "vocab.txt").is_file()
    try:
        model = json_object_in(own).get("model")
    except (OSError, ValueError) as error:
        raise InputError(f"this is no tokenizer: {first_line(error)}", path=own) from error
    return isinstance(model, dict) and model.get("type") == "WordPiece"


def _listed(codes: Sequence[str]) -> str:
    names = [language_name(code) for code in codes]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
