"""Fusion, tuning and the comparison table of ranx: the only module that imports it.

ranx compiles its functions with numba, which takes half a minute or more in a fresh environment;
uncompiled, they fuse a million rows in a few seconds. Therefore ranx is imported with the compiler
switched off unless a run has more than a million rows, and the compiled code is then kept in
clirot's own directory. The switch is numba's configuration, not the environment, and it is put back
after each use.

ranx fuses each topic by itself, its normalisations too. So the topics of larger runs are divided
over the cores where the system can fork processes (Linux). Each of these imports what fuses of
ranx, and not its tables and pictures.

ranx keeps the order of equal scores as it finds it, and asserts that all runs have the same topics.
So it gets scores as 32-bit floats in the order of trec_eval, and an empty result for a topic that a
run lacks. What comes back is ordered by :class:`~clirot.runs.Run` again.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec
from types import SimpleNamespace
from typing import Any

import numpy as np

from clirot.errors import ClirotError, UsageError
from clirot.evaluation.measures import Measure
from clirot.evaluation.normalisation import check_scores, enlarged, normalised
from clirot.runs import Qrels, Run
from clirot.runs.run import single
from clirot.store import default_home

_COMPILE_ABOVE = 1_000_000
"""Rows of the largest run from which on compiling pays."""
_DIVIDE_ABOVE = 200_000
"""Rows of all runs from which on the topics are divided over processes."""
_MOST_PROCESSES = 4  # each imports ranx, which a container with fewer cores than it shows must bear
_NAMES = {"success": "hit_rate", "rprec": "r-precision"}
_MEASURES = {
    "hits", "success", "precision", "recall", "f1", "rprec", "mrr", "map", "dcg", "dcg_burges",
    "ndcg", "ndcg_burges",
}  # fmt: skip
"""The measures that ranx computes as clirot does."""
_MOST_RUNS = 26  # ranx letters the runs of its table
_TESTS = {"randomisation": "fisher", "t": "student"}


@dataclass(frozen=True)
class _Task:
    """What is fused, and how."""

    runs: Sequence[Run]
    method: str
    norm: str | None
    settings: Mapping[str, Any]


def fuse(
    runs: Sequence[Run],
    topics: Sequence[str],
    method: str,
    norm: str | None,
    settings: Mapping[str, Any],
) -> Run:
    """Fuse runs: a run with these topics, in this order.

    Args:
        runs: two or more.
        topics: what to fuse, each of them in one run at least.
        method: the fusion method, by ranx's name.
        norm: the normalisation of scores, or None.
        settings: the parameters of the method, as ranx names them.

    Raises:
        UsageError: scores are infinite, so that they cannot be normalised.
        ClirotError: the system ended a process that fused.
    """
    check_scores(runs, norm)
    task = _Task(runs, method, norm, settings)
    if not topics:
        return Run.from_dict("fused", {})
    processes = min(_cores(), _MOST_PROCESSES, len(topics))
    if processes > 1 and sum(map(len, runs)) > _DIVIDE_ABOVE and not _compiling(runs):
        return _fused_in_processes(task, topics, processes)
    with _ranx(runs) as ranx:
        return _fused(ranx, task, topics)


def _fused(ranx: Any, task: _Task, topics: Sequence[str]) -> Run:
    made = [_run(ranx, run, topics, task.norm) for run in task.runs]
    made = normalised(ranx.normalization.norm_switch, made, task.runs, task.norm)
    fused = ranx.fuse(made, norm=None, method=task.method, params=dict(task.settings))
    return Run.from_dict("fused", {topic: dict(fused.run[topic]) for topic in topics})


def _cores() -> int:
    """The cores that processes can be forked for: one where the system does not say."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def _fused_in_processes(task: _Task, topics: Sequence[str], processes: int) -> Run:
    """The same as :func:`_fused`, each process with a part of the topics."""
    size = -(-len(topics) // (4 * processes))  # small parts come back while others are fused
    parts = [topics[first : first + size] for first in range(0, len(topics), size)]
    # Forked processes have the runs, which need not be sent to them. They only compute, so that no
    # lock is waited for that another thread held when they were forked.
    pool = ProcessPoolExecutor(
        processes, multiprocessing.get_context("fork"), initializer=_begin, initargs=(task,)
    )
    with pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside other threads
        try:
            return Run.joined("fused", list(pool.map(_fused_part, parts)))
        except BrokenProcessPool as error:
            raise ClirotError(
                "a process that fused was ended by the system",
                hint="that happens where memory runs out; fuse fewer runs, or less deep ones",
            ) from error


_begun: tuple[Any, _Task]
"""In a process that fuses: what fuses, and the task."""


def _begin(task: _Task) -> None:
    """Prepare a process that fuses: it ends with its last part, and on Ctrl-C by its parent."""
    global _begun
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore", RuntimeWarning)  # the mean of an empty result
    gc.disable()
    _begun = _only_fusion(), task


def _fused_part(topics: Sequence[str]) -> Run:
    return _fused(*_begun, topics)


def _only_fusion() -> Any:
    """What fuses of ranx, uncompiled. Only for a process that does nothing else.

    Importing ranx takes three seconds, two of which are for what it draws, tests and fetches with.
    Here the packages that import these are there without having run.
    """
    import numba

    switches: Any = numba.config
    switches.DISABLE_JIT = 1
    for name in ("ranx", "ranx.meta", "ir_datasets"):
        if name not in sys.modules:
            spec = find_spec(name)
            assert spec is not None
            sys.modules[name] = module_from_spec(spec)
    from ranx import normalization
    from ranx.data_structures import Run
    from ranx.meta.fuse import fuse

    _order_candidates()
    return SimpleNamespace(Run=Run, fuse=fuse, normalization=normalization)


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
    check_scores(runs, norm)
    search: dict[str, Any] = {"metric": ranx_name(measure, level), "show_progress": False}
    if method in ("bayesfuse", "mapfuse", "posfuse", "segfuse"):  # these count; nothing to search
        search = {}
    with _ranx(runs) as ranx:
        made = [_run(ranx, run, sorted(qrels), norm) for run in runs]
        found: dict[str, Any] = ranx.optimize_fusion(
            ranx.Qrels(_graded(qrels)),
            normalised(ranx.normalization.norm_switch, made, runs, norm),
            norm=None,
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
    own = measure.at is not None or measure.gains is not None or measure.judged_only
    if measure.name not in _MEASURES or own:
        raise UsageError(
            f"ranx does not compute the measure {measure}",
            hint=f"it has: {', '.join(sorted(_MEASURES))}",
        )
    name = _NAMES.get(measure.name, measure.name)
    if measure.cutoff is not None:
        name += f"@{measure.cutoff}"
    from_level = measure.level if "dcg" in measure.name else measure.level or level
    return f"{name}-l{from_level}" if from_level is not None and from_level > 1 else name


def _graded(qrels: Qrels) -> dict[str, dict[str, int]]:
    """Judgements without negative relevances, which mean "not judged"."""
    return {
        topic: {docno: max(0, grade) for docno, grade in documents.items()}
        for topic, documents in sorted(qrels.items())
    }


def _run(ranx: Any, run: Run, topics: Sequence[str], norm: str | None = None) -> Any:
    scores = single(run.scores)
    rows = {}
    for topic in topics:
        start, stop = run.rows(topic)
        found = enlarged(scores[start:stop], norm).tolist()
        rows[topic] = dict(zip(run.docnos[start:stop], found, strict=True))
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
    switches.DISABLE_JIT = int(not _compiling(runs))
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


def _compiling(runs: Sequence[Run]) -> bool:
    """Whether ranx is compiled, or will be when it is imported for these runs."""
    if "ranx" in sys.modules:  # its functions stay what they were when it was first imported
        return _compiled()
    return max(map(len, runs)) > _COMPILE_ABOVE


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
