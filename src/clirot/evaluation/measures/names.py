"""Names of measures, as ranx, ir_measures and trec_eval write them, read as the same thing.

::

    ndcg@20   nDCG@20   ndcg_cut_20   ndcg_cut.20              ndcg@20
    map       AP        MAP                                    map
    map@100   AP@100    map_cut_100                            map@100
    P@5       precision@5   P_5   Precision@5                  precision@5
    R@1000    recall@1000   recall_1000                        recall@1000
    RR@10     mrr@10    MRR@10                                 mrr@10
    AP(rel=2)@100   map@100-l2                                 map@100-l2
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from clirot.errors import UsageError
from clirot.evaluation.measures.definitions import DEFINITIONS, Definition
from clirot.registry import unknown_name

# Other names, without spaces, hyphens and underscores and in small letters -> canonical name.
_ALIASES = {
    "ap": "map", "meanaverageprecision": "map", "mapcut": "map", "averageprecision": "map",
    "ndcgcut": "ndcg", "p": "precision", "prec": "precision", "r": "recall", "rr": "mrr",
    "reciprank": "mrr", "reciprocalrank": "mrr", "hitrate": "success", "hit": "success",
    "judge": "judged", "rprecision": "rprec", "f": "f1", "setf": "f1", "setf1": "f1",
    "setp": "precision", "setr": "recall", "setrecall": "recall", "setap": "set_map",
    "setrelp": "set_relative_p", "gmap": "gm_map", "iprecatrecall": "iprec", "11pt": "11pt_avg",
    "ndcgexp": "ndcg_burges",
}  # fmt: skip

_ELSEWHERE = {
    "alphandcg", "αndcg", "alphadcg", "αdcg", "erria", "nerria", "apia", "mapia", "pia", "nrbp",
    "nnrbp", "strecall", "compat", "inst", "insq", "bpm", "sdcg", "nerr8", "nerr9", "nerr10",
    "nerr11", "accuracy",
}  # fmt: skip

_WRITTEN = re.compile(
    r"""(?P<name>[^\W\d_](?:[\w -]*?[^\W\d_])?|11pt_avg|11pt|f1|set_f1)
        (?:\((?P<params>[^()]*)\))?
        (?:(?P<sign>@|[._](?=\d))(?P<at>\d+(?:\.\d+)?))?
        (?:-l(?P<level>\d+))?""",
    re.VERBOSE | re.IGNORECASE,
)

Value = int | float | bool | str


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

    @property
    def definition(self) -> Definition:
        """The settings it takes, and how topics become one figure."""
        return DEFINITIONS[self.name]

    def format(self) -> str:
        """The canonical name, which :func:`parse_measure` reads as this measure."""
        text = self.name
        if self.at is not None:
            text += (
                f"@{self.at:g}" if self.name == "iprec" else f"({self.definition.at}={self.at:g})"
            )
        if self.judged_only:
            inner = "judged_only=True"
            text = f"{text[:-1]},{inner})" if text.endswith(")") else f"{text}({inner})"
        if self.cutoff is not None:
            text += f"@{self.cutoff}"
        if self.level is not None:
            text += f"-l{self.level}"
        return text

    def __str__(self) -> str:
        return self.format()


def parse_measure(text: str) -> Measure:
    """Read a measure's name in any of the accepted spellings.

    Raises:
        UnknownNameError: no such measure; the hint suggests a near miss.
        UsageError: the measure exists, but not with this cut-off or parameter.
    """
    written = text.strip()
    parts = _WRITTEN.fullmatch(written)
    if parts is None:
        raise unknown_name("measure", text, _known())
    folded = _fold(parts["name"])
    if folded in _ELSEWHERE:
        raise UsageError(
            f"measure {text!r} is one of ir_measures' that clirot does not compute",
            hint="it needs more than a relevance for each document; use ir_measures for it",
        )
    name = _CANONICAL.get(folded)
    if name is None:
        # Compared without the cut-off, so that nDGC@10 is near ndcg.
        raise unknown_name("measure", parts["name"], _known(), more="cut-offs go like ndcg@20")
    return _Reading(written, name, DEFINITIONS[name]).measure(parts)


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


_CANONICAL = {_fold(name): name for name in DEFINITIONS} | _ALIASES


def _known() -> list[str]:
    short = {"ap": "AP", "p": "P", "r": "R", "rr": "RR", "reciprank": "recip_rank"}
    return sorted({*DEFINITIONS, *(short[name] for name in short)})


@dataclass
class _Reading:
    """The settings of one measure while its name is being read."""

    written: str
    name: str
    definition: Definition
    found: dict[str, Value] = field(default_factory=dict)

    def measure(self, parts: re.Match[str]) -> Measure:
        for pair in (parts["params"] or "").split(","):
            if pair.strip():
                self._read_param(pair)
        if parts["at"] is not None:
            self._read_at(parts["sign"], parts["at"])
        if parts["level"] is not None:
            self._set("level", int(parts["level"]))
        missing = self.definition.needs and self.definition.needs not in self.found
        if missing:
            raise UsageError(
                f"measure {self.written!r} needs a recall level",
                hint=f"for example {self.definition.example}",
            )
        return Measure(self.name, **self.found)  # type: ignore[arg-type]

    def _read_at(self, sign: str, at: str) -> None:
        if self.name == "rbp" and sign == ".":  # ranx: rbp.95
            self._set("at", float(f"0.{at}"))
        elif self.name == "rbp" and "at" not in self.found:
            raise UsageError(
                f"measure {self.written!r} is p = 0.{at} to ranx and the first {at} to ir_measures",
                hint=f"write rbp.{at} or rbp(p=0.8)@{at}",
            )
        elif self.name == "iprec":
            self._set("at", _recall_level(at))
        elif not self.definition.cutoff:
            raise UsageError(
                f"measure {self.written!r}: {self.name} has no cut-off",
                hint=f"write {self.name}",
            )
        elif not at.isdigit() or int(at) < 1:
            raise UsageError(
                f"measure {self.written!r}: the cut-off is not a whole number from 1 on",
                hint=f"for example {self.name}@10",
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
            self._rename("set_relative_p" if value == "True" else "precision")
        elif key == "dcg" and self.name == "ndcg" and value in ("log2", "exp-log2"):
            self._rename("ndcg_burges" if value == "exp-log2" else "ndcg")
        elif key == self.definition.at and _is_number(value):
            self._set("at", float(value))
        else:
            known = ["rel", "judged_only", *filter(None, [self.definition.at])]
            raise UsageError(
                f"measure {self.written!r}: cannot read the parameter {pair.strip()!r}",
                hint=f"{self.name} takes {', '.join(f'{name}=...' for name in known)}",
            )

    def _rename(self, name: str) -> None:
        self.name, self.definition = name, DEFINITIONS[name]

    def _set(self, key: str, value: Value) -> None:
        if self.found.setdefault(key, value) != value:
            raise UsageError(f"measure {self.written!r} says two things about one setting")


def _recall_level(written: str) -> float:
    value = float(written)
    if not 0 <= value <= 1:
        raise UsageError(f"{written!r} is not between 0 and 1")
    if round(value, 2) != value:
        raise UsageError(f"recall level {written}: trec_eval knows two digits, such as 0.25")
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
