"""Building an index: what it records, bad input, and being killed at any moment."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from killing import kill_at
from tiny_model import save_tiny_model

from clirot.encoding.encoders import load_encoder
from clirot.errors import ArtefactError, InputError, UnknownNameError, UsageError
from clirot.models import resolve
from clirot.records import Step
from clirot.retrieval import encoded_windows
from clirot.retrieval.backends.token_store import TokenStore
from clirot.retrieval.index_config import IndexConfig, slug
from clirot.retrieval.indexing import build_index
from clirot.store import Artefact, Store

WORDS = ["sun", "moon", "water", "fire", "stone", "river", "tree", "bird", "salt", "bread"]


def save_collection(directory: Path, count: int) -> Path:
    """Documents of made-up word salad, the third of them empty."""
    directory.mkdir()
    draw = random.Random(5)
    rows = [
        f"d{number}\t" + " ".join(draw.choices(WORDS, k=draw.randint(1, 8)))
        for number in range(count)
    ]
    rows[2] = "d2\t"
    (directory / "docs.en.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (directory / "queries.en.tsv").write_text("q1\tsun\nq2\tsalt bread\n", encoding="utf-8")
    (directory / "qrels.txt").write_text("q1 0 d0 1\nq2 0 d1 1\n", encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def collection(tmp_path: Path) -> str:
    return str(save_collection(tmp_path / "salad", 40))


def test_index_holds_what_the_encoder_gives(
    model: str, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded_windows, "WINDOW", 16)
    steps: list[Step] = []
    result = build_index(IndexConfig(model=model, collection=collection), progress=steps.append)
    assert result.fresh
    assert result.name == f"{slug(model)}.{slug(collection)}"
    assert (result.documents, result.empty_documents) == (40, 1)
    assert (steps[-1].label, steps[-1].done, steps[-1].total) == ("index", 40, 40)
    ((what, speed),) = steps[-1].figures
    assert what == "tokens/s in thousands" and speed > 0
    assert result.artefact.manifest.results["tokens_per_second"] > 0
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    store = TokenStore.open(result.artefact.path)
    texts = [
        line.split("\t")[1] for line in (Path(collection) / "docs.en.tsv").read_text().splitlines()
    ]
    encoder = load_encoder(resolve(model, Store()), side="document")
    for row, vectors in enumerate(encoder.encode(texts)):
        kept = store.tokens[store.offsets[row] : store.offsets[row + 1]].float().numpy()
        np.testing.assert_allclose(kept, vectors, atol=1e-3)
    assert result.tokens == store.offsets[-1]
    assert result.bytes == sum(
        path.stat().st_size for path in result.artefact.path.iterdir() if path.name != "clirot.json"
    )
    manifest = result.artefact.manifest
    assert manifest.config["model"] == model
    assert {entry.kind for entry in manifest.inputs} == {"models", "collection"}
    assert manifest.inputs[0].digest == resolve(model, Store()).digest


def test_an_index_is_made_once(
    model: str, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = IndexConfig(model=model, collection=collection, name="once")
    first = build_index(config)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr("clirot.encoding.encoders.load_encoder", never)
    again = build_index(config)
    assert (again.fresh, again.artefact) == (False, first.artefact)
    with pytest.raises(ArtefactError, match="dtype was 'float16', now 'float32'"):
        build_index(IndexConfig(model=model, collection=collection, name="once", dtype="float32"))


def test_replace_and_float32(model: str, collection: str) -> None:
    half = build_index(IndexConfig(model=model, collection=collection, name="x"))
    full = build_index(
        IndexConfig(model=model, collection=collection, name="x", dtype="float32", replace=True)
    )
    assert full.fresh
    assert full.bytes > half.bytes + 2 * 15 * half.tokens
    assert Store().names("indexes") == ["x"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": "minilm-em"}, UnknownNameError, "did you mean 'minilm-en'"),
        ({"collection": "xquat/de"}, UnknownNameError, "unknown collection 'xquat/de'"),
        ({"backend": "exakt"}, UnknownNameError, "did you mean 'exact'"),
        ({"dtype": "int8"}, UnknownNameError, "float16, float32"),
        ({"name": "../x"}, UsageError, "not a name for an artefact"),
    ],
)
def test_bad_requests(
    change: dict[str, str],
    error: type[Exception],
    message: str,
    model: str,
    collection: str,
) -> None:
    request = {"model": model, "collection": collection} | change
    with pytest.raises(error, match=message):
        build_index(IndexConfig(**request))
    assert Store().names("indexes") == []


def test_bad_collections(model: str, tmp_path: Path) -> None:
    empty = save_collection(tmp_path / "empty", 3)
    (empty / "docs.en.tsv").write_text("")
    with pytest.raises(InputError, match=r"docs\.en\.tsv|has no documents"):
        build_index(IndexConfig(model=model, collection=str(empty)))
    broken = save_collection(tmp_path / "broken", 10)
    with (broken / "docs.en.tsv").open("a") as stream:
        stream.write("d3\tagain\n")
    with pytest.raises(InputError, match=r"docs\.en\.tsv:11: .*'d3' occurs twice"):
        build_index(IndexConfig(model=model, collection=str(broken)))
    assert Store().names("indexes") == []


def test_vectors_that_are_not_unit_are_refused(
    model: str, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Long:
        name, digest, dim = "long", "0" * 64, 4

        def encoded(self, texts: list[str], **_: object) -> list[list[tuple[int, np.ndarray]]]:
            return [[(row, np.full((2, 4), 3, np.float32)) for row in range(len(texts))]]

    monkeypatch.setattr("clirot.encoding.encoders.load_encoder", lambda *_, **__: Long())
    with pytest.raises(InputError, match="document 'd0' has a token vector of norm 6"):
        build_index(IndexConfig(model=model, collection=collection))


def test_an_error_half_way_loses_nothing(
    model: str, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded_windows, "WINDOW", 8)
    whole = build_index(IndexConfig(model=model, collection=collection, name="whole"))

    def interrupt(step: Step) -> None:
        if step.done >= 24:
            raise KeyboardInterrupt

    config = IndexConfig(model=model, collection=collection, name="resumed")
    with pytest.raises(KeyboardInterrupt):
        build_index(config, progress=interrupt)
    assert Store().names("indexes") == ["whole"]
    seen: list[Step] = []
    resumed = build_index(config, progress=seen.append)
    assert seen[0].done == 16  # the window that was interrupted is encoded again
    assert resumed.artefact.digest == whole.artefact.digest
    assert resumed.empty_documents == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cldr/so", "cldr-so"),
        ("minilm-en", "minilm-en"),
        ("/data/my sets/news/", "my-sets-news"),
        ("./news", "news"),
        ("org/model@main", "org-model-main"),
        ("../..", "unnamed"),
    ],
)
def test_slug(name: str, expected: str) -> None:
    assert slug(name) == expected


# A process that has the libraries loaded and forks a child per line of its input, so that ten
# killed attempts cost ten encodings and not ten imports of torch.
_NURSERY = """
import json, os, sys
import torch
torch.set_num_threads(1)
from clirot.retrieval import encoded_windows, index_config, indexing
from clirot.retrieval.backends.compressed import list_building
from clirot.retrieval.settings import CompressedSettings
from clirot.store import Store
import clirot.collection, clirot.encoding.encoders, clirot.retrieval.backends, clirot.models
import transformers
import sentence_transformers.multi_vector_encoder
encoded_windows.WINDOW = 32
list_building.FROM_TOKENS, list_building._CHUNK = 1, 1024
list_building.list_count = lambda tokens: 16
model, collection, backend = sys.argv[1:4]
store, shards = [json.loads(one) for one in sys.argv[4:]]
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            indexing.build_index(index_config.IndexConfig(
                model=model, collection=collection, name=line.strip(), backend=backend,
                compressed=CompressedSettings(store=store), shards=shards,
            ))
        finally:
            os._exit(0)
    print(child, flush=True)
    _, _, used = os.wait4(child, 0)
    print("over", used.ru_utime + used.ru_stime, flush=True)
