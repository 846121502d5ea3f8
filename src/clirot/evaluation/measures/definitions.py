"""The table of measures: what each is called, computed by, and takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from clirot.evaluation.measures import binary, graded
from clirot.evaluation.measures.matching import Matching
from clirot.evaluation.measures.view import View
from clirot.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clirot.evaluation.measures.names import Measure

    Values = NDArray[np.floating[Any]]

Aggregate = Literal["mean", "sum", "geometric"]


def compute(measure: Measure, matching: Matching, *, level: int = 1) -> Values:
    """The value of a measure for every judged topic.

    Args:
        measure: what to compute.
        matching: a run held against judgements.
        level: the relevance from which on a document is relevant, unless the measure says.

    Returns:
        (topics,), in the order of ``matching.judgements.topics``.
    """
    seen = matching.judged_only if measure.judged_only else matching
    view = View(seen, measure.level if measure.level is not None else level)
    return measure.definition.function(view, measure)


@dataclass(frozen=True)
class Definition:
    """How a measure is computed and which settings it takes."""

    function: Callable[[View, Measure], Values]
    """Its docstring says what it measures."""
    cutoff: bool = False
    """Whether it takes one."""
    at: str | None = None
    """The name of its other parameter, where it has one."""
    needs: Literal["", "cutoff", "at"] = ""
    aggregate: Aggregate = "mean"
    """How topics become one figure."""
    example: str = ""

    @property
    def needs_said(self) -> str:
        """The missing setting, for a message."""
        return "a recall level" if self.needs == "at" else "a cut-off"


DEFINITIONS: Registry[Definition] = Registry(
    "measure",
    {
        "map": Definition(binary.average_precision, cutoff=True),
        "gm_map": Definition(binary.gm_map, aggregate="geometric"),
        "ndcg": Definition(graded.ndcg, cutoff=True),
        "ndcg_burges": Definition(graded.ndcg_burges, cutoff=True),
        "dcg": Definition(graded.dcg, cutoff=True),
        "dcg_burges": Definition(graded.dcg_burges, cutoff=True),
        "precision": Definition(binary.precision, cutoff=True),
        "recall": Definition(binary.recall, cutoff=True),
        "f1": Definition(binary.f_measure, cutoff=True, at="beta"),
        "rprec": Definition(binary.rprec),
        "mrr": Definition(binary.mrr, cutoff=True),
        "success": Definition(binary.success, cutoff=True),
        "hits": Definition(binary.hits, cutoff=True),
        "bpref": Definition(binary.bpref),
        "infap": Definition(binary.infap),
        "iprec": Definition(binary.iprec, at="recall", needs="at", example="iprec@0.1"),
        "11pt_avg": Definition(binary.eleven_points),
        "set_map": Definition(binary.set_map),
        "set_relative_p": Definition(binary.set_relative_p),
        "rbp": Definition(binary.rbp, cutoff=True, at="p"),
        "err": Definition(graded.err, cutoff=True),
        "judged": Definition(binary.judged, cutoff=True),
        "num_q": Definition(binary.num_q, aggregate="sum"),
        "num_ret": Definition(binary.num_ret, aggregate="sum"),
        "num_rel": Definition(binary.num_rel, aggregate="sum"),
        "num_rel_ret": Definition(binary.num_rel_ret, aggregate="sum"),
    },
)
