"""``clirot evaluate``: runs against judgements."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clirot.cli.console import emit, note, progress, warn
from clirot.errors import ExpectationError, UsageError


def evaluate(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Run files (TREC, JSON; gz too): PATH, NAME=PATH or NAME@SET=PATH, where SET is "
            "a language or other set of topics; or runs kept by search --save. None, or -: stdin.",
            show_default=False,
        ),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option("--collection", "-c", metavar="ID|DIR", help="Judgements of a collection."),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option("--qrels", metavar="FILE", help="Judgements of a file.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            help="A measure as ranx, ir_measures or trec_eval write it: map, ndcg@20, P@5, "
            "recip_rank. Repeatable. Default: map, ndcg@10, recall@100.",
            show_default=False,
        ),
    ] = None,
    rel_level: Annotated[
        int,
        typer.Option(
            "--rel-level", "-l", help="The relevance from which on a document is relevant."
        ),
    ] = 1,
    lang: Annotated[
        str | None, typer.Option("--lang", help="Only topics the collection has in this language.")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline", "-b", metavar="NAME", help="Test every other run against this one."
        ),
    ] = None,
    test: Annotated[
        str, typer.Option("--test", help="randomisation or t (both paired).")
    ] = "randomisation",
    alpha: Annotated[float, typer.Option("--alpha", help="Significance level, after Holm.")] = 0.05,
    samples: Annotated[
        int, typer.Option("--samples", help="Samples of the randomisation test.")
    ] = 20000,
    seed: Annotated[
        int, typer.Option("--seed", help="Of the randomisation test and the bootstrap.")
    ] = 0,
    ci: Annotated[
        bool, typer.Option("--ci", help="Bootstrap confidence intervals of the means.")
    ] = False,
    confidence: Annotated[
        float, typer.Option("--confidence", help="Level of the intervals.")
    ] = 0.95,
    topic_set: Annotated[
        list[str] | None,
        typer.Option(
            "--topic-set", metavar="NAME=FILE", help="Evaluate on the topics listed in FILE."
        ),
    ] = None,
    gap: Annotated[
        list[str] | None,
        typer.Option(
            "--gap", metavar="A..B", help="What topic set B costs against A: clean..typo."
        ),
    ] = None,
    fuse: Annotated[
        list[str] | None,
        typer.Option(
            "--fuse",
            metavar="HOW",
            help="Add a fused run: rrf, rrf:k=10, sum, sum:bm25=0.3,colbert=0.7.",
        ),
    ] = None,
    save_fused: Annotated[
        Path | None, typer.Option("--save-fused", metavar="DIR", help="Write the fused runs there.")
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect", metavar="MEASURE>=VALUE", help="Exit with 4 unless every run reaches it."
        ),
    ] = None,
    output_format: Annotated[
        str, typer.Option("--format", "-f", help="table, json, csv, markdown or latex.")
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    per_topic: Annotated[
        bool, typer.Option("--per-topic", "-q", help="Figures of every topic.")
    ] = False,
    places: Annotated[int, typer.Option("--places", help="Decimals printed.", min=1, max=16)] = 4,
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="DIR", help="Draw the comparison: one PNG a picture."),
    ] = None,
) -> None:
    """Evaluate runs: a table of measures, compared, tested and fused on demand."""
    _import_numpy_without_threads()
    from clirot.cli import evaluate_output as output
    from clirot.evaluation import EvaluateConfig
    from clirot.evaluation import evaluate as run_evaluation

    written = "json" if as_json else output.known_format(output_format)
    if as_json and output_format not in ("table", "json"):
        raise UsageError(f"--json and --format {output_format} contradict each other")
    output.check(runs or ["-"], per_topic=per_topic, written=written)
    given: dict[str, Any] = {"metrics": tuple(metric)} if metric else {}
    config = EvaluateConfig(
        runs=tuple(runs or ["-"]),
        collection=collection,
        qrels=qrels,
        rel_level=rel_level,
        lang=lang,
        baseline=baseline,
        test=test,
        alpha=alpha,
        samples=samples,
        seed=seed,
        intervals=ci,
        confidence=confidence,
        topic_sets=output.named_files(topic_set or []),
        gaps=tuple(gap or []),
        fuse=tuple(fuse or []),
        expect=tuple(expect or []),
        **given,
    )
    with progress() as sink:
        evaluation = run_evaluation(config, progress=sink)
    for line in evaluation.notes:
        warn(line)
    emit(output.render(evaluation, written, per_topic=per_topic, places=places).rstrip("\n"))
    if save_fused is not None:
        note(f"wrote {', '.join(output.save_fused(evaluation, save_fused))}")
    if pictures is not None:
        from clirot.evaluation.pictures import draw_all

        note(f"drew {', '.join(str(path) for path in draw_all(evaluation, pictures))}")
    if evaluation.missed:
        raise ExpectationError(
            "; ".join(
                f"expected {one.written}, and {one.system} has {one.value:.{places}f}"
                for one in evaluation.missed
            )
        )


def _import_numpy_without_threads() -> None:
    """Import numpy with one OpenBLAS thread: starting the others takes longer than they save here.

    A third of the import's processor time, on two cores. What the user set stays.
    """
    name = "OPENBLAS_NUM_THREADS"
    if "numpy" in sys.modules or name in os.environ:
        return
    os.environ[name] = "1"
    try:
        import numpy  # noqa: F401
    finally:
        del os.environ[name]
