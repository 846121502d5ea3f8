"""Pictures: of bitext, of what transport found (the plan of a sentence pair), of training."""

from __future__ import annotations

from clirot.inspection.alignment import AlignConfig, Alignment, align
from clirot.inspection.bitext_distributions import draw_bitext
from clirot.inspection.heat_map import draw
from clirot.inspection.training_curve import draw_training

__all__ = ["AlignConfig", "Alignment", "align", "draw", "draw_bitext", "draw_training"]
