"""The vocabulary of an encoder as something to build on: how it cuts a word, and what it may gain.

A fast tokenizer (``tokenizers``) normalises a text, cuts it into words, and cuts each word into
pieces by its model: Unigram, BPE or WordPiece. Normaliser and words stay what they are; the model
gains pieces. Texts are read as before but where a new piece applies.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clirot.distillation.fast_tokenizer import (
    BYTE,
    SPACE,
    is_of_bytes,
    piece_ids,
    rebuilt,
    unchangeable,
)
from clirot.distillation.subwords.merges import Pieces
from clirot.errors import UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_WORD_OF_SPACES = re.compile(f"{SPACE}*[^{SPACE}]+|{SPACE}+")
_LONGEST, _LONGEST_BYTES = 16, 48
"""Characters, or bytes, of the longest piece. SentencePiece stops at 16 characters too."""


class BaseVocabulary:
    """A tokenizer that can gain pieces.

    Args:
        tokenizer: the encoder's.

    Raises:
        UsageError: it cannot gain pieces.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        from tokenizers import Tokenizer

        why = unchangeable(tokenizer)
        if why:
            raise UsageError(f"the tokenizer is {why}, and subwords cannot be added to it")
        self.tokenizer = tokenizer
        backend = tokenizer.backend_tokenizer
        self._described: dict[str, Any] = json.loads(backend.to_str())
        self.model: dict[str, Any] = self._described["model"]
        self.kind: str = self.model["type"]
        self._hold_added()
        self.ids: Mapping[str, int] = piece_ids(self.model)
        self.first_new = 1 + max(self.ids.values())
        """The first id that no piece and no added token has."""
        self.of_bytes = is_of_bytes(self._described)
        self.inside: str = self.model.get("continuing_subword_prefix") or ""
        """What is put before a piece that begins within a word (WordPiece)."""
        self.longest = _LONGEST_BYTES if self.of_bytes else _LONGEST
        self.bare = Tokenizer(backend.model)
        """The model alone, which cuts a word that is normalised already."""

    def _hold_added(self) -> None:
        """Give the model's vocabulary the tokens that were added beside it, at their ids.

        The library gives an added token that is not there the next free id, which would be another
        one where the vocabulary has grown.
        """
        vocabulary = self.model["vocab"]
        added = {int(one["id"]): str(one["content"]) for one in self._described["added_tokens"]}
        if self.kind != "Unigram":
            self.model["vocab"] = {**vocabulary, **{piece: one for one, piece in added.items()}}
            return
        # Ids are places here, and the lowest score keeps a text from being cut into them.
        lowest = min((score for _, score in vocabulary), default=0.0)
        have = {piece for piece, _ in vocabulary}
        for place in range(len(vocabulary), 1 + max(added, default=-1)):
            piece = added.get(place, f"<unused {place}>")
            assert piece not in have
            vocabulary.append([piece, lowest])

    def words(self, texts: Iterable[str]) -> Counter[str]:
        """The words of texts as the model is given them, each with its count.

        In a tokenizer that cuts nothing off before the model (Gemma), a word begins at a space.
        """
        backend: Any = self.tokenizer.backend_tokenizer
        normaliser, cutter = backend.normalizer, backend.pre_tokenizer
        found: Counter[str] = Counter()
        for text in texts:
            plain = normaliser.normalize_str(text) if normaliser is not None else text
            cut = cutter.pre_tokenize_str(plain) if cutter is not None else [(plain, (0, 0))]
            for word, _ in cut:
                inner = word.find(SPACE, 1)
                found.update(_WORD_OF_SPACES.findall(word) if inner > 0 else [word])
        return found

    def cut(self, words: Sequence[str]) -> list[Pieces]:
        """The pieces of each word. A character that the vocabulary has no piece for is a piece of
        itself, of which :attr:`ids` knows nothing.
        """
        if self.kind == "BPE" and not self.of_bytes:
            return [self._cut_known(word) for word in words]
        return [
            self._named(word, one) for word, one in zip(words, self._encoded(words), strict=True)
        ]

    def _encoded(self, words: Sequence[str]) -> list[Any]:
        return list(self.bare.encode_batch(list(words), add_special_tokens=False))

    def _cut_known(self, word: str) -> Pieces:
        """The pieces of a word for BPE, which starts from the characters that it has."""
        found: list[str] = []
        start = 0
        for place, character in enumerate([*word, ""]):
            if character and character in self.ids:
                continue
            if start < place:
                found += self.bare.encode(word[start:place], add_special_tokens=False).tokens
            if character:
                found.append(character)
            start = place + 1
        return tuple(found)

    def _named(self, word: str, encoding: Any) -> Pieces:
        """The tokens of a word, with the characters of what is unknown in its place."""
        unknown = self._unknown_id
        found: list[str] = []
        last = (-1, -1)
        for token, place, span in zip(encoding.tokens, encoding.ids, encoding.offsets, strict=True):
            if place == unknown or (self.kind == "Unigram" and BYTE.fullmatch(token)):
                if span != last:  # the bytes of one character have one span
                    found += [
                        character if at == 0 else self.inside + character
                        for at, character in enumerate(word[slice(*span)], start=span[0])
                    ]
            else:
                found.append(token)
            last = span
        return tuple(found)

    @property
    def _unknown_id(self) -> int | None:
        if self.kind == "Unigram":
            found: int | None = self.model["unk_id"]
            return found
        return self.ids.get(self.model["unk_token"] or "")

    def joined(self, left: str, right: str) -> str:
        """The piece that two neighbours make."""
        return left + right.removeprefix(self.inside)

    def known(self, pieces: Iterable[str]) -> list[int]:
        """The ids of those pieces that stand for text which the encoder has read."""
        found = [self.ids.get(one) for one in pieces]
        return [one for one in found if one is not None]

    def with_model(self, changes: Mapping[str, Any]) -> PreTrainedTokenizerFast:
        """The tokenizer with another model; ``changes`` are the entries that are others."""
        described = {**self._described, "model": {**self.model, **changes}}
        return rebuilt(self.tokenizer, described)
