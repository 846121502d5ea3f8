"""Where the two sides of a corpus have come apart: stretches shifted by a number of lines.

A hidden Markov model walks down the corpus. Its states are offsets (source line ``i`` belongs to
target line ``i + offset``) and "nothing matches"; staying costs nothing, changing costs
:data:`_CHANGE` nats. An offset's evidence at a line is the log density ratio of
:class:`~clirot.bitext.alignment.evidence.Judge`, limited on both sides, so that no single pair
decides; "nothing matches" has none. The best path (Viterbi) says what stretches there are, and
their borders. So a stretch is reported only if it gains two changes' worth over what surrounds it.
Where nothing matches amid lines that do, it must hold words enough that the lexicon knows: of a few
dozen lines of one rare word each nothing can be said.

The lexicon has to come from the corpus that is in question. It is first learnt from the lines as
they stand; where that learns nothing, from lines shifted by a few; and once a path is known, again
from the lines as the path pairs them. Larger offsets (missing blocks, moved blocks) are looked for
where nothing matches, by searching all lines around for the translations of a window's lines.

A corpus of more than :data:`WHOLE` lines is walked in blocks, evenly spread, and between two blocks
that disagree the place is found by halving.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.alignment.evidence import READ_AT_ONCE, Judge
from clirot.bitext.alignment.lexicon import Beads, Floats
from clirot.records import ProgressSink, Step, silent

WHOLE = 50_000
"""Lines up to which every one is looked at."""
FEWEST = 40
"""Lines that teach too little to say anything of the corpus as a whole, if there are fewer."""
SAMPLE = 10_000
"""Pairs that a judge learns from at most."""
NEAR = 3
"""Offsets, either way, that are tried everywhere."""
_FAR = 5_000  # lines around a window that are searched for its translations
_CHANGE = 12.0  # nats
_BLUR = 0.05  # the share of pairs that say nothing of the state: bounds evidence from below
_MOST = 4.0  # nats, bounds it from above
_BLOCK = 200  # lines of a block
_BLOCKS = 200  # of a corpus too long to be walked whole
_WINDOW = 40  # lines whose translations are looked for together
_WINDOWS = 30  # at most
_FIRST_WINDOWS = 8  # of which one must agree, or the rest are spared
_AGREE = 0.2  # share of a window's lines that must agree on an offset
_TRIED = 2_000  # pairs that an offset of the whole corpus is tried on
_TELLING = 100  # known units in a stretch without which "nothing matches" is no finding
_SURE = 4.0  # standard errors above none that the share of translations must be
_NONE = None


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
    """How the lines of a corpus stand to each other."""

    lines: int
    stretches: tuple[Stretch, ...]
    """In order, without gaps."""
    share: float
    """The estimated share of pairs, as they stand, that are translations."""
    sampled: bool = False
    """The corpus was walked in blocks; a fault between two blocks that agree goes unseen."""

    @property
    def shifts(self) -> tuple[Stretch, ...]:
        """The stretches whose translations stand on other lines."""
        return tuple(one for one in self.stretches if one.offset)

    @property
    def unmatched(self) -> tuple[Stretch, ...]:
        """The stretches where no offset fits: shuffled, or not translations at all."""
        return tuple(one for one in self.stretches if one.offset is None)

    @property
    def shifted(self) -> int:
        """Lines whose translations stand on other lines."""
        return sum(map(len, self.shifts))

    @property
    def aligned(self) -> bool:
        """No fault was found."""
        return not self.shifts and not self.unmatched

    @property
    def hopeless(self) -> bool:
        """Nowhere in the corpus do the sides match."""
        return bool(self.unmatched) and sum(map(len, self.unmatched)) == self.lines

    def __str__(self) -> str:
        if self.lines < FEWEST:
            return f"not judged: {self.lines} pairs are too few, {FEWEST} are needed"
        if self.hopeless:
            return f"not aligned: nothing on the two sides of {self.lines:,} pairs matches"
        if self.aligned:
            return f"aligned: no shift in {self.lines:,} pairs"
        said = [
            f"{_count(len(self.shifts), 'shifted stretch', 'shifted stretches')}, "
            f"{self.shifted:,} of {self.lines:,} pairs: {_listed(self.shifts)}"
            if self.shifts
            else "",
            f"nothing matches in {_listed(self.unmatched)}" if self.unmatched else "",
        ]
        return "; ".join(filter(None, said))


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _listed(stretches: Sequence[Stretch], most: int = 5) -> str:
    """The longest, in the order of their lines."""
    longest = sorted(stretches, key=len, reverse=True)[:most]
    said = [
        f"{one.start + 1:,}-{one.end:,}" + (f" by {one.offset:+d}" if one.offset else "")
        for one in sorted(longest, key=lambda one: one.start)
    ]
    more = len(stretches) - most
    return ", ".join(said) + (f" and {more:,} more" if more > 0 else "")


def find_shifts(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> AlignmentReport:
    """Find stretches of a corpus whose translations stand on other lines.

    Args:
        src: source sentences, in the order of the files.
        tgt: target sentences, the one that stands beside ``src[i]`` at ``i``; there may be more
            or fewer of them.
        seed: of the random re-pairing that evidence is measured against.
        progress: told of the rounds.

    Returns:
        The report; deterministic.
    """
    return Walk(src, tgt, seed=seed, progress=progress).report


class Walk:
    """The search, and what it learnt on the way: the judge and the report."""

    def __init__(
        self,
        src: Sequence[str],
        tgt: Sequence[str],
        *,
        seed: int = 0,
        progress: ProgressSink = silent,
    ) -> None:
        self.src, self.tgt = src, tgt
        self._seed, self._progress = seed, progress
        self.judge, offset = self._first_judge()
        share = self.judge.share
        if len(src) < FEWEST:
            as_it_is = (Stretch(0, len(src), 0),) if len(src) else ()
            self.report = AlignmentReport(len(src), as_it_is, max(share, 0.0))
            return
        if not _is_sure(self.judge):
            whole = (Stretch(0, len(src), _NONE),) if len(src) else ()
            self.report = AlignmentReport(len(src), whole, max(share, 0.0))
            return
        near = sorted({*range(-NEAR, NEAR + 1), *range(offset - NEAR, offset + NEAR + 1)})
        stretches = self._walked(near)
        if any(one.offset != 0 for one in stretches):
            # Learn again from the lines as the path pairs them, and look further afield.
            lines, others = paired(stretches, len(tgt))
            again = self._judge_of(lines, others)
            if _is_sure(again):  # not so where hardly a line is left
                self.judge = again
            far = self._far_offsets(stretches)
            stretches = self._told(self._walked(sorted({*near, *far})))
        # Neighbouring sentences share words, so shifted ones look better than chance.
        share = min(share, sum(len(one) for one in stretches if one.offset == 0) / len(src))
        self.report = AlignmentReport(len(src), tuple(stretches), max(share, 0.0), len(src) > WHOLE)

    def _first_judge(self) -> tuple[Judge, int]:
        """A judge that has learnt something, and the offset of the lines it learnt from."""
        count = min(len(self.src), len(self.tgt))
        judge = self._judge_of(np.arange(count), np.arange(count))
        if _is_sure(judge) or len(self.src) < FEWEST:
            return judge, 0
        best, at = 0.0, 0
        offsets = [offset for size in range(1, NEAR + 1) for offset in (size, -size)]
        for done, offset in enumerate(offsets, start=1):
            # A few pairs tell whether an offset fits everywhere; most often none does.
            other = self._judge_of(*self._beside(offset), _TRIED)
            if _is_sure(other) and other.share > best:
                best, at = other.share, offset
            self._progress(Step("look for an offset that fits", done, len(offsets), unit="offsets"))
        return (self._judge_of(*self._beside(at)), at) if at else (judge, 0)

    def _beside(self, offset: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The source lines that an offset leaves a target line, and those."""
        lines = np.arange(max(0, -offset), min(len(self.src), len(self.tgt) - offset))
        return lines, lines + offset

    def _judge_of(
        self, lines: NDArray[np.int64], others: NDArray[np.int64], most: int = SAMPLE
    ) -> Judge:
        stride = max(1, -(-len(lines) // most))
        return Judge(
            [self.src[line] for line in lines[::stride].tolist()],
            [self.tgt[line] for line in others[::stride].tolist()],
            seed=self._seed,
        )

    def evidence(self, begin: int, end: int, offsets: Sequence[int]) -> Floats:
        """(lines, offsets): limited evidence of source lines ``[begin, end)`` for each offset."""
        out = np.zeros((end - begin, len(offsets)))
        for low in range(begin, end, READ_AT_ONCE):
            high = min(end, low + READ_AT_ONCE)
            for group in _groups(offsets):
                first = max(0, low + group[0])
                last = min(len(self.tgt), high + group[-1])
                if last <= first:
                    continue
                view = self.judge.view(self.src[low:high], self.tgt[first:last])
                for offset in group:
                    i = np.arange(max(low, -offset), min(high, len(self.tgt) - offset))
                    if len(i):
                        ratio = view.log_ratio(Beads.pairs(i - low, i + offset - first))
                        out[i - begin, offsets.index(offset)] = limited(ratio)
        return out

    def _walked(self, offsets: Sequence[int]) -> list[Stretch]:
        lines = len(self.src)
        if lines <= WHOLE:
            return self._path(0, lines, offsets)
        starts = np.linspace(0, lines - _BLOCK, _BLOCKS).astype(int).tolist()
        states = [self._state(at, offsets) for at in starts]
        stretches = [Stretch(0, starts[0], states[0])] if starts[0] else []
        for (low, one), (high, other) in zip(
            zip(starts, states, strict=True),
            [*zip(starts[1:], states[1:], strict=True), (lines, states[-1])],
            strict=True,
        ):
            stretches += self._between(low, one, high, other, offsets)
        return _joined(stretches)

    def _state(self, at: int, offsets: Sequence[int]) -> int | None:
        """What most speaks for in the block that starts at a line."""
        total = self.evidence(at, min(at + _BLOCK, len(self.src)), offsets).sum(axis=0)
        best = int(total.argmax())
        return offsets[best] if total[best] > _CHANGE else _NONE

    def _between(
        self, low: int, one: int | None, high: int, other: int | None, offsets: Sequence[int]
    ) -> list[Stretch]:
        """The stretches of ``[low, high)``, whose first lines are in one state, next in another."""
        if one == other:
            return [Stretch(low, high, one)]
        if high - low <= 2 * READ_AT_ONCE:
            end = min(high + _BLOCK, len(self.src))
            return [
                Stretch(part.start, min(part.end, high), part.offset)
                for part in self._path(low, end, offsets)
                if part.start < high
            ]
        middle = (low + high) // 2
        state = self._state(middle, offsets)
        return [
            *self._between(low, one, middle, state, offsets),
            *self._between(middle, state, high, other, offsets),
        ]

    def _path(self, begin: int, end: int, offsets: Sequence[int]) -> list[Stretch]:
        evidence = self.evidence(begin, end, offsets)
        # The last column is "nothing matches"; no offset reaches past the end of the target.
        states = viterbi(np.concatenate([evidence, np.zeros((end - begin, 1))], axis=1), _CHANGE)
        named = [*offsets, _NONE]
        cuts = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), end - begin]
        return [
            Stretch(begin + low, begin + high, named[states[low]])
            for low, high in pairwise(cuts)
            if high > low
        ]

    def _told(self, stretches: Sequence[Stretch]) -> list[Stretch]:
        """Without stretches where nothing matches because there is nothing to tell by.

        Between two different offsets such a stretch stays: there a fault is certain.
        """
        told: list[Stretch] = []
        for at, one in enumerate(stretches):
            beside = (*stretches[max(at - 1, 0) : at], *stretches[at + 1 : at + 2])
            around = {other.offset for other in beside}
            if one.offset is None and len(around) == 1 and not self._tells(one):
                told.append(Stretch(one.start, one.end, around.pop()))
            else:
                told.append(one)
        return _joined(told)

    def _tells(self, stretch: Stretch) -> bool:
        """Whether a stretch, or its beginning, has as many known units as a finding takes."""
        some = slice(stretch.start, min(stretch.end, stretch.start + READ_AT_ONCE, len(self.tgt)))
        return bool(self.judge.telling(self.src[some], self.tgt[some]).sum() >= _TELLING)

    def _far_offsets(self, stretches: Iterable[Stretch]) -> set[int]:
        """Offsets that windows of unmatched lines agree on."""
        starts = [
            at
            for one in stretches
            if one.offset is None
            for at in range(one.start, max(one.start + 1, one.end - _WINDOW // 2), _WINDOW)
        ]
        windows = starts[:: max(1, -(-len(starts) // _WINDOWS))]
        first = windows[:: max(1, -(-len(windows) // _FIRST_WINDOWS))]
        rest = [at for at in windows if at not in first]
        found: set[int] = set()
        for done, at in enumerate([*first, *rest], start=1):
            if done > len(first) and not found:
                break
            found |= self._agreed(at)
            total = len(windows) if found else len(first)
            self._progress(
                Step("look for where unmatched lines belong", done, total, unit="windows")
            )
        return found

    def _agreed(self, at: int) -> set[int]:
        """The offsets that the lines of a window agree on."""
        low, high = max(0, at - _FAR), min(len(self.tgt), at + _WINDOW + _FAR)
        end = min(at + _WINDOW, len(self.src))
        if high <= low:
            return set()
        best = self.judge.view(self.src[at:end], self.tgt[low:high]).nearest()
        offsets = Counter((best + low - np.arange(at, end))[best >= 0].tolist())
        enough = max(4, _AGREE * (end - at))
        return {offset for offset, votes in offsets.most_common(2) if votes >= enough}


def limited(log_ratio: Floats) -> Floats:
    """Evidence that a single odd pair cannot overthrow, in nats."""
    blurred: Floats = np.minimum(np.log(_BLUR + (1 - _BLUR) * np.exp(log_ratio)), _MOST)
    return blurred


def viterbi(evidence: Floats, change: float) -> NDArray[np.int64]:
    """The states of the best path, where every change of state costs ``change``.

    Args:
        evidence: (lines, states), nats.
        change: nats.

    Returns:
        (lines,): the state of each line; of equal paths the one that changes latest.
    """
    lines, states = evidence.shape
    if not lines:
        return np.zeros(0, dtype=np.int64)
    came = np.zeros((lines, states), dtype=np.int32)
    stay = np.arange(states)
    best = evidence[0].copy()
    for line in range(1, lines):
        leader = int(best.argmax())
        moved = best[leader] - change
        came[line] = np.where(best >= moved, stay, leader)
        best = np.maximum(best, moved) + evidence[line]
    path = np.zeros(lines, dtype=np.int64)
    path[-1] = int(best.argmax())
    for line in range(lines - 1, 0, -1):
        path[line - 1] = came[line, path[line]]
    return path


def paired(
    stretches: Iterable[Stretch], targets: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The source lines that match something, and the target line of each."""
    lines, others = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for one in stretches:
        if one.offset is not None:
            line = np.arange(one.start, one.end)
            line = line[(line + one.offset >= 0) & (line + one.offset < targets)]
            lines.append(line)
            others.append(line + one.offset)
    return np.concatenate(lines), np.concatenate(others)


def _is_sure(judge: Judge) -> bool:
    return judge.share > _SURE * judge.share_error


def _groups(offsets: Sequence[int]) -> list[list[int]]:
    """Ascending offsets in groups close enough to be read together."""
    groups: list[list[int]] = []
    for offset in offsets:
        if groups and offset - groups[-1][0] <= 4 * NEAR:
            groups[-1].append(offset)
        else:
            groups.append([offset])
    return groups


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Neighbours of one state as one."""
    joined: list[Stretch] = []
    for one in stretches:
        if joined and joined[-1].offset == one.offset:
            joined[-1] = Stretch(joined[-1].start, one.end, one.offset)
        elif len(one):
            joined.append(one)
    return joined
