"""Making cells: each stage calls its verb, which finds what is there already."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

from clirot.errors import BusyError
from clirot.experiments.cells import Cell
from clirot.records import ProgressSink, Step, silent
from clirot.store import Store

_WAIT_S = 0.5


def make(
    cell: Cell, store: Store, *, replace: bool = False, progress: ProgressSink = silent
) -> list[str]:
    """Make a cell, or find it made.

    Args:
        cell: the cell.
        store: where artefacts are.
        replace: put it in the place of one that was made from something else.
        progress: told how it goes.

    Returns:
        Remarks that a person should read.

    Raises:
        ClirotError: the verb's.
    """
    while True:
        try:
            return VERBS[cell.stage](cell, store, replace, progress)
        except BusyError:  # another run of the plan makes it: then it will be there
            progress(Step(f"wait for another process to make {cell.key}", 0))
            time.sleep(_WAIT_S)


def _settled(cell: Cell, replace: bool) -> Any:
    """The configuration, which says itself whether something is replaced."""
    return dataclasses.replace(cell.configuration, replace=replace)


def _bitext(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.experiments.derived_bitext import derive

    assert cell.out is not None
    return derive(cell.configuration, cell.out, store, progress)


def _model(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.supervision.configuration import TrainConfig

    if isinstance(cell.configuration, TrainConfig):
        from clirot.supervision import train

        learnt = train(_settled(cell, replace), store=store, progress=progress)
        if learnt.best_epoch == 0:
            return [f"{cell.name}: no epoch was better than the model before training"]
        return []
    from clirot.distillation import distill

    made = distill(_settled(cell, replace), store=store, progress=progress)
    trained = len(made.development) > 1
    if trained and made.best_epoch == 0:
        return [f"{cell.name}: no epoch was better than the student before training"]
    return []


def _table(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.bitext.word_table import make_table

    make_table(_settled(cell, replace), store=store, progress=progress)
    return []


def _index(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.retrieval.indexing import build_index

    made = build_index(_settled(cell, replace), store=store, progress=progress)
    return [*made.notes, *(f"{cell.name}: {remark}" for remark in made.remarks())]


def _topics(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.experiments.topic_files import write_topics

    assert cell.out is not None
    return write_topics(cell.configuration, cell.out, store, progress)


def _run(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.retrieval.searching import search

    ready = search(cell.configuration, store=store, progress=progress)
    ready.save(cell.name, replace=replace, progress=progress)
    notes = list(ready.notes)
    notes += [f"{cell.name}: {remark}" for remark in ready.remarks()]
    if ready.found_nothing:
        notes.append(f"{cell.name}: {len(ready.found_nothing):,} topics found nothing")
    if ready.own_left_out:
        notes.append(
            f"{cell.name}: left out the topic's own document for {len(ready.own_left_out):,} of "
            f"{len(ready.topics):,} topics"
        )
    return notes


VERBS: Mapping[str, Callable[[Cell, Store, bool, ProgressSink], list[str]]] = {
    "bitext": _bitext,
    "models": _model,
    "tables": _table,
    "indexes": _index,
    "topics": _topics,
    "runs": _run,
}
"""Stage -> what a cell of it does."""
