"""``clirot fetch-bitext``: bitext from the catalogue and from files into the store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.cli import console, sources
from clirot.errors import UsageError
from clirot.records import LanguagePair

if TYPE_CHECKING:
    from clirot.acquisition import Fetched, FetchResult


def fetch_bitext(
    src: Annotated[str, typer.Option(help="Language of the teacher (ISO 639 or BCP 47).")] = "en",
    tgt: Annotated[str | None, typer.Option(help="Language of the student.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="A source of the catalogue, opus:CORPUS[@VERSION] or hf:OWNER/NAME; repeatable. "
            "See --list."
        ),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file: source TAB target [TAB id], UTF-8, or TMX; gzipped or not; repeatable."
        ),
    ] = None,
    keep_identical: Annotated[
        bool, typer.Option("--keep-identical", help="Keep pairs whose two sides are the same text.")
    ] = False,
    max_length: Annotated[
        int | None, typer.Option(help="Drop pairs with a side of more characters than this.")
    ] = None,
    max_ratio: Annotated[
        float | None,
        typer.Option(help="Drop pairs with one side more than this many times longer."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace bitext of that name that was made otherwise.")
    ] = False,
    listing: Annotated[
        bool,
        typer.Option("--list", help="List the sources (of the pair, with --tgt) and stop."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be downloaded and how large it is; stop."),
    ] = False,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Use what is here and in a mirror; ask no server."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Fetch bitext into the store: what the catalogue recommends, or what is named.

    The table says what was kept, and why the rest was not.
    """
    pair = LanguagePair.of(src, tgt) if tgt is not None else None
    if offline:
        os.environ["CLIROT_OFFLINE"] = "1"
    if listing:
        sources.list_sources(pair, as_json=as_json)
        return
    if pair is None:
        raise UsageError("no target language", hint="--tgt so, or --list for what there is")
    if dry_run:
        sources.show_plan(pair, source or [], file or [], as_json=as_json)
        return
    from clirot import acquisition
    from clirot.bitext import FilterConfig
    from clirot.store import Store

    config = acquisition.FetchConfig(
        pair=pair,
        sources=tuple(source or ()),
        files=tuple(file or ()),
        filters=FilterConfig(
            keep_identical=keep_identical, max_length=max_length, max_ratio=max_ratio
        ),
        replace=replace,
    )
    with console.progress() as progress:
        result = acquisition.fetch_bitext(config, store=Store(), progress=progress)
    if as_json:
        console.emit_json(_document(result))
    elif result.fetched:
        console.emit_table(
            console.table_of(
                ["source", "kept", "read", "dropped", "licence", ""],
                [_row(one) for one in result.fetched],
                title=f"{pair} bitext: {result.kept:,} pairs",
            )
        )
    result.check()


def _row(one: Fetched) -> list[str]:
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in one.dropped.items())
    news = "new" if one.fresh else "was there"
    return [one.source, f"{one.kept:,}", f"{one.read:,}", dropped, one.licence, news]


def _document(result: FetchResult) -> dict[str, Any]:
    return {
        "pair": result.pair.format(),
        "kept": result.kept,
        "fetched": [
            {
                "source": one.source,
                "artefact": one.artefact.name,
                "path": str(one.artefact.path),
                "digest": one.artefact.digest,
                "fresh": one.fresh,
                **one.artefact.manifest.results,
            }
            for one in result.fetched
        ],
        "failed": [
            {"source": one.source, "error": one.error.message, "hint": one.error.hint}
            for one in result.failed
        ],
    }
