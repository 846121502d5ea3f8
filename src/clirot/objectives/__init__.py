"""Training objectives: what a student's tokens are pulled towards.

An objective is a frozen configuration with a method that turns a batch of student and teacher
tokens into one scalar. It owns no parameters and sees no text, so it is tested as mathematics.
"""

from __future__ import annotations

from collections.abc import Callable

from clirot.objectives.objective import Objective, TokenBatch
from clirot.objectives.transport import Transport
from clirot.registry import Registry

OBJECTIVES: Registry[Callable[..., Objective]] = Registry("objective", {"transport": Transport})
"""Name -> what makes the objective of its settings (``reg``, ``iterations``, ``marginals``)."""

__all__ = ["OBJECTIVES", "Objective", "TokenBatch", "Transport"]
