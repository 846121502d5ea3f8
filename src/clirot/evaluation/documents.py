"""An evaluation as text for other programs and for papers: JSON, CSV, Markdown, LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from clirot.evaluation.result import Evaluation
from clirot.evaluation.tables import BETTER, WORSE, Cell, legend, paper_name, rows_of
from clirot.registry import Registry
from clirot.version import __version__

if TYPE_CHECKING:
    from clirot.evaluation.compared import Comparison, Gap
    from clirot.evaluation.significance import Interval


def json_document(evaluation: Evaluation, *, per_topic: bool = False) -> dict[str, Any]:
    """Everything, as one document of plain values.

    ``runs`` has an entry for each system and topic set, with ``means`` by canonical measure name;
    for several topic sets also the ``overall`` ones.
    """
    config = evaluation.config
    runs = []
    for topic_set in evaluation.topic_sets:
        for system in evaluation.systems:
            means = {
                str(measure): evaluation.figure(system, measure, topic_set)
                for measure in evaluation.measures
            }
            if None in means.values():
                continue
            entry: dict[str, Any] = {"name": system, "topic_set": topic_set or None, "means": means}
            if evaluation.intervals is not None:
                entry["intervals"] = {
                    str(measure): _ends(evaluation.intervals[system, topic_set, measure])
                    for measure in evaluation.measures
                    if (system, topic_set, measure) in evaluation.intervals
                }
            if (system, topic_set) in evaluation.values:
                matching = evaluation.matchings[system, topic_set]
                entry["source"] = evaluation.sources.get((system, topic_set))
                entry["topics"] = len(matching.judgements.topics)
                entry["topics_without_results"] = list(matching.missing_topics)
                entry["topics_not_judged"] = list(matching.unknown_topics)
                if per_topic:
                    entry["per_topic"] = evaluation.per_topic(system, topic_set)
            runs.append(entry)
    return {
        "clirot": __version__,
        "judgements": config.collection or str(config.qrels or ""),
        "rel_level": config.rel_level,
        "measures": [str(measure) for measure in evaluation.measures],
        "runs": runs,
        "baseline": config.baseline,
        "test": {
            "name": config.test,
            "alpha": config.alpha,
            "correction": "holm",
            "samples": config.samples,
            "seed": config.seed,
            "confidence": config.confidence,
        }
        if config.baseline or config.gaps or config.intervals
        else None,
        "comparisons": [_comparison_fields(one) for one in evaluation.comparisons],
        "gaps": [_gap_fields(gap) for gap in evaluation.gaps],
        "expectations": [
            {"expected": o.written, "run": o.system, "value": o.value, "met": o.met}
            for o in evaluation.outcomes
        ],
        "notes": list(evaluation.notes),
    }


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _comparison_fields(one: Comparison) -> dict[str, Any]:
    return {
        "run": one.system,
        "baseline": one.baseline,
        "topic_set": one.topic_set or None,
        "measure": str(one.measure),
        "difference": one.difference,
        "interval": _ends(one.interval),
        "p": one.test.p,
        "exact": one.test.exact,
        "p_holm": one.p_adjusted,
        "significant": one.significant,
        "effect": one.effect if abs(one.effect) != float("inf") else None,
        "topics": one.topics,
        "better": one.better,
        "worse": one.worse,
    }


def _gap_fields(gap: Gap) -> dict[str, Any]:
    return {
        "run": gap.system,
        "measure": str(gap.measure),
        "first": list(gap.first),
        "second": list(gap.second),
        "difference": gap.difference,
        "relative": gap.relative,
        "interval": _ends(gap.interval),
        "paired": gap.paired,
    }


def csv_document(evaluation: Evaluation, *, per_topic: bool = False) -> str:
    """One line a figure, with its interval and its comparison; or one a topic."""
    return _csv(_topic_lines(evaluation) if per_topic else _figure_lines(evaluation))


def _csv(lines: Iterable[Sequence[object]]) -> str:
    import csv
    import io

    text = io.StringIO()
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
            ends = ["", ""] if interval is None else _ends(interval)
            one = evaluation.comparison(row.system, measure, row.topic_set)
            compared: list[object] = [""] * 11
            if one is not None:
                compared = [
                    one.baseline, one.difference, *_ends(one.interval), one.test.p, one.p_adjusted,
                    one.significant, one.effect, one.topics, one.better, one.worse,
                ]  # fmt: skip
            yield [row.system, row.topic_set, str(measure), cell.value, *ends, *compared]


def markdown_document(evaluation: Evaluation, *, places: int = 4) -> str:
    """A pipe table, best figures bold, with a line that says what the marks mean."""
    head = [*(["topics"] if evaluation.multiple else []), "run"]
    names = [paper_name(measure) for measure in evaluation.measures]
    lines = [
        "| " + " | ".join([*head, *names]) + " |",
        "|" + "---|" * len(head) + "---:|" * len(names),
    ]
    for row in rows_of(evaluation):
        labels = [_pipe_safe(label) for label in [row.topic_set, row.system][-len(head) :]]
        cells = [_markdown_cell(cell, places) for cell in row.cells]
        lines.append("| " + " | ".join([*labels, *cells]) + " |")
    return "\n".join([*lines, "", legend(evaluation), ""])


def _pipe_safe(text: str) -> str:
    return text.replace("|", "\\|")


def _markdown_cell(cell: Cell, places: int) -> str:
    text = cell.text(places)
    return (f"**{text}**" if cell.best else text) + cell.mark


def latex_document(evaluation: Evaluation, *, places: int = 4) -> str:
    r"""A ``table`` environment for the booktabs package, best figures bold, marks explained."""
    several = evaluation.multiple
    names = [_latex_safe(paper_name(measure)) for measure in evaluation.measures]
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        f"\\begin{{tabular}}{{{'ll' if several else 'l'}{'r' * len(names)}}}",
        "\\toprule",
        " & ".join([*(["Topics"] if several else []), "Run", *names]) + " \\\\",
    ]
    topic_set = None
    for row in rows_of(evaluation):
        first = row.topic_set != topic_set
        if first:
            lines.append("\\midrule")
            topic_set = row.topic_set
        labels = [_latex_safe(row.topic_set) if first else ""] if several else []
        labels.append(_latex_safe(row.system))
        cells = [_latex_cell(cell, places) for cell in row.cells]
        lines.append(" & ".join([*labels, *cells]) + " \\\\")
    caption = _latex_safe(legend(evaluation))
    caption = caption.replace(BETTER, "$^{\\dagger}$").replace(WORSE, "$^{\\ddagger}$")
    caption = caption.replace("p < ", "$p <$ ")
    return "\n".join(
        [*lines, "\\bottomrule", "\\end{tabular}", f"\\caption{{{caption}}}", "\\end{table}", ""]
    )


def _latex_cell(cell: Cell, places: int) -> str:
    text = "--" if cell.value is None else cell.text(places)
    if cell.best:
        text = f"\\textbf{{{text}}}"
    marks = {BETTER: "$^{\\dagger}$", WORSE: "$^{\\ddagger}$", "": ""}
    return text + marks[cell.mark]


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    }
)  # fmt: skip


def _latex_safe(text: str) -> str:
    return text.translate(_LATEX)


Writer = Callable[[Evaluation, bool, int], str]


def _json(evaluation: Evaluation, per_topic: bool, places: int) -> str:
    import json

    document = json_document(evaluation, per_topic=per_topic)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


WRITERS: Registry[Writer] = Registry(
    "format",
    {
        "json": _json,
        "csv": lambda evaluation, per_topic, places: csv_document(evaluation, per_topic=per_topic),
        "markdown": lambda evaluation, per_topic, places: markdown_document(
            evaluation, places=places
        ),
        "latex": lambda evaluation, per_topic, places: latex_document(evaluation, places=places),
    },
)
"""Formats by name: (evaluation, per topic, decimal places) -> text."""
