"""How the student of a configuration starts, and whether it can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clirot.distillation.configuration import TRANSPLANT, DistillConfig
from clirot.distillation.preparation import Prepared

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.distillation.students import TransplantConfig
    from clirot.models import ModelRef


def transplant_config(config: DistillConfig) -> TransplantConfig:
    """The settings of a transplant.

    Raises:
        UsageError: one of them makes no sense.
    """
    from clirot.distillation.students import TransplantConfig

    return TransplantConfig(
        vocabulary=config.vocabulary,
        same_spelling=config.same_spelling,
        sharpness=config.sharpness,
    )


def open_start(
    config: DistillConfig, teacher: ModelRef, base: ModelRef | None
) -> MultiVectorEncoder:
    """Load what the student starts from, and see that it can: what is wrong with it is told before
    the teacher encodes all of the bitext.

    Raises:
        UsageError: the teacher's tokenizer is not WordPiece and a transplant was asked for, or the
            encoder has no mask token to be filled with, or merges tokens.
    """
    import torch

    from clirot.distillation.students import check_fillable, check_transplantable
    from clirot.distillation.training.reading import TokenReader
    from clirot.encoding.encoders import load_model

    torch.manual_seed(config.seed)  # of weights that a checkpoint lacks
    model = load_model((base or teacher).path)
    if base is None:
        check_transplantable(model)
    if config.mask_padding:
        check_fillable(model, config.mask_padding)
    TokenReader(model)
    return model


def start(
    model: MultiVectorEncoder, config: DistillConfig, prepared: Prepared
) -> tuple[MultiVectorEncoder, Mapping[str, float]]:
    """The student before training, made of the opened model, and what came of its transplant."""
    from clirot.distillation.students import (
        fill_with_masks,
        read_whole_queries,
        transplant,
        with_dimension,
    )
    from clirot.distillation.training.batching import draws

    found: Mapping[str, float] = {}
    if config.student == TRANSPLANT:
        sizes = prepared.material.sizes
        drawn = draws(sizes, config.sampling_temperature)
        found = transplant(
            model,
            [part.train for part in prepared.parts.values()],
            transplant_config(config),
            passes=[count / size for count, size in zip(drawn, sizes, strict=True)],
        )
    else:
        model = with_dimension(model, prepared.documents.dim)
    read_whole_queries(model)
    if config.mask_padding:
        fill_with_masks(model, config.mask_padding)
    return model, found
