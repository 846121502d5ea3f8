"""Whether the lines of a source stand beside their translations, as its artefact tells it.

What is told is part of the manifest, under ``alignment`` and ``realigned``, with lines counted from
1; a fault is also a warning of the chain's report. How it is found: :mod:`clirot.bitext.alignment`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from clirot.records import ProgressSink, SentencePair

if TYPE_CHECKING:
    from clirot.bitext.filters.chain import Chain

_WALKED = 200_000  # pairs of a source that are looked at for shifts, to bound memory
_WALKED_CHARACTERS = 64_000_000  # of them, however long their lines


def realigned_pairs(
    pairs: Iterator[SentencePair], chain: Chain, progress: ProgressSink
) -> tuple[Iterator[SentencePair], dict[str, Any]]:
    """The pairs with every sentence beside its translation, and what was done.

    A repair that is none is a warning of the chain's report.
    """
    from clirot.bitext.alignment import repair

    before = list(pairs)
    src, tgt = [one.src for one in before], [one.tgt for one in before]
    repaired = repair(src, tgt, progress=progress)
    if repaired is None:
        # Where no line has slipped, a free translation beside a short one is the likelier story.
        return iter(before), {}
    if repaired.fault is not None:
        chain.report.warnings.append(
            f"not realigned, the lines stay as published: {repaired.fault}"
        )
        return iter(before), {}
    result = repaired.realignment
    beads = result.beads
    done = {
        "found": str(result.report),
        "pairs": sum(bead.matched for bead in beads),
        "source_alone": sum(not bead.tgt for bead in beads),
        "target_alone": sum(not bead.src for bead in beads),
        "joined": sum(bead.matched and len(bead.src) + len(bead.tgt) > 2 for bead in beads),
    }
    # A pair is called what its (first) source sentence was called.
    pairs = (
        SentencePair(here, there, before[bead.src.start].id, before[bead.src.start].place)
        for here, there, bead in result.pairs(src, tgt)
    )
    return pairs, {"realigned": done}


def unjudged(pairs: int) -> dict[str, Any]:
    """What is said of a list of words, whose lines are too short to tell a shift by."""
    return _told("not judged: a list of words or names", share=None, pairs=pairs)


def line_order(chain: Chain, progress: ProgressSink, *, realign: bool) -> dict[str, Any]:
    """How the lines of a source stand to each other; a fault is also a warning of the report."""
    from clirot.bitext.alignment.shifts import FEWEST, find_shifts
    from clirot.bitext.alignment.units import LOOKED_AT

    src, tgt, names = chain.first_read(_WALKED, longest=LOOKED_AT, characters=_WALKED_CHARACTERS)
    if len(src) < FEWEST:
        return {}
    report = find_shifts(src, tgt, progress=progress)
    if not report.aligned:
        warning = str(report)
        if report.shifts:
            warning += f"; the first begins at {names[report.shifts[0].start]}"
            if not realign:
                warning += " (fetch-bitext --realign repairs shifts)"
        chain.report.warnings.append(warning)
    return _told(
        str(report),
        share=round(report.share, 4),
        pairs=report.lines,
        sampled=report.sampled or len(src) < chain.count,
        shifts=[
            {"from": one.start + 1, "to": one.end, "by": one.offset, "id": names[one.start]}
            for one in report.shifts
        ],
        unmatched=[{"from": one.start + 1, "to": one.end} for one in report.unmatched],
    )


def _told(
    found: str,
    *,
    share: float | None,
    pairs: int,
    sampled: bool = False,
    shifts: Sequence[dict[str, Any]] = (),
    unmatched: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The entry of the manifest."""
    return {
        "alignment": {
            "found": found,
            "share": share,
            "pairs": pairs,
            "sampled": sampled,
            "shifts": list(shifts),
            "unmatched": list(unmatched),
        }
    }
