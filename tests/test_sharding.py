"""Indexes in shards: the same vectors and the same runs as in one piece, whatever the cut."""

from __future__ import annotations

import pickle
import random
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app, remove
from clirot.cluster import connection
from clirot.cluster.settings import ClusterSettings
from clirot.encoding.encoders import load_encoder
from clirot.encoding.maxsim import maxsim
from clirot.errors import (
    ArtefactError,
    ClirotError,
    ClusterError,
    UnusedSettingWarning,
    UsageError,
)
from clirot.models import resolve
from clirot.records import Step
from clirot.retrieval import encoded_windows
from clirot.retrieval.backends.token_store import TokenStore
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.promise import Promise
from clirot.retrieval.searching import SearchConfig, search
from clirot.retrieval.settings import CompressedSettings
from clirot.retrieval.sharding import remote_index
from clirot.retrieval.sharding.building import TokenIndex
from clirot.retrieval.sharding.cutting import cut
from clirot.store import Store
from clirot.store.verifying import verify

WORDS = ["sun", "moon", "water", "fire", "stone", "river", "tree", "bird", "salt", "bread"]
TOPICS = {"t1": "sun and moon", "t2": "salt bread", "t3": "a bird in a tree", "t4": "water"}
WINDOW = 8
DOCUMENTS = 60  # eight windows, the last one half full


