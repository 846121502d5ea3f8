"""What a student forgets: retrieval in languages that it is not trained on, before and after.

The English side of the held-out bitext is always measured: a student that starts from an encoder
can read English topics when training begins, and mixed queries need that. Other languages are
measured on bitext that the person gives for it (``control_files``). Nothing is chosen by these
figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clirot.bitext.formats.local_file import LocalFile, read_local
from clirot.distillation.configuration import DistillConfig
from clirot.distillation.preparation import Prepared, development_task
from clirot.distillation.training.development import (
    FEWEST_PAIRS,
    Development,
    in_order,
)
from clirot.distillation.training.epochs import full_precision
from clirot.encoding.encoders import MultiVectorTokenEncoder
from clirot.errors import InputError, LanguageError, UsageError
from clirot.languages import parse_language
from clirot.models import STUDENT_SIDES, ModelRef
from clirot.records import LanguagePair, SentencePair
from clirot.store import Input

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def control_files(config: DistillConfig) -> dict[str, str]:
    """Language that nothing is trained on -> the file with its bitext.

    Raises:
        UsageError: a file does not say which language it is of, or it is one of the student's, or
            the teacher's.
    """
    taken = {config.pair.src: "the teacher's", **{one.tgt: "trained on" for one in config.pairs}}
    found: dict[str, str] = {}
    for value in map(str, config.control_files):
        written, _, path = value.partition("=")
        language = None
        if path:
            with suppress(LanguageError):
                language = parse_language(written)
        if language is None:
            raise UsageError(
                f"`control_files={value}` does not say which language the file is of",
                hint=f"`control_files=om={path or value}`, for Oromo",
            )
        if language in taken or language in found:
            raise UsageError(
                f"`control_files={value}`: the language is {taken.get(language, 'named twice')}",
                hint="name a language that the student is not trained on, and one file of it",
            )
        found[language] = path
    return found


def control_inputs(config: DistillConfig) -> list[Input]:
    """The bitext of other languages, with its digests.

    Raises:
        InputError: a file cannot be read.
        UsageError: see :func:`control_files`.
    """
    return [
        Input(kind="control bitext", name=f"{language}={path}", digest=digest)
        for language, path in control_files(config).items()
        for digest in LocalFile.parse(path).digests
    ]


@dataclass(frozen=True)
class Controls:
    """Retrieval in languages that a student is not trained on."""

    tasks: Mapping[str, Sequence[Development]]
    """Language -> its tasks; the figure is their mean."""

    @classmethod
    def of(cls, config: DistillConfig, prepared: Prepared, teacher: ModelRef) -> Controls:
        """Build the tasks: held-out pairs of each file, at most as many as of the bitext.

        Raises:
            InputError: a file has too few pairs, or cannot be read.
        """
        tasks = {config.pair.src: [_in_english(one) for one in prepared.developments.values()]}
        for language, path in control_files(config).items():
            pairs = _pairs(path, LanguagePair(config.pair.src, language))
            part = in_order(pairs, first=config.training.development)
            tasks[language] = [
                development_task(part, STUDENT_SIDES[config.side], teacher, prepared.documents)
            ]
        return cls(tasks)

    def measured(self, model: MultiVectorEncoder) -> dict[str, float]:
        """Language -> MAP of a student."""
        found = {}
        with full_precision(model):  # before training and after it in one arithmetic
            for language, tasks in self.tasks.items():
                values = []
                for task in tasks:
                    encoder = MultiVectorTokenEncoder(
                        model, side=task.side, name="student", digest=""
                    )
                    values.append(task.mean_average_precision(task.student_tokens(encoder)))
                found[language] = sum(values) / len(values)
        return found


def _in_english(task: Development) -> Development:
    """The task with its texts in the teacher's language."""
    return replace(task, texts=task.untranslated, watched=())


def _pairs(path: str, pair: LanguagePair) -> list[SentencePair]:
    """The different pairs of a file that say something on both sides."""
    found: dict[tuple[str, str], SentencePair] = {}
    for one in read_local(LocalFile.parse(path), pair):
        if one.src.strip() and one.tgt.strip() and one.src != one.tgt:
            found.setdefault((one.src, one.tgt), one)
    if len(found) < FEWEST_PAIRS:
        raise InputError(
            f"`control_files={pair.tgt}={path}`: {len(found)} different pairs, at least "
            f"{FEWEST_PAIRS} are needed",
            hint="give a larger file, or leave it out",
        )
    return list(found.values())
