"""``clirot search``: topics against an index, a TREC run on stdout."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.errors import UsageError
from clirot.retrieval import searching
from clirot.settings import assembled

_NAMED = 5  # topics that a warning names


@with_options(
    searching.SearchConfig,
    names={"k": ("-k",)},
    metavars={
        "index": "NAME",
        "collection": "ID|DIR",
        "topics_variant": "NAME",
        "topics": "FILE",
    },
)
def search(
    *,
    settings: dict[str, Any],
    save: Annotated[
        str | None, typer.Option(help="Also keep the run in the store, under this name.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace a saved run that was made from something else."),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="One JSON document instead of the run; of an index of passages it says which "
            "passage of each document was the best.",
        ),
    ] = False,
) -> None:
    """Search an index and write a TREC run to stdout.

    The scores are exact, but for a compressed index without vectors, whose scores are those of its
    codes. Ties go by docno as in trec_eval, and the same command gives the same bytes.
    """
    from clirot.retrieval.ranking_json import json_lines
    from clirot.runs import SAVED_RUN

    if as_json and save is not None:
        raise UsageError(
            "--json and --save contradict each other: what is kept is a TREC run", hint="choose one"
        )
    config = assembled(searching.SearchConfig, settings)
    with console.progress() as progress:
        ready = searching.search(config, progress=progress)
        for message in ready.notes:
            console.warn(message)
        if save is None:
            for lines in (json_lines if as_json else searching.Search.lines)(ready, progress):
                console.emit(lines.removesuffix("\n"))
            _tell_of_results(ready)
            return
        saved = ready.save(save, replace=replace, progress=progress)
        _tell_of_results(ready)
    with (saved.path / SAVED_RUN).open(encoding="utf-8") as run:
        for line in run:
            console.emit(line.removesuffix("\n"))


def _tell_of_results(ready: searching.Search) -> None:
    """Tell of topics that were cut, name those that found no document at all, and count what was
    left out: a run has no line that would show them.
    """
    for remark in ready.remarks():
        console.warn(remark)
    total = f"{len(ready.topics):,}"
    if ready.found_nothing:
        named = _named(ready.found_nothing)
        console.warn(f"{len(ready.found_nothing):,} of {total} topics found nothing: {named}")
    if ready.own_left_out:
        console.note(
            f"left out the topic's own document for {len(ready.own_left_out):,} of {total} topics: "
            + _named(ready.own_left_out)
        )


def _named(ids: list[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
