"""``clirot distill``: bitext into a student in the model registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clirot.cli import console
from clirot.distillation import DistillConfig
from clirot.records import LanguagePair, LanguagePairs

_DEFAULT = DistillConfig(pair=LanguagePair("en", "so"))


def distill(
    src: Annotated[str, typer.Option(help="The teacher's language: ISO 639 or BCP 47.")],
    tgt: Annotated[str, typer.Option(help="The student's language; several: so,sw,tl.")],
    teacher: Annotated[str, typer.Option(help="Teacher: a name, directory or Hub id.")] = (
        _DEFAULT.teacher
    ),
    student: Annotated[
        str,
        typer.Option(help="transplant, or the encoder the student starts from (xlm-r-base, ...)."),
    ] = _DEFAULT.student,
    side: Annotated[
        str,
        typer.Option(
            help="What the student encodes: query (its language's topics over the teacher's "
            "documents), document (the teacher's topics over its language's documents), both."
        ),
    ] = _DEFAULT.side,
    objective: Annotated[
        str,
        typer.Option(
            help="transport, transport-contrast, token-contrast, contrastive, score-kl, mse, "
            "greedy, or a weighted sum (transport+0.5*contrastive); none: the student before "
            "training."
        ),
    ] = _DEFAULT.objective,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Bitext source; repeat for several; so=NAME: for one of several languages "
            "[default: all in the store]."
        ),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            help="Local bitext, as fetch-bitext takes it; repeat for several; so=PATH: of one of "
            "several languages."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the student [default: en-so, en-so+sw].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = _DEFAULT.seed,
    epochs: Annotated[int, typer.Option(help="Passes over the bitext.")] = _DEFAULT.epochs,
    batch_size: Annotated[int, typer.Option(help="Sentence pairs a step.")] = _DEFAULT.batch_size,
    accumulate: Annotated[
        int, typer.Option(help="Batches whose gradients are added up before a step.")
    ] = _DEFAULT.accumulate,
    checkpointing: Annotated[
        bool, typer.Option("--checkpointing", help="Less memory: compute activations twice.")
    ] = _DEFAULT.checkpointing,
    learning_rate: Annotated[
        float, typer.Option(help="Peak learning rate of the body.")
    ] = _DEFAULT.learning_rate,
    embedding_learning_rate: Annotated[
        float, typer.Option(help="Peak learning rate of the input embeddings.")
    ] = _DEFAULT.embedding_learning_rate,
    warmup: Annotated[
        float, typer.Option(help="Share of the steps that warm up.")
    ] = _DEFAULT.warmup,
    max_tokens: Annotated[
        int, typer.Option(help="Longest training input, tokens.")
    ] = _DEFAULT.max_tokens,
    lora_rank: Annotated[
        int,
        typer.Option(help="Rank of adapters trained in place of a large body's weights; 0: none."),
    ] = _DEFAULT.lora_rank,
    development: Annotated[
        int, typer.Option(help="Pairs of each language held out to choose the epoch on.")
    ] = _DEFAULT.development,
    sampling_temperature: Annotated[
        float,
        typer.Option(
            help="Of several languages: 1 trains on each as much as it has bitext, larger more "
            "evenly."
        ),
    ] = _DEFAULT.sampling_temperature,
    reg: Annotated[
        float, typer.Option(help="Entropic regularisation of the plan; smaller is sharper.")
    ] = _DEFAULT.reg,
    iterations: Annotated[int, typer.Option(help="Sinkhorn iterations.")] = _DEFAULT.iterations,
    tolerance: Annotated[
        float,
        typer.Option(help="Marginal error at which a pair's iterations stop; 0: all of them."),
    ] = _DEFAULT.tolerance,
    solver: Annotated[
        str, typer.Option(help="auto, sinkhorn, geomloss, or exact: no regularisation, slow.")
    ] = _DEFAULT.solver,
    marginals: Annotated[
        str, typer.Option(help="Mass of a token: uniform, distinct, idf or norm.")
    ] = _DEFAULT.marginals,
    special_tokens: Annotated[
        str, typer.Option(help="[CLS], [SEP] and prompts keep their mass in the plan, or drop it.")
    ] = _DEFAULT.special_tokens,
    unbalanced: Annotated[
        float, typer.Option(help="KL penalty in place of the plan's marginals; 0: they are met.")
    ] = _DEFAULT.unbalanced,
    centring: Annotated[
        str,
        typer.Option(
            help="Taken off tokens before the plan is sought: none, sentence, corpus or whiten."
        ),
    ] = _DEFAULT.centring,
    teacher_layer: Annotated[
        int,
        typer.Option(help="Layer the plan is sought on; 0: the input embeddings, -1: as scored."),
    ] = _DEFAULT.teacher_layer,
    lexical_prior: Annotated[
        float,
        typer.Option(help="What subwords that never translate each other cost the plan more."),
    ] = _DEFAULT.lexical_prior,
    mask_padding: Annotated[
        int, typer.Option(help="Tokens that sentences are filled up to with [MASK]; 0: not.")
    ] = _DEFAULT.mask_padding,
    temperature: Annotated[
        float, typer.Option(help="Temperature of the contrastive and score objectives.")
    ] = _DEFAULT.temperature,
    token_temperature: Annotated[
        float, typer.Option(help="Temperature of token-contrast.")
    ] = _DEFAULT.token_temperature,
    vocabulary: Annotated[
        int, typer.Option(help="Target subwords of a transplant, for each language.")
    ] = _DEFAULT.vocabulary,
    same_spelling: Annotated[
        float, typer.Option(help="Evidence that identical spelling is worth in a transplant.")
    ] = _DEFAULT.same_spelling,
    sharpness: Annotated[
        float, typer.Option(help="How much a transplant favours likely translations.")
    ] = _DEFAULT.sharpness,
    report_to: Annotated[
        list[str] | None,
        typer.Option(
            help="Report training to tensorboard, wandb or trackio; repeat, or put commas between."
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a student of that name made otherwise.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON document: name, path, digest, what was measured."),
    ] = False,
) -> None:
    """Distil a student of one language or several from a teacher, and print the student's name.

    Fetches the recommended bitext first if there is none. A student that exists is returned at
    once; an interrupted distillation goes on from its last checkpoint.
    """
    from clirot.distillation import distill as run
    from clirot.distillation.training.processes import launched

    first = launched()[0] == 0  # of several processes one speaks
    config = DistillConfig(
        pair=LanguagePairs.of(src, tgt),
        teacher=teacher,
        student=student,
        side=side,
        objective=objective,
        sources=tuple(source or ()),
        files=tuple(file or ()),
        seed=seed,
        name=name,
        replace=replace,
        report_to=tuple(dict.fromkeys(one for part in report_to or () for one in part.split(","))),
        epochs=epochs,
        batch_size=batch_size,
        accumulate=accumulate,
        checkpointing=checkpointing,
        learning_rate=learning_rate,
        embedding_learning_rate=embedding_learning_rate,
        warmup=warmup,
        max_tokens=max_tokens,
        lora_rank=lora_rank,
        development=development,
        sampling_temperature=sampling_temperature,
        reg=reg,
        iterations=iterations,
        tolerance=tolerance,
        solver=solver,
        marginals=marginals,
        special_tokens=special_tokens,
        unbalanced=unbalanced,
        centring=centring,
        teacher_layer=teacher_layer,
        lexical_prior=lexical_prior,
        mask_padding=mask_padding,
        temperature=temperature,
        token_temperature=token_temperature,
        vocabulary=vocabulary,
        same_spelling=same_spelling,
        sharpness=sharpness,
    )
    if not first:
        run(config)
        return
    with console.shown_warnings(), console.progress() as progress:
        result = run(config, progress=progress)
    scores = result.development
    state = "distilled" if result.fresh else "student was there"
    kept = f"epoch {result.best_epoch} kept" if result.best_epoch else "before training"
    console.note(
        f"{state}: MAP on the development split {scores[0]:.3f} before training"
        + (f", {scores[result.best_epoch]:.3f} ({kept})" if len(scores) > 1 else "")
    )
    if len(result.development_by_language) > 1:
        found = result.development_by_language
        listed = (f"{one} {each[result.best_epoch]:.3f}" for one, each in found.items())
        console.note(f"  of each language: {', '.join(listed)}")
    if len(scores) > 1 and result.best_epoch == 0:
        console.warn("no epoch improved the development MAP: the student is the untrained one")
    if result.tensorboard is not None:
        console.note(f"training curves: tensorboard --logdir {result.tensorboard}")
    if not as_json:
        console.emit(result.name)
        return
    manifest = result.artefact.manifest
    console.emit_json(
        {
            "name": result.name,
            "path": str(result.artefact.path),
            "digest": manifest.digest,
            "fresh": result.fresh,
            "tensorboard": str(result.tensorboard) if result.tensorboard is not None else None,
            "results": manifest.results,
        }
    )
