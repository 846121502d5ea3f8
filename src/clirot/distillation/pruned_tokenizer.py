"""Tokenizers without the subwords that a student has no need of.

A pruned tokenizer cuts a text exactly as the whole one does wherever all the pieces that the text
is cut into were kept. Why, by the kind of tokenizer:

**Unigram** takes the path of pieces with the highest sum of scores. Without some pieces there are
fewer paths, none scores higher than before, and the best one is still there. Where several paths
score alike, the one is taken whose last piece is longest, and again at its start: among fewer, the
same. A character without a piece of its own may be cut off as unknown, for the lowest score of all
pieces less ten. So that there are not more such paths, a character of a kept piece keeps its own
piece; and the piece with the lowest score is kept.

**BPE** merges the neighbours with the merge that was learnt first, again and again. What is merged
inside of a piece depends on nothing outside of it, since no merge reaches across its ends. So the
merges of a word are those of its pieces, each as it is merged by itself, and these are kept in
their order: the first merge that applies is the same at every step, and in the end none applies. A
kept piece therefore keeps the pieces that it is merged from. Tokenizers that look a whole word up
first find it, or do not find it, as before.

**WordPiece** cuts off the longest piece that a word starts with. That piece is there, and no longer
one is. (A word that was unknown as a whole may be known now, if its start is cut in another way.)

A text with a piece that was not kept is cut into other, mostly shorter ones. To that end the single
characters of the scripts that occur are kept, all digits and punctuation, and all bytes.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clirot.distillation.fast_tokenizer import (
    BYTE,
    SPACE,
    is_of_bytes,
    piece_ids,
    rebuilt,
    unchangeable,
)
from clirot.errors import ClirotError, UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

_RARE = 1000
"""A script occurs where one letter in so many is of it: a stray Chinese character in a text does
not keep eight thousand others."""


def check_prunable(tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that it is known how to take subwords out of a tokenizer.

    Raises:
        UsageError: it is not, with what to do.
    """
    why = unchangeable(tokenizer)
    if why:
        raise UsageError(
            f"`prune_vocabulary`: the student's tokenizer is {why}, and subwords can be taken out "
            "of Unigram (SentencePiece), WordPiece and BPE tokenizers only",
            hint="leave `prune_vocabulary` out, or start from another `student`",
        )


