"""The tables of gaps and contrasts, made once for the terminal, Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clirot.evaluation.result import Contrast, Evaluation, Gap
from clirot.evaluation.significance import Interval

LABELS = ("gap", "contrast", "run", "measure")
"""The columns that are aligned to the left."""


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading."""

    heading: str
    rows: Sequence[Mapping[str, str]]
    """Column -> cell; all rows have the same columns, and there is a row at least."""


def contrast_tables(evaluation: Evaluation, *, places: int = 4) -> list[Table]:
    """A table for each kind of gap and contrast that the evaluation has."""
    tables = []
    if evaluation.gaps:
        rows = [_gap_row(evaluation, gap, places) for gap in evaluation.gaps]
        tables.append(Table("", rows))
    kinds = (
        ("Differences of gaps", "gap", evaluation.gap_differences),
        (
            f"Gaps against those of {evaluation.config.baseline} (below 0: narrower)",
            "gap",
            evaluation.gap_changes,
        ),
        ("Contrasts", "contrast", evaluation.contrasts),
    )
    tables += [
        Table(heading, [_contrast_row(evaluation, one, label, places) for one in found])
        for heading, label, found in kinds
        if found
    ]
    return tables


def interval_cell(evaluation: Evaluation, ends: Interval, form: str) -> dict[str, str]:
    """The column of an interval, headed by its level."""
    level = f"{evaluation.config.confidence:.0%} interval"
    return {level: f"{ends.low:{form}} to {ends.high:{form}}"}


def p_text(value: float) -> str:
    """A p-value to four digits, or its order where that would be 0."""
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"


def _gap_row(evaluation: Evaluation, gap: Gap, places: int) -> dict[str, str]:
    return {
        "gap": gap.name,
        "run": gap.system,
        "measure": str(gap.measure),
        "difference": f"{gap.difference:+.{places}f}",
        **interval_cell(evaluation, gap.interval, f"+.{places}f"),
        "relative": "-" if gap.relative is None else f"{gap.relative:+.1%}",
        "topics": pairing(gap),
    }


def pairing(gap: Gap) -> str:
    """How the topics of the two sides belong together."""
    if gap.paired:
        return "paired"
    return f"{gap.shared} shared" if gap.shared else "independent"


def _contrast_row(evaluation: Evaluation, one: Contrast, label: str, places: int) -> dict[str, str]:
    return {
        label: one.name,
        **({} if one.system is None else {"run": one.system}),
        "measure": str(one.measure),
        "difference": f"{one.difference:+.{places}f}",
        **interval_cell(evaluation, one.interval, f"+.{places}f"),
        "p": p_text(one.test.p),
        "p (Holm)": p_text(one.p_adjusted),
        "test": one.how,
        "topics": str(one.topics),
    }


def csv_lines(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """Column of the CSV file -> value, for every gap and contrast."""
    for gap in evaluation.gaps:
        yield {
            "kind": "gap", "run": gap.system, "topic_set": gap.name, "measure": str(gap.measure),
            "value": gap.difference, "low": gap.interval.low, "high": gap.interval.high,
        }  # fmt: skip
    kinds = (
        ("difference of gaps", evaluation.gap_differences),
        ("gap against baseline", evaluation.gap_changes),
        ("contrast", evaluation.contrasts),
    )
    for kind, found in kinds:
        for one in found:
            yield {
                "kind": kind,
                "run": one.system or one.name,
                "topic_set": one.name if one.system is not None else "",
                "measure": str(one.measure), "value": one.difference,
                "low": one.interval.low, "high": one.interval.high,
                "baseline": one.baseline or "", "p": one.test.p, "p_holm": one.p_adjusted,
                "significant": one.significant, "topics": one.topics,
            }  # fmt: skip


def json_fields(evaluation: Evaluation) -> dict[str, list[dict[str, Any]]]:
    """The entries of the JSON document for gaps and contrasts."""
    return {
        "gaps": [_gap_fields(gap) for gap in evaluation.gaps],
        "gap_differences": [_contrast_fields(one) for one in evaluation.gap_differences],
        "gap_changes": [_contrast_fields(one) for one in evaluation.gap_changes],
        "contrasts": [_contrast_fields(one) for one in evaluation.contrasts],
    }


def _gap_fields(gap: Gap) -> dict[str, Any]:
    return {
        "run": gap.system,
        "measure": str(gap.measure),
        "first": list(gap.first),
        "second": list(gap.second),
        "difference": gap.difference,
        "relative": gap.relative,
        "interval": list(gap.interval),
        "paired": gap.paired,
        "shared_topics": gap.shared,
    }


def _contrast_fields(one: Contrast) -> dict[str, Any]:
    named: dict[str, Any]
    if one.system is None:
        named = {"contrast": one.name}
    else:
        named = {"gap": one.name, "run": one.system}
        if one.baseline is not None:
            named["baseline"] = one.baseline
    return named | {
        "measure": str(one.measure),
        "difference": one.difference,
        "interval": list(one.interval),
        "p": one.test.p,
        "exact": one.test.exact,
        "test": one.how,
        "p_holm": one.p_adjusted,
        "significant": one.significant,
        "topics": one.topics,
        "samples": one.samples,
    }
