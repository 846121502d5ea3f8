"""Some of the words of a text changed, each by itself; spaces and marks stay where they are."""

from __future__ import annotations

from collections.abc import Callable

from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.perturber import Perturbed

Change = Callable[[str], str | None]
"""From a piece of the text to what it becomes; None: it is no word that the change is for."""


def with_words_changed(
    text: str, language: str | None, change: Change, rate: float, draws: Draws
) -> Perturbed:
    """A text of whose words a share is changed.

    Args:
        text: any text.
        language: whose words they are; None: not known.
        change: what becomes of a word.
        rate: share of the words that it is for; 1: all.
        draws: decide which.
    """
    from clirot.analysis import pieces

    found, edits = [], 0
    for piece in pieces(text, language):
        changed = change(piece)
        if changed is not None and draws.chance(rate):
            edits += 1
            piece = changed
        found.append(piece)
    return Perturbed("".join(found), edits)
