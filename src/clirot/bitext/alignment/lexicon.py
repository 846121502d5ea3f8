"""Which words translate which: IBM model 1, learnt from the corpus whose pairs are then scored.

Text is split into units, in any script and without knowledge of the language. A unit is a word,
casefolded and in compatibility form; or, in scripts that write no spaces between words, a character
(Chinese, Japanese) or an overlapping group of characters (Thai, Lao, Khmer, Burmese). Words are cut
after their first letters, so that inflected forms are counted together: in a few thousand sentences
most forms are seen once (Fraser and Marcu 2005, "ISI's participation in the Romanian-English
alignment task"). Punctuation is left out.

A pair must not be scored with a table that was learnt from it, because model 1 learns from a single
pair that all its words translate each other. So the sentences are dealt into folds by a digest of
the source sentence, and a pair is scored with the table of all other folds (cross-fitting). Equal
source sentences are in one fold.

The score of source sentence s given target t says how much likelier t makes the units of s than
their frequency does, as a log, summed over the units:

    F(s|t) = sum_e log( L u(e, t) / p0(e) + 1 - L_e ),    u(e, t) = mean over f in t of t(e|f)

t(e|f) is model 1's table, shrunk towards 0 where f is rare, and towards f itself where both are
spelled alike. L_e grows from 0 to L with the frequency of e, so a word that was never seen counts
neither for nor against a translation, unless it stands on both sides. B(t|s) is the same for the
other direction.

Sources: model 1 as in :mod:`clirot.bitext.translation_table`; its likelihood for alignment as in
Moore 2002, "Fast and accurate sentence alignment of bilingual corpora", AMTA.
"""

from __future__ import annotations

import itertools
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray
from scipy import sparse

from clirot.bitext.translation_table import Ids, ibm1

Floats = NDArray[np.float64]

STEM = 4
"""Letters of a word that stand for its inflected forms."""
LOOKED_AT = 4_000
"""Characters of a sentence that are read; 100 units seldom take 1,000."""
_LONGEST = 100  # units of a sentence that are read: bounds the cost of a very long line
_GROUP = 3  # characters of a unit in scripts that write no spaces and are no ideographs
_ITERATIONS = 8
_SAME = 1.0  # what equal spelling is worth, in occurrences
_PRIOR = 2.0  # occurrences at which a row of the table has half of its weight, or two thirds
_TRUST = 0.9  # L
_SMALLEST = 1e-4  # probabilities below this are dropped: model 1's long tail is noise
_MANY = 1500  # pairs from which two folds learn enough; fewer are dealt into four
_AT_ONCE = 40_000  # beads scored together: some 50 MB, 400 MB if all sentences are very long

_UNSPACED = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_IDEOGRAPH = r"\p{Han}\p{Hiragana}\p{Katakana}"
# Marks belong to words: without \p{M}, Devanagari falls apart at every vowel sign.
_UNIT = regex.compile(
    rf"(?P<ideograph>[{_IDEOGRAPH}])|(?P<unspaced>[{_UNSPACED}]+)"
    rf"|(?P<number>\p{{N}}+)|(?P<word>[[\p{{L}}\p{{M}}]--[{_UNSPACED}{_IDEOGRAPH}]]+)",
    regex.V1,
)


def units(text: str) -> list[str]:
    """The units of ``text``, in order, the first 100 of them."""
    folded = unicodedata.normalize("NFKC", text[:LOOKED_AT]).casefold()
    return list(itertools.islice(_each_unit(folded), _LONGEST))


def _each_unit(text: str) -> Iterator[str]:
    for match in _UNIT.finditer(text):
        unit = match.group()
        if match.lastgroup == "unspaced" and len(unit) > _GROUP:
            yield from (unit[at : at + _GROUP] for at in range(len(unit) - _GROUP + 1))
        else:
            yield unit[:STEM] if match.lastgroup == "word" else unit


@dataclass(frozen=True)
class Sentences:
    """Sentences of one language in numbers."""

    units: Ids
    """(units,) the units of all sentences, one sentence after the other."""
    bounds: Ids
    """(sentences + 1,) sentence ``i`` is ``units[bounds[i] : bounds[i + 1]]``."""
    characters: Floats
    """(sentences,) lengths of the texts, as far as they are read."""

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __getitem__(self, place: int) -> Ids:
        """The units of one sentence."""
        return self.units[self.bounds[place] : self.bounds[place + 1]]

    def sizes(self, begin: Ids, end: Ids) -> tuple[Ids, Floats]:
        """Units and characters of sentences ``begin`` up to ``end``, for arrays of both."""
        total = np.concatenate([[0.0], np.cumsum(self.characters)])
        return self.bounds[end] - self.bounds[begin], total[end] - total[begin]


