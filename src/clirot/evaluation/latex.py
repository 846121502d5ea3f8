"""An evaluation as LaTeX tables, for the booktabs package."""

from __future__ import annotations

from clirot.evaluation.contrast_tables import LABELS, Table, contrast_tables
from clirot.evaluation.formats import BETTER, WORSE, legend, marked, paper_name, rows_of
from clirot.evaluation.result import Evaluation

_DAGGER, _DOUBLE = "$^{\\dagger}$", "$^{\\ddagger}$"
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    }
)  # fmt: skip


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
        cells = [
            "--"
            if cell.value is None
            else marked(cell, places, "\\textbf{{{}}}", (_DAGGER, _DOUBLE))
            for cell in row.cells
        ]
        lines.append(" & ".join([*labels, *cells]) + " \\\\")
    caption = _latex_safe(legend(evaluation))
    caption = caption.replace(BETTER, _DAGGER).replace(WORSE, _DOUBLE)
    caption = caption.replace("p < ", "$p <$ ")
    lines += ["\\bottomrule", "\\end{tabular}", f"\\caption{{{caption}}}", "\\end{table}", ""]
    for table in contrast_tables(evaluation, places=places):
        lines += _latex_contrasts(table)
    return "\n".join(lines)


def _latex_contrasts(table: Table) -> list[str]:
    head = list(table.rows[0])
    columns = "".join("l" if name in LABELS else "r" for name in head)
    rows = [list(cells.values()) for cells in table.rows]
    title = table.heading or "Gaps between topic sets"
    return [
        "",
        "\\begin{table}",
        "\\centering",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        " & ".join(_heading(name) for name in head) + " \\\\",
        "\\midrule",
        *(" & ".join(map(_latex_safe, cells)) + " \\\\" for cells in rows),
        "\\bottomrule",
        "\\end{tabular}",
        f"\\caption{{{_latex_safe(title)}.}}",
        "\\end{table}",
        "",
    ]


def _heading(name: str) -> str:
    """A column's name with a capital; p-values in italics, as papers write them."""
    first, *rest = name.split(" ")
    written = "$p$" if first == "p" else _latex_safe(first[0].upper() + first[1:])
    return " ".join([written, *map(_latex_safe, rest)])


def _latex_safe(text: str) -> str:
    return text.translate(_LATEX)
