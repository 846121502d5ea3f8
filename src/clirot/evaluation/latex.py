"""An evaluation as a LaTeX table for the booktabs package."""

from __future__ import annotations

from clirot.evaluation.result import Evaluation
from clirot.evaluation.tables import BETTER, WORSE, Cell, legend, paper_name, rows_of


def latex_table(evaluation: Evaluation, *, places: int = 4) -> str:
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
