"""Topics that are documents of the collection: their own document in the ranking.

ArguAna and Quora take their topics from the documents, and none is relevant to itself. BEIR leaves
it out of the ranking (``ignore_identical_ids``); a figure that counts it does not compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clirot.errors import InputError
from clirot.evaluation.inputs import Inputs
from clirot.runs import Qrels, Run
from clirot.runs.packed import taken


def without_own(inputs: Inputs) -> Inputs:
    """The inputs without each topic's own document in its ranking; what was left out is counted.

    Raises:
        InputError: a run has nothing else.
    """
    runs: dict[tuple[str, str], Run] = {}
    left_out: dict[tuple[str, str], int] = {}
    notes = []
    for place, run in inputs.runs.items():
        runs[place], own = _split(run)
        left_out[place] = len(own)
        system, topic_set = place
        if not len(runs[place]):
            raise InputError(
                f"run {system}: nothing is left of it without the topics' own documents",
                hint="is the document's id in its third column?",
            )
        if own:
            qrels = inputs.qrels[topic_set]
            judged = sum(qrels.get(topic, {}).get(topic, 0) > 0 for topic in own)
            notes.append(
                f"run {f'{system}@{topic_set}' if topic_set else system}: left out the topic's own "
                f"document for {len(own)} of {len(run.topics)} topics"
                + (f", of which {judged} are judged relevant" if judged else "")
            )
    if not any(left_out.values()):
        notes.append(
            "no run has a document with the id of its topic, so that none of them was left out"
        )
    return replace(inputs, runs=runs, own_left_out=left_out, notes=(*inputs.notes, *notes))


def _split(run: Run) -> tuple[Run, list[str]]:
    """A run without the topics' own documents, and the topics that had one."""
    import numpy as np

    own, rows = [], []
    for topic in run.topics:
        start, stop = run.rows(topic)
        try:
            rows.append(start + run.docnos[start:stop].index(topic))
        except ValueError:
            continue
        own.append(topic)
    if not rows:
        return run, own
    kept = np.ones(len(run), dtype=bool)
    kept[rows] = False
    sizes = np.add.reduceat(kept, run.bounds[:-1])
    filled = sizes > 0
    return (
        Run(
            run.name,
            tuple(topic for topic, some in zip(run.topics, filled.tolist(), strict=True) if some),
            np.concatenate([[0], np.cumsum(sizes[filled])]).astype(np.int64),
            taken(run.docnos, np.flatnonzero(kept)),
            run.scores[kept],
        ),
        own,
    )


def own_found(label: str, run: Run, qrels: Qrels) -> Iterator[str]:
    """What to say where topics find themselves, and none of them is judged relevant to itself."""
    topics = [topic for topic in qrels if topic in run.index]
    first = sum(run.docnos[run.rows(topic)[0]] == topic for topic in topics)
    judged = any(qrels[topic].get(topic, 0) > 0 for topic in topics)
    if first and not judged and 2 * first >= len(topics):
        yield (
            f"run {label}: {first} of {len(topics)} topics find first the document that has their "
            "own id, and none of these is judged relevant; ArguAna and Quora leave it out: "
            "`leave_out_own`"
        )