def encoded(texts: Sequence[str], vocabulary: dict[str, int]) -> Sentences:
    """``texts`` in numbers. New units are added to the vocabulary.

    Both languages share a vocabulary: units that are spelled alike have one number.
    """
    rows = [
        [vocabulary.setdefault(unit, len(vocabulary)) for unit in units(text)] for text in texts
    ]
    bounds = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=bounds[1:])
    flat = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int64, count=bounds[-1])
    lengths = np.array([min(len(text), LOOKED_AT) for text in texts], dtype=np.float64)
    return Sentences(flat, bounds, lengths)


@dataclass(frozen=True)
class Beads:
    """Candidate alignments: source sentences ``[i0, i1)`` with target sentences ``[j0, j1)``.

    Four arrays of one length. No bead has more than two sentences of a side. "Bead" is Gale and
    Church's word (1993).
    """

    i0: Ids
    i1: Ids
    j0: Ids
    j1: Ids

    @classmethod
    def pairs(cls, i: Ids, j: Ids) -> Beads:
        """One source sentence with one target sentence each."""
        return cls(i, i + 1, j, j + 1)

    def __len__(self) -> int:
        return len(self.i0)

    def __getitem__(self, chosen: slice | Ids) -> Beads:
        return Beads(self.i0[chosen], self.i1[chosen], self.j0[chosen], self.j1[chosen])

    def turned(self) -> Beads:
        """The same with source and target exchanged."""
        return Beads(self.j0, self.j1, self.i0, self.i1)


def fold_count(pairs: int) -> int:
    """The number of folds: more where there is little to learn from."""
    return 4 if pairs < _MANY else 2


def folds_of(texts: Sequence[str], count: int) -> Ids:
    """(texts,) the fold of each source sentence, by a digest of its text."""
    return np.array([zlib.crc32(text.encode()) % count for text in texts], dtype=np.int64)


@dataclass(frozen=True)
class Support:
    """What some given sentences say of the units of the other language's sentences.

    ``mass`` is (given sentences, columns), a column for each different unit: the sum of t(e|f) over
    the sentence. It is dense, because each cell is read dozens of times. ``scale`` and ``rest`` are
    (columns,): ``L / p0(e)`` and ``1 - L_e``.
    """

    mass: NDArray[np.float32]
    scale: Floats
    rest: Floats


class Direction:
    """Model 1 for one language given the other, learnt from pairs of sentences."""

    def __init__(self, made: Sentences, given: Sentences, lines: Ids, size: int) -> None:
        """Learn.

        Args:
            made: the sentences that are generated.
            given: those that stand beside them.
            lines: which of these pairs to learn from.
            size: units of the vocabulary.
        """
        others, own = ([one[line] for line in lines.tolist()] for one in (given, made))
        pairs = list(zip(others, own, strict=True))
        probability = ibm1(pairs, n_target=size, n_english=size, iterations=_ITERATIONS).probability
        probability.data[probability.data < _SMALLEST] = 0
        probability.eliminate_zeros()
        seen_given, seen_made = (
            np.bincount(np.concatenate([np.zeros(0, np.int64), *rows]), minlength=size)
            for rows in (others, own)
        )
        everything = seen_given + _SAME + _PRIOR
        self._table = (sparse.diags(seen_given / everything) @ probability).tocsr()
        self._same = _SAME / everything
        self._frequency = (seen_made + 1) / (seen_made.sum() + size)
        self._unseen = 1 / max(seen_made.sum() + size, 1.0)
        self._trust = _TRUST * seen_made / (seen_made + _PRIOR)

    def support(self, given: Sentences, wanted: Ids, size: int) -> Support:
        """What given sentences say of the wanted units, in a vocabulary of ``size`` by now."""
        learnt = len(self._frequency)
        ones = np.ones(len(given.units), dtype=np.float32)
        present = sparse.csr_matrix((ones, given.units, given.bounds), shape=(len(given), size))
        known = wanted < learnt
        mass = np.zeros((len(given), len(wanted)), dtype=np.float32)
        mass[:, known] = (present[:, :learnt] @ self._table[:, wanted[known]]).toarray()
        same = _taken(self._same, wanted, _SAME / (_SAME + _PRIOR))
        mass += (present[:, wanted] @ sparse.diags(same)).toarray()
        scale = _TRUST / _taken(self._frequency, wanted, self._unseen)
        return Support(mass, scale, 1 - _taken(self._trust, wanted, 0.0))


