"""A throw-away place with tiny models, and a store in which every command has run once."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torture.child import Child, Outcome, ran

BITEXT = "en-so.file-pairs-d0afb9d8"
"""The name of the bitext that is made of ``pairs.tsv``."""


@dataclass(frozen=True)
class Command:
    """A command that makes or uses an artefact."""

    name: str
    words: tuple[str, ...]
    lacking: str | None = None
    """The artefact that the store lacks before it runs."""


_PAIR = ("--src", "en", "--tgt", "so")
_SET = ("--collection", "set")
_STUDENT = ("--teacher", "teacher", "--epochs", "1", "--batch-size", "32", "--vocabulary", "120")

MAKING = (
    Command("fetch", ("fetch-bitext", *_PAIR, "--file", "pairs.tsv"), f"bitext/{BITEXT}"),
    Command("table", ("table", *_PAIR, "--name", "table"), "tables/table"),
    Command("distill", ("distill", *_PAIR, *_STUDENT, "--name", "student"), "models/student"),
    Command("index", ("index", "--model", "teacher", *_SET, "--name", "exact"), "indexes/exact"),
    Command("bm25", ("index", "--model", "bm25", *_SET, "--name", "words"), "indexes/words"),
    Command(
        "search", ("search", "--index", "exact", *_SET, "--lang", "en", "--save", "run"), "runs/run"
    ),
)
"""What makes the artefacts of the store, in order."""

REPLACE = Command("replace", ("index", "--model", "other", *_SET, "--name", "exact", "--replace"))
REMOVE = Command("rm", ("rm", "indexes/words"))
CLEAN = Command("clean", ("clean", "--also", "caches", "--also", "reports"))

_WORDS = ("search", "--index", "words", *_SET)
USING = {
    "bitext": ("bitext", "export", BITEXT),
    "tables": (*_WORDS, "--lang", "so", "--model", "psq", "--table", "table"),
    "models": ("index", "--model", "student", *_SET, "--name", "exact", "--replace", "--json"),
    "exact": ("search", "--index", "exact", *_SET, "--lang", "en"),
    "words": (*_WORDS, "--lang", "en"),
    "cache": MAKING[2].words,
    "runs": ("evaluate", "run", "--qrels", "set/qrels.txt", "-m", "mrr"),
}
"""Kind, or name of an index -> a command that uses it."""


@dataclass(frozen=True)
class Audit:
    """What is in a store, as a person would look at it."""

    digests: dict[str, str]
    faults: tuple[str, ...]
    groups: dict[str, str]
    """Path of what is no artefact -> its group."""


class Place:
    """A directory with a teacher, bitext and a collection, and a store of what they make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = folder / "base"
        self._homes = 0
        done = Child(self._write_inputs, folder, 60).wait()
        assert done.code == 0, done.err
        for command in MAKING:
            outcome = self.run(command.words, self.base)
            assert outcome.code == 0, f"{command.name}: {outcome.err}"
        self.whole = self.audit(self.base)
        assert not self.whole.faults, self.whole.faults

    def _write_inputs(self) -> None:
        from tiny_model import save_bitext, save_collection, save_tiny_model

        save_tiny_model(Path("teacher"), seed=4)
        save_tiny_model(Path("other"), seed=5)
        pairs = save_bitext(Path("pairs.tsv"), count=60)
        save_collection(Path("set"), pairs, docs="en", topics=("en", "so"), count=12)

    def home(self, *, lacking: str | None = None) -> Path:
        """A new copy of the store, without one of its artefacts. The one before it is removed."""
        shutil.rmtree(self.folder / f"home{self._homes}", ignore_errors=True)
        self._homes += 1
        copy = self.folder / f"home{self._homes}"
        shutil.copytree(self.base, copy, symlinks=True)
        if lacking is not None:
            shutil.rmtree(copy / lacking)
        return copy

    def run(
        self, words: Sequence[str], home: Path, prepare: Callable[[], object] = lambda: None
    ) -> Outcome:
        """Run a command to its end; ``prepare`` is called in its process before."""
        return ran(words, self.folder, home, prepare)

    def audit(self, home: Path) -> Audit:
        """Look at everything in a store, by a process of its own."""

        def look() -> None:
            from clirot.store import KINDS, Store
            from clirot.store.cleaning import leftovers
            from clirot.store.verifying import verify

            store = Store(home)
            faults = [
                f"{one.kind}/{one.name}: {fault}"
                for one in verify(store=store)
                for fault in one.faults
            ]
            digests = {
                f"{kind}/{one.name}": one.digest for kind in KINDS for one in store.all(kind)
            }
            groups = {str(one.path.relative_to(home)): one.group for one in leftovers(store)}
            json.dump([digests, faults, groups], sys.stdout)

        done = Child(look, self.folder, 60).wait()
        if done.code != 0:
            return Audit({}, (f"it cannot be looked at: {done.last_words}",), {})
        digests, faults, groups = json.loads(done.out)
        return Audit(digests, tuple(faults), groups)


def amiss(found: Audit, digests: dict[str, str]) -> str | None:
    """What is wrong with a store after its last command ended well; None: nothing.

    Args:
        found: what is there.
        digests: what must be there.
    """
    if found.faults:
        return "; ".join(found.faults)
    if found.digests != digests:
        odd = sorted(
            name
            for name in found.digests.keys() | digests.keys()
            if found.digests.get(name) != digests.get(name)
        )
        return f"other digests: {', '.join(odd)}"
    stray = [path for path, group in found.groups.items() if group in ("unknown", "unfinished")]
    return f"left behind: {', '.join(stray)}" if stray else None
