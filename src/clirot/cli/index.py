"""``clirot index``: a collection's documents into an index."""

from __future__ import annotations

from typing import Annotated

import typer

from clirot.cli import console


def index(
    model: Annotated[
        str, typer.Option(help="Model whose document side encodes: a name, directory or Hub id.")
    ],
    collection: Annotated[str, typer.Option(help="Collection: a directory or an id (cldr/so).")],
    name: Annotated[
        str | None, typer.Option(help="Name of the index [default: MODEL.COLLECTION].")
    ] = None,
    docs_lang: Annotated[
        str | None,
        typer.Option(help="Language of the documents, where a directory has several."),
    ] = None,
    backend: Annotated[str, typer.Option(help="Kind of index.")] = "exact",
    dtype: Annotated[str, typer.Option(help="Stored vectors: float16 or float32.")] = "float16",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an index of that name made otherwise.")
    ] = False,
) -> None:
    """Index a collection's documents, and print the name of the index.

    An index that exists is returned at once; an interrupted one goes on where it stopped.
    """
    from clirot.retrieval.indexing import IndexConfig, build_index

    config = IndexConfig(
        model=model,
        collection=collection,
        name=name,
        docs_lang=docs_lang,
        backend=backend,
        dtype=dtype,
        replace=replace,
    )
    with console.progress() as progress:
        result = build_index(config, progress=progress)
    size = f"{result.documents:,} documents, {result.tokens:,} tokens, {result.bytes / 1e6:.1f} MB"
    state = "indexed" if result.fresh else "index was there"
    console.note(f"{state}: {size}")
    if result.empty_documents:
        console.warn(f"{result.empty_documents:,} documents have no text")
    for note in result.notes:
        console.warn(note)
    console.emit(result.name)
