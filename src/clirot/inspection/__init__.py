"""Pictures of what transport found (the plan of a sentence pair) and of how training went."""

from __future__ import annotations

from clirot.inspection.alignment import AlignConfig, Alignment, align
from clirot.inspection.heat_map import draw
from clirot.inspection.training_curve import draw_training

__all__ = ["AlignConfig", "Alignment", "align", "draw", "draw_training"]
