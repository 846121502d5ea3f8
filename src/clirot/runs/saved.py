"""A run as a person names it: a file, standard input, or a run that the store keeps.

Of a kept run the store knows what it was made from, down to the documents it was found in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.places import is_there
from clirot.store import Artefact, Store

SAVED_RUN = "run.trec"
"""The name of the file with the run, in a run that the store keeps."""


@dataclass(frozen=True)
class NamedRun:
    """Where a run is, before it is read."""

    path: str | Path
    """Its file, or ``-``."""
    name: str | None
    """Its name in the store; None: it is not from there, and the file says how it is called."""
    source: str
    """What was named: the file, or the name and the digest in the store. The digest leads to the
    index, the model and the bitext that the run was made with."""
    documents: str | None = None
    """Digest of the documents it was found in; None: not known."""
    artefact: Artefact | None = None
    """What the store keeps; None: it is not from there."""


def find_run(written: str, store: Store) -> NamedRun:
    """The run that is meant by a path, ``-`` or a name. A file wins over a name in the store.

    A file is not read yet, so a path that is no file is found when it is read. A kept run is held
    against its digest.

    Raises:
        ArtefactError: a kept run is damaged.
    """
    is_place = written == "-" or "/" in written or is_there(written)
    if is_place or written not in store.names("runs"):
        return NamedRun(written, None, written)
    artefact = store.get("runs", written)
    artefact.check(whole=True)
    return NamedRun(
        path=artefact.path / SAVED_RUN,
        name=written,
        source=f"runs/{written} sha256:{artefact.digest}",
        documents=_documents(artefact, store),
        artefact=artefact,
    )


def _documents(run: Artefact, store: Store) -> str | None:
    """The digest of the documents that a kept run was found in, where its index is still there."""
    for index in run.manifest.inputs:
        if index.kind == "indexes" and store.has("indexes", index.name):
            artefact = store.get("indexes", index.name)
            if artefact.digest == index.digest:
                inputs = artefact.manifest.inputs
                return next((one.digest for one in inputs if one.kind == "collection"), None)
    return None
