"""Compressed indexes in shards: the run of one in one piece, byte for byte, whatever the cut."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
import torch
from coded_documents import DIM, collection, contents, made, unit
from test_sharding import InThisProcess, config_of, run_of
from tiny_model import save_tiny_model

from clirot.cluster.settings import ClusterSettings
from clirot.encoding.joined_rows import JoinedRows
from clirot.encoding.maxsim import TokenMatrix, scores
from clirot.errors import ArtefactError
from clirot.records import Step, silent
from clirot.retrieval import encoded_windows
from clirot.retrieval.backends import BACKENDS
from clirot.retrieval.backends.compressed import calibration, list_building
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.joining import join, open_joined
from clirot.retrieval.backends.token_store import TokenStore
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.settings import CompressedSettings
from clirot.retrieval.sharding import remote_index
from clirot.store import Store

WORDS = [f"{first}{second}" for first, second in product("bdfgklmnprst", "aeiou")]
DOCUMENTS, WINDOW = 420, 32
EVERY_K = (1, 10, 37, 100, 150, 1000)
SETTINGS = pytest.mark.parametrize(
    ("store", "lists"), [(store, lists) for store in (True, False) for lists in (False, True)]
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and documents of which every sixth is a copy, so that scores are equal."""
    folder = tmp_path_factory.mktemp("compressed-shards")
    save_tiny_model(folder / "model", seed=1)
    draw = random.Random(6)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(1, 12))) for _ in range(DOCUMENTS)]
    texts = [texts[draw.randrange(30)] if draw.random() < 0.16 else text for text in texts]
    numbers = draw.sample(range(DOCUMENTS), DOCUMENTS)
    (folder / "set").mkdir()
    (folder / "set" / "docs.en.tsv").write_text(
        "".join(f"d{number}\t{text}\n" for number, text in zip(numbers, texts, strict=True))
    )
    topics = [" ".join(draw.choices(WORDS, k=draw.randint(1, 6))) for _ in range(12)]
    (folder / "set" / "queries.en.tsv").write_text(
        "".join(f"t{number}\t{text}\n" for number, text in enumerate(topics))
    )
    (folder / "set" / "qrels.txt").write_text("t1 0 d0 1\n")
    return folder


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_windows, "WINDOW", WINDOW)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ClusterSettings:
    monkeypatch.setattr(remote_index, "check", lambda _: None)
    monkeypatch.setattr(remote_index, "connected", lambda *_: nullcontext(InThisProcess()))
    return ClusterSettings(ray="local")


@pytest.fixture
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index has lists, and they are used, as if reading all codes took long."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    monkeypatch.setattr(calibration, "_SCAN", 1e6)


def compressed(place: Path, **changes: object) -> IndexConfig:
    asked = CompressedSettings(bits=1, recall=0.9)
    return replace(config_of(place, backend="compressed", compressed=asked), **changes)  # type: ignore[arg-type]


def runs(place: Path, store: Store, **changes: object) -> Iterator[str]:
    return (run_of(place, store, k=k, **changes) for k in EVERY_K)


