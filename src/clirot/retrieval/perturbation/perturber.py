"""What every kind of perturbation is: a function from a text to another one, with draws."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from clirot.retrieval.perturbation.draws import Draws


class Perturbed(NamedTuple):
    """What became of a text."""

    text: str
    edits: int
    """How many changes were made."""
    too_short: bool = False
    """Whether more were to be made than the text has room for."""
    left: int = 0
    """Numbers that the kind should have spelled out and could not."""


class Perturber(Protocol):
    """A kind of perturbation, ready for a language and a rate."""

    def perturb(self, text: str, draws: Draws) -> Perturbed:
        """Change a text, which does not become empty.

        Args:
            text: on one line, with single spaces.
            draws: of this text.
        """
