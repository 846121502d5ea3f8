"""Which words translate which, learnt from the corpus that is being judged, without circularity.

A pair's own words must not vouch for it: model 1 learns from a single sentence pair that all its
words translate each other. So the corpus is dealt into folds by a digest of the source sentence,
and what is scored with a fold's lexicon was not in its training; equal source sentences share a
fold, so that a repeated pair does not vouch for itself either.

The score of source sentence s given target t is the log of how much likelier t makes the units of s
than their frequency does, summed over the units:

    F(s|t) = sum_e log( L u(e, t) / p0(e) + 1 - L_e ),    u(e, t) = mean over f in t of t(e|f)

where t(e|f) is model 1's table, shrunk towards nothing where ``f`` is rare and towards ``f`` itself
where both are spelled alike, and ``L_e`` grows from 0 to ``L`` with the frequency of ``e``: a word
never seen counts neither for nor against, unless it stands on both sides. Likewise B(t|s).

Sources: model 1 as in :mod:`clirot.bitext.translation_table`; its likelihood for alignment as in
Moore 2002, "Fast and accurate sentence alignment of bilingual corpora", AMTA.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clirot.bitext.alignment.units import Ids, Sentences
from clirot.bitext.translation_table import ibm1

Floats = NDArray[np.float64]
Support = NDArray[np.float32]
"""(sentences, columns): see :meth:`Direction.support`."""

_ITERATIONS = 8
_SAME = 1.0  # what like spelling is worth, in occurrences
_PRIOR = 2.0  # occurrences at which a row of the table is believed by half, or two thirds
_TRUST = 0.9  # L
_SMALLEST = 1e-4  # probabilities below this are dropped: model 1's long tail is noise
_MANY = 1500  # pairs from which two folds learn enough; fewer are dealt into four
_CHUNK = 4_000_000  # unit look-ups at once, about 200 MB


@dataclass(frozen=True)
class Beads:
    """Candidate alignments: source sentences ``[i0, i1)`` beside target sentences ``[j0, j1)``.

    Four arrays of one length. No bead spans more than two sentences of a side.
    """

    i0: Ids
    i1: Ids
    j0: Ids
    j1: Ids

    @classmethod
    def pairs(cls, i: Ids, j: Ids) -> Beads:
        """One sentence beside one."""
        return cls(i, i + 1, j, j + 1)

    def __len__(self) -> int:
        return len(self.i0)

    def __getitem__(self, chosen: slice | Ids) -> Beads:
        return Beads(self.i0[chosen], self.i1[chosen], self.j0[chosen], self.j1[chosen])

    def turned(self) -> Beads:
        """The same, seen from the other side."""
        return Beads(self.j0, self.j1, self.i0, self.i1)


def folds_of(texts: Sequence[str], count: int) -> Ids:
    """The fold of each source sentence, by a digest of its text."""
    return np.array([zlib.crc32(text.encode()) % count for text in texts], dtype=np.int64)


def fold_count(pairs: int) -> int:
    """More folds where there is little to learn from."""
    return 4 if pairs < _MANY else 2


class Direction:
    """Scores one language's sentences given the other's; learnt from pairs of sentences."""

    def __init__(self, made: Sentences, given: Sentences, beads: Beads, size: int) -> None:
        """Learn.

        Args:
            made: the sentences of the language that is generated.
            given: those of the other.
            beads: which stand beside which, ``i`` in ``made``, ``j`` in ``given``.
            size: units of the vocabulary.
        """
        rows = [
            (given.span(j0, j1), made.span(i0, i1))
            for i0, i1, j0, j1 in zip(beads.i0, beads.i1, beads.j0, beads.j1, strict=True)
        ]
        table = ibm1(rows, n_target=size, n_english=size, iterations=_ITERATIONS)
        seen_given = _counts([row for row, _ in rows], size)
        seen_made = _counts([row for _, row in rows], size)
        probability = table.probability
        probability.data[probability.data < _SMALLEST] = 0
        probability.eliminate_zeros()
        all_of = seen_given + _SAME + _PRIOR
        self._table = (sparse.diags(seen_given / all_of) @ probability).tocsr()
        self._same = _SAME / all_of
        self._frequency = (seen_made + 1) / (seen_made.sum() + size)
        self._unseen = 1 / max(seen_made.sum() + size, 1.0)
        self._trust = _TRUST * seen_made / (seen_made + _PRIOR)
        self._size = size

    def scores(
        self,
        made: Sentences,
        given: Sentences,
        beads: Beads,
        size: int,
        column: Ids,
        support: Support,
    ) -> Floats:
        """``F`` of each bead; units that were not in the training vocabulary are new words.

        Args:
            made: the sentences of the language that is generated, ``i`` of the beads.
            given: those of the other, ``j``.
            beads: what is scored.
            size: units of the vocabulary by now.
            column: (size,): the column of each unit in ``support``.
            support: of the given sentences.
        """
        frequency = _longer(self._frequency, size, self._unseen)
        trust = _longer(self._trust, size, 0.0)
        out = np.zeros(len(beads))
        lengths = made.bounds[beads.i1] - made.bounds[beads.i0]
        for part in _parts(lengths):
            some, length = beads[part], lengths[part]
            bead = np.repeat(np.arange(len(length)), length)
            unit = made.units[_ranges(made.bounds[some.i0], length)]
            at = column[unit]
            mass = support[some.j0[bead], at]
            wide = np.flatnonzero((some.j1 - some.j0)[bead] == 2)
            mass[wide] += support[some.j0[bead[wide]] + 1, at[wide]]
            others = (given.bounds[some.j1] - given.bounds[some.j0])[bead]
            ratio = mass / np.maximum(others, 1) / frequency[unit]
            logs = np.log(_TRUST * ratio + 1 - trust[unit])
            logs[others == 0] = 0  # an empty other side says nothing
            out[part] = np.bincount(bead, weights=logs, minlength=len(length))
        return out

    def support(self, given: Sentences, wanted: Ids, size: int) -> Support:
        """For every given sentence the mass that its units lend each wanted unit.

        Dense, because it is looked into dozens of times for every unit: 4 bytes for every sentence
        and different unit of the sentences read together.
        """
        ones = np.ones(len(given.units), dtype=np.float32)
        present = sparse.csr_matrix((ones, given.units, given.bounds), shape=(len(given), size))
        known = wanted < self._size
        table = self._table[:, wanted[known]]
        out = np.zeros((len(given), len(wanted)), dtype=np.float32)
        out[:, known] = (present[:, : self._size] @ table).toarray()
        same = _longer(self._same, size, _SAME / (_SAME + _PRIOR))
        out += (present[:, wanted] @ sparse.diags(same[wanted])).toarray()
        return out

    def rarity(self, size: int) -> Floats:
        """(units,): the weight of each unit in a search, larger for rarer ones."""
        return -np.log(_longer(self._frequency, size, self._unseen))


def _counts(rows: Sequence[Ids], size: int) -> Floats:
    flat = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    return np.bincount(flat, minlength=size).astype(np.float64)


def _longer(values: Floats, size: int, filling: float) -> Floats:
    return np.concatenate([values, np.full(size - len(values), filling)])


def _ranges(starts: Ids, lengths: Ids) -> Ids:
    """``starts[0], starts[0] + 1, ...`` (``lengths[0]`` of them), then those of the next."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    ranges: Ids = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return ranges


