"""Build the shards of an index, those that are missing, and join what is there.

The joined index is an artefact without vectors: its manifest names the shards with their digests
among its inputs, and a file counts what they hold. For some backends it has what is made of the
documents of all shards together (:class:`clirot.retrieval.backends.Joining`).

::

    shards.json    format; of each shard: digest, documents, tokens
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clirot.counted import counted
from clirot.cut_texts import CutTexts
from clirot.errors import ArtefactError, BusyError, ClusterError, UsageError
from clirot.records import ProgressSink, Step, silent
from clirot.retrieval import encoded_windows
from clirot.retrieval.cut_documents import CUT
from clirot.retrieval.disk_room import bytes_below, check_room
from clirot.retrieval.index_config import COUNTS, IndexConfig, IndexResult
from clirot.retrieval.index_plan import TokenIndex
from clirot.retrieval.passages.counts import joined_counts
from clirot.retrieval.read_collections import reading
from clirot.retrieval.sharding.cutting import DocumentRange, Shard, cut, shards_of
from clirot.settings import leaves
from clirot.store import Artefact, Input, Store, write_text

if TYPE_CHECKING:
    from clirot.retrieval.backends import Backend

SHARDS = "shards"
"""Where a manifest says how many shards an index has; only a shard says ``shard`` as well."""
_FORMAT = 1
_JOINED, _TOGETHER = "joined", 2  # 1 was: each shard finds candidates of its own
_LISTED = 6  # bytes that a token takes at most in what is made of all documents
_FILE = "shards.json"
_SEEN_S, _LOOK_S = 90.0, 0.2


Build = Callable[[TokenIndex, ProgressSink], Artefact]
"""Builds an index here, or finds it built."""


@dataclass(frozen=True)
class ShardedBuild:
    """An index in shards that is wanted."""

    whole: TokenIndex
    """As it would be without shards."""
    store: Store
    build: Build

    @cached_property
    def shards(self) -> list[Shard]:
        """The ranges of documents."""
        count = self.whole.documents.document_count
        if count is None:
            count = sum(1 for _ in self.whole.documents.documents())
        return cut(count, self.whole.config.shards or 1, encoded_windows.WINDOW)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides a shard, besides its inputs and which one it is."""
        return {**self.whole.settings, SHARDS: len(self.shards)}

    @cached_property
    def backend(self) -> Backend:
        """The kind of index."""
        from clirot.retrieval.backends import BACKENDS

        return BACKENDS[self.whole.settings["backend"]]

    @property
    def joined_settings(self) -> dict[str, Any]:
        """What decides the joined index, besides its inputs."""
        together = {} if self.backend.joining is None else {_JOINED: _TOGETHER}
        return self.settings | together

    def part(self, shard: Shard) -> TokenIndex:
        """The index of a shard."""
        return TokenIndex(
            name=shard.name(self.whole.name),
            config=self.whole.config,
            collection=DocumentRange(self.whole.documents, shard),
            settings={**self.settings, "shard": shard.number},
            inputs=self.whole.inputs,
        )

    def chosen(self) -> Shard | None:
        """The one shard that is asked for; None: all are.

        Raises:
            UsageError: the collection has not so many.
        """
        number = self.whole.config.shard
        if number is None:
            return None
        if number > len(self.shards):
            raise UsageError(
                f"there is no shard {number}: {self._size()} make "
                f"{counted(len(self.shards), 'shard')} at most",
                hint=f"`shards={len(self.shards)}`",
            )
        return self.shards[number - 1]

    def here(self, shard: Shard, progress: ProgressSink) -> Artefact:
        """Build a shard in this process, or find it built."""
        label = f"index shard {shard.number}/{shard.of}"

        def advance(step: Step) -> None:
            progress(replace(step, label=label) if step.label == "index" else step)

        return self.build(self.part(shard), advance)

    def there(self, shard: Shard) -> Artefact | None:
        """A finished shard; None: there is none that was made from this.

        Raises:
            ArtefactError: it is damaged.
        """
        part = self.part(shard)
        if not self.store.has("indexes", part.name):
            return None
        found = self.store.get("indexes", part.name)
        wanted = replace(found.manifest, config=part.settings, inputs=part.inputs)
        return found if found.manifest.fingerprint == wanted.fingerprint else None

    def missing(self, shard: Shard) -> bool:
        """Whether a shard has to be built.

        Raises:
            ArtefactError: one of its name is damaged or was made from something else, and is not to
                be replaced.
        """
        part = self.part(shard)
        found = self.store.finished(
            "indexes",
            part.name,
            config=part.settings,
            inputs=part.inputs,
            replace=part.config.replace,
        )
        return found is None

    def awaited(self, shard: Shard) -> None:
        """Wait until a shard that another machine has built is seen here: network file systems
        keep for some time what they have told of a directory.

        Raises:
            ClusterError: it is not seen in a minute and a half.
        """
        deadline = time.monotonic() + _SEEN_S
        while self.there(shard) is None:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"a node has built {shard.name(self.whole.name)}, and it is not seen here in "
                    f"{self.store.home}",
                    hint="all nodes must share CLIROT_HOME",
                )
            time.sleep(_LOOK_S)

    def joined_if_whole(self, progress: ProgressSink = silent) -> Artefact | None:
        """The joined index, as soon as all shards are there; None: some are missing, or another
        process joins them.
        """
        found = [self.there(shard) for shard in self.shards]
        shards = [one for one in found if one is not None]
        if len(shards) < len(found):
            return None
        try:
            return self.joined(shards, progress)[0]
        except BusyError:
            return None

    def joined(
        self, shards: list[Artefact], progress: ProgressSink = silent
    ) -> tuple[Artefact, bool]:
        """Join the shards, or find them joined; and whether they were joined now.

        Args:
            shards: all of them, in their order.
            progress: told of what is made of all documents together.

        Raises:
            ArtefactError: an index of the name was made from something else, or the disk has too
                little room.
        """
        whole, settings, joining = self.whole, self.joined_settings, self.backend.joining
        inputs = (*whole.inputs, *(shard.as_input() for shard in shards))
        found = self.store.finished(
            "indexes",
            whole.name,
            config=settings,
            inputs=inputs,
            replace=whole.config.replace,
        )
        if found is not None:
            return found, False
        with self.store.draft(
            "indexes", whole.name, config=settings, inputs=inputs, continued=True
        ) as draft:
            results = [shard.manifest.results for shard in shards]
            if joining is not None:
                tokens = sum(int(one["tokens"]) for one in results)
                check_room(draft.path, _LISTED * tokens, f"joining shards of {tokens:,} tokens")
                joining.join(
                    [shard.path for shard in shards],
                    draft.path,
                    draft.scratch,
                    whole.config.compressed,
                    progress,
                )
            counted = [_counted(shard) for shard in shards]
            write_text(
                draft.path / _FILE,
                json.dumps({"format": _FORMAT, "shards": counted}, indent=2) + "\n",
            )
            own = 0 if joining is None else bytes_below(draft.path)
            cut_documents = sum((CutTexts.of(one.get(CUT)) for one in results), CutTexts())
            sums = {name: sum(int(one[name]) for one in results) for name in COUNTS}
            draft.results.update(
                {**sums, "bytes": sums["bytes"] + own},
                **{CUT: cut_documents.row},
                **joined_counts(results),
                **({} if joining is None else self.backend.results(draft.path)),
                **reading(whole.documents),
            )
        return self.store.get("indexes", whole.name), True

    def remarks(self) -> Iterator[str]:
        """What a person should know of how the documents were cut."""
        wanted, made = self.whole.config.shards or 1, len(self.shards)
        if made < wanted:
            yield (
                f"{counted(made, 'shard')} and not {wanted}: {self._size()} are no more windows "
                f"of {encoded_windows.WINDOW:,}"
            )
        known = {shard.name(self.whole.name) for shard in self.shards}
        names = self.store.names("indexes")
        others = [one for one in shards_of(self.whole.name, names) if one not in known]
        if others:
            yield (
                f"{len(others)} shards of an earlier cut of {self.whole.name} are left in the "
                f"store, such as {others[0]}: remove them where no other index names them"
            )

    def _size(self) -> str:
        return counted(self.shards[-1].stop, "document")

    def result(self, artefact: Artefact, *, fresh: bool, notes: tuple[str, ...]) -> IndexResult:
        """The result, with what is remarked of the shards."""
        return IndexResult.of(artefact, fresh=fresh, notes=(*notes, *self.remarks()))


