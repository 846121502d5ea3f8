"""Sentences put back beside their translations: monotone alignment by dynamic programming.

The best sequence of beads through both sides, where a bead is a sentence beside one or two,
two beside one, or a sentence with no counterpart. A bead of one beside one is worth the
judge's log density ratio and a prior for its kind; a sentence alone is worth its prior. So the path
maximises the log of how much likelier the two texts are as translations of each other than as two
texts that met by chance (Moore 2002; the kinds of beads are Gale and Church's).

A pair that stands where it should but looks unlike a translation stays: a bead of one beside one is
never worth less than two sentences alone would cost. What it is worth is in its score; dropping it
is a filter's decision.

Only a band around the stretches that a :class:`~clirot.bitext.alignment.shifts.Walk` found is
searched, none where several lines in a row stand firmly, and there the corpus is cut, so memory
does not grow with it and time grows in proportion. Order is kept: blocks that were moved past each
other are not moved back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.alignment.evidence import View, posterior_of
from clirot.bitext.alignment.lexicon import Beads, Floats
from clirot.bitext.alignment.shifts import AlignmentReport, Stretch, Walk
from clirot.records import ProgressSink, Step, silent

_BAND = 8
"""Lines either side of where the stretches put a sentence's translation."""
_PIECE = 1_000  # lines aligned at once, about
_FIRM = 5  # consecutive lines with good evidence whose middle is taken to be where it should
_GOOD = 2.0  # nats
_KINDS: dict[tuple[int, int], float] = {
    (1, 1): 0.972,
    (1, 2): 0.008,
    (2, 1): 0.008,
    (1, 0): 0.006,
    (0, 1): 0.006,
}
"""How often each kind is expected: corpora that were aligned once, so rarer than Gale and Church's
for raw text. Chosen on the Somali and Swahili development corpora."""
_DOUBT = 0.05  # the share of pairs that stand where they should and look as if they did not


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
    """A corpus put in order."""

    beads: tuple[Bead, ...]
    """In order; every sentence of both sides is in one of them."""
    report: AlignmentReport
    """What was found wrong before."""

    def pairs(
        self, src: Sequence[str], tgt: Sequence[str], *, joiner: str = " "
    ) -> Iterator[tuple[str, str, Bead]]:
        """The sentences that have a counterpart, those of a bead joined."""
        for bead in self.beads:
            if bead.matched:
                yield (
                    joiner.join(src[at] for at in bead.src),
                    joiner.join(tgt[at] for at in bead.tgt),
                    bead,
                )


