"""Look at what transport found: the plan between the tokens of a sentence and its translation."""

from __future__ import annotations

from clirot.inspection.alignment import AlignConfig, Alignment, align
from clirot.inspection.heat_map import draw

__all__ = ["AlignConfig", "Alignment", "align", "draw"]
