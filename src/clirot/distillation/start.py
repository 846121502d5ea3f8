"""What a student starts from, before training: a transplant of the teacher, or an encoder.

A student reads its queries to the end, has vectors of the teacher's length, and is filled with
``[MASK]`` where that was asked for. The models it comes from are not replaced by it, and where they
were trained on sentences that are held out now, a warning says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Dense

from clirot.distillation.attention import drop_causal_mask
from clirot.distillation.configuration import TRANSPLANT, DistillConfig
from clirot.distillation.pruned_tokenizer import check_prunable
from clirot.distillation.subwords.decision import check_holds, with_subwords
from clirot.distillation.training.reading import TokenReader, check_fillable, fill_with_masks
from clirot.distillation.training.sampling import draws
from clirot.distillation.transplantation import transplant, wordpieces
from clirot.encoding.encoders import load_model
from clirot.errors import BitextWarning, ChoiceNotice, UsageError
from clirot.models import ModelRef, is_student
from clirot.store import Input, Store

if TYPE_CHECKING:
    from clirot.distillation.preparation import Prepared


def check_teacher(teacher: ModelRef, name: str) -> None:
    """Raise if a student of this name would replace its own teacher, or its teacher's teacher.

    Raises:
        UsageError: it would, and then neither could be loaded again.
    """
    one: ModelRef | None = teacher
    while one is not None:
        if one.origin == "made" and one.name == name:
            raise UsageError(
                f"the student {name} would replace the model that it learns from",
                hint="give it another `name`",
            )
        one = one.teacher


def warn_of_seen(
    begin: ModelRef, config: DistillConfig, inputs: Iterable[Input], store: Store
) -> None:
    """Warn (BitextWarning) if the student may have been trained on what is held out now.

    That is so if the model it starts from, or one that this model started from, was trained on
    other bitext, or with less of it held out.

    Args:
        begin: what the student starts from.
        config: its settings.
        inputs: what it is made from.
        store: where models that were made here are looked up.
    """
    now, held_out = _bitext_digests(inputs), config.training.development
    name, made = begin.name, set(store.names("models")) if begin.origin == "made" else set()
    while name in made:
        made.remove(name)  # one that was made again, from a student of its own, ends the chain
        manifest = store.get("models", name).manifest
        if not is_student(manifest.config):  # trained on judged topics, on no bitext
            name = next(one.name for one in manifest.inputs if one.kind == "base")
            continue
        reason = "on other bitext" if _bitext_digests(manifest.inputs) != now else ""
        if not reason and manifest.config["development"] < held_out:
            reason = f"with `development={manifest.config['development']}`"
        if reason:
            warnings.warn(
                f"{name} was trained {reason}, perhaps on sentences that are held out now: the "
                "development MAP may be too high",
                BitextWarning,
                stacklevel=4,
            )
            return
        kind = "teacher" if manifest.config["student"] == TRANSPLANT else "base"
        name = next(one.name for one in manifest.inputs if one.kind == kind)


def _bitext_digests(inputs: Iterable[Input]) -> set[str]:
    """The digests of the bitext among the inputs of a model."""
    return {one.digest for one in inputs if one.kind == "bitext"}


def open_start(
    config: DistillConfig, teacher: ModelRef, base: ModelRef | None
) -> MultiVectorEncoder:
    """Load what the student starts from, and check that it can be a student.

    What is wrong with it is told before the teacher encodes all of the bitext.

    Args:
        config: the settings.
        teacher: the teacher, for a transplant.
        base: the encoder to start from; None: a transplant.

    Raises:
        UsageError: a transplant was asked for and the teacher's tokenizer is not WordPiece, or the
            vocabulary is to be pruned and its kind is not known, or the tokenizer cannot gain the
            subwords that were asked for, or the encoder has no mask token to be filled with, no
            causal mask to drop, or it merges tokens.
    """
    torch.manual_seed(config.training.seed)  # for weights that a checkpoint lacks
    begin = base or teacher
    model = load_model(begin.path, prompts=begin.prompts)
    if base is None:
        wordpieces(model.tokenizer)  # raises if nothing can be transplanted into them
    else:
        check_holds(model, config.transplant)
    if config.prune_vocabulary:
        check_prunable(model.tokenizer)
    if config.causal_mask == "drop":
        drop_causal_mask(model)
    if config.mask_padding:
        check_fillable(model, config.mask_padding)
    TokenReader(model)
    return model


@dataclass(frozen=True)
class Start:
    """The student before training."""

    model: MultiVectorEncoder
    figures: Mapping[str, Any]
    """Of its vocabulary: what it has gained, and why."""
    new_from: int | None
    """The first id of the subwords that it has gained; None: it has gained none."""


def start(model: MultiVectorEncoder, config: DistillConfig, prepared: Prepared) -> Start:
    """The student before training, made of the loaded model."""
    sizes = prepared.material.sizes
    drawn = draws(sizes, config.training.sampling_temperature)
    passes = [count / size for count, size in zip(drawn, sizes, strict=True)]
    bitexts = {language: part.train for language, part in prepared.parts.items()}
    figures: Mapping[str, Any]
    if config.student == TRANSPLANT:
        figures = transplant(model, list(bitexts.values()), config.transplant, passes=passes)
        new_from: int | None = int(figures["vocabulary"] - figures["new_subwords"])
    else:
        often = dict(zip(bitexts, passes, strict=True))
        figures, new_from = with_subwords(model, bitexts, config.transplant, passes=often)
        model = with_dimension(model, prepared.documents.dim)
    read_whole_queries(model)
    if config.mask_padding:
        fill_with_masks(model, config.mask_padding)
    return Start(model, figures, new_from)


def with_dimension(model: MultiVectorEncoder, dim: int) -> MultiVectorEncoder:
    """The encoder itself if its token vectors have ``dim`` entries, else one with a linear
    projection before the normalisation.

    It warns of the projection (ChoiceNotice), which is random and orthogonal (it draws from torch's
    global generator, which the caller seeds), and so keeps the angles between tokens as nearly as a
    linear map to ``dim`` can before it is trained. A projection that the encoder has is replaced,
    since it was learnt for other vectors; its prompts, query expansion and list of tokens that are
    not scored stay.
    """
    found = int(model.encode_query(["a"])[0].shape[1])
    if found == dim:
        return model
    warnings.warn(
        f"the student's token vectors have {found} entries and the teacher's {dim}: the student "
        "gets a linear projection, which is random before training",
        ChoiceNotice,
        stacklevel=4,
    )
    backbone: Any = model[0]
    projection = Dense(
        in_features=int(backbone.get_embedding_dimension()),
        out_features=dim,
        bias=False,
        activation_function=None,
        module_input_name="token_embeddings",
        module_output_name="token_embeddings",
    )
    torch.nn.init.orthogonal_(projection.linear.weight)
    return MultiVectorEncoder(
        modules=[
            backbone,
            projection,
            *(module for module in list(model)[1:] if not isinstance(module, Dense)),
        ],
        device=str(model.device),
        prompts={task: prompt for task, prompt in model.prompts.items() if prompt is not None},
        default_prompt_name=model.default_prompt_name,
    )


def read_whole_queries(model: MultiVectorEncoder) -> None:
    """Let a student read queries to their end, in place.

    A ColBERT cuts queries at about 32 tokens and fills shorter ones with ``[MASK]``. The filling
    stays, and so does the input of every query that fits. The cut goes: a student learns from
    sentences whose translations the teacher reads to the end, as documents, and a sentence takes
    more subwords in a language that the vocabulary knows less well.
    """
    backbone: Any = model[0]
    expansion = backbone.query_expansion
    backbone.query_length = None
    if expansion is not None:
        backbone.query_expansion = expansion | {"strategy": "min"}
