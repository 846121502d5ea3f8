"""Indexes in shards: ranges of a collection's documents, each an index of its own.

:mod:`~clirot.retrieval.sharding.cutting` says where the ranges end,
:mod:`~clirot.retrieval.sharding.building` builds what is missing and joins what is there, and
:mod:`~clirot.retrieval.sharding.sharded_index` searches all shards as one index.
"""
