"""How long the sides of a bitext are and how its pairs scored, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError
from clirot.figures import FAINT, GRID, INK, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KEPT, _DROPPED = "#1f5f99", "#c8553d"
_ACROSS = 3  # charts in a row


def draw_bitext(
    results: Mapping[str, Any], path: str | Path, *, names: Mapping[str, str], title: str = ""
) -> None:
    """Draw the distributions of a bitext's lengths and scores as small charts.

    Each bin has a bar for its kept pairs and one for its dropped pairs. The counts are on a
    logarithmic scale, so that a few dropped pairs can be seen beside a million kept ones.

    Args:
        results: the results in the artefact's manifest.
        path: the file; its suffix decides the format.
        names: name of a distribution -> title of its chart; other distributions are left out.
        title: above the charts.

    Raises:
        UsageError: the suffix is not that of a picture, or there is nothing to draw.
        ArtefactError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    distributions = results["distributions"]
    shown = [key for key in names if key in distributions]
    if not shown:
        raise UsageError("there is nothing to draw: the bitext has no distributions")
    rows = -(-len(shown) // _ACROSS)
    with rc_context({"svg.hashsalt": "clirot"}):
        figure = Figure(figsize=(3.6 * _ACROSS, 2.6 * rows + 0.5), layout="constrained")
        FigureCanvasAgg(figure)
        every: Any = figure.subplots(rows, _ACROSS, squeeze=False).flat
        for axes in every[len(shown) :]:
            axes.set_axis_off()
        for axes, key in zip(every, shown, strict=False):
            _chart(axes, names[key], distributions[key])
        bars = every[0].containers
        figure.legend(
            bars, ["kept", "dropped"], loc="outside upper right", ncols=2, frameon=False, fontsize=9
        )
        figure.suptitle(title, fontsize=10, x=0.01, ha="left", color=INK)
        save(figure, Path(path))


def _chart(axes: Axes, name: str, bins: Mapping[str, Sequence[float]]) -> None:
    kept, dropped = list(bins["kept"]), list(bins["dropped"])
    filled = [i for i in range(len(kept)) if kept[i] or dropped[i]]
    first, last = (filled[0], filled[-1] + 1) if filled else (0, 1)
    across = range(last - first)
    axes.bar([x - 0.22 for x in across], kept[first:last], width=0.44, color=_KEPT)
    axes.bar([x + 0.22 for x in across], dropped[first:last], width=0.44, color=_DROPPED)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_title(name, fontsize=9, color=INK, loc="left")
    step = max(1, (last - first) // 8)
    ticks = list(range(0, last - first, step))
    axes.set_xticks(
        [tick - 0.5 for tick in ticks], [f"{bins['from'][first + tick]:g}" for tick in ticks]
    )
    axes.tick_params(labelsize=8, colors=FAINT, length=0)
    axes.minorticks_off()
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
