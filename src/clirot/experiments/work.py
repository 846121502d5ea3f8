"""From a plan to its cells: which students, indexes, topics and runs the table needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clirot.bitext.table_config import TableConfig
from clirot.collection.topic_source import TopicSource
from clirot.distillation.configuration import AUTO, DistillConfig
from clirot.errors import UsageError
from clirot.experiments.bitext_parts import BitextPart, BitextParts
from clirot.experiments.cells import STAGES, Cell
from clirot.experiments.evaluating import runs_on
from clirot.experiments.leakage import TrainedOn
from clirot.experiments.placeholders import filled
from clirot.experiments.plan import Plan, SystemPlan, TopicSetPlan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.settings_tables import OF_CLUSTER, OF_TOPICS, given, refuse
from clirot.experiments.topic_files import TopicCells, Topics
from clirot.known_models import LEXICAL
from clirot.languages import parse_language
from clirot.records import LanguagePair, LanguagePairs
from clirot.retrieval.index_config import IndexConfig, slug
from clirot.retrieval.searching import SearchConfig
from clirot.retrieval.translation.configuration import TABLE, TranslateConfig
from clirot.runs import SAVED_RUN
from clirot.settings import assembled
from clirot.store import Store

_DEPTH = 100  # documents a topic that a search of a plan keeps, where the plan says nothing
_BY_PLAN = {
    DistillConfig: ("sources", "files", "name", "seed", "replace", "report_to"),
    TableConfig: ("sources", "files", "name", "replace"),
    SearchConfig: ("index", "model", "candidates", "tag", *OF_TOPICS, *OF_CLUSTER),
}
"""Settings of a verb that follow from the rest of the plan."""


@dataclass(frozen=True)
class Work:
    """All that a plan asks for."""

    cells: Mapping[str, Cell]
    """Key -> cell, what a cell needs before it."""
    runs: Mapping[tuple[str, str], tuple[str, ...]]
    """(system, label of the topic set) -> keys of its runs, one for each seed. Fusions have none:
    they are made of the others' runs."""
    bitexts: Mapping[str, tuple[TrainedOn, ...]]
    """System -> the bitext that it is made from."""

    def trained_on(self, systems: Iterable[str]) -> dict[TrainedOn, set[str]]:
        """The bitext that these systems are made from -> labels of the topic sets that they are run
        on.
        """
        found: dict[TrainedOn, set[str]] = {}
        for name in systems:
            for one in self.bitexts.get(name, ()):
                labels = {label for system, label in self.runs if system == name}
                found.setdefault(one, set()).update(labels)
        return found

    def of_systems(self, systems: Iterable[str]) -> Work:
        """What these systems need, and no more."""
        chosen = set(systems)
        runs = {key: value for key, value in self.runs.items() if key[0] in chosen}
        needed: set[str] = set()
        waiting = [key for keys in runs.values() for key in keys]
        while waiting:
            key = waiting.pop()
            if key not in needed:
                needed.add(key)
                waiting += self.cells[key].after
        cells = {key: cell for key, cell in self.cells.items() if key in needed}
        return Work(cells, runs, self.bitexts)


def work_of(plan: Plan, file: PlanFile, store: Store) -> Work:
    """The cells of a plan.

    Raises:
        UsageError: settings are unknown or contradict each other; with the line.
        InputError: a local file of bitext cannot be read.
    """
    return _Making(plan, file, store).work()


