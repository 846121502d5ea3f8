"""The steps of an evaluation: fuse, measure, compare, check what was expected."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from clirot.counted import counted
from clirot.errors import InputError, UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.contrasts import WrittenContrast
from clirot.evaluation.fusion_methods import Fusion
from clirot.evaluation.gold import Gold, Sources, check_needs, values_of
from clirot.evaluation.inputs import Inputs, known_system
from clirot.evaluation.measures import Measure, measure_names, parse_measure, read_measures
from clirot.evaluation.own_documents import own_found, without_own
from clirot.evaluation.result import Evaluation, Outcome
from clirot.records import ProgressSink
from clirot.runs import Qrels, Run

_DEFAULT_METRICS = EvaluateConfig().metrics
_EXPECTATION = re.compile(
    r"(?:(?P<system>[^<>=:]+):)?(?P<measure>[^<>=:]+(?:\([^()]*\)[^<>=:]*)?)"
    r"(?P<sign>>=|<=|==|>|<)(?P<value>[^<>=]+)"
)
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq,
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a configuration asks for, its names looked up before any run is read."""

    config: EvaluateConfig
    measures: tuple[Measure, ...]
    fusions: tuple[Fusion, ...]
    contrasts: tuple[WrittenContrast, ...]
    expectations: tuple[_Expectation, ...]
    predicting: bool = False
    """Whether the runs are what readers answered."""
    renamed: bool = False
    """Whether systems get their names after they were measured, so that the baseline is looked up
    then."""

    @classmethod
    def of(
        cls, config: EvaluateConfig, *, predicting: bool = False, renamed: bool = False
    ) -> Asked:
        """Read what is written in a configuration.

        Raises:
            UnknownNameError: there is no such measure or fusion.
            UsageError: a contrast or an expectation cannot be read, or there is no measure.
        """
        expectations = tuple(_Expectation.parse(text) for text in config.expect)
        metrics = config.metrics
        if predicting and metrics == _DEFAULT_METRICS:
            metrics = ("em", "answer-f1")
        measures = tuple(
            dict.fromkeys(
                [
                    *(
                        measure
                        for text in metrics
                        for name in measure_names(text)
                        for measure in read_measures(name)
                    ),
                    *(expectation.measure for expectation in expectations),
                ]
            )
        )
        if not measures:
            raise UsageError("no measure to compute", hint="for example `metrics=map`")
        return cls(
            config,
            measures,
            tuple(Fusion.parse(text) for text in config.fuse),
            tuple(WrittenContrast.parse(text) for text in config.contrasts),
            expectations,
            predicting,
            renamed,
        )


def run_evaluation(
    sources: Sources,
    config: EvaluateConfig,
    progress: ProgressSink,
) -> Evaluation:
    """Evaluate as ``config`` says.

    Args:
        sources: give the runs, the judgements and what else measures need. They are asked after
            the names of measures and fusions have been checked, because runs may be large.
        config: what to evaluate and how.
        progress: is told of each fusion and comparison made.
    """
    asked = Asked.of(config, predicting=sources.predicting)
    gold = sources.gold(asked.measures)
    check_needs(asked.measures, gold, predicting=sources.predicting)
    evaluation = measured(asked, sources.inputs(gold), lambda _: gold, progress)
    return concluded(asked, evaluation, progress)


def measured(
    asked: Asked, inputs: Inputs, gold_of: Callable[[str], Gold], progress: ProgressSink
) -> Evaluation:
    """Fuse, and compute the measures of every topic; nothing is compared yet.

    Args:
        asked: what is asked for.
        inputs: the runs and the judgements.
        gold_of: from a topic set to what measures need beside its judgements.
        progress: is told of each fusion made.

    Raises:
        UnknownNameError: the baseline is no system.
    """
    config = asked.config
    if config.leave_out_own:
        inputs = without_own(inputs)
    fused: dict[tuple[str, str], Run] = {}
    if asked.fusions:
        from clirot.evaluation.fusion import with_fused

        optimised = parse_measure(config.tune_measure) if config.tune_measure else asked.measures[0]
        inputs, fused = with_fused(inputs, asked.fusions, config, optimised, progress)
    if config.baseline is not None and not asked.renamed:
        known_system(config.baseline, inputs.systems)
    gold = _with_texts({one: gold_of(one) for one in inputs.topics}, asked, inputs)
    values, notes = {}, list(inputs.notes)
    for (system, topic_set), run in inputs.runs.items():
        label = f"{system}@{topic_set}" if topic_set else system
        what = _ANSWERS if asked.predicting else _RESULTS
        notes += _notes(label, run, inputs.topics[topic_set], inputs.judged, what)
        if not asked.predicting:
            notes += _strange(label, run, inputs.qrels[topic_set])
            notes += _in_another_form(label, run, inputs.qrels[topic_set])
            notes += own_found(label, run, inputs.qrels[topic_set])
        values[system, topic_set] = values_of(
            asked.measures, run, inputs.qrels[topic_set], gold[topic_set], level=config.rel_level
        )
    return Evaluation(config, asked.measures, inputs, values, fused, tuple(notes))


