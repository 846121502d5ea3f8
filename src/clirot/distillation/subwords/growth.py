"""What a vocabulary gains: new pieces, what they are made of, and the model that has them.

Merges are learnt on the words of a language as the vocabulary cuts them
(:mod:`~clirot.distillation.subwords.merges`). What then becomes of them depends on the model:

**BPE** takes them as its own merges, after those that it has. A text without such neighbours is cut
exactly as before, and so is one with them up to the point where no old merge applies. No merge is
learnt of neighbours that a protected word has: these words never change.

**Unigram** takes the path of pieces with the highest sum of scores, which are logarithms of
probabilities. The new pieces are estimated from the paths that they are on, again and again (Kudo
2018, arXiv 1804.10959, section 3.2, with the best path in place of all), as those of one language
among a hundred. A piece that is then not above its own break-up is raised just above it.

**WordPiece** cuts off the longest piece that a word starts with.

In the last two a new piece may also break up a word that was whole. Pieces that change a protected
word, or a piece that the vocabulary has, are taken out until none does.

The trainers of ``tokenizers`` are not used: they learn a vocabulary from nothing, and break ties by
the order of a randomly seeded hash table.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any

from clirot.distillation.fast_tokenizer import SPACE
from clirot.distillation.subwords.base_vocabulary import BaseVocabulary
from clirot.distillation.subwords.merges import Merge, Pair, Pieces, learn_merges, neighbours_of

_LEAST = 2
"""Occurrences below which a piece is not worth a row of the embeddings."""
_JOINERS = "\u200c\u200d"
_ROUNDS = 4
_CHUNK = 10_000
_SHARE = math.log(0.01)
"""A language is one of a hundred to the vocabulary of a multilingual encoder."""
_UNKNOWN = 10.0
"""By which ``tokenizers`` puts an unknown character below the lowest score."""
_MARGIN = 0.1
"""By which a piece is above its break-up."""


@dataclass(frozen=True)
class Growth:
    """New pieces of a vocabulary, in the order of their ids."""

    pieces: tuple[str, ...]
    parts: Mapping[str, Pieces]
    """New piece -> the old pieces that it replaces."""
    model: Mapping[str, Any]
    """The entries of the model that have changed."""


def grown(
    base: BaseVocabulary, words: Mapping[str, int], protected: Iterable[str], *, most: int
) -> Growth:
    """Learn new pieces from words.

    Args:
        base: the vocabulary.
        words: words of the language as the model is given them -> how often they occur.
        protected: words that must be cut as they are.
        most: pieces to learn at most.

    Returns:
        The new pieces; the same for the same words and vocabulary, in every process.
    """
    guarded = sorted(protected)
    learner = _Learner(base, words, guarded)
    if base.kind == "BPE":
        return learner.bpe(most)
    return learner.refined(most)


class _Learner:
    def __init__(
        self, base: BaseVocabulary, words: Mapping[str, int], protected: Sequence[str]
    ) -> None:
        self.base, self.protected = base, protected
        self.words = sorted(words)
        self.often = [words[one] for one in self.words]
        self.cut = base.cut(self.words)
        self.before = base.cut(protected)
        self.neighbours = neighbours_of(self.before)
        self.guarded = frozenset(protected)
        self.characters = self._characters()
        unigram = base.kind == "Unigram"
        self.scores: dict[str, float] = dict(base.model["vocab"]) if unigram else {}
        self.lowest = min(self.scores.values(), default=0.0)

    @cached_property
    def own(self) -> list[str]:
        """The pieces that the vocabulary has, as words; not those within a word."""
        return [one for one in self.base.ids if not self.base.inside or one[:1] != "#"]

    def _characters(self) -> list[str]:
        """Characters that the vocabulary lacks, the most frequent first."""
        ids = self.base.ids
        counts: Counter[str] = Counter()
        for pieces, often in zip(self.cut, self.often, strict=True):
            for piece in pieces:
                if piece not in ids:
                    counts[piece] += often
        kept = {piece for pieces in self.before for piece in pieces if piece not in ids}
        found = [one for one, count in counts.items() if count >= _LEAST and one not in kept]
        found.sort(key=lambda one: (-counts[one], one))
        if not self.base.inside:
            return found
        # WordPiece does not know a word at all of which it lacks one character in its place.
        letters = dict.fromkeys(one.removeprefix(self.base.inside) for one in found)
        both = [form for one in letters for form in (one, self.base.inside + one)]
        return [one for one in both if one not in ids and one not in kept]

    def merges(self, most: int) -> list[Merge]:
        words: Counter[Pieces] = Counter()
        for pieces, often in zip(self.cut, self.often, strict=True):
            words[pieces] += often
        known = {*self.base.ids, *self.characters}

        def allowed(pair: Pair, piece: str) -> bool:
            return (
                piece not in known
                and len(piece) <= self.base.longest
                and pair not in self.neighbours
                and piece not in self.guarded
                and self._is_word(piece)
                and all(one in known or one in made for one in pair)
                and not made.add(piece)  # type: ignore[func-returns-value]
            )

        made: set[str] = set()
        return learn_merges(words, most=most, joined=self.base.joined, allowed=allowed)

    def _is_word(self, piece: str) -> bool:
        """Whether a piece has letters only. Byte-level tokenizers see to that by themselves."""
        if self.base.of_bytes:
            return True
        text = piece.removeprefix(self.base.inside).removeprefix(SPACE)
        return all(unicodedata.category(one)[0] in "LM" or one in _JOINERS for one in text)

    def _parts(self, merges: Iterable[Merge]) -> dict[str, Pieces]:
        parts: dict[str, Pieces] = {one: (one,) for one in self.characters}
        for merge in merges:
            left, right = merge.pair
            parts[merge.piece] = (*parts.get(left, (left,)), *parts.get(right, (right,)))
        return parts

    def bpe(self, most: int) -> Growth:
        characters = self.characters[:most]
        self.characters = characters
        merges = self.merges(most - len(characters))
        pieces = (*characters, *(merge.piece for merge in merges))
        first = self.base.first_new
        model = {
            "vocab": {**self.base.ids, **{piece: first + n for n, piece in enumerate(pieces)}},
            "merges": [*self.base.model["merges"], *(list(merge.pair) for merge in merges)],
        }
        return Growth(pieces, self._parts(merges), model)

    def refined(self, most: int) -> Growth:
        """Unigram and WordPiece: those pieces that are used, and harm no protected word."""
        self.characters = self.characters[:most]
        merges = self.merges(2 * most)
        parts = self._parts(merges)
        counts = {**dict.fromkeys(self.characters, _LEAST), **{m.piece: m.count for m in merges}}
        whole = sum(len(p) * n for p, n in zip(self.cut, self.often, strict=True))
        for _ in range(_ROUNDS):
            counts, whole = self._used(counts, parts, whole)
        # The pieces that a text is spared; a character is there for words that are yet to come.
        spared = {one: counts[one] * (len(parts[one]) - 1) for one in counts}
        best = sorted(spared, key=lambda one: (len(parts[one]) > 1, -spared[one], one))[:most]
        counts = {one: counts[one] for one in best}
        while counts:
            harmful = self._harmful(counts, parts, whole)
            if not harmful:
                break
            counts = {one: count for one, count in counts.items() if one not in harmful}
        return Growth(tuple(counts), parts, self._model(counts, parts, whole))

    def _used(
        self, counts: Mapping[str, int], parts: Mapping[str, Pieces], whole: int
    ) -> tuple[dict[str, int], int]:
        """The new pieces that words are cut into, with how often; and the number of all pieces."""
        bare = self._bare(counts, parts, whole)
        found: Counter[str] = Counter()
        total = 0
        for tokens, count in zip(_cut(bare, self.words), self.often, strict=True):
            total += count * len(tokens)
            for token in tokens:
                if token in counts:
                    found[token] += count
        kept = {one: found[one] for one in counts if found[one] >= _LEAST}
        return {**{one: max(found[one], 1) for one in self.characters}, **kept}, total

    def _harmful(
        self, counts: Mapping[str, int], parts: Mapping[str, Pieces], whole: int
    ) -> set[str]:
        """The new pieces that change a protected word, or a piece that was there."""
        bare = self._bare(counts, parts, whole)
        fixed = chain(self.protected, self.own)
        return {token for tokens in _cut(bare, fixed) for token in tokens if token in counts}

    def _bare(self, counts: Mapping[str, int], parts: Mapping[str, Pieces], whole: int) -> Any:
        from tokenizers import Tokenizer
        from tokenizers.models import Unigram, WordPiece

        model = self.base.model
        changed = self._model(counts, parts, whole)
        if self.base.kind == "Unigram":
            vocabulary = [(piece, score) for piece, score in changed["vocab"]]
            return Tokenizer(Unigram(vocabulary, model["unk_id"], bool(model.get("byte_fallback"))))
        return Tokenizer(
            WordPiece(
                changed["vocab"],
                unk_token=model["unk_token"],
                max_input_chars_per_word=model["max_input_chars_per_word"],
                continuing_subword_prefix=model["continuing_subword_prefix"],
            )
        )

    def _model(
        self, counts: Mapping[str, int], parts: Mapping[str, Pieces], whole: int
    ) -> dict[str, Any]:
        if self.base.kind == "WordPiece":
            first = self.base.first_new
            new = {piece: first + place for place, piece in enumerate(counts)}
            return {"vocab": {**self.base.ids, **new}}
        scores, lowest = self.scores, self.lowest
        added = []
        for piece, count in counts.items():
            value = math.log(count / whole) + _SHARE
            if len(parts[piece]) > 1:
                broken = sum(scores.get(one, lowest - _UNKNOWN) for one in parts[piece])
                value = max(value, broken + _MARGIN)
            # A lower score than any other would make unknown characters cheaper or dearer.
            added.append([piece, min(max(value, lowest), 0.0)])
        return {"vocab": [*self.base.model["vocab"], *added]}


def _cut(bare: Any, words: Iterable[str]) -> Iterator[list[str]]:
    """The pieces of each word, some thousand words at a time: encodings take memory."""
    rest = iter(words)
    while chunk := list(islice(rest, _CHUNK)):
        for one in bare.encode_batch(chunk, add_special_tokens=False):
            yield one.tokens
