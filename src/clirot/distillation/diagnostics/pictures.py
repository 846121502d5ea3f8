"""A transport plan as a heat map, and the course of a training as a row of charts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError
from clirot.figures import FAINT, GRID, INK, families_for, save, spelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from clirot.distillation.diagnostics.alignment import Alignment

_CELL_INCHES = 0.36
_MOST_INCHES = 24.0  # of either side; for longer sentences the cells get smaller
_LABEL_INCHES = 0.085  # a character of a label, at full size
_WRITTEN = 0.2  # shares from here on are also written into their cells


def draw(alignment: Alignment, path: str | Path, *, title: str = "") -> None:
    """Write the plan as a heat map. The suffix decides the format (png, pdf, svg).

    The shade of a cell is its share of the row's mass, so that each row sums to 1. Special tokens
    are grey. Letters that no installed font has are spelled in Latin letters.

    Raises:
        UsageError: the suffix is not that of a format that can be drawn.
        ArtefactError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    rows, columns = alignment.plan.shape
    cell = min(_CELL_INCHES, _MOST_INCHES / max(rows, columns))
    scale = cell / _CELL_INCHES
    families, missing = families_for("".join(alignment.target_tokens + alignment.source_tokens))
    target = [spelled(token, missing) for token in alignment.target_tokens]
    source = [spelled(token, missing) for token in alignment.source_tokens]

    left = _LABEL_INCHES * scale * max(map(len, target)) + 0.55
    top = _LABEL_INCHES * scale * max(map(len, source)) + 0.55
    right, bottom = 0.3, 0.95
    width = max(left + columns * cell + right, 4.8)
    height = top + rows * cell + bottom
    with rc_context({"font.family": families, "svg.hashsalt": "clirot"}):
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        grid = (left / width, bottom / height, columns * cell / width, rows * cell / height)
        axes = figure.add_axes(grid)
        image = axes.imshow(alignment.shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        _label(axes, target, source, alignment, size=9.5 * scale)
        _write_shares(axes, alignment, size=7.5 * scale)
        figure.text(0.1 / width, (bottom - 0.42) / height, _caption(alignment, title), size=9)
        figure.text(0.1 / width, 0.2 / height, "share of a row's mass, %", size=8, color=FAINT)
        scale_axes = figure.add_axes((1.85 / width, 0.2 / height, 1.6 / width, 0.11 / height))
        bar = figure.colorbar(image, cax=scale_axes, orientation="horizontal", ticks=[])
        bar.outline.set_edgecolor(GRID)
        figure.text(1.72 / width, 0.2 / height, "0", size=8, color=FAINT)
        figure.text(3.52 / width, 0.2 / height, "100", size=8, color=FAINT)
        save(figure, path)


def _label(
    axes: Axes, target: list[str], source: list[str], alignment: Alignment, *, size: float
) -> None:
    rows, columns = alignment.plan.shape
    axes.xaxis.tick_top()
    axes.set_xticks(range(columns), source, rotation=90, fontsize=size)
    axes.set_yticks(range(rows), target, fontsize=size)
    labels = [*axes.get_yticklabels(), *axes.get_xticklabels()]
    tokens = [*alignment.target_tokens, *alignment.source_tokens]
    for label, token in zip(labels, tokens, strict=True):
        label.set_color(FAINT if _special(token) else INK)
        label.set_parse_math(False)  # a lone $ is a token, not mathematics
    axes.set_xticks([edge - 0.5 for edge in range(columns + 1)], minor=True)
    axes.set_yticks([edge - 0.5 for edge in range(rows + 1)], minor=True)
    axes.grid(which="minor", color=GRID, linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("teacher", fontsize=9, color=FAINT, loc="left", labelpad=6)
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("student", fontsize=9, color=FAINT, loc="top", labelpad=6)


def _write_shares(axes: Axes, alignment: Alignment, *, size: float) -> None:
    for row, shares in enumerate(alignment.shares):
        for column, share in enumerate(shares):
            if share >= _WRITTEN:
                axes.text(
                    column,
                    row,
                    f"{100 * share:.0f}",
                    ha="center",
                    va="center",
                    fontsize=size,
                    color="white" if share > 0.5 else INK,
                )


def _caption(alignment: Alignment, title: str) -> str:
    cost = f"transport cost {alignment.cost:.3f}"
    return f"{title} · {cost}" if title else cost


def _special(token: str) -> bool:
    """Whether a tokenizer added the token, such as ``[CLS]`` or ``<s>``."""
    return len(token) > 2 and (token[0], token[-1]) in {("[", "]"), ("<", ">")}


_LINE = "#1f5f99"


def draw_training(results: Mapping[str, Any], path: str | Path, *, title: str = "") -> None:
    """Draw what training measured as a row of small charts. The suffix decides the format.

    Args:
        results: the results in the student's manifest.
        path: the file to write.
        title: the text above the charts.

    Raises:
        UsageError: the student was not trained, or the suffix is not that of a picture.
        ArtefactError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curve = results.get("loss_curve")
    if not curve:
        raise UsageError(
            "there is no training to draw",
            hint="only students that were trained here have one; those of objective none do not",
        )
    # Of a student the MAP; of a model that was trained on judged topics, what was measured.
    scores = results.get("development_map") or results["development"]
    passes = len(scores) - 1
    total = curve[-1][0]
    epochs = [total * epoch / passes for epoch in range(passes + 1)]
    kept = results["best_epoch"]
    charts = [
        ("loss (training)", [x for x, _ in curve], [y for _, y in curve]),
        (f"{results.get('measure', 'MAP')} (development)", epochs, scores),
    ]
    plan = results.get("plan")
    unit = "sentence pairs" if plan is not None else "groups"
    if plan is None:
        charts.append(("cross-entropy, nats", epochs, results["development_entropy"]))
    else:
        cost = [one["transport_cost"] for one in plan]
        charts.append(("transport cost (development)", epochs, cost))
        charts.append(("plan entropy, nats", epochs, [one["plan_entropy"] for one in plan]))
    with rc_context({"svg.hashsalt": "clirot"}):
        figure = Figure(figsize=(3.0 * len(charts), 2.7), layout="constrained")
        FigureCanvasAgg(figure)
        every: Any = figure.subplots(1, len(charts))
        for axes, (name, across, values) in zip(every, charts, strict=True):
            _chart(axes, name, across, values, unit)
            if across is epochs:
                axes.plot(across, values, "o", color=_LINE, markersize=4)
                axes.plot(across[kept], values[kept], "o", color=INK, markersize=7, mfc="none")
        figure.suptitle(
            f"{title}  (ringed: the epoch that was kept)".strip(), fontsize=10, x=0.01, ha="left"
        )
        save(figure, Path(path))


def _chart(axes: Axes, name: str, across: list[float], values: list[float], unit: str) -> None:
    axes.plot(across, values, color=_LINE, linewidth=1.4)
    axes.set_title(name, fontsize=9, color=INK, loc="left")
    axes.set_xlabel(unit, fontsize=8, color=FAINT)
    axes.tick_params(labelsize=8, colors=FAINT, length=0)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[:].set_visible(False)
