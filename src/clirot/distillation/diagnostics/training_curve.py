"""The course of a training as a picture: loss, development MAP and figures of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError
from clirot.figures import FAINT, GRID, INK, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    passes = len(results["development_map"]) - 1
    total = curve[-1][0]
    epochs = [total * epoch / passes for epoch in range(passes + 1)]
    kept = results["best_epoch"]
    charts = [
        ("loss (training)", [x for x, _ in curve], [y for _, y in curve]),
        ("MAP (development)", epochs, results["development_map"]),
        (
            "transport cost (development)",
            epochs,
            [one["transport_cost"] for one in results["plan"]],
        ),
        ("plan entropy, nats", epochs, [one["plan_entropy"] for one in results["plan"]]),
    ]
    with rc_context({"svg.hashsalt": "clirot"}):
        figure = Figure(figsize=(3.0 * len(charts), 2.7), layout="constrained")
        FigureCanvasAgg(figure)
        every: Any = figure.subplots(1, len(charts))
        for axes, (name, across, values) in zip(every, charts, strict=True):
            _chart(axes, name, across, values)
            if across is epochs:
                axes.plot(across, values, "o", color=_LINE, markersize=4)
                axes.plot(across[kept], values[kept], "o", color=INK, markersize=7, mfc="none")
        figure.suptitle(
            f"{title}  (ringed: the epoch that was kept)".strip(), fontsize=10, x=0.01, ha="left"
        )
        save(figure, Path(path))


def _chart(axes: Axes, name: str, across: list[float], values: list[float]) -> None:
    axes.plot(across, values, color=_LINE, linewidth=1.4)
    axes.set_title(name, fontsize=9, color=INK, loc="left")
    axes.set_xlabel("sentence pairs", fontsize=8, color=FAINT)
    axes.tick_params(labelsize=8, colors=FAINT, length=0)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[:].set_visible(False)
