"""Whether the lines of a bitext correspond: shifts are found (:func:`find_shifts`) and repaired
(:func:`realign`; :func:`repair` also checks the result), and each pair gets the probability that it
is a translation (:func:`alignment_scores`).

Everything is learnt from the bitext itself, without dictionary, encoder or knowledge of the
languages. ``lexicon`` has word translation by IBM model 1, ``pair_scores`` compares pairs with
random ones, ``shifts`` is a hidden Markov model over offsets, and ``realignment`` is dynamic
programming over beads.
"""

from clirot.bitext.alignment.pair_scores import DEFAULT_THRESHOLD, alignment_scores
from clirot.bitext.alignment.realignment import realign, repair
from clirot.bitext.alignment.report import AlignmentReport, Bead, Realignment, Stretch
from clirot.bitext.alignment.shifts import find_shifts

__all__ = [
    "DEFAULT_THRESHOLD",
    "AlignmentReport",
    "Bead",
    "Realignment",
    "Stretch",
    "alignment_scores",
    "find_shifts",
    "realign",
    "repair",
]
