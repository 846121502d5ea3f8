"""``clirot search --save NAME`` killed with SIGKILL: a whole run or none, then the same one."""

from __future__ import annotations

import random
import signal
from pathlib import Path

from killing import Attempt
from tiny_model import save_tiny_model

from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.runs import SAVED_RUN
from clirot.store import Artefact, Store, tree_digest

TOPICS, DEPTH = 200, 300


def save_collection(directory: Path) -> str:
    directory.mkdir()
    chance = random.Random(3)

    def text(words: int) -> str:
        return " ".join("".join(chance.choices("abcdefgh", k=4)) for _ in range(words))

    documents = [f"d{number}\t{text(6)}\n" for number in range(400)]
    topics = [f"t{number}\t{text(3)}\n" for number in range(TOPICS)]
    (directory / "docs.en.tsv").write_text("".join(documents))
    (directory / "queries.so.tsv").write_text("".join(topics))
    (directory / "qrels.txt").write_text("t1 0 d1 1\n")
    return str(directory)


def check_whole(run: Artefact) -> None:
    """Its digest is that of its files, and its last line is complete."""
    assert tree_digest(run.path) == run.digest
    lines = (run.path / SAVED_RUN).read_text().splitlines()
    assert len(lines) == TOPICS * DEPTH
    assert all(len(line.split()) == 6 for line in lines[-3:])


def test_killed_at_ten_random_moments(tmp_path: Path, attempt: Attempt) -> None:
    model = str(save_tiny_model(tmp_path / "model", seed=5))
    collection = save_collection(tmp_path / "set")
    build_index(IndexConfig(model=model, collection=collection, name="index"))
    command = f"search --index index --collection {collection} -k {DEPTH} --save"
    store = Store()
    code, seconds = attempt(f"{command} uninterrupted")
    assert code == 0
    expected = store.get("runs", "uninterrupted")
    check_whole(expected)
    draw = random.Random(7)
    left_behind = 0
    for number in range(10):
        # One in each tenth of the command's life, so that none of its phases is passed over.
        code, _ = attempt(f"{command} killed", seconds * (number + draw.random()) / 10)
        if store.has("runs", "killed"):  # it was quicker than the kill
            check_whole(store.get("runs", "killed"))
            store.remove("runs", "killed")
            continue
        assert code == -signal.SIGKILL
        assert store.names("runs") == ["uninterrupted"], f"half a run after kill {number}"
        left_behind += (store.home / "runs" / ".killed.part").exists()
    assert left_behind > 0, "no kill came while the run was being written"
    assert attempt(f"{command} killed")[0] == 0
    killed = store.get("runs", "killed")
    check_whole(killed)
    assert killed.digest == expected.digest
    assert not (store.home / "runs" / ".killed.part").exists()
