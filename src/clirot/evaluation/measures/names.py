"""The table of measures, and what one measure is: a name with its settings.

How other tools write them is in :mod:`clirot.evaluation.measures.spelling`. Measures of labels and
answers are clirot's own: ``knn-accuracy@5``, ``knn-macro-f1(votes=rank)@5``, ``answer@5``,
``answer-exact@5``, ``em``, ``answer-f1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clirot.registry import Registry


@dataclass(frozen=True)
class Definition:
    """What there is to know of a measure besides its arithmetic."""

    paper: str
    """How papers write it."""
    cutoff: bool = False
    """Whether it takes a cut-off."""
    at: str | None = None
    """The name of its other parameter, where it has one."""
    aggregate: Literal["mean", "sum", "geometric", "macro_f1"] = "mean"
    """How the values of the topics become one figure."""
    needs: Literal["judgements", "labels", "answers", "predictions"] = "judgements"
    """What it holds a run to."""


DEFINITIONS: Registry[Definition] = Registry(
    "measure",
    {
        "map": Definition("MAP", cutoff=True),
        "gm_map": Definition("GMAP", aggregate="geometric"),
        "ndcg": Definition("nDCG", cutoff=True),
        "ndcg_burges": Definition("nDCG (exp)", cutoff=True),
        "dcg": Definition("DCG", cutoff=True),
        "dcg_burges": Definition("DCG (exp)", cutoff=True),
        "precision": Definition("P", cutoff=True),
        "recall": Definition("R", cutoff=True),
        "f1": Definition("F1", cutoff=True, at="beta"),
        "rprec": Definition("R-prec"),
        "mrr": Definition("MRR", cutoff=True),
        "success": Definition("Success", cutoff=True),
        "hits": Definition("Hits", cutoff=True),
        "bpref": Definition("bpref"),
        "infap": Definition("infAP"),
        "rprec_mult": Definition("R-prec (mult)", at="multiple"),
        "relative_p": Definition("relative P", cutoff=True),
        "iprec": Definition("IPrec", at="recall"),
        "11pt_avg": Definition("11pt_avg"),
        "set_map": Definition("set_map"),
        "set_relative_p": Definition("set_relative_p"),
        "rbp": Definition("RBP", cutoff=True, at="p"),
        "err": Definition("ERR", cutoff=True),
        "judged": Definition("Judged", cutoff=True),
        "gm_bpref": Definition("gm_bpref", aggregate="geometric"),
        "ndcg_rel": Definition("nDCG (rel)"),
        "rndcg": Definition("Rndcg"),
        "g": Definition("G"),
        "bin_g": Definition("binG"),
        "utility": Definition("utility"),
        "num_q": Definition("num_q", aggregate="sum"),
        "num_ret": Definition("num_ret", aggregate="sum"),
        "num_rel": Definition("num_rel", aggregate="sum"),
        "num_rel_ret": Definition("num_rel_ret", aggregate="sum"),
        "num_nonrel_judged_ret": Definition("num_nonrel_judged_ret", aggregate="sum"),
        "knn-accuracy": Definition("kNN accuracy", cutoff=True, needs="labels"),
        "knn-macro-f1": Definition(
            "kNN macro-F1", cutoff=True, needs="labels", aggregate="macro_f1"
        ),
        "answer": Definition("Answer", cutoff=True, needs="answers"),
        "answer-exact": Definition("Answer (exact)", cutoff=True, needs="answers"),
        "em": Definition("EM", needs="predictions"),
        "answer-f1": Definition("Answer F1", needs="predictions"),
    },
)

_AT_SIGN = frozenset({"iprec", "rprec_mult"})
"""What stands behind the @ of these is no cut-off."""
_WHOLE = {"recall": "set_recall", "success": "hit_rate"}
"""Measure -> its name where it has no cut-off: to trec_eval the bare name is a list of cut-offs."""


@dataclass(frozen=True)
class Measure:
    """One measure with its settings; two spellings of the same give equal measures."""

    name: str
    """The canonical name: a key of the table of definitions."""
    cutoff: int | None = None
    """How deep in the ranking it looks; None: to the end."""
    level: int | None = None
    """From which relevance a document counts as relevant; None: the evaluation's own."""
    at: float | None = None
    """Its other parameter: ``p`` of rbp, the recall level of iprec, ``beta`` of f1, the multiple of
    R of rprec_mult."""
    judged_only: bool = False
    """Whether unjudged documents are removed from the ranking first."""
    votes: str | None = None
    """What weighs the votes of neighbours: ``score`` or ``rank``; None: they weigh the same."""
    gains: tuple[tuple[int, int], ...] | None = None
    """Relevance and what it counts in nDCG, by relevance; one that is not there counts itself."""
    graded: bool = False
    """Whether rbp weighs a document with its relevance, as ranx does."""

    @property
    def definition(self) -> Definition:
        """The settings it takes, and how topics become one figure."""
        return DEFINITIONS[self.name]

    @property
    def called(self) -> str:
        """The first part of the canonical name, before its settings."""
        return self.name if self.cutoff is not None else _WHOLE.get(self.name, self.name)

    def format(self) -> str:
        """The canonical name, which :func:`~clirot.evaluation.measures.parse_measure` reads as this
        measure.
        """
        in_brackets, at = [], ""
        if self.name in _AT_SIGN:
            at = f"@{self.at:g}"
        elif self.graded:
            at = f"{self.at:.9f}".removeprefix("0").rstrip("0")
        elif self.at is not None:
            in_brackets.append(f"{self.definition.at}={self.at:g}")
        if self.gains is not None:
            written = ",".join(f"{grade}:{gain}" for grade, gain in self.gains)
            in_brackets.append(f"gains={{{written}}}")
        if self.judged_only:
            in_brackets.append("judged_only=True")
        if self.votes is not None:
            in_brackets.append(f"votes={self.votes}")
        if self.cutoff is not None and self.graded:
            in_brackets.append(f"cutoff={self.cutoff}")
        elif self.cutoff is not None:
            at = f"@{self.cutoff}"
        level = "" if self.level is None else f"-l{self.level}"
        brackets = f"({','.join(in_brackets)})" if in_brackets else ""
        return self.called + brackets + at + level

    def __str__(self) -> str:
        return self.format()