def _with_texts(gold: Mapping[str, Gold], asked: Asked, inputs: Inputs) -> dict[str, Gold]:
    """Topic set -> its gold with texts of documents, read once for all sets that share it."""
    found: dict[str, Gold] = {}
    for one, shared in gold.items():
        if one not in found:
            sets = [other for other, its in gold.items() if its is shared]
            found |= dict.fromkeys(sets, shared.with_texts(asked.measures, inputs, sets))
    return found


def concluded(asked: Asked, evaluation: Evaluation, progress: ProgressSink) -> Evaluation:
    """Compare what was measured, and check what was expected of it.

    Raises:
        UnknownNameError: the baseline is no system.
    """
    config = asked.config
    if config.baseline is not None:
        known_system(config.baseline, evaluation.systems)
    if config.intervals or config.baseline is not None or config.gaps or asked.contrasts:
        from clirot.evaluation.comparison import with_comparisons

        evaluation = with_comparisons(evaluation, asked.contrasts, progress)
    outcomes = tuple(o for one in asked.expectations for o in one.outcomes(evaluation))
    return replace(evaluation, outcomes=outcomes)


_RESULTS = ("no results for {0} of {1} topics, which count as 0 (as in trec_eval -c)", "judged")
_ANSWERS = ("no answer to {0} of {1} topics, which counts as 0", "given a gold answer")


def _notes(
    label: str,
    run: Run,
    topics: Sequence[str],
    judged: Collection[str],
    what: tuple[str, str],
) -> Iterator[str]:
    missing = [topic for topic in topics if topic not in run.index]
    if len(missing) == len(topics):
        raise InputError(
            f"run {label}: none of its topics is {what[1]}",
            hint=f"it has {', '.join(map(repr, run.topics[:3]))}; the judgements have "
            + ", ".join(map(repr, topics[:3])),
        )
    if missing:
        yield f"run {label}: {what[0].format(len(missing), len(topics))}: {_some(missing)}"
    unjudged = [topic for topic in run.topics if topic not in judged]
    if unjudged:
        yield (
            f"run {label}: left out {len(unjudged)} of its topics, which the judgements lack: "
            f"{_some(unjudged)}"
        )


def _strange(label: str, run: Run, qrels: Qrels) -> Iterator[str]:
    found = (docno in qrels[topic] for topic in qrels for docno in run.documents(topic))
    if not any(found):
        yield (
            f"run {label}: none of the documents it retrieved is judged; are these judgements of "
            "the same collection?"
        )


def _in_another_form(label: str, run: Run, qrels: Qrels) -> Iterator[str]:
    """What to say of ids that are in the judgements as well, but with other code points: é as one
    character or as two. They do not match, to trec_eval as well.
    """
    judged = set(qrels) | {docno for docs in qrels.values() for docno in docs}
    if "".join(judged).isascii():
        return
    wanted = {unicodedata.normalize("NFC", one) for one in judged}
    there = dict.fromkeys([*run.topics, *(d for topic in qrels for d in run.documents(topic))])
    others = [
        one
        for one in there
        if one not in judged and not one.isascii() and unicodedata.normalize("NFC", one) in wanted
    ]
    if others:
        yield (
            f"run {label}: {counted(len(others), 'id is', 'ids are')} written otherwise than in "
            "the judgements (accents composed or decomposed, Unicode NFC and NFD), so there is no "
            f"match: {_some(others)}"
        )


def _some(topics: Sequence[str]) -> str:
    return ", ".join(topics[:5]) + (", ..." if len(topics) > 5 else "")


@dataclass(frozen=True)
class _Expectation:
    """A figure that must hold: ``map>=0.45``, or ``colbert:map>=0.45`` for one system."""

    written: str
    system: str | None
    measure: Measure
    sign: str
    value: float

    @classmethod
    def parse(cls, text: str) -> _Expectation:
        parts = _EXPECTATION.fullmatch(text.strip())
        try:
            value = float(parts["value"]) if parts else None
        except ValueError:
            value = None
        if parts is None or value is None or value != value:
            raise UsageError(
                f"cannot read the expectation {text!r}",
                hint="write MEASURE>=VALUE, such as map>=0.45, or RUN:MEASURE>=VALUE",
            )
        system = parts["system"].strip() if parts["system"] else None
        return cls(text.strip(), system, parse_measure(parts["measure"]), parts["sign"], value)

    def outcomes(self, evaluation: Evaluation) -> Iterator[Outcome]:
        systems = evaluation.systems
        for system in systems if self.system is None else [known_system(self.system, systems)]:
            value = evaluation.figure(system, self.measure)
            if value is None:
                raise UsageError(
                    f"expectation {self.written!r}: run {system!r} is not there for all topic sets"
                )
            yield Outcome(self.written, system, value, _SIGNS[self.sign](value, self.value))
