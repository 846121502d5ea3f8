"""Retrieval measures, under the names that ranx, ir_measures and trec_eval give them.

:func:`read_measures` reads a name, which may stand for several; :func:`measure_values` gives the
value of each measure for each judged topic of a run. The figures are trec_eval's own, by way of
ir_measures, wherever trec_eval has the measure.

Measures that need more than a relevance for each document (subtopics, preferences) are not here.
"""

from clirot.evaluation.measures.names import Measure
from clirot.evaluation.measures.spelling import measure_names, parse_measure, read_measures
from clirot.evaluation.measures.values import judged_topics, measure_values

__all__ = [
    "Measure",
    "judged_topics",
    "measure_names",
    "measure_values",
    "parse_measure",
    "read_measures",
]
