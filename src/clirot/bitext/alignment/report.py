"""How the lines of a corpus correspond: what is found and repaired, and what a manifest says of it.

A report has stretches of shifted lines, a realignment the beads that put sentences back beside
their translations. A manifest has both under ``alignment`` and ``realigned``, where lines are
counted from 1; what is wrong is also a warning of the filters' report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.records import ProgressSink, SentencePair

if TYPE_CHECKING:
    from clirot.bitext.filters.chain import Chain

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


_CHECKED = 200_000  # pairs of a source that are checked for shifts, to bound memory
_CHECKED_CHARACTERS = 64_000_000  # of these pairs, however long their lines


def realigned_pairs(
    pairs: Iterator[SentencePair], chain: Chain, progress: ProgressSink
) -> tuple[Iterator[SentencePair], dict[str, Any]]:
    """The pairs with every sentence beside its translation, and an entry for the manifest.

    Where no line is shifted, or where realigning is no improvement, the pairs stay as they are; the
    latter is a warning of the report.
    """
    from clirot.bitext.alignment import repair

    before = list(pairs)
    src, tgt = [one.src for one in before], [one.tgt for one in before]
    result = repair(src, tgt, progress=progress)
    if result is None:
        # Where no line is shifted, an unusual pair is more probably a free translation.
        return iter(before), {}
    if result.fault is not None:
        chain.report.warnings.append(f"not realigned, the lines stay as published: {result.fault}")
        return iter(before), {}
    beads = result.beads
    done = {
        "found": str(result.report),
        "pairs": sum(bead.matched for bead in beads),
        "source_alone": sum(not bead.tgt for bead in beads),
        "target_alone": sum(not bead.src for bead in beads),
        "joined": sum(bead.matched and len(bead.src) + len(bead.tgt) > 2 for bead in beads),
    }
    # A pair has the id and the place of its (first) source sentence.
    pairs = (
        SentencePair(here, there, before[bead.src.start].id, before[bead.src.start].place)
        for here, there, bead in result.pairs(src, tgt)
    )
    return pairs, {"realigned": done}


def not_checked(pairs: int) -> dict[str, Any]:
    """The entry of a list of words, whose lines are too short to find a shift by."""
    found = "not checked: a list of words or names"
    entry = {"found": found, "share": None, "pairs": pairs, "sampled": False}
    return {"alignment": {**entry, "shifts": [], "unmatched": []}}


def line_order(chain: Chain, progress: ProgressSink, *, realign: bool) -> dict[str, Any]:
    """How the lines of a source correspond, an entry for the manifest.

    Shifted or unmatched lines are also a warning of the report.
    """
    from clirot.bitext.alignment.lexicon import LOOKED_AT
    from clirot.bitext.alignment.shifts import find_shifts

    rows = chain.first_read(_CHECKED, longest=LOOKED_AT, characters=_CHECKED_CHARACTERS)
    if len(rows) < FEWEST:
        return {}
    src, tgt, names = zip(*rows, strict=True)
    report = find_shifts(src, tgt, progress=progress)
    if not report.aligned:
        warning = str(report)
        if report.shifts:
            warning += f"; the first begins at {names[report.shifts[0].start]}"
            if not realign:
                warning += " (`fetch_bitext(realign=True)` repairs shifts)"
        chain.report.warnings.append(warning)
    return {
        "alignment": {
            "found": str(report),
            "share": round(report.share, 4),
            "pairs": report.lines,
            "sampled": report.sampled or len(src) < chain.count,
            "shifts": [
                {"from": one.start + 1, "to": one.end, "by": one.offset, "id": names[one.start]}
                for one in report.shifts
            ],
            "unmatched": [{"from": one.start + 1, "to": one.end} for one in report.unmatched],
        }
    }
