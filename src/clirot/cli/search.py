"""``clirot search``: topics against an index, a TREC run on stdout."""

from __future__ import annotations

from typing import Annotated

import typer

from clirot.cli import console


def search(
    index: Annotated[str, typer.Option(help="Name of the index.")],
    collection: Annotated[
        str | None, typer.Option(help="Collection whose topics to search with: directory or id.")
    ] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the collection's topics.")] = None,
    topics: Annotated[
        str | None,
        typer.Option(help="A file of topics (TSV, JSON lines, TREC) instead; - is stdin."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model that encodes the topics [default: the index's own]."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Documents per topic, at most.")] = 1000,
    tag: Annotated[
        str | None, typer.Option(help="Last column of the run [default: the index's name].")
    ] = None,
    save: Annotated[
        str | None, typer.Option(help="Also keep the run in the store, under this name.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a saved run of that name made otherwise.")
    ] = False,
) -> None:
    """Search an index and write a TREC run to stdout.

    The scores are exact, ties go by docno as in trec_eval, and the same command gives the same
    bytes.
    """
    from clirot.retrieval import searching
    from clirot.runs import SAVED_RUN

    config = searching.SearchConfig(
        index=index, collection=collection, lang=lang, topics=topics, model=model, k=k, tag=tag
    )
    with console.progress() as progress:
        ready = searching.search(config, progress=progress)
        for message in ready.notes:
            console.warn(message)
        if save is None:
            for lines in ready.lines(progress):
                console.emit(lines.removesuffix("\n"))
            return
        saved = ready.save(save, replace=replace, progress=progress)
    with (saved.path / SAVED_RUN).open(encoding="utf-8") as run:
        for line in run:
            console.emit(line.removesuffix("\n"))
