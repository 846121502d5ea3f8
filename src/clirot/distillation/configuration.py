"""What can be set of a distillation, and which settings decide the student's weights.

This module is light, so that a command can show its options quickly.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.distillation.settings import (
    LAST_LAYER,
    BridgeSettings,
    ObjectiveSettings,
    TrainingSettings,
    TransplantSettings,
)
from clirot.errors import LanguageError, UnusedSettingWarning, UsageError
from clirot.known_models import KNOWN
from clirot.languages import parse_language
from clirot.models import STUDENT_SIDES
from clirot.records import LanguagePair, LanguagePairs
from clirot.registry import Registry
from clirot.settings import check_ranges, leaves, part, setting, values

if TYPE_CHECKING:
    from clirot.distillation.objectives.objective import Objective


REPORTERS: Registry[tuple[str, str]] = Registry(
    "program to report to",
    {
        "tensorboard": ("tensorboard", "'clirot[tensorboard]'"),
        "wandb": ("wandb", "wandb"),
        "trackio": ("trackio", "trackio"),
    },
)
"""Name -> the package it needs, and what to install for it."""

AUTO = "auto"
TEACHER = "teacher"
TRANSPLANT = "transplant"
UNTRAINED = "none"
_FORMAT = 2  # of the training procedure: a change makes older students outdated
_BEFORE_TRAINING = ("development", "sampling_temperature")
"""The settings of training that matter without training: they decide the split, and how often a
transplant expects to see each language."""


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """What to distil, from what, and how."""

    pair: LanguagePair | LanguagePairs
    """The teacher's language and the student's, one or several."""
    teacher: str = setting(
        AUTO,
        """The teacher: a name of the model registry, a directory or a Hub id. auto: the best known
        multilingual encoder that covers the languages and can be had, else minilm-en.""",
        decides=False,  # it is an input, recorded with its digest
    )
    student: str = setting(
        AUTO,
        """What the student starts from. teacher: the teacher itself, which should be multilingual.
        transplant: the teacher, with a vocabulary for the target language. Else the name of an
        encoder, such as xlm-r-base. auto: teacher where that covers the language, else
        transplant.""",
    )
    side: str = setting(
        "query",
        """What the student encodes. query: topics in its language over the teacher's documents.
        document: documents in its language for the teacher's topics. both: both.""",
        choices=tuple(STUDENT_SIDES),
    )
    objective: str = setting(
        "token-contrast+contrastive",
        """What is minimised: transport, transport-contrast, token-contrast, contrastive, score-kl,
        mse, greedy, or a weighted sum of them (transport+0.5*contrastive). none registers the
        student before training.""",
    )
    sources: tuple[str, ...] = setting(
        (),
        """Bitext source; repeat the option for several. Each is for all the languages that it has,
        or for one: so=hornmt. A language for which nothing is named takes all bitext that the store
        has for it.""",
        decides=False,
    )
    files: tuple[Path, ...] = setting(
        (),
        """Local bitext, which is added to the store; repeat the option for several files. Where
        there are several languages, each file says which one it is of: so=pairs.tsv.""",
        decides=False,
    )
    name: str | None = setting(
        None,
        """Name of the student. Without one it is the languages (en-so, en-so+sw), with the side and
        the objective where these are not the default ones (en-so.document, en-so.none).""",
        decides=False,
    )
    training: TrainingSettings = part(TrainingSettings)
    objective_settings: ObjectiveSettings = part(ObjectiveSettings)
    causal_mask: str = setting(
        "keep",
        """Whether a student that is a decoder keeps its causal mask. drop: its tokens also see
        those that follow, as in an encoder, here and wherever the student is loaded.""",
        choices=("keep", "drop"),
    )
    mask_padding: int = setting(
        0,
        """Length up to which sentences are filled with [MASK]: the student's queries for good, and
        the teacher's sentences in training. 0 fills nothing, except what a ColBERT fills by
        itself.""",
        unit="tokens",
        at_least=0,
        at_most=1024,
    )
    transplant: TransplantSettings = part(TransplantSettings)
    bridge: BridgeSettings = part(BridgeSettings)
    prune_vocabulary: bool = setting(
        False,
        """Leave out of the student the subwords that its bitext does not have, except single
        characters: smaller, and other text is cut into shorter subwords.""",
    )
    vocabulary_texts: tuple[Path, ...] = setting(
        (),
        """Text in the student's languages, a sentence a line, whose subwords are kept too when the
        vocabulary is pruned; repeat the option for several files.""",
        decides=False,  # an input, recorded with its digest
    )
    control_files: tuple[Path, ...] = setting(
        (),
        """Bitext of a language that the student is not trained on, to see what it forgets or gains
        there: om=pairs.tsv. Repeat the option for several languages. The MAP before and after
        training is reported, as it always is for the teacher's language; nothing is chosen by
        it.""",
        decides=False,  # an input, recorded with its digest
    )
    report_to: tuple[str, ...] = setting(
        (),
        """Program that training is reported to: tensorboard, wandb or trackio. Repeat the option
        for several, or put commas between them.""",
        decides=False,
    )
    replace: bool = setting(
        False, "Replace a student of that name that was made otherwise.", decides=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "objective", "".join(self.objective.split()))
        check_ranges(self)
        layer = self.objective_settings.plan.teacher_layer
        if layer != LAST_LAYER and self.student not in (AUTO, TEACHER, TRANSPLANT):
            raise UsageError(
                f"`teacher_layer` {layer}: the layers of {self.student!r} are not those of the "
                "teacher, so their tokens cannot be compared",
                hint=f"leave `teacher_layer` at {LAST_LAYER}, or choose `student=teacher`",
            )
        if self.mask_padding and self.side != "query":
            raise UsageError(
                f"`mask_padding` fills queries, but this student encodes side {self.side!r}",
                hint="leave `mask_padding` at 0, or choose `side=query`",
            )
        languages = [pair.tgt for pair in self.pairs]
        homeless = [path for path in self.files if _for_language(str(path), languages)[0] is None]
        if len(languages) > 1 and homeless:
            raise UsageError(
                f"there are several target languages ({', '.join(languages)}), and the file "
                f"{homeless[0]} does not say which one it is of",
                hint=f"`files={languages[0]}={homeless[0]}`",
            )

    @property
    def pairs(self) -> tuple[LanguagePair, ...]:
        """The teacher's language with each of the student's."""
        return self.pair.pairs

    def sources_of(self, pair: LanguagePair) -> list[tuple[str, bool]]:
        """The sources for this pair, each with whether it was named for this pair alone."""
        return list(self._named(self.sources, pair))

    def files_of(self, pair: LanguagePair) -> tuple[Path, ...]:
        """The files of this pair."""
        return tuple(Path(one) for one, _ in self._named(map(str, self.files), pair))

    def _named(self, given: Iterable[str], pair: LanguagePair) -> Iterator[tuple[str, bool]]:
        languages = [one.tgt for one in self.pairs]
        for value in given:
            language, rest = _for_language(value, languages)
            if language in (None, pair.tgt):
                yield rest, language is not None or len(languages) == 1

    @property
    def artefact_name(self) -> str:
        """The name the student gets."""
        if self.name is not None:
            return self.name
        parts = [self.pair.format()]
        if self.side != DistillConfig.side:
            parts.append(self.side)
        if self.objective != DistillConfig.objective:
            parts.append(self.objective.replace("*", "-"))
        return ".".join(parts)

    def deciding(self) -> dict[str, Any]:
        """The settings that decide the student's weights, by name, as its manifest records them.

        Not among them: its inputs and the seed, which the manifest records by themselves, and what
        this student has no use for.
        """
        passed_over = {"seed"}
        targets: Any = [pair.tgt for pair in self.pairs]
        if len(targets) == 1:
            (targets,) = targets
            passed_over.add("sampling_temperature")
        if self.objective == UNTRAINED:
            passed_over |= {one.name for one in leaves(TrainingSettings)} - set(_BEFORE_TRAINING)
        given = values(self)
        settings = {
            leaf.name: given[leaf.name]
            for leaf in leaves(DistillConfig)
            if leaf.said.decides and leaf.name not in passed_over
        }
        return {"format": _FORMAT, "src": self.pair.src, "tgt": targets, **settings}


