"""The compressed backend as an index: ties, candidates, being interrupted, growing, damage."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from coded_documents import DIM, collection, contents, made, unit
from test_index_backends import hard_documents

from clirot.errors import ArtefactError, InputError, UnusedSettingWarning
from clirot.records import Step
from clirot.retrieval import promise, searching
from clirot.retrieval.backends import BACKENDS
from clirot.retrieval.backends.compressed import (
    calibration,
    list_building,
    sampled_documents,
)
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.screening import screened
from clirot.retrieval.backends.exact import ExactIndex
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.searching import SearchConfig, search
from clirot.retrieval.settings import CompressedSettings
from clirot.store import Store

EVERY = [(bits, store, lists) for bits in (1, 2, 4) for store in (True, False) for lists in (0, 1)]


@pytest.mark.parametrize(("bits", "store", "lists"), EVERY)
def test_hard_documents_and_ties(
    bits: int, store: bool, lists: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One token, copies, more hits than documents; each query as if it were alone."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1 if lists else 1 << 40)
    rng = np.random.default_rng(5)
    documents = hard_documents(rng, 100)
    docnos = [f"d{number}" for number in rng.permutation(100)]
    chosen = CompressedSettings(bits=bits, store=store)
    index = CompressedIndex.open(made(tmp_path, documents, docnos, chosen))
    queries = [unit(rng.standard_normal((tokens, DIM))) for tokens in (1, 5, 32)] + documents[:2]
    for k in (1, 10, 100, 101, 5000):
        together = list(index.search(queries, k))
        assert together == [next(index.search([query], k)) for query in queries]
        for hits in together:
            assert len({hit.docno for hit in hits}) == len(hits) == min(k, 100)
            ordered = sorted(((hit.score, hit.docno) for hit in hits), reverse=True)
            assert [(hit.score, hit.docno) for hit in hits] == ordered
    alike = CompressedIndex.open(
        made(tmp_path / "alike", documents[:1] * 40, [f"{n:02}" for n in range(40)], chosen)
    )
    (hits,) = alike.search(queries[:1], 3)
    assert [hit.docno for hit in hits] == ["39", "38", "37"]


def test_candidates_are_scored_as_by_the_exact_backend(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    documents = collection(rng, 90)
    docnos = [f"d{number}" for number in range(90)]
    index = CompressedIndex.open(made(tmp_path, documents, docnos, CompressedSettings(bits=1)))
    exact = ExactIndex.open(tmp_path / "index" / "store")
    queries, asked = documents[:3], [docnos[5:60], [], ["d7", "d3"]]
    assert list(index.rerank(queries, asked, 10)) == list(exact.rerank(queries, asked, 10))
    assert "d7" in index
    assert "d90" not in index
    with pytest.raises(InputError, match="needs \\(tokens, 24\\)"):
        list(index.search([np.ones((2, 5), np.float32)], 1))


class _Stop(BaseException):
    """The process ends here."""


def interrupted(after: int) -> Iterator[None]:
    """Lets so many writes reach the disk."""
    for _ in range(after):
        yield
    raise _Stop


@pytest.mark.parametrize("store", [True, False])
def test_interrupted_at_any_write_it_goes_on_to_the_same_bytes(
    store: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    monkeypatch.setattr(list_building, "_CHUNK", 400)
    monkeypatch.setattr(sampled_documents, "MOST", 30)
    documents = collection(np.random.default_rng(7), 200)
    docnos = [f"d{number}" for number in range(200)]
    chosen = CompressedSettings(bits=1, store=store)
    synced = 0

    def count(_: int) -> None:
        nonlocal synced
        synced += 1

    monkeypatch.setattr(os, "fsync", count)
    whole = contents(made(tmp_path / "whole", documents, docnos, chosen))
    assert {"codec.json", "rotation.bin", "promise.json", "lists/starts.npy"} <= set(whole)
    assert synced > 25
    for after in range(0, synced, 7):
        place = tmp_path / str(after)
        writes = interrupted(after)
        monkeypatch.setattr(os, "fsync", lambda _, writes=writes: next(writes))
        with pytest.raises(_Stop):
            made(place, documents, docnos, chosen)
        for torn in (place / "index").rglob("*.bin"):
            with torn.open("ab") as stream:
                stream.write(b"half a ch")
        monkeypatch.setattr(os, "fsync", lambda _: None)
        assert contents(made(place, documents, docnos, chosen)) == whole, after
        shutil.rmtree(place)


def test_what_is_damaged_while_interrupted_is_written_anew(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(8), 128)
    docnos = [f"d{number}" for number in range(128)]
    whole = contents(made(tmp_path / "whole", documents, docnos, CompressedSettings()))
    (tmp_path / "index").mkdir()
    (tmp_path / "scratch").mkdir()
    writer = BACKENDS["compressed"].writer(
        tmp_path / "index", tmp_path / "scratch", DIM, "float16", CompressedSettings()
    )
    writer.append(docnos[:64], documents[:64])
    (tmp_path / "index" / "store" / "tokens.bin").write_bytes(b"")
    with pytest.warns(UserWarning, match="encoded anew"):
        again = made(tmp_path, documents, docnos, CompressedSettings())
    assert contents(again) == whole


def test_a_grown_index_is_that_of_all_documents(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(14), 192)
    docnos = [f"d{number}" for number in range(192)]
    whole = contents(made(tmp_path / "whole", documents, docnos, CompressedSettings()))
    old = made(tmp_path / "old", documents[:128], docnos[:128], CompressedSettings())
    for place in ("index", "scratch"):
        (tmp_path / "new" / place).mkdir(parents=True)
    places = (tmp_path / "new" / "index", tmp_path / "new" / "scratch")
    writer = BACKENDS["compressed"].writer(*places, DIM, "float16", CompressedSettings())
    writer.take_over(old)
    assert writer.documents == 128
    assert contents(made(tmp_path / "new", documents, docnos, CompressedSettings())) == whole
    bare = BACKENDS["compressed"].writer(
        tmp_path, tmp_path, DIM, "float16", CompressedSettings(store=False)
    )
    with pytest.raises(ArtefactError, match="keeps no token vectors"):
        bare.take_over(old)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("promise.json", "promise.json"),
        ("codec.json", "codec.json"),
        ("rotation.bin", "rotation.bin"),
        ("lists/starts.npy", "starts.npy"),
        ("codes/tokens.bin", "tokens.bin"),
        ("store/docnos.txt", "docnos.txt"),
    ],
)
def test_a_file_is_missing(
    file: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    documents = collection(np.random.default_rng(10), 8)
    directory = made(tmp_path, documents, list("abcdefgh"), CompressedSettings())
    (directory / file).unlink()
    with pytest.raises(ArtefactError, match=message) as caught:
        CompressedIndex.open(directory)
    assert caught.value.hint == "build it again: `build_index(..., replace=True)`"


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(11), 6)
    one = made(tmp_path / "one", documents, list("abcdef"), CompressedSettings(bits=1))
    other = made(tmp_path / "other", documents[::-1], list("fedcba"), CompressedSettings(bits=2))
    shutil.rmtree(one / "store")
    shutil.copytree(other / "store", one / "store")
    with pytest.raises(ArtefactError, match="of other documents"):
        CompressedIndex.open(one)
    shutil.copy(one / "codec.json", other / "codec.json")
    with pytest.raises(ArtefactError, match="codes of 8 bytes, not of 6"):
        CompressedIndex.open(other)
    codec = other / "codec.json"
    codec.write_text(codec.read_text().replace('"format": 1', '"format": 7'))
    with pytest.raises(ArtefactError, match="format 7, this clirot reads 1"):
        CompressedIndex.open(other)


def test_bits_that_changed_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files too large to be read as a whole before each use are looked at where they are read."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    documents = collection(np.random.default_rng(13), 60)
    docnos = [f"d{number}" for number in range(60)]
    directory = made(tmp_path, documents, docnos, CompressedSettings(recall=0.9))

    def read(index: CompressedIndex, file: str) -> None:
        if file.startswith("lists"):
            assert index.lists is not None
            index.lists.promising(documents[0], len(index.lists))
        elif file.startswith("codes"):
            screened(index.codes, documents[:1])
        else:
            list(index.rerank(documents[:1], [docnos], 1))

    for file, message in (
        ("lists/documents.npy", "a document that is not there"),
        ("codes/tokens.bin", "the token vectors of document 'd59'"),
        ("store/tokens.bin", "the token vectors of document 'd59'"),
    ):
        path = directory / file
        whole = path.read_bytes()
        read(CompressedIndex.open(directory), file)
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 64]))
        index = CompressedIndex.open(directory)
        with pytest.raises(ArtefactError, match=message):
            read(index, file)
        path.write_bytes(whole)


@pytest.fixture(scope="module")
def salad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty documents of made-up words."""
    draw = np.random.default_rng(12)
    words = ["sun", "moon", "water", "fire", "stone", "river", "tree", "bird", "salt", "bread"]
    folder = tmp_path_factory.mktemp("salad")
    texts = [" ".join(draw.choice(words, int(draw.integers(1, 9)))) for _ in range(50)]
    (folder / "docs.en.tsv").write_text(
        "".join(f"d{place}\t{text}\n" for place, text in enumerate(texts))
    )
    (folder / "queries.en.tsv").write_text("q1\tsun moon\nq2\tsalt bread\n")
    (folder / "qrels.txt").write_text("q1 0 d0 1\nq2 0 d1 1\n")
    return folder


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("passages", [PassageSettings(), PassageSettings(passage_tokens=6)])
def test_progress_goes_on_when_all_documents_are_encoded(
    store: bool,
    passages: PassageSettings,
    teacher: Path,
    salad: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It tells the lists and the measurement, each from its beginning to its end."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    steps: list[Step] = []
    build_index(
        IndexConfig(
            model=str(teacher),
            collection=str(salad),
            backend="compressed",
            passages=passages,
            compressed=CompressedSettings(store=store),
        ),
        progress=steps.append,
    )
    told = {label: list(some) for label, some in groupby(steps, lambda step: step.label)}
    wanted = {"index": "docs", "centroids": "rounds", "lists": "tokens", "recall": "queries"}
    if not store:  # what codes find, and what lists find of that
        wanted["recall of lists"] = "queries"
    assert {label: some[-1].unit for label, some in told.items()} == wanted
    assert (told["index"][-1].done, told["index"][-1].total) == (50, 50)
    for some in told.values():
        done = [step.done for step in some]
        assert done == sorted(done)
    assert all(some[-1].done == some[-1].total for some in told.values())


def test_the_verbs(teacher: Path, salad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built, found again, searched and verified as any other index."""

    def config(name: str, **compressed: object) -> IndexConfig:
        chosen = CompressedSettings(**compressed)  # type: ignore[arg-type]
        return IndexConfig(
            model=str(teacher),
            collection=str(salad),
            name=name,
            backend="compressed",
            compressed=chosen,
        )

    made_now = build_index(config("x"))
    assert made_now.promise is not None
    assert made_now.promise.row == made_now.artefact.manifest.results["promise"]
    assert "recall@10" in made_now.promise.remark()
    settings = made_now.artefact.manifest.config
    assert {"bits": 2, "recall": 0.99, "store": True}.items() <= settings.items()
    assert made_now.bytes == sum(
        len(one) for name, one in contents(made_now.artefact.path).items() if name != "clirot.json"
    )
    assert not build_index(config("x")).fresh
    with pytest.raises(ArtefactError, match="bits was 2, now 4"):
        build_index(config("x", bits=4))
    build_index(replace(config("exact"), backend="exact", compressed=CompressedSettings()))

    def found(name: str, k: int) -> list[list[object]]:
        ready = search(SearchConfig(index=name, collection=str(salad), lang="en", k=k))
        return [list(ranking.hits) for ranking in ready.rankings()]

    assert found("x", 50) == found("exact", 50)
    Store().get("indexes", "x").check(whole=True)
    for module in (promise, calibration, searching):
        monkeypatch.setattr(module, "STEPS", (10,))
    ready = [
        search(SearchConfig(index="x", collection=str(salad), lang="en", k=k)) for k in (10, 11)
    ]
    (remark,) = set(ready[1].notes) - set(ready[0].notes)
    assert remark.startswith(
        "x was measured for 10 documents a topic at most, and 11 are asked for"
    )
    small = build_index(config("small", store=False, bits=1, recall=1.0))
    (missed,) = (one for one in small.remarks() if "was measured" in one)
    assert missed.endswith("and 1 asked for: take `bits=4` or keep the vectors (`store`)")
    with pytest.warns(UnusedSettingWarning, match="`bits` is not used: it is for `backend="):
        build_index(replace(config("z", bits=1), backend="exact"))
