"""An evaluation as a Markdown table."""

from __future__ import annotations

from clirot.evaluation.result import Evaluation
from clirot.evaluation.tables import Cell, legend, paper_name, rows_of


def markdown_table(evaluation: Evaluation, *, places: int = 4) -> str:
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
