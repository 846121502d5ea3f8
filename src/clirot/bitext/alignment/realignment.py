"""Sentences put back beside their translations: monotone alignment by dynamic programming.

The result is the best sequence of beads through both sides. A bead is one sentence with one, one
with two, two with one, or a sentence without a counterpart (Gale and Church 1993). A bead of
sentences on both sides is worth their log density ratio (:mod:`.pair_scores`) and the log prior of
its kind; a sentence without a counterpart is worth the log prior. So the sequence maximises the log
of how much likelier the two texts are as translations than as texts that met by chance (Moore 2002,
"Fast and accurate sentence alignment of bilingual corpora", AMTA).

A pair of one sentence with one keeps a minimal worth, however unlike a translation it looks: a free
translation is no reason to take a pair apart. Its low score remains, and a filter may drop it.

Only a band around the stretches that :class:`~.shifts.ShiftSearch` found is searched, and nothing
where several lines in a row match well. There the corpus is also cut into pieces, so memory does
not grow with it, and time grows in proportion. The order is kept: blocks that were moved past each
other are not moved back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.alignment.lexicon import Beads, Floats, Reading
from clirot.bitext.alignment.pair_scores import posterior_of
from clirot.bitext.alignment.report import Bead, Realignment, Stretch
from clirot.bitext.alignment.shifts import ShiftSearch
from clirot.bitext.translation_table import Ids
from clirot.records import ProgressSink, Step, silent

Kind = tuple[int, int]
"""Sentences of a bead on the source side and on the target side."""

_BAND = 8
"""Lines on either side of where the stretches put a sentence's translation."""
_PIECE = 1_000  # lines aligned at once, about
_FIRM = 5  # consecutive lines with good evidence, of which the middle one is taken to be right
_GOOD = 2.0  # nats
_KINDS: dict[Kind, float] = {
    (1, 1): 0.972,
    (1, 2): 0.008,
    (2, 1): 0.008,
    (1, 0): 0.006,
    (0, 1): 0.006,
}
"""How often each kind is expected. Corpora that were aligned once have fewer beads of other kinds
than Gale and Church's raw text. Chosen on the Somali and Swahili development corpora."""
_DOUBT = 0.05  # the share of right pairs that look like no translations
_LOOSE = 10  # pairs by which the borders of shifts may be off without being a new shift


