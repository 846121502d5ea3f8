"""What a compressed index promises: how much of the exact ranking it finds, as it was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clirot.store import write_text

STEPS = (10, 100, 1000)
"""Numbers of hits for which recall is measured."""
PROMISE = "promise.json"


@dataclass(frozen=True)
class Depth:
    """How deep to look for the best k documents."""

    k: int
    probed: int
    """Lists that are probed for each query token; 0: all codes are read."""
    screened: int
    """Documents from the lists whose codes are scored; 0: all are."""
    settled: int
    """Documents that are scored exactly; 0: the scores are those of the codes."""
    recall: float
    """Share of the exact best k that were found, on average over the queries of the sample."""


@dataclass(frozen=True)
class Promise:
    """What was measured when the index was built, and how."""

    asked: float
    """The recall that was asked for."""
    queries: int
    """Queries of the sample: parts of documents, which do not find themselves."""
    documents: int
    """Documents that these were compared with."""
    truth: str
    """What recall is measured against, in words."""
    depths: tuple[Depth, ...]
    """For growing k; none in a collection that is so small that every document is settled."""

    @property
    def kept(self) -> bool:
        """Whether the recall that was asked for was measured at every k."""
        return all(depth.recall >= self.asked for depth in self.depths)

    @property
    def row(self) -> dict[str, Any]:
        """For the manifest."""
        return {**asdict(self), "depths": [asdict(depth) for depth in self.depths]}

    def save(self, directory: Path) -> None:
        """Write it beside the index."""
        write_text(directory / PROMISE, json.dumps(self.row, indent=2) + "\n")

    @classmethod
    def open(cls, directory: Path) -> Promise:
        """Read it.

        Raises:
            OSError: it is missing.
            ValueError: it is damaged.
        """
        return cls.of(json.loads((directory / PROMISE).read_text(encoding="utf-8")))

    @classmethod
    def of(cls, row: Any) -> Promise:
        """The promise that a manifest or a file has.

        Raises:
            ValueError: it is none.
        """
        try:
            depths = tuple(Depth(**one) for one in row["depths"])
            return cls(**{**row, "depths": depths})
        except (TypeError, KeyError) as error:
            raise ValueError(f"{PROMISE}: {error}") from error

    @classmethod
    def of_all(cls, shards: Sequence[Promise]) -> Promise:
        """The least of what shards promise.

        The best of a joined ranking are among the best of their shards, so what each shard finds of
        its own best is found of them too. A shard that is too small for a k misses nothing.
        """
        first = shards[0]
        steps = {depth.k for one in shards for depth in one.depths}
        depths = [
            [depth for one in shards for depth in one.depths if depth.k == k] for k in sorted(steps)
        ]
        return cls(
            first.asked,
            sum(one.queries for one in shards),
            sum(one.documents for one in shards),
            first.truth,
            tuple(min(these, key=lambda depth: depth.recall) for these in depths),
        )

    def at(self, k: int, documents: int) -> Depth:
        """How deep to look for k documents of so many; ``settled`` of them where nothing was
        measured for so many.
        """
        for depth in self.depths:
            if depth.k >= k:
                return depth
        if not self.depths or documents <= STEPS[-1]:
            return Depth(k, 0, 0, documents, 1.0)
        last = self.depths[-1]
        screened, settled = (
            min(documents, -(-number * k // last.k)) for number in (last.screened, last.settled)
        )
        return Depth(k, last.probed, screened, settled, last.recall)

    def beyond(self, k: int) -> bool:
        """Whether so many hits are more than anything was measured for."""
        return bool(self.depths) and k > self.depths[-1].k == STEPS[-1]

    def remark(self) -> str:
        """It in words."""
        if not self.depths:
            return "so small that nothing has to be measured: every document is scored"
        found = ", ".join(f"recall@{one.k} {one.recall:.3f}" for one in self.depths)
        return f"{found} against {self.truth}, on {self.queries} parts of documents as queries"

    def missed(self, config: Mapping[str, Any]) -> str:
        """What to say where the recall that was asked for was not measured.

        Args:
            config: the settings of the index.
        """
        worst = min(self.depths, key=lambda one: one.recall)
        ways = [] if config["store"] else ["keep the vectors (`store`)"]
        if config["bits"] < 4:
            ways.insert(0, "take `bits=4`")
        return (
            f"recall@{worst.k} {worst.recall:.3f} was measured, and {self.asked:g} asked for: "
            f"{' or '.join(ways) or 'ask for less (`recall`)'}"
        )
