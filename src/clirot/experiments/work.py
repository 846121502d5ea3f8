"""From a plan to its cells: which students, indexes, topics and runs the table needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from clirot.bitext.table_config import TableConfig
from clirot.collection.topic_source import TopicSource
from clirot.errors import UsageError
from clirot.experiments.bitext_parts import BitextParts
from clirot.experiments.cells import STAGES, Cell
from clirot.experiments.evaluating import runs_on
from clirot.experiments.index_cells import IndexCells
from clirot.experiments.judged_leakage import JudgedOn
from clirot.experiments.leakage import TrainedOn
from clirot.experiments.model_cells import ModelCells, SystemModel
from clirot.experiments.placeholders import filled
from clirot.experiments.plan import Plan, SystemPlan, TopicSetPlan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.settings_tables import given
from clirot.experiments.topic_files import TopicCells, Topics
from clirot.experiments.verb_settings import verb_settings
from clirot.known_models import LEXICAL
from clirot.languages import parse_language
from clirot.records import LanguagePair
from clirot.retrieval.searching import SearchConfig
from clirot.retrieval.translation.configuration import TABLE, TranslateConfig
from clirot.runs import SAVED_RUN
from clirot.settings import assembled
from clirot.store import Store

_DEPTH = 100  # documents a topic that a search of a plan keeps, where the plan says nothing


@dataclass(frozen=True)
class Work:
    """All that a plan asks for."""

    cells: Mapping[str, Cell]
    """Key -> cell, what a cell needs before it."""
    runs: Mapping[tuple[str, str], tuple[str, ...]]
    """(system, label of the topic set) -> keys of its runs, one for each seed. Fusions have none:
    they are made of the others' runs."""
    made_from: Mapping[str, tuple[TrainedOn | JudgedOn, ...]]
    """System -> the bitext and the judgements that it is made from."""

    def trained_on(self) -> dict[TrainedOn | JudgedOn, set[str]]:
        """What the systems are made from -> labels of the topic sets that these are run on."""
        found: dict[TrainedOn | JudgedOn, set[str]] = {}
        for system, label in self.runs:
            for one in self.made_from.get(system, ()):
                found.setdefault(one, set()).add(label)
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
        return Work(cells, runs, self.made_from)


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

    def __post_init__(self) -> None:
        folder = self.store.home / "experiments" / self.plan.prefix
        parts = BitextParts(self.plan, self.file, folder, self.add)
        self.models = ModelCells(self.plan, self.file, self.store, parts, self.add)
        self.indexes = IndexCells(self.plan, self.file, self.add)
        self.topics = TopicCells(folder, self.add)

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
                    runs[name, one.label] = self._runs(system, one)
        self.indexes.check_used()
        ordered = sorted(self.cells.values(), key=lambda cell: STAGES.index(cell.stage))
        return Work({cell.key: cell for cell in ordered}, runs, self.models.all_made_from())

    @contextmanager
    def at(self, system: SystemPlan, *keys: str) -> Iterator[None]:
        """Say where in the plan an error was."""
        with self.file.at("system", system.written, *keys):
            yield

    def _runs(self, system: SystemPlan, one: TopicSetPlan) -> tuple[str, ...]:
        """The keys of the runs of a system on a topic set: one for each seed that matters."""
        keys: list[str] = []
        for seed in self.plan.settings.seeds:
            model = self.models.of(system, one, seed)
            keys.append(self._run(system, one, seed, model))
            if not model.seeded:
                break
        return tuple(keys)

    def _run(self, system: SystemPlan, one: TopicSetPlan, seed: int, model: SystemModel) -> str:
        """The key of the run of a system on a topic set."""
        after: list[str] = [*model.after]
        values: dict[str, Any] = {"k": _DEPTH, "model": model.name}
        values |= verb_settings(self.file, SearchConfig, self.plan.search, "search")
        own = filled(system.search or {}, one.filling)
        values |= verb_settings(self.file, SearchConfig, own, "system", system.written, "search")
        with self.at(system):
            values["index"] = self.indexes.of(system, one, model.documents, after)
            source = self._topics(system, one, after)
            if model.name in LEXICAL and model.name != "bm25":
                into = one.docs_lang or self.plan.settings.source_language
                values["table"] = self._table(system, LanguagePair.of(into, source.lang), after)
            if system.candidates is not None:
                values["candidates"] = self._candidates(system, one, seed, after)
            config = assembled(SearchConfig, {**values, **source.settings})
            return self.add(
                Cell(
                    stage="runs",
                    name=self.models.name_of(system, one.label, seed if model.seeded else None),
                    configuration=config,
                    after=tuple(dict.fromkeys(after)),
                )
            )

    def _candidates(
        self, system: SystemPlan, one: TopicSetPlan, seed: int, after: list[str]
    ) -> str:
        other = self.plan.systems[str(system.candidates)]
        if other.fuse is not None or other.candidates is not None:
            raise UsageError(
                f"candidates come from a system that searches all documents, and {other.name!r} "
                "does not"
            )
        self.models.needs.setdefault(system.name, set()).add(other.name)
        key = self._run(other, one, seed, self.models.of(other, one, seed))
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

    def _table(self, system: SystemPlan, pair: LanguagePair, after: list[str]) -> str:
        """The name of a translation table of the system's bitext, of the pair or of its reverse: a
        table serves both, and bitext is named with the plan's source language first.
        """
        if pair.tgt == parse_language(self.plan.settings.source_language):
            pair = LanguagePair(pair.tgt, pair.src)
        part = self.models.part(system, pair)
        name = f"{self.plan.prefix}.{self.models.bitext_name(system)}.{pair}"
        with self.at(system, "table"):
            where = ("system", system.written, "table")
            values = verb_settings(self.file, TableConfig, system.table or {}, *where)
            config = assembled(
                TableConfig,
                values | {"name": name, "sources": part.sources, "files": part.files},
                pair=pair,
            )
        cell = Cell(stage="tables", name=name, configuration=config, after=part.after)
        after.append(self.add(cell))
        return name
