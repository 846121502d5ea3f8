"""Where the lines of the two sides no longer correspond: stretches shifted by a number of lines.

The lines of a corpus are the time steps of a hidden Markov model. Its states are offsets (source
line ``i`` belongs to target line ``i + offset``) and "nothing matches". A change of state costs
:data:`_CHANGE` nats. The evidence for an offset at a line is the log density ratio of that pair
(:mod:`.pair_scores`), limited on both sides, so that no single pair decides; "nothing matches" has
the evidence 0. The most probable path (Viterbi) gives the stretches and their borders, so a stretch
is found only if it gains more than two changes cost.

The model of the pairs must be learnt from the corpus whose lines may be shifted. It is learnt from
the lines as they stand first; if that shows no translations, from lines shifted by a few; and once
a path is known, again from the lines as the path pairs them. Larger offsets (missing blocks, moved
blocks) are looked for where nothing matches: for the lines of a window, the most similar lines are
searched among thousands around it.

Of a corpus of more than :data:`WHOLE` lines, evenly spread blocks are looked at, and between two
blocks in different states the border is found by bisection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import numpy as np

from clirot.bitext.alignment.lexicon import Beads, Floats
from clirot.bitext.alignment.pair_scores import READ_AT_ONCE, PairModel
from clirot.bitext.alignment.report import FEWEST, AlignmentReport, Stretch
from clirot.bitext.translation_table import Ids
from clirot.records import ProgressSink, Step, silent

WHOLE = 50_000
"""Lines up to which every line is looked at."""
SAMPLE = 10_000
"""Pairs that a model learns from at most."""
NEAR = 3
"""Offsets in either direction that are tried everywhere."""
_FAR = 5_000  # lines around a window that are searched for its translations
_CHANGE = 12.0  # nats
_BLUR = 0.05  # the share of pairs that say nothing of the state: bounds evidence from below
_MOST = 4.0  # nats, bounds it from above
_BLOCK = 200  # lines of a block
_BLOCKS = 200  # of a corpus that is too long to look at every line
_WINDOW = 40  # lines whose translations are looked for together
_WINDOWS = 30  # at most
_FIRST_WINDOWS = 8  # of which one must agree on an offset, or the rest are not searched
_AGREE = 0.2  # share of a window's lines that must agree on an offset
_TRIED = 2_000  # pairs that an offset of the whole corpus is tried on
_TELLING = 100  # known units that a stretch in which nothing matches must have to be reported


def find_shifts(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    seed: int = 0,
    progress: ProgressSink = silent,
) -> AlignmentReport:
    """Find stretches of a corpus whose translations are on other lines.

    Args:
        src: source sentences, in the order of the files.
        tgt: target sentences, with the one that stands beside ``src[i]`` at ``i``; there may be
            more or fewer of them.
        seed: of the random pairing that pairs are compared with.
        progress: told of the offsets and windows tried.

    Returns:
        The report; deterministic.
    """
    return ShiftSearch(src, tgt, seed=seed, progress=progress).report


class ShiftSearch:
    """The search for shifts; afterwards it has the model of the pairs and the report."""

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
        self.model, offset = self._first_model()
        share, lines = self.model.share, len(src)
        if lines < FEWEST or not self.model.is_sure:
            state = 0 if lines < FEWEST else None
            stretches = _joined([Stretch(0, lines, state)])
        else:
            stretches = self._search(offset)
            # Neighbouring sentences share words, so shifted ones look better than random ones.
            share = min(share, sum(len(one) for one in stretches if one.offset == 0) / lines)
        sampled = lines > WHOLE and self.model.is_sure
        self.report = AlignmentReport(lines, tuple(stretches), max(share, 0.0), sampled)

    def _search(self, offset: int) -> list[Stretch]:
        near = sorted({*range(-NEAR, NEAR + 1), *range(offset - NEAR, offset + NEAR + 1)})
        stretches = self._decoded(near)
        if all(one.offset == 0 for one in stretches):
            return stretches
        # Learn again from the lines as the path pairs them, and look for larger offsets.
        again = self._model_of(*_paired(stretches, len(self.tgt)))
        if again.is_sure:  # not so where hardly a line is left
            self.model = again
        far = self._far_offsets(stretches)
        return self._without_unknown(self._decoded(sorted({*near, *far})))

    def _first_model(self) -> tuple[PairModel, int]:
        """A model that has seen translations, and the offset of the lines it learnt from."""
        count = min(len(self.src), len(self.tgt))
        model = self._model_of(np.arange(count), np.arange(count))
        if model.is_sure or len(self.src) < FEWEST:
            return model, 0
        best, at = 0.0, 0
        offsets = [offset for size in range(1, NEAR + 1) for offset in (size, -size)]
        for done, offset in enumerate(offsets, start=1):
            # A few pairs show whether an offset fits everywhere; most often none does.
            other = self._model_of(*self._beside(offset), _TRIED)
            if other.is_sure and other.share > best:
                best, at = other.share, offset
            self._progress(Step("look for an offset that fits", done, len(offsets), unit="offsets"))
        return (self._model_of(*self._beside(at)), at) if at else (model, 0)

    def _beside(self, offset: int) -> tuple[Ids, Ids]:
        """The source lines for which an offset leads to a target line, and those lines."""
        lines = np.arange(max(0, -offset), min(len(self.src), len(self.tgt) - offset))
        return lines, lines + offset

    def _model_of(self, lines: Ids, others: Ids, most: int = SAMPLE) -> PairModel:
        stride = max(1, -(-len(lines) // most))
        return PairModel(
            [self.src[line] for line in lines[::stride].tolist()],
            [self.tgt[line] for line in others[::stride].tolist()],
            seed=self._seed,
        )

    def evidence(self, begin: int, end: int, offsets: Sequence[int]) -> Floats:
        """(lines, offsets) limited evidence of source lines ``[begin, end)`` for each offset."""
        out = np.zeros((end - begin, len(offsets)))
        for low in range(begin, end, READ_AT_ONCE):
            high = min(end, low + READ_AT_ONCE)
            for group in _groups(offsets):
                first = max(0, low + group[0])
                last = min(len(self.tgt), high + group[-1])
                if last <= first:
                    continue
                reading = self.model.read(self.src[low:high], self.tgt[first:last])
                for offset in group:
                    i = np.arange(max(low, -offset), min(high, len(self.tgt) - offset))
                    if len(i):
                        pairs = Beads.pairs(i - low, i + offset - first)
                        ratio = self.model.log_ratio(reading, pairs)
                        out[i - begin, offsets.index(offset)] = limited(ratio)
        return out

    def _decoded(self, offsets: Sequence[int]) -> list[Stretch]:
        """The stretches of the most probable path."""
        lines = len(self.src)
        if lines <= WHOLE:
            return self._path(0, lines, offsets)
        starts = np.linspace(0, lines - _BLOCK, _BLOCKS).astype(int).tolist()
        states = [(at, self._state(at, offsets)) for at in starts]
        stretches: list[Stretch] = []
        for (low, one), (high, other) in pairwise([*states, (lines, states[-1][1])]):
            stretches += self._between(low, one, high, other, offsets)
        return _joined(stretches)

    def _state(self, at: int, offsets: Sequence[int]) -> int | None:
        """The most probable state of the block that starts at a line."""
        total = self.evidence(at, min(at + _BLOCK, len(self.src)), offsets).sum(axis=0)
        best = int(total.argmax())
        return offsets[best] if total[best] > _CHANGE else None

    def _between(
        self, low: int, one: int | None, high: int, other: int | None, offsets: Sequence[int]
    ) -> list[Stretch]:
        """The stretches of ``[low, high)``, which begin in state ``one``; ``other`` follows."""
        if one == other:
            return [Stretch(low, high, one)]
        if high - low <= 2 * READ_AT_ONCE:
            path = self._path(low, min(high + _BLOCK, len(self.src)), offsets)
            return [
                Stretch(part.start, min(part.end, high), part.offset)
                for part in path
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
        named = [*offsets, None]
        return _joined(
            Stretch(begin + line, begin + line + 1, named[state])
            for line, state in enumerate(states.tolist())
        )

    def _without_unknown(self, stretches: Sequence[Stretch]) -> list[Stretch]:
        """Without unmatched stretches of unknown words, for which nothing can be said.

        Such a stretch gets the offset of its neighbours. Between two different offsets it stays:
        the sides must differ there.
        """
        kept: list[Stretch] = []
        for at, one in enumerate(stretches):
            beside = (*stretches[max(at - 1, 0) : at], *stretches[at + 1 : at + 2])
            around = {other.offset for other in beside}
            if one.offset is None and len(around) == 1 and not self._has_known_words(one):
                one = Stretch(one.start, one.end, around.pop())
            kept.append(one)
        return _joined(kept)

    def _has_known_words(self, stretch: Stretch) -> bool:
        some = slice(stretch.start, min(stretch.end, stretch.start + READ_AT_ONCE, len(self.tgt)))
        return self.model.known_units(self.src[some], self.tgt[some]) >= _TELLING

    def _far_offsets(self, stretches: Iterable[Stretch]) -> set[int]:
        """Offsets that the lines of an unmatched window agree on."""
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
        best = self.model.read(self.src[at:end], self.tgt[low:high]).nearest()
        offsets = Counter((best + low - np.arange(at, end))[best >= 0].tolist())
        enough = max(4, _AGREE * (end - at))
        return {offset for offset, votes in offsets.most_common(2) if votes >= enough}


def limited(log_ratio: Floats) -> Floats:
    """Evidence in nats, bounded so that a single odd pair cannot decide."""
    blurred = np.log(_BLUR + (1 - _BLUR) * np.exp(log_ratio))
    return np.asarray(np.minimum(blurred, _MOST))


def viterbi(evidence: Floats, change: float) -> Ids:
    """The states of the best path, where every change of state costs ``change``.

    Args:
        evidence: (lines, states), nats.
        change: nats.

    Returns:
        (lines,) the state of each line; of equal paths the one that changes latest.
    """
    lines, states = evidence.shape
    path = np.zeros(lines, dtype=np.int64)
    if not lines:
        return path
    came = np.zeros((lines, states), dtype=np.int32)
    best = evidence[0].copy()
    for line in range(1, lines):
        leader = int(best.argmax())
        moved = best[leader] - change
        came[line] = np.where(best >= moved, np.arange(states), leader)
        best = np.maximum(best, moved) + evidence[line]
    path[-1] = int(best.argmax())
    for line in range(lines - 1, 0, -1):
        path[line - 1] = came[line, path[line]]
    return path


def _paired(stretches: Iterable[Stretch], targets: int) -> tuple[Ids, Ids]:
    """The source lines that match something, and the target line of each."""
    pairs = [
        (line, line + one.offset)
        for one in stretches
        if one.offset is not None
        for line in range(one.start, one.end)
        if 0 <= line + one.offset < targets
    ]
    lines, others = np.array(pairs, np.int64).reshape(-1, 2).T
    return lines, others


def _groups(offsets: Sequence[int]) -> list[list[int]]:
    """Ascending offsets in groups close enough to be read together."""
    gaps = np.flatnonzero(np.diff(offsets) > 4 * NEAR) + 1
    return [group.tolist() for group in np.split(np.array(offsets), gaps)]


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Consecutive stretches in one state as one; empty ones are left out."""
    full = (one for one in stretches if len(one))
    runs = [list(run) for _, run in groupby(full, key=lambda one: one.offset)]
    return [Stretch(run[0].start, run[-1].end, run[0].offset) for run in runs]
