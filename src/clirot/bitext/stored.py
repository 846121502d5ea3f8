"""Bitext in the store: how an artefact is written, and how several are read together.

Each source is an artefact of its own, ``bitext/<src>-<tgt>.<source>``, with one file,
``pairs.parquet``. It has a row for every pair of the source, kept or dropped, in their order.

======== ====== ==============================================================================
src, tgt string the sides, normalised
id       string the source's name for the pair
place    int64  line or unit in the source, from 1
outcome  string ``kept``, or the reason it was dropped (see ``clirot.bitext.config``)
...      float  a column for each score that was computed, such as ``tgt_script``; may be null
======== ====== ==============================================================================

The bytes of the file depend on the pairs and on the version of pyarrow. The manifest's results have
a digest of the kept pairs that does not depend on the version, ``pairs_digest``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import ArtefactError, InputError
from clirot.records import LanguagePair, SentencePair
from clirot.registry import unknown_name
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from clirot.bitext.filters.outcomes import Batch

PAIRS = "pairs.parquet"
_ROWS = 65_536  # of a row group; also what a reader of another language must hold at once
_READ = 8_192
_TEXT = ("src", "tgt", "id")


@dataclass(frozen=True)
class Bitext:
    """Sentence pairs of one language pair, merged over their artefacts."""

    pair: LanguagePair
    pairs: list[SentencePair]
    inputs: tuple[Input, ...]
    """The artefacts that were read, in the order in which they were named."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Source -> number of its pairs that an earlier source has too."""
    warnings: tuple[str, ...] = ()
    """The warnings of their manifests, each after the name of the artefact."""

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class StoredPair:
    """A row of an artefact."""

    pair: SentencePair
    outcome: str
    """``kept``, or the reason why it was dropped."""
    scores: dict[str, float]
    """Name -> score; scores that the pair does not have are left out."""

    @property
    def row(self) -> str:
        """``source TAB target TAB id``, as the pair is exported and read again."""
        return f"{self.pair.src}\t{self.pair.tgt}\t{self.pair.id}"


def artefact_name(pair: LanguagePair, source: str) -> str:
    """``en-so.tico-19``."""
    return f"{pair.format()}.{source}"


def stored_sources(store: Store, pair: LanguagePair) -> list[str]:
    """The sources of which the store has bitext for a pair, sorted."""
    prefix = artefact_name(pair, "")
    return [name.removeprefix(prefix) for name in store.names("bitext") if name.startswith(prefix)]


