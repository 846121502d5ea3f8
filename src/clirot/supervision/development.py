"""The topics that are held out to choose an epoch on, searched in a part of the documents.

The documents are those that are relevant to these topics, then what was mined for them, rank by
rank, then others that were mined for the training. The model encodes both sides after every epoch,
so there are not too many of them; figures on so few documents are higher than on all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import numpy as np
import torch

from clirot.distillation.training.lesson import Measured
from clirot.encoding.encoders import MultiVectorTokenEncoder, TokenVectors
from clirot.encoding.maxsim import FLOAT32, TokenMatrix, scores
from clirot.errors import ClirotError
from clirot.evaluation.measures import measure_values, parse_measure
from clirot.models import Side
from clirot.runs import Qrels, Run
from clirot.supervision.judgements import Judged

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_QUERY_BATCH = 64
_RANKED = 1000


@dataclass(frozen=True)
class JudgedDevelopment:
    """A retrieval task over held-out topics."""

    topics: Mapping[str, str]
    """Topic -> its text."""
    documents: Mapping[str, str]
    """Document -> its text."""
    qrels: Qrels
    """The judgements of these topics."""
    level: int
    """Grade from which on a document is relevant."""
    measure: str
    """As `evaluate` takes it."""
    temperature: float
    """Of the cross-entropy."""

    @classmethod
    def of(
        cls,
        judged: Judged,
        topics: Sequence[str],
        documents: Mapping[str, str],
        measure: str,
        temperature: float,
    ) -> JudgedDevelopment:
        """The task of some topics.

        Args:
            judged: all judged topics.
            topics: those that are held out.
            documents: those that they are searched in, see :func:`searched`.
            measure: what is measured.
            temperature: of the cross-entropy.
        """
        qrels = {
            topic: {one: grade for one, grade in judged.qrels[topic].items() if one in documents}
            for topic in topics
        }
        texts = {topic: judged.texts[topic] for topic in topics}
        return cls(texts, documents, qrels, judged.level, measure, temperature)

    def read_as(self) -> dict[Side, list[str]]:
        """The texts by the side that they are read as."""
        return {"query": list(self.topics.values()), "document": list(self.documents.values())}

    def measured(self, model: MultiVectorEncoder) -> Measured:
        """How a model does that encodes both sides.

        The cross-entropy is the mean, over the relevant documents of each topic and then over
        topics, of ``-log softmax`` of one against all that are not relevant to the topic.

        Raises:
            ClirotError: a token vector is not finite.
        """
        sides: tuple[Side, Side] = ("query", "document")
        queries, documents = (
            self._encoded(model, side, list(texts.values()))
            for side, texts in zip(sides, (self.topics, self.documents), strict=True)
        )
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in documents])])
        matrix = TokenMatrix(torch.from_numpy(np.concatenate(documents)), offsets)
        names = np.array(list(self.documents), dtype=object)
        place = {name: number for number, name in enumerate(self.documents)}
        ranked: dict[str, dict[str, float]] = {}
        entropy: list[float] = []
        rows = list(zip(self.topics, queries, strict=True))
        for start in range(0, len(rows), _QUERY_BATCH):
            batch = rows[start : start + _QUERY_BATCH]
            table, _ = scores(matrix, [query for _, query in batch], arithmetic=FLOAT32)
            for (topic, query), found in zip(batch, table.double(), strict=True):
                best = torch.topk(found, min(_RANKED, len(names)))
                docnos = names[best.indices.numpy()].tolist()
                ranked[topic] = dict(zip(docnos, best.values.tolist(), strict=True))
                logits = found / (len(query) * self.temperature)
                own = [
                    place[one] for one, grade in self.qrels[topic].items() if grade >= self.level
                ]
                others = torch.ones(len(names), dtype=torch.bool)
                others[own] = False
                rest = torch.logsumexp(logits[others], 0)  # -inf where there are none
                one = torch.logaddexp(logits[own], rest) - logits[own]
                entropy.append(float(one.mean()))
        run = Run.from_dict("development", ranked)
        values = measure_values([parse_measure(self.measure)], run, self.qrels, level=self.level)
        return Measured(float(values.mean()), float(np.mean(entropy)))

    @staticmethod
    def _encoded(model: MultiVectorEncoder, side: Side, texts: Sequence[str]) -> list[TokenVectors]:
        encoder = MultiVectorTokenEncoder(model, side=side, name="trained", digest="")
        vectors = encoder.encode(texts)
        if not all(np.isfinite(one).all() for one in vectors):
            raise ClirotError(
                "training diverged: the model's token vectors are not finite",
                hint="lower `learning_rate` and `embedding_learning_rate`",
            )
        return vectors


def searched(
    judged: Judged, topics: Sequence[str], kept: Mapping[str, Sequence[str]], most: int
) -> list[str]:
    """The documents that held-out topics are searched in.

    Args:
        judged: the judged topics.
        topics: those that are held out.
        kept: topic -> mined documents, of these topics and of others.
        most: how many documents there are at most; relevant ones are never left out.
    """
    found = dict.fromkeys(one for topic in topics for one in judged.relevant(topic))
    for one in chain(_by_rank(topics, kept), _others(kept)):
        if len(found) >= most:
            break
        found[one] = None
    return list(found)


def _by_rank(topics: Sequence[str], kept: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for rank in zip_longest(*(kept[topic] for topic in topics)):
        yield from (one for one in rank if one is not None)


def _others(kept: Mapping[str, Sequence[str]]) -> Iterator[str]:
    every = {one for documents in kept.values() for one in documents}
    yield from sorted(every, key=lambda one: hashlib.sha256(one.encode()).digest())