"""


@pytest.mark.parametrize(
    ("backend", "store", "shards"),
    [("exact", True, None), ("compressed", False, None), ("compressed", True, 2)],
)
def test_killed_at_ten_random_moments(
    backend: str, store: bool, shards: int | None, model: str, tmp_path: Path
) -> None:
    """Each attempt goes on where the last one was killed. A compressed index has lists."""
    compressed = backend != "exact"
    collection = str(save_collection(tmp_path / "salad", 300 if compressed else 2000))
    words = [model, collection, backend, json.dumps(store), json.dumps(shards)]
    nursery = subprocess.Popen(
        [sys.executable, "-c", _NURSERY, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    stdin, stdout = nursery.stdin, nursery.stdout

    def made(name: str) -> dict[str, Artefact]:
        """An index and its shards."""
        names = [one for one in Store().names("indexes") if one.startswith(name)]
        return {one: Store().get("indexes", one) for one in names}

    def attempt(name: str, kill_after: float | None) -> float:
        """Processor time in seconds."""
        stdin.write(name + "\n")
        stdin.flush()
        child = int(stdout.readline())
        if kill_after is not None:
            kill_at(child, kill_after)
        said, used = stdout.readline().split()
        assert said == "over"
        return float(used)

    try:
        assert stdout.readline() == "ready\n"
        seconds = attempt("whole", None)
        seconds *= 0.6 if compressed else 1
        draw = random.Random(1)
        begun = False
        for _ in range(10):
            attempt("killed", draw.uniform(0, seconds))
            for name in Store().names("indexes"):
                Store().get("indexes", name).check(whole=True)
            if Store().has("indexes", "killed"):
                if begun:
                    break
                for name in made("killed"):  # it took less time than the first
                    Store().remove("indexes", name)
                seconds *= 0.7
                continue
            begun = begun or any((Store().home / "indexes").glob(".killed*/scratch/**/*.json"))
        assert begun, "no attempt was killed between its first checkpoint and its end"
        attempt("killed", None)
    finally:
        stdin.close()
        nursery.wait(timeout=60)
        stdout.close()
    killed, whole = (made(name) for name in ("killed", "whole"))
    assert [one.digest for one in killed.values()] == [one.digest for one in whole.values()]
    assert len(killed) == 1 + (shards or 0)
    assert killed["killed"].manifest.results["empty_documents"] == 1
    assert (killed["killed"].path / "lists").is_dir() == compressed
    shutil.rmtree(Store().home)
