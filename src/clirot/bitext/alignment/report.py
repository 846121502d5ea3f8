"""What is found in a corpus: stretches of shifted lines, and the beads of its realignment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FEWEST = 40
"""Lines that a corpus must have to be checked; from fewer, too little is learnt."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive source lines in one state: ``[start, end)``, counted from 0."""

    start: int
    end: int
    offset: int | None
    """Source line ``i`` belongs to target line ``i + offset``; None: nothing matches."""

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class AlignmentReport:
    """How the lines of a corpus correspond."""

    lines: int
    stretches: tuple[Stretch, ...]
    """In order, without gaps."""
    share: float
    """The estimated share of the pairs, as they stand, that are translations."""
    sampled: bool = False
    """Only blocks were looked at; a shift between two blocks in the same state is not seen."""

    @property
    def shifts(self) -> tuple[Stretch, ...]:
        """The stretches whose translations are on other lines."""
        return tuple(one for one in self.stretches if one.offset)

    @property
    def unmatched(self) -> tuple[Stretch, ...]:
        """The stretches where no offset fits: shuffled, or not translations at all."""
        return tuple(one for one in self.stretches if one.offset is None)

    @property
    def shifted(self) -> int:
        """Lines whose translations are on other lines."""
        return sum(map(len, self.shifts))

    @property
    def aligned(self) -> bool:
        """Nothing is shifted and nothing is unmatched."""
        return not self.shifts and not self.unmatched

    @property
    def nothing_matches(self) -> bool:
        """No offset fits anywhere in the corpus."""
        return bool(self.unmatched) and sum(map(len, self.unmatched)) == self.lines

    def __str__(self) -> str:
        if self.lines < FEWEST:
            return f"not checked: {self.lines} pairs are too few, {FEWEST} are needed"
        if self.nothing_matches:
            return f"not aligned: nothing on the two sides of {self.lines:,} pairs matches"
        if self.aligned:
            return f"aligned: no shift in {self.lines:,} pairs"
        parts = []
        if self.shifts:
            count = len(self.shifts)
            parts.append(
                f"{count:,} shifted {'stretch' if count == 1 else 'stretches'}, "
                f"{self.shifted:,} of {self.lines:,} pairs: {_listed(self.shifts)}"
            )
        if self.unmatched:
            parts.append(f"nothing matches in {_listed(self.unmatched)}")
        return "; ".join(parts)


def _listed(stretches: Sequence[Stretch], most: int = 5) -> str:
    """The longest stretches, in the order of their lines."""
    longest = sorted(stretches, key=len, reverse=True)[:most]
    named = [
        f"{one.start + 1:,}-{one.end:,}" + (f" by {one.offset:+d}" if one.offset else "")
        for one in sorted(longest, key=lambda one: one.start)
    ]
    more = len(stretches) - most
    return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True)
class Bead:
    """Source sentences ``[src.start, src.stop)`` are translated by those of ``tgt``.

    One of the two is empty where a sentence has no counterpart.
    """

    src: range
    tgt: range
    score: float
    """The probability that they are translations, between 0 and 1; 0 with an empty side."""

    @property
    def matched(self) -> bool:
        """Both sides have a sentence."""
        return bool(len(self.src) and len(self.tgt))


@dataclass(frozen=True)
class Realignment:
    """A corpus with its sentences beside their translations."""

    beads: tuple[Bead, ...]
    """In order; every sentence of both sides is in one of them."""
    report: AlignmentReport
    """What was found before."""
    fault: str | None = None
    """Why the lines are better left as they are, where that was checked; None: nothing found."""

    def pairs(self, src: Sequence[str], tgt: Sequence[str]) -> Iterator[tuple[str, str, Bead]]:
        """The sentences that have a counterpart, those of one bead joined by a space."""
        for bead in self.beads:
            if bead.matched:
                here = " ".join(src[bead.src.start : bead.src.stop])
                yield here, " ".join(tgt[bead.tgt.start : bead.tgt.stop]), bead
