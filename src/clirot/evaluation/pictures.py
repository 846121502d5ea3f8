"""Pictures of an evaluation: the gain of each topic, precision and recall, measures by topic set.

Each function draws one figure and returns it; :func:`draw_all` writes those for which there is
data. They use the object interface of matplotlib, which needs no display and no global state.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.evaluation.formats import paper_name
from clirot.evaluation.measures import Measure, measure_values, parse_measure
from clirot.evaluation.result import Evaluation
from clirot.evaluation.samples import averaged, interval_of, sample
from clirot.figures import families_for, spelled
from clirot.store import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of Okabe and Ito, which colour-blind people can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LONGEST = 40  # characters of a name; a longer one would leave no room for the picture
_LONGEST_UPRIGHT = 24  # of one that stands upright
_UP, _DOWN = "#0072B2", "#D55E00"


@dataclass(frozen=True)
class Picture:
    """A figure, and in words what it shows."""

    figure: Figure
    text: str


def pictures_of(evaluation: Evaluation) -> dict[str, Picture]:
    """The pictures that there is data for, by name.

    Gains are drawn where there is a baseline, measures by topic set where there are several sets.
    """
    pictures: dict[str, Picture] = {}
    if any(measure.definition.needs != "predictions" for measure in evaluation.measures):
        pictures["precision-recall"] = Picture(
            precision_recall(evaluation),
            "Interpolated precision at eleven levels of recall, a line for each system.",
        )
    measures = averaged(evaluation.measures)
    baseline = evaluation.config.baseline
    if baseline is not None and measures:
        for system in evaluation.systems:
            if system != baseline:
                pictures[f"gain.{system}.{measures[0]}"] = Picture(
                    gains(evaluation, system, measures[0]),
                    f"Gain in {paper_name(measures[0])} of {system} over {baseline}, a bar for "
                    "each topic.",
                )
    if evaluation.multiple:
        for measure in measures:
            pictures[f"by-topic-set.{measure}"] = Picture(
                by_topic_set(evaluation, measure),
                f"{paper_name(measure)} of each system on each topic set, with its interval.",
            )
    for picture in pictures.values():
        _make_legible(picture.figure)
    return pictures


def draw_all(evaluation: Evaluation, directory: Path) -> list[Path]:
    """Write the pictures of :func:`pictures_of`.

    Returns:
        The PNG files written.

    Raises:
        ArtefactError: the directory cannot be written.
    """
    paths = []
    for name, picture in pictures_of(evaluation).items():
        path = directory / f"{_file_name(name)}.png"
        drawn = BytesIO()
        picture.figure.savefig(drawn, format="png", dpi=150, metadata={"Software": None})
        with written(path, parents=True) as (stream,):
            stream.write(drawn.getbuffer())
        paths.append(path)
    return paths


def _file_name(name: str) -> str:
    return "".join(char if char.isalnum() or char in "@.+-" else "_" for char in name)


def _shown(name: str, longest: int = _LONGEST) -> str:
    """A name as a picture can show it: not too long, without control characters, and with letters
    that no font here has spelled in Latin ones.
    """
    if len(name) > longest:
        name = name[: longest - 1] + "…"
    name = "".join(" " if unicodedata.category(char) == "Cc" else char for char in name)
    missing = families_for(name)[1]
    name = spelled(name, missing) if missing else name
    return f" {name}" if name.startswith("_") else name  # a legend leaves out what begins with _


def _make_legible(figure: Figure) -> None:
    """Let every text have the fonts that it needs, and its dollar signs as they are."""
    from matplotlib.text import Text

    for found in figure.findobj(Text):
        text: Any = found
        text.set_parse_math(False)
        text.set_fontfamily(families_for(text.get_text())[0])


def gains(evaluation: Evaluation, system: str, measure: Measure) -> Figure:
    """Bars: what a system gains over the baseline on each topic, largest first.

    Over several topic sets, a bar is a topic with its values from all of them.
    """
    baseline = evaluation.config.baseline
    assert baseline is not None
    sets = evaluation.members(evaluation.main_set)
    here = sample(evaluation, system, measure, sets)
    there = sample(evaluation, baseline, measure, sets)
    figure, axes = _figure(7.2, 3.4)
    if here is None or there is None:
        axes.set_title(
            f"{_shown(system)} and {_shown(baseline)} were not run on the same topic sets"
        )
        return figure
    differences = here.values - there.values
    order = np.argsort(-differences, kind="stable")
    heights = differences[order]
    places = np.arange(1, len(heights) + 1)
    if len(heights) > 60:  # as one shape of each colour: thousands of bars take seconds to draw
        edges = np.arange(len(heights) + 1) + 0.5
        axes.stairs(np.maximum(heights, 0), edges, fill=True, color=_UP)
        axes.stairs(np.minimum(heights, 0), edges, fill=True, color=_DOWN)
    else:
        colours = [_UP if height > 0 else _DOWN for height in heights]
        axes.bar(places, heights, width=0.8, color=colours)
    axes.axhline(0, color="black", linewidth=0.8)
    mean = float(differences.mean())
    axes.axhline(mean, color="0.35", linewidth=0.9, linestyle=(0, (4, 3)))
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    same = len(differences) - better - worse
    axes.set_title(
        f"{_shown(system)} against {_shown(baseline)}: better on {better}, worse on {worse}, "
        f"same on {same} {'topics' if len(differences) > 1 else 'topic'}",
        fontsize=9,
    )
    axes.set_ylabel(f"gain in {paper_name(measure)}")
    axes.set_xlim(0.3, len(heights) + 0.7)
    if len(heights) <= 30:
        names = [_shown(here.topics[place], _LONGEST_UPRIGHT) for place in order]
        axes.set_xticks(places, names, rotation=90, fontsize=7)
    else:
        axes.set_xlabel("topics, by gain")
    axes.annotate(
        f"mean {mean:+.3f}", xy=(1, mean), xycoords=("axes fraction", "data"), xytext=(-4, 4),
        textcoords="offset points", ha="right", fontsize=8, color="0.25",
    )  # fmt: skip
    return figure


def precision_recall(evaluation: Evaluation) -> Figure:
    """Lines: interpolated precision at eleven levels of recall, a line for each system.

    Over several topic sets, the mean of theirs, for systems that have them all.
    """
    levels = np.linspace(0, 1, 11)
    measures = [parse_measure(f"iprec@{level:g}") for level in levels.round(1)]
    figure, axes = _figure(4.8, 4.2)
    for place, system in enumerate(evaluation.systems):
        runs = [evaluation.inputs.runs.get((system, one)) for one in evaluation.topics]
        if None in runs:
            continue
        precision = np.mean(
            [
                measure_values(measures, run, qrels, level=evaluation.config.rel_level).mean(axis=1)
                for run, qrels in zip(runs, evaluation.inputs.qrels.values(), strict=True)
                if run is not None
            ],
            axis=0,
        )
        axes.plot(
            levels, precision, label=_shown(system), color=_COLOURS[place % 7],
            marker=_MARKERS[place % 7], markersize=4, linewidth=1.4,
            linestyle="-" if place < 7 else "--",
        )  # fmt: skip
    axes.set_xlabel("recall")
    axes.set_ylabel("interpolated precision")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(0, 1)
    axes.grid(color="0.9", linewidth=0.6)
    axes.legend(frameon=False, fontsize=8)
    return figure


def by_topic_set(evaluation: Evaluation, measure: Measure) -> Figure:
    """Dots with their bootstrap intervals: a measure on each topic set, for each system."""
    sets = evaluation.topic_sets
    systems = evaluation.systems
    figure, axes = _figure(2.0 + max(3, len(sets)) * max(0.8, 0.28 * len(systems)), 3.6)
    step = 0.7 / len(systems)
    for place, system in enumerate(systems):
        points = []
        for position, topic_set in enumerate(sets):
            drawn = sample(evaluation, system, measure, evaluation.members(topic_set))
            if drawn is None:
                continue
            ends = interval_of(evaluation, drawn.values)
            mean = float(drawn.values.mean())
            x = position + (place - (len(systems) - 1) / 2) * step
            points.append((x, mean, max(0.0, mean - ends.low), max(0.0, ends.high - mean)))
        if points:
            across, means, below, above = zip(*points, strict=True)
            axes.errorbar(
                across, means, yerr=[below, above], label=_shown(system), color=_COLOURS[place % 7],
                marker=_MARKERS[place % 7], markersize=5, linestyle="none", capsize=2,
                linewidth=1.2,
            )  # fmt: skip
    if evaluation.multiple:
        axes.axvline(len(sets) - 1.5, color="0.8", linewidth=0.8)
    axes.set_xticks(range(len(sets)), [_shown(name) for name in sets])
    axes.set_xlim(-0.5, len(sets) - 0.5)
    axes.set_ylabel(paper_name(measure))
    axes.set_ylim(0, None)
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_title(f"bars: {evaluation.config.confidence:.0%} bootstrap intervals", fontsize=8)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one set of axes, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
