"""A teacher's scores of documents for topics: MaxSim, averaged over the topic's tokens.

The mean makes the scores of teachers and students comparable that cut topics into tokens of their
own. Documents are encoded once each, some hundreds at a time, whatever the number of topics that
they are scored for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from clirot.encoding.encoders import load_encoder
from clirot.encoding.maxsim import maxsim
from clirot.models import ModelRef
from clirot.records import ProgressSink, Step

_WINDOW = 512


def teacher_scores(
    teacher: ModelRef,
    topics: Mapping[str, str],
    pairs: Mapping[str, Sequence[str]],
    documents: Mapping[str, str],
    progress: ProgressSink,
) -> dict[str, dict[str, float]]:
    """Score pairs.

    Args:
        teacher: who scores.
        topics: topic -> its text.
        pairs: topic -> the documents that are scored for it.
        documents: document -> its text.
        progress: told of the documents.

    Returns:
        Topic -> document -> score, from -1 to 1.
    """
    asked: dict[str, list[str]] = {}
    for topic, wanted in pairs.items():
        for document in wanted:
            asked.setdefault(document, []).append(topic)
    names = list(pairs)
    vectors = load_encoder(teacher, side="query").encode([topics[name] for name in names])
    queries = dict(zip(names, vectors, strict=True))
    encoder = load_encoder(teacher, side="document")
    found: dict[str, dict[str, float]] = {topic: {} for topic in pairs}
    rest = iter(asked)
    done = 0
    while window := list(islice(rest, _WINDOW)):
        for document, matrix in zip(
            window, encoder.encode([documents[one] for one in window]), strict=True
        ):
            for topic in asked[document]:
                query = queries[topic]
                found[topic][document] = maxsim(query, matrix) / len(query)
        done += len(window)
        progress(Step("score", done, len(asked), unit="docs"))
    return found