def checked_objective(config: DistillConfig) -> Objective | None:
    """What to train on; None: nothing is trained. Checks what can be checked before any work.

    Raises:
        UsageError: the settings contradict each other, or need a package that is not installed.
    """
    if config.artefact_name in KNOWN:
        raise UsageError(
            f"{config.artefact_name!r} is the name of a known model: a student of that name could "
            "not be found",
            hint="choose another `name`",
        )
    check_reporters(config.report_to)
    if config.objective == UNTRAINED:
        if config.report_to:
            raise UsageError("there is no training to report on with objective none")
        return None
    from clirot.distillation.objectives.objective import objective_of

    objective = objective_of(config.objective, config.objective_settings)
    if objective.in_batch and config.training.batch_size == 1:
        raise UsageError(
            f"objective {config.objective!r} compares the sentences of a batch, and batches of 1 "
            "have nothing to compare",
            hint="raise `batch_size`",
        )
    if config.training.lora_rank:
        from clirot.distillation.training.trainer import check_adapters_installed

        check_adapters_installed()
    return objective


def check_reporters(names: Sequence[str]) -> None:
    """Check, before any work, that these can be reported to.

    Raises:
        UnknownNameError: there is no such program.
        UsageError: its package is not installed.
    """
    for name in names:
        package, requirement = REPORTERS[name]
        if find_spec(package) is None:
            raise UsageError(
                f"`report_to={name}` needs the package {package}, which is not installed",
                hint=f"pip install {requirement}, or leave out `report_to={name}`",
            )


