"""What stands above the topics of a report: tables as rows of text, and how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from clirot.evaluation.formats import BETTER, WORSE, legend, paper_name, rows_of
from clirot.evaluation.report.provenance import Origin, origin_of_run
from clirot.evaluation.report.texts import SetTexts
from clirot.evaluation.result import Evaluation
from clirot.store import Artefact
from clirot.version import __version__

_PLACES = 4
_MARK_WORDS = {BETTER: "significantly better", WORSE: "significantly worse"}
_TESTS = {
    "randomisation": "Fisher's paired randomisation test, two-sided",
    "t": "Student's paired t-test, two-sided",
}


@dataclass(frozen=True)
class Figure:
    """A cell of the main table."""

    text: str
    best: bool
    mark: str
    said: str
    """The mark in words."""
    interval: str


@dataclass(frozen=True)
class Line:
    """A row of the main table."""

    system: str
    origin: int
    """The number of its entry in the list of origins; 0: it has several, one for each set."""
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Group:
    """The rows of a topic set."""

    topic_set: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SourceOf:
    """Where the figures of a system on a topic set are from."""

    number: int
    system: str
    topic_set: str
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class Table:
    """A table of text: its caption, the names of its columns, and its rows."""

    caption: str
    columns: tuple[str, ...]
    words: int
    """How many columns, from the first on, are words; the others are figures."""
    rows: tuple[tuple[str, ...], ...]


def sources_of(evaluation: Evaluation, sets: Mapping[str, SetTexts]) -> list[SourceOf]:
    """Where every run is from; several origins where a topic set joins several runs."""
    found = []
    for number, (system, topic_set) in enumerate(evaluation.values, 1):
        artefacts: dict[str, Artefact] = {}
        for topic in evaluation.topics[topic_set]:
            artefact = sets[topic_set].artefact(system, topic)
            if artefact is not None:
                artefacts[artefact.digest] = artefact
        origins = [
            origin_of_run(evaluation, system, topic_set, one)
            for one in (artefacts.values() or (None,))
        ]
        found.append(SourceOf(number, system, topic_set, tuple(origins)))
    return found


def groups_of(evaluation: Evaluation, sources: list[SourceOf]) -> list[Group]:
    """The main table, as :func:`clirot.evaluation.formats.rows_of` has it."""
    numbers = {(one.system, one.topic_set): one.number for one in sources}
    groups = []
    for topic_set, rows in groupby(rows_of(evaluation), key=lambda row: row.topic_set):
        lines = []
        for row in rows:
            figures = []
            for measure, cell in zip(evaluation.measures, row.cells, strict=True):
                ends = (evaluation.intervals or {}).get((row.system, topic_set, measure))
                interval = (
                    "" if ends is None else f"{ends.low:.{_PLACES}f} to {ends.high:.{_PLACES}f}"
                )
                said = _MARK_WORDS.get(cell.mark, "")
                figures.append(Figure(cell.text(_PLACES), cell.best, cell.mark, said, interval))
            lines.append(Line(row.system, numbers.get((row.system, topic_set), 0), tuple(figures)))
        groups.append(Group(topic_set, tuple(lines)))
    return groups


def further_tables(evaluation: Evaluation) -> list[Table]:
    """Comparisons with the baseline, gaps between topic sets, and figures that were expected."""
    return [
        table
        for table in (_comparisons(evaluation), _gaps(evaluation), _expectations(evaluation))
        if table.rows
    ]


def _comparisons(evaluation: Evaluation) -> Table:
    several = evaluation.multiple
    level = f"{evaluation.config.confidence:.0%} interval"
    rows = tuple(
        (
            *((one.topic_set,) if several else ()),
            one.system,
            paper_name(one.measure),
            f"{one.difference:+.{_PLACES}f}",
            f"{one.interval.low:+.{_PLACES}f} to {one.interval.high:+.{_PLACES}f}",
            _p(one.test.p) + (" (exact)" if one.test.exact else ""),
            _p(one.p_adjusted),
            f"{one.effect:+.2f}",
            f"{one.better} / {one.worse} / {one.topics - one.better - one.worse}",
        )
        for one in evaluation.comparisons
    )
    columns = (
        *(("topics",) if several else ()),
        *("run", "measure", "difference", level, "p", "p (Holm)", "effect d"),
        "better / worse / same",
    )
    return Table(f"Against {evaluation.config.baseline}", columns, 2 + several, rows)


def _gaps(evaluation: Evaluation) -> Table:
    level = f"{evaluation.config.confidence:.0%} interval"
    rows = tuple(
        (
            gap.name,
            gap.system,
            paper_name(gap.measure),
            f"{gap.difference:+.{_PLACES}f}",
            f"{gap.interval.low:+.{_PLACES}f} to {gap.interval.high:+.{_PLACES}f}",
            "-" if gap.relative is None else f"{gap.relative:+.1%}",
            "paired" if gap.paired else "independent",
        )
        for gap in evaluation.gaps
    )
    columns = ("gap", "run", "measure", "difference", level, "relative", "topics")
    return Table("Gaps between topic sets", columns, 3, rows)


def _expectations(evaluation: Evaluation) -> Table:
    rows = tuple(
        (one.written, one.system, "met" if one.met else "missed", f"{one.value:.{_PLACES}f}")
        for one in evaluation.outcomes
    )
    return Table("What was expected", ("expected", "run", "outcome", "figure"), 3, rows)


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"


def how_it_was_made(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What was compared and how: a term and what holds for it."""
    config = evaluation.config
    counts = [
        f"{name}: {len(topics):,} topics" if name else f"{len(topics):,} topics"
        for name, topics in evaluation.topics.items()
    ]
    facts = [
        ("judgements", str(config.collection or config.qrels or "given in memory")),
        ("relevant", f"from a relevance of {config.rel_level} on"),
        ("topics", "; ".join(counts)),
        ("runs", f"{len(evaluation.systems)}"),
        ("measures", ", ".join(str(measure) for measure in evaluation.measures)),
    ]
    if config.lang:
        facts.append(("language of the topics", config.lang))
    if evaluation.multiple:
        facts.append(
            (
                "overall",
                "the mean of the topic sets' means; topics that sets share by their id "
                "count as one in a test",
            )
        )
    if evaluation.comparisons:
        tests = len(evaluation.comparisons)
        facts += [
            ("baseline", str(config.baseline)),
            ("test", _TESTS[config.test]),
            ("correction", f"Holm's, over all {tests} tests of this page" if tests > 1 else
             "Holm's, over the only test of this page"),
            ("significance level", f"{config.alpha:g}"),
        ]  # fmt: skip
        if config.test == "randomisation":
            facts.append(
                (
                    "samples",
                    f"{config.samples:,} random assignments of signs where there are too "
                    "many to try all",
                )
            )
    if evaluation.comparisons or evaluation.gaps or evaluation.intervals is not None:
        facts.append(
            ("intervals", f"bootstrap (BCa) over topics, {config.confidence:.0%} confidence")
        )
        facts.append(("seed", str(config.seed)))
    if config.fuse:
        facts.append(("fused", ", ".join(config.fuse)))
    if config.tune_fusion:
        facts.append(("fusion tuned on", config.tune_fusion))
    facts.append(("written by", f"clirot {__version__}"))
    return facts


def caption_of(evaluation: Evaluation) -> str:
    """What the marks of the main table mean, as below every table of clirot's."""
    return legend(evaluation)
