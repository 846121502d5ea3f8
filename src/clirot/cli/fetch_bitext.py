"""``clirot fetch-bitext``: bitext from the catalogue and from files into the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.bitext.config import FetchConfig, FilterConfig
from clirot.cli import console, sources
from clirot.cli.options import with_options
from clirot.errors import UsageError
from clirot.records import LanguagePair
from clirot.settings import assembled

if TYPE_CHECKING:
    from clirot.bitext.acquisition import Fetched, FetchResult

_NAMES = {"sources": ("--source",), "files": ("--file",), "exclude": ("--exclude-collection",)}


@with_options(
    FetchConfig,
    names=_NAMES,
    metavars={"near_duplicates": "[off|pair|src|tgt]", "exclude": "ID|DIR"},
)
def fetch_bitext(
    *,
    settings: dict[str, Any],
    src: Annotated[str, typer.Option(help="Language of the teacher (ISO 639 or BCP 47).")] = "en",
    tgt: Annotated[str | None, typer.Option(help="Language of the student.")] = None,
    no_filter: Annotated[
        bool,
        typer.Option("--no-filter", help="Keep all pairs but those with an empty side."),
    ] = False,
    listing: Annotated[
        bool,
        typer.Option("--list", help="List the sources (of the pair, with --tgt) and stop."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be downloaded or read and how large it is; stop."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Fetch bitext into the store: what the catalogue recommends, or what is named.

    The table says what was kept, and why the rest was not; `clirot bitext` shows more.
    """
    pair = LanguagePair.of(src, tgt) if tgt is not None else None
    if listing:
        sources.list_sources(pair, offline=settings["offline"], as_json=as_json)
        return
    if pair is None:
        raise UsageError("no target language", hint="--tgt so, or --list for what there is")
    config = assembled(FetchConfig, settings, pair=pair)
    if no_filter:
        if config.filters != FilterConfig():
            raise UsageError("--no-filter and the setting of a filter contradict each other")
        config = replace(config, filters=FilterConfig.off())
    if dry_run:
        sources.show_plan(config, as_json=as_json)
        return
    from clirot.bitext import acquisition
    from clirot.store import Store

    with console.progress() as progress:
        result = acquisition.fetch_bitext(config, store=Store(), progress=progress)
    for one in result.fetched:
        if one.realigned is not None:
            console.note(f"{one.source}: realigned; before: {one.realigned['found']}")
        for said in one.language_variants:
            console.note(f"{one.source}: {said}")
        for warning in one.warnings:
            console.warn(f"{one.source}: {warning}")
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