def _parts(lengths: Ids) -> list[slice]:
    """Slices of beads with at most about ``_CHUNK`` units each."""
    if not len(lengths):
        return []
    which = np.cumsum(lengths) // _CHUNK
    cuts = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(lengths)]
    return [slice(begin, end) for begin, end in pairwise(cuts)]


class Lexicon:
    """Both directions for every fold: the lexical evidence for any bead, cross-fitted."""

    def __init__(
        self, src: Sentences, tgt: Sentences, beads: Beads, folds: Ids, count: int, size: int
    ) -> None:
        """Learn from beads.

        Args:
            src: source sentences.
            tgt: target sentences.
            beads: which of them stand beside which, as far as is known.
            folds: (source sentences,): the fold of each.
            count: number of folds.
            size: units of the vocabulary.
        """
        self.count = count
        self._forward, self._backward = [], []
        for fold in range(count):
            others = beads[np.flatnonzero(folds[beads.i0] != fold)]
            self._forward.append(Direction(src, tgt, others, size))
            self._backward.append(Direction(tgt, src, others.turned(), size))

    def reading(self, src: Sentences, tgt: Sentences, folds: Ids, size: int) -> Reading:
        """What scoring needs to know of sentences, worked out once for many beads."""
        of_src, of_tgt = np.unique(src.units), np.unique(tgt.units)
        supports = [
            (forward.support(tgt, of_src, size), backward.support(src, of_tgt, size))
            for forward, backward in zip(self._forward, self._backward, strict=True)
        ]
        column_src, column_tgt = np.zeros((2, size), dtype=np.int64)
        column_src[of_src], column_tgt[of_tgt] = np.arange(len(of_src)), np.arange(len(of_tgt))
        return Reading(src, tgt, folds, size, column_src, column_tgt, supports)

    def scores(self, reading: Reading, beads: Beads) -> tuple[Floats, Floats]:
        """``F(source | target)`` and ``B(target | source)`` of each bead, in nats."""
        src, tgt, size = reading.src, reading.tgt, reading.size
        forward, backward = np.zeros(len(beads)), np.zeros(len(beads))
        fold_of = reading.folds[beads.i0]
        for fold, (of_tgt, of_src) in enumerate(reading.supports):
            here = np.flatnonzero(fold_of == fold)
            some = beads[here]
            forward[here] = self._forward[fold].scores(
                src, tgt, some, size, reading.column_src, of_tgt
            )
            backward[here] = self._backward[fold].scores(
                tgt, src, some.turned(), size, reading.column_tgt, of_src
            )
        return forward, backward

    def nearest(self, reading: Reading) -> Ids:
        """(source sentences,): the target sentence whose words fit best, -1 where none does."""
        src = reading.src
        best = np.full(len(src), -1, dtype=np.int64)
        shape = (len(src), reading.size)
        for fold, (of_tgt, _) in enumerate(reading.supports):
            here = np.flatnonzero(reading.folds == fold)
            weight = self._forward[fold].rarity(reading.size)
            units = np.unique(src.units)
            lent = np.sqrt(of_tgt) * weight[units].astype(np.float32)
            lent /= np.maximum(np.linalg.norm(lent, axis=1, keepdims=True), 1e-9)
            asked = sparse.csr_matrix((weight[src.units], src.units, src.bounds), shape=shape)
            likeness = np.asarray(asked[here][:, units] @ lent.T)
            if not likeness.size:
                continue
            found = likeness.argmax(axis=1)
            best[here] = np.where(likeness[np.arange(len(here)), found] > 0, found, -1)
        return best


@dataclass(frozen=True)
class Reading:
    """Sentences of both sides as a lexicon sees them: tens of KB a pair, so read in chunks."""

    src: Sentences
    tgt: Sentences
    folds: Ids
    """(source sentences,): the fold of each."""
    size: int
    """Units of the vocabulary."""
    column_src: Ids
    """(size,): the column of a source unit in the supports of the target sentences."""
    column_tgt: Ids
    """(size,): the column of a target unit in the supports of the source sentences."""
    supports: list[tuple[Support, Support]]
    """For each fold, of the target sentences and of the source sentences."""
