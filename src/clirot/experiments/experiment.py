"""An experiment: a plan that was checked, its cells, and its table."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from clirot.experiments.cells import STAGES, Cell
from clirot.experiments.configuration import ExperimentConfig
from clirot.experiments.evaluating import members_of
from clirot.experiments.plan import Plan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.reading import plan_of
from clirot.experiments.running import Running, Told
from clirot.experiments.work import Work, work_of
from clirot.records import ProgressSink, silent
from clirot.registry import unknown_name
from clirot.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clirot.evaluation.report import SetTexts
    from clirot.experiments.judged_leakage import JudgedLeak
    from clirot.experiments.leakage import Leak
    from clirot.experiments.table import Table


@dataclass(frozen=True)
class Experiment:
    """A plan with its cells. Nothing is made before :meth:`run`."""

    config: ExperimentConfig
    file: PlanFile
    plan: Plan
    work: Work
    store: Store
    systems: tuple[str, ...]
    """The rows of the table, in the order of the plan."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What is to be made, or is there, in an order in which each finds what it needs."""
        chosen = self.config.stages or STAGES
        return tuple(cell for cell in self.work.cells.values() if cell.stage in chosen)

    def run(self, progress: ProgressSink = silent, told: Told = lambda _: None) -> None:
        """Make the cells that are not there.

        Before anything is trained or indexed, the bitext is fetched, and what is trained on is
        compared with the collections.

        Args:
            progress: told how the cells go, with the minutes that are left where that is known.
            told: takes remarks that a person should read.

        Raises:
            UsageError: a collection is bitext of a student, or its topics are trained on.
            PartlyDoneError: some cells could not be made; the others are.
        """
        made = {cell.key: cell for cell in self.cells}
        of_bitext = {key: cell for key, cell in made.items() if cell.stage == "bitext"}
        rest = {key: cell for key, cell in made.items() if key not in of_bitext}
        config = self.config
        running = partial(
            Running, store=self.store, jobs=config.jobs, replace=config.replace,
            progress=progress, told=told,
        )  # fmt: skip
        if of_bitext:  # here, since the nodes of a cluster may have no network
            running(of_bitext).run()
        if any(cell.stage in ("models", "tables") for cell in rest.values()):
            self.check_leaks(progress, told)
        if rest:
            running(rest, cluster=config.cluster).run()

    def check_leaks(self, progress: ProgressSink = silent, told: Told = lambda _: None) -> None:
        """Compare the bitext and the judged topics that are trained on with the collections.

        Raises:
            UsageError: more of a topic set is among them than the plan allows, or there is nothing
                to train on.
        """
        from clirot.experiments.judged_leakage import JudgedOn, judged_leaks
        from clirot.experiments.leakage import TrainedOn, leaks

        seen = {
            one: [each for each in self.plan.topic_sets if each.label in labels]
            for one, labels in self.work.trained_on().items()
        }
        trainings = {one: sets for one, sets in seen.items() if isinstance(one, JudgedOn)}
        judged = judged_leaks(trainings, self.file, self.store, progress)
        if self._refuse(judged, told) == 0 and trainings:
            told(
                f"no leakage: none of the {len(trainings)} sets of judged topics that are trained "
                "on has a topic or a relevant document of the table"
            )
        bitexts = {one: sets for one, sets in seen.items() if isinstance(one, TrainedOn)}
        if self._refuse(leaks(bitexts, self.store, progress), told) == 0 and bitexts:
            told(f"no leakage: none of the {len(bitexts)} bitexts has a sentence of a collection")

    def _refuse(self, leaks: Iterable[Leak | JudgedLeak], told: Told) -> int:
        """Tell leaks, and refuse what is too much; gives how many there were."""
        found = 0
        for leak in leaks:
            if leak.topics > self.plan.settings.most_seen * leak.of_topics:
                raise self.file.error(
                    f"{leak.refusal}: {leak}",
                    "collection",
                    leak.topic_set.collection.name,
                    hint=leak.remedy,
                )
            told(f"leakage: {leak}")
            found += 1
        return found

    def table(self, progress: ProgressSink = silent) -> Table:
        """The table of the runs that the cells made.

        Raises:
            UsageError: a run is not there, or the evaluation asks for something impossible.
        """
        from clirot.experiments.table import table_of

        return table_of(self.plan, self.work, self.systems, self.store, progress)

    def texts(self, table: Table) -> dict[str, SetTexts]:
        """Topic set -> where a page has its texts and its runs from, those of the first seed."""
        from clirot.experiments.set_texts import texts_of

        return texts_of(self.plan, table.evaluation, self.store)


def open_experiment(config: ExperimentConfig, *, store: Store | None = None) -> Experiment:
    """Read a plan, and find out what it asks for.

    Raises:
        InputError: there is no such plan, or a local file that it names cannot be read.
        UsageError: the plan is wrong somewhere, or names a collection that is not there, with file
            and line; or no such system or stage.
    """
    for stage in config.stages:
        if stage not in STAGES:
            raise unknown_name("stage", stage, STAGES)
    store = store if store is not None else Store()
    file = PlanFile.read(config.plan)
    plan = plan_of(file)
    _check_collections(plan, file, store)
    systems = _chosen(plan, config.only)
    work = work_of(plan, file, store).of_systems(_with_members(plan, systems))
    return Experiment(config, file, plan, work, store, systems)


def _check_collections(plan: Plan, file: PlanFile, store: Store) -> None:
    """Refuse a collection that is not there: students are trained before one is opened.

    Raises:
        UsageError: there is none; with the line.
    """
    from clirot.collection import open_collection

    named = {one.id: one.collection.name for one in plan.topic_sets}
    for identifier, name in named.items():
        with file.at("collection", name, "id"):
            open_collection(identifier, home=store.home)


def _chosen(plan: Plan, patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in plan.systems):
            raise unknown_name("system", pattern, plan.systems)
    return tuple(
        name
        for name in plan.systems
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    )


def _with_members(plan: Plan, systems: tuple[str, ...]) -> set[str]:
    """The systems with those that fusions among them are made of."""
    found = set(systems)
    for name in systems:
        if plan.systems[name].fuse is not None:
            found |= set(members_of(plan, plan.systems[name]))
    return found