def save_collection(directory: Path, documents: int = DOCUMENTS) -> str:
    """Word salad in which a third of the documents are copies, so that scores are equal."""
    directory.mkdir()
    draw = random.Random(3)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(0, 6))) for _ in range(documents)]
    texts = [texts[draw.randrange(10)] if draw.random() < 0.35 else text for text in texts]
    rows = [f"d{number}\t{text}" for number, text in enumerate(texts)]
    draw.shuffle(rows)
    (directory / "docs.en.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    topics = "".join(f"{topic}\t{text}\n" for topic, text in TOPICS.items())
    (directory / "queries.en.tsv").write_text(topics, encoding="utf-8")
    (directory / "qrels.txt").write_text("t1 0 d0 1\n", encoding="utf-8")
    return str(directory)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection, two models, and a store with an index ``news`` in one piece."""
    folder = tmp_path_factory.mktemp("sharding")
    save_tiny_model(folder / "model", seed=1)
    save_tiny_model(folder / "other", seed=2)
    save_collection(folder / "set")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded_windows, "WINDOW", WINDOW)
        build_index(config_of(folder), store=Store(folder / "whole"))
    return folder


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_windows, "WINDOW", WINDOW)


def config_of(place: Path, **changes: object) -> IndexConfig:
    config = IndexConfig(model=str(place / "model"), collection=str(place / "set"), name="news")
    return replace(config, **changes)  # type: ignore[arg-type]


def run_of(place: Path, store: Store, **changes: object) -> str:
    asked = SearchConfig(index="news", collection=str(place / "set"), lang="en")
    return "".join(search(replace(asked, **changes), store=store).lines())  # type: ignore[arg-type]


@given(st.integers(1, 5000), st.integers(1, 40), st.integers(1, 600))
def test_ranges_are_whole_windows(documents: int, shards: int, window: int) -> None:
    """All documents, once, in their order; no two ranges differ by more than a window."""
    found = cut(documents, shards, window)
    assert [shard.number for shard in found] == list(range(1, len(found) + 1))
    assert {shard.of for shard in found} == {len(found)} == {min(shards, -(-documents // window))}
    assert (found[0].start, found[-1].stop) == (0, documents)
    assert all(one.stop == two.start and one.stop % window == 0 for one, two in pairwise(found))
    windows = [-(-(shard.stop - shard.start) // window) for shard in found]
    assert max(windows) - min(windows) <= 1
    assert min(windows) >= 1


@pytest.mark.parametrize("shards", [1, 2, 3, 8, 30])
def test_the_same_vectors_and_the_same_runs(place: Path, shards: int, tmp_path: Path) -> None:
    whole, store = Store(place / "whole"), Store()
    made = build_index(config_of(place, shards=shards))
    count = min(shards, 8)
    names = [f"news.shard-{number}-of-{count}" for number in range(1, count + 1)]
    assert (made.name, made.fresh) == ("news", True)
    assert store.names("indexes") == sorted(["news", *names])
    one = whole.get("indexes", "news")
    for file in ("tokens.bin", "lengths.bin", "docnos.txt"):
        parts = [(store.path("indexes", name) / file).read_bytes() for name in names]
        assert b"".join(parts) == (one.path / file).read_bytes()
    counted = ("documents", "empty_documents", "tokens")
    assert [made.artefact.manifest.results[key] for key in counted] == [
        one.manifest.results[key] for key in counted
    ]
    assert made.notes == (
        () if shards < 30 else ("8 shards and not 30: 60 documents are no more windows of 8",)
    )
    for k in (1, 7, 40, 1000):
        assert run_of(place, store, k=k) == run_of(place, whole, k=k)
    candidates = tmp_path / "found.run"
    candidates.write_text("".join(f"t1 Q0 d{n} {n} -{n} x\n" for n in range(0, 60, 3)))
    asked = {"candidates": str(candidates), "k": 9}
    assert run_of(place, store, **asked) == run_of(place, whole, **asked) != ""


def test_a_run_is_brute_force_over_all_shards(place: Path) -> None:
    build_index(config_of(place, shards=3))
    encoder = load_encoder(resolve(str(place / "model"), Store()), side="query")
    stored = [TokenStore.open(Store().path("indexes", f"news.shard-{n}-of-3")) for n in (1, 2, 3)]
    expected = []
    for topic, query in zip(TOPICS, encoder.encode(list(TOPICS.values())), strict=True):
        scored = []
        for store in stored:
            for row, docno in enumerate(store.docnos):
                tokens = store.tokens[store.offsets[row] : store.offsets[row + 1]].float().numpy()
                scored.append((np.float32(maxsim(query, tokens)), docno))
        expected += [(topic, docno) for _, docno in sorted(scored, reverse=True)[:25]]
    lines = run_of(place, Store(), k=25).splitlines()
    assert [(line.split()[0], line.split()[2]) for line in lines] == expected


def test_compressed_shards_promise_what_the_worst_of_them_does(place: Path) -> None:
    """Every document of 60 is settled where 50 are asked for: the run is that of an exact index."""
    asked = CompressedSettings(bits=1)
    made = build_index(config_of(place, shards=2, backend="compressed", compressed=asked))
    shards = [Store().get("indexes", f"news.shard-{number}-of-2") for number in (1, 2)]
    promises = [Promise.of(one.manifest.results["promise"]) for one in shards]
    assert made.promise is not None
    assert [depth.k for depth in made.promise.depths] == [10]
    recalls = [depth.recall for one in promises for depth in one.depths]
    assert made.promise.depths[0].recall == min(recalls)
    assert made.promise.documents == 60
    assert run_of(place, Store(), k=50) == run_of(place, Store(place / "whole"), k=50)


def test_jobs_that_build_one_shard_each(place: Path) -> None:
    """In any order; the last one joins, and each alone is an index like any other."""
    named = [build_index(config_of(place, shards=3, shard=number)).name for number in (3, 1)]
    assert named == ["news.shard-3-of-3", "news.shard-1-of-3"]
    assert not Store().has("indexes", "news")
    last = build_index(config_of(place, shards=3, shard=2))
    assert (last.name, last.documents, last.fresh) == ("news", 60, True)
    assert not build_index(config_of(place, shards=3, shard=2)).fresh
    assert not build_index(config_of(place, shards=3)).fresh
    assert run_of(place, Store()) == run_of(place, Store(place / "whole"))
    own = run_of(place, Store(), index="news.shard-2-of-3").splitlines()
    shard = Store().get("indexes", "news.shard-2-of-3")
    assert len(own) == shard.manifest.results["documents"] * len(TOPICS)


def test_an_interrupted_build_goes_on(place: Path) -> None:
    whole = build_index(config_of(place, shards=3), store=Store(Store().home / "other"))
    seen: list[Step] = []

    def interrupt(step: Step) -> None:
        seen.append(step)
        if step.label == "index shard 2/3" and step.done >= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(config_of(place, shards=3), progress=interrupt)
    assert Store().names("indexes") == ["news.shard-1-of-3"]
    seen.clear()
    resumed = build_index(config_of(place, shards=3), progress=seen.append)
    assert seen[0] == Step("index shard 2/3", 8, 24, unit="docs")  # the first shard is there
    assert resumed.artefact.digest == whole.artefact.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shard": 2}, "`shard=2` is one of how many"),
        ({"shards": 2, "shard": 3}, "there is no shard 3 of 2"),
        ({"shards": 0}, "`shards` must be at least 1, got 0"),
        ({"shards": 20, "shard": 9}, "there is no shard 9: 60 documents make 8 shards at most"),
        ({"shards": 2, "model": "bm25"}, r"an index of words \(bm25\) is made in one piece"),
    ],
)
def test_what_makes_no_sense(place: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_index(config_of(place, **change))
    assert Store().names("indexes") == []


def fails(place: Path) -> ClirotError:
    with pytest.raises(ArtefactError) as caught:
        run_of(place, Store())
    assert "`build_index(model=" in str(caught.value.hint)
    # With every setting that is not what it would be by default.
    assert "shards=3, backend=exact, encode_dtype=float32, shard=2, replace=True)`" in str(
        caught.value.hint
    )
    return caught.value


def test_a_shard_that_is_missing_damaged_or_another(place: Path, tmp_path: Path) -> None:
    """Which one, and what builds it again; that gives the same bytes."""
    build_index(config_of(place, shards=3))
    run = run_of(place, Store())
    name = "news.shard-2-of-3"
    where = "shard 2 of 3 of news (news.shard-2-of-3)"
    shard = Store().path("indexes", name)
    with (shard / "tokens.bin").open("r+b") as stream:
        stream.write(b"x")
    assert fails(place).message.startswith(f"{where}: indexes/{name} is damaged: tokens.bin")
    build_index(config_of(place, shards=3, shard=2, replace=True))
    assert run_of(place, Store()) == run
    shutil.rmtree(shard)
    assert fails(place).message == f"{where} is missing"
    elsewhere = Store(tmp_path / "elsewhere")
    config = config_of(place, shards=3, shard=2, model=str(place / "other"))
    shutil.copytree(build_index(config, store=elsewhere).artefact.path, shard)
    assert fails(place).message.startswith(f"{where} is another one than was joined")
    with pytest.raises(ArtefactError, match=f"{name} exists and was made from something else"):
        build_index(config_of(place, shards=3))
    build_index(config_of(place, shards=3, replace=True))
    assert run_of(place, Store()) == run


def test_shards_of_different_models_are_not_joined(place: Path) -> None:
    build_index(config_of(place, shards=2, shard=1, model=str(place / "other")))
    last = build_index(config_of(place, shards=2, shard=2))
    assert last.name == "news.shard-2-of-2"
    with pytest.raises(ArtefactError, match=r"news\.shard-1-of-2 exists and was made from"):
        build_index(config_of(place, shards=2))


def test_another_cut_is_another_index(place: Path) -> None:
    build_index(config_of(place, shards=2))
    with pytest.raises(ArtefactError, match="shards was 2, now 3"):
        build_index(config_of(place, shards=3))
    made = build_index(config_of(place, shards=3, replace=True))
    assert made.notes == (
        "2 shards of an earlier cut of news are left in the store, such as news.shard-1-of-2: "
        "remove them where no other index names them",
    )


def said(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def test_commands(place: Path) -> None:
    """A shard is listed, verified and removed like any artefact."""
    index = ("index", "--model", str(place / "model"), "--collection", str(place / "set"))
    code, out, err = said(*index, "--name", "news", "--shards", "2", "--shard", "2")
    assert (code, out) == (0, "news.shard-2-of-2\n")
    assert "indexed: 28 documents" in err
    code, out, err = said(*index, "--name", "news", "--shards", "2")
    assert (code, out) == (0, "news\n")
    assert "indexed: 60 documents" in err
    code, out, _ = said("verify", "--strict", "--json")
    assert (code, out.count("indexes")) == (0, 3)
    assert said("rm", "news.shard-1-of-2")[0] == 0
    code, out, _ = said("verify", "news")
    assert code == 1
    assert out == (
        "damaged  indexes/news: indexes news.shard-1-of-2, which it was made from, is not in the "
        "store any more\n"
    )


def test_verify_reads_the_shards_of_an_index(place: Path) -> None:
    build_index(config_of(place, shards=2))
    build_index(config_of(place, name="other"))
    names = [one.name for one in verify(["news"])]
    assert names == ["news", "news.shard-1-of-2", "news.shard-2-of-2"]
    assert [one.name for one in verify([*names[1:], "news"])] == [*names[1:], "news"]
    tokens = Store().path("indexes", names[2]) / "tokens.bin"
    whole = tokens.read_bytes()
    tokens.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    code, out, _ = said("verify", "news")
    assert code == 1
    assert out.startswith(f"damaged  indexes/{names[2]}: tokens.bin is not as it was written")
    assert out.count("\n") == 1
    build_index(config_of(place, shards=2, shard=2, replace=True, model=str(place / "other")))
    code, out, _ = said("verify", "indexes/news")
    assert code == 1
    assert out.startswith(f"damaged  indexes/news: indexes {names[2]} is not the one that it was")


def test_an_index_is_removed_with_its_shards(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that is asked, and no other index names them; or they are named."""
    build_index(config_of(place, shards=2))
    shards = ["news.shard-1-of-2", "news.shard-2-of-2"]
    code, out, err = said("rm", "news")
    assert (code, out) == (0, "")
    left = f"2 shards are left: {' '.join(shards)} (--with-shards removes an index with its shards)"
    assert err == f"removed indexes/news\n{left}\n"
    assert Store().names("indexes") == shards
    build_index(config_of(place, shards=2))
    assert said("rm", "news", shards[0])[2].endswith(
        f"1 shard is left: {shards[1]} (--with-shards removes an index with its shards)\n"
    )
    made = build_index(config_of(place, shards=2)).artefact
    copy = Store().path("indexes", "twin")  # another index of the same shards
    with Store().draft(
        "indexes", "twin", config=made.manifest.config, inputs=made.manifest.inputs
    ) as draft:
        shutil.copy(made.path / "shards.json", draft.path)
    assert copy.is_dir()
    with pytest.raises(UsageError, match=r"news\.shard-1-of-2 is a shard of indexes/twin too"):
        CliRunner().invoke(app, ["rm", "news", "--with-shards"], catch_exceptions=False)
    assert Store().names("indexes") == ["news", *shards, "twin"]
    monkeypatch.setattr(remove, "_NAMED", 1)
    assert "2 shards are left: news.shard-1-of-2 to news.shard-2-of-2" in said("rm", "news")[2]
    code, out, err = said("rm", "twin", "--with-shards")
    assert (code, out) == (0, "")
    assert err == "".join(f"removed indexes/{name}\n" for name in ("twin", *shards))
    assert Store().names("indexes") == []
    build_index(config_of(place, shards=2))
    (Store().path("indexes", "news") / "clirot.json").write_text("{}")
    with pytest.raises(ArtefactError, match="cannot be read as a manifest"):
        CliRunner().invoke(app, ["rm", "news", "--with-shards"], catch_exceptions=False)
    assert said("rm", "news") == (0, "", "removed indexes/news\n")


class InThisProcess:
    """A cluster whose only node is this process; it begins with the last task."""

    def each(self, function: Any, tasks: dict[Any, tuple[Any, ...]]) -> Iterator[tuple[Any, Any]]:
        for key, arguments in reversed(tasks.items()):
            yield key, pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(arguments)))))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ClusterSettings:
    monkeypatch.setattr(connection, "check", lambda _: None)
    monkeypatch.setattr(connection, "connected", lambda *_: nullcontext(InThisProcess()))
    monkeypatch.setattr(remote_index, "check", lambda _: None)
    monkeypatch.setattr(remote_index, "connected", lambda *_: nullcontext(InThisProcess()))
    return ClusterSettings(ray="local")


