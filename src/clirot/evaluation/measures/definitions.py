"""The table of measures: the settings that each one takes, and how topics become one figure."""

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
    needs: Literal["", "at"] = ""
    """The setting that must be given."""
    aggregate: Literal["mean", "sum", "geometric"] = "mean"
    """How the values of the topics become one figure."""
    example: str = ""
    """A complete name, where the measure needs a setting."""


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
        "iprec": Definition("IPrec", at="recall", needs="at", example="iprec@0.1"),
        "11pt_avg": Definition("11pt_avg"),
        "set_map": Definition("set_map"),
        "set_relative_p": Definition("set_relative_p"),
        "rbp": Definition("RBP", cutoff=True, at="p"),
        "err": Definition("ERR", cutoff=True),
        "judged": Definition("Judged", cutoff=True),
        "num_q": Definition("num_q", aggregate="sum"),
        "num_ret": Definition("num_ret", aggregate="sum"),
        "num_rel": Definition("num_rel", aggregate="sum"),
        "num_rel_ret": Definition("num_rel_ret", aggregate="sum"),
    },
)
