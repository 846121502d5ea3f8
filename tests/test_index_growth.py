"""``clirot index --add``: what is kept, what is new, what is refused, and being interrupted."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killing import Attempt
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app
from clirot.encoding.encoders import load_encoder
from clirot.errors import ArtefactError, DamagedDraftWarning, UsageError
from clirot.models import resolve
from clirot.records import Hit, Step
from clirot.retrieval import disk_room, encoded_windows
from clirot.retrieval.backends import BACKENDS
from clirot.retrieval.backends.token_store import TokenStore
from clirot.retrieval.index_config import IndexConfig, IndexResult
from clirot.retrieval.indexing import build_index
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.searching import SearchConfig, search
from clirot.retrieval.settings import CompressedSettings
from clirot.store import Store

WORDS = ["sun", "moon", "water", "fire", "stone", "river", "tree", "bird", "salt", "bread"]
LONG = " ".join(["sun"] * 30)  # more than the tiny model reads


def text_of(number: int) -> str:
    return " ".join(WORDS[(number * step) % 10] for step in range(1, 2 + number % 7))


OLD = {f"d{number}": text_of(number) for number in range(21)} | {"d3": "", "d5": LONG}
NEW = {f"n{number}": text_of(40 + number) for number in range(13)} | {"n4": "", "n6": LONG}
# New documents stand before, between and after the old ones, which have another order.
GROWN = {
    docno: (OLD | NEW)[docno]
    for docno in sorted(OLD | NEW, key=lambda one: hashlib.md5(one.encode()).digest())
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection of the old documents, and windows that are small."""
    monkeypatch.setattr(encoded_windows, "WINDOW", 4)
    return save(tmp_path / "set", OLD)