def test_tasks_in_any_order(
    place: Path, cluster: ClusterSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards as tasks, and topics in several batches: the same bytes."""
    monkeypatch.setattr(remote_index, "HITS", 20)
    build_index(config_of(place, shards=3, shard=2))
    seen: list[Step] = []
    made = build_index(config_of(place, shards=3, cluster=cluster), progress=seen.append)
    done = [(step.done, step.total) for step in seen if step.label == "index shards"]
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert made.artefact.digest == build_index(config_of(place, shards=3)).artefact.digest
    whole = Store(place / "whole")
    for k in (7, 1000):
        assert run_of(place, Store(), k=k, cluster=cluster) == run_of(place, whole, k=k)


def test_a_node_with_another_model_or_another_shard(
    place: Path, cluster: ClusterSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def otherwise(self: object, function: Any, tasks: dict[Any, tuple[Any, ...]]) -> Iterator[Any]:
        for key, (first, second, *rest) in tasks.items():
            if isinstance(first, TokenIndex):
                model = replace(first.inputs[0], digest="0" * 64)
                first = replace(first, inputs=(model, *first.inputs[1:]))
            else:
                second = replace(second, digest="0" * 64)
            yield key, function(first, second, *rest)

    build_index(config_of(place, shards=2))
    monkeypatch.setattr(InThisProcess, "each", otherwise)
    with pytest.raises(ClusterError, match=r"shard news\.shard-1-of-2 is another one on this node"):
        run_of(place, Store(), cluster=cluster)
    with pytest.raises(ClusterError, match=r"models .* is another one on this node .* than where"):
        build_index(config_of(place, name="other", shards=2, cluster=cluster))


def test_an_index_in_one_piece_is_searched_here(place: Path, cluster: ClusterSettings) -> None:
    whole = Store(place / "whole")
    with pytest.warns(UnusedSettingWarning, match="`ray` is not used: news is in one piece"):
        found = run_of(place, whole, cluster=cluster)
    assert found == run_of(place, whole)
