"""What the store says is what it holds: tampered files, changed manifests, kills, planted links."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_model import save_bitext, save_collection, save_tiny_model
from torture.mutations import mutated
from typer.testing import CliRunner

from clirot.cli import app
from clirot.cli.console import printable
from clirot.errors import (
    ArtefactError,
    DamagedArtefactWarning,
    DamagedDraftWarning,
    InputError,
    UnknownNameError,
)
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.store import MANIFEST, Input, Store, store, tree_digest, writing
from clirot.store.cleaning import REMOVABLE, clean, leftovers
from clirot.store.verifying import Verified, verify


def make(kept: Store, name: str = "a", *, kind: str = "runs", word: str = "one") -> Path:
    """An artefact of three files."""
    with kept.draft(kind, name, config={"word": word}) as draft:
        for place in ("run.trec", "deep/er/x.bin", "deep/y.txt"):
            (draft.path / place).parent.mkdir(parents=True, exist_ok=True)
            (draft.path / place).write_text(f"{word} {place}")
    return kept.path(kind, name)


def interrupted(kept: Store, name: str) -> None:
    """Leave a draft of a model."""

    def attempt() -> None:
        with kept.draft("models", name, config={}) as draft:
            (draft.scratch / "big").write_bytes(bytes(3000))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        attempt()


def only(kept: Store, *names: str, **options: Any) -> Verified:
    (found,) = verify(names, store=kept, **options)
    return found


# --- tampered files -----------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["run.trec", "deep/er/x.bin", "deep/y.txt"])
@pytest.mark.parametrize("how", ["flip", "cut", "longer", "empty", "gone", "link"])
def test_a_tampered_file_is_noticed(home: Path, place: str, how: str) -> None:
    kept = Store(home)
    path = make(kept) / place
    kept.get("runs", "a").check()
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "link":
        path.unlink()
        path.symlink_to("/dev/null")
    else:
        content[len(content) // 2] ^= how == "flip"
        changed = {"cut": content[:-1], "longer": content + b"x", "empty": b""}
        path.write_bytes(changed.get(how, content))
    artefact = kept.get("runs", "a")
    with pytest.raises(ArtefactError, match=r"runs/a is damaged: .*" + place.split("/")[-1]):
        artefact.check()
    assert place in only(kept).faults[0]
    assert CliRunner().invoke(app, ["verify"]).exit_code == 1


def test_a_file_too_many_is_noticed(home: Path) -> None:
    kept = Store(home)
    (make(kept) / "deep" / "stray").touch()
    with pytest.raises(ArtefactError, match=r"stray.* is not one of its files"):
        kept.get("runs", "a").check()


def test_every_sign_of_an_index_flipped(home: Path, tmp_path: Path) -> None:
    """A small index is read before it is searched; both the search and another build refuse."""
    teacher = save_tiny_model(tmp_path / "teacher", seed=4)
    pairs = save_bitext(tmp_path / "pairs.tsv", count=12)
    folder = save_collection(tmp_path / "set", pairs, docs="en", topics=("en",), count=10)
    config = IndexConfig(model=str(teacher), collection=str(folder), name="x")
    path = build_index(config).artefact.path / "tokens.bin"
    signs = bytearray(path.read_bytes())
    signs[1::2] = bytes(one ^ 0x80 for one in signs[1::2])
    path.write_bytes(signs)
    for use in (
        lambda: search(SearchConfig(index="x", collection=str(folder))),
        lambda: build_index(config),
    ):
        with pytest.raises(ArtefactError, match=r"indexes/x is damaged: tokens\.bin is not as it"):
            use()
    again = IndexConfig(model=str(teacher), collection=str(folder), name="x", replace=True)
    assert build_index(again).fresh


def test_one_bit_of_a_large_index_flipped(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large index is compared while it is searched: nothing is printed, and no run is kept."""
    monkeypatch.setattr("clirot.store.artefact.READ_ON_USE", 0)
    teacher = save_tiny_model(tmp_path / "teacher", seed=4)
    pairs = save_bitext(tmp_path / "pairs.tsv", count=12)
    folder = save_collection(tmp_path / "set", pairs, docs="en", topics=("en",), count=10)
    path = build_index(IndexConfig(model=str(teacher), collection=str(folder), name="x")).artefact
    content = bytearray((path.path / "tokens.bin").read_bytes())
    content[len(content) // 2] ^= 1
    (path.path / "tokens.bin").write_bytes(content)
    asked = search(SearchConfig(index="x", collection=str(folder), k=2))
    with pytest.raises(ArtefactError, match="indexes/x is damaged: the token vectors of document"):
        next(asked.lines())
    with pytest.raises(ArtefactError, match="are not as they were written"):
        search(SearchConfig(index="x", collection=str(folder))).save("run")
    assert not (home / "runs" / "run").exists()
    result = CliRunner().invoke(app, ["search", "--index", "x", "--collection", str(folder)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert isinstance(result.exception, ArtefactError)
    assert "clirot index ... --replace" in str(result.exception)


def test_a_damaged_run_is_not_evaluated(home: Path, tmp_path: Path) -> None:
    kept = Store(home)
    with kept.draft("runs", "r", config={}) as draft:
        (draft.path / "run.trec").write_text("q1 Q0 d1 1 2 r\nq1 Q0 d2 2 1 r\n")
    (tmp_path / "qrels").write_text("q1 0 d2 1\n")
    words = ["evaluate", "r", "--qrels", str(tmp_path / "qrels"), "-m", "mrr"]
    assert "0.5000" in CliRunner().invoke(app, words).stdout
    path = kept.path("runs", "r") / "run.trec"
    path.write_text("q1 Q0 d2 1 2 r\nq1 Q0 d1 2 1 r\n")
    with pytest.raises(ArtefactError, match=r"run\.trec is not as it was written"):
        CliRunner().invoke(app, words, catch_exceptions=False)


# --- manifests ----------------------------------------------------------------------------------


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_manifest_that_was_changed_is_told(number: int) -> None:
    """Whatever is changed in it: it is refused in words, as changed, and never believed."""
    kept = Store(Path(os.environ["CLIROT_HOME"]))
    path = make(kept) / MANIFEST
    was = json.loads(path.read_text())
    now = mutated(was, random.Random(number))
    path.write_text(json.dumps(now))
    if now == was:
        return
    with pytest.raises(ArtefactError, match=r"as a manifest: it (was changed|has no|is damaged)"):
        kept.get("runs", "a")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\x00\xff", b"[" * 100_000, b'{"a": 1}', b"null"]
)
def test_a_damaged_manifest_neither_hides_nor_blocks_the_others(home: Path, content: bytes) -> None:
    kept = Store(home)
    (make(kept) / MANIFEST).write_bytes(content)
    make(kept, "b")
    with pytest.raises(ArtefactError, match=r"cannot be read as a manifest: it (is damaged|has)"):
        kept.get("runs", "a")
    with pytest.warns(DamagedArtefactWarning, match="runs/a"):
        assert [one.name for one in kept.all("runs")] == ["b"]
    found = {one.name: one.faults for one in verify(store=kept)}
    assert "manifest" in found["a"][0] and not found["b"]
    kept.remove("runs", "a")
    assert kept.names("runs") == ["b"]


@pytest.mark.parametrize("other", ["runs", "indexes"])
def test_the_manifest_of_another_artefact_is_not_believed(home: Path, other: str) -> None:
    kept = Store(home)
    path = make(kept) / MANIFEST
    path.unlink()
    path.symlink_to(make(kept, "b", kind=other) / MANIFEST)
    with pytest.raises(ArtefactError, match=rf"runs/a is damaged: .*that of {other}/b"):
        kept.get("runs", "a")
    assert f"that of {other}/b" in only(kept, "runs/a").faults[0]
    assert make(kept) and kept.get("runs", "a").name == "a"


def test_a_manifest_without_a_seal_gets_one_where_its_files_are_as_it_says(home: Path) -> None:
    kept = Store(home)
    path = make(kept) / MANIFEST
    said = json.loads(path.read_text())
    del said["seal"], said["files"]
    path.write_text(json.dumps(said))
    with pytest.raises(ArtefactError, match="has no seal") as no:
        kept.get("runs", "a")
    assert "verify(seal=True)" in str(no.value.hint)
    assert only(kept).faults
    assert only(kept, seal=True).sealed
    kept.get("runs", "a").check(whole=True)
    path.write_text(json.dumps(said))
    (path.parent / "run.trec").write_text("other")
    assert only(kept, seal=True).faults


def test_the_chain_of_what_it_was_made_from(home: Path, tmp_path: Path) -> None:
    kept = Store(home)
    make(kept, "index", kind="indexes")
    file = tmp_path / "pairs.tsv"
    file.write_text("one")
    inputs = (kept.get("indexes", "index").as_input(), Input.of_file("file", file))
    with kept.draft("runs", "r", config={}, inputs=inputs) as draft:
        (draft.path / "run.trec").touch()
    assert not only(kept, "runs/r").broken
    make(kept, "index", kind="indexes", word="two")
    file.write_text("two")
    first, second = only(kept, "r").broken
    assert "indexes index is not the one that it was made from" in first
    assert second == f"file {file} has changed since"
    kept.remove("indexes", "index")
    assert "not in the store any more" in only(kept, "r").broken[0]
    assert CliRunner().invoke(app, ["verify", "r"]).exit_code == 0
    assert CliRunner().invoke(app, ["verify", "r", "--strict"]).exit_code == 1


# --- kills and drafts ---------------------------------------------------------------------------


def test_killed_while_the_manifest_is_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same again ends with the digest of the files, and of nothing that was left."""
    kept = Store(home)
    reference = tree_digest(make(kept))
    kept.remove("runs", "a")
    for dies_at in ("write_text", "flush_tree", "swap_in"):
        real = getattr(store, dies_at)

        def dies(*given: Any, real: Any = real, dies_at: str = dies_at) -> None:
            if dies_at == "write_text":  # as a kill between the file and its renaming leaves it
                (given[0].parent / "content" / f".{MANIFEST}.new").write_text("half")
                (given[0].parent / "content" / "stray").write_text("half")
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, dies_at, dies)
            with pytest.raises(KeyboardInterrupt):
                make(kept)
        assert not kept.has("runs", "a")
        artefact = kept.get("runs", make(kept).name)
        assert tree_digest(artefact.path) == artefact.digest == reference
        kept.remove("runs", "a")


@pytest.mark.parametrize("content", ['{"a":' * 50_000, "[" * 100_000, "", "null", '{"a": 1}'])
def test_a_draft_whose_record_is_damaged_is_begun_anew(home: Path, content: str) -> None:
    kept = Store(home)
    part = home / "runs" / ".a.part"
    (part / "content").mkdir(parents=True)
    (part / "content" / "stray").touch()
    (part / "draft.json").write_text(content)
    assert "stray" not in kept.get("runs", make(kept).name).manifest.files


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_fails_is_told_in_words(home: Path, error: int) -> None:
    kept = Store(home)

    def attempt() -> None:
        with kept.draft("runs", "a", config={}):
            raise OSError(error, os.strerror(error), "/some/file")

    with pytest.raises(ArtefactError, match=f"cannot write /some/file: {os.strerror(error)}") as no:
        attempt()
    assert no.value.hint


def test_a_damaged_draft_of_an_index_is_not_continued(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clirot.retrieval import encoded_windows

    monkeypatch.setattr(encoded_windows, "WINDOW", 4)
    teacher = save_tiny_model(tmp_path / "teacher", seed=4)
    pairs = save_bitext(tmp_path / "pairs.tsv", count=12)
    folder = save_collection(tmp_path / "set", pairs, docs="en", topics=("en",), count=10)
    config = IndexConfig(model=str(teacher), collection=str(folder), name="x")
    whole = build_index(config).artefact
    digest = whole.digest
    kept = Store(home)
    for file in ("tokens.bin", "lengths.bin", "sums.bin", "docnos.txt", "checkpoint.json"):
        kept.remove("indexes", "x")
        with monkeypatch.context() as patch:
            patch.setattr("clirot.encoding.maxsim.check_vectors", dies_after(6))
            with pytest.raises(KeyboardInterrupt):
                build_index(config)
        part = home / "indexes" / ".x.part"
        (path,) = part.rglob(file)
        content = path.read_bytes()
        middle = len(content) // 3
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        with pytest.warns(DamagedDraftWarning, match="damaged, so all documents are encoded anew"):
            assert build_index(config).artefact.digest == digest


def dies_after(count: int) -> Any:
    """A function that ends the process, as it were, the next time after ``count``."""
    left = [count]

    def check(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    return check


def test_a_damaged_checkpoint_is_not_continued(tmp_path: Path) -> None:
    from clirot.distillation.training.checkpoints import (
        HISTORY,
        WEIGHTS,
        last_whole,
        mark_whole,
        write_history,
    )

    history = tmp_path.parent / HISTORY
    write_history(history, '{"development": [0.25]}')

    for step in (3, 6):
        folder = tmp_path / f"checkpoint-{step}"
        (folder / "deep").mkdir(parents=True)
        (folder / WEIGHTS).write_bytes(bytes([step]) * 9)
        (folder / "deep" / "state.pt").write_bytes(bytes(9))
        mark_whole(folder)
    (tmp_path / "checkpoint-9").mkdir()
    assert last_whole(tmp_path, history) == tmp_path / "checkpoint-6"
    (tmp_path / "checkpoint-6" / "deep" / "state.pt").write_bytes(bytes(8) + b"x")
    with pytest.warns(DamagedDraftWarning, match="checkpoint-6 of the interrupted training"):
        assert last_whole(tmp_path, history) == tmp_path / "checkpoint-3"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["checkpoint-3"]
    history.write_text(history.read_text().replace("0.25", "0.75"))
    with pytest.warns(DamagedDraftWarning, match=r"history\.json of the interrupted training"):
        assert last_whole(tmp_path, history) is None
    assert not history.exists() and not tmp_path.exists()


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_damaged_weights_of_an_epoch_are_not_taken(tmp_path: Path, how: str) -> None:
    from clirot.digests import file_digest
    from clirot.distillation.training.checkpoints import (
        HISTORY,
        epoch_weights,
        last_whole,
        mark_whole,
        write_history,
    )

    history, checkpoints = tmp_path / HISTORY, tmp_path / "checkpoints"
    digests = []
    for epoch in range(3):
        kept = epoch_weights(history, epoch)
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(bytes([epoch]) * 9)
        digests.append(file_digest(kept))
    write_history(history, json.dumps({"development": [0.1, 0.3, 0.2], "weights": digests}))
    (checkpoints / "checkpoint-4").mkdir(parents=True)
    mark_whole(checkpoints / "checkpoint-4")
    assert last_whole(checkpoints, history) == checkpoints / "checkpoint-4"
    if how == "changed":
        epoch_weights(history, 1).write_bytes(bytes(9))
    else:
        epoch_weights(history, 1).unlink()
    with pytest.warns(DamagedDraftWarning, match=r"epoch-1\.safetensors of the interrupted"):
        assert last_whole(checkpoints, history) is None


def test_a_changed_record_of_a_draft_is_not_that_of_another_draft(tmp_path: Path) -> None:
    from clirot.store.writing import draft_fingerprint, mark_draft

    mark_draft(tmp_path, "abc")
    assert draft_fingerprint(tmp_path) == "abc"
    record = tmp_path / "draft.json"
    record.write_text(record.read_text().replace("abc", "abd"))
    assert draft_fingerprint(tmp_path) is None


# --- one version --------------------------------------------------------------------------------


def test_replaced_while_it_is_being_read(home: Path) -> None:
    kept = Store(home)
    make(kept)
    old = kept.get("runs", "a")
    make(kept, word="two")
    for check in (old.check, old.check_unreplaced):
        with pytest.raises(ArtefactError, match="was replaced or removed by another process") as no:
            check()
        assert "again" in str(no.value.hint)
    kept.get("runs", "a").check()


def test_an_index_replaced_while_topics_are_awaited(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scores of a search are those of one index: of the old, the new, or none."""
    from clirot.retrieval import searching

    pairs = save_bitext(tmp_path / "pairs.tsv", count=12)
    folder = save_collection(tmp_path / "set", pairs, docs="en", topics=("en",), count=10)
    models = [save_tiny_model(tmp_path / f"teacher{seed}", seed=seed) for seed in (4, 5)]

    def built(model: Path) -> None:
        build_index(IndexConfig(model=str(model), collection=str(folder), name="x", replace=True))

    built(models[0])
    real = searching.read_topic_set

    def awaited(*given: Any, **named: Any) -> Any:
        built(models[1])
        return real(*given, **named)

    monkeypatch.setattr(searching, "read_topic_set", awaited)
    with pytest.raises(ArtefactError, match="indexes/x was replaced"):
        search(SearchConfig(index="x", collection=str(folder)))


def test_a_model_replaced_while_it_is_loaded(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clirot.encoding import encoders
    from clirot.models import ModelRef

    kept = Store(home)
    path = make(kept, "m", kind="models")
    ref = ModelRef(name="m", origin="made", path=path, digest=kept.get("models", "m").digest)

    def slow(*_: Any, **__: Any) -> None:
        make(kept, "m", kind="models", word="two")

    monkeypatch.setattr(encoders, "load_model", slow)
    with pytest.raises(ArtefactError, match="models/m was replaced by another process"):
        encoders.load_encoder(ref, side="query")


@pytest.mark.parametrize("lexical", [True, False])
def test_documents_that_change_while_they_are_indexed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lexical: bool
) -> None:
    from clirot.collection import files

    pairs = save_bitext(tmp_path / "pairs.tsv", count=12)
    folder = save_collection(tmp_path / "set", pairs, docs="en", topics=("en",), count=10)
    documents = folder / "docs.en.tsv"
    model = "bm25" if lexical else str(save_tiny_model(tmp_path / "teacher", seed=4))
    config = IndexConfig(model=model, collection=str(folder), name="x")
    real = files.DirectoryCollection.documents

    def changing(self: files.DirectoryCollection) -> Any:
        _ = self.digest
        documents.write_text("d1\tquite another text\n")
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(files.DirectoryCollection, "documents", changing)
        with pytest.raises(InputError, match=r"docs\.en\.tsv: changed while it was being read"):
            build_index(config)
    assert Store(home).names("indexes") == [] and leftovers_of(home) == []
    assert build_index(config).documents == 1


def leftovers_of(home: Path) -> list[str]:
    return [one.path.name for one in leftovers(Store(home)) if one.group == "unfinished"]


# --- what is in the way -------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".a.part", ".a.part/content", ".a.removed", ".a.replaced"])
def test_a_planted_link_is_not_followed(home: Path, tmp_path: Path, place: str) -> None:
    kept = Store(home)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").write_text("precious")
    (victim / "draft.json").write_text("{}")
    link = home / "runs" / place
    link.parent.mkdir(parents=True)
    if place == ".a.part/content":
        wanted = writing.open_draft(home / "runs" / ".a.part", "x", continued=True)
        shutil.rmtree(wanted.path)
    link.symlink_to(victim)
    make(kept)
    make(kept, word="two")
    kept.get("runs", "a").check()
    kept.remove("runs", "a")
    assert sorted(one.name for one in victim.iterdir()) == ["draft.json", "precious"]
    assert (victim / "precious").read_text() == "precious"


def test_a_planted_file_beside_an_output_is_not_written_to(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".out.json.new").symlink_to(victim)
    writing.write_text(tmp_path / "out.json", "text")
    assert victim.read_text() == "precious"
    assert (tmp_path / "out.json").read_text() == "text"
    assert not (tmp_path / "out.json").is_symlink()


def test_a_directory_that_is_not_ours_stays(home: Path) -> None:
    kept = Store(home)
    mine = home / "runs" / "a" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    for use in (lambda: make(kept), lambda: kept.remove("runs", "a")):
        with pytest.raises(ArtefactError, match=r"is no artefact: it has no clirot\.json"):
            use()
    assert list(clean(kept, REMOVABLE)) == []
    assert mine.read_text() == "mine"
    assert [one.group for one in leftovers(kept) if one.path == mine.parent] == ["unknown"]


def test_a_linked_artefact_is_used_and_removed_as_a_link(home: Path, tmp_path: Path) -> None:
    kept = Store(home)
    path = make(kept)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    kept.get("runs", "a").check(whole=True)
    kept.remove("runs", "a")
    assert not path.is_symlink()
    assert (tmp_path / "elsewhere" / "run.trec").is_file()


# --- lists and removal --------------------------------------------------------------------------


def test_everything_on_disk_is_listed_and_what_is_unfinished_is_removed(home: Path) -> None:
    kept = Store(home)
    make(kept, "whole")
    for name in ("x", "y"):
        interrupted(kept, name)
    shutil.copytree(make(kept, "b"), home / "runs" / ".b.removed")
    for place in ("cache/t.jsonl", "downloads/host/f", "reports/s/r", "experiments/e/t", "odd/x"):
        (home / place).parent.mkdir(parents=True)
        (home / place).write_text("12345")
    files = {path for path in home.rglob("*") if path.is_file()}
    listed = {
        path
        for one in leftovers(kept)
        for path in ([one.path] if one.path.is_file() else one.path.rglob("*"))
    }
    of_artefacts = {
        path for kind in ("runs",) for one in kept.all(kind) for path in one.path.rglob("*")
    }
    assert files - listed - of_artefacts == set()
    dry = CliRunner().invoke(app, ["clean", "--dry-run", "--json"])
    unfinished = [one for one in json.loads(dry.stdout)["files"] if one["group"] == "unfinished"]
    assert {Path(one["path"]).name for one in unfinished} == {".x.part", ".y.part", ".b.removed"}
    assert all(not one["removed"] for one in unfinished)
    done = CliRunner().invoke(app, ["clean", "--json"])
    removed = [one for one in json.loads(done.stdout)["files"] if one["removed"]]
    assert {one["path"] for one in removed} == {one["path"] for one in unfinished}
    assert sum(one["bytes"] for one in removed) > 6000
    assert kept.names("runs") == ["b", "whole"]
    assert (home / "cache" / "t.jsonl").is_file()
    everything = ["clean", *(f"--also={group}" for group in REMOVABLE[1:])]
    assert CliRunner().invoke(app, everything).exit_code == 0
    assert {one.group for one in leftovers(kept)} == {"locks", "unknown"}
    with pytest.raises(UnknownNameError, match="locks"):
        CliRunner().invoke(app, ["clean", "--also", "locks"], catch_exceptions=False)


def test_a_draft_that_is_being_written_stays(home: Path) -> None:
    kept = Store(home)
    with kept.draft("runs", "a", config={}) as draft:
        (draft.path / "run.trec").touch()
        assert list(clean(Store(home))) == []
    assert kept.names("runs") == ["a"]


def test_rm_removes_damaged_and_unfinished_artefacts(home: Path) -> None:
    kept = Store(home)
    make(kept, "same")
    make(kept, "same", kind="indexes")
    (make(kept, "broken") / MANIFEST).write_text("{")
    interrupted(kept, "half")
    result = CliRunner().invoke(app, ["rm", "broken", "half", "runs/same"])
    assert result.exit_code == 0, result.output
    assert [kept.names(kind) for kind in ("runs", "models", "indexes")] == [[], [], ["same"]]
    assert [one.group for one in leftovers(kept) if one.group != "locks"] == []
    with pytest.raises(UnknownNameError, match="nothing"):
        CliRunner().invoke(app, ["rm", "same", "nothing"], catch_exceptions=False)
    assert kept.names("indexes") == ["same"]


def test_list_names_what_there_is(home: Path) -> None:
    kept = Store(home)
    make(kept, "one")
    (make(kept, "two") / MANIFEST).write_text("{")
    found = CliRunner().invoke(app, ["list", "runs", "--json"])
    assert [one["name"] for one in json.loads(found.stdout)] == ["one"]
    assert "warning: " in found.stderr and "runs/two" in found.stderr


# --- names, and errors that were not foreseen ---------------------------------------------------


def test_a_long_name_is_no_artefact(home: Path) -> None:
    kept = Store(home)
    assert not kept.has("runs", "a" * 300)
    with pytest.raises(UnknownNameError):
        kept.get("runs", "a" * 300)
    make(kept, "a" * 200)
    assert kept.names("runs") == ["a" * 200]


def test_a_path_that_is_not_utf_8_loses_no_work(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["clirot", "index", os.fsdecode(b"lat\xe9in")])
    kept = Store(home)
    path = make(kept)
    assert kept.get("runs", "a").manifest.argv[-1] == os.fsdecode(b"lat\xe9in")
    assert json.loads(path.joinpath(MANIFEST).read_bytes())["argv"][-1] == "lat\udce9in"


def test_nothing_that_a_terminal_obeys_is_left() -> None:
    assert printable("a\x1b[31mé\r\u202e") == "a\\x1b[31mé\\r\\u202e"
