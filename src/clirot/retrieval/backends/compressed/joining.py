"""The shards of a compressed index as one index: made when they are joined, and opened.

Codes and vectors stay in the shards. What finds candidates is made once for all of them, as it is
for an index in one piece: so the number of shards does not decide which documents are found.

::

    codec.json      as of an index in one piece: what its shards hold, and whether there are lists
    lists/          inverted lists over the documents of all shards, in large collections
    promise.json    how deep to look for which recall
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from clirot.records import ProgressSink, silent
from clirot.retrieval.backends.compressed.calibration import joined_by_codes, measured
from clirot.retrieval.backends.compressed.index import LISTS, CompressedIndex, Layout, damaged
from clirot.retrieval.backends.compressed.list_building import build_lists
from clirot.retrieval.backends.compressed.lists import Lists
from clirot.retrieval.promise import Promise
from clirot.retrieval.settings import CompressedSettings


def join(
    shards: Sequence[Path],
    directory: Path,
    scratch: Path,
    settings: CompressedSettings,
    progress: ProgressSink = silent,
) -> None:
    """Make the lists of an index in shards, and measure what can be promised.

    Args:
        shards: the directories of its shards, in their order.
        directory: where it is written.
        scratch: where unfinished work is kept; what a killed attempt left is gone on with.
        settings: those that the shards were made with.
        progress: told of the lists and of the queries.

    Raises:
        ArtefactError: a shard is damaged.
    """
    parts = [CompressedIndex.open(shard) for shard in shards]
    index = _opened(parts, directory)
    has_lists = build_lists(index.codes, directory / LISTS, scratch / LISTS, progress)
    layout = Layout(index.dim, settings.bits, settings.store, lists=has_lists)
    layout.save(directory)
    index = _with_lists(index, directory, layout)
    if index.vectors is None:
        promise = joined_by_codes(index, [part.promise for part in parts], progress)
    else:
        promise = measured(index, settings.recall, progress)
    promise.save(directory)


def open_joined(shards: Sequence[Path], directory: Path) -> CompressedIndex:
    """Open the shards of an index as one index.

    Args:
        shards: their directories, in their order.
        directory: of the joined index.

    Raises:
        ArtefactError: it is damaged, or one of its shards is.
    """
    index = _opened([CompressedIndex.open(shard) for shard in shards], directory)
    try:
        index = _with_lists(index, directory, Layout.open(directory))
        return replace(index, promise=Promise.open(directory))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(directory, error) from error


def _opened(parts: Sequence[CompressedIndex], directory: Path) -> CompressedIndex:
    try:
        return CompressedIndex.joined(parts)
    except ValueError as error:
        raise damaged(directory, error) from error


def _with_lists(index: CompressedIndex, directory: Path, layout: Layout) -> CompressedIndex:
    if not layout.lists:
        return index
    return replace(index, lists=Lists.open(directory / LISTS, index.codes.codec, len(index)))