@SETTINGS
def test_the_run_does_not_depend_on_the_number_of_shards(
    store: bool,
    lists: bool,
    place: Path,
    tmp_path: Path,
    cluster: ClusterSettings,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One piece, one shard, two and five, here and as tasks; and so do lists and promise, where the
    vectors are kept.
    """
    if lists:
        request.getfixturevalue("small_lists")
    monkeypatch.setattr(remote_index, "HITS", 700)
    settings = CompressedSettings(bits=1, recall=0.9, store=store)
    one = build_index(compressed(place, compressed=settings), store=Store(tmp_path / "whole"))
    expected = list(runs(place, Store(tmp_path / "whole")))
    assert one.promise is not None
    if store:  # or there would be nothing to find otherwise
        assert all(depth.settled < DOCUMENTS / 2 for depth in one.promise.depths)
        exact = Store(tmp_path / "exact")
        build_index(config_of(place), store=exact)
        assert list(runs(place, exact))[3] != expected[3], "the codes miss something"
    kept = contents(one.artefact.path)
    shared = [name for name in kept if name.startswith(("lists/", "codec"))]
    if store:
        shared.append("promise.json")
    for shards in (1, 2, 5):
        where = Store(tmp_path / str(shards))
        config = compressed(place, compressed=settings, shards=shards)
        found = build_index(config, store=where)
        joined = contents(found.artefact.path)
        assert {name: joined[name] for name in shared} == {name: kept[name] for name in shared}
        assert found.promise is not None
        assert [replace(depth, recall=0) for depth in found.promise.depths] == [
            replace(depth, recall=0) for depth in one.promise.depths
        ]
        assert bool(found.promise.depths[0].probed) == lists
        assert list(runs(place, where)) == expected
        assert list(runs(place, where, cluster=cluster)) == expected
        assert found.bytes == sum(
            len(content)
            for name in where.names("indexes")
            for file, content in contents(where.path("indexes", name)).items()
            if file != "clirot.json"
        )
        assert not build_index(config, store=where).fresh
        part = where.get("indexes", f"news.shard-1-of-{shards}")
        assert not (part.path / "lists").exists(), "they are made once, for all shards"
        assert run_of(place, where, index=part.name)


def test_candidates_and_passages(place: Path, tmp_path: Path, cluster: ClusterSettings) -> None:
    passages = PassageSettings(passage_tokens=6)
    candidates = tmp_path / "found.run"
    candidates.write_text("".join(f"t1 Q0 d{n} {n} -{n} x\n" for n in range(0, 300, 7)))
    for name, split in (("whole", {}), ("split", {"passages": passages})):
        whole, cut = Store(tmp_path / name), Store(tmp_path / f"{name}-cut")
        build_index(compressed(place, **split), store=whole)
        build_index(compressed(place, shards=3, **split), store=cut)
        expected = list(runs(place, whole))
        assert list(runs(place, cut)) == expected
        assert list(runs(place, cut, cluster=cluster)) == expected
        asked = {"candidates": str(candidates), "k": 20}
        assert run_of(place, cut, **asked) == run_of(place, whole, **asked) != ""


def test_an_index_that_was_joined_otherwise(place: Path) -> None:
    """By an earlier clirot: it is told apart, and joined again without encoding anything."""
    made_now = build_index(compressed(place, shards=2))
    seen: list[Step] = []
    promise = made_now.artefact.path / "promise.json"
    promise.unlink()
    with pytest.raises(ArtefactError, match=r"indexes/news is damaged: promise\.json is missing"):
        run_of(place, Store())
    again = build_index(compressed(place, shards=2, replace=True), progress=seen.append)
    assert again.artefact.digest == made_now.artefact.digest
    assert {step.label for step in seen} == {"recall"}


@SETTINGS
def test_joining_goes_on_where_it_was_interrupted(
    store: bool, lists: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if lists:
        request.getfixturevalue("small_lists")
    chosen = CompressedSettings(bits=2, store=store)
    documents = collection(np.random.default_rng(3), 200)
    docnos = [f"d{number}" for number in range(200)]
    parts = [
        made(
            tmp_path / str(begin), documents[begin : begin + 64], docnos[begin : begin + 64], chosen
        )
        for begin in range(0, 200, 64)
    ]
    steps: list[Step] = []
    for place in ("whole", "killed", "scratch", "killed-scratch"):
        (tmp_path / place).mkdir()
    join(parts, tmp_path / "whole", tmp_path / "scratch", chosen, steps.append)
    places = (tmp_path / "killed", tmp_path / "killed-scratch")
    for after in range(len(steps) + 1):
        left = iter(range(after))

        def interrupt(_: Step, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        if after == len(steps):
            join(parts, *places, chosen)
        elif after % 50 == 0 or not steps[after].label.startswith("recall"):
            with pytest.raises(KeyboardInterrupt):
                join(parts, *places, chosen, interrupt)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    labels = [step.label for step in steps]
    assert sorted(set(labels), key=labels.index) == [
        *(["centroids", "lists"] if lists else []),
        *(["recall"] if store else ["recall of lists"] if lists else []),
    ]
    for _, some in groupby(steps, lambda step: step.label):
        *_, last = some
        assert last.done == last.total


def test_shards_that_do_not_belong_together(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(4), 80)
    docnos = [f"d{number}" for number in range(80)]
    one = made(tmp_path / "one", documents, docnos, CompressedSettings(bits=1))
    other = made(tmp_path / "other", documents, docnos, CompressedSettings(bits=2))
    bare = made(tmp_path / "bare", documents, docnos, CompressedSettings(bits=1, store=False))
    for second in (other, bare):
        with pytest.raises(ArtefactError, match="the shards were made with other settings"):
            join([one, second], tmp_path, tmp_path, CompressedSettings(bits=1), silent)


def test_a_damaged_document_of_a_shard_is_named(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(5), 80)
    docnos = [f"d{number}" for number in range(80)]
    chosen = CompressedSettings(bits=1)
    parts = [
        made(
            tmp_path / str(begin), documents[begin : begin + 40], docnos[begin : begin + 40], chosen
        )
        for begin in (0, 40)
    ]
    (tmp_path / "joined").mkdir()
    (tmp_path / "scratch").mkdir()
    join(parts, tmp_path / "joined", tmp_path / "scratch", chosen)
    for file in ("codes", "store"):
        path = parts[1] / file / "tokens.bin"
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 64]) + whole[1:])
        index = open_joined(parts, tmp_path / "joined")
        with pytest.raises(ArtefactError, match=f"40/index/{file} is damaged: .* document 'd40'"):
            list(index.search(documents[:1], 5 if file == "codes" else 80))
        path.write_bytes(whole)


def test_rows_of_several_matrices() -> None:
    """Against NumPy's own concatenation; parts may be empty."""
    rng = np.random.default_rng(7)
    parts = [rng.integers(0, 99, (size, 3)) for size in (4, 0, 1, 7)]
    whole, joined = np.concatenate(parts), JoinedRows(parts)
    assert (len(joined), joined.shape, joined.dtype) == (12, (12, 3), whole.dtype)
    for begin, end in product(range(13), repeat=2):
        np.testing.assert_array_equal(joined[begin:end], whole[begin:end])
    np.testing.assert_array_equal(joined[:], whole)
    for _ in range(30):
        index = rng.integers(0, 12, int(rng.integers(0, 9)))
        np.testing.assert_array_equal(joined[index], whole[index])
    with pytest.raises(ValueError, match="differ"):
        JoinedRows([parts[0], parts[0].astype(np.int8)])
    with pytest.raises(ValueError, match="differ"):
        JoinedRows([parts[0], parts[0][:, :2]])


def test_scores_over_several_matrices(tmp_path: Path) -> None:
    """Bit for bit those of one; in blocks that lie in several of them."""
    documents = collection(np.random.default_rng(8), 90)
    docnos = [f"d{number}" for number in range(90)]
    chosen = CompressedSettings(bits=4)
    whole = CompressedIndex.open(made(tmp_path / "whole", documents, docnos, chosen)).vectors
    cuts = [(0, 1), (1, 50), (50, 90)]
    matrices = [
        TokenStore.open(made(tmp_path / f"{a}", documents[a:b], docnos[a:b], chosen) / "store")
        for a, b in cuts
    ]
    assert whole is not None
    joined = TokenMatrix.joined([one.matrix() for one in matrices])
    queries = [unit(np.random.default_rng(9).standard_normal((tokens, DIM))) for tokens in (1, 9)]
    for rows in (None, np.arange(0, 90, 7)):
        assert torch.equal(scores(joined, queries, rows)[0], scores(whole, queries, rows)[0])


def test_an_exact_index_is_merged() -> None:
    assert BACKENDS["exact"].joining is None
