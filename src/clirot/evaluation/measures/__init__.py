"""Retrieval measures, under every name that ranx, ir_measures and trec_eval give them.

:func:`parse_measure` reads a name; :func:`measure_values` gives the value of each measure for each
judged topic of a run. The figures are trec_eval's own, by way of ir_measures, wherever trec_eval
has the measure.

Measures that need more than a relevance for each document (subtopics, preferences) are not here.
"""

from clirot.evaluation.measures.names import Measure, parse_measure
from clirot.evaluation.measures.values import judged_topics, measure_values

__all__ = ["Measure", "judged_topics", "measure_values", "parse_measure"]
