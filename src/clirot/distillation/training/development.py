"""The development split: bitext held out to choose an epoch on, and retrieval over it.

Which pairs are held out follows from the English sentences alone, so that it is the same for every
seed and objective, and never has an English sentence on both sides of the split; nor is a
translation that is held out trained on beside other English. More bitext holds out more of what is
new and less of what was there: figures before and after are of two tasks. Of several languages
each has its own, and none trains on a sentence that another holds out: corpora such as TICO-19
translate the same English into all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clirot.encoding.encoders import TokenEncoder
from clirot.encoding.maxsim import FLOAT32, TokenMatrix, scores
from clirot.errors import ClirotError, InputError
from clirot.models import Side
from clirot.records import SentencePair

_FEWEST_PAIRS = 40
_LARGEST_SHARE = 0.1
_POOL = 2000
_QUERY_BATCH = 64


@dataclass(frozen=True)
class Split:
    """Bitext in two parts that share no sentence."""

    train: list[SentencePair]
    development: list[SentencePair]
    aside: list[SentencePair] = field(default_factory=list)
    """In neither part: one of their sides is held out, the English perhaps by another language of
    the student."""


def split(pairs: Sequence[SentencePair], *, development: int) -> Split:
    """Hold out about ``development`` pairs, at most a tenth.

    Raises:
        InputError: too few pairs to train on and to hold any out.
    """
    if len(pairs) < _FEWEST_PAIRS:
        raise InputError(
            f"too little bitext to train on: {len(pairs)} pairs, "
            f"at least {_FEWEST_PAIRS} are needed",
            hint="fetch more sources, or add a file with --file",
        )
    wanted = max(1, min(development, int(len(pairs) * _LARGEST_SHARE)))
    held: list[SentencePair] = []
    chosen: set[str] = set()
    for pair in sorted(pairs, key=lambda pair: _order(pair.src)):
        if pair.src in chosen or len(held) < wanted:
            chosen.add(pair.src)
            held.append(pair)
    translations = {pair.tgt for pair in held}
    rest = [pair for pair in pairs if pair.src not in chosen]
    train = [pair for pair in rest if pair.tgt not in translations]
    if not train:
        raise InputError(
            f"too little bitext: {len({pair.src for pair in pairs})} distinct source sentences and "
            f"{len({pair.tgt for pair in pairs})} translations in {len(pairs)} pairs, too few to "
            "train on and to hold some out",
            hint="fetch more sources, or add a file with --file",
        )
    return Split(train, held, [pair for pair in rest if pair.tgt in translations])


def split_together(
    bitexts: Mapping[str, Sequence[SentencePair]], *, development: int
) -> dict[str, Split]:
    """Split the bitext of each language of a student.

    A language's development part is the one it would have alone. What it has of the English that
    another language holds out is set aside: trained on, it would give that language's answers away.

    Args:
        bitexts: language -> its pairs; the languages share the English side's language.
        development: pairs to hold out of each, at most a tenth of it.

    Raises:
        InputError: too few pairs of a language.
    """
    alone: dict[str, Split] = {}
    for language, pairs in bitexts.items():
        try:
            alone[language] = split(pairs, development=development)
        except InputError as error:
            if len(bitexts) == 1:
                raise
            raise InputError(f"{language}: {error.message}", hint=error.hint) from None
    held = {pair.src for part in alone.values() for pair in part.development}
    together = {}
    for language, part in alone.items():
        train = [pair for pair in part.train if pair.src not in held]
        if not train:
            raise InputError(
                f"{language}: all of its English is in the development part of another language",
                hint="give it more bitext, or hold out less with --development",
            )
        aside = [pair for pair in part.train if pair.src in held]
        together[language] = Split(train, part.development, [*part.aside, *aside])
    return together


def _order(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Development:
    """A small retrieval task over the held-out bitext, played on the side the student encodes.

    A query student: topics are the held-out target sentences; documents are their English sides and
    up to 2,000 in all, the rest from the training bitext, so that finding the one relevant document
    takes some doing. A document student: the same with the languages changed over.
    """

    side: Side
    """What the student encodes."""
    texts: list[str]
    """For the student: the topics, or the documents."""
    teacher: TokenMatrix
    """By the teacher: the documents, or the topics."""
    relevant: NDArray[np.int64]
    """``(topics,)``: the place of each topic's one relevant document."""
    translations: list[NDArray[np.float32]]
    """``(tokens, dim)`` by the teacher as documents: the held-out sentences' English sides."""

    @classmethod
    def of(
        cls,
        split: Split,
        documents: Mapping[str, NDArray[np.float32]],
        queries: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> Development:
        """Build the task.

        Args:
            split: the bitext.
            documents: English sentence -> its ``(tokens, dim)`` vectors as the teacher reads
                documents, for all of :func:`pool`, or of the held-out ones where ``queries`` are
                given.
            queries: for a document student: held-out English sentence -> its vectors as the
                teacher reads queries.
        """
        held = split.development
        if queries is None:
            sentences = pool(split)
            row = {sentence: place for place, sentence in enumerate(sentences)}
            return cls(
                side="query",
                texts=[pair.tgt for pair in held],
                teacher=_matrix([documents[sentence] for sentence in sentences]),
                relevant=np.array([row[pair.src] for pair in held]),
                translations=[documents[pair.src] for pair in held],
            )
        first: dict[str, str] = {}  # a second translation would be relevant too
        for pair in [*held, *split.train, *split.aside]:
            first.setdefault(pair.src, pair.tgt)
        topics = list(dict.fromkeys(pair.src for pair in held))
        return cls(
            side="document",
            texts=[first[sentence] for sentence in pool(split)],
            teacher=_matrix([queries[sentence] for sentence in topics]),
            relevant=np.arange(len(topics)),  # the pool begins with them
            translations=[documents[sentence] for sentence in topics],
        )

    def student_tokens(self, encoder: TokenEncoder) -> list[NDArray[np.float32]]:
        """Every text by the student, ``(tokens, dim)`` each.

        Raises:
            ClirotError: a token vector is not finite.
        """
        vectors = encoder.encode(self.texts)
        for matrix in vectors:
            check_finite(torch.from_numpy(matrix))
        return vectors

    @property
    def pair_texts(self) -> list[str]:
        """The student's sentences of :meth:`pairs`."""
        if self.side == "query":
            return self.texts
        return [self.texts[place] for place in self.relevant]

    @staticmethod
    def pair_translations(split: Split, side: Side) -> list[str]:
        """The English sentences of :meth:`pairs`, for a student of one side."""
        held = [pair.src for pair in split.development]
        return held if side == "query" else list(dict.fromkeys(held))

    def pairs(
        self, vectors: Sequence[NDArray[np.float32]]
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """The held-out sentences by the student and their translations by the teacher."""
        if self.side == "query":
            return list(vectors), self.translations
        return [vectors[place] for place in self.relevant], self.translations

    def mean_average_precision(self, vectors: Sequence[NDArray[np.float32]]) -> float:
        """MAP of retrieving each topic's one document; ties count against the system.

        Args:
            vectors: the student's, from :meth:`student_tokens`.
        """
        if self.side == "query":
            topics, documents = vectors, self.teacher
        else:
            tokens = self.teacher.tokens.numpy()
            topics = np.split(tokens, self.teacher.offsets[1:-1])
            documents = _matrix(vectors)
        reciprocal: list[float] = []
        for start in range(0, len(topics), _QUERY_BATCH):
            found, _ = scores(documents, topics[start : start + _QUERY_BATCH], arithmetic=FLOAT32)
            table = found.numpy()  # (queries, documents)
            relevant = self.relevant[start : start + _QUERY_BATCH]
            own = table[np.arange(len(relevant)), relevant]
            reciprocal += list(1.0 / (table >= own[:, None]).sum(axis=1))
        return float(np.mean(reciprocal))


def check_finite(vectors: Tensor) -> None:
    """Check that training has not diverged.

    Raises:
        ClirotError: a component is infinite or not a number.
    """
    if not torch.isfinite(vectors).all():
        raise ClirotError(
            "training diverged: the student's token vectors are not finite",
            hint="lower --learning-rate and --embedding-learning-rate",
        )


def _matrix(sentences: Sequence[NDArray[np.float32]]) -> TokenMatrix:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sentences])])
    return TokenMatrix(torch.from_numpy(np.concatenate(sentences)), offsets)


def pool(split: Split) -> list[str]:
    """The documents of the development task: distinct English sentences.

    Those set aside are among them, so that a language's task does not depend on which others its
    student has.
    """
    held = dict.fromkeys(pair.src for pair in split.development)
    rest = [*split.train, *split.aside]
    others = sorted({pair.src for pair in rest} - held.keys(), key=_order)
    return [*held, *others[: max(0, _POOL - len(held))]]
