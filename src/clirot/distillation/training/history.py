"""What training measured, and the epoch that is kept.

The development MAP chooses. On a split of few or easy sentences it cannot tell epochs apart: a
multilingual encoder may find every held-out sentence before it is trained. Epochs that differ by
less than one sentence are therefore told apart by a finer figure, the cross-entropy of the held-out
translations (:meth:`~clirot.distillation.training.development.Development.retrieval`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """What training measured."""

    development: list[float] = field(default_factory=list)
    """The measure on what is held out, of bitext MAP: before training, then after every epoch. With
    several languages it is the mean over them, in which each counts alike."""
    entropy: list[float] = field(default_factory=list)
    """Cross-entropy of what should be found for held-out texts, in nats, measured as often."""
    resolution: float = 0.0
    """What ``development`` loses when one held-out sentence, of the language with the fewest, falls
    from the first place to the second."""
    loss: list[float] = field(default_factory=list)
    """Mean loss of every epoch."""
    figures: list[dict[str, float]] = field(default_factory=list)
    """The figures of the transport plan, where there is one, measured as often as ``development``:
    see :func:`~clirot.distillation.training.plan_figures.plan_figures`."""
    languages: list[dict[str, float]] = field(default_factory=list)
    """The MAP of each language, measured as often as ``development``."""
    weights: list[str] = field(default_factory=list)
    """SHA-256 of the weights that were kept of each epoch, as often as ``development``."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Rows trained on and the mean loss since the point before, a hundred points at most."""

    cut: dict[str, Any] = field(default_factory=dict)
    """The sentences of which the student did not read the end, as :attr:`CutTexts.row` has them."""

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept; 0: training did not help.

        The one with the least cross-entropy among those whose MAP is the highest, or below it by
        one sentence's fall from the first place to the second at most; the earliest of equals.
        """
        least = max(self.development) - self.resolution - 1e-9
        close = [epoch for epoch, found in enumerate(self.development) if found >= least]
        return min(close, key=lambda epoch: self.entropy[epoch])
