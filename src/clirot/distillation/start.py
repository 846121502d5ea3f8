"""What a student starts from, before training: its bitext, and a model.

The bitext is what was named, what the store has, and what is fetched. The model is a transplant of
the teacher, or another encoder. A student reads its queries to the end, has vectors of the
teacher's length, and is filled with ``[MASK]`` where that was asked for. The models it comes from
are not replaced by it, and where they were trained on sentences that are held out now, a warning
says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Dense

from clirot.distillation.configuration import TRANSPLANT, DistillConfig
from clirot.distillation.subwords.decision import check_holds, with_subwords
from clirot.distillation.training.batches import draws
from clirot.distillation.training.reading import TokenReader, check_fillable, fill_with_masks
from clirot.distillation.transplantation import transplant, wordpieces
from clirot.encoding.encoders import load_model
from clirot.errors import BitextWarning, ClirotError, PartlyDoneError, UnknownNameError, UsageError
from clirot.models import ModelRef
from clirot.records import LanguagePair, ProgressSink
from clirot.store import Input, Store, disk_error

if TYPE_CHECKING:
    from pathlib import Path

    from clirot.bitext import Bitext
    from clirot.bitext.acquisition import FetchResult
    from clirot.distillation.preparation import Prepared


def bitexts_of(config: DistillConfig, store: Store, progress: ProgressSink) -> dict[str, Bitext]:
    """Target language -> its bitext; what the store lacks of it is fetched.

    Warns of faults that were found in the bitext when it was fetched, now or before
    (BitextWarning).

    Raises:
        UnknownNameError: there is no such source.
        UsageError: none of the sources that were named has one of the languages.
        InputError: a file cannot be read.
        PartlyDoneError: some of it could not be fetched.
    """
    from clirot.bitext import stored_sources

    stored = {pair: stored_sources(store, pair) for pair in config.pairs}
    named = {pair: _available(config, pair, stored) for pair in config.pairs}
    found = {pair.tgt: _bitext(config, pair, named[pair], store, progress) for pair in config.pairs}
    for bitext in found.values():
        for fault in bitext.warnings:
            warnings.warn(fault, BitextWarning, stacklevel=2)
    return found


def _available(
    config: DistillConfig, pair: LanguagePair, stored: Mapping[LanguagePair, Sequence[str]]
) -> list[str]:
    """The sources for a pair: those named for it, and those named for all pairs that have it.

    Where sources are named and none has the pair, that is an error even if the store has other
    bitext of it: by naming sources the person has excluded that.
    """
    from clirot.bitext.catalogue import source_for

    found, missing = [], []
    for source, own in config.sources_of(pair):
        if not own and source not in stored[pair]:
            try:
                source_for(source, pair)
            except UsageError as error:
                elsewhere = any(source in others for others in stored.values())
                if isinstance(error, UnknownNameError) and not elsewhere:
                    raise
                missing.append(source)
                continue
        found.append(source)
    if missing and not found and not config.files_of(pair):
        raise UsageError(
            f"none of the sources that were named has {pair} bitext: {', '.join(missing)}",
            hint=f"name one that has: `sources={pair.tgt}=NAME`, or `files={pair.tgt}=PATH`",
        )
    return found


def _bitext(
    config: DistillConfig,
    pair: LanguagePair,
    sources: list[str],
    store: Store,
    progress: ProgressSink,
) -> Bitext:
    """The bitext of a pair; what the store lacks of it is fetched first.

    What the store has is taken as it is, files too, whatever filters it was fetched with. Where
    nothing is named, all of it is taken. An empty store gets what the catalogue recommends: all of
    it, or there is an error, since a student made from half of it would keep its name for good.
    """
    from clirot.bitext import load_bitext, stored_sources
    from clirot.bitext.acquisition import FetchConfig, fetch_bitext
    from clirot.bitext.formats import LocalFile

    stored = stored_sources(store, pair)
    files = [LocalFile.parse(path) for path in config.files_of(pair)]
    unread = tuple(file for file in files if file.source_name not in stored)
    unfinished = store.home / "bitext" / f".{pair}.recommended"
    recommended = [] if sources or files else _recommended(pair, stored, unfinished)
    sources = sources or recommended
    missing = tuple(dict.fromkeys(one for one in sources if one not in stored))
    if missing or unread:
        if recommended:
            try:
                (store.folder("bitext") / unfinished.name).touch()
            except OSError as error:
                raise disk_error(error, unfinished) from error
        fetched = fetch_bitext(
            FetchConfig(pair=pair, sources=missing, parsed=unread),
            store=store,
            progress=progress,
        )
        _check_fetched(fetched, pair, config, recommended)
        # An open name ("opus:Tatoeba") is in the store under the name of what it turned out to be.
        sources = [fetched.settled.get(one, one) for one in sources]
    if recommended:
        unfinished.unlink(missing_ok=True)
    named = dict.fromkeys([*sources, *(file.source_name for file in files)])
    return load_bitext(store, pair, list(named) or stored)


def _recommended(pair: LanguagePair, stored: Sequence[str], unfinished: Path) -> list[str]:
    """What the catalogue recommends, where the store has nothing else. It may have a part of this
    from a fetch that was interrupted, which the file ``unfinished`` marks.
    """
    from clirot.bitext import recommended_for

    if stored and not unfinished.exists():
        return []
    names = [source.name for source in recommended_for(pair)]
    return names if set(stored) <= set(names) else []


def _check_fetched(
    fetched: FetchResult, pair: LanguagePair, config: DistillConfig, recommended: Sequence[str]
) -> None:
    """Raise if a source failed; say how to go on with the others if these are in the store."""
    try:
        fetched.check()
    except ClirotError as error:
        lost = {one.source for one in fetched.failed}
        kept = [one for one in recommended if one not in lost]
        if not kept:
            raise
        several = f"{pair.tgt}=" if len(config.pairs) > 1 else ""
        named = [f"sources={several}{one}" for one in kept]
        targets = ",".join(one.tgt for one in config.pairs)
        call = ", ".join([f"src={config.pair.src}", f"tgt={targets}", *named])
        raise PartlyDoneError(
            error.message,
            hint=f"the same command again tries again; to go on without: `distill({call})`",
        ) from error


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
            encoder has no mask token to be filled with, it merges tokens, or its tokenizer cannot
            gain the subwords that were asked for.
    """
    torch.manual_seed(config.training.seed)  # for weights that a checkpoint lacks
    begin = base or teacher
    model = load_model(begin.path, prompts=begin.prompts)
    if base is None:
        wordpieces(model.tokenizer)  # raises if nothing can be transplanted into them
    else:
        check_holds(model, config.transplant)
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

    The projection is random and orthogonal (it draws from torch's global generator, which the
    caller seeds), and so keeps the angles between tokens as nearly as a linear map to ``dim`` can
    before it is trained. A projection that the encoder has is replaced, since it was learnt for
    other vectors; its prompts, query expansion and list of tokens that are not scored stay.
    """
    found = int(model.encode_query(["a"])[0].shape[1])
    if found == dim:
        return model
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
