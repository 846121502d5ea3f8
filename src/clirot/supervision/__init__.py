"""Train an encoder on judged topics, and register it as a model like any other.

The judged topics of a collection become groups of a topic, a relevant document and hard negatives;
the losses are sentence-transformers', and the training itself is that of
:mod:`clirot.distillation.training`. What was trained is a teacher, or the start of a student, or is
trained on.
"""

from __future__ import annotations

from clirot.supervision.configuration import TrainConfig
from clirot.supervision.model import TrainResult, train

__all__ = ["TrainConfig", "TrainResult", "train"]
