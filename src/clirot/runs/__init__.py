"""Runs and relevance judgements: the files every retrieval tool exchanges, read and written.

A *run* is what a system retrieved: for each topic, documents with scores. *Qrels* are the
judgements: for each topic, documents with a relevance. Both are read from TREC files, from the
JSON that ranx writes, from JSON lines as ir_datasets and ir_measures name the fields, plain or
gzipped, from a path or from standard input (``-``).

A :class:`Run` holds its documents in the order trec_eval gives them (score as a 32-bit float,
descending; equal scores by docno, descending), whatever the order and the ranks of the file.

This package computes no measures: see :mod:`clirot.evaluation.measures`.
"""

from clirot.runs.judgements import Judgements, Qrels, read_qrels
from clirot.runs.reading import read_run
from clirot.runs.run import Run
from clirot.runs.writing import format_hits, format_run

SAVED_RUN = "run.trec"
"""The file of a run kept in the artefact store."""

__all__ = [
    "SAVED_RUN",
    "Judgements",
    "Qrels",
    "Run",
    "format_hits",
    "format_run",
    "read_qrels",
    "read_run",
]
