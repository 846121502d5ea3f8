"""Queries that are scored together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clirot.encoding.maxsim import FloatArray

_MOST_QUERIES = 64
_MOST_TOKENS = 1024


def query_batches(
    queries: Sequence[FloatArray], documents: int, most_scores: int
) -> Iterator[list[FloatArray]]:
    """Queries that share a reading of all documents: enough to fill the matrix units.

    Args:
        queries: ``(tokens, dim)`` each.
        documents: that each of them is scored against.
        most_scores: scores that are held at once, queries times documents.
    """
    most = max(1, min(_MOST_QUERIES, most_scores // max(1, documents)))
    batch: list[FloatArray] = []
    tokens = 0
    for query in queries:
        if batch and (len(batch) == most or tokens + len(query) > _MOST_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(query)
        tokens += len(query)
    if batch:
        yield batch