def write_pairs(path: Path, batches: Iterable[Batch], scores: Sequence[str] = ()) -> str:
    """Write pairs that went through the filters.

    Args:
        path: the file.
        batches: pairs with their outcomes, in order. Their sizes do not change the file.
        scores: the scores that every batch has.

    Returns:
        SHA-256 over the kept pairs' lines ``src TAB tgt TAB id``, hexadecimal.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    digest = hashlib.sha256()
    schema = _schema(scores)
    # Every setting is given that changes the bytes, so that a new default of pyarrow does not.
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=["outcome"],
        version="2.6",
        data_page_version="1.0",
        data_page_size=1 << 20,
        write_statistics=["place", "outcome"],
        store_schema=False,
        write_page_checksum=True,
    ) as writer:
        held: list[Any] = []
        rows = 0
        for batch in batches:
            record, kept = _record(batch, schema)
            digest.update(kept)
            held.append(record)
            rows += len(batch)
            while rows >= _ROWS:
                table = pa.Table.from_batches(held)
                writer.write_table(table.slice(0, _ROWS), row_group_size=_ROWS)
                held = table.slice(_ROWS).to_batches()
                rows -= _ROWS
        if rows:
            writer.write_table(pa.Table.from_batches(held), row_group_size=_ROWS)
    return digest.hexdigest()


def stored_pairs(
    artefact: Artefact, *, outcomes: Sequence[str] | None = None
) -> Iterator[StoredPair]:
    """The rows of an artefact in their order; a few thousand are in memory at a time.

    Args:
        artefact: bitext in the store.
        outcomes: which rows; default all.

    Raises:
        ArtefactError: its file is damaged.
    """
    for columns in _columns(artefact, outcomes):
        texts = [columns.pop(name) for name in (*_TEXT, "place", "outcome")]
        names = list(columns)
        scores = zip(*columns.values(), strict=True) if names else iter(lambda: (), None)
        for src, tgt, identifier, place, outcome, values in zip(*texts, scores, strict=False):
            known = zip(names, values, strict=True)
            yield StoredPair(
                SentencePair(src, tgt, identifier, place),
                outcome,
                {name: value for name, value in known if value is not None},
            )


def kept_pairs(artefact: Artefact) -> Iterator[SentencePair]:
    """The kept pairs of an artefact in their order; a few thousand are in memory at a time.

    Raises:
        ArtefactError: its file is damaged.
    """
    for columns in _columns(artefact, ("kept",), (*_TEXT, "place")):
        yield from map(SentencePair, *columns.values())


def sample_pairs(
    artefact: Artefact, size: int, *, seed: int = 0, outcomes: Sequence[str] = ("kept",)
) -> list[StoredPair]:
    """Some rows, drawn at random without replacement, in the order of the source.

    Args:
        artefact: bitext in the store.
        size: how many rows; if there are fewer, all of them.
        seed: another seed draws others.
        outcomes: from which rows.

    Raises:
        ArtefactError: its file is damaged.
    """
    import numpy as np

    from clirot.bitext.filters.outcomes import priorities

    # The first reading, of one small column, chooses the rows, so that no text is held in memory.
    codes: list[Any] = []
    first = 0
    for columns in _columns(artefact, None, ("outcome",)):
        wanted = np.isin(np.array(columns["outcome"], dtype=object), list(outcomes))
        rows = np.flatnonzero(wanted).astype(np.uint64) + np.uint64(first)
        keys = priorities(rows, seed)
        best = np.argsort(keys, kind="stable")[:size]
        codes.append(np.stack([keys[best], rows[best]]))
        first += len(wanted)
    if not codes:
        return []
    keys, rows = np.concatenate(codes, axis=1)
    chosen = set(rows[np.argsort(keys, kind="stable")[:size]].tolist())
    return [one for row, one in enumerate(stored_pairs(artefact)) if row in chosen]


def load_bitext(store: Store, pair: LanguagePair, sources: Sequence[str]) -> Bitext:
    """Read what was kept of some sources as one bitext.

    Args:
        store: where it is.
        pair: the languages.
        sources: names of sources, as :class:`~clirot.bitext.acquisition.FetchResult` lists
            them. Of two equal pairs in two sources, the one of the first source is taken.

    Raises:
        UnknownNameError: the store has nothing of that name for the pair.
        ArtefactError: an artefact's file is missing or damaged.
        InputError: nothing at all is there to read.
    """
    from clirot.bitext.filters.duplicates import pair_key

    names = list(dict.fromkeys(sources))
    artefacts = [_artefact(store, pair, source) for source in names]
    seen: set[bytes] = set()  # of earlier sources; within a source, its own filters dropped doubles
    merged: list[SentencePair] = []
    dropped: Counter[str] = Counter()
    for number, (source, artefact) in enumerate(zip(names, artefacts, strict=True), start=1):
        keys: list[bytes] = []
        for sentence in kept_pairs(artefact):
            key = pair_key(sentence) if len(names) > 1 else b""
            if key in seen:
                dropped[source] += 1
                continue
            merged.append(sentence)
            if number < len(names):
                keys.append(key)
        seen.update(keys)
    if not merged:
        raise InputError(
            f"no bitext for {pair}: no source was given or none has a pair",
            hint=f"fetch some: `fetch_bitext(src={pair.src}, tgt={pair.tgt})`",
        )
    warnings = [
        f"{one.name}: {fault}" for one in artefacts for fault in one.manifest.results["warnings"]
    ]
    inputs = tuple(one.as_input() for one in artefacts)
    return Bitext(pair, merged, inputs, dict(dropped), tuple(warnings))


def _schema(scores: Sequence[str]) -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            *((name, pa.large_string()) for name in _TEXT),
            ("place", pa.int64()),
            ("outcome", pa.dictionary(pa.int8(), pa.string())),
            *((name, pa.float32()) for name in scores),
        ]
    )


def _record(batch: Batch, schema: Any) -> tuple[Any, bytes]:
    """A batch as it is written, and the lines of its kept pairs."""
    import numpy as np
    import pyarrow as pa

    from clirot.bitext.config import REASONS

    outcome = pa.DictionaryArray.from_arrays(
        pa.array(batch.outcome.astype(np.int8)), pa.array(REASONS)
    )
    columns = [batch.src, batch.tgt, batch.id, batch.place]
    arrays = [pa.array(one, schema.types[i]) for i, one in enumerate(columns)] + [outcome]
    for name in schema.names[len(arrays) :]:
        values = batch.scores[name]
        arrays.append(pa.array(values, pa.float32(), mask=np.isnan(values)))
    kept = (batch.outcome == 0).tolist()
    rows = zip(batch.src, batch.tgt, batch.id, kept, strict=True)
    lines = "".join(f"{src}\t{tgt}\t{name}\n" for src, tgt, name, good in rows if good)
    return pa.record_batch(arrays, schema=schema), lines.encode()


def _columns(
    artefact: Artefact, outcomes: Sequence[str] | None, names: Sequence[str] | None = None
) -> Iterator[dict[str, list[Any]]]:
    """The columns of the file as lists, some thousand rows at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = artefact.path / PAIRS
    wanted = None if names is None else [*dict.fromkeys((*names, "outcome"))]
    artefact.check()
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            artefact.check_unreplaced()
            for record in file.iter_batches(_READ, columns=wanted):
                if outcomes is not None:
                    chosen = pc.is_in(record.column("outcome"), pa.array(list(outcomes)))
                    record = record.filter(chosen)
                yield {
                    name: record.column(name).to_pylist() for name in (names or record.schema.names)
                }
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ArtefactError(
            f"{path} cannot be read as bitext: {error}",
            hint=f"it is damaged: remove {artefact.path} and fetch it again",
        ) from error


def _artefact(store: Store, pair: LanguagePair, source: str) -> Artefact:
    name = artefact_name(pair, source)
    if not store.has("bitext", name):
        raise unknown_name(
            f"{pair} bitext in the store",
            source,
            stored_sources(store, pair),
            more=f"fetch it: `fetch_bitext(src={pair.src}, tgt={pair.tgt}, sources={source})`",
        )
    return store.get("bitext", name)
