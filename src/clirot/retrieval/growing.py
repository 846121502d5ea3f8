"""An index that grows with its collection: what it has of it already, and what is new.

The grown index has the documents of the old one first, in their order, and then the new ones in the
order of the collection. The old vectors are copied, not encoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clirot.cut_texts import CutTexts
from clirot.errors import ArtefactError
from clirot.records import Document
from clirot.retrieval.counted_ids import CountedIds
from clirot.retrieval.cut_documents import CUT
from clirot.retrieval.document_texts import read_document_texts, text_digest
from clirot.retrieval.index_config import GROWN_FROM
from clirot.store import Artefact, Input
from clirot.store.manifest import difference

if TYPE_CHECKING:
    from clirot.collection import Collection

_ANEW = "or build it anew from all documents: `build_index(..., replace=True)`"


@dataclass
class _Otherwise(CountedIds):
    """Documents of the index that the collection does not have as they were."""

    changed: int = 0
    vanished: int = 0


@dataclass
class Growth:
    """An index, and a collection that has grown since.

    Args:
        old: the index.
        collection: the collection as it is now.
    """

    old: Artefact
    collection: Collection

    @cached_property
    def kept(self) -> Mapping[str, str]:
        """The documents of the index, in its order: id -> digest of the text."""
        return read_document_texts(self.old.path)

    @cached_property
    def added(self) -> int:
        """How many documents are new. Reads all.

        Raises:
            ArtefactError: documents of the index have changed since, or are not in the collection.
        """
        found, seen, new = _Otherwise(), 0, 0
        missing = set(self.kept)
        for document in self.collection.documents():
            digest = self.kept.get(document.id)
            if digest is None:
                new += 1
                continue
            seen += 1
            missing.discard(document.id)
            if digest != text_digest(document.text):
                found.count("changed", document.id)
        for docno in (one for one in self.kept if one in missing):
            found.count("vanished", docno)
        if found.changed or found.vanished:
            raise ArtefactError(
                f"{self.old.name} cannot grow into {self.collection.id}: of its "
                f"{len(self.kept):,} documents {_told(found)}",
                hint="give a collection that has them all as they were, " + _ANEW,
            )
        return new

    def documents(self) -> Iterator[Document]:
        """The new documents, in the order of the collection."""
        return (one for one in self.collection.documents() if one.id not in self.kept)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The earlier states of the index, the first one first: they decide its windows."""
        digest = next(one.digest for one in self.old.manifest.inputs if one.kind == "collection")
        earlier = self.old.manifest.config.get(GROWN_FROM, [])
        return [*earlier, {"documents": len(self.kept), "collection": digest}]

    @property
    def empty(self) -> int:
        """Documents of the index without text."""
        return int(self.old.manifest.results["empty_documents"])

    @property
    def cut(self) -> CutTexts:
        """Documents of the index that were cut."""
        return CutTexts.of(self.old.manifest.results.get(CUT))


def check_keeps_vectors(old: Artefact) -> None:
    """Refuse an index that keeps codes alone.

    Raises:
        ArtefactError: it does: without the vectors of all documents it cannot be measured what a
            grown index would find.
    """
    if old.manifest.config.get("store") is False:
        raise ArtefactError(
            f"{old.name} keeps no token vectors, so it cannot be measured what a grown index would "
            "find",
            hint="build it anew from all documents: `build_index(..., replace=True)`",
        )


def check_alike(
    old: Artefact, settings: Mapping[str, Any], inputs: tuple[Input, ...], changing: tuple[str, ...]
) -> None:
    """Refuse an index that cannot grow by documents that are encoded with these settings.

    Args:
        old: the index.
        settings: of the new documents.
        inputs: what encodes them, and their collection.
        changing: settings that may differ.

    Raises:
        ArtefactError: it is of another model, or was made with other settings.
    """
    models = tuple(one for one in inputs if one.kind == "models")
    had = {name: value for name, value in old.manifest.config.items() if name not in changing}
    has = {name: value for name, value in settings.items() if name not in changing}
    then = tuple(one for one in old.manifest.inputs if one.kind == "models")
    if (had, then) != (has, models):
        from dataclasses import replace

        manifest = replace(old.manifest, config=had, inputs=then)
        raise ArtefactError(
            f"{old.name} cannot grow, since it was made otherwise: "
            + difference(manifest, has, models, None),
            hint="give the model and the settings that it was made with, " + _ANEW,
        )


def _told(found: _Otherwise) -> str:
    parts = []
    if found.changed:
        parts.append(f"{found.changed:,} have another text now ({found.named('changed')})")
    if found.vanished:
        parts.append(f"{found.vanished:,} are not there any more ({found.named('vanished')})")
    return " and ".join(parts)
