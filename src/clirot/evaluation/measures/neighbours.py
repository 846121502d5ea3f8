"""Classification by the vote of the nearest documents: what each topic is called.

The k best documents of a topic vote for their labels. A vote weighs 1; or the document's score
(``votes=score``); or 1 / rank (``votes=rank``). Where labels have equal votes, the one of the
nearest document among theirs wins, as it does where only one document votes. Where a run has fewer
than k documents for a topic, those vote. A topic without documents is called nothing, which is
wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.errors import InputError
from clirot.evaluation.measures.names import Measure
from clirot.runs import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.collection.labels import Labels

    Values = NDArray[np.floating[Any]]

_BASE = 1 << 20
"""A code is the number of the topic's label times this, plus that of the label it was given."""
_EQUAL = 1 - 1e-9  # 1/2 + 1/3 + 1/6 must equal 1, and does not as a float


def label_values(
    measures: Sequence[Measure], run: Run, topics: Sequence[str], labels: Labels
) -> Values:
    """What each measure of neighbours keeps of each topic.

    Args:
        measures: of neighbours.
        run: the run.
        topics: those that count.
        labels: of all of them, and of every document that votes.

    Returns:
        (measures, topics): 1 or 0 for right or wrong; for macro-F1, which is no mean over topics,
        codes that :func:`macro_f1` reads.

    Raises:
        InputError: a topic or a document has no label, or a score that weighs a vote is negative.
    """
    unlabelled = [topic for topic in topics if topic not in labels.topics]
    if unlabelled:
        raise InputError(
            f"{len(unlabelled)} of {len(topics)} topics have no label, such as {unlabelled[0]!r}",
            hint="label every topic that is judged",
        )
    number = {label: place for place, label in enumerate(labels.names)}
    gold = np.array([number[labels.topics[topic]] for topic in topics])
    values = np.zeros((len(measures), len(topics)))
    for row, measure in enumerate(measures):
        given = [predicted(run, topic, measure, labels.documents) for topic in topics]
        codes = np.array([-1 if label is None else number[label] for label in given])
        if measure.definition.aggregate == "macro_f1":
            values[row] = gold * _BASE + codes + 1
        else:
            values[row] = gold == codes
    return values


def predicted(run: Run, topic: str, measure: Measure, labels: Mapping[str, str]) -> str | None:
    """The label that the nearest documents vote for; None where the run has none for the topic.

    Raises:
        InputError: see :func:`label_values`.
    """
    votes: dict[str, float] = {}
    nearest = list(run.documents(topic).items())[: measure.cutoff]
    for rank, (docno, score) in enumerate(nearest, 1):
        if docno not in labels:
            raise InputError(
                f"run {run.name}: document {docno!r}, number {rank} of topic {topic!r}, has no "
                "label",
                hint="label every document of the collection",
            )
        if measure.votes == "score" and not 0 <= score < float("inf"):
            raise InputError(
                f"run {run.name}: document {docno!r} has the score {score:g} for topic {topic!r}, "
                "which cannot weigh a vote",
                hint="weigh by rank: votes=rank",
            )
        weight = {"score": score, "rank": 1 / rank}.get(measure.votes or "", 1.0)
        votes[labels[docno]] = votes.get(labels[docno], 0.0) + weight
    most = max(votes.values(), default=0.0)
    # A dictionary keeps the order of insertion: the label of the nearest document is first.
    return next((label for label, weight in votes.items() if weight >= most * _EQUAL), None)


def macro_f1(codes: Values) -> float:
    """The mean over classes of their F1.

    The classes are the labels that the topics have. A label that no topic has is no class of its
    own: a topic that gets it is missed by its own class.

    Args:
        codes: (topics,).
    """
    return float(macro_f1_of(indicators(codes, label_count([codes])).sum(axis=0)))


def label_count(codes: Sequence[Values]) -> int:
    """One more than the largest number of a label in these codes."""
    return max(int(max((one // _BASE).max(), (one % _BASE).max() - 1)) for one in codes) + 1


def indicators(codes: Values, labels: int) -> Values:
    """(topics, 3, labels): whether a topic was rightly given a label, was given it, and has it.

    Sums over topics, of any choice of topics, are what :func:`macro_f1_of` needs.
    """
    gold, given = np.divmod(codes.astype(np.int64), _BASE)
    has = gold[:, None] == np.arange(labels)
    got = given[:, None] - 1 == np.arange(labels)
    return np.stack([has & got, got, has], axis=1).astype(np.float64)


def macro_f1_of(sums: Values) -> Values:
    """(..., 3, labels) -> (...): macro-F1 from sums of :func:`indicators`."""
    right, got, has = np.moveaxis(sums, -2, 0)
    f1 = np.divide(2 * right, got + has, out=np.zeros(right.shape), where=got + has > 0)
    mean: Values = np.where(has > 0, f1, 0).sum(axis=-1) / np.maximum((has > 0).sum(axis=-1), 1)
    return mean


def is_right(codes: Values) -> NDArray[np.bool_]:
    """Whether each topic was given its label."""
    whole = codes.astype(np.int64)
    right: NDArray[np.bool_] = whole // _BASE == whole % _BASE - 1
    return right