def warn_of_unused(config: DistillConfig, student: str, objective: Objective | None) -> None:
    """Warn (UnusedSettingWarning) of each setting that was changed and has no effect, so that it is
    not taken for the cause of a result.

    Args:
        config: the settings as they were given.
        student: what the student starts from, where that was left open.
        objective: what is trained on; None: nothing is trained.
    """
    given = values(config)
    changed = {
        leaf.name: given[leaf.name]
        for leaf in leaves(DistillConfig)
        if given[leaf.name] != leaf.default
    }
    reasons = _reasons(config, student, changed, objective)
    for name, value in changed.items():
        if name in reasons:
            warnings.warn(
                f"`{name}={value}` changes nothing with {reasons[name]}",
                UnusedSettingWarning,
                stacklevel=5,
            )


def _reasons(
    config: DistillConfig, student: str, changed: Iterable[str], objective: Objective | None
) -> dict[str, str]:
    """Name of a setting that is not used -> why."""
    from clirot.distillation.objectives.objective import unused

    found = {
        name: f"objective {config.objective!r}: {why}"
        for name, why in unused(changed, objective).items()
    }
    if student != TRANSPLANT:
        if config.transplant.add_subwords == "never":
            names = {one.name for one in leaves(TransplantSettings)} - {"add_subwords"}
            names.add("new_embedding_learning_rate")
            found |= dict.fromkeys(names, "`add_subwords=never`: the vocabulary stays as it is")
            rank = config.training.lora_rank
            if rank and objective is not None:
                found["embedding_learning_rate"] = (
                    f"student {student!r} and `lora_rank={rank}`: its input embeddings are not "
                    "trained"
                )
    else:
        found["add_subwords"] = "student 'transplant', which has subwords of its language anyway"
    if not config.bridge.bridge_texts:
        found["bridge_epochs"] = "no text for a bridge (`bridge_texts`)"
    if not config.prune_vocabulary:
        found["vocabulary_texts"] = "a vocabulary that is not pruned (`prune_vocabulary`)"
    if len(config.pairs) == 1:
        found["sampling_temperature"] = "one language: it has all of the training"
    return found


def language_of(value: str) -> tuple[str | None, str]:
    """``so=hornmt`` -> ``so``, ``hornmt``; a value that names no language stays whole."""
    written, equals, rest = value.partition("=")
    if equals and rest:
        with suppress(LanguageError):
            return parse_language(written), rest
    return None, value


def _for_language(value: str, languages: Sequence[str]) -> tuple[str | None, str]:
    """The same for some languages alone: a value that names another one stays whole."""
    language, rest = language_of(value)
    return (language, rest) if language in languages else (None, value)
