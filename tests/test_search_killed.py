"""``clirot search --save NAME`` killed with SIGKILL: a whole run or none, then the same one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from killing import kill_at
from tiny_model import save_tiny_model

from clirot.retrieval.indexing import IndexConfig, build_index
from clirot.runs import SAVED_RUN
from clirot.store import Artefact, Store, tree_digest

TOPICS, DEPTH = 200, 300

# A process that has the libraries loaded and forks a child per line of its input, so that ten
# killed commands cost ten searches and not ten imports of torch.
_NURSERY = """
import os, sys
import torch
torch.set_num_threads(1)
import clirot.cli.search, clirot.retrieval.searching, clirot.collection, clirot.encoding.encoders
import clirot.retrieval.backends
import clirot.models, clirot.runs, transformers, sentence_transformers.multi_vector_encoder
from clirot.cli import main
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.argv = ["clirot", *line.split()]
            main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            os._exit(code)
    print(child, flush=True)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    print("over", code, used.ru_utime + used.ru_stime, flush=True)
"""


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


def test_killed_at_ten_random_moments(tmp_path: Path) -> None:
    model = str(save_tiny_model(tmp_path / "model", seed=5))
    collection = save_collection(tmp_path / "set")
    build_index(IndexConfig(model=model, collection=collection, name="index"))
    nursery = subprocess.Popen(
        [sys.executable, "-c", _NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    stdin, stdout = nursery.stdin, nursery.stdout

    def attempt(name: str, kill_after: float | None) -> tuple[int, float]:
        """Exit code and processor time in seconds."""
        stdin.write(f"search --index index --collection {collection} -k {DEPTH} --save {name}\n")
        stdin.flush()
        child = int(stdout.readline())
        if kill_after is not None:
            kill_at(child, kill_after)
        said, code, used = stdout.readline().split()
        assert said == "over"
        return int(code), float(used)

    store = Store()
    try:
        assert stdout.readline() == "ready\n"
        code, seconds = attempt("uninterrupted", None)
        assert code == 0
        expected = store.get("runs", "uninterrupted")
        check_whole(expected)
        draw = random.Random(7)
        left_behind = 0
        for number in range(10):
            # One in each tenth of the command's life, so that none of its phases is passed over.
            code, _ = attempt("killed", seconds * (number + draw.random()) / 10)
            if store.has("runs", "killed"):  # it was quicker than the kill
                check_whole(store.get("runs", "killed"))
                store.remove("runs", "killed")
                continue
            assert code == -signal.SIGKILL
            assert store.names("runs") == ["uninterrupted"], f"half a run after kill {number}"
            left_behind += (store.home / "runs" / ".killed.part").exists()
        assert left_behind > 0, "no kill came while the run was being written"
        assert attempt("killed", None)[0] == 0
    finally:
        stdin.close()
        nursery.wait(timeout=60)
        stdout.close()
    killed = store.get("runs", "killed")
    check_whole(killed)
    assert killed.digest == expected.digest
    assert not (store.home / "runs" / ".killed.part").exists()
