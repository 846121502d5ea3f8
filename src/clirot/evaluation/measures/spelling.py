"""How ranx, ir_measures and trec_eval write measures, read as the same measure.

::

    ndcg@20   nDCG@20   ndcg_cut_20   ndcg_cut.20              ndcg@20
    map       AP        MAP                                    map
    map@100   AP@100    map_cut_100                            map@100
    P@5       precision@5   P_5   Precision@5                  precision@5
    R@1000    recall@1000   recall_1000                        recall@1000
    RR@10     mrr@10    MRR@10                                 mrr@10
    AP(rel=2)@100   map@100-l2                                 map@100-l2
    set_F.2   SetF(beta=2)                                     f1(beta=2)
    nDCG(gains={1:0,3:1})@10   (without cut-off: ndcg.1=0,3=1) ndcg(gains={1:0,3:1})@10

MTEB's ``ndcg_at_10`` and BEIR's ``R_cap@100`` (which is trec_eval's ``relative_P.100``) are read
too. trec_eval writes several at once: ``P.5,10`` is ``precision@5`` and ``precision@10``, ``P``
stands for nine cut-offs, and ``official`` for what trec_eval prints. A name that is one thing to
one tool and another thing to another (``recall``, ``rbp@10``) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from clirot.errors import UsageError
from clirot.evaluation.measures.names import DEFINITIONS, Definition, Measure
from clirot.evaluation.measures.other_tools import LISTS, SETS, refused
from clirot.registry import unknown_name

# Other names, without spaces, hyphens and underscores and in small letters -> canonical name.
_ALIASES = {
    "ap": "map", "meanaverageprecision": "map", "mapcut": "map", "averageprecision": "map",
    "ndcgcut": "ndcg", "p": "precision", "prec": "precision", "r": "recall", "rr": "mrr",
    "reciprank": "mrr", "reciprocalrank": "mrr", "hitrate": "success", "hit": "success",
    "judge": "judged", "rprecision": "rprec", "f": "f1", "setf": "f1", "setf1": "f1",
    "setp": "precision", "setr": "recall", "setrecall": "recall", "setap": "set_map",
    "setrelp": "set_relative_p", "gmap": "gm_map", "iprecatrecall": "iprec", "11pt": "11pt_avg",
    "ndcgexp": "ndcg_burges", "exactmatch": "em", "rcap": "relative_p", "recallcap": "relative_p",
}  # fmt: skip

_NUMBERS = r"\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?)*"
_WRITTEN = re.compile(
    rf"""(?P<name>[^\W\d_](?:[\w -]*?[^\W\d_])?|11pt_avg|11pt|(?:[a-z_ -]*[_ -])?f1)
        (?:\((?P<params>[^()]*)\))?
        (?:(?P<sign>@|_at_(?=\d)|[._](?=\d))(?P<at>{_NUMBERS}))?
        (?:-l(?P<level>\d+))?""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GAINS = re.compile(r"\{\s*\d+\s*:\s*\d+\s*(,\s*\d+\s*:\s*\d+\s*)*\}")
_PAIRS = re.compile(r"(ndcg(?:_cut)?)[._](\d+=\d+(?:,\d+=\d+)*)", re.IGNORECASE)
_COEFFICIENTS = re.compile(r"utility[._](-?\d+(?:\.\d+)?(?:,-?\d+(?:\.\d+)?)*)", re.IGNORECASE)
_BETWEEN = re.compile(
    r"""(?:\s|,
            (?!(?<=\d,)-?\d+(?:\.\d+)?(?:=\d+)?(?:-l\d+)?(?:[\s,]|$))  # 10 in P.5,10 is no name
        )+(?![^()]*\))""",
    re.VERBOSE,
)


def measure_names(text: str) -> list[str]:
    """The measures in a text, separated by white space or by commas.

    Commas within brackets, and those between the cut-offs of trec_eval (``P.5,10``), part nothing.
    """
    return [name for name in _BETWEEN.split(text) if name]


