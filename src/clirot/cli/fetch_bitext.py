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
    from clirot.bitext.acquisition import Fetched, FetchResult


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
            help="A file: TSV, CSV, JSONL, Parquet (PATH:SRC,TGT names columns), TMX, XLIFF, PO, "
            "MO, or two aligned (PATH,PATH); gz, bz2, xz, zst or zip; repeatable."
        ),
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Format of the files, where content and name mislead: tsv, csv, jsonl, parquet, "
            "moses, tmx, xliff, po, mo.",
        ),
    ] = None,
    skip_malformed: Annotated[
        bool,
        typer.Option(
            "--skip-malformed",
            help="Count rows of TSV, CSV and JSONL that cannot be read, and go on.",
        ),
    ] = False,
    keep_identical: Annotated[
        bool, typer.Option("--keep-identical", help="Keep pairs whose two sides are the same text.")
    ] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Keep pairs that equal an earlier one.")
    ] = False,
    keep_control: Annotated[
        bool,
        typer.Option("--keep-control", help="Keep pairs with control characters (as U+FFFD)."),
    ] = False,
    near_duplicates: Annotated[
        str,
        typer.Option(
            metavar="[off|pair|src|tgt]",
            help="Drop pairs that equal an earlier one but for case, punctuation and digits: in "
            "both sides, the source's, or the target's.",
        ),
    ] = "off",
    min_length: Annotated[
        int, typer.Option(help="Drop pairs with a side of fewer characters than this.")
    ] = 1,
    max_length: Annotated[
        int,
        typer.Option(help="Drop pairs with a side of more characters than this; 0: off."),
    ] = 5000,
    min_words: Annotated[
        int, typer.Option(help="Drop pairs with a side of fewer words than this.")
    ] = 1,
    max_words: Annotated[
        int | None, typer.Option(help="Drop pairs with a side of more words than this.")
    ] = None,
    max_ratio: Annotated[
        float,
        typer.Option(
            help="Drop pairs with one side more than this many times longer (in characters; from "
            "30 on); 0: off."
        ),
    ] = 9.0,
    max_word_ratio: Annotated[
        float | None, typer.Option(help="The same, in words; not for languages without spaces.")
    ] = None,
    min_script: Annotated[
        float,
        typer.Option(
            help="Drop pairs with a side of whose letters a smaller share is in a script of its "
            "language; 0: off."
        ),
    ] = 0.1,
    min_language: Annotated[
        float,
        typer.Option(
            help="Drop pairs with a side that the language identifier takes for another language, "
            "giving its own less than this probability; 0: off. Needs the extra langid."
        ),
    ] = 0.0,
    min_alignment: Annotated[
        float,
        typer.Option(
            help="Drop pairs that are translations of each other with a lower probability than "
            "this, as the rest of the corpus says (.5 is a good value); 0: off."
        ),
    ] = 0.0,
    realign: Annotated[
        bool,
        typer.Option(
            "--realign",
            help="Put sentences back beside their translations where lines have slipped.",
        ),
    ] = False,
    exclude_collection: Annotated[
        list[str] | None,
        typer.Option(
            help="Drop pairs of which a side is a document, sentence or topic of this collection "
            "(an id or a directory); repeatable."
        ),
    ] = None,
    no_filter: Annotated[
        bool,
        typer.Option("--no-filter", help="Keep all but pairs with an empty side."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace bitext of that name that was made otherwise.")
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
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Use what is here and in a mirror; ask no server."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Fetch bitext into the store: what the catalogue recommends, or what is named.

    The table says what was kept, and why the rest was not; `clirot bitext` shows more.
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
        sources.show_plan(
            pair,
            source or [],
            file or [],
            file_format=file_format,
            skip_malformed=skip_malformed,
            as_json=as_json,
        )
        return
    from clirot.bitext import FilterConfig, acquisition
    from clirot.store import Store

    filters = FilterConfig(
        keep_control=keep_control,
        keep_identical=keep_identical,
        keep_duplicates=keep_duplicates,
        near_duplicates=near_duplicates,
        min_length=min_length,
        max_length=max_length,
        min_words=min_words,
        max_words=max_words or 0,
        max_ratio=max_ratio,
        max_word_ratio=max_word_ratio or 0.0,
        min_script=min_script,
        min_language=min_language,
        min_alignment=min_alignment,
    )
    if no_filter:
        if filters != FilterConfig():
            raise UsageError("--no-filter and the setting of a filter contradict each other")
        filters = FilterConfig.off()
    config = acquisition.FetchConfig(
        pair=pair,
        sources=tuple(source or ()),
        files=tuple(file or ()),
        format=file_format,
        skip_malformed=skip_malformed,
        filters=filters,
        exclude=tuple(exclude_collection or ()),
        realign=realign,
        replace=replace,
    )
    with console.progress() as progress:
        result = acquisition.fetch_bitext(config, store=Store(), progress=progress)
    for one in result.fetched:
        if one.realigned is not None:
            console.note(f"{one.source}: realigned; before: {one.realigned['found']}")
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
