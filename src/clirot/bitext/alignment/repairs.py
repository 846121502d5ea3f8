"""A realignment that is kept only where it mends something.

Beads are chosen for their score, so a corpus that the judge misreads comes out with high scores and
worse pairs. So a realigned corpus is judged again, from scratch, and the lexicon that it teaches is
asked of both, the lines as they stood and as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clirot.bitext.alignment.evidence import READ_AT_ONCE, Judge
from clirot.bitext.alignment.quality import judged
from clirot.bitext.alignment.realignment import Realignment, realigned
from clirot.bitext.alignment.shifts import AlignmentReport, Walk
from clirot.records import ProgressSink, Step, silent

_LOOSE = 10  # pairs by which the borders of shifts may be off without being a new shift


@dataclass(frozen=True)
class Repair:
    """What realigning a corpus came to."""

    realignment: Realignment
    fault: str | None
    """Why the lines are better left as they are; None: the repair is one."""


def repair(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> Repair | None:
    """Put sentences back beside their translations where lines are shifted, and see if it helped.

    Args:
        src: source sentences in order.
        tgt: target sentences in order; there may be more or fewer.
        seed: of the random re-pairing that evidence is measured against.
        progress: told of the lines aligned.

    Returns:
        The repair, or None where no stretch is shifted. Deterministic.
    """
    walk = Walk(src, tgt, seed=seed, progress=progress)
    if not walk.report.shifts:
        return None
    done = realigned(walk, progress)
    return Repair(done, fault_of(done, src, tgt, seed=seed, progress=progress))


def fault_of(
    realignment: Realignment,
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> str | None:
    """Why a realignment of a corpus is no improvement; None: it is one.

    Args:
        realignment: what became of the corpus.
        src: source sentences as they stood.
        tgt: target sentences as they stood.
        seed: of the random re-pairing.
        progress: told of the pairs compared.
    """
    before = realignment.report
    pairs = list(realignment.pairs(src, tgt))
    here, there = [one for one, _, _ in pairs], [other for _, other, _ in pairs]
    walk = Walk(here, there, seed=seed, progress=progress)
    after = walk.report
    if after.hopeless:
        return "nothing in it matches any more"
    if after.shifted >= before.shifted:
        return f"no fewer lines are shifted afterwards ({after})"
    lines = np.array([bead.src.start for _, _, bead in pairs], dtype=np.int64)
    if _new(before, after, lines) > _LOOSE:
        return f"lines that were aligned are shifted afterwards ({after})"
    both = min(len(src), len(tgt))
    old = _translations(walk.judge, src[:both], tgt[:both], progress)
    new = _translations(walk.judge, here, there, progress)
    if new <= old:
        return f"about {new:,.0f} pairs are translations afterwards, {old:,.0f} before"
    return None


def _new(before: AlignmentReport, after: AlignmentReport, lines: np.ndarray) -> int:
    """Pairs in a shifted stretch whose source line, of ``lines``, was in an aligned one."""
    aligned = np.zeros(before.lines, dtype=bool)
    for one in before.stretches:
        aligned[one.start : one.end] = one.offset == 0
    return sum(int(aligned[lines[one.start : one.end]].sum()) for one in after.shifts)


def _translations(
    judge: Judge, src: Sequence[str], tgt: Sequence[str], progress: ProgressSink
) -> float:
    """How many pairs are translations, by the sum of their probabilities."""
    total = 0.0
    for low in range(0, len(src), READ_AT_ONCE):
        high = min(len(src), low + READ_AT_ONCE)
        total += float(judged(judge, src[low:high], tgt[low:high]).sum())
        progress(Step("check the realignment", high, len(src), unit="pairs"))
    return total
