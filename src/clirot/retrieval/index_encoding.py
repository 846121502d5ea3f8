"""Encode the documents of an index into its draft, alone or as one of several processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from clirot.cut_texts import CutTexts
from clirot.processes import ALONE, Processes
from clirot.records import ProgressSink
from clirot.retrieval import encoded_windows
from clirot.retrieval.cut_documents import CUT, CutDocuments
from clirot.retrieval.disk_room import bytes_below, check_room, check_room_for_rest
from clirot.retrieval.document_texts import DocumentTexts
from clirot.retrieval.encoded_windows import Sources, WindowJob, encode_windows, write_windows
from clirot.retrieval.growing import Growth
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.index_plan import TokenIndex, sources_of
from clirot.retrieval.passages.rows import PassageRows, splitter_of
from clirot.retrieval.passages.splitting import Splitter
from clirot.retrieval.read_collections import check_unchanged, reading
from clirot.retrieval.sharding.cutting import DocumentRange, Shard
from clirot.store import Draft, Store

if TYPE_CHECKING:
    from clirot.encoding.encoders import MultiVectorTokenEncoder
    from clirot.retrieval.backends import IndexWriter


@dataclass(frozen=True)
class Encoding:
    """An index that is to be encoded, with what does it."""

    wanted: TokenIndex
    encoder: MultiVectorTokenEncoder
    splitter: Splitter | None
    """What splits documents into passages; None: nothing does."""
    draft: Draft
    """Where the index is written."""
    together: Processes = ALONE
    """The processes; the others are in :func:`help_encoding`."""


def encode(work: Encoding, progress: ProgressSink) -> None:
    """Write an index, or go on writing it; the first process does.

    Args:
        work: the index.
        progress: told of the documents, and of what follows when all are encoded.

    Raises:
        ArtefactError: the disk has too little room.
        InputError: the collection changed meanwhile, or vectors are not those of a late-interaction
            encoder.
    """
    from clirot.retrieval.backends import BACKENDS

    wanted, encoder, draft, together = work.wanted, work.encoder, work.draft, work.together
    settings, growth, passages, encoded = wanted.settings, wanted.growth, None, progress
    if work.splitter is None:
        sources = wanted.sources
    else:
        passages = PassageRows(wanted.documents, work.splitter, encoded_windows.WINDOW, draft)
        sources, encoded = Sources(passages.documents), passages.progress(progress)
    job = WindowJob(sources, encoder, settings["dtype"], draft.scratch, together)
    job.clear()
    backend = BACKENDS[settings["backend"]]
    writer = backend.writer(
        draft.path, draft.scratch, encoder.dim, settings["dtype"], wanted.config.compressed
    )
    if growth is not None and writer.documents < sources.before:
        _take_over(growth, writer, draft)
    first, size = writer.documents - sources.before, bytes_below(draft.path)
    shard = wanted.documents.shard if isinstance(wanted.documents, DocumentRange) else None
    together.agree(_Job(draft.scratch, first, settings, shard, growth is not None))
    together.wait()

    def check_rest() -> None:
        written = range(first, writer.documents - sources.before)
        check_room_for_rest(draft.path, bytes_below(draft.path) - size, written, sources)

    texts = None
    if passages is None:
        texts = DocumentTexts(draft.path, () if growth is None else growth.kept.items())
    cut = CutDocuments(draft.scratch, writer.documents)
    found = write_windows(job, writer, texts, cut, encoded, check_rest)
    writer.finish(progress, part=shard is not None)
    if passages is not None:
        passages.finish()
    check_unchanged(wanted.documents, draft)
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
        **backend.results(draft.path),
        **reading(wanted.documents),
    )
    if passages is not None:  # what is counted above are these
        draft.results.update(passages.results(draft.results))


def _take_over(growth: Growth, writer: IndexWriter, draft: Draft) -> None:
    """Begin with the documents of the old index."""
    kept, new = len(growth.kept), growth.added
    each = growth.old.manifest.results["bytes"] / kept
    check_room(draft.path, round(each * (kept + new)), f"the index of {kept + new:,} documents")
    writer.take_over(growth.old.path)


@dataclass(frozen=True)
class _Job:
    """What the first process tells the others of an index."""

    scratch: Path
    written: int
    """Documents that an interrupted attempt has written."""
    settings: Mapping[str, Any]
    shard: Shard | None
    """The documents that it has; None: all."""
    grows: bool
    """Whether only what is new is encoded."""


def help_encoding(config: IndexConfig, store: Store, together: Processes) -> str:
    """Encode what falls to a process that is not the first, of one index after another.

    Args:
        config: what was asked of all of them.
        store: where the first process writes.
        together: the processes.

    Returns:
        The name of the index that the first process has made in the end.
    """
    from clirot.collection import open_collection
    from clirot.encoding.encoders import load_encoder
    from clirot.models import resolve

    encoder = None
    while isinstance(job := together.agree(), _Job):
        whole = open_collection(config.collection, config.docs_lang, home=store.home)
        collection = whole if job.shard is None else DocumentRange(whole, job.shard)
        old = store.get("indexes", config.index_name) if job.grows else None
        sources = sources_of(collection, None if old is None else Growth(old, collection))
        together.wait()  # the old index has been read: the first process may replace it
        if encoder is None:
            model = resolve(config.model, store)
            dtype = job.settings["encode_dtype"]
            encoder = load_encoder(model, side="document", dtype=dtype)
        splitter = splitter_of(config.passages, encoder, collection.document_language)
        with TemporaryDirectory() as folder:
            if splitter is not None:  # the index has the first process' table of the passages
                draft = Draft(Path(folder), Path(folder), resumed=False)
                rows = PassageRows(collection, splitter, encoded_windows.WINDOW, draft)
                sources = Sources(rows.documents)
            windows = WindowJob(sources, encoder, job.settings["dtype"], job.scratch, together)
            encode_windows(windows, job.written)
    return str(job)
