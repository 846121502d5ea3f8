"""Where a run is from: run, index, model and bitext, with their digests, as the manifests say."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from clirot.digests import file_digest
from clirot.errors import ClirotError
from clirot.evaluation.result import Evaluation
from clirot.known_models import KNOWN
from clirot.places import is_file
from clirot.store import KINDS, Artefact, Input, Store

_WORDS = {
    "runs": "run",
    "indexes": "index",
    "models": "model",
    "tables": "translation table",
    "teacher": "teacher",
    "base": "start of the training",
    "scorer": "teacher of scores",
    "candidates": "candidates",
    "url": "address",
}
"""Kind of an input -> what it is called; other kinds are called by their names."""
_MODELS = ("models", "teacher", "base", "scorer")


@dataclass(frozen=True)
class Origin:
    """Something that a figure depends on, and what that depends on in turn."""

    what: str
    name: str
    digest: str = ""
    """SHA-256, hexadecimal; empty where it is not known."""
    facts: tuple[str, ...] = ()
    """How it was made."""
    remark: str = ""
    """What a reader should know: that it is not there any more, or is another one now."""
    parents: tuple[Origin, ...] = ()


def origin_of_run(
    evaluation: Evaluation, system: str, topic_set: str, artefact: Artefact | None
) -> Origin:
    """Where the run of a system on a topic set is from."""
    if artefact is not None:
        return origin_of(artefact)
    if (system, topic_set) in evaluation.fused:
        return Origin("fusion", system, remark="made here from the other runs")
    source = evaluation.inputs.sources.get((system, topic_set), "")
    if source == "-":
        return Origin("standard input", system, remark="where it is from is not known")
    path = Path(source)
    try:
        digest = file_digest(path) if source and is_file(path) else ""
    except OSError:
        digest = ""
    remark = "a file says nothing of the model and the index that made it"
    return Origin("file", source, digest, remark=remark if digest else "in memory")


def origin_of(artefact: Artefact, remark: str = "", what: str = "") -> Origin:
    """An artefact of the store, and what it was made from."""
    manifest = artefact.manifest
    store = Store(artefact.path.parents[1])
    facts = []
    if manifest.argv:
        facts.append(shlex.join(["clirot", *manifest.argv[1:]]))
    if manifest.seed is not None:
        facts.append(f"seed {manifest.seed}")
    if manifest.created:
        facts.append(f"made {manifest.created}")
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    if versions:
        facts.append(f"with {versions}")
    return Origin(
        what or _WORDS.get(manifest.kind, manifest.kind),
        artefact.name,
        artefact.digest,
        tuple(facts),
        remark,
        tuple(_origin_of_input(one, store) for one in manifest.inputs),
    )


def _origin_of_input(one: Input, store: Store) -> Origin:
    what = _WORDS.get(one.kind, one.kind)
    kind = "models" if one.kind in _MODELS else one.kind
    plain = Origin(what, one.name, one.digest)
    if kind not in KINDS:
        return plain
    if kind == "models" and one.name in KNOWN:
        row = KNOWN[one.name]
        return Origin(what, one.name, one.digest, (f"{row.hub_id}, revision {row.revision}",))
    try:
        there = store.get(kind, one.name) if store.has(kind, one.name) else None
    except ClirotError as error:
        return Origin(what, one.name, one.digest, remark=error.message)
    if there is None:
        gone = "" if kind == "models" else "not in the store any more"
        return Origin(what, one.name, one.digest, remark=gone)
    if there.digest == one.digest:
        return origin_of(there, what=what)
    # The side of a student that it does not encode itself is its teacher's, with that digest.
    if any(each.digest == one.digest for each in there.manifest.inputs if each.kind == "teacher"):
        return origin_of(there, f"its teacher reads here: sha256:{one.digest}", what)
    return Origin(what, one.name, one.digest, remark="another one of that name is in the store now")
