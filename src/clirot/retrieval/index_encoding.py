"""Encode the documents of an index into its draft, alone or as one of several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clirot.cut_texts import CutTexts
from clirot.processes import Processes
from clirot.records import ProgressSink
from clirot.retrieval.cut_documents import CutDocuments
from clirot.retrieval.disk_room import bytes_below, check_room, check_room_for_rest
from clirot.retrieval.document_texts import DocumentTexts
from clirot.retrieval.encoded_windows import WindowJob, encode_windows, write_windows
from clirot.retrieval.growing import Growth
from clirot.retrieval.index_config import CUT, IndexConfig
from clirot.retrieval.index_plan import Plan
from clirot.retrieval.read_collections import check_unchanged, reading
from clirot.store import Draft, Store

if TYPE_CHECKING:
    from clirot.models import ModelRef
    from clirot.retrieval.backends import IndexWriter


def encode(
    plan: Plan, model: ModelRef, draft: Draft, progress: ProgressSink, together: Processes
) -> None:
    """Write an index, or go on writing it; the first process does.

    Args:
        plan: what the index is made of.
        model: what encodes the documents.
        draft: where it is written.
        progress: told of the documents.
        together: the processes; the others call :func:`help_encoding`.

    Raises:
        ArtefactError: the disk has too little room.
        InputError: the collection changed meanwhile, or vectors are not those of a late-interaction
            encoder.
    """
    from clirot.encoding.encoders import load_encoder
    from clirot.retrieval.backends import BACKENDS

    settings, sources, growth = plan.settings, plan.sources, plan.growth
    encoder = load_encoder(model, side="document", dtype=settings["encode_dtype"])
    job = WindowJob(sources, encoder, settings["dtype"], draft.scratch, together)
    job.clear()
    backend = BACKENDS[settings["backend"]]
    writer = backend.writer(draft.path, draft.scratch, encoder.dim, settings["dtype"])
    if growth is not None and writer.documents < sources.before:
        _take_over(growth, writer, draft)
    first, size = writer.documents - sources.before, bytes_below(draft.path)
    said = {"scratch": draft.scratch, "written": first, "settings": settings}
    together.agree(said | {"grown": growth is not None})
    together.wait()

    def check_rest() -> None:
        written = range(first, writer.documents - sources.before)
        check_room_for_rest(draft.path, bytes_below(draft.path) - size, written, sources)

    texts = DocumentTexts(draft.path, () if growth is None else growth.kept.items())
    cut = CutDocuments(draft.scratch, writer.documents)
    found = write_windows(job, writer, texts, cut, progress, check_rest)
    writer.finish()
    check_unchanged(plan.collection, draft)
    if growth is not None:
        growth.old.check_unreplaced()
        draft.results.update(kept=len(growth.kept), added=growth.added)
    draft.results.update(
        documents=writer.documents,
        empty_documents=found.empty + (0 if growth is None else growth.empty),
        **{CUT: ((CutTexts() if growth is None else growth.cut) + cut.total).row},
        tokens=writer.tokens,
        bytes=bytes_below(draft.path),
        documents_per_second=round(found.documents / found.seconds, 1),
        tokens_per_second=round(found.tokens / found.seconds, 1),
        processes=together.count,
        **reading(plan.collection),
    )


def _take_over(growth: Growth, writer: IndexWriter, draft: Draft) -> None:
    """Begin with the documents of the old index."""
    kept, new = len(growth.kept), growth.added
    each = growth.old.manifest.results["bytes"] / kept
    check_room(draft.path, round(each * (kept + new)), f"the index of {kept + new:,} documents")
    writer.take_over(growth.old.path)


def help_encoding(config: IndexConfig, store: Store, together: Processes) -> None:
    """Encode what falls to a process that is not the first, where there is anything to encode.

    Args:
        config: what was asked of all of them.
        store: where the first process writes.
        together: the processes.
    """
    from clirot.collection import open_collection
    from clirot.encoding.encoders import load_encoder
    from clirot.models import resolve

    job = together.agree()
    if job is None:
        return
    settings = job["settings"]
    collection = open_collection(config.collection, config.docs_lang, home=store.home)
    growth = Growth(store.get("indexes", config.index_name), collection) if job["grown"] else None
    sources = Plan(collection, settings, (), growth).sources
    together.wait()  # the old index has been read: the first process may replace it
    model = resolve(config.model, store)
    encoder = load_encoder(model, side="document", dtype=settings["encode_dtype"])
    windows = WindowJob(sources, encoder, settings["dtype"], job["scratch"], together)
    encode_windows(windows, job["written"])
