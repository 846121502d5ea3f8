"""The table of measures, and their names as ranx, ir_measures and trec_eval write them.

The spellings in one line are read as the same measure:

::

    ndcg@20   nDCG@20   ndcg_cut_20   ndcg_cut.20              ndcg@20
    map       AP        MAP                                    map
    map@100   AP@100    map_cut_100                            map@100
    P@5       precision@5   P_5   Precision@5                  precision@5
    R@1000    recall@1000   recall_1000                        recall@1000
    RR@10     mrr@10    MRR@10                                 mrr@10
    AP(rel=2)@100   map@100-l2                                 map@100-l2

Measures of labels and answers are clirot's own: ``knn-accuracy@5``,
``knn-macro-f1(votes=rank)@5``, ``answer@5``, ``answer-exact@5``, ``em``, ``answer-f1``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from clirot.errors import UsageError
from clirot.registry import Registry, unknown_name


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
        "iprec": Definition("IPrec", at="recall"),
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

# Other names, without spaces, hyphens and underscores and in small letters -> canonical name.
_ALIASES = {
    "ap": "map", "meanaverageprecision": "map", "mapcut": "map", "averageprecision": "map",
    "ndcgcut": "ndcg", "p": "precision", "prec": "precision", "r": "recall", "rr": "mrr",
    "reciprank": "mrr", "reciprocalrank": "mrr", "hitrate": "success", "hit": "success",
    "judge": "judged", "rprecision": "rprec", "f": "f1", "setf": "f1", "setf1": "f1",
    "setp": "precision", "setr": "recall", "setrecall": "recall", "setap": "set_map",
    "setrelp": "set_relative_p", "gmap": "gm_map", "iprecatrecall": "iprec", "11pt": "11pt_avg",
    "ndcgexp": "ndcg_burges", "exactmatch": "em",
}  # fmt: skip

_WRITTEN = re.compile(
    r"""(?P<name>[^\W\d_](?:[\w -]*?[^\W\d_])?|11pt_avg|11pt|(?:[a-z_ -]*[_ -])?f1)
        (?:\((?P<params>[^()]*)\))?
        (?:(?P<sign>@|[._](?=\d))(?P<at>\d+(?:\.\d+)?))?
        (?:-l(?P<level>\d+))?""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


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
    """Its other parameter: ``p`` of rbp, the recall level of iprec, ``beta`` of f1."""
    judged_only: bool = False
    """Whether unjudged documents are removed from the ranking first."""
    votes: str | None = None
    """What weighs the votes of neighbours: ``score`` or ``rank``; None: they weigh the same."""

    @property
    def definition(self) -> Definition:
        """The settings it takes, and how topics become one figure."""
        return DEFINITIONS[self.name]

    def format(self) -> str:
        """The canonical name, which :func:`parse_measure` reads as this measure."""
        in_brackets, at = [], ""
        if self.name == "iprec":
            at = f"@{self.at:g}"
        elif self.at is not None:
            in_brackets.append(f"{self.definition.at}={self.at:g}")
        if self.judged_only:
            in_brackets.append("judged_only=True")
        if self.votes is not None:
            in_brackets.append(f"votes={self.votes}")
        if self.cutoff is not None:
            at = f"@{self.cutoff}"
        level = "" if self.level is None else f"-l{self.level}"
        return self.name + (f"({','.join(in_brackets)})" if in_brackets else "") + at + level

    def __str__(self) -> str:
        return self.format()


def parse_measure(text: str) -> Measure:
    """Read a measure's name in any of the accepted spellings.

    Raises:
        UnknownNameError: no such measure; the hint suggests a near miss.
        UsageError: the measure exists, but not with this cut-off or parameter.
    """
    parts = _WRITTEN.fullmatch(text.strip())
    if parts is None:
        raise unknown_name("measure", text, _KNOWN)
    folded = _fold(parts["name"])
    if folded not in _CANONICAL:
        from ir_measures.measures import registry

        if folded in map(_fold, registry):
            raise UsageError(
                f"measure {text!r} is one of ir_measures' that clirot does not compute",
                hint="it needs more than a relevance for each document; use ir_measures for it",
            )
        # Compared without the cut-off, so that nDGC@10 is near ndcg.
        raise unknown_name("measure", parts["name"], _KNOWN, more="cut-offs go like ndcg@20")
    return _Reading(text.strip(), _CANONICAL[folded]).measure(parts)


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


