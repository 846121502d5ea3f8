"""Runs and relevance judgements: the files that retrieval tools exchange, read and written.

A *run* is what a system retrieved: for each topic, documents with scores. *Qrels* are the
judgements: for each topic, documents with a relevance. Both are read from TREC files, from the JSON
that ranx writes, or from JSON lines with the field names of ir_datasets; plain or gzipped; from a
path or from standard input (``-``).

A :class:`Run` holds its documents in the order in which trec_eval ranks them, whatever the order of
the lines and the rank column of the file say.

This package computes no measures: see :mod:`clirot.evaluation.measures`.
"""

from clirot.runs.reading import Qrels, read_qrels, read_run
from clirot.runs.run import Run, format_hits, format_run, shortest_score
from clirot.runs.saved import SAVED_RUN, NamedRun, find_run

__all__ = [
    "SAVED_RUN",
    "NamedRun",
    "Qrels",
    "Run",
    "find_run",
    "format_hits",
    "format_run",
    "read_qrels",
    "read_run",
    "shortest_score",
]
