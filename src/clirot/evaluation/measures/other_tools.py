"""Names of trec_eval that stand for several measures, and measures that clirot does not compute.

The lists are those of trec_eval 9 (its ``m_*.c`` and ``trec_names.c``), the others those of
ir_measures' registry.
"""

from __future__ import annotations

from collections.abc import Mapping

from clirot.errors import UsageError

CUTOFFS = "5,10,15,20,30,100,200,500,1000"
LISTS = {
    "p": CUTOFFS,
    "mapcut": CUTOFFS,
    "ndcgcut": CUTOFFS,
    "relativep": CUTOFFS,
    "success": "1,5,10",
    "iprecatrecall": "0.00,0.10,0.20,0.30,0.40,0.50,0.60,0.70,0.80,0.90,1.00",
    "rprecmult": "0.20,0.40,0.60,0.80,1.00,1.20,1.40,1.60,1.80,2.00",
}
"""Name of trec_eval (folded) -> where it is measured if nothing is said."""

_OFFICIAL = (
    "num_q", "num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank",
    "iprec_at_recall", "P",
)  # fmt: skip
_SET = ("set_P", "set_relative_P", "set_recall", "set_map", "set_F", "utility")
SETS = {
    "official": _OFFICIAL,
    "set": ("num_q", "num_ret", "num_rel", "num_rel_ret", *_SET),
    "alltrec": (
        *_OFFICIAL, f"recall.{CUTOFFS}", "infAP", "gm_bpref", "Rprec_mult", *_SET,
        "num_nonrel_judged_ret", "11pt_avg", "ndcg", "ndcg_cut", "ndcg_rel", "Rndcg", "binG", "G",
        "map_cut", "relative_P", "success",
    ),
}  # fmt: skip
"""Set of trec_eval (folded) -> its measures that are figures, in the order of ``-m official``."""

_PREFERENCES = "it needs judgements of preferences between documents", "bpref"
_JUDGES = "it needs the judgements of several judges", "map"
_SUBTOPICS = "it needs judgements of subtopics", "ndcg"
_USER_MODELS = "it needs the package cwl-eval", "rbp(p=0.8)"
_GRADED_USERS = "it needs the package cwl-eval", "err"
_ELSEWHERE: Mapping[str, Mapping[str, tuple[str, str | None]]] = {
    "trec_eval": {
        "runid": ("it is the name of the run, which the table has", None),
        "relstring": ("it is a line of text, no figure", "precision@10"),
        "yaap": ("it is an experiment of one release", "map"),
        **dict.fromkeys(("prefs", "allprefs"), _PREFERENCES),
        **dict.fromkeys(("qrelsjg", "mapavgjg", "pavgjg", "rprecmultavgjg"), _JUDGES),
    },
    "ir_measures": {
        "accuracy": ("it is the share of pairs in the right order", "bpref or success@1"),
        "compat": ("it needs the program compatibility.py", "rbp(p=0.95)"),
        "sdcg": ("it needs the package cwl-eval", "ndcg or dcg"),
        **dict.fromkeys(("bpm", "inst", "insq"), _USER_MODELS),
        **dict.fromkeys(("nerr8", "nerr9", "nerr10", "nerr11"), _GRADED_USERS),
        **dict.fromkeys(
            ("erria", "nerria", "alphadcg", "αdcg", "alphandcg", "αndcg", "nrbp", "nnrbp", "apia",
             "mapia", "pia", "strecall"),
            _SUBTOPICS,
        ),
    },
    "BEIR": {
        "hole": ("it counts documents that no topic's judgements have", "judged@10"),
    },
}  # fmt: skip


def refused(written: str, folded: str) -> UsageError | None:
    """What to say of a measure that another tool has and clirot does not; None: there is none."""
    for tool, measures in _ELSEWHERE.items():
        for name, (why, near) in measures.items():
            if folded == name or (name == "prefs" and folded.startswith("prefs")):
                return UsageError(
                    f"{written!r} is a measure of {tool} that clirot does not compute: {why}",
                    hint=f"near it: {near}" if near else None,
                )
    return None
