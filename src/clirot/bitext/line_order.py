"""Whether the lines of a source correspond to each other, for its artefact.

What is found is part of the manifest, under ``alignment`` and ``realigned``; lines are counted from
1 there. What is wrong is also a warning of the report. How: :mod:`clirot.bitext.alignment`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from clirot.records import ProgressSink, SentencePair

if TYPE_CHECKING:
    from clirot.bitext.filters.chain import Chain

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
    from clirot.bitext.alignment.results import FEWEST
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
