"""How the documents of an index were split, as its manifest counts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PASSAGES = "passages"
"""Where the manifest of an index has these counts, if its rows are passages."""


@dataclass
class Counts:
    """How documents were split."""

    documents: int = 0
    passages: int = 0
    split: int = 0
    """Documents with more than one passage, those that are left out included."""
    left_out: int = 0
    """Passages beyond the most that a document may have."""
    shortened: int = 0
    """Documents of which passages were left out."""

    @property
    def row(self) -> dict[str, int]:
        """As it stands in a manifest."""
        return dict(vars(self))

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Counts:
        """The inverse of :attr:`row`."""
        return cls(**{name: int(row[name]) for name in vars(cls())})


def joined_counts(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts of an index in shards, as it stands in its manifest; none where documents are not
    split.

    Args:
        results: those of the shards.
    """
    if PASSAGES not in results[0]:
        return {}
    rows = [one[PASSAGES] for one in results]
    return {PASSAGES: {name: sum(int(row[name]) for row in rows) for name in rows[0]}}


def rows(results: Mapping[str, Any]) -> int:
    """How many rows an index of token vectors has: documents, or their passages.

    Args:
        results: of its manifest.
    """
    return int(results[PASSAGES]["passages"] if PASSAGES in results else results["documents"])
