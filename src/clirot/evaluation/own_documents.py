"""Topics that are documents of the collection: their own document in the ranking.

ArguAna and Quora take their topics from the documents, and none is relevant to itself. BEIR leaves
it out of the ranking (``ignore_identical_ids``); a figure that counts it does not compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from clirot.counted import counted
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
    judged: dict[tuple[str, str], int] = {}
    for place, run in inputs.runs.items():
        runs[place], own = _split(run)
        left_out[place] = len(own)
        system, topic_set = place
        if not len(runs[place]):
            raise InputError(
                f"run {system}: nothing is left of it without the topics' own documents",
                hint="is the document's id in its third column?",
            )
        qrels = inputs.qrels[topic_set]
        judged[place] = sum(qrels.get(topic, {}).get(topic, 0) > 0 for topic in own)
    notes = [*inputs.notes, *_notes(inputs, left_out, judged)]
    return replace(inputs, runs=runs, own_left_out=left_out, notes=tuple(notes))


def _notes(
    inputs: Inputs,
    left_out: Mapping[tuple[str, str], int],
    judged: Mapping[tuple[str, str], int],
) -> Iterator[str]:
    """What was left out, in a line for each system."""
    if not any(left_out.values()):
        yield "no run has a document with the id of its topic, so that none of them was left out"
    for system in inputs.systems:
        places = [one for one in left_out if one[0] == system and left_out[one]]
        if not places:
            continue
        counts = [f"{left_out[one]} of {len(inputs.runs[one].topics)} topics" for one in places]
        if places[0][1]:
            sets = [one for _, one in places]
            counts = [f"{count} of {one}" for count, one in zip(counts, sets, strict=True)]
        relevant = sum(judged[one] for one in places)
        yield (
            f"run {system}: left out the topic's own document for {', '.join(counts)}"
            + (f"; of these, {counted(relevant, 'is', 'are')} judged relevant" if relevant else "")
        )


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