_CANONICAL = {_fold(name): name for name in DEFINITIONS} | _ALIASES
_KNOWN = (*DEFINITIONS, "AP", "P", "R", "RR", "recip_rank")


@dataclass
class _Reading:
    """The settings of one measure while its name is being read."""

    written: str
    name: str
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> Definition:
        return DEFINITIONS[self.name]

    def measure(self, parts: re.Match[str]) -> Measure:
        for pair in filter(None, map(str.strip, (parts["params"] or "").split(","))):
            self._read_param(pair)
        if parts["at"] is not None:
            self._read_at(parts["sign"], parts["at"])
        if parts["level"] is not None:
            self._set("level", int(parts["level"]))
        if self.name == "iprec" and "at" not in self.found:
            raise self._error("it needs a recall level", hint="for example iprec@0.1")
        counted = {"labels": "neighbours that vote", "answers": "passages that are looked at"}
        what = counted.get(self.definition.needs)
        if what is not None and "cutoff" not in self.found:
            raise self._error(f"it needs the number of {what}", hint=f"for example {self.name}@5")
        if self.definition.needs != "judgements" and {"level", "judged_only"} & self.found.keys():
            raise self._error("it has no relevance level and knows no judged documents")
        return Measure(self.name, **self.found)

    def _read_at(self, sign: str, at: str) -> None:
        if self.name == "rbp" and sign == ".":  # ranx: rbp.95
            self._set("at", float(f"0.{at}"))
        elif self.name == "rbp" and "at" not in self.found:
            raise self._error(
                f"it is p = 0.{at} to ranx and the first {at} to ir_measures",
                hint=f"write rbp.{at} or rbp(p=0.8)@{at}",
            )
        elif self.name == "iprec":
            level = float(at)
            if not 0 <= level <= 1:
                raise self._error(f"recall level {at} is not between 0 and 1")
            if round(level, 2) != level:
                raise self._error(f"recall level {at}: trec_eval knows two digits, such as 0.25")
            self._set("at", level)
        elif not self.definition.cutoff:
            raise self._error(f"{self.name} has no cut-off", hint=f"write {self.name}")
        elif not at.isdigit() or int(at) < 1:
            raise self._error(
                "the cut-off is not a whole number from 1 on", hint=f"for example {self.name}@10"
            )
        else:
            self._set("cutoff", int(at))

    def _read_param(self, pair: str) -> None:
        key, _, text = (part.strip() for part in pair.partition("="))
        value = text.strip("'\"")
        if key == "rel" and value.isdigit():
            self._set("level", int(value))
        elif key == "cutoff" and self.definition.cutoff and value.isdigit():
            self._set("cutoff", int(value))
        elif key == "judged_only" and value in ("True", "False"):
            self._set("judged_only", value == "True")
        elif key == "relative" and self.name == "precision" and value in ("True", "False"):
            self.name = "set_relative_p" if value == "True" else "precision"
        elif key == "dcg" and self.name == "ndcg" and value in ("log2", "exp-log2"):
            self.name = "ndcg_burges" if value == "exp-log2" else "ndcg"
        elif key == "votes" and self.definition.needs == "labels" and value in ("score", "rank"):
            self._set("votes", value)
        elif key == self.definition.at and _NUMBER.fullmatch(value):
            self._set("at", float(value))
        else:
            known = ["rel", "judged_only", *filter(None, [self.definition.at])]
            if self.definition.needs != "judgements":
                known = ["votes"] if self.definition.needs == "labels" else ["cutoff"]
            raise self._error(
                f"cannot read the parameter {pair!r}",
                hint=f"{self.name} takes {', '.join(f'{name}=...' for name in known)}",
            )

    def _set(self, key: str, value: float | bool | str) -> None:
        if self.found.setdefault(key, value) != value:
            raise self._error("it says two things about one setting")

    def _error(self, problem: str, hint: str | None = None) -> UsageError:
        return UsageError(f"measure {self.written!r}: {problem}", hint=hint)
