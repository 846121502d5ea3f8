"""Training objectives: what a student's tokens are pulled towards.

An objective is a frozen configuration with a method that turns a batch of student and teacher
tokens into one scalar. It owns no parameters and sees no text, so it is tested as mathematics.
"""

from __future__ import annotations

from clirot.objectives.objective import Objective, TokenBatch
from clirot.objectives.transport import Transport
from clirot.objectives.weighted import OBJECTIVES, WeightedSum, objective_of

__all__ = ["OBJECTIVES", "Objective", "TokenBatch", "Transport", "WeightedSum", "objective_of"]