def realign(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> Realignment:
    """Put the sentences of a corpus back beside their translations.

    Args:
        src: source sentences in order.
        tgt: target sentences in order; there may be more or fewer.
        seed: of the random re-pairing that evidence is measured against.
        progress: told of the lines aligned.

    Returns:
        The beads and the report. A corpus in which nothing matches comes back as it stands, with
        its low scores. Deterministic.
    """
    return realigned(Walk(src, tgt, seed=seed, progress=progress), progress)


def realigned(walk: Walk, progress: ProgressSink = silent) -> Realignment:
    """The same, of a corpus that was walked already."""
    report, src, tgt = walk.report, walk.src, walk.tgt
    stretches = _monotone(report.stretches, len(tgt))
    if not stretches:
        return Realignment(tuple(_as_it_stands(walk)), report)
    beads: list[Bead] = []
    for begin, end, first, last in _pieces(walk, stretches):
        beads += _aligned(walk, stretches, (begin, end), (first, last))
        progress(Step("realign", end, len(src), unit="pairs"))
    return Realignment(tuple(beads), report)


def _as_it_stands(walk: Walk) -> Iterator[Bead]:
    both = min(len(walk.src), len(walk.tgt))
    for at in range(both):
        yield Bead(range(at, at + 1), range(at, at + 1), 0.0)
    for at in range(both, len(walk.src)):
        yield Bead(range(at, at + 1), range(both, both), 0.0)
    for at in range(both, len(walk.tgt)):
        yield Bead(range(len(walk.src), len(walk.src)), range(at, at + 1), 0.0)


def _monotone(stretches: Sequence[Stretch], targets: int) -> list[Stretch]:
    """The heaviest chain of matching stretches whose lines ascend on both sides."""
    known = [one for one in stretches if one.offset is not None]
    best: list[tuple[int, list[Stretch]]] = []
    for at, one in enumerate(known):
        weight, chain = max(
            (
                best[earlier]
                for earlier in range(at)
                if known[earlier].end + (known[earlier].offset or 0) - 1
                <= one.start + (one.offset or 0)
            ),
            key=lambda found: found[0],
            default=(0, []),
        )
        best.append((weight + len(one), [*chain, one]))
    return max(best, key=lambda found: found[0], default=(0, []))[1]


def _pieces(walk: Walk, stretches: Sequence[Stretch]) -> Iterator[tuple[int, int, int, int]]:
    """Source lines ``[begin, end)`` and target lines ``[first, last)`` to be aligned together."""
    begin = first = 0
    for one in stretches:
        offset = one.offset or 0
        at = max(begin, one.start) + _PIECE
        while at < one.end - _BAND:
            cut = _firm(walk, at, min(at + _PIECE, one.end - _BAND), offset)
            if cut is None:
                at += _PIECE
                continue
            yield begin, cut, first, cut + offset
            begin, first = cut, cut + offset
            at = begin + _PIECE
    yield begin, len(walk.src), first, len(walk.tgt)


def _firm(walk: Walk, begin: int, end: int, offset: int) -> int | None:
    """The middle of the first few lines in a row that match well, if there are any."""
    good = walk.evidence(begin, end, [offset])[:, 0] > _GOOD
    if len(good) < _FIRM:
        return None
    firm = np.flatnonzero(np.convolve(good, np.ones(_FIRM), mode="valid") == _FIRM)
    return begin + int(firm[0]) + _FIRM // 2 if len(firm) else None


def _band(
    stretches: Sequence[Stretch], lines: tuple[int, int], targets: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For ``i`` from ``lines[0]`` to ``lines[1]`` inclusive, the ``j`` to look at: ``[low, high]``.

    ``(i, j)`` is the place with ``i`` sentences of one side behind it and ``j`` of the other.
    """
    begin, end = lines
    first, last = targets
    at = [begin]
    place = [first]
    for one in stretches:
        offset = one.offset or 0
        for edge in (max(one.start, begin), min(one.end, end)):
            if edge > at[-1] or (edge == at[-1] and edge + offset > place[-1]):
                at.append(edge)
                place.append(edge + offset)
    at.append(end)
    place.append(last)
    i = np.arange(begin, end + 1)
    # Where the path leaps, every place between the two lines is looked at.
    low, high = np.full(len(i), last), np.full(len(i), first)
    for (i0, j0), (i1, j1) in zip(
        zip(at, place, strict=True), zip(at[1:], place[1:], strict=True), strict=False
    ):
        some = slice(max(i0 - _BAND, begin) - begin, min(i1 + _BAND, end) - begin + 1)
        inside = np.clip(i[some], i0, i1)
        diagonal = j1 - j0 == i1 - i0
        one_low = inside - i0 + j0 if diagonal else np.full(len(inside), min(j0, j1))
        one_high = inside - i0 + j0 if diagonal else np.full(len(inside), max(j0, j1))
        low[some] = np.minimum(low[some], one_low - _BAND)
        high[some] = np.maximum(high[some], one_high + _BAND)
    low = np.minimum.accumulate(np.clip(low, first, last)[::-1])[::-1]
    high = np.maximum.accumulate(np.clip(high, first, last))
    low[0], high[-1] = first, last
    return low, high


def _narrow(
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    stretches: Sequence[Stretch],
    view: View,
    lines: tuple[int, int],
    targets: tuple[int, int],
) -> None:
    """Close the band, in place, where lines stand firmly: there is nothing to search there."""
    (begin, end), (first, last) = lines, targets
    for one in stretches:
        offset = one.offset or 0
        i = np.arange(max(one.start, begin, first - offset), min(one.end, end, last - offset))
        if len(i) < 2 * _FIRM:
            continue
        good = view.log_ratio(Beads.pairs(i - begin, i + offset - first)) > _GOOD
        runs = np.convolve(good, np.ones(_FIRM), mode="valid") == _FIRM
        # The place before the middle line of a run.
        rows = i[0] + np.flatnonzero(runs) + _FIRM // 2 - begin
        low[rows] = high[rows] = rows + begin + offset
    low[:] = np.minimum.accumulate(low[::-1])[::-1]
    high[:] = np.maximum.accumulate(high)


def _aligned(
    walk: Walk, stretches: Sequence[Stretch], lines: tuple[int, int], targets: tuple[int, int]
) -> list[Bead]:
    """The best path through a piece."""
    (begin, end), (first, last) = lines, targets
    view = walk.judge.view(walk.src[begin:end], walk.tgt[first:last])
    low, high = _band(stretches, lines, targets)
    _narrow(low, high, stretches, view, lines, targets)
    width = high - low + 1
    starts = np.concatenate([[0], np.cumsum(width)])
    i = np.repeat(np.arange(end - begin + 1), width)
    j = np.arange(starts[-1]) - starts[i] + low[i] - first
    worth: dict[tuple[int, int], Floats] = {}
    ratios: dict[tuple[int, int], Floats] = {}
    for kind, prior in _KINDS.items():
        n_src, n_tgt = kind
        worth[kind] = np.full(len(i), -np.inf)
        if 0 in kind:
            worth[kind][:] = np.log(prior)
            continue
        # The bead that ends at place (i, j).
        whole = np.flatnonzero((i >= n_src) & (j >= n_tgt))
        beads = Beads(i[whole] - n_src, i[whole], j[whole] - n_tgt, j[whole])
        ratio = view.log_ratio(beads)
        ratios[kind] = np.zeros(len(i))
        ratios[kind][whole] = ratio
        if kind == (1, 1):
            # Never worth less than doubt says: a free translation is no reason to take pairs apart.
            ratio = np.logaddexp(np.log(1 - _DOUBT) + ratio, np.log(_DOUBT))
        worth[kind][whole] = np.log(prior) + ratio
    path = _best_path(worth, starts, low)
    prior = walk.judge.prior
    beads_out = []
    for row, column, kind in path:
        place = int(starts[row] + column - low[row])
        n_src, n_tgt = kind
        score = 0.0
        if kind in ratios:
            score = float(posterior_of(ratios[kind][place : place + 1], prior)[0])
        beads_out.append(
            Bead(
                range(begin + row - n_src, begin + row),
                range(column - n_tgt, column),
                score,
            )
        )
    return beads_out


def _best_path(
    worth: dict[tuple[int, int], Floats], starts: NDArray[np.int64], low: NDArray[np.int64]
) -> list[tuple[int, int, tuple[int, int]]]:
    """Row, column and kind of every bead on the best path, in order; dynamic programming.

    Row ``i`` holds the places ``low[i], low[i] + 1, ...`` at ``starts[i]`` onwards of every array
    of ``worth``, whose entries are what the bead that ends there is worth.
    """
    kinds = [kind for kind in worth if kind != (0, 1)]
    alone = float(worth[0, 1][0])
    rows = len(starts) - 1
    came = np.zeros(starts[-1], dtype=np.int8)  # index into kinds, or -1 for (0, 1)
    best: list[Floats] = []
    for row in range(rows):
        here = slice(int(starts[row]), int(starts[row + 1]))
        width = here.stop - here.start
        options = np.full((len(kinds), width), -np.inf)
        for at, (n_src, n_tgt) in enumerate(kinds):
            if row >= n_src:
                options[at] = _shifted(
                    best[row - n_src], int(low[row - n_src]), int(low[row]) - n_tgt, width
                )
                options[at] += worth[kinds[at]][here]
        if row == 0:
            options[0, 0] = 0.0  # where everything starts
        choice = options.argmax(axis=0)
        reached = options[choice, np.arange(width)]
        # Target sentences alone: the best place to the left, less a price a step.
        steps = np.arange(width) * alone
        level = reached - steps
        running = np.maximum.accumulate(level)
        came[here] = np.where(running > level, -1, choice)
        best.append(np.where(running > level, running + steps, reached))
        if row >= 2:
            best[row - 2] = best[row - 2][:0]  # no longer needed
    path = []
    row, column = rows - 1, int(low[-1] + starts[-1] - starts[-2] - 1)
    origin = int(low[0])
    while row or column > origin:
        code = int(came[starts[row] + column - low[row]])
        kind = (0, 1) if code < 0 else kinds[code]
        path.append((row, column, kind))
        row, column = row - kind[0], column - kind[1]
    return path[::-1]


def _shifted(values: Floats, low: int, wanted: int, width: int) -> Floats:
    """``values``, whose first stands for place ``low``, at places ``wanted`` onwards."""
    out = np.full(width, -np.inf)
    begin, end = max(low, wanted), min(low + len(values), wanted + width)
    if end > begin:
        out[begin - wanted : end - wanted] = values[begin - low : end - low]
    return out
