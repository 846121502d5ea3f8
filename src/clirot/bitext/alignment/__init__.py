"""Misalignment of bitext: found (:func:`find_shifts`), repaired (:func:`realign`, and
:func:`repair`, which looks whether it helped), and pairs judged one by one
(:func:`alignment_scores`), by what the corpus itself teaches.

No dictionary, no model and no knowledge of the languages is needed: text becomes units (``units``),
a cross-fitted IBM model 1 says which of them translate each other (``lexicon``), and the same
sentences paired anew at random say what chance looks like (``evidence``).
"""

from clirot.bitext.alignment.quality import DEFAULT_THRESHOLD, alignment_scores
from clirot.bitext.alignment.realignment import Bead, Realignment, realign
from clirot.bitext.alignment.repairs import Repair, repair
from clirot.bitext.alignment.scorer import AlignmentScorer
from clirot.bitext.alignment.shifts import AlignmentReport, Stretch, find_shifts

__all__ = [
    "DEFAULT_THRESHOLD",
    "AlignmentReport",
    "AlignmentScorer",
    "Bead",
    "Realignment",
    "Repair",
    "Stretch",
    "alignment_scores",
    "find_shifts",
    "realign",
    "repair",
]
