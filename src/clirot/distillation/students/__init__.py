"""How a student starts: by vocabulary transplant from its teacher, or from another encoder."""

from __future__ import annotations

from clirot.distillation.students.projection import with_dimension
from clirot.distillation.students.queries import check_fillable, fill_with_masks, read_whole_queries
from clirot.distillation.students.tokenizer import check_transplantable
from clirot.distillation.students.transplantation import TransplantConfig, transplant

__all__ = [
    "TransplantConfig",
    "check_fillable",
    "check_transplantable",
    "fill_with_masks",
    "read_whole_queries",
    "transplant",
    "with_dimension",
]