def save(folder: Path, documents: Mapping[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    rows = (f"{docno}\t{text}\n" for docno, text in documents.items())
    (folder / "docs.en.tsv").write_text("".join(rows), encoding="utf-8")
    (folder / "queries.en.tsv").write_text("q1\tsun moon\nq2\tsalt bread river\n")
    (folder / "qrels.txt").write_text("q1 0 d0 1\nq2 0 d1 1\n")
    return folder


def index(model: str, folder: Path, name: str = "i", **more: Any) -> IndexResult:
    return build_index(IndexConfig(model=model, collection=str(folder), name=name, **more))


def found(name: str, folder: Path) -> list[list[Hit]]:
    ready = search(SearchConfig(index=name, collection=str(folder), k=100))
    return [ranking.hits for ranking in ready.rankings()]


def test_old_vectors_are_kept_and_new_ones_follow(model: str, folder: Path) -> None:
    old = index(model, folder)
    before = {path.name: path.read_bytes() for path in old.artefact.path.iterdir()}
    save(folder, GROWN)
    grown = index(model, folder, add=True)
    new = [docno for docno in GROWN if docno in NEW]
    expected = [*OLD, *new]
    path = grown.artefact.path
    assert (path / "docnos.txt").read_text().splitlines() == expected
    assert (path / "documents.tsv").read_text().splitlines() == [
        f"{docno}\t{hashlib.sha256(GROWN[docno].encode()).hexdigest()[:32]}" for docno in expected
    ]
    kept = before["tokens.bin"]
    assert (path / "tokens.bin").read_bytes()[: len(kept)] == kept
    store = TokenStore.open(path)
    encoder = load_encoder(resolve(model, Store()), side="document")
    for row, vectors in enumerate(encoder.encode([GROWN[docno] for docno in expected])):
        held = store.tokens[store.offsets[row] : store.offsets[row + 1]].float().numpy()
        np.testing.assert_allclose(held, vectors, atol=1e-3)

    at_once = index(model, folder, "at-once")
    counts = ("documents", "empty_documents", "tokens")
    assert [getattr(grown, name) for name in counts] == [getattr(at_once, name) for name in counts]
    assert grown.empty_documents == 2 and grown.cut.count == at_once.cut.count == 2
    results = grown.artefact.manifest.results
    assert (results["kept"], results["added"]) == (len(OLD), len(NEW))
    (collection,) = (one for one in old.artefact.manifest.inputs if one.kind == "collection")
    assert grown.artefact.manifest.config["grown_from"] == [
        {"documents": len(OLD), "collection": collection.digest}
    ]


def test_rankings_are_those_of_an_index_that_was_built_at_once(model: str, folder: Path) -> None:
    twins = {"d1": "moon water sun", "d2": "salt salt"}
    save(folder, OLD | twins)
    index(model, folder)
    # Each of them once more, as a new document.
    save(folder, {"a1": twins["d1"], **OLD, **twins, "a2": twins["d2"]} | NEW)
    index(model, folder, add=True)
    index(model, folder, "at-once")
    for grown, whole in zip(found("i", folder), found("at-once", folder), strict=True):
        scores = {hit.docno: hit.score for hit in whole}
        assert {hit.docno for hit in grown} == scores.keys()
        for hit in grown:
            assert hit.score == pytest.approx(scores[hit.docno], abs=2e-3)
        own = {hit.docno: hit.score for hit in grown}
        for one, other in (("a1", "d1"), ("a2", "d2")):
            assert own[one] == pytest.approx(own[other], abs=2e-3)
        # Documents of clearly different scores stand in the same order.
        assert [round(hit.score, 1) for hit in grown] == sorted(
            (round(score, 1) for score in own.values()), reverse=True
        )


def test_the_same_command_returns_at_once_and_another_is_told(
    model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(model, folder)
    save(folder, OLD | NEW)
    grown = index(model, folder, add=True).artefact

    def never(*_: object, **__: object) -> None:
        raise AssertionError("encoded again")

    with monkeypatch.context() as patch:
        patch.setattr("clirot.encoding.encoders.load_encoder", never)
        again = index(model, folder, add=True)
        assert (again.fresh, again.artefact) == (False, grown)
        with pytest.raises(ArtefactError, match=r"grown_from was .*, now not set"):
            index(model, folder)
    more = OLD | NEW | {"z": "bird"}
    save(folder, more)
    twice = index(model, folder, add=True)
    assert twice.documents == len(more)
    history = twice.artefact.manifest.config["grown_from"]
    assert [one["documents"] for one in history] == [len(OLD), len(OLD | NEW)]
    assert index(model, folder, replace=True).artefact.manifest.config.get("grown_from") is None


def test_another_order_of_the_same_documents_adds_nothing(model: str, folder: Path) -> None:
    old = index(model, folder)
    save(folder, dict(reversed(OLD.items())))
    same = index(model, folder, add=True)
    assert same.artefact.digest == old.artefact.digest
    assert same.artefact.manifest.results["added"] == 0


def without(documents: Mapping[str, str], *docnos: str) -> dict[str, str]:
    return {docno: text for docno, text in documents.items() if docno not in docnos}


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        (GROWN | {"d9": "other", "d2": "words"}, r"of its 21 documents 2 have another text now"),
        (without(GROWN, "d4"), r"of its 21 documents 1 are not there any more \(d4\)"),
        (
            without(GROWN, "d4", "d8") | {"d9": "other"},
            r"1 have another text now \(d9\) and 2 are not there any more \(d4, d8\)",
        ),
        (NEW, r"21 are not there any more \(d0, d1, d2, d3, d4, \.\.\.\)"),
    ],
)
def test_changed_and_vanished_documents_are_told(
    documents: dict[str, str], message: str, model: str, folder: Path
) -> None:
    old = index(model, folder)
    save(folder, documents)
    with pytest.raises(ArtefactError, match=message) as told:
        index(model, folder, add=True)
    assert "replace=True" in (told.value.hint or "")
    assert Store().get("indexes", "i") == old.artefact
    anew = index(model, folder, add=True, replace=True)
    assert anew.documents == len(documents)
    assert "grown_from" not in anew.artefact.manifest.config


def test_what_cannot_grow(model: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"an index of words .* cannot be added to"):
        build_index(IndexConfig(model="bm25", collection=str(folder), add=True))
    with pytest.raises(UsageError, match="an index in shards cannot be added to"):
        index(model, folder, add=True, shards=2)
    with pytest.raises(UsageError, match="an index of passages cannot be added to"):
        index(model, folder, add=True, passages=PassageSettings(passage_tokens=16))
    first = index(model, folder, add=True)
    assert first.fresh and first.notes == (
        "there is no index i to add to, so one of all documents was built",
    )
    save(folder, OLD | NEW)
    with pytest.raises(ArtefactError, match="made otherwise: dtype was 'float16', now 'float32'"):
        index(model, folder, add=True, dtype="float32")
    other = str(save_tiny_model(tmp_path / "other", seed=9))
    with pytest.raises(ArtefactError, match=r"made otherwise: document_model was .*models .*gone"):
        index(other, folder, add=True)
    tokens = first.artefact.path / "tokens.bin"
    content = tokens.read_bytes()
    tokens.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtefactError, match=r"is damaged: tokens\.bin is not as it was written"):
        index(model, folder, add=True)
    tokens.write_bytes(content)
    (first.artefact.path / "documents.tsv").unlink()
    with pytest.raises(ArtefactError, match=r"documents\.tsv"):
        index(model, folder, add=True)
    assert index(model, folder, add=True, replace=True).documents == len(OLD | NEW)


def test_an_index_without_vectors_is_built_anew_where_that_is_asked(
    model: str, folder: Path
) -> None:
    codes = {"backend": "compressed", "compressed": CompressedSettings(store=False, recall=0.1)}
    index(model, folder, **codes)
    save(folder, GROWN)
    with pytest.raises(ArtefactError, match="i keeps no token vectors"):
        index(model, folder, add=True, **codes)
    made = index(model, folder, add=True, replace=True, **codes)
    assert made.fresh and made.documents == len(GROWN)
    assert "grown_from" not in made.artefact.manifest.config


