"""The topics of a report: their texts, their values, and which of them stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from clirot.evaluation.formats import paper_name
from clirot.evaluation.measures import Measure
from clirot.evaluation.report.texts import SetTexts
from clirot.evaluation.result import Evaluation
from clirot.evaluation.samples import averaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

_DIGITS = 7  # of a value, after the point


class SetTopic(NamedTuple):
    """A topic of a topic set."""

    topic_set: str
    topic: str


def topics_of(evaluation: Evaluation) -> list[SetTopic]:
    """Every topic of every topic set, in the order of the judgements."""
    return [SetTopic(name, topic) for name, topics in evaluation.topics.items() for topic in topics]


def leading_measure(evaluation: Evaluation) -> Measure:
    """The first measure that is a mean over topics; the first one where none is."""
    return (averaged(evaluation.measures) or list(evaluation.measures))[0]


def topic_document(
    evaluation: Evaluation,
    topics: Sequence[SetTopic],
    sets: Mapping[str, SetTexts],
    characters: int,
) -> dict[str, Any]:
    """What the list of topics shows, as plain values: a column for each system and measure.

    Args:
        evaluation: the figures.
        topics: every topic.
        sets: their texts.
        characters: after how many a text is cut.
    """
    names = list(evaluation.topics)
    systems = list(evaluation.systems)
    baseline = evaluation.config.baseline
    texts = [sets[one.topic_set].topic_text(one.topic) for one in topics]
    other: dict[int, dict[int, str]] = {}
    for place, one in enumerate(topics):
        for number, system in enumerate(systems):
            read = sets[one.topic_set].read_text(system, one.topic)
            if read is not None and read != texts[place]:
                other.setdefault(place, {})[number] = _cut(read, characters)
    return {
        "systems": systems,
        "baseline": None if baseline is None else systems.index(baseline),
        "measures": [paper_name(measure) for measure in evaluation.measures],
        "level": evaluation.config.rel_level,
        "leading": evaluation.measures.index(leading_measure(evaluation)),
        "counts": [
            measure.definition.aggregate == "sum" for measure in evaluation.measures
        ],
        "sets": [
            {
                "name": name,
                "topicLanguage": sets[name].topic_language,
                "documentLanguage": sets[name].document_language,
            }
            for name in names
        ],
        "ids": [one.topic for one in topics],
        "set": [names.index(one.topic_set) for one in topics],
        "texts": [None if text is None else _cut(text, characters) for text in texts],
        "lengths": {
            place: len(text)
            for place, text in enumerate(texts)
            if text is not None and len(text) > characters
        },
        "read": other,
        "values": [
            [
                _column(evaluation, system, place)
                for place in range(len(evaluation.measures))
            ]
            for system in systems
        ],
    }  # fmt: skip


def _cut(text: str, characters: int) -> str:
    return text[:characters]


def _column(evaluation: Evaluation, system: str, measure: int) -> list[float | None]:
    """The values of a system on all topics; None on the sets that it was not run on."""
    column: list[float | None] = []
    for name, topics in evaluation.topics.items():
        table = evaluation.values.get((system, name))
        if table is None:
            column += [None] * len(topics)
        else:
            column += [_short(value) for value in table[measure].tolist()]
    return column


def _short(value: float) -> float:
    """A number whose JSON is no longer than it needs to be."""
    rounded = round(value, _DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def striking(evaluation: Evaluation, topics: Sequence[SetTopic], count: int) -> list[int]:
    """The places of the topics with the greatest gains and of those with the greatest losses.

    A gain is that of any system over the baseline, in :func:`leading_measure`. Where there is no
    baseline, the topics with the highest and with the lowest values, as means over systems.

    Args:
        evaluation: the figures.
        topics: every topic.
        count: of either kind, at most.
    """
    import numpy as np

    place = evaluation.measures.index(leading_measure(evaluation))
    baseline = evaluation.config.baseline

    def row(system: str) -> Values:
        return np.array(_column(evaluation, system, place), dtype=np.float64)

    rows = np.stack([row(system) for system in evaluation.systems if system != baseline])
    known = ~np.isnan(rows)
    if baseline is not None:
        rows = rows - row(baseline)
        known = ~np.isnan(rows)
        highest = np.where(known, rows, -np.inf).max(axis=0)
        lowest = np.where(known, rows, np.inf).min(axis=0)
    else:
        sums = np.where(known, rows, 0).sum(axis=0)
        highest = lowest = sums / np.maximum(known.sum(axis=0), 1)
    some = np.flatnonzero(known.any(axis=0))
    best = some[np.argsort(-highest[some], kind="stable")][:count]
    worst = some[np.argsort(lowest[some], kind="stable")][:count]
    return list(dict.fromkeys([*best.tolist(), *worst.tolist()]))