def realign(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> Realignment:
    """Put the sentences of a corpus back beside their translations.

    The arguments are those of :func:`~clirot.bitext.alignment.find_shifts`.

    Returns:
        The beads and the report. A corpus in which nothing matches comes back as it was, with the
        score 0. Deterministic.
    """
    return realigned(ShiftSearch(src, tgt, seed=seed, progress=progress), progress)


def repair(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> Realignment | None:
    """Realign a corpus in which lines are shifted, and check whether that was an improvement.

    The arguments are those of :func:`~clirot.bitext.alignment.find_shifts`.

    Returns:
        The realignment, whose ``fault`` is set where it is no improvement, or None where no stretch
        is shifted. Deterministic.
    """
    search = ShiftSearch(src, tgt, seed=seed, progress=progress)
    if not search.report.shifts:
        return None
    done = realigned(search, progress)
    return replace(done, fault=fault_of(done, src, tgt, seed=seed, progress=progress))


def fault_of(
    realignment: Realignment,
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> str | None:
    """Why a realignment of a corpus is no improvement; None: it is one.

    Beads are chosen for their score, so a corpus of which the model is wrong gets high scores and
    worse pairs. Therefore shifts are searched in the realigned corpus as in a new one, and a model
    that is learnt from it scores the lines as they were and as they are now.

    The other arguments are those that the corpus was realigned with.
    """
    before = realignment.report
    pairs = list(realignment.pairs(src, tgt))
    here, there = [one for one, _, _ in pairs], [other for _, other, _ in pairs]
    search = ShiftSearch(here, there, seed=seed, progress=progress)
    after = search.report
    if after.nothing_matches:
        return "nothing in it matches any more"
    if after.shifted >= before.shifted:
        return f"no fewer lines are shifted afterwards ({after})"
    aligned = np.zeros(before.lines, dtype=bool)
    for one in before.stretches:
        aligned[one.start : one.end] = one.offset == 0
    was_aligned = aligned[[bead.src.start for _, _, bead in pairs]]
    if sum(was_aligned[one.start : one.end].sum() for one in after.shifts) > _LOOSE:
        return f"lines that were aligned are shifted afterwards ({after})"
    both = min(len(src), len(tgt))
    old, new = (
        float(
            search.model.probabilities(*sides, "check the realignment", progress).sum(dtype=float)
        )
        for sides in ((src[:both], tgt[:both]), (here, there))
    )
    if new <= old:
        return f"about {new:,.0f} pairs are translations afterwards, {old:,.0f} before"
    return None


def realigned(search: ShiftSearch, progress: ProgressSink = silent) -> Realignment:
    """Realign a corpus in which shifts were searched already."""
    report, lines, targets = search.report, len(search.src), len(search.tgt)
    stretches = _monotone(report.stretches)
    if not stretches:
        both = min(lines, targets)
        as_it_is = [Bead(range(i, i + 1), range(i, i + 1), 0.0) for i in range(both)]
        as_it_is += [Bead(range(i, i + 1), range(both, both), 0.0) for i in range(both, lines)]
        as_it_is += [Bead(range(lines, lines), range(j, j + 1), 0.0) for j in range(both, targets)]
        return Realignment(tuple(as_it_is), report)
    beads: list[Bead] = []
    for piece in _pieces(search, stretches):
        beads += _aligned(search, stretches, piece)
        progress(Step("realign", piece.end, lines, unit="pairs"))
    return Realignment(tuple(beads), report)


def _monotone(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Of the matching stretches, those with most lines in all that ascend on both sides."""
    best: list[tuple[int, list[Stretch]]] = [(0, [])]
    for one in stretches:
        if one.offset is not None:
            before = (
                (lines, chosen)
                for lines, chosen in best
                if not chosen or _ends(chosen[-1]) <= one.start + one.offset
            )
            lines, chosen = max(before, key=lambda found: found[0])
            best.append((lines + len(one), [*chosen, one]))
    return max(best, key=lambda found: found[0])[1]


def _ends(stretch: Stretch) -> int:
    """The last target line of a matching stretch."""
    return stretch.end + (stretch.offset or 0) - 1


@dataclass(frozen=True)
class _Piece:
    """Source lines ``[begin, end)`` and target lines ``[first, last)``, aligned together."""

    begin: int
    end: int
    first: int
    last: int


def _pieces(search: ShiftSearch, stretches: Sequence[Stretch]) -> Iterator[_Piece]:
    """Cut the corpus where several lines in a row match well."""
    begin = first = 0
    for one in stretches:
        offset = one.offset or 0
        at = max(begin, one.start) + _PIECE
        while at < one.end - _BAND:
            good = search.evidence(at, min(at + _PIECE, one.end - _BAND), [offset])[:, 0] > _GOOD
            firm = _firm(good)
            if not len(firm):
                at += _PIECE
                continue
            cut = at + int(firm[0])
            yield _Piece(begin, cut, first, cut + offset)
            begin, first = cut, cut + offset
            at = begin + _PIECE
    yield _Piece(begin, len(search.src), first, len(search.tgt))


def _firm(good: NDArray[np.bool_]) -> Ids:
    """The middles of all runs of ``_FIRM`` good lines."""
    if len(good) < _FIRM:
        return np.zeros(0, dtype=np.int64)
    runs = np.convolve(good, np.ones(_FIRM), mode="valid") == _FIRM
    return np.flatnonzero(runs) + _FIRM // 2


def _band(
    search: ShiftSearch, stretches: Sequence[Stretch], piece: _Piece, reading: Reading
) -> tuple[Ids, Ids]:
    """For each ``i`` from ``begin`` to ``end``, the ``j`` that are searched: ``[low, high]``.

    ``(i, j)`` is the place with ``i`` source sentences behind it and ``j`` target sentences.
    """
    begin, end, first, last = piece.begin, piece.end, piece.first, piece.last
    corners = [(begin, first)]
    for one in stretches:
        for line in (max(one.start, begin), min(one.end, end)):
            corner = line, line + (one.offset or 0)
            if corner > corners[-1]:
                corners.append(corner)
    i = np.arange(begin, end + 1)
    low, high = np.full(len(i), last), np.full(len(i), first)
    for (i0, j0), (i1, j1) in pairwise([*corners, (end, last)]):
        some = slice(max(i0 - _BAND, begin) - begin, min(i1 + _BAND, end) - begin + 1)
        left = right = np.clip(i[some], i0, i1) - i0 + j0
        if j1 - j0 != i1 - i0:  # a jump: every place between the two corners is searched
            left, right = np.full((2, len(left)), [[min(j0, j1)], [max(j0, j1)]])
        low[some] = np.minimum(low[some], left - _BAND)
        high[some] = np.maximum(high[some], right + _BAND)
    low, high = _ascending(np.clip(low, first, last), np.clip(high, first, last))
    low[0], high[-1] = first, last
    # Where several lines in a row match well, there is nothing to search.
    for one in stretches:
        offset = one.offset or 0
        i = np.arange(max(one.start, begin, first - offset), min(one.end, end, last - offset))
        if len(i) >= 2 * _FIRM:
            ratio = search.model.log_ratio(reading, Beads.pairs(i - begin, i + offset - first))
            rows = i[0] + _firm(ratio > _GOOD) - begin
            low[rows] = high[rows] = rows + begin + offset
    return _ascending(low, high)


def _ascending(low: Ids, high: Ids) -> tuple[Ids, Ids]:
    """Bounds that never descend: lowered, or raised, where they did."""
    return np.minimum.accumulate(low[::-1])[::-1], np.maximum.accumulate(high)


def _aligned(search: ShiftSearch, stretches: Sequence[Stretch], piece: _Piece) -> list[Bead]:
    """The best sequence of beads through a piece."""
    reading = search.model.read(
        search.src[piece.begin : piece.end], search.tgt[piece.first : piece.last]
    )
    low, high = _band(search, stretches, piece, reading)
    width = high - low + 1
    starts = np.concatenate([[0], np.cumsum(width)])
    i = np.repeat(np.arange(len(width)), width)
    j = np.arange(starts[-1]) - starts[i] + low[i] - piece.first
    worth: dict[Kind, Floats] = {}
    ratios: dict[Kind, Floats] = {}
    for kind, prior in _KINDS.items():
        worth[kind], ratio = np.full(len(i), np.log(prior)), np.full(len(i), -np.inf)
        ratios[kind] = ratio
        if 0 in kind:
            continue
        # The bead that ends at place (i, j).
        n_src, n_tgt = kind
        whole = np.flatnonzero((i >= n_src) & (j >= n_tgt))
        beads = Beads(i[whole] - n_src, i[whole], j[whole] - n_tgt, j[whole])
        ratio[whole] = search.model.log_ratio(reading, beads)
        if kind == (1, 1):
            worth[kind] += np.logaddexp(np.log(1 - _DOUBT) + ratio, np.log(_DOUBT))
        else:
            worth[kind] += ratio
    found = []
    for row, column, kind in _best_path(worth, starts, low):
        score = posterior_of(ratios[kind][starts[row] + column - low[row]], search.model.prior)
        end = piece.begin + row
        sides = range(end - kind[0], end), range(column - kind[1], column)
        found.append(Bead(*sides, float(score)))
    return found


def _best_path(worth: dict[Kind, Floats], starts: Ids, low: Ids) -> list[tuple[int, int, Kind]]:
    """Row, column and kind of every bead of the best sequence, in order; dynamic programming.

    In every array of ``worth``, row ``i`` has the places ``low[i], low[i] + 1, ...`` from index
    ``starts[i]`` on; an entry is what the bead that ends at its place is worth.
    """
    kinds = [kind for kind in worth if kind != (0, 1)]
    alone = float(worth[0, 1][0])
    rows, last = len(starts) - 1, int(low[-1] + starts[-1] - starts[-2] - 1)
    came = np.zeros(starts[-1], dtype=np.int8)  # index into kinds, or -1 for (0, 1)
    # The best total at every place of this row and the two before, with two columns on the left.
    best = np.full((3, last - low[0] + 3), -np.inf)
    for row in range(rows):
        here = slice(int(starts[row]), int(starts[row + 1]))
        width, at = here.stop - here.start, int(low[row] - low[0]) + 2
        best = np.roll(best, 1, axis=0)
        best[0] = -np.inf
        options = np.stack(
            [
                best[n_src, at - n_tgt : at - n_tgt + width] + worth[n_src, n_tgt][here]
                for n_src, n_tgt in kinds
            ]
        )
        if row == 0:
            options[0, 0] = 0.0  # where everything starts
        choice = options.argmax(axis=0)
        # Target sentences alone: the best place to the left, less a price for each step.
        steps = np.arange(width) * alone
        level = options[choice, np.arange(width)] - steps
        running = np.maximum.accumulate(level)
        came[here] = np.where(running > level, -1, choice)
        best[0, at : at + width] = running + steps
    path = []
    row, column = rows - 1, last
    while row or column > low[0]:
        code = int(came[starts[row] + column - low[row]])
        kind = (0, 1) if code < 0 else kinds[code]
        path.append((row, column, kind))
        row, column = row - kind[0], column - kind[1]
    return path[::-1]
