"""Cells: the pieces of work that a plan asks for, each a call of a verb with its configuration.

A cell makes one artefact of the store, or one file below ``experiments/`` there. It is named after
what it is for, so that the same plan finds it again, and it names the cells that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clirot.records import ProgressSink, silent
from clirot.store import Store

STAGES = ("bitext", "models", "tables", "indexes", "topics", "runs")
"""Kinds of cells in the order of their stages: what a cell needs is in its own stage or before."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A piece of work."""

    stage: str
    """One of :data:`STAGES`; for what is an artefact, the kind of it."""
    name: str
    """Name of the artefact, or of the file."""
    configuration: Any = field(repr=False)
    """Of the verb."""
    after: tuple[str, ...] = ()
    """Keys of the cells that it needs."""
    out: Path | None = None
    """The file that it writes; None: it makes an artefact."""

    @property
    def key(self) -> str:
        """``runs/demo.bm25.so``: no two cells of a plan have the same."""
        return f"{self.stage}/{self.name}"

    def there(self, store: Store) -> bool:
        """Whether what it makes exists. Whether it was made from the same, the verb checks."""
        if self.out is not None:
            return self.out.is_file()
        return store.has(self.stage, self.name)

    def make(self, store: Store, *, replace: bool, progress: ProgressSink = silent) -> list[str]:
        """Do the work, or find it done.

        Args:
            store: where artefacts are.
            replace: put it in the place of one that was made from something else.
            progress: told how it goes.

        Returns:
            Remarks that a person should read.

        Raises:
            ClirotError: the verb's.
        """
        return VERBS[self.stage](self, store, replace, progress)


def _bitext(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.experiments.derived_bitext import derive

    assert cell.out is not None
    return derive(cell.configuration, cell.out, store, progress)


def _model(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from dataclasses import replace as changed

    from clirot.distillation import distill

    made = distill(changed(cell.configuration, replace=replace), store=store, progress=progress)
    trained = len(made.development) > 1
    if trained and made.best_epoch == 0:
        return [f"{cell.name}: no epoch was better than the student before training"]
    return []


def _table(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from dataclasses import replace as changed

    from clirot.bitext.word_table import make_table

    make_table(changed(cell.configuration, replace=replace), store=store, progress=progress)
    return []


def _index(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from dataclasses import replace as changed

    from clirot.retrieval.indexing import build_index

    made = build_index(changed(cell.configuration, replace=replace), store=store, progress=progress)
    return list(made.notes)


def _topics(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.experiments.topic_files import write_topics

    assert cell.out is not None
    return write_topics(cell.configuration, cell.out, store, progress)


def _run(cell: Cell, store: Store, replace: bool, progress: ProgressSink) -> list[str]:
    from clirot.retrieval.searching import search

    ready = search(cell.configuration, store=store, progress=progress)
    ready.save(cell.name, replace=replace, progress=progress)
    notes = list(ready.notes)
    if ready.found_nothing:
        notes.append(f"{cell.name}: {len(ready.found_nothing):,} topics found nothing")
    return notes


VERBS: Mapping[str, Any] = {
    "bitext": _bitext,
    "models": _model,
    "tables": _table,
    "indexes": _index,
    "topics": _topics,
    "runs": _run,
}
"""Stage -> what a cell of it does."""
