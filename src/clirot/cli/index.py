"""``clirot index``: a collection's documents into an index."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.documents import made
from clirot.cli.options import with_options
from clirot.counted import counted
from clirot.retrieval.index_config import IndexConfig, IndexResult
from clirot.settings import assembled


@with_options(
    IndexConfig,
    names={"store": ("--store/--no-store",)},
    metavars={"collection": "ID|DIR", "name": "NAME"},
)
def index(
    *,
    settings: dict[str, Any],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document: name, path, digest, counts.")
    ] = False,
) -> None:
    """Index a collection's documents, and print the name of the index.

    An index that exists is returned at once; an interrupted one goes on where it stopped, except
    that of a lexical model (bm25), which begins anew. --add encodes what is new in a collection
    that has grown. With --shard the name is that of the shard, until the last one is there. Several
    GPUs: torchrun --nproc-per-node N -m clirot index ...
    """
    from clirot.processes import launched
    from clirot.retrieval.indexing import build_index

    config = assembled(IndexConfig, settings)
    if launched()[0] > 0:  # of several processes only the first one speaks
        build_index(config)
        return
    with console.progress() as progress:
        result = build_index(config, progress=progress)
    tokens = counted(result.tokens, "word" if result.lexical else "token")
    size = f"{counted(result.documents, 'document')}, {tokens}, {result.bytes / 1e6:.1f} MB"
    state = "indexed" if result.fresh else "index was there"
    console.note(f"{state}: {size}{_speed(result)}")
    if result.promise is not None:
        whose = "" if result.passages is None else "of passages: "
        console.note(whose + result.promise.remark())
    if result.passages is not None:
        split = counted(result.passages.split, "document is", "documents are")
        passages = counted(result.passages.passages, "passage")
        console.note(f"{split} longer than a passage; {passages} in all")
    if result.empty_documents:
        empty = counted(result.empty_documents, "document has", "documents have")
        console.warn(f"{empty} no text")
    for note in (*result.notes, *result.remarks()):
        console.warn(note)
    if as_json:
        console.emit_json(made(result.artefact, fresh=result.fresh))
    else:
        console.emit(result.name)


def _speed(result: IndexResult) -> str:
    """What was encoded now, and how fast."""
    found = result.artefact.manifest.results
    if not result.fresh or not found.get("tokens_per_second"):
        return ""
    added = f"; {found['added']:,} of the documents are new" if "added" in found else ""
    return f"{added}; {found['tokens_per_second']:,.0f} tokens a second"
