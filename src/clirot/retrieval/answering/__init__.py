"""Answers to the topics, written by a causal language model that reads what was found for them.

:mod:`~clirot.retrieval.answering.answers` has the verb and
:mod:`~clirot.retrieval.answering.reader` the model.
"""
