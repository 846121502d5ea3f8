"""The losses of groups: sentence-transformers', each with its name and what it needs.

All score by MaxSim averaged over the topic's tokens (MeanMaxSim), so that a loss does not depend on
how long topics are, and a teacher's scores are on the same scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from clirot.processes import Processes
from clirot.registry import Registry
from clirot.supervision.configuration import CONTRASTIVE, KL, MARGIN_MSE, JudgedTrainingSettings

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def _contrastive(
    model: MultiVectorEncoder, settings: JudgedTrainingSettings, processes: Processes
) -> nn.Module:
    from sentence_transformers.multi_vector_encoder import losses, scoring

    return losses.CachedMultiVectorMultipleNegativesRankingLoss(
        model,
        scale=1 / settings.temperature,
        similarity_fct=scoring.mean_colbert_scores,
        mini_batch_size=settings.mini_batch,
        gather_across_devices=processes.count > 1,
    )


def _margin_mse(
    model: MultiVectorEncoder, settings: JudgedTrainingSettings, _: Processes
) -> nn.Module:
    from sentence_transformers.multi_vector_encoder import losses, scoring

    return losses.MultiVectorMarginMSELoss(
        model,
        similarity_fct=scoring.mean_colbert_scores_pairwise,
        mini_batch_size=settings.mini_batch,
    )


def _kl(model: MultiVectorEncoder, settings: JudgedTrainingSettings, _: Processes) -> nn.Module:
    from sentence_transformers.multi_vector_encoder import losses, scoring

    return losses.MultiVectorDistillKLDivLoss(
        model,
        similarity_fct=scoring.mean_colbert_kd_scores,
        temperature=settings.temperature,
        mini_batch_size=settings.mini_batch,
    )


@dataclass(frozen=True)
class Loss:
    """A loss of groups."""

    made: Callable[[MultiVectorEncoder, JudgedTrainingSettings, Processes], nn.Module]
    in_batch: bool = False
    """Whether the documents of other groups are negatives too."""
    scores: bool = True
    """Whether it learns a teacher's scores."""


LOSSES: Registry[Loss] = Registry(
    "loss",
    {
        CONTRASTIVE: Loss(_contrastive, in_batch=True, scores=False),
        MARGIN_MSE: Loss(_margin_mse),
        KL: Loss(_kl),
    },
)
"""Name -> the loss."""