def read_measures(text: str) -> list[Measure]:
    """The measures that one name stands for: several where it is a list or a set of trec_eval.

    Raises:
        UnknownNameError: no such measure; the hint suggests a near miss.
        UsageError: the measure exists, but not with this cut-off or parameter; or its name is
            another measure to another tool, or a tool has it and clirot does not.
    """
    written = text.strip()
    folded = _fold(written)
    if folded in SETS:
        return [one for name in SETS[folded] for one in read_measures(name)]
    if (refusal := refused(written, _fold(re.split(r"[(@.]", written)[0]))) is not None:
        raise refusal
    if pairs := _PAIRS.fullmatch(written):
        _check_bare(pairs, written)
        written = f"ndcg(gains={{{pairs[2].replace('=', ':')}}})"
    if coefficients := _COEFFICIENTS.fullmatch(written):
        if [float(one) for one in coefficients[1].split(",")] != [1, -1, 0, 0]:
            raise UsageError(
                f"measure {written!r}: clirot computes utility with trec_eval's own coefficients",
                hint="write utility, which is utility.1,-1,0,0",
            )
        written = "utility"
    parts = _WRITTEN.fullmatch(written)
    if parts is None:
        more = "cut-offs of one measure stand without spaces: P.5,10"
        known = {"more": more} if _NUMBER.fullmatch(written) else {}
        raise unknown_name("measure", text, _KNOWN, **known)
    folded = _fold(parts["name"])
    if folded not in _CANONICAL:
        # Compared without the cut-off, so that nDGC@10 is near ndcg.
        raise unknown_name("measure", parts["name"], _KNOWN, more="cut-offs go like ndcg@20")
    reading = _Reading(text.strip(), folded, _CANONICAL[folded])
    return list(dict.fromkeys(reading.measures(parts)))


def parse_measure(text: str) -> Measure:
    """Read a measure's name in any of the accepted spellings.

    Raises:
        UnknownNameError: as :func:`read_measures`.
        UsageError: as :func:`read_measures`, or the name stands for several measures.
    """
    found = read_measures(text)
    if len(found) > 1:
        raise UsageError(
            f"{text.strip()!r} stands for {len(found)} measures where one is needed",
            hint=f"choose one: {', '.join(map(str, found[:3]))}" + ", ..." * (len(found) > 3),
        )
    return found[0]


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


_CANONICAL = {_fold(name): name for name in DEFINITIONS} | _ALIASES
_KNOWN = (*DEFINITIONS, "AP", "P", "R", "RR", "recip_rank")


def _check_bare(pairs: re.Match[str], written: str) -> None:
    if pairs[1].casefold() != "ndcg":
        raise UsageError(
            f"measure {written!r}: trec_eval's ndcg_cut takes cut-offs",
            hint=f"for example ndcg(gains={{{pairs[2].replace('=', ':')}}})@10",
        )


