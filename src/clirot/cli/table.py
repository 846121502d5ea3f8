"""``clirot table``: word translation tables, made from bitext and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.bitext.table_config import TableConfig
from clirot.cli import console
from clirot.cli.documents import made
from clirot.cli.options import with_options
from clirot.records import LanguagePair
from clirot.settings import assembled
from clirot.store import Store

if TYPE_CHECKING:
    from clirot.bitext.word_table import WordTable

_SHOWN = 10  # translations of a word


@with_options(
    TableConfig,
    names={"sources": ("--source",), "files": ("--file",)},
    metavars={"sources": "NAME", "files": "PATH"},
)
def table(
    *,
    settings: dict[str, Any],
    src: Annotated[str, typer.Option(help="Language that words are translated into.")],
    tgt: Annotated[str, typer.Option(help="Language whose words are translated.")],
    word: Annotated[
        list[str] | None,
        typer.Option(help="Show how this word is translated; repeat the option for several."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Learn how words are translated from bitext, and print the table's name.

    A table that exists is returned at once; with --word alone, whatever bitext has come since.
    Bitext that the store lacks is fetched first. `search --model psq` and `translate --model
    table` use it.
    """
    from clirot.bitext.word_table import TableResult, WordTable, make_table

    config = assembled(TableConfig, settings, pair=LanguagePair.of(src, tgt))
    store = Store()
    looked_up = word and store.has("tables", config.table_name)
    if looked_up and not (config.sources or config.files or config.replace):
        # To look at a table is not to make it: the store may have more bitext by now.
        result = TableResult(store.get("tables", config.table_name), fresh=False)
    else:
        with console.progress() as progress:
            result = make_table(config, store=store, progress=progress)
    figures = result.artefact.manifest.results
    console.note(
        f"{'made' if result.fresh else 'table was there'}: {figures['tgt_words']:,} words of "
        f"{config.pair.tgt} with {figures['translations']:,} translations, "
        f"from {figures['pairs']:,} pairs"
    )
    if figures["pairs_without_words"]:
        console.warn(f"{figures['pairs_without_words']:,} pairs have a side without a word")
    rows = _translations(WordTable.open(result.artefact), word or [])
    if as_json:
        console.emit_json(made(result.artefact, fresh=result.fresh, words=rows))
    elif word:
        columns = ["word", "translation", f"p({config.pair.src}|{config.pair.tgt})"]
        listed = [[one["word"], one["translation"], f"{one['probability']:.4f}"] for one in rows]
        console.emit_table(console.table_of(columns, listed))
    else:
        console.emit(result.name)


def _translations(opened: WordTable, asked: list[str]) -> list[dict[str, Any]]:
    """The most probable translations of words, as they are matched."""
    from clirot.analysis import words

    found: list[dict[str, Any]] = []
    for text in asked:
        for word in words(text, opened.pair.tgt):
            known = opened.translations(word)[:_SHOWN]
            if not known:
                console.warn(f"{word!r} is not in the table")
            found += [
                {"word": word, "translation": one, "probability": round(p, 6)} for one, p in known
            ]
    return found
