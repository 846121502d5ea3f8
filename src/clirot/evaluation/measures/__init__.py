"""Retrieval measures: what trec_eval computes, under every name that the common tools give it.

:func:`parse_measure` reads a name as ranx, ir_measures or trec_eval write it; :func:`compute` gives
the value of a measure for every judged topic of a run. Definitions are trec_eval's where it has the
measure, and agree with it to rounding (``tests/test_measures_parity.py``); the others name their
source where they are defined.

What is not here: significance (:mod:`clirot.evaluation.significance`), and measures that need more
than a relevance for each document (subtopics, preferences).
"""

from clirot.evaluation.measures.definitions import compute
from clirot.evaluation.measures.matching import Matching, match
from clirot.evaluation.measures.names import Measure, parse_measure

__all__ = ["Matching", "Measure", "compute", "match", "parse_measure"]