def _counted(shard: Artefact) -> dict[str, Any]:
    results = shard.manifest.results
    return {"digest": shard.digest, "documents": results["documents"], "tokens": results["tokens"]}


def members(index: Artefact, store: Store) -> list[Artefact]:
    """The shards of a joined index, in their order, compared with what it names.

    Raises:
        ArtefactError: one is missing, damaged or another one than was joined; the hint has the call
            that builds it again.
    """
    named = [one for one in index.manifest.inputs if one.kind == "indexes"]
    return [_member(index, number, one, store) for number, one in enumerate(named, start=1)]


def _member(index: Artefact, number: int, named: Input, store: Store) -> Artefact:
    config = index.manifest.config
    where = f"shard {number} of {config[SHARDS]} of {index.name} ({named.name})"
    # All that decides a shard and is not as it would be without being said. The language of the
    # documents is no setting of an index.
    given = {key: config[key] for key in ("model", "collection")}
    given |= {"name": index.name, SHARDS: config[SHARDS]}
    for leaf in leaves(IndexConfig):
        if leaf.name in config and config[leaf.name] != leaf.default:
            given[leaf.name] = config[leaf.name]
    words = [f"{key}={value}" for key, value in given.items()]
    call = ", ".join([*words, f"shard={number}", "replace=True"])
    hint = f"`build_index({call})`, with `docs_lang` where the index had it"
    if not store.has("indexes", named.name):
        raise ArtefactError(f"{where} is missing", hint=hint)
    try:
        found = store.get("indexes", named.name)
        found.check()
    except ArtefactError as error:
        raise ArtefactError(f"{where}: {error.message}", hint=hint) from error
    if found.digest != named.digest:
        raise ArtefactError(
            f"{where} is another one than was joined: its SHA-256 is {found.digest[:12]}, and "
            f"{index.name} names {named.digest[:12]}",
            hint=hint,
        )
    return found


def is_joined(index: Artefact) -> bool:
    """Whether an index is one of shards, and no shard itself."""
    config = index.manifest.config
    return SHARDS in config and "shard" not in config