class Vocabulary:
    """The pieces of a tokenizer, and which of them need each other.

    Args:
        tokenizer: one that passes :func:`check_prunable`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._json: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
        self._model = self._json["model"]
        self._kind: str = self._model["type"]
        self._ids = piece_ids(self._model)
        self._added = {int(one["id"]): str(one["content"]) for one in self._json["added_tokens"]}
        self._merges = [
            tuple(one.split(" ") if isinstance(one, str) else one)
            for one in self._model.get("merges", ())
        ]
        self._trees: dict[str, list[tuple[str, ...]]] = {}
        self._rank: dict[tuple[str, ...], int] = {
            pair: rank for rank, pair in enumerate(self._merges)
        }
        self._of_bytes = is_of_bytes(self._json)
        self._text = {piece: self._written(piece) for piece in self._ids}

    def __len__(self) -> int:
        return len(self._tokenizer)

    def _written(self, piece: str) -> str:
        """What a piece stands for in a text, without the mark of a word's start or inside."""
        if self._kind == "WordPiece":
            return piece.removeprefix(self._model["continuing_subword_prefix"])
        if self._of_bytes and (raw := _as_bytes(piece)) is not None:
            text = raw.decode("utf-8", errors="replace")
            return text.removeprefix(" ") if text != " " else text
        return piece.removeprefix(SPACE) if piece != SPACE else piece

    def closed(self, ids: Iterable[int], texts: Sequence[str]) -> NDArray[np.int64]:
        """The ids of a smaller vocabulary, which has these and what goes with them.

        Args:
            ids: what must be there.
            texts: the texts of the student, whose scripts decide which characters are kept.

        Returns:
            ``(ids,)``, ascending.
        """
        names = {place: piece for piece, place in self._ids.items()}
        kept = {names[one] for one in (*map(int, ids), *self._added) if one in names}
        scripts = _scripts(texts)
        for piece, text in self._text.items():
            if (len(text) == 1 and _is_kept(text, scripts)) or BYTE.fullmatch(piece):
                kept.add(piece)
        if self._kind == "Unigram":
            kept.add(min(self._model["vocab"], key=lambda entry: float(entry[1]))[0])
        if self._of_bytes:
            kept |= {piece for piece in self._ids if len(piece) == 1}
        if self._kind == "BPE":
            for piece in list(kept):
                for pair in self._merged(piece):
                    kept |= {*pair, "".join(pair)}
        else:
            own = set("".join(kept))
            kept |= {piece for piece, text in self._text.items() if len(text) == 1 and text in own}
        return np.array(sorted({self._ids[piece] for piece in kept} | self._added.keys()))

    def _merged(self, piece: str) -> list[tuple[str, ...]]:
        """The merges that make a piece of its characters, in their order; none if they do not."""
        if piece in self._trees:
            return self._trees[piece]
        parts: list[str] = list(piece)
        used: list[tuple[str, ...]] = []
        while len(parts) > 1:
            pairs = [
                (self._rank.get(pair, -1), place) for place, pair in enumerate(pairwise(parts))
            ]
            rank, place = min((one for one in pairs if one[0] >= 0), default=(-1, 0))
            if rank < 0:
                used = []
                break
            used.append(self._merges[rank])
            parts[place : place + 2] = ["".join(parts[place : place + 2])]
        self._trees[piece] = used
        return used

    def pruned(self, ids: NDArray[np.int64]) -> PreTrainedTokenizerFast:
        """The tokenizer with these subwords alone, which get new ids in the order of their old
        ones.

        Args:
            ids: from :meth:`closed`.

        Raises:
            ClirotError: the library gives the subwords other ids.
        """
        tokenizer = rebuilt(self._tokenizer, self._described(ids))
        names = self._tokenizer.convert_ids_to_tokens(ids.tolist())
        if tokenizer.convert_ids_to_tokens(list(range(len(ids)))) != names:
            raise ClirotError("the pruned tokenizer has not the subwords that were kept")
        return tokenizer

    def _described(self, ids: NDArray[np.int64]) -> dict[str, Any]:
        """The tokenizer's file, for these ids."""
        new = {int(one): place for place, one in enumerate(ids)}
        described: dict[str, Any] = json.loads(json.dumps(self._json))
        model = described["model"]
        if self._kind == "Unigram":
            model["vocab"] = [one for place, one in enumerate(model["vocab"]) if place in new]
            if model["unk_id"] is not None:
                model["unk_id"] = new[model["unk_id"]]
        else:
            pieces = {piece: new[place] for piece, place in self._ids.items() if place in new}
            # A token that was added gets the id it has in the vocabulary, or the next free one.
            last = max(pieces.values(), default=-1)
            tokens = {self._added[one]: new[one] for one in self._added if new[one] < last}
            model["vocab"] = {**pieces, **tokens}
        if self._kind == "BPE":
            used = {pair for piece in pieces for pair in self._merged(piece)[-1:]}
            model["merges"] = [list(pair) for pair in self._merges if pair in used]
        described["added_tokens"] = [
            one | {"id": new[int(one["id"])]} for one in described["added_tokens"]
        ]
        if described["post_processor"] is not None:
            _renumber(described["post_processor"], new)
        return described


def _renumber(processor: dict[str, Any], new: Mapping[int, int]) -> None:
    """Give a post-processor, which puts special tokens around a text, their new ids."""
    if processor["type"] == "TemplateProcessing":
        for token in processor["special_tokens"].values():
            token["ids"] = [new[one] for one in token["ids"]]
    elif processor["type"] in ("BertProcessing", "RobertaProcessing"):
        for name in ("sep", "cls"):
            piece, place = processor[name]
            processor[name] = [piece, new[place]]
    elif processor["type"] == "Sequence":
        for one in processor["processors"]:
            _renumber(one, new)


def _scripts(texts: Iterable[str]) -> set[str]:
    """The scripts of texts, by the first word of the names of their letters."""
    letters = Counter(chain.from_iterable(texts))
    found: Counter[str] = Counter()
    for character, count in letters.items():
        if (script := _script(character)) is not None:
            found[script] += count
    return {script for script, count in found.items() if count * _RARE >= found.total()}


def _script(character: str) -> str | None:
    """``LATIN``, ``CJK``, ...; None if it is no letter or mark of a script."""
    if unicodedata.category(character)[0] not in "LM":
        return None
    name = unicodedata.name(character, "").partition(" ")[0]
    return name if name not in ("", "COMBINING", "MODIFIER") else None


def _is_kept(character: str, scripts: set[str]) -> bool:
    """Whether a single character is kept, occurring or not."""
    script = _script(character)
    if script is not None:
        return script in scripts
    return character.isascii() or unicodedata.category(character)[0] in "LMNP"


def _byte_alphabet() -> dict[str, int]:
    """The characters that byte-level tokenizers write bytes with (those of GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [one for one in range(256) if one not in plain]
    return {chr(one): one for one in plain} | {
        chr(256 + place): one for place, one in enumerate(others)
    }


_BYTES = _byte_alphabet()


def _as_bytes(piece: str) -> bytes | None:
    """The bytes that a piece of a byte-level tokenizer stands for; None if it is none."""
    values = [_BYTES.get(character) for character in piece]
    return bytes(one for one in values if one is not None) if None not in values else None
