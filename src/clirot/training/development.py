"""The development split: bitext held out to choose an epoch on, and retrieval over it.

Which pairs are held out follows from the English sentences alone, so that it is the same for every
seed and objective, stays the same when bitext is added, and never has an English sentence on both
sides of the split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clirot.encoders import TokenEncoder
from clirot.errors import ClirotError, InputError
from clirot.maxsim import FLOAT32, TokenMatrix, scores
from clirot.records import SentencePair

_FEWEST_PAIRS = 40
_LARGEST_SHARE = 0.1
_POOL = 2000
_QUERY_BATCH = 64


@dataclass(frozen=True)
class Split:
    """Bitext in two parts that share no English sentence."""

    train: list[SentencePair]
    development: list[SentencePair]


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
    train = [pair for pair in pairs if pair.src not in chosen]
    if not train:
        raise InputError(
            f"too little bitext: {len({pair.src for pair in pairs})} distinct source sentences in "
            f"{len(pairs)} pairs, too few to train on and to hold some out",
            hint="fetch more sources, or add a file with --file",
        )
    return Split(train, held)


def _order(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Development:
    """A small retrieval task over the held-out bitext.

    Topics are the target sentences; documents are their English sides and up to 2,000 in all, the
    rest from the training bitext, so that finding the one relevant document takes some doing.
    """

    topics: list[str]
    relevant: NDArray[np.int64]
    documents: TokenMatrix

    @classmethod
    def of(cls, split: Split, document_tokens: dict[str, NDArray[np.float32]]) -> Development:
        """Build the task.

        Args:
            split: the bitext.
            document_tokens: English sentence -> its ``(tokens, dim)`` vectors by the teacher, for
                all of :func:`pool`.
        """
        import torch

        sentences = pool(split)
        row = {sentence: place for place, sentence in enumerate(sentences)}
        matrices = [document_tokens[sentence] for sentence in sentences]
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in matrices])])
        return cls(
            topics=[pair.tgt for pair in split.development],
            relevant=np.array([row[pair.src] for pair in split.development]),
            documents=TokenMatrix(torch.from_numpy(np.concatenate(matrices)), offsets),
        )

    def topic_tokens(self, encoder: TokenEncoder) -> list[NDArray[np.float32]]:
        """Every topic by the student, ``(tokens, dim)`` each.

        Raises:
            ClirotError: a token vector is not finite.
        """
        vectors = encoder.encode(self.topics)
        if not all(np.isfinite(matrix).all() for matrix in vectors):
            raise ClirotError(
                "training diverged: the student's token vectors are not finite",
                hint="lower --learning-rate and --embedding-learning-rate",
            )
        return vectors

    def relevant_tokens(self) -> list[NDArray[np.float32]]:
        """The teacher's tokens of each topic's translation, ``(tokens, dim)`` each."""
        tokens, offsets = self.documents.tokens.numpy(), self.documents.offsets
        return [tokens[offsets[row] : offsets[row + 1]] for row in self.relevant]

    def mean_average_precision(self, vectors: Sequence[NDArray[np.float32]]) -> float:
        """MAP of retrieving each topic's one English sentence; ties count against the system.

        Args:
            vectors: the topics, from :meth:`topic_tokens`.
        """
        reciprocal: list[float] = []
        for start in range(0, len(vectors), _QUERY_BATCH):
            found, _ = scores(
                self.documents, vectors[start : start + _QUERY_BATCH], arithmetic=FLOAT32
            )
            table = found.numpy()  # (queries, documents)
            relevant = self.relevant[start : start + _QUERY_BATCH]
            own = table[np.arange(len(relevant)), relevant]
            reciprocal += list(1.0 / (table >= own[:, None]).sum(axis=1))
        return float(np.mean(reciprocal))


def pool(split: Split) -> list[str]:
    """The documents of the development task: distinct English sentences."""
    held = dict.fromkeys(pair.src for pair in split.development)
    others = sorted({pair.src for pair in split.train} - held.keys(), key=_order)
    return [*held, *others[: max(0, _POOL - len(held))]]
