"""Distil a student for another language, or several, from an English teacher, out of bitext.

The bitext of each language is split, and the teacher encodes its English side once. The student
starts by vocabulary transplant or from another encoder, is trained on an objective over tokens, and
is saved as a plain sentence-transformers checkpoint with a model card that says what it was made
from.
"""

from __future__ import annotations

from clirot.distillation.configuration import DistillConfig
from clirot.distillation.student import DistillResult, distill

__all__ = ["DistillConfig", "DistillResult", "distill"]