def test_the_command_says_what_it_added(model: str, folder: Path) -> None:
    words = ["index", "--model", model, "--collection", str(folder), "--name", "i", "--add"]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (0, "i\n")
    assert "warning: there is no index i to add to" in " ".join(done.stderr.split())
    save(folder, OLD | NEW)
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (0, "i\n")
    said = " ".join(done.stderr.split())
    assert "indexed: 34 documents" in said and "13 of the documents are new" in said
    save(folder, without(OLD | NEW, "d7"))
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "1 are not there any more (d7)" in str(done.exception)
    assert "clirot index ... --replace" in str(done.exception)


@pytest.mark.parametrize("backend", BACKENDS)
def test_interrupted_anywhere_it_is_the_same_in_the_end(
    backend: str, model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"whole": None, "copying": None, "first": 23, "later": 30, "damaged": 30}
    for name in names:
        index(model, folder, name, backend=backend)
    save(folder, GROWN)
    whole = index(model, folder, "whole", backend=backend, add=True).artefact
    for name, stop in names.items():
        config = IndexConfig(
            model=model, collection=str(folder), name=name, backend=backend, add=True
        )

        def interrupt(step: Step, stop: int | None = stop) -> None:
            if stop is not None and step.label == "index" and step.done >= stop:
                raise KeyboardInterrupt

        if name == "whole":
            continue
        with monkeypatch.context() as patch:
            if stop is None:
                patch.setattr("os.copy_file_range", _half)
            with pytest.raises(KeyboardInterrupt):
                build_index(config, progress=interrupt)
        assert Store().get("indexes", name).manifest.results["documents"] == len(OLD)
        if name == "damaged":
            written = (Store().home / "indexes" / f".{name}.part" / "content").rglob("tokens.bin")
            tokens = min(written)  # of the codes, where there are any
            tokens.write_bytes(tokens.read_bytes()[::-1])
            with pytest.warns(DamagedDraftWarning):
                build_index(config)
        else:
            seen: list[Step] = []
            build_index(config, progress=seen.append)
            assert seen[0].done == (len(OLD) if (stop or 0) < 25 else len(OLD) + 8)
        made = Store().get("indexes", name)
        assert made.digest == whole.digest
        assert made.manifest.results["empty_documents"] == 2
        assert made.manifest.results["cut_texts"] == whole.manifest.results["cut_texts"]


def _half(source: int, target: int, count: int, *_: object) -> int:
    """A copy that stops half-way each time; it leaves a last byte, and then fails."""
    if count == 1:
        raise KeyboardInterrupt
    return os.write(target, os.read(source, count // 2))


def test_killed_while_it_grows(
    model: str, folder: Path, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"m{number}": text_of(number) for number in range(300)}
    save(folder, many)
    command = f"index --model {model} --collection {folder} --add --name"
    for name in ("killed", "whole"):
        assert attempt(f"{command} {name}")[0] == 0
    old = Store().get("indexes", "killed")
    save(folder, many | {f"x{number}": text_of(3 * number) for number in range(1200)})
    code, seconds = attempt(f"{command} whole")
    assert code == 0
    kills = 0
    for share in (0.3, 0.6, 0.8, 0.95):
        code, _ = attempt(f"{command} killed", kill_after=share * seconds)
        kills += code != 0
        if code == 0:
            break
        assert Store().get("indexes", "killed") == old
    assert kills, "the command ended before it was killed"
    assert attempt(f"{command} killed")[0] == 0
    assert Store().get("indexes", "killed").digest == Store().get("indexes", "whole").digest


def test_a_disk_that_is_too_small_is_told_before_the_work(
    model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = index(model, folder, "whole")
    usage = namedtuple("usage", "total used free")
    free = [0]
    monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda _: usage(0, 0, free[0]))
    steps: list[Step] = []
    config = IndexConfig(model=model, collection=str(folder), name="i")
    with pytest.raises(
        ArtefactError, match=r"the index of 21 documents needs about .* has 0\.0 MB"
    ):
        build_index(config, progress=steps.append)
    assert max(step.done for step in steps) == 4  # the first window tells it
    free[0] = whole.bytes
    assert build_index(config).artefact.digest == whole.artefact.digest
    save(folder, GROWN)
    free[0] = whole.bytes - 1  # the old vectors alone are as many
    with pytest.raises(ArtefactError, match="the index of 34 documents needs about"):
        index(model, folder, add=True)
    assert Store().get("indexes", "i").manifest.results["documents"] == len(OLD)


def test_the_room_is_told_from_all_texts_where_the_first_are_not_like_them(
    model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, short = "sun moon water fire stone " * 2, "sun"
    save(folder, {f"d{row}": long if row < 4 else short for row in range(60)})
    whole = index(model, folder, "whole")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda _: usage(0, 0, whole.bytes))
    # By the first window the index would have several times its size.
    first = sum(len(long) for _ in range(4)) / 4
    assert first * 60 > 3 * (4 * len(long) + 56 * len(short))
    assert index(model, folder).artefact.digest == whole.artefact.digest
    shutil.rmtree(Store().home)
