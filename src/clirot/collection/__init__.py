"""Test collections: documents, topics in one or more languages, relevance judgements."""

from clirot.collection.catalogue import open_collection, register
from clirot.collection.collection import Collection
from clirot.collection.topics import read_topics

__all__ = ["Collection", "open_collection", "read_topics", "register"]
