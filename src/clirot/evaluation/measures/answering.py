"""The values of measures of answers: whether the best passages hold one, and what a reader said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.errors import InputError
from clirot.evaluation.answers import (
    Passage,
    answer_f1,
    exact_match,
    exact_tokens,
    normalised_tokens,
)
from clirot.evaluation.measures.names import Measure
from clirot.runs import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.collection.answers import Answers

    Values = NDArray[np.floating[Any]]

_TOKENS = {"answer": normalised_tokens, "answer-exact": exact_tokens}
_SCORES = {"em": exact_match, "answer-f1": answer_f1}


def answer_values(
    measures: Sequence[Measure],
    run: Run,
    topics: Sequence[str],
    answers: Answers,
    texts: Mapping[str, str],
) -> Values:
    """Whether one of the k best passages of a topic holds one of its answers.

    Args:
        measures: ``answer`` and ``answer-exact``.
        run: the run.
        topics: those that count.
        answers: to all of them.
        texts: docno -> text, of every passage that is looked at.

    Returns:
        (measures, topics): 1 or 0; 0 where the run has no passages for the topic.

    Raises:
        InputError: a topic has no answer, or a passage no text.
    """
    _check(topics, answers)
    values = np.zeros((len(measures), len(topics)))
    passages: dict[tuple[str, str], Passage] = {}
    for row, measure in enumerate(measures):
        for column, topic in enumerate(topics):
            for docno in list(run.documents(topic))[: measure.cutoff]:
                key = measure.name, docno
                if key not in passages:
                    text = texts.get(docno)
                    if text is None:
                        raise InputError(
                            f"run {run.name}: the collection has no document {docno!r}, which was "
                            f"found for topic {topic!r}",
                            hint="name the collection that was searched",
                        )
                    passages[key] = Passage(text, _TOKENS[measure.name], answers.language)
                if any(map(passages[key].holds, answers.by_topic[topic])):
                    values[row, column] = 1.0
                    break
    return values


def prediction_values(
    measures: Sequence[Measure], run: Run, topics: Sequence[str], answers: Answers
) -> Values:
    """How near what a reader said is to the answers.

    Args:
        measures: ``em`` and ``answer-f1``.
        run: what was said: for each topic one "document", whose name is the answer.
        topics: those that count.
        answers: to all of them.

    Returns:
        (measures, topics): from 0 to 1; 0 where the reader said nothing.

    Raises:
        InputError: a topic has no answer.
    """
    _check(topics, answers)
    values = np.zeros((len(measures), len(topics)))
    for column, topic in enumerate(topics):
        for said in run.documents(topic):
            for row, measure in enumerate(measures):
                score = _SCORES[measure.name]
                values[row, column] = score(said, answers.by_topic[topic], answers.language)
    return values


def _check(topics: Sequence[str], answers: Answers) -> None:
    without = [topic for topic in topics if topic not in answers.by_topic]
    if without:
        raise InputError(
            f"{len(without)} of {len(topics)} topics have no gold answer, such as {without[0]!r}",
            hint="evaluate on those that have: `topic_sets=NAME=FILE`",
        )
