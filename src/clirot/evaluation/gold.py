"""What runs are held to beside judgements: the labels of documents and topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.errors import UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.measures import Measure, judged_topics, measure_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.collection.labels import Labels
    from clirot.runs import Qrels, Run

    Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Gold:
    """What some measures need besides judgements; None where none of them was asked for."""

    labels: Labels | None = None
    """For ``knn-accuracy`` and ``knn-macro-f1``."""


def check_needs(measures: Sequence[Measure], gold: Gold) -> None:
    """Refuse measures that lack what they need.

    Raises:
        UsageError: labels are needed and not there.
    """
    needed = {measure.definition.needs: measure for measure in measures}
    if "labels" in needed and gold.labels is None:
        raise UsageError(
            f"{needed['labels']} needs the labels of documents and topics",
            hint="name a collection that has them, or a file, id TAB label: `labels=FILE`",
        )


def read_gold(config: EvaluateConfig, measures: Sequence[Measure]) -> Gold:
    """Read what these measures need, from the files or the collection that are named.

    Raises:
        InputError: there is no such file, or it is malformed; the collection has no labels.
        UsageError: a file is named that no measure needs.
    """
    needed = {measure.definition.needs for measure in measures}
    if "labels" not in needed and config.labels is not None:
        raise UsageError(
            "`labels` are for measures of neighbours, and none was asked for",
            hint="for example `metrics=knn-accuracy@5`",
        )
    labels: Labels | None = None
    if "labels" in needed and config.labels is not None:
        from clirot.collection.labels import read_labels

        labels = read_labels(config.labels)
    elif "labels" in needed and config.collection is not None:
        from clirot.collection import open_collection

        labels = open_collection(config.collection).labels()
    return Gold(labels=labels)


def values_of(
    measures: Sequence[Measure], run: Run, qrels: Qrels, gold: Gold, *, level: int
) -> Values:
    """The values of measures of any kind for every judged topic: (measures, topics).

    Raises:
        InputError: a topic or a document lacks what a measure needs of it.
    """
    topics = judged_topics(qrels)
    values = np.zeros((len(measures), len(topics)))
    for kind in {measure.definition.needs for measure in measures}:
        places = [place for place, one in enumerate(measures) if one.definition.needs == kind]
        wanted = [measures[place] for place in places]
        if kind == "labels":
            from clirot.evaluation.measures.neighbours import label_values

            assert gold.labels is not None  # `check_needs`
            values[places] = label_values(wanted, run, topics, gold.labels)
        else:
            values[places] = measure_values(wanted, run, qrels, level=level)
    return values
