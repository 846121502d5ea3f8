"""What a plan asks of its evaluation: checked before anything runs, cut down to some systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from clirot.errors import UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.fusion_methods import Fusion
from clirot.experiments.plan import Plan, SystemPlan, TopicSetPlan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.settings_tables import given
from clirot.registry import unknown_name
from clirot.settings import assembled


def runs_on(system: SystemPlan, one: TopicSetPlan) -> bool:
    """Whether a system is run on a topic set."""
    return any(fnmatchcase(one.label, pattern) for pattern in system.sets)


def members_of(plan: Plan, system: SystemPlan) -> list[str]:
    """The systems that a fusion is made of; all that search where it names none.

    Raises:
        UsageError: it cannot be read, or names what is no system that searches.
    """
    searching = [name for name, one in plan.systems.items() if one.fuse is None]
    named = list(Fusion.parse(str(system.fuse)).members)
    for name in named:
        if name not in searching:
            raise unknown_name("system to fuse", name, searching)
    if len(named or searching) < 2:
        raise UsageError(f"a fusion needs at least two systems, and {system.name!r} has one")
    return named or searching


def check_evaluation(plan: Plan, file: PlanFile) -> None:
    """Read everything that the plan asks of its evaluation, without a run.

    Raises:
        UsageError: something cannot be read or names what is not there; with the line.
    """
    from clirot.evaluation.contrasts import WrittenContrast
    from clirot.evaluation.gaps import parse_gap
    from clirot.evaluation.procedure import Asked

    fusions: dict[str, str] = {}
    for system in plan.systems.values():
        if system.fuse is not None:
            with file.at("system", system.written, "fuse"):
                members_of(plan, system)
                same = fusions.setdefault(system.fuse, system.name)
                if same != system.name:
                    raise UsageError(
                        f"{same!r} and {system.name!r} are the same fusion, {system.fuse!r}"
                    )
    for key, value in plan.evaluate.items():
        with file.at("evaluate", key):
            # Tuning is a setting beside the fusions, and those are systems of the plan.
            config = _config({key: value, "fuse": list(fusions)})
            if key == "baseline" and value not in plan.systems:
                raise unknown_name("system", value, plan.systems)
            if key in ("metrics", "expect", "contrasts"):
                for one in Asked.of(config).expectations:
                    if one.system is not None and one.system not in plan.systems:
                        raise unknown_name("system", one.system, plan.systems)
            hollow = _hollow(plan, config)
            for text in config.gaps:
                parse_gap(text, hollow)
            for text in config.contrasts:
                WrittenContrast.parse(text).resolved(hollow)
    with file.at("evaluate"):
        _config({**plan.evaluate, "fuse": list(fusions)})


def config_for(
    plan: Plan, systems: Iterable[str]
) -> tuple[EvaluateConfig, dict[str, str], tuple[str, ...]]:
    """The evaluation of some systems of the plan.

    Returns:
        The configuration, fusions among it; a fusion as it is written -> the system's name; and
        what was left out because it needs other systems.
    """
    chosen = list(systems)
    fused = {
        str(plan.systems[name].fuse): name for name in chosen if plan.systems[name].fuse is not None
    }
    values, notes = dict(plan.evaluate), []
    if values.get("baseline") not in (None, *chosen):
        notes.append(f"nothing is tested: the baseline {values.pop('baseline')} is left out")
    kept: list[str] = []
    lost: list[str] = []
    for text in values.get("contrasts", ()):
        named = _named(text, plan.systems)
        (kept if named <= set(chosen) else lost).append(text)
    if lost:
        values["contrasts"] = kept
        notes.append(f"{len(lost)} contrasts are left out: they are of other systems too")
    return _config(values | {"fuse": list(fused)}), fused, tuple(notes)


def _config(table: Mapping[str, Any]) -> EvaluateConfig:
    return assembled(EvaluateConfig, given(EvaluateConfig, table))


def _named(text: str, systems: Iterable[str]) -> set[str]:
    """The systems in the brackets of a contrast."""
    from clirot.evaluation.contrasts import WrittenContrast

    found = set()
    for _, name in WrittenContrast.parse(text).terms:
        found.add(name if name in systems else name.rpartition("@")[0])
    return found


def _hollow(plan: Plan, config: EvaluateConfig) -> Any:
    """An evaluation that has the systems and the topic sets of the plan, and no figures."""
    from clirot.evaluation.inputs import Inputs
    from clirot.evaluation.result import Evaluation

    places: Sequence[tuple[str, str]] = [
        (name, one.label)
        for name, system in plan.systems.items()
        for one in plan.topic_sets
        if runs_on(system, one)
    ]
    nothing: Any = dict.fromkeys(places)
    qrels: Any = {one.label: {} for one in plan.topic_sets}
    return Evaluation(config, (), Inputs(nothing, qrels, frozenset(), {}), nothing, {}, ())
