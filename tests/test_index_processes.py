"""Several processes that encode one index: the same bytes, also after one has died."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from queue import Queue
from threading import Barrier, local

import numpy as np
import pytest
from tiny_model import save_tiny_model

from clirot.encoding.encoders import load_encoder
from clirot.models import resolve
from clirot.processes import Processes
from clirot.records import Document
from clirot.retrieval import encoded_windows, indexing
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter
from clirot.retrieval.cut_documents import CutDocuments
from clirot.retrieval.document_texts import DocumentTexts
from clirot.retrieval.encoded_windows import Sources, WindowJob, encode_windows, write_windows
from clirot.retrieval.index_config import IndexConfig, IndexResult
from clirot.retrieval.indexing import build_index
from clirot.retrieval.passages.settings import PassageSettings
from clirot.store import Store

_TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
_INDEX = """
import os, sys
import torch
torch.set_num_threads(1)
from clirot.retrieval import encoded_windows
encoded_windows.WINDOW = 8
if os.environ.get("DIES") and os.environ["RANK"] == "1":
    whole, windows = encoded_windows.encode_window, 0
    def dying(*arguments):
        global windows
        windows += 1
        if windows == 3:
            os._exit(9)
        return whole(*arguments)
    encoded_windows.encode_window = dying
from clirot.cli import main
main()
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def text_of(number: int) -> str:
    return "abc " * (number * 7 % 23 % 11) if number % 9 else "de"


def save(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    rows = (f"d{number}\t{text_of(number)}\n" for number in range(count))
    (folder / "docs.en.tsv").write_text("".join(rows), encoding="utf-8")
    (folder / "queries.en.tsv").write_text("q1\tabc\n")
    return folder


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("interrupted", [False, True])
def test_windows_are_dealt_out_and_written_in_their_order(
    count: int, interrupted: bool, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process is a thread here. The oracle is one process without any windows on disk."""
    monkeypatch.setattr(encoded_windows, "WINDOW", 8)
    documents = [Document(f"d{number}", text_of(number)) for number in range(61)]
    sources = Sources(lambda: iter(documents), len(documents))
    encoders = [load_encoder(resolve(model, Store()), side="document") for _ in range(count)]
    content, scratch = tmp_path / "content", tmp_path / "scratch"
    content.mkdir()
    scratch.mkdir()
    if interrupted:  # after three windows; and windows that were not written were left
        writer = TokenStoreWriter(content, scratch, 16, "float16")
        writer.append(["d0"], [np.ones((2, 16), np.float32)])
        first = 24
        expected = [*encoders[0].encode([one.text for one in documents[:8]])]
        for start in (8, 16):
            expected += encoders[0].encode([one.text for one in documents[start : start + 8]])
        scratch.joinpath("checkpoint.json").unlink()
        writer = TokenStoreWriter(content, scratch, 16, "float16")
        writer.append([one.id for one in documents[:first]], expected)
        (scratch / "window-1.bin").write_bytes(b"half")
        (scratch / "window-1.json").write_text("{}")
    writer = TokenStoreWriter(content, scratch, 16, "float16")
    written = writer.documents
    assert written == (24 if interrupted else 0)
    jobs = [
        WindowJob(sources, encoder, "float16", scratch, Processes(rank, count))
        for rank, encoder in enumerate(encoders)
    ]
    jobs[0].clear()
    with ThreadPoolExecutor() as pool:
        helping = [pool.submit(encode_windows, job, written) for job in jobs[1:]]
        texts = DocumentTexts(content)
        found = write_windows(jobs[0], writer, texts, CutDocuments(scratch, written))
        for one in helping:
            one.result()
    writer.finish()
    assert (found.documents, found.empty) == (61 - written, sum(not d.text for d in documents))
    assert not [*scratch.glob("window-*")]
    store = TokenStore.open(content)
    assert store.docnos == [one.id for one in documents]
    lines = (content / "documents.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == store.docnos
    for start in range(0, 61, 8):
        alone = encoders[0].encode([one.text for one in documents[start : start + 8]])
        for row, vectors in enumerate(alone, start):
            held = store.tokens[store.offsets[row] : store.offsets[row + 1]].numpy()
            assert held.tobytes() == vectors.astype(np.float16).tobytes()


def test_two_processes_grow_an_index_as_one_does_also_after_one_has_died(
    model: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded_windows, "WINDOW", 8)
    program = tmp_path / "program.py"
    program.write_text(_INDEX, encoding="utf-8")
    folder = save(tmp_path / "set", 19)
    for name in ("one", "two"):
        build_index(IndexConfig(model=model, collection=str(folder), name=name))
    save(folder, 90)
    alone = build_index(IndexConfig(model=model, collection=str(folder), name="one", add=True))

    def together(**environment: str) -> subprocess.CompletedProcess[str]:
        words = ["index", "--model", model, "--collection", str(folder), "--name", "two", "--add"]
        return subprocess.run(
            [*_TORCHRUN, str(program), *words],
            capture_output=True,
            text=True,
            timeout=560,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        )

    died = together(DIES="1")
    assert died.returncode != 0 and died.stdout == ""
    assert Store(home).get("indexes", "two").manifest.results["documents"] == 19
    done = together()
    assert (done.returncode, done.stdout) == (0, "two\n"), done.stderr
    assert done.stderr.count("indexed: 90 documents") == 1  # the first process alone speaks
    made = Store(home).get("indexes", "two")
    assert made.digest == alone.artefact.digest
    assert made.manifest.fingerprint == alone.artefact.manifest.fingerprint
    assert made.manifest.results["processes"] == 2


class Together(Processes):
    """Processes that are threads: the first one's values, one after another, for the second."""

    values: Queue[object] = Queue()
    barrier = Barrier(2)

    def agree(self, value: object = None) -> object:
        if self.first:
            self.values.put(value)
            return value
        return self.values.get(timeout=60)

    def wait(self) -> None:
        self.barrier.wait(timeout=60)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"shards": 2},
        {"shards": 2, "passages": PassageSettings(passage_tokens=16)},
        {"model": "bm25"},
    ],
)
def test_the_others_help_with_every_part_and_end_where_there_is_nothing_to_do(
    more: dict[str, object], model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded_windows, "WINDOW", 8)
    folder = save(tmp_path / "set", 61)
    config = IndexConfig(**{"model": model, "collection": str(folder), "name": "i"} | more)  # type: ignore[arg-type]
    alone = build_index(config, store=Store(tmp_path / "alone"))
    encoders = [load_encoder(resolve(model, Store()), side="document") for _ in range(2)]
    own = local()
    monkeypatch.setattr(indexing, "processes", lambda: nullcontext(Together(own.rank, 2)))
    monkeypatch.setattr(
        "clirot.encoding.encoders.load_encoder", lambda *_, **__: encoders[own.rank]
    )
    encoded: list[int] = []
    inner = encoded_windows.encode_window

    def noted(*arguments: object) -> object:
        encoded.append(own.rank)
        return inner(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(encoded_windows, "encode_window", noted)

    def build(rank: int) -> IndexResult:
        own.rank = rank
        return build_index(config)

    for fresh in (True, False):
        encoded.clear()
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(build, range(2))
        assert (first.fresh, second.fresh) == (fresh, False)
        assert first.artefact.digest == second.artefact.digest == alone.artefact.digest
        assert Together.values.empty()
        # Eight windows, which two shards have four each of; of passages there are more.
        shares = [encoded.count(rank) for rank in (0, 1)]
        if fresh and "passages" in more:
            assert min(shares) > 4
        else:
            assert shares == ([4, 4] if fresh and "model" not in more else [0, 0])
