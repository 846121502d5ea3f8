"""A Ray cluster: the same bytes as without one, also where a node is killed half-way; bad input."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from experiment_places import save_experiment
from ray_nodes import Nodes, ray_nodes
from test_sharding import save_collection
from tiny_model import save_tiny_model

from clirot.cluster import connection
from clirot.cluster.node import Asking, handed_on, perform
from clirot.cluster.settings import ClusterSettings
from clirot.cluster.shared_store import fault, held
from clirot.cluster.tasks import Cluster
from clirot.errors import ClusterError, ClusterWarning, InputError, UsageError
from clirot.retrieval.encoded_windows import WINDOW
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.runs import SAVED_RUN
from clirot.store import Store

ray = pytest.mark.ray
SHARDS = 3  # of a window each


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with ray_nodes() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a collection of three windows."""
    folder = tmp_path_factory.mktemp("cluster")
    save_tiny_model(folder / "model", seed=1)
    save_collection(folder / "set", SHARDS * WINDOW)
    return folder


def started(place: Path, home: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["clirot", *words],
        cwd=place,
        env=os.environ | {"CLIROT_HOME": str(place / home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


INDEX = ("index", "--model", "./model", "--collection", "./set", "--name", "news")
SEARCH = ("search", "--index", "news", "--collection", "./set", "-k", "40")


@ray
def test_a_node_is_killed_half_way(
    place: Path, nodes: Nodes, shell: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it builds a shard, and while it searches one: the others do its work, and vectors and
    run are those of an index in one piece, which no cluster has seen.
    """
    monkeypatch.setenv("PATH", shell["PATH"])
    monkeypatch.chdir(place)
    whole = Store(place / "alone")
    build_index(IndexConfig(model="./model", collection="./set", name="news"), store=whole)
    asked = SearchConfig(index="news", collection="./set", k=40)
    alone = "".join(search(asked, store=whole).lines())
    index = started(place, "home", *INDEX, "--shards", str(SHARDS), "--ray", nodes.address)
    nodes.kill(at=".news.shard-")
    out, err = index.communicate()
    assert (index.returncode, out) == (0, "news\n"), err
    assert f"index shards: {SHARDS}/{SHARDS} shards" in err
    store, one = Store(place / "home"), whole.path("indexes", "news")
    names = [f"news.shard-{number}-of-{SHARDS}" for number in range(1, SHARDS + 1)]
    assert store.names("indexes") == ["news", *names]
    for file in ("tokens.bin", "lengths.bin", "docnos.txt"):
        parts = [(store.path("indexes", name) / file).read_bytes() for name in names]
        assert b"".join(parts) == (one / file).read_bytes()
    assert store.get("indexes", names[0]).manifest.argv[1] == "index"  # and no worker's
    searching = started(place, "home", *SEARCH, "--ray", nodes.address)
    nodes.kill(at="search_on_node")
    out, err = searching.communicate()
    assert searching.returncode == 0, err
    assert out == alone != ""
    assert "raylet" not in err, "Ray itself is quiet"


@ray
def test_cells_of_a_plan(
    tmp_path: Path, nodes: Nodes, shell: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same runs as without a cluster, from paths that are relative to where the plan is run."""
    monkeypatch.setenv("PATH", shell["PATH"])
    plan = str(save_experiment(tmp_path))
    stages = [word for stage in ("indexes", "topics", "runs") for word in ("--stage", stage)]
    words = ("experiment", plan, "--only", "bm25", *stages)
    found = []
    for home, more in (("alone", ()), ("cluster", ("--ray", nodes.address))):
        out, err = started(tmp_path, home, *words, *more).communicate()
        assert out == ""
        assert "cells: 4/4 cells" in err, err
        store = Store(tmp_path / home)
        runs = {name: store.path("runs", name) / SAVED_RUN for name in store.names("runs")}
        found.append({name: path.read_text() for name, path in runs.items()})
    assert found[0] == found[1] != {}


@ray
def test_a_cluster_of_this_machine_ends_with_the_command(
    place: Path, shell: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on Ctrl-C."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setenv("PATH", shell["PATH"])
    before = set(Path("/tmp").glob("clirot-ray-*"))
    command = started(place, "local", *INDEX, "--shards", "1", "--ray", "local")
    assert command.stderr is not None
    while "index shards: 0/1" not in (line := command.stderr.readline()):  # the shard is a task now
        assert line, command.communicate()
    own = set(Path("/tmp").glob("clirot-ray-*")) - before
    command.send_signal(signal.SIGINT)
    out, err = command.communicate()
    assert (command.returncode, out) == (130, ""), err
    assert "interrupted; the same command again resumes where it can" in err
    for folder in own:
        assert not folder.exists()
        assert not [one for one in psutil.process_iter(["cmdline"])
                    if any(str(folder) in word for word in one.info["cmdline"] or ())]  # fmt: skip


@pytest.mark.parametrize("address", ["auto", "ray://head:10001", "head", "head:0", "head:99999"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="not the address of a Ray cluster"):
        ClusterSettings(ray=address)


def test_the_environment_names_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert ClusterSettings().ray is None


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs Ray, which is not installed") as caught:
        connection.check(ClusterSettings(ray="local"))
    assert "clirot[ray]" in str(caught.value.hint)


@ray
def test_an_address_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens there, or something that is no cluster: it is no server at all."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setattr(connection, "_HEALTH_S", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ClusterError, match="no answer within 3 seconds"):
            connection.check(ClusterSettings(ray=address))
    with pytest.raises(ClusterError, match=f"no Ray cluster answers at {address}"):
        connection.check(ClusterSettings(ray=address))


def test_a_node_that_does_not_share_the_store(tmp_path: Path) -> None:
    """It has no such directory, or another one in its place, or locks that do not hold."""
    home = tmp_path / "home"
    with held(home):
        assert fault(home) is None
        with held(home):  # two commands at a time
            assert fault(home) is None
        assert str(fault(tmp_path / "elsewhere")).startswith("it does not see the store")
    assert str(fault(home)).startswith("it has another store in")


def doubled(number: int) -> int:
    if number < 0:
        raise InputError("too small", hint="add something")
    return 2 * number


def test_a_node_that_is_not_like_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asking = Asking.here(tmp_path)
    work = pickle.dumps((doubled, (4,)))
    assert str(perform(asking, work).unfit).startswith("it does not see the store")
    with held(tmp_path):
        assert perform(asking, work).result == 8
        newer = replace(asking, versions={**asking.versions, "torch": "9.1.0", "clirot": "0.9"})
        found = str(perform(newer, work).unfit)
        assert found.startswith("it has clirot ")
        assert "where 0.9 is needed, torch " in found
        same = replace(
            asking,
            versions={
                **asking.versions,
                "python": "3.99",
                "torch": asking.versions["torch"].partition("+")[0] + "+cu999",
            },
        )
        assert perform(same, work).result == 8
        error = perform(asking, pickle.dumps((doubled, (-1,)))).error
        assert (type(error), str(error)) == (InputError, "too small (add something)")
        elsewhere = replace(asking, host="another")
        assert "too small (on " in str(perform(elsewhere, pickle.dumps((doubled, (-1,)))).error)


def test_a_node_that_is_gone_is_told_once(tmp_path: Path) -> None:
    """As soon as Ray knows: that may take it some seconds, and the work goes on before."""
    alive = {"a": True, "b": True}

    class Library:
        @staticmethod
        def nodes() -> list[dict[str, object]]:
            return [
                {"NodeID": node, "NodeManagerHostname": f"host-{node}", "Alive": there}
                for node, there in alive.items()
            ]

    cluster = Cluster(Library, Asking.here(tmp_path), cpus=1, gpus=0)
    cluster.look(at_once=True)
    alive["b"] = False
    with pytest.warns(
        ClusterWarning, match=r"node host-b \(b\) of the Ray cluster is gone; what it"
    ):
        cluster.look(at_once=True)
    cluster.look(at_once=True)


def test_secrets_are_not_handed_to_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "x")
    monkeypatch.setenv("CLIROT_MIRROR", "/mirror")
    monkeypatch.setenv("PATH_TO", "x")
    assert handed_on()["CLIROT_MIRROR"] == "/mirror"
    assert not {"HF_TOKEN", "PATH_TO"} & handed_on().keys()


@pytest.mark.parametrize("change", [{"shards": None}, {"shards": 2, "shard": 1}])
def test_a_cluster_builds_shards(change: dict[str, int | None]) -> None:
    with pytest.raises(UsageError, match="a Ray cluster builds the shards of an index"):
        IndexConfig(model="m", collection="c", cluster=ClusterSettings(ray="local"), **change)
