"""Fusion, tuning and the comparison table of ranx: the only module that imports it.

ranx compiles its functions with numba, which takes half a minute or more in a fresh environment;
uncompiled, they fuse a million rows in a few seconds. Therefore ranx is imported with the compiler
switched off unless a run has more than a million rows, and the compiled code is then kept in
clirot's own directory. The switch is numba's configuration, not the environment, and it is put back
after each use.

ranx keeps the order of equal scores as it finds it, and asserts that all runs have the same topics.
So it gets scores as 32-bit floats in the order of trec_eval, and an empty result for a topic that a
run lacks. What comes back is ordered by :class:`~clirot.runs.Run` again.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from clirot.errors import UsageError
from clirot.evaluation.measures import Measure
from clirot.runs import Qrels, Run
from clirot.runs.run import single
from clirot.store import default_home

_COMPILE_ABOVE = 1_000_000
"""Rows of the largest run from which on compiling pays."""
_NAMES = {"success": "hit_rate", "rprec": "r-precision"}
_MEASURES = {
    "hits", "success", "precision", "recall", "f1", "rprec", "mrr", "map", "dcg", "dcg_burges",
    "ndcg", "ndcg_burges",
}  # fmt: skip
"""The measures that ranx computes as clirot does."""
_MOST_RUNS = 26  # ranx letters the runs of its table
_TESTS = {"randomisation": "fisher", "t": "student"}

Scores = dict[str, dict[str, float]]


def fuse(runs: Sequence[Run], method: str, norm: str | None, settings: Mapping[str, Any]) -> Scores:
    """Fuse runs: topic -> docno -> fused score, for every topic that one of them has.

    Args:
        runs: two or more.
        method: the fusion method, by ranx's name.
        norm: the normalisation of scores, or None.
        settings: the parameters of the method, as ranx names them.

    Raises:
        UsageError: scores are infinite, so that they cannot be normalised.
    """
    _check_finite(runs, norm)
    topics = sorted({topic for run in runs for topic in run.topics})
    with _ranx(runs) as ranx:
        made = [_run(ranx, run, topics) for run in runs]
        fused = ranx.fuse(made, norm=norm, method=method, params=dict(settings))
        return {
            topic: {docno: float(score) for docno, score in fused.run[topic].items()}
            for topic in topics
        }


def tune(
    runs: Sequence[Run],
    qrels: Qrels,
    method: str,
    norm: str | None,
    measure: Measure,
    level: int,
) -> dict[str, Any]:
    """The settings of a fusion that are best on these topics, found by the search of ranx.

    Args:
        runs: two or more.
        qrels: the training topics, each with a relevant document.
        method: as for :func:`fuse`.
        norm: as for :func:`fuse`.
        measure: what is optimised.
        level: the relevance from which on a document is relevant, unless the measure says.

    Raises:
        UsageError: ranx does not have the measure, or scores are infinite.
    """
    _check_finite(runs, norm)
    search: dict[str, Any] = {"metric": ranx_name(measure, level), "show_progress": False}
    if method in ("bayesfuse", "mapfuse", "posfuse", "segfuse"):  # these count; nothing to search
        search = {}
    with _ranx(runs) as ranx:
        found: dict[str, Any] = ranx.optimize_fusion(
            ranx.Qrels(_graded(qrels)),
            [_run(ranx, run, sorted(qrels)) for run in runs],
            norm=norm,
            method=method,
            **search,
        )
    return {
        name: [float(one) for one in value]
        if name == "weights"
        else (value.item() if isinstance(value, np.generic) else value)
        for name, value in found.items()
    }


def comparison_table(
    runs: Mapping[str, Run],
    qrels: Qrels,
    measures: Sequence[tuple[Measure, int]],
    *,
    test: str,
    alpha: float,
    places: int,
) -> str:
    """The table of ``ranx.compare``: every run against every other, by the statistics of ranx.

    Args:
        runs: by name.
        qrels: topic -> docno -> relevance.
        measures: each with the relevance from which on a document is relevant.
        test: ``randomisation`` or ``t``, as ranx does them.
        alpha: the p-value below which ranx marks a difference; it does not correct for the number
            of tests.
        places: decimal places.

    Raises:
        UsageError: ranx does not have a measure, or there are too many runs for its table.
    """
    names = [ranx_name(measure, level) for measure, level in measures]
    if len(runs) > _MOST_RUNS:
        raise UsageError(f"the table of ranx has {_MOST_RUNS} runs at most, got {len(runs)}")
    judged = _graded({topic: documents for topic, documents in qrels.items() if documents})
    with _ranx(list(runs.values())) as ranx:
        made = [_run(ranx, run.named(name), sorted(judged)) for name, run in runs.items()]
        report = ranx.compare(
            ranx.Qrels(judged), made, names, stat_test=_TESTS[test], max_p=alpha,
            rounding_digits=places,
        )  # fmt: skip
        return str(report)


def ranx_name(measure: Measure, level: int) -> str:
    """The name of a measure in ranx.

    Raises:
        UsageError: ranx does not compute it, or not in the same way.
    """
    if measure.name not in _MEASURES or measure.at is not None or measure.judged_only:
        raise UsageError(
            f"ranx does not compute the measure {measure}",
            hint=f"it has: {', '.join(sorted(_MEASURES))}",
        )
    name = _NAMES.get(measure.name, measure.name)
    if measure.cutoff is not None:
        name += f"@{measure.cutoff}"
    from_level = measure.level if "dcg" in measure.name else measure.level or level
    return f"{name}-l{from_level}" if from_level is not None and from_level > 1 else name


def _check_finite(runs: Sequence[Run], norm: str | None) -> None:
    for run in runs:
        if norm not in (None, "rank", "borda") and not np.isfinite(run.scores).all():
            raise UsageError(
                f"run {run.name!r} has infinite scores, which {norm} cannot normalise",
                hint="use rrf, which looks at ranks only",
            )


def _graded(qrels: Qrels) -> dict[str, dict[str, int]]:
    """Judgements without negative relevances, which mean "not judged"."""
    return {
        topic: {docno: max(0, grade) for docno, grade in documents.items()}
        for topic, documents in sorted(qrels.items())
    }


def _run(ranx: Any, run: Run, topics: Sequence[str]) -> Any:
    scores = single(run.scores)
    rows = {}
    for topic in topics:
        start, stop = run.rows(topic)
        rows[topic] = dict(zip(run.docnos[start:stop], scores[start:stop].tolist(), strict=True))
    if _compiled():
        return ranx.Run(rows, name=run.name)
    made = ranx.Run(name=run.name)  # uncompiled, its own structure is a dictionary of dictionaries
    made.run, made.sorted = rows, True
    return made


@contextmanager
def _ranx(runs: Sequence[Run]) -> Iterator[Any]:
    """The library, with the compiler on or off; numba's configuration is put back afterwards."""
    import numba

    switches: Any = numba.config
    before = switches.DISABLE_JIT, switches.CACHE_DIR
    compiling = max(map(len, runs)) > _COMPILE_ABOVE
    if "ranx" in sys.modules:  # its functions stay what they were when it was first imported
        compiling = _compiled()
    switches.DISABLE_JIT = int(not compiling)
    switches.CACHE_DIR = str(default_home() / "numba")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of an empty result
            warnings.simplefilter("ignore", numba.core.errors.NumbaWarning)  # while compiling
            import ranx

            _order_candidates()
            yield ranx
    finally:
        switches.DISABLE_JIT, switches.CACHE_DIR = before


def _compiled() -> bool:
    return hasattr(sys.modules["ranx.fusion.rrf"]._rrf_score, "py_func")


def _order_candidates() -> None:
    """Make Condorcet fusion the same in every process.

    ranx puts the documents of a topic into a set before it sorts them by votes, so that ties would
    come out in the order of the set, which Python draws anew in each process.
    """
    import numba
    from numba.typed import List

    types: Any = numba.types

    def candidates(runs: Sequence[Any]) -> Any:
        found = List()
        for topic in runs[0]:
            names = sorted({str(docno) for run in runs for docno in run[topic]}, reverse=True)
            found.append(List(names) if names else List.empty_list(types.unicode_type))
        return found

    for module in ("ranx.fusion.condorcet", "ranx.fusion.weighted_condorcet"):
        sys.modules[module].get_candidates = candidates  # type: ignore[attr-defined]
