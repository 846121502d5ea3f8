"""Fusing runs: reciprocal ranks, or weighted sums of normalised scores.

Definitions are those of ranx (``rrf``; ``min_max_norm`` followed by ``wsum``), which is the judge
in the tests; why it is not called here is in ``docs/decisions/020-measures-in-numpy.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clirot.errors import UsageError
from clirot.records import Hit
from clirot.registry import unknown_name
from clirot.runs import Run

_K = 60.0  # Cormack, Clarke and Buettcher, SIGIR 2009
_METHODS = ("rrf", "sum")


@dataclass(frozen=True)
class Fusion:
    """How runs are fused."""

    written: str
    method: str
    """``rrf`` (reciprocal rank fusion) or ``sum`` (weighted sum of min-max normalised scores)."""
    k: float = _K
    """The constant of reciprocal rank fusion: a document at rank r gets 1 / (k + r)."""
    weights: Mapping[str, float] | None = None
    """System -> weight; only these systems are fused. None: all, with weight 1."""

    @classmethod
    def parse(cls, text: str) -> Fusion:
        """Read ``rrf``, ``rrf:k=10``, ``rrf:bm25,colbert``, ``sum`` or ``sum:bm25=0.3,colbert=1``.

        Raises:
            UsageError: it is none of these.
        """
        method, _, rest = text.strip().partition(":")
        if method not in _METHODS:
            raise unknown_name("fusion", method, _METHODS)
        k, weights = _K, dict[str, float]()
        for part in filter(None, rest.split(",")):
            name, equals, written = part.strip().rpartition("=")
            if not equals:
                name, written = written, "1"
            try:
                value = float(written)
            except ValueError:
                value = float("nan")
            if not 0 <= value < float("inf") or name in weights:
                raise UsageError(
                    f"cannot read {part.strip()!r} in the fusion {text!r}",
                    hint="write rrf:k=60, or sum:RUN=WEIGHT,RUN=WEIGHT with each run once",
                )
            if method == "rrf" and name == "k":
                k = value
            else:
                weights[name] = value
        return cls(text.strip(), method, k, weights or None)


def fuse(runs: Mapping[str, Run], fusion: Fusion) -> Run:
    """Fuse runs over the same topics; a topic that only some have is fused from those.

    Args:
        runs: by system.
        fusion: how.

    Raises:
        UnknownNameError: a weight names a run that is not among them.
        UsageError: a score is infinite, so that it cannot be normalised.
    """
    weights = fusion.weights if fusion.weights is not None else dict.fromkeys(runs, 1.0)
    for name in weights:
        if name not in runs:
            raise unknown_name("run", name, runs)
    topics = dict.fromkeys(topic for name in weights for topic in runs[name].topics)
    fused: dict[str, dict[str, float]] = {}
    for topic in topics:
        documents = fused[topic] = {}
        for name, weight in weights.items():
            hits = runs[name].hits(topic)
            shares = _reciprocal(hits, fusion.k) if fusion.method == "rrf" else _scaled(hits, name)
            for hit, share in zip(hits, shares, strict=True):
                documents[hit.docno] = documents.get(hit.docno, 0.0) + weight * share
    return Run.from_dict(fusion.written, fused)


def _reciprocal(hits: Sequence[Hit], k: float) -> list[float]:
    return [1 / (k + rank) for rank in range(1, len(hits) + 1)]


def _scaled(hits: Sequence[Hit], name: str) -> list[float]:
    """Scores moved to 0 (the lowest) up to 1 (the highest) of their topic."""
    if not hits:
        return []
    scores = [hit.score for hit in hits]
    low, high = min(scores), max(scores)
    if low == float("-inf") or high == float("inf"):
        raise UsageError(
            f"run {name!r} has infinite scores, which a weighted sum cannot normalise",
            hint="use rrf, which looks at ranks only",
        )
    spread = max(high - low, 1e-9)  # ranx: all equal means 0
    return [(score - low) / spread for score in scores]
