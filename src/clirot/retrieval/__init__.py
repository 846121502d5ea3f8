"""Retrieval: an index of documents, and the run that topics get from it.

:mod:`clirot.retrieval.indexing` builds an index, :mod:`clirot.retrieval.searching` searches one,
and :mod:`clirot.retrieval.backends` has the ways in which token vectors are kept and searched.
:mod:`clirot.retrieval.translation` puts topics or documents into another language, and
:mod:`clirot.retrieval.answering` answers topics from what was found for them.
"""
