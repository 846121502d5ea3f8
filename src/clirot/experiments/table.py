"""The table of a plan: the runs of its cells, evaluated together.

Topic sets of all collections stand in one evaluation, so that ``overall`` is the mean over all of
them. A topic is one observation in all the languages and wordings that it has, and topics of two
collections are two, whatever their ids. With several seeds, the value of a topic is its mean over
the seeds: the tests are about these students, not about all that other seeds might make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from clirot.collection import open_collection
from clirot.collection.topic_source import TopicSource, read_topic_set
from clirot.distillation import DistillConfig, DistillResult
from clirot.errors import ArtefactError, UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.gold import Gold, check_needs, read_gold
from clirot.evaluation.inputs import Inputs
from clirot.evaluation.measures import Measure
from clirot.evaluation.procedure import Asked, concluded, measured
from clirot.experiments.evaluating import config_for, runs_on
from clirot.experiments.plan import Plan, TopicSetPlan
from clirot.experiments.work import Work
from clirot.records import ProgressSink, Step, silent
from clirot.runs import SAVED_RUN, Qrels, Run, read_run
from clirot.store import Artefact, Store
from clirot.supervision import TrainConfig, TrainResult
from clirot.supervision.configuration import MEASURES

if TYPE_CHECKING:
    from clirot.evaluation.result import Evaluation

T = TypeVar("T")
_NO_MEAN = ("macro_f1",)
"""How measures sum up that are no figures of topics: seeds cannot be averaged topic by topic."""


@dataclass(frozen=True)
class Table:
    """What came of a plan."""

    evaluation: Evaluation
    by_seed: Mapping[int, Evaluation]
    """Seed -> the evaluation of its students alone, without tests; one entry where there is one
    seed."""
    plan: Plan
    students: Mapping[str, tuple[float, float, int]]
    """Student -> MAP on the development split before training and of the student that was kept,
    and the epoch that was kept; 0: none was better."""
    trained: Mapping[str, tuple[str, float, float, int]]
    """Model that was trained on judged topics -> what was measured on its held-out topics, before
    training and as it was kept, and the epoch that was kept; 0: none was better."""

    @property
    def made_with(self) -> tuple[str, ...]:
        """How the table was made, in a few lines."""
        seeds = ", ".join(map(str, self.by_seed))
        said = "values are means over the seeds, rankings are those of the first"
        return (
            f"clirot experiment, plan of SHA-256 {self.plan.digest}",
            f"seeds: {seeds}" + (f" ({said})" if len(self.by_seed) > 1 else ""),
        )


def table_of(
    plan: Plan,
    work: Work,
    systems: Sequence[str],
    store: Store,
    progress: ProgressSink = silent,
) -> Table:
    """Evaluate the runs of the cells.

    Args:
        plan: the plan.
        work: its cells.
        systems: the rows of the table; fusions may be made of others too.
        store: where the runs are.
        progress: told of the runs that are read and of the tests.

    Raises:
        ArtefactError: a run is not there.
        UsageError: the evaluation asks for what the runs cannot give.
    """
    return _Making(plan, work, tuple(systems), store, progress).table()


@dataclass(frozen=True)
class _Making:
    plan: Plan
    work: Work
    systems: tuple[str, ...]
    store: Store
    progress: ProgressSink
    _read: dict[str, Run] = field(default_factory=dict)
    """Name in the store -> the run: those without a seed are there for every seed."""

    @cached_property
    def _prefixes(self) -> Mapping[str, str]:
        return {one.label: self.plan.topic_prefix(one) for one in self.plan.topic_sets}

    def table(self) -> Table:
        config, fused, notes = config_for(self.plan, self.systems)
        asked = Asked.of(config, renamed=True)
        seeds = self.plan.settings.seeds
        trained = any(len(keys) > 1 for keys in self.work.runs.values())
        artefacts = self._artefacts()
        # Wordings of one language have the same judgements, and languages the same gold.
        judged: dict[Any, Qrels] = {}
        known: dict[Any, Gold] = {}
        qrels, gold = {}, {}
        for one in self.plan.topic_sets:
            documents = (one.id, one.docs_lang)
            topics = (*documents, one.lang, one.collection.every)
            if topics not in judged:
                judged[topics] = self._qrels(one)
            if documents not in known:
                known[documents] = self._gold(one, config, asked.measures)
            qrels[one.label], gold[one.label] = judged[topics], known[documents]
        by_seed = {}
        for place, seed in enumerate(seeds if trained else seeds[:1]):
            inputs = self._inputs(artefacts, qrels, place)
            found = measured(asked, inputs, gold.__getitem__, self.progress)
            by_seed[seed] = self._arranged(found, fused)
        evaluation = concluded(asked, self._averaged(by_seed), self.progress)
        evaluation = replace(evaluation, notes=(*notes, *evaluation.notes))
        return Table(evaluation, by_seed, self.plan, self._students(), self._trained())

    def _artefacts(self) -> dict[tuple[str, str], tuple[Artefact, ...]]:
        found = {}
        for place, keys in self.work.runs.items():
            names = [self.work.cells[key].name for key in keys]
            for name in names:
                if not self.store.has("runs", name):
                    raise ArtefactError(
                        f"there is no run {name} yet",
                        hint="run the plan without `stages`, or the commands of all its stages",
                    )
            found[place] = tuple(self.store.get("runs", name) for name in names)
        return found

    def _students(self) -> dict[str, tuple[float, float, int]]:
        found = {}
        for cell in self.work.cells.values():
            if isinstance(cell.configuration, DistillConfig):
                student = DistillResult(self.store.get("models", cell.name), fresh=False)
                scores, kept = student.development, student.best_epoch
                found[cell.name] = (scores[0], scores[kept], kept)
        return found

    def _trained(self) -> dict[str, tuple[str, float, float, int]]:
        found = {}
        for cell in self.work.cells.values():
            if isinstance(cell.configuration, TrainConfig):
                model = TrainResult(self.store.get("models", cell.name), fresh=False)
                scores, kept = model.development, model.best_epoch
                found[cell.name] = (MEASURES[model.measure], scores[0], scores[kept], kept)
        return found

    def _qrels(self, one: TopicSetPlan) -> Qrels:
        """The judgements of the topics that are searched for."""
        collection = open_collection(one.id, one.docs_lang, home=self.store.home)
        source = TopicSource(collection=one.id, lang=one.lang, every=one.collection.every)
        kept = {topic.id for topic in read_topic_set(source, home=self.store.home).topics}
        return {
            topic: documents
            for topic, documents in collection.qrels(one.lang).items()
            if topic in kept
        }

    def _gold(self, one: TopicSetPlan, config: EvaluateConfig, measures: Sequence[Measure]) -> Gold:
        # Answers are looked for in the documents, and so are those of their language.
        answers = config.answers_lang
        if any(measure.definition.needs == "answers" for measure in measures):
            answers = answers or one.docs_lang
        of_set = replace(config, collection=one.id, docs_lang=one.docs_lang, answers_lang=answers)
        gold = read_gold(of_set, measures)
        check_needs(measures, gold, predicting=False)
        return gold

    def _inputs(
        self,
        artefacts: Mapping[tuple[str, str], tuple[Artefact, ...]],
        qrels: Mapping[str, Qrels],
        place: int,
    ) -> Inputs:
        """The runs of a seed, by its place among the seeds, and those that have no seed."""
        runs: dict[tuple[str, str], Run] = {}
        sources: dict[tuple[str, str], str] = {}
        for done, ((system, label), found) in enumerate(artefacts.items(), start=1):
            artefact = found[place if len(found) > 1 else 0]
            if artefact.name not in self._read:
                run = read_run(artefact.path / SAVED_RUN, name=system)
                if self.plan.systems[system].topics is not None:
                    run = _only(run, qrels[label])
                self._read[artefact.name] = run
            runs[system, label] = self._read[artefact.name]
            sources[system, label] = f"runs/{artefact.name} sha256:{artefact.digest}"
            self.progress(Step("reading runs", done, len(artefacts), unit="runs"))
        judged = frozenset(topic for one in qrels.values() for topic in one)
        saved = {where: found[place if len(found) > 1 else 0] for where, found in artefacts.items()}
        return Inputs(runs, qrels, judged, sources, saved=saved)

    def _arranged(self, found: Evaluation, fused: Mapping[str, str]) -> Evaluation:
        """The rows in the order of the plan, fusions under their names, topics told apart by
        collection.
        """
        named = {written: fused.get(written, written) for written in found.inputs.systems}
        of = {named[written]: written for written in named if named[written] in self.systems}
        order = [
            (name, one.label)
            for one in self.plan.topic_sets
            for name in self.systems
            if (of[name], one.label) in found.inputs.runs
            and runs_on(self.plan.systems[name], one)  # a fusion is made wherever its members are
        ]
        qrels = {
            label: {self._topic(label, topic): judged for topic, judged in one.items()}
            for label, one in found.inputs.qrels.items()
        }
        inputs = replace(
            found.inputs,
            runs={
                (name, label): self._run(label, found.inputs.runs[of[name], label].named(name))
                for name, label in order
            },
            qrels=qrels,
            judged=frozenset(topic for one in qrels.values() for topic in one),
            sources=_chosen(found.inputs.sources, order, of),
            saved=_chosen(found.inputs.saved, order, of),
        )
        return replace(
            found,
            inputs=inputs,
            values={(name, label): found.values[of[name], label] for name, label in order},
            fused={
                (name, label): inputs.runs[name, label]
                for name, label in order
                if (of[name], label) in found.fused
            },
        )

    def _topic(self, label: str, topic: str) -> str:
        """A topic's id; with the collection's name where there are several collections."""
        return self._prefixes[label] + topic

    def _run(self, label: str, run: Run) -> Run:
        return replace(run, topics=tuple(self._topic(label, topic) for topic in run.topics))

    def _averaged(self, by_seed: Mapping[int, Evaluation]) -> Evaluation:
        """The mean over seeds of the value of every topic."""
        every = list(by_seed.values())
        first = every[0]
        if len(every) == 1:
            return first
        for measure in first.measures:
            if measure.definition.aggregate in _NO_MEAN:
                raise UsageError(
                    f"{measure} is no figure of single topics, and cannot be averaged over the "
                    f"{len(every)} seeds of the plan",
                    hint="run the plan with one seed for it",
                )
        values: dict[tuple[str, str], Any] = {
            place: np.mean([one.values[place] for one in every], axis=0) for place in first.values
        }
        notes = tuple(dict.fromkeys(note for one in every for note in one.notes))
        return replace(first, values=values, notes=notes)


def _only(run: Run, topics: Iterable[str]) -> Run:
    """The run on some topics."""
    kept = {topic: run.documents(topic) for topic in topics if topic in run.index}
    return run if len(kept) == len(run.topics) else Run.from_dict(run.name, kept)


def _chosen(
    table: Mapping[tuple[str, str], T], order: Sequence[tuple[str, str]], of: Mapping[str, str]
) -> dict[tuple[str, str], T]:
    """The entries of these systems and topic sets, where there are any, under their new names."""
    return {
        (name, label): table[of[name], label] for name, label in order if (of[name], label) in table
    }