def _taken(values: NDArray[Any], places: Ids, filling: float) -> Floats:
    """``values`` at some places; the filling where a place is beyond their end."""
    out = np.full(len(places), filling)
    known = places < len(values)
    out[known] = values[places[known]]
    return out


Lexicon = list[tuple[Direction, Direction]]
"""For each fold, both directions of model 1, learnt from the other folds' pairs."""


def lexicon(src: Sentences, tgt: Sentences, folds: Ids, size: int) -> Lexicon:
    """Learn from source sentences and the target sentence beside each.

    Args:
        src: source sentences.
        tgt: target sentences.
        folds: (sentences,) the fold of each source sentence, by :func:`folds_of`.
        size: units of the vocabulary.
    """
    found = []
    for fold in range(fold_count(len(src))):
        lines = np.flatnonzero(folds != fold)
        found.append((Direction(src, tgt, lines, size), Direction(tgt, src, lines, size)))
    return found


class Reading:
    """Sentences of both sides, prepared for scoring: tens of KB a pair, so they come in chunks."""

    def __init__(
        self, lexicon: Lexicon, src: Sentences, tgt: Sentences, folds: Ids, size: int
    ) -> None:
        self.src, self.tgt, self.folds = src, tgt, folds
        of_src, self._src_columns = np.unique(src.units, return_inverse=True)
        of_tgt, self._tgt_columns = np.unique(tgt.units, return_inverse=True)
        self._supports = [
            (forward.support(tgt, of_src, size), backward.support(src, of_tgt, size))
            for forward, backward in lexicon
        ]

    def scores(self, beads: Beads) -> tuple[Floats, Floats]:
        """``F(source | target)`` and ``B(target | source)`` of each bead, in nats."""
        forward, backward = np.zeros((2, len(beads)))
        fold_of = self.folds[beads.i0]
        for fold, (of_tgt, of_src) in enumerate(self._supports):
            here = np.flatnonzero(fold_of == fold)
            for low in range(0, len(here), _AT_ONCE):
                part = here[low : low + _AT_ONCE]
                some = beads[part]
                forward[part] = _scores(self.src, self._src_columns, self.tgt, of_tgt, some)
                backward[part] = _scores(
                    self.tgt, self._tgt_columns, self.src, of_src, some.turned()
                )
        return forward, backward

    def nearest(self) -> Ids:
        """(source sentences,) the target sentence whose words fit best, -1 where none does.

        A fast search over all of them, by the cosine between the rare words of the source and the
        mass that the words of the target give to these.
        """
        best = np.full(len(self.src), -1, dtype=np.int64)
        for fold, (of_tgt, _) in enumerate(self._supports):
            here = np.flatnonzero(self.folds == fold)
            rarity = np.log(of_tgt.scale / _TRUST)
            given = np.sqrt(of_tgt.mass) * rarity.astype(np.float32)
            given /= np.maximum(np.linalg.norm(given, axis=1, keepdims=True), 1e-9)
            columns = self._src_columns
            asked = sparse.csr_matrix(
                (rarity[columns], columns, self.src.bounds), shape=(len(self.src), len(rarity))
            )
            likeness = np.asarray(asked[here] @ given.T)
            if likeness.size:
                found = likeness.argmax(axis=1)
                best[here] = np.where(likeness[np.arange(len(here)), found] > 0, found, -1)
        return best


def _scores(
    made: Sentences, columns: Ids, given: Sentences, support: Support, beads: Beads
) -> Floats:
    """(beads,) the score of sentences ``i`` of ``made`` given sentences ``j`` of ``given``."""
    lengths = made.bounds[beads.i1] - made.bounds[beads.i0]
    bead = np.repeat(np.arange(len(beads)), lengths)
    # The places of the beads' units: a run of consecutive numbers for each bead.
    runs = np.repeat(made.bounds[beads.i0] - (np.cumsum(lengths) - lengths), lengths)
    column = columns[np.arange(len(bead)) + runs]
    mass = support.mass[beads.j0[bead], column]
    two = np.flatnonzero((beads.j1 - beads.j0)[bead] == 2)
    mass[two] += support.mass[beads.j0[bead[two]] + 1, column[two]]
    others = (given.bounds[beads.j1] - given.bounds[beads.j0])[bead]
    logs = np.log(mass / np.maximum(others, 1) * support.scale[column] + support.rest[column])
    logs[others == 0] = 0  # an empty other side says nothing
    return np.bincount(bead, logs, len(beads)).astype(np.float64, copy=False)
