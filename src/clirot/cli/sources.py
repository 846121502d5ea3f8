"""``fetch-bitext --list`` and ``--dry-run``: the sources, and what fetching would download."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from clirot.cli import console
from clirot.records import LanguagePair

if TYPE_CHECKING:
    from clirot.bitext import Source
    from clirot.bitext.config import FetchConfig
    from clirot.bitext.plan import Plan, PlannedFile, PlannedSource


def list_sources(pair: LanguagePair | None, *, offline: bool, as_json: bool) -> None:
    """List the sources of a pair with the corpora of OPUS; without a pair, the table of sources."""
    from clirot.bitext import SOURCES, sources_for
    from clirot.bitext.source import published

    if pair is None:
        _list_table([SOURCES[name] for name in sorted(SOURCES)], as_json=as_json)
        return
    recommended = _recommended(pair)
    chosen = [(one, published(one, pair) or pair) for one in sources_for(pair)]
    for one, its in chosen:
        if its != pair:
            console.note(f"{one.name} has {its}, which is the nearest to {pair}")
    chosen += [(one, pair) for one in _of_opus(pair, offline)]
    if as_json:
        console.emit_json([_entry(one, its, recommended) for one, its in chosen])
        return
    rows = [
        [
            _given(one),
            one.title,
            _count(one.count(its)),
            _size(_bytes(one, its)),
            one.domain,
            one.licence,
            _use(one, recommended),
        ]
        for one, its in chosen
    ]
    columns = ["source", "what", "pairs", "size", "domain", "licence", "recommended"]
    title = f"sources of {pair} bitext"
    console.emit_table(console.table_of(columns, rows, title=title))


def show_plan(config: FetchConfig, *, as_json: bool) -> None:
    """Show what fetching would download and read, and how much disk it needs.

    Raises:
        PartlyDoneError, ClirotError: sources could not be looked up, or files not read.
    """
    from clirot.bitext.acquisition import raise_failures
    from clirot.bitext.plan import planned
    from clirot.store import Store

    with console.progress() as progress:
        plan = planned(config, store=Store(), progress=progress)
    if as_json:
        console.emit_json(_plan_document(plan))
    elif plan.sources or plan.files:
        _plan_table(plan)
    if plan.needed > plan.free:
        console.warn(f"{_size(plan.needed)} are needed and {_size(plan.free)} are free")
    raise_failures(plan.failed, len(plan.sources + plan.files), "could not be looked up")


def _recommended(pair: LanguagePair) -> set[str]:
    from clirot.bitext import recommended_for
    from clirot.errors import UsageError

    try:
        return {one.name for one in recommended_for(pair)}
    except UsageError:
        return set()


def _of_opus(pair: LanguagePair, offline: bool) -> list[Source]:
    from clirot.bitext.sources.opus import corpora
    from clirot.download import without_network
    from clirot.errors import DownloadError
    from clirot.store import Store

    try:
        with without_network() if offline else nullcontext():
            found, stale = corpora(pair, home=Store().home)
    except DownloadError as error:
        console.note(f"OPUS's corpora are not listed: {error.message}")
        return []
    if stale is not None:
        console.note(f"OPUS did not answer: {stale}")
    return list(found)


def _list_table(chosen: Sequence[Source], *, as_json: bool) -> None:
    if as_json:
        console.emit_json([_description(one) for one in chosen])
        return
    rows = [[one.name, one.title, one.domain, one.licence, _languages(one)] for one in chosen]
    columns = ["source", "what", "domain", "licence", "languages"]
    console.emit_table(console.table_of(columns, rows, title="sources of bitext"))
    console.note("with --tgt, those of the pair, and what OPUS has: opus:CORPUS")


def _languages(source: Source, most: int = 12) -> str:
    languages = source.languages
    return f"{len(languages)} languages" if len(languages) > most else " ".join(languages)


def _given(source: Source) -> str:
    """The name that a user gives; a corpus of OPUS has another name in the store."""
    return str(getattr(source, "given", source.name))


def _bytes(source: Source, pair: LanguagePair) -> int | None:
    stated = getattr(source, "size", None)
    if stated is not None:
        return int(stated)
    sizes = [one.size for one in source.upstreams(pair)]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def _use(source: Source, recommended: set[str]) -> str:
    if source.evaluation:
        return "no: for evaluation"
    return "yes" if source.name in recommended else "no"


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _size(count: int | None) -> str:
    from clirot.download import readable

    return "" if count is None else readable(count)


def _description(source: Source) -> dict[str, Any]:
    return {
        "source": _given(source),
        "title": source.title,
        "domain": source.domain,
        "licence": source.licence,
        "homepage": source.homepage,
        "citation": source.citation,
        "revision": source.revision,
        "evaluation": source.evaluation,
        "languages": list(source.languages),
    }


def _entry(source: Source, pair: LanguagePair, recommended: set[str]) -> dict[str, Any]:
    return _description(source) | {
        "pairs": source.count(pair),
        "bytes": _bytes(source, pair),
        "urls": [one.url for one in source.upstreams(pair)],
        "recommended": source.name in recommended,
    }


def _plan_table(plan: Plan) -> None:
    rows = []
    for one in plan.sources:
        lead = [_given(one.source), _count(one.pairs)]
        if not one.files:
            where = "(fetched by the datasets library)" if one.of_hub else "(installed)"
            rows.append([*lead, where, "", "in the store" if one.stored else ""])
        for file in one.files:
            rows.append([*lead, file.url, _size(file.size), _state(one, file)])
            lead = ["", ""]
    for local in plan.files:
        lead = ["a file", ""]
        for path, size in zip(local.file.paths, local.sizes, strict=True):
            rows.append([*lead, str(path), _size(size), "read where it is"])
            lead = ["", ""]
    unknown = f", and {plan.unknown} files of unknown size" if plan.unknown else ""
    title = (
        f"{plan.pair} bitext: {_size(plan.left)} to download{unknown}; about "
        f"{_size(plan.needed)} of disk, {_size(plan.free)} free"
    )
    console.emit_table(console.table_of(["source", "pairs", "file", "size", ""], rows, title=title))


def _state(one: PlannedSource, file: PlannedFile) -> str:
    if one.stored:
        return "in the store"
    if file.whole:
        return "downloaded"
    return f"{_size(file.arrived)} of it here" if file.arrived else "to download"


def _plan_document(plan: Plan) -> dict[str, Any]:
    return {
        "pair": plan.pair.format(),
        "bytes_to_download": plan.left,
        "files_of_unknown_size": plan.unknown,
        "bytes_of_disk": plan.needed,
        "bytes_free": plan.free,
        "sources": [
            {
                "source": one.source.name,
                "pairs": one.pairs,
                "licence": one.source.licence,
                "stored": one.stored,
                "files": [
                    {
                        "url": file.url,
                        "bytes": file.size,
                        "bytes_here": file.arrived,
                        "whole": file.whole,
                    }
                    for file in one.files
                ],
            }
            for one in plan.sources
        ],
        "files": [
            {
                "file": str(one.file),
                "paths": [str(path.absolute()) for path in one.file.paths],
                "bytes": sum(one.sizes),
            }
            for one in plan.files
        ],
        "failed": [
            {"source": name, "error": error.message, "hint": error.hint}
            for name, error in plan.failed
        ],
    }
