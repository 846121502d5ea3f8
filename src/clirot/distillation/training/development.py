"""The development split: bitext held out to choose an epoch on, and what is measured on it.

The English sentences alone decide which pairs are held out. The split is therefore the same for
every seed and objective, and no English sentence is on both sides of it; nor is a held-out
translation trained on beside other English. More bitext holds out more of what is new and less of
what was there, so figures before and after are of two different tasks. Each of several languages
has its own task, and no language trains on a sentence that another one holds out: corpora such as
TICO-19 translate the same English into all of them.

Two things are measured on it: retrieval (MAP and a cross-entropy, :meth:`Development.retrieval`),
and what the transport plan between student and teacher looks like
(:mod:`~clirot.distillation.training.plan_figures`), for watching training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clirot.distillation.objectives.tokens import SentenceTokens
from clirot.encoding.encoders import TokenEncoder
from clirot.encoding.maxsim import FLOAT32, TokenMatrix, scores
from clirot.errors import ClirotError, InputError
from clirot.models import Side
from clirot.records import SentencePair

FEWEST_PAIRS = 40
_LARGEST_SHARE = 0.1
_POOL = 2000
_QUERY_BATCH = 64

Vectors = NDArray[np.float32]
"""``(tokens, dim)`` of one sentence."""


@dataclass(frozen=True)
class Split:
    """Bitext in two parts that share no sentence."""

    train: list[SentencePair]
    development: list[SentencePair]
    aside: list[SentencePair] = field(default_factory=list)
    """In neither part, because one of their sides is held out; the English side perhaps by another
    language of the student."""


def split(pairs: Sequence[SentencePair], *, development: int) -> Split:
    """Hold out about ``development`` pairs, at most a tenth.

    Raises:
        InputError: there are too few pairs to train on and to hold any out.
    """
    more = "fetch more sources, or add a file (`files`)"
    if len(pairs) < FEWEST_PAIRS:
        raise InputError(
            f"too little bitext to train on: {len(pairs)} pairs, "
            f"at least {FEWEST_PAIRS} are needed",
            hint=more,
        )
    wanted = max(1, min(development, int(len(pairs) * _LARGEST_SHARE)))
    held: list[SentencePair] = []
    chosen: set[str] = set()
    for pair in by_text(pairs):
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
            hint=more,
        )
    return Split(train, held, [pair for pair in rest if pair.tgt in translations])


def split_together(
    bitexts: Mapping[str, Sequence[SentencePair]], *, development: int
) -> dict[str, Split]:
    """Split the bitext of each language of a student.

    A language's development part is the one it would have alone. Pairs with English that another
    language holds out are set aside: trained on, they would give that language's answers away.

    Args:
        bitexts: language -> its pairs; all have the same source language.
        development: pairs to hold out of each, at most a tenth of it.

    Raises:
        InputError: there are too few pairs of a language.
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
                hint="give it more bitext, or hold out less (`development`)",
            )
        aside = [pair for pair in part.train if pair.src in held]
        together[language] = Split(train, part.development, [*part.aside, *aside])
    return together


def by_text(pairs: Sequence[SentencePair]) -> list[SentencePair]:
    """Pairs in an order that their English text alone decides."""
    return sorted(pairs, key=lambda pair: _order(pair.src))


def pool(split: Split) -> list[str]:
    """The documents of the development task: distinct English sentences.

    Those set aside are among them, so that a language's task does not depend on the other languages
    of its student.
    """
    held = dict.fromkeys(pair.src for pair in split.development)
    rest = [*split.train, *split.aside]
    others = sorted({pair.src for pair in rest} - held.keys(), key=_order)
    return [*held, *others[: max(0, _POOL - len(held))]]


