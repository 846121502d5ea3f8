"""Training objectives: what a student's tokens are pulled towards.

An objective is a frozen configuration with a method that turns a batch of student and teacher
tokens into one scalar. It owns no parameters and sees no text, so it is tested as mathematics.
"""

from __future__ import annotations

from clirot.distillation.objectives.costs import CorpusStatistics
from clirot.distillation.objectives.objective import Objective, SentenceTokens, TokenBatch
from clirot.distillation.objectives.transport import Transport
from clirot.distillation.objectives.weighted import (
    OBJECTIVES,
    informed,
    objective_of,
    terms_of,
    transports,
    unused,
)

__all__ = [
    "OBJECTIVES",
    "CorpusStatistics",
    "Objective",
    "SentenceTokens",
    "TokenBatch",
    "Transport",
    "informed",
    "objective_of",
    "terms_of",
    "transports",
    "unused",
]
