"""The vocabulary of an encoder as something to build on: how it cuts a word, and what it may gain.

A fast tokenizer (``tokenizers``) normalises a text, cuts it into words, and cuts each word into
pieces by its model: Unigram, BPE or WordPiece. Normaliser and words stay what they are; the model
gains pieces. Texts are read as before but where a new piece applies.

Not every tokenizer can gain pieces: one written in Python has its rules in code, one of characters
or bytes has no pieces to add, and a BPE that marks the ends of words or drops merges at random is
not used by encoders of today.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_SPACE = "▁"
_WORD_OF_SPACES = re.compile(f"{_SPACE}*[^{_SPACE}]+|{_SPACE}+")
_ATTRIBUTES = (
    *("model_max_length", "padding_side", "truncation_side", "model_input_names"),
    *("clean_up_tokenization_spaces", "chat_template"),
)
_ODD = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
_LONGEST, _LONGEST_BYTES = 16, 48
"""Characters, or bytes, of the longest piece. SentencePiece stops at 16 characters too."""

Pieces = tuple[str, ...]


def holds_subwords(tokenizer: PreTrainedTokenizerBase) -> str:
    """Why a tokenizer cannot gain subwords, as what it is; empty where it can."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return f"{type(tokenizer).__name__}, which has no fast version"
    model = json.loads(backend.to_str())["model"]
    kind = model.get("type") or type(tokenizer).__name__
    if kind not in ("Unigram", "BPE", "WordPiece"):
        return str(kind)
    odd = [name for name in _ODD if kind == "BPE" and model.get(name)]
    return f"BPE with {odd[0]}" if odd else ""


class BaseVocabulary:
    """A tokenizer that can gain pieces.

    Args:
        tokenizer: the encoder's.

    Raises:
        UsageError: it cannot gain pieces.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        from tokenizers import Tokenizer

        why = holds_subwords(tokenizer)
        if why:
            raise UsageError(f"the tokenizer is {why}, and subwords cannot be added to it")
        self.tokenizer = tokenizer
        backend = tokenizer.backend_tokenizer
        self._described: dict[str, Any] = json.loads(backend.to_str())
        self.model: dict[str, Any] = self._described["model"]
        self.kind: str = self.model["type"]
        self._hold_added()
        vocabulary = self.model["vocab"]
        self.ids: Mapping[str, int] = (
            {piece: place for place, (piece, _) in enumerate(vocabulary)}
            if self.kind == "Unigram"
            else vocabulary
        )
        self.first_new = 1 + max(self.ids.values())
        """The first id that no piece and no added token has."""
        parts = [self._described[part] for part in ("normalizer", "pre_tokenizer", "decoder")]
        self.of_bytes = self.kind == "BPE" and '"ByteLevel"' in json.dumps(parts)
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
                inner = word.find(_SPACE, 1)
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
            if place == unknown or (self.kind == "Unigram" and _BYTE.fullmatch(token)):
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
        from tokenizers import Tokenizer
        from transformers import PreTrainedTokenizerFast

        described = {**self._described, "model": {**self.model, **changes}}
        described |= {"truncation": None, "padding": None}
        old = self.tokenizer
        return PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_str(json.dumps(described)),
            **{name: getattr(old, name) for name in _ATTRIBUTES if hasattr(old, name)},
            **old.special_tokens_map,
        )