@dataclass
class _Making:
    plan: Plan
    file: PlanFile
    store: Store
    cells: dict[str, Cell] = field(default_factory=dict)
    bitexts: dict[str, dict[TrainedOn, None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = self.store.home / "experiments" / self.plan.prefix
        self.parts = BitextParts(self.plan, self.file, self.folder, self.add)
        self.topics = TopicCells(self.folder, self.add)

    def add(self, cell: Cell) -> str:
        """Note a cell, and give its key."""
        same = self.cells.setdefault(cell.key, cell)
        if same != cell:
            raise UsageError(
                f"two different things would be called {cell.key}",
                hint="give the system, the collection or the bitext another name",
            )
        return cell.key

    def work(self) -> Work:
        runs: dict[tuple[str, str], tuple[str, ...]] = {}
        for name, system in self.plan.systems.items():
            if system.fuse is not None:
                continue
            for one in self.plan.topic_sets:
                if runs_on(system, one):
                    seeds = self.plan.settings.seeds if system.distill is not None else (None,)
                    runs[name, one.label] = tuple(self._run(system, one, seed) for seed in seeds)
        ordered = sorted(self.cells.values(), key=lambda cell: STAGES.index(cell.stage))
        bitexts = {name: tuple(found) for name, found in self.bitexts.items()}
        return Work({cell.key: cell for cell in ordered}, runs, bitexts)

    @contextmanager
    def at(self, system: SystemPlan, *keys: str) -> Iterator[None]:
        """Say where in the plan an error was."""
        with self.file.at("system", system.written, *keys):
            yield

    def _run(self, system: SystemPlan, one: TopicSetPlan, seed: int | None) -> str:
        """The key of the run of a system on a topic set."""
        after: list[str] = []
        values: dict[str, Any] = {"k": _DEPTH}
        with self.file.at("search"):
            values |= self._given(SearchConfig, self.plan.search)
        with self.at(system, "search"):
            values |= self._given(SearchConfig, filled(system.search or {}, one.filling))
        with self.at(system):
            values["index"], values["model"] = self._index(system, one, seed, after)
            source = self._topics(system, one, after)
            if values["model"] in LEXICAL and values["model"] != "bm25":
                into = one.docs_lang or self.plan.settings.source_language
                values["table"] = self._table(system, LanguagePair.of(into, source.lang), after)
            if system.candidates is not None:
                values["candidates"] = self._candidates(system, one, seed, after)
            config = assembled(SearchConfig, {**values, **source.settings})
            return self.add(
                Cell(
                    stage="runs",
                    name=self._name(system, one.label, seed),
                    configuration=config,
                    after=tuple(dict.fromkeys(after)),
                )
            )

    def _candidates(
        self, system: SystemPlan, one: TopicSetPlan, seed: int | None, after: list[str]
    ) -> str:
        other = self.plan.systems[str(system.candidates)]
        if other.fuse is not None or other.candidates is not None:
            raise UsageError(
                f"candidates come from a system that searches all documents, and {other.name!r} "
                "does not"
            )
        key = self._run(other, one, seed if other.distill is not None else None)
        after.append(key)
        return str(self.store.path("runs", self.cells[key].name) / SAVED_RUN)

    def _topics(self, system: SystemPlan, one: TopicSetPlan, after: list[str]) -> Topics:
        table = None
        how = given(TranslateConfig, filled(dict(system.translate or {}), one.filling))
        if how.get("model") == TABLE:
            into = parse_language(how.get("tgt", "en"))
            own = given(TopicSource, filled(dict(system.topics or {}), one.filling))
            lang = own.get("lang", one.lang)
            table = self._table(system, LanguagePair.of(into, lang), after)
        return self.topics.of(system, one, after, table)

    def _name(self, system: SystemPlan, *parts: object) -> str:
        named = [slug(str(part)) for part in (system.name, *parts) if part is not None]
        return ".".join([self.plan.prefix, *named])

    def _given(self, configuration: type[Any], table: Mapping[str, Any]) -> dict[str, Any]:
        refuse(table, _BY_PLAN[configuration], topics=configuration is SearchConfig)
        return given(configuration, table)

    def _index(
        self, system: SystemPlan, one: TopicSetPlan, seed: int | None, after: list[str]
    ) -> tuple[str, str]:
        """The names of the index and of the model that reads the topics."""
        if system.model is not None:
            model = str(filled(system.model, one.filling))
            documents = "bm25" if model in LEXICAL else model
        else:
            model, made, key = self._student(system, one, seed)
            after.append(key)
            # Students of one teacher that encode queries only share the index of its documents.
            shared = made.side == "query" and made.teacher != AUTO
            documents = made.teacher if shared else model
        documents = str(filled(system.documents, one.filling)) if system.documents else documents
        named = [slug(documents), one.collection.name, *([one.docs_lang] if one.docs_lang else [])]
        if documents == model and system.distill is not None:
            named[0] = slug(model).removeprefix(f"{self.plan.prefix}.")
        config = IndexConfig(
            model=documents,
            collection=one.id,
            docs_lang=one.docs_lang,
            name=".".join([self.plan.prefix, *named]) + self._of_language(one),
        )
        needs = (f"models/{model}",) if documents == model and system.distill is not None else ()
        cell = Cell(stage="indexes", name=config.index_name, configuration=config, after=needs)
        after.append(self.add(cell))
        return config.index_name, model

    @staticmethod
    def _of_language(one: TopicSetPlan) -> str:
        """Where a collection's id has the topics' language in it, so has the index's name."""
        return f".{one.lang}" if one.id != one.collection.id else ""

    def _pair(self, system: SystemPlan, one: TopicSetPlan) -> tuple[str, tuple[str, ...]]:
        """The languages of a system's bitext: source, targets."""
        source = system.source_language or self.plan.settings.source_language
        source = parse_language(filled(source, one.filling))
        named = system.languages or self.plan.settings.languages
        targets = tuple(parse_language(filled(code, one.filling)) for code in named)
        return source, tuple(dict.fromkeys(code for code in targets if code != source))

    def _student(
        self, system: SystemPlan, one: TopicSetPlan, seed: int | None
    ) -> tuple[str, DistillConfig, str]:
        """The name of the student of a topic set, its configuration and the key of its cell."""
        source, targets = self._pair(system, one)
        place: list[object] = []
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
            targets, place = (one.lang,), [one.lang]
        if "{" in (system.source_language or ""):
            place.append(source)
        name = self._name(system, "-".join(map(str, place)) or None, seed)
        with self.at(system, "distill"):
            values = self._given(DistillConfig, filled(system.distill, one.filling))
            pairs = LanguagePairs.of(source, ",".join(targets))
            sources, files, after = self._bitext(system, pairs)
            config = assembled(
                DistillConfig,
                values | {"name": name, "seed": seed, "sources": sources, "files": files},
                pair=pairs,
            )
        cell = Cell(stage="models", name=name, configuration=config, after=after)
        return name, config, self.add(cell)

    def _bitext(
        self, system: SystemPlan, pairs: LanguagePairs
    ) -> tuple[tuple[str, ...], tuple[Path, ...], tuple[str, ...]]:
        """Sources, files and the cells that make them, as a student of these pairs has them."""
        several = len(pairs.pairs) > 1
        sources: list[str] = []
        files: list[Path] = []
        after: list[str] = []
        for pair in pairs.pairs:
            part = self._part(system, pair)
            prefix = f"{pair.tgt}=" if several else ""
            sources += [f"{prefix}{one}" for one in part.sources]
            files += [Path(f"{prefix}{one}") for one in part.files]
            after += part.after
        return tuple(sources), tuple(files), tuple(after)

    def _part(self, system: SystemPlan, pair: LanguagePair) -> BitextPart:
        """The bitext of a system for a pair; it is noted that the system is made from it."""
        name = self._bitext_name(system)
        part = self.parts.of(name, pair)
        used = TrainedOn(name, pair, part.sources, part.files)
        self.bitexts.setdefault(system.name, {})[used] = None
        return part

    def _bitext_name(self, system: SystemPlan) -> str:
        if not self.plan.bitexts:
            raise UsageError(
                "it is made from bitext, and the plan has none", hint="add one: [bitext.NAME]"
            )
        return system.bitext or next(iter(self.plan.bitexts))

    def _table(self, system: SystemPlan, pair: LanguagePair, after: list[str]) -> str:
        """The name of a translation table of the system's bitext, of the pair or of its reverse: a
        table serves both, and bitext is named with the plan's source language first.
        """
        if pair.tgt == parse_language(self.plan.settings.source_language):
            pair = LanguagePair(pair.tgt, pair.src)
        part = self._part(system, pair)
        name = f"{self.plan.prefix}.{self._bitext_name(system)}.{pair}"
        with self.at(system, "table"):
            values = self._given(TableConfig, system.table or {})
            config = assembled(
                TableConfig,
                values | {"name": name, "sources": part.sources, "files": part.files},
                pair=pair,
            )
        cell = Cell(stage="tables", name=name, configuration=config, after=part.after)
        after.append(self.add(cell))
        return name
