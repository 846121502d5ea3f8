"""Cells: the pieces of work that a plan asks for, each a call of a verb with its configuration.

A cell makes one artefact of the store, or one file below ``experiments/`` there. It is named after
what it is for, so that the same plan finds it again, and it names the cells that it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clirot.places import is_file
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
            return is_file(self.out)
        return store.has(self.stage, self.name)


def joined(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells in groups that do not need each other within a stage.

    Two cells of a stage are in one group where one needs the other, as a student and the teacher
    that is trained for it.

    Args:
        cells: what a cell needs before it.

    Returns:
        The groups in the order of their first cells, the cells of each in the order they had.
    """
    order = {cell.key: place for place, cell in enumerate(cells)}
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        near = {key for key in cell.after if key in groups and groups[key][0].stage == cell.stage}
        members = {one.key: one for key in near for one in groups[key]} | {cell.key: cell}
        group = sorted(members.values(), key=lambda one: order[one.key])
        groups |= dict.fromkeys(members, group)
    return list({id(group): group for group in groups.values()}.values())
