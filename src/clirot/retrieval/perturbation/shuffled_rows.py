"""Bitext in which rows exchanged their target sides: noise as misaligned bitext has it."""

from __future__ import annotations

from collections.abc import Sequence

from clirot.retrieval.perturbation.draws import Draws


def shuffled(targets: Sequence[str], rate: float, draws: Draws) -> tuple[list[str], int]:
    """Shuffle the target sides of a share of the rows among each other, so that none has its own.

    The chosen rows stand in a circle in random order, those with the same target side together.
    Each takes the side of the row that is as many places on as the largest of these groups has
    rows; so the side of no row is that of its own group, as long as no group is larger than half of
    the circle.

    Args:
        targets: the target sides of all rows.
        rate: share of the rows that are chosen.
        draws: of the whole bitext.

    Returns:
        The target sides as they are now, and how many of the chosen rows could not be given
        another one, because most of the rows have the same.
    """
    chosen = draws.shuffled(range(len(targets)))[: round(len(targets) * rate)]
    groups: dict[str, list[int]] = {}
    for row in chosen:
        groups.setdefault(targets[row], []).append(row)
    circle = [row for group in groups.values() for row in group]
    step = max(map(len, groups.values()), default=0)
    found = list(targets)
    for place, row in enumerate(circle):
        found[row] = targets[circle[(place + step) % len(circle)]]
    return found, sum(found[row] == targets[row] for row in circle)
