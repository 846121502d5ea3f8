"""An evaluation as CSV: a line for each figure, or for each topic."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from clirot.evaluation.result import Evaluation
from clirot.evaluation.tables import rows_of


def csv_text(evaluation: Evaluation, *, per_topic: bool = False) -> str:
    """A line for each figure, with its interval and its comparison; or a line for each topic."""
    text = io.StringIO()
    lines = _topic_lines(evaluation) if per_topic else _figure_lines(evaluation)
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _topic_lines(evaluation: Evaluation) -> Iterable[Sequence[object]]:
    yield ["run", "topic_set", "topic", *(str(measure) for measure in evaluation.measures)]
    for (system, topic_set), table in evaluation.values.items():
        for topic, column in zip(evaluation.topics[topic_set], table.T.tolist(), strict=True):
            yield [system, topic_set, topic, *column]


def _figure_lines(evaluation: Evaluation) -> Iterable[Sequence[object]]:
    yield [
        "run", "topic_set", "measure", "value", "low", "high", "baseline", "difference",
        "difference_low", "difference_high", "p", "p_holm", "significant", "effect", "topics",
        "better", "worse",
    ]  # fmt: skip
    for row in rows_of(evaluation):
        for measure, cell in zip(evaluation.measures, row.cells, strict=True):
            if cell.value is None:
                continue
            interval = (evaluation.intervals or {}).get((row.system, row.topic_set, measure))
            ends = ["", ""] if interval is None else [interval.low, interval.high]
            one = evaluation.comparison(row.system, measure, row.topic_set)
            compared: list[object] = [""] * 11
            if one is not None:
                compared = [
                    one.baseline, one.difference, one.interval.low, one.interval.high,
                    one.test.p, one.p_adjusted, one.significant, one.effect, one.topics,
                    one.better, one.worse,
                ]  # fmt: skip
            yield [row.system, row.topic_set, str(measure), cell.value, *ends, *compared]