@dataclass
class _Reading:
    """The settings of one measure while its name is being read."""

    written: str
    folded: str
    """The name as it was written, without what does not matter."""
    name: str
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> Definition:
        return DEFINITIONS[self.name]

    def measures(self, parts: re.Match[str]) -> Iterator[Measure]:
        for pair in re.split(r",(?![^{]*\})", parts["params"] or ""):
            if pair.strip():
                self._read_param(pair.strip())
        if parts["level"] is not None:
            self._set("level", int(parts["level"]))
        sign, at = parts["sign"], parts["at"]
        sign = "@" if sign == "_at_" else sign  # MTEB
        if at is None and not {"cutoff", "at"} & self.found.keys():
            sign, at = ".", LISTS.get(self.folded)
        for one in [None] if at is None else at.split(","):
            reading = replace(self, found=dict(self.found))
            if one is not None:
                reading._read_at(sign, one)
            yield reading._measure()

    def _measure(self) -> Measure:
        if self.name == "iprec" and "at" not in self.found:
            raise self._error("it needs a recall level", hint="for example iprec@0.1")
        if self.name == "rprec_mult" and "at" not in self.found:
            raise self._error("it needs a multiple of R", hint="for example rprec_mult@0.5")
        if "cutoff" not in self.found and self.folded in _AMBIGUOUS:
            raise self._error(*_AMBIGUOUS[self.folded])
        counted = {"labels": "neighbours that vote", "answers": "passages that are looked at"}
        what = counted.get(self.definition.needs)
        if what is not None and "cutoff" not in self.found:
            raise self._error(f"it needs the number of {what}", hint=f"for example {self.name}@5")
        if self.definition.needs != "judgements" and {"level", "judged_only"} & self.found.keys():
            raise self._error("it has no relevance level and knows no judged documents")
        if self.name == "num_ret" and "level" in self.found:  # ir_measures: NumRet(rel=2)
            self.name = "num_rel_ret"
        if "gains" in self.found and self.name != "ndcg":
            raise self._error("it has gains, and an exponential gain too", hint="leave one out")
        return Measure(self.name, **self.found)

    def _read_at(self, sign: str, at: str) -> None:
        if self.name == "rbp" and sign == ".":  # ranx: rbp.95
            if not at.isdecimal():
                raise self._error(
                    "after the point are the decimals of p, as ranx writes it",
                    hint="for p = 0.8 write rbp.8 or rbp(p=0.8)",
                )
            self._set_persistence(f"0.{at}")
            self._set("graded", True)
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
        elif self.name == "rprec_mult":
            if not float(at) or round(float(at), 2) != float(at):
                raise self._error("the multiple is above 0 and has two digits, such as 0.25")
            self._set("at", float(at))
        elif self.folded.startswith("setf") and sign != "@":  # trec_eval: set_F.2
            self._set("at", float(at))
        elif self.folded.startswith("set") or (self.folded in ("f1", "f") and sign != "@"):
            raise self._error(
                "a measure of sets looks at all that was retrieved, and has no cut-off",
                hint=f"write {self.name}@{at}, or set_F.{at} for F with beta = {at}"
                if self.name == "f1"
                else f"write {self.name.removeprefix('set_')}@{at}",
            )
        elif not self.definition.cutoff:
            raise self._error(f"{self.name} has no cut-off", hint=f"write {self.name}")
        elif not at.isdecimal() or int(at) < 1:
            raise self._error(
                "the cut-off is not a whole number from 1 on", hint=f"for example {self.name}@10"
            )
        else:
            self._set("cutoff", int(at))

    def _read_param(self, pair: str) -> None:
        key, _, text = (part.strip() for part in pair.partition("="))
        value = text.strip("'\"")
        if key == "rel" and value.isdecimal():
            self._set("level", int(value))
        elif key == "cutoff" and self.definition.cutoff and value.isdecimal() and int(value):
            self._set("cutoff", int(value))
        elif key == "judged_only" and value in ("True", "False"):
            self._set("judged_only", value == "True")
        elif key == "relative" and self.name == "precision" and value in ("True", "False"):
            self.name = "set_relative_p" if value == "True" else "precision"
        elif key == "dcg" and self.name == "ndcg" and value in ("log2", "exp-log2"):
            self.name = "ndcg_burges" if value == "exp-log2" else "ndcg"
        elif key == "gains" and self.name in ("ndcg", "ndcg_burges"):
            self._read_gains(value)
        elif key == "votes" and self.definition.needs == "labels" and value in ("score", "rank"):
            self._set("votes", value)
        elif key == self.definition.at and _NUMBER.fullmatch(value):
            self._read_other(value)
        else:
            known = ["rel", "judged_only", *filter(None, [self.definition.at])]
            known += ["gains", "dcg"] if self.name == "ndcg" else []
            if self.definition.needs != "judgements":
                known = ["votes"] if self.definition.needs == "labels" else ["cutoff"]
            raise self._error(
                f"cannot read the parameter {pair!r}",
                hint=f"{self.name} takes {', '.join(f'{name}=...' for name in known)}",
            )

    def _read_gains(self, value: str) -> None:
        if not _GAINS.fullmatch(value):
            raise self._error(
                f"cannot read the gains {value!r}",
                hint="write whole numbers, relevance:gain, such as gains={1:0,3:1}",
            )
        pairs = [tuple(map(int, pair.split(":"))) for pair in value.strip("{}").split(",")]
        if len(dict(pairs)) < len(pairs):  # type: ignore[arg-type]
            raise self._error("a relevance has two gains")
        self._set("gains", tuple(sorted(pairs)))

    def _read_other(self, value: str) -> None:
        if self.name in ("iprec", "rprec_mult"):
            self._read_at("@", value)
        elif self.name == "rbp":
            self._set_persistence(value)
        else:
            self._set("at", float(value))

    def _set_persistence(self, written: str) -> None:
        if not 0 < float(written) < 1 or round(float(written), 9) != float(written):
            raise self._error("its p is above 0 and below 1, with nine digits at most")
        self._set("at", float(written))

    def _set(self, key: str, value: Any) -> None:
        if self.found.setdefault(key, value) != value:
            raise self._error("it says two things about one setting")

    def _error(self, problem: str, hint: str | None = None) -> UsageError:
        return UsageError(f"measure {self.written!r}: {problem}", hint=hint)


_AMBIGUOUS = {
    "recall": (
        "it is that of all that was retrieved to ranx, and at 5 to 1000 documents to trec_eval",
        "write set_recall, or recall@100, or recall.5,10,15,20,30,100,200,500,1000",
    ),
    "r": ("it needs a cut-off", "for example R@100; of all that was retrieved: set_recall"),
    "rcap": ("it needs a cut-off", "for example R_cap@100"),
    "recallcap": ("it needs a cut-off", "for example recall_cap@100"),
}
