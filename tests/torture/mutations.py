"""JSON documents of the store with one thing in them changed: manifests, drafts, checkpoints."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from torture.child import Child
from torture.place import Place
from torture.tally import Tally

BATCH = 250
_OTHERS = (None, [], {}, 1e308, -1, "", "é", [[[]]], True, 10**400, "\ud800", "\x1b[2J", "../..")


def mutated(value: Any, draw: Random) -> Any:
    """A JSON document with one thing in it changed."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(sorted(value))
        how = draw.choice(["drop", "rename", "deeper", "deeper", "deeper", "swap"])
        rest = {name: one for name, one in value.items() if name != key}
        if how == "drop":
            return rest
        if how == "rename":
            return rest | {f"{key}x": value[key]}
        if how == "swap":
            return value | {key: draw.choice(_OTHERS)}
        return value | {key: mutated(value[key], draw)}
    if isinstance(value, list) and value:
        place = draw.randrange(len(value))
        return [*value[:place], mutated(value[place], draw), *value[place + 1 :]]
    return [value] if draw.random() < 0.5 else f"{value}x"


def mutated_text(text: str, draw: Random) -> bytes:
    """The text of such a document: a thing changed, or its bytes, or nested too deeply."""
    how = draw.random()
    if how < 0.8:
        return json.dumps(mutated(json.loads(text), draw)).encode()
    content = bytearray(text.encode())
    if how < 0.9:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        return bytes(content)
    if how < 0.97:
        return bytes(content[: draw.randrange(len(content))])
    return draw.choice([b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"9" * 5000, b"NaN"])


class Mutations:
    """Whatever is changed in a manifest, it is refused in words, and hides no other artefact."""

    def __init__(self, place: Place, *, short: bool = False) -> None:
        self.place = place
        self.batch = BATCH // 10 if short else BATCH

    def case(self, draw: Random, tally: Tally) -> None:
        """Try a batch on one artefact, or on what an interrupted command left."""
        home = self.place.home()
        action = self.drafts if tally.number % 4 == 3 else self.manifests
        done = Child(lambda: action(home, draw), self.place.folder, 120).wait()
        if done.hung or done.code != 0:
            tally.wrong("hang" if done.hung else "traceback", done.last_words)
            return
        right, wrong = json.loads(done.out)
        tally.right(right)
        for fault, said in wrong:
            tally.wrong(fault, said)

    def manifests(self, home: Path, draw: Random) -> None:
        """Change the manifest of one artefact, and look at the store."""
        from clirot.store import MANIFEST, Store
        from clirot.store.verifying import verify

        store = Store(home)
        kind, name = draw.choice(sorted(self.place.whole.digests)).split("/")
        path = home / kind / name / MANIFEST
        text = path.read_text()
        others = {one.name for one in store.all(kind)} - {name}

        def one() -> str | None:
            changed = mutated_text(text, draw)
            path.write_bytes(changed)
            if _same(changed, text):
                return None
            found = {f"{one.kind}/{one.name}": one.faults for one in verify([name], store=store)}
            if not found[f"{kind}/{name}"]:
                return f"verify believes it: {changed[:200]!r}"
            if not others <= {one.name for one in store.all(kind)}:
                return "another artefact is hidden by it"
            store.get(kind, name)
            return f"it is believed: {changed[:200]!r}"

        self.tried(one)

    def drafts(self, home: Path, draw: Random) -> None:
        """Change what an interrupted attempt left, and go on with it."""
        from clirot.store import Store, fingerprint
        from clirot.store.writing import mark_draft

        store = Store(home)
        part = home / "runs" / ".new.part"

        def one() -> str | None:
            shutil.rmtree(part, ignore_errors=True)
            (part / "content").mkdir(parents=True)
            mark_draft(part, fingerprint("runs", {"a": 1}, (), None))
            draft = part / "draft.json"
            draft.write_bytes(mutated_text(draft.read_text(), draw))
            (part / "content" / "stray").touch()
            with store.draft("runs", "new", config={"a": 1}) as made:
                (made.path / "run.trec").touch()
            files = set(store.get("runs", "new").manifest.files)
            return None if files == {"run.trec"} else f"digested what was left: {files}"

        self.tried(one)

    def tried(self, one: Callable[[], str | None]) -> None:
        """Print how many went well, and what went wrong."""
        import traceback
        import warnings

        from clirot.errors import ClirotError

        warnings.simplefilter("ignore")
        right, wrong = 0, []
        for _ in range(self.batch):
            try:
                said = one()
                if said is not None:
                    wrong.append(("wrong, exit 0", said))
                    continue
            except ClirotError:
                pass
            except Exception:
                wrong.append(("traceback", traceback.format_exc()[-300:]))
                continue
            right += 1
        json.dump([right, wrong], sys.stdout)


def _same(changed: bytes, text: str) -> bool:
    try:
        return bool(json.loads(changed) == json.loads(text))
    except (ValueError, RecursionError):
        return False
