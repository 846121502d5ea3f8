"""Fused runs as further systems: which runs, by which method, with which settings.

How a fusion is written is said in :mod:`clirot.evaluation.fusion_methods`; the arithmetic is ranx's
(:mod:`clirot.evaluation.ranx_library`). Weights and parameters that are not given can be chosen on
training topics, which are then left out of everything that is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from clirot.errors import InputError, UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.fusion_methods import Fusion
from clirot.evaluation.inputs import Inputs, known_system, read_topic_ids
from clirot.evaluation.measures import Measure
from clirot.records import ProgressSink, Step
from clirot.runs import Qrels, Run

_WITHOUT_SPREAD = {
    **dict.fromkeys(("min-max", "min-max-inverted"), "makes those 1, as found (ranx: 0)"),
    "sum": "gives those equal shares (ranx: 0)",
    "zmuv": "makes those 0, so that they add nothing (rrf looks at ranks instead)",
}
"""Normalisation -> what it makes of hits without a spread of scores."""


def with_fused(
    inputs: Inputs,
    fusions: Sequence[Fusion],
    config: EvaluateConfig,
    measure: Measure,
    progress: ProgressSink,
) -> tuple[Inputs, dict[tuple[str, str], Run]]:
    """The inputs with a further system for each fusion, and the fused runs.

    Topic sets are fused one by one. Where topics are named for tuning, they are taken out of the
    inputs that are returned, and of the fused runs.

    Args:
        inputs: the runs and the judgements.
        fusions: what to fuse, and how.
        config: the topics to tune on, and the relevance level.
        measure: what tuning optimises.
        progress: told of each fusion made.
    """
    from clirot.evaluation import ranx_library

    given = inputs.systems
    _check(fusions, given, config)
    fusions = list(fusions)  # those that are tuned are put in the place of the others
    trained: frozenset[str] = frozenset()
    notes = list(inputs.notes)
    if config.tune_fusion is not None:
        whole = inputs
        training = _training(inputs, config.tune_fusion)
        trained = frozenset(topic for qrels in training.values() for topic in qrels)
        inputs, taken = _without(inputs, trained, config.tune_fusion)
        notes += taken
        for place, fusion in enumerate(fusions):
            if fusion.open:
                fusions[place] = _tuned(fusion, whole, training, measure, config.rel_level)
                notes.append(_said(fusions[place], training, measure, given))
    fused: dict[tuple[str, str], Run] = {}
    for done, fusion in enumerate(fusions, 1):
        together = sorted(fusion.members or given)  # the order of the runs has no effect
        for topic_set in inputs.qrels:
            if all((name, topic_set) in inputs.runs for name in together):
                runs = [inputs.runs[name, topic_set] for name in together]
                notes += _without_spread(fusion, together, runs)
                topics = sorted({topic for run in runs for topic in run.topics} - trained)
                made = ranx_library.fuse(
                    runs, topics, fusion.method, fusion.norm, fusion.settings(together)
                )
                fused[fusion.written, topic_set] = made.named(fusion.written)
        progress(Step("fusing", done, len(fusions), unit="fusions"))
    return replace(inputs, runs={**inputs.runs, **fused}, notes=tuple(notes)), fused


def _check(fusions: Sequence[Fusion], given: Sequence[str], config: EvaluateConfig) -> None:
    """Refuse, before anything is fused, what makes no sense with these systems."""
    for fusion in fusions:
        members = fusion.members or given
        for name in members:
            known_system(name, given)
        if len(members) < 2:
            raise UsageError(
                f"fusion needs at least two runs, and {fusion.written!r} has {len(members)}",
                hint="name two or more runs, or none: then all are fused",
            )
        if fusion.written in given:
            raise UsageError(f"two runs are called {fusion.written!r}; one of them is a fusion")
        if fusions.count(fusion) > 1:
            raise UsageError(f"the fusion {fusion.written!r} is asked for twice")
        if config.tune_fusion is None or not fusion.open:
            fusion.settings(sorted(members))  # what is missing is told before anything is fused
    if config.tune_fusion is not None and not any(fusion.open for fusion in fusions):
        raise UsageError(
            "`tune_fusion`: there is nothing to choose, since no fusion has weights or parameters "
            "that are left open",
            hint="leave out the topics to tune on, or write a fusion without its weights "
            "(`fuse=wsum`)",
        )


def _training(inputs: Inputs, written: str) -> dict[str, Qrels]:
    """The judgements of the training topics: those of a topic set, or those in a file of ids."""
    if written in inputs.qrels:
        return {written: inputs.qrels[written]}
    ids = read_topic_ids(written)
    training: dict[str, Qrels] = {
        name: found
        for name, qrels in inputs.qrels.items()
        if (found := {topic: qrels[topic] for topic in qrels if topic in ids})
    }
    if not training:
        raise InputError(f"`tune_fusion`: none of the topics in {written} is judged")
    return training


def _without(inputs: Inputs, trained: frozenset[str], written: str) -> tuple[Inputs, list[str]]:
    """The inputs without the training topics and their topic set, and what to say of it."""
    notes = []
    kept: dict[str, Qrels] = {}
    for name, qrels in inputs.qrels.items():
        if name == written:
            continue
        kept[name] = {topic: one for topic, one in qrels.items() if topic not in trained}
        label = f"topic set {name}: " if name else ""
        if not any(kept[name].values()):
            raise UsageError(
                f"`tune_fusion`: {label}all topics serve to tune the fusion, so that none is left "
                "to report",
                hint="tune on topics of their own; translations of a topic are the same topic",
            )
        if left_out := len(qrels) - len(kept[name]):
            notes.append(
                f"{label}left out {left_out} of {len(qrels)} topics, which served to tune the "
                "fusion"
            )
    if not kept:
        raise UsageError(
            f"`tune_fusion`: {written!r} is the only topic set, so that none is left to report",
            hint="tune on a topic set of its own",
        )
    runs = {key: run for key, run in inputs.runs.items() if key[1] in kept}
    return replace(inputs, qrels=kept, runs=runs), notes


def _tuned(
    fusion: Fusion, inputs: Inputs, training: Mapping[str, Qrels], measure: Measure, level: int
) -> Fusion:
    """The fusion with the weights and parameters that are best on the training topics."""
    from clirot.evaluation import ranx_library

    members = sorted(fusion.members or inputs.systems)
    # Topic sets may share topic ids: the sets are told apart by a prefix.
    judged: dict[str, Mapping[str, int]] = {}
    scores: list[dict[str, dict[str, float]]] = [{} for _ in members]
    for topic_set, qrels in training.items():
        if any((name, topic_set) not in inputs.runs for name in members):
            continue
        for topic, grades in qrels.items():
            if max(grades.values(), default=0) >= (measure.level or level):
                judged[f"{topic_set} {topic}"] = grades
                for place, name in enumerate(members):
                    documents = inputs.runs[name, topic_set].documents(topic)
                    scores[place][f"{topic_set} {topic}"] = documents
    if not judged or not all(map(any, (one.values() for one in scores))):
        raise UsageError(
            f"fusion {fusion.written!r} cannot be tuned: the runs have no results for training "
            "topics with relevant documents"
        )
    runs = [Run.from_dict(name, one) for name, one in zip(members, scores, strict=True)]
    learned = ranx_library.tune(runs, judged, fusion.method, fusion.norm, measure, level)
    return replace(fusion, learned=learned)


def _said(
    fusion: Fusion, training: Mapping[str, Qrels], measure: Measure, given: Sequence[str]
) -> str:
    weights = fusion.learned.get("weights", ())
    values = dict(zip(sorted(fusion.members or given), weights, strict=False)) | {
        name: value for name, value in fusion.learned.items() if isinstance(value, int | float)
    }
    topics = f"on {sum(map(len, training.values()))} training topics"
    if not values:
        return f"fusion {fusion.written}: its probabilities were learned {topics}"
    chosen = ", ".join(f"{name}={value:g}" for name, value in values.items())
    return f"fusion {fusion.written}: {chosen} chosen {topics} for the best {measure}"


def _without_spread(fusion: Fusion, members: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """What to say of topics on which a run has equal scores only, or a single hit."""
    from clirot.evaluation.normalisation import flat_topics

    said = _WITHOUT_SPREAD.get(fusion.norm or "")
    if said is None:
        return []
    notes = []
    for name, run in zip(members, runs, strict=True):
        if flat := len(flat_topics(run)):
            notes.append(
                f"fusion {fusion.written}: run {name} has a single hit, or hits of one score, "
                f"for {flat} of its topics; {fusion.norm} normalisation {said}"
            )
    return notes
