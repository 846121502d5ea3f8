"""Retrieval: documents into an index, topics against it, a run out of both.

:mod:`clirot.retrieval.indexing` builds an index, :mod:`clirot.retrieval.searching` searches one,
and :mod:`clirot.retrieval.backends` has the ways in which token vectors are kept and searched.
"""