def _order(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Development:
    """A small retrieval task over the held-out bitext, for the side that the student encodes.

    A query student: topics are the held-out target sentences; documents are their English sides,
    filled up with English of the training bitext to 2,000 in all, so that the one relevant document
    is not found too easily. A document student: the same with the languages exchanged.
    """

    side: Side
    """What the student encodes."""
    texts: list[str]
    """For the student: the topics, or the documents. The held-out sentences come first."""
    teacher: TokenMatrix
    """By the teacher: the documents, or the topics."""
    relevant: NDArray[np.int64]
    """``(topics,)``: the place of each topic's one relevant document."""
    english: list[str]
    """The translations of the held-out sentences."""
    translations: list[Vectors]
    """These, as the teacher reads documents."""
    untranslated: list[str]
    """``texts`` in the teacher's language."""
    watched: Sequence[SentenceTokens] = ()
    """The first of these with all that is known of their tokens; empty: only vectors are known."""

    @classmethod
    def of(
        cls,
        split: Split,
        documents: Mapping[str, Vectors],
        queries: Mapping[str, Vectors] | None = None,
    ) -> Development:
        """Build the task.

        Args:
            split: the bitext.
            documents: English sentence -> its vectors as the teacher reads documents, for all of
                :func:`pool`, or for the held-out ones where ``queries`` are given.
            queries: for a document student: held-out English sentence -> its vectors as the
                teacher reads queries.
        """
        english = [pair.src for pair in split.development]
        sentences = pool(split)
        if queries is None:
            row = {sentence: place for place, sentence in enumerate(sentences)}
            return cls(
                side="query",
                texts=[pair.tgt for pair in split.development],
                teacher=_matrix([documents[sentence] for sentence in sentences]),
                relevant=np.array([row[sentence] for sentence in english]),
                english=english,
                translations=[documents[sentence] for sentence in english],
                untranslated=english,
            )
        first: dict[str, str] = {}  # a second translation would be relevant too
        for pair in [*split.development, *split.train, *split.aside]:
            first.setdefault(pair.src, pair.tgt)
        topics = list(dict.fromkeys(english))
        return cls(
            side="document",
            texts=[first[sentence] for sentence in sentences],
            teacher=_matrix([queries[sentence] for sentence in topics]),
            relevant=np.arange(len(topics)),  # the pool begins with them
            english=topics,
            translations=[documents[sentence] for sentence in topics],
            untranslated=sentences,
        )

    def pairs(self, vectors: Sequence[Vectors]) -> tuple[list[Vectors], list[Vectors]]:
        """The held-out sentences by the student and their translations by the teacher.

        Args:
            vectors: the student's, from :meth:`student_tokens`.
        """
        return list(vectors[: len(self.translations)]), self.translations

    def student_tokens(self, encoder: TokenEncoder) -> list[Vectors]:
        """Every text by the student.

        Raises:
            ClirotError: a token vector is not finite.
        """
        vectors = encoder.encode(self.texts)
        for matrix in vectors:
            check_finite(torch.from_numpy(matrix))
        return vectors

    def mean_average_precision(self, vectors: Sequence[Vectors]) -> float:
        """MAP of retrieving each topic's one document; ties count against the system.

        Args:
            vectors: the student's, from :meth:`student_tokens`.
        """
        return self.retrieval(vectors)[0]

    def retrieval(
        self, vectors: Sequence[Vectors], temperature: float = 1.0
    ) -> tuple[float, float]:
        """How well each topic's one document is retrieved.

        Args:
            vectors: the student's, from :meth:`student_tokens`.
            temperature: what MaxSim, averaged over the topic's tokens, is divided by.

        Returns:
            MAP, for which ties count against the system; and the mean over topics of
            ``-log softmax_d(S_td / temperature)`` at the relevant document, the softmax over all
            documents: the cross-entropy of InfoNCE (arXiv 1807.03748, equation 4), in nats.
        """
        if self.side == "query":
            topics, documents = vectors, self.teacher
        else:
            tokens = self.teacher.tokens[:].numpy()
            topics = np.split(tokens, self.teacher.offsets[1:-1])
            documents = _matrix(vectors)
        reciprocal: list[float] = []
        entropy: list[float] = []
        for start in range(0, len(topics), _QUERY_BATCH):
            batch = topics[start : start + _QUERY_BATCH]
            found, _ = scores(documents, batch, arithmetic=FLOAT32)
            table = found.double()  # (queries, documents)
            relevant = torch.from_numpy(self.relevant[start : start + _QUERY_BATCH])
            own = table[torch.arange(len(relevant)), relevant]
            reciprocal += (1.0 / (table >= own[:, None]).sum(dim=1)).tolist()
            lengths = torch.tensor([len(one) for one in batch])
            logits = table / (lengths[:, None] * temperature)
            entropy += torch.nn.functional.cross_entropy(
                logits, relevant, reduction="none"
            ).tolist()
        return float(np.mean(reciprocal)), float(np.mean(entropy))


def check_finite(vectors: Tensor) -> None:
    """Check that training has not diverged.

    Raises:
        ClirotError: a component is infinite or not a number.
    """
    if not torch.isfinite(vectors).all():
        raise ClirotError(
            "training diverged: the student's token vectors are not finite",
            hint="lower `learning_rate`, `embedding_learning_rate` and "
            "`new_embedding_learning_rate`",
        )


def _matrix(sentences: Sequence[Vectors]) -> TokenMatrix:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sentences])])
    return TokenMatrix(torch.from_numpy(np.concatenate(sentences)), offsets)
