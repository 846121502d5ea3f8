"""The models of a plan's systems: named, distilled or trained, and the cells that make them.

Wherever a system names a model, the name of another system stands for that system's model. So what
one system is made from, another one may make, with the same seed and for the same topics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clirot.distillation.configuration import AUTO, TEACHER, TRANSPLANT, DistillConfig
from clirot.errors import UsageError
from clirot.experiments.bitext_parts import BitextPart, BitextParts
from clirot.experiments.cells import Cell
from clirot.experiments.judged_leakage import JudgedOn
from clirot.experiments.leakage import TrainedOn
from clirot.experiments.placeholders import filled
from clirot.experiments.plan import Plan, SystemPlan, TopicSetPlan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.verb_settings import verb_settings
from clirot.known_models import KNOWN, LEXICAL
from clirot.languages import parse_language
from clirot.places import is_directory
from clirot.records import LanguagePair, LanguagePairs
from clirot.retrieval.index_config import slug
from clirot.settings import assembled
from clirot.store import Store
from clirot.supervision.configuration import TrainConfig

_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("distill", "teacher"): (AUTO,),
    ("distill", "student"): (AUTO, TEACHER, TRANSPLANT),
}
"""Verb and setting -> the words that name no model there."""


@dataclass(frozen=True)
class SystemModel:
    """The model of a system, as it is for a topic set and a seed."""

    name: str
    """In the registry."""
    key: str | None = None
    """Of the cell that makes it; None: it is a model as it is."""
    place: tuple[str, ...] = ()
    """The languages that it is made for alone, which its name has."""
    document_model: SystemModel | None = None
    """The model that encodes its documents, where it does not."""

    @property
    def documents(self) -> SystemModel:
        """The model that encodes the documents, in whose index the system searches."""
        return self.document_model or self

    @property
    def after(self) -> tuple[str, ...]:
        """Keys of the cells that it needs."""
        return (self.key,) if self.key is not None else ()

    @property
    def seeded(self) -> bool:
        """Whether there is one for each seed."""
        return self.key is not None or self.documents.key is not None


@dataclass
class ModelCells:
    """The models of the systems of a plan."""

    plan: Plan
    file: PlanFile
    store: Store
    parts: BitextParts
    add: Callable[[Cell], str]
    """Notes a cell, and gives its key."""
    made_from: dict[str, dict[TrainedOn | JudgedOn, None]] = field(default_factory=dict)
    """System -> the bitext and the judgements that it is made from, itself."""
    needs: dict[str, set[str]] = field(default_factory=dict)
    """System -> the systems that it is made from."""
    _making: list[str] = field(default_factory=list)

    def of(self, system: SystemPlan, one: TopicSetPlan, seed: int) -> SystemModel:
        """The model of a system, for a topic set and a seed.

        Raises:
            UsageError: settings are unknown or contradict each other, or systems are made from each
                other in a circle; with the line.
        """
        self._making.append(system.name)
        with self._at(system):
            if system.model is not None:
                name = str(filled(system.model, one.filling))
                found = self._named(system, one, seed, (name, "model"))
                if found.name in LEXICAL:
                    found = replace(found, document_model=SystemModel("bm25"))
            elif system.train is not None:
                found = self._trained(system, one, seed)
            else:
                found = self._student(system, one, seed)
            if system.documents is not None:
                name = str(filled(system.documents, one.filling))
                other = self._named(system, one, seed, (name, "documents"))
                found = replace(found, document_model=other.documents)
        self._making.pop()
        return found

    def all_made_from(self) -> dict[str, tuple[TrainedOn | JudgedOn, ...]]:
        """System -> what it is made from, and what the systems are made from that it needs."""
        found = {}
        for system in self.plan.systems:
            reached, waiting = {system}, [system]
            while waiting:
                more = self.needs.get(waiting.pop(), set()) - reached
                reached |= more
                waiting += more
            seen = (self.made_from.get(name, {}) for name in self.plan.systems if name in reached)
            found[system] = tuple(dict.fromkeys(one for each in seen for one in each))
        return found

    def name_of(self, system: SystemPlan, *parts: object) -> str:
        """The name of an artefact of a system."""
        named = [slug(str(part)) for part in (system.name, *parts) if part is not None]
        return ".".join([self.plan.prefix, *named])

    @contextmanager
    def _at(self, system: SystemPlan, *keys: str) -> Iterator[None]:
        with self.file.at("system", system.written, *keys):
            yield

    def _named(
        self, system: SystemPlan, one: TopicSetPlan, seed: int, said: tuple[str, ...]
    ) -> SystemModel:
        """The model that a system calls by a name: another system's, or one of the registry.

        Args:
            system: the system.
            one: the topic set.
            seed: the seed.
            said: the name, and the keys under which the system has it.
        """
        name, *keys = said
        with self._at(system, *keys):
            other = self._system_named(name, system, keys)
            if other is None:
                return SystemModel(name)
            if other.fuse is not None:
                raise UsageError(f"the system {name!r} is a fusion, which has no model")
            if name in self._making:
                circle = [*self._making[self._making.index(name) :], name]
                raise UsageError(
                    f"each of these systems is made from the next one: {' <- '.join(circle)}",
                    hint="one of them has to start from a model that is there",
                )
            self.needs.setdefault(system.name, set()).add(name)
            return self.of(other, one, seed)

    def _system_named(self, name: str, system: SystemPlan, keys: list[str]) -> SystemPlan | None:
        """The system that a name stands for; None: it is a name of the registry."""
        other = self.plan.systems.get(name)
        if other is None:
            return None
        if other is system:
            # What it starts from may well have its name: it does not start from itself.
            known = name in KNOWN or self.store.has("models", name) or is_directory(name)
            return None if keys == ["model"] or known else other
        if name in KNOWN or name in LEXICAL:
            if other.model == name:
                return None
            raise UsageError(
                f"{name!r} is a known model and a system of the plan: which one is meant?",
                hint="give the system another name",
            )
        return other

    def _settings(
        self, configuration: type[Any], system: SystemPlan, one: TopicSetPlan
    ) -> dict[str, Any]:
        """The settings of a student or of a training: those of all of them, and its own."""
        verb = "train" if configuration is TrainConfig else "distill"
        shared = filled(getattr(self.plan, verb), one.filling)
        own = filled(getattr(system, verb), one.filling)
        return {
            **verb_settings(self.file, configuration, shared, verb),
            **verb_settings(self.file, configuration, own, "system", system.written, verb),
        }

    def _starts(
        self,
        system: SystemPlan,
        one: TopicSetPlan,
        seed: int,
        verb: tuple[str, Mapping[str, Any]],
    ) -> dict[str, SystemModel]:
        """The models that a system is made from, by the name of the setting that names them.

        Args:
            system: the system.
            one: the topic set.
            seed: the seed.
            verb: the key of its table, and the values there.
        """
        table, values = verb
        found = {}
        for setting in ("model", "teacher", "student"):
            name = values.get(setting)
            if name is None or name in _WORDS.get((table, setting), ()):
                continue
            model = self._named(system, one, seed, (name, table, setting))
            if model.name in LEXICAL:
                with self._at(system, table, setting):
                    raise UsageError(f"{model.name} matches words: there is no encoder to train")
            found[setting] = model
        return found

    def _trained(self, system: SystemPlan, one: TopicSetPlan, seed: int) -> SystemModel:
        """A model that is trained on judged topics, which encodes both sides."""
        with self._at(system, "train"):
            values = self._settings(TrainConfig, system, one)
            starts = self._starts(system, one, seed, ("train", values))
            said = f"{self.plan.train}{system.train}"
            own = [code for key, code in one.filling.items() if f"{{{key}}}" in said]
            place = _places(own, starts)
            name = self.name_of(system, "-".join(place) or None, seed)
            named = {setting: model.name for setting, model in starts.items()}
            config = assembled(TrainConfig, values | named | {"name": name, "seed": seed})
        used = JudgedOn.of(config, system.written)
        self.made_from.setdefault(system.name, {})[used] = None
        after = dict.fromkeys(key for model in starts.values() for key in model.after)
        cell = Cell(stage="models", name=name, configuration=config, after=tuple(after))
        return SystemModel(name, self.add(cell), place)

    def _student(self, system: SystemPlan, one: TopicSetPlan, seed: int) -> SystemModel:
        """A student, whose index is its teacher's where it encodes topics only."""
        source, targets = self._pair(system, one)
        own: list[str] = []
        if not targets:
            raise UsageError(
                f"there is no language for a student: its only one is {source!r}, in which its "
                "bitext begins",
                hint="give other `languages` or another `source_language`",
            )
        if not system.together:
            if one.lang not in targets:
                raise UsageError(
                    f"there is no student of {one.lang!r} for the topics of {one.label}: it has "
                    f"one for each of {', '.join(targets)}",
                    hint="restrict its `sets`, or make one student of all languages: "
                    "`together=true`",
                )
            targets, own = (one.lang,), [one.lang]
        if "{" in (system.source_language or ""):
            own.append(source)
        with self._at(system, "distill"):
            values = self._settings(DistillConfig, system, one)
            starts = self._starts(system, one, seed, ("distill", values))
            place = _places(own, starts)
            name = self.name_of(system, "-".join(place) or None, seed)
            pairs = LanguagePairs.of(source, ",".join(targets))
            sources, files, after = self._bitext(system, pairs)
            named = {setting: model.name for setting, model in starts.items()}
            given = {"name": name, "seed": seed, "sources": sources, "files": files}
            config = assembled(DistillConfig, values | named | given, pair=pairs)
        needed = dict.fromkeys([*after, *(key for one in starts.values() for key in one.after)])
        cell = Cell(stage="models", name=name, configuration=config, after=tuple(needed))
        # Students of one teacher that encode queries only share the index of its documents.
        shared = config.side == "query" and "teacher" in starts
        documents = starts["teacher"].documents if shared else None
        return SystemModel(name, self.add(cell), place, documents)

    def _pair(self, system: SystemPlan, one: TopicSetPlan) -> tuple[str, tuple[str, ...]]:
        """The languages of a system's bitext: source, targets."""
        source = system.source_language or self.plan.settings.source_language
        source = parse_language(filled(source, one.filling))
        named = system.languages or self.plan.settings.languages
        targets = tuple(parse_language(filled(code, one.filling)) for code in named)
        return source, tuple(dict.fromkeys(code for code in targets if code != source))

    def _bitext(
        self, system: SystemPlan, pairs: LanguagePairs
    ) -> tuple[tuple[str, ...], tuple[Path, ...], tuple[str, ...]]:
        """Sources, files and the cells that make them, as a student of these pairs has them."""
        several = len(pairs.pairs) > 1
        sources: list[str] = []
        files: list[Path] = []
        after: list[str] = []
        for pair in pairs.pairs:
            part = self.part(system, pair)
            prefix = f"{pair.tgt}=" if several else ""
            sources += [f"{prefix}{one}" for one in part.sources]
            files += [Path(f"{prefix}{one}") for one in part.files]
            after += part.after
        return tuple(sources), tuple(files), tuple(after)

    def part(self, system: SystemPlan, pair: LanguagePair) -> BitextPart:
        """The bitext of a system for a pair; it is noted that the system is made from it."""
        name = self.bitext_name(system)
        part = self.parts.of(name, pair)
        used = TrainedOn(name, pair, part.sources, part.files)
        self.made_from.setdefault(system.name, {})[used] = None
        return part

    def bitext_name(self, system: SystemPlan) -> str:
        """The bitext of a system.

        Raises:
            UsageError: the plan has none.
        """
        if not self.plan.bitexts:
            raise UsageError(
                "it is made from bitext, and the plan has none", hint="add one: [bitext.NAME]"
            )
        return system.bitext or next(iter(self.plan.bitexts))


def _places(own: list[str], starts: Mapping[str, SystemModel]) -> tuple[str, ...]:
    """The languages that a model is made for alone: its own, and those of what it starts from."""
    inherited = (code for model in starts.values() for code in model.place)
    return tuple(dict.fromkeys([*own, *inherited]))
