"""What a student forgets: retrieval in languages that it is not trained on, before and after.

The English side of the held-out bitext is always measured: a student that starts from an encoder
can read English topics when training begins, and mixed queries need that. Other languages are
measured on bitext that the person gives for it (``control_files``). Nothing is chosen by these
figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clirot.bitext.formats.local_file import LocalFile, read_local
from clirot.distillation.configuration import DistillConfig, language_of
from clirot.distillation.preparation import Prepared, development_maps, development_task
from clirot.distillation.training.development import FEWEST_PAIRS, Development, Split, by_text
from clirot.distillation.training.epochs import full_precision, macro_mean
from clirot.errors import InputError, UsageError
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
        language, path = language_of(value)
        if language is None:
            raise UsageError(
                f"`control_files={value}` does not say which language the file is of",
                hint=f"`control_files=om={value.partition('=')[2] or value}`, for Oromo",
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


def control_bitexts(config: DistillConfig) -> dict[str, list[SentencePair]]:
    """Language -> the different pairs of its file that say something on both sides.

    Raises:
        InputError: a file has too few pairs, or cannot be read.
    """
    bitexts = {}
    for language, path in control_files(config).items():
        pairs = dict.fromkeys(
            (one.src, one.tgt)
            for one in read_local(LocalFile.parse(path), LanguagePair(config.pair.src, language))
            if one.src.strip() and one.tgt.strip() and one.src != one.tgt
        )
        if len(pairs) < FEWEST_PAIRS:
            raise InputError(
                f"`control_files={language}={path}`: {len(pairs)} different pairs, at least "
                f"{FEWEST_PAIRS} are needed",
                hint="give a larger file, or leave it out",
            )
        bitexts[language] = [SentencePair(src, tgt) for src, tgt in pairs]
    return bitexts


@dataclass(frozen=True)
class Controls:
    """Retrieval in languages that a student is not trained on."""

    source: str
    """The teacher's language."""
    untranslated: Mapping[str, Development]
    """Language of the student -> its development task, with the texts in the teacher's language;
    the figure is their mean."""
    others: Mapping[str, Development]
    """Other language -> its task."""

    @classmethod
    def of(
        cls,
        config: DistillConfig,
        prepared: Prepared,
        teacher: ModelRef,
        bitexts: Mapping[str, Sequence[SentencePair]],
    ) -> Controls:
        """Build the tasks: of each bitext at most as many pairs as are held out of the student's.

        Args:
            config: the settings.
            prepared: what the student is trained on.
            teacher: who reads the English side.
            bitexts: other language -> its bitext.
        """
        first, sides = config.training.development, STUDENT_SIDES[config.side]
        others = {}
        for language, pairs in bitexts.items():
            ordered = by_text(pairs)
            part = Split([], ordered[:first], ordered[first:])
            others[language] = development_task(part, sides, teacher, prepared.documents)
        untranslated = {
            language: replace(task, texts=task.untranslated, watched=())
            for language, task in prepared.developments.items()
        }
        return cls(config.pair.src, untranslated, others)

    def measured(self, model: MultiVectorEncoder) -> dict[str, float]:
        """Language -> MAP of a student."""
        with full_precision(model):  # before training and after it in one arithmetic
            own = macro_mean(development_maps(model, self.untranslated))
            return {self.source: own, **development_maps(model, self.others)}
