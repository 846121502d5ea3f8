"""Pictures of a student: the transport plan of a sentence pair, and the curves of its training."""

from __future__ import annotations

from clirot.distillation.diagnostics.alignment import AlignConfig, Alignment, align
from clirot.distillation.diagnostics.pictures import draw, draw_training

__all__ = ["AlignConfig", "Alignment", "align", "draw", "draw_training"]
