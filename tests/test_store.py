"""The artefact store: whole or not at all, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clirot.errors import ArtefactError, BusyError, UnknownNameError, UsageError
from clirot.store import (
    MANIFEST,
    Input,
    Manifest,
    Store,
    copy_file,
    fingerprint,
    tree_digest,
    writing,
)
from clirot.store import store as store_module

PARTS = 12


def make(store: Store, name: str = "a", *, generation: int = 1, size: int = 20_000) -> None:
    """An artefact of PARTS files in two folders, whose bytes follow from the generation."""
    with store.draft("runs", name, config={"generation": generation}, seed=generation) as draft:
        for part in range(PARTS):
            path = draft.path / ("deep/er" if part % 2 else "flat") / f"{part}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(random.Random(f"{generation} {part}").randbytes(size))
        draft.results["generation"] = generation


def leftovers(store: Store, kind: str = "runs") -> list[str]:
    names = (path.name for path in (store.home / kind).iterdir())
    return sorted(name for name in names if name.startswith(".") and not name.endswith(".lock"))


def assert_whole(store: Store, name: str = "a") -> int:
    """The artefact is exactly one generation; returns which."""
    artefact = store.get("runs", name)
    assert tree_digest(artefact.path) == artefact.digest
    assert artefact.manifest.results == artefact.manifest.config
    files = list(artefact.path.rglob("*.bin"))
    assert len(files) == PARTS
    return int(artefact.manifest.config["generation"])


def test_an_artefact_appears_when_the_block_ends(home):
    store = Store(home)
    with store.draft("bitext", "en-so.x", config={"k": (1, 2)}, seed=3) as draft:
        (draft.path / "pairs.tsv").write_text("a\tb\n")
        (draft.scratch / "checkpoint").write_text("not part of it")
        draft.results["kept"] = 1
        assert not store.has("bitext", "en-so.x")
        assert store.names("bitext") == []
    artefact = store.get("bitext", "en-so.x")
    assert sorted(path.name for path in artefact.path.iterdir()) == [MANIFEST, "pairs.tsv"]
    manifest = artefact.manifest
    assert (manifest.kind, manifest.name, manifest.seed) == ("bitext", "en-so.x", 3)
    assert manifest.results == {"kept": 1}
    assert manifest.versions["clirot"] and manifest.argv and manifest.created.endswith("+00:00")
    assert artefact.as_input() == Input(kind="bitext", name="en-so.x", digest=artefact.digest)
    assert leftovers(store, "bitext") == []


def test_the_digest_depends_on_the_files_and_on_nothing_else(home, tmp_path):
    one, other = Store(home), Store(tmp_path / "elsewhere")
    make(one, "a")
    make(other, "b")
    assert one.get("runs", "a").digest == other.get("runs", "b").digest
    make(other, "b", generation=2)
    assert one.get("runs", "a").digest != other.get("runs", "b").digest
    file = next(one.get("runs", "a").path.rglob("3.bin"))
    file.rename(file.with_name("renamed.bin"))
    assert tree_digest(one.get("runs", "a").path) != one.get("runs", "a").digest


def test_finished_tells_the_same_request_from_another(home):
    store = Store(home)
    inputs = (Input(kind="file", name="x", digest="1" * 64),)
    request = {"config": {"epochs": 3, "dims": (1, 2)}, "inputs": inputs, "seed": 1}
    assert store.finished("models", "m", **request) is None
    with store.draft("models", "m", **request) as draft:
        (draft.path / "w").write_text("w")
    there = store.finished("models", "m", **request)
    assert there is not None and there.name == "m"
    changed = request | {"config": {"epochs": 4, "dims": (1, 2)}, "seed": 2}
    with pytest.raises(ArtefactError) as caught:
        store.finished("models", "m", **changed)
    assert caught.value.message == (
        "models/m exists and was made from something else: epochs was 3, now 4; seed was 1, now 2"
    )
    assert caught.value.hint == "choose another `name`, or `replace` it"
    assert store.finished("models", "m", **changed, replace=True) is None
    other = (Input(kind="file", name="x", digest="2" * 64),)
    with pytest.raises(ArtefactError, match="file x has changed"):
        store.finished("models", "m", **(request | {"inputs": other}))
    with pytest.raises(ArtefactError, match="file x is gone"):
        store.finished("models", "m", **(request | {"inputs": ()}))


def test_only_the_settings_that_differ_are_told_and_a_hint_that_its_verb_can_follow(home):
    store = Store(home)
    config = {"pair": "en-so", "filters": {"least": 0.0, "most": None, "same": [1, 2]}, "old": 1}
    for kind in ("bitext", "runs"):
        with store.draft(kind, "x", config=config) as draft:
            (draft.path / "w").write_text("w")
    now = {"pair": "en-so", "filters": {"least": 0.5, "most": 9, "same": (1, 2)}, "new": True}
    for kind, hint in [("bitext", "`replace` it"), ("runs", "`save` it under another name, or ")]:
        with pytest.raises(ArtefactError) as caught:
            store.finished(kind, "x", config=now)
        assert caught.value.message.partition("else: ")[2].split("; ") == [
            "filters.least was 0.0, now 0.5",
            "filters.most was not set, now 9",
            "new was not set, now True",
            "old was 1, now not set",
        ]
        assert (caught.value.hint or "").startswith(hint)


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    )
)
def test_a_manifest_reads_back_what_it_writes(config):
    manifest = Manifest(
        kind="runs",
        name="a",
        config=config,
        inputs=(Input(kind="url", name="é\u2028", digest="0" * 64),),
        argv=("clirot", "--x"),
    )
    directory = Path(os.environ["CLIROT_HOME"])
    directory.mkdir(exist_ok=True)
    (directory / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    again = Manifest.read(directory)
    assert again == manifest
    assert again.fingerprint == fingerprint("runs", config, manifest.inputs, None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "runs"}', '{"surprise": 1}', "\x00"])
def test_a_damaged_manifest_says_so(home, text):
    store = Store(home)
    make(store)
    (store.path("runs", "a") / MANIFEST).write_text(text)
    with pytest.raises(ArtefactError, match="cannot be read as a manifest"):
        store.get("runs", "a")


def test_names_that_could_leave_the_directory_are_refused(home):
    store = Store(home)
    for name in ("", ".hidden", "../up", "a/b", "-x", "a b", "a\n", "x\0y"):
        with pytest.raises(UsageError):
            store.path("runs", name)
        assert not store.has("runs", name)
    with pytest.raises(UnknownNameError, match="did you mean 'models'"):
        store.path("model", "x")


def test_an_unknown_name_suggests_a_near_one(home):
    store = Store(home)
    make(store, "en-so.bm25")
    with pytest.raises(UnknownNameError) as caught:
        store.get("runs", "en-so.bm52")
    assert "did you mean 'en-so.bm25'?" in str(caught.value)


def test_a_failed_block_keeps_what_it_wrote_for_the_same_request_only(home):
    store = Store(home)

    found = []

    def attempt(config: dict[str, int]) -> tuple[bool, list[str]]:
        with pytest.raises(RuntimeError):
            interrupted(config)
        return found[-1]

    def interrupted(config: dict[str, int]) -> None:
        with store.draft("models", "m", config=config, continued=True) as draft:
            found.append((draft.resumed, sorted(path.name for path in draft.path.iterdir())))
            (draft.path / "epoch1").write_text("1")
            raise RuntimeError

    assert attempt({"lr": 1}) == (False, [])
    assert attempt({"lr": 1}) == (True, ["epoch1"])
    assert attempt({"lr": 2}) == (False, [])
    assert store.names("models") == [] and not store.has("models", "m")


def test_a_draft_of_no_use_to_the_next_attempt_is_removed(home):
    store = Store(home)

    def interrupted() -> None:
        with store.draft("bitext", "b", config={}) as draft:
            draft.resumable = False
            (draft.path / "half").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert leftovers(store, "bitext") == []


def test_remove_leaves_nothing_and_nothing_comes_back(home):
    store = Store(home)
    make(store)
    shutil.copytree(store.path("runs", "a"), store.home / "runs" / ".a.replaced")
    store.remove("runs", "a")
    assert not store.has("runs", "a") and store.names("runs") == []
    assert leftovers(store) == []
    with pytest.raises(UnknownNameError):
        store.remove("runs", "a")


def test_a_death_between_the_two_renames_brings_the_old_one_back(home):
    store = Store(home)
    make(store)
    store.path("runs", "a").rename(store.home / "runs" / ".a.replaced")
    assert Store(home).names("runs") == ["a"]
    assert assert_whole(Store(home)) == 1
    assert leftovers(store) == []


def test_what_a_death_just_after_the_end_left_is_swept_up(home, monkeypatch):
    store = Store(home)
    make(store)
    real = store_module.swap_in

    def dies(content: Path, target: Path) -> None:
        real(content, target)
        shutil.copytree(target, target.with_name(".a.replaced"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "swap_in", dies)
        with pytest.raises(KeyboardInterrupt):
            make(store, generation=2)
    assert leftovers(store) == [".a.part", ".a.replaced"]
    assert store.finished("runs", "a", config={"generation": 2}, seed=2) is not None
    assert leftovers(store) == []
    assert assert_whole(store) == 2


def test_an_interrupted_attempt_at_something_else_is_not_swept_up(home):
    store = Store(home)
    make(store)

    def interrupted() -> None:
        with store.draft("runs", "a", config={"generation": 2}, seed=2):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert store.finished("runs", "a", config={"generation": 1}, seed=1) is not None
    assert leftovers(store) == [".a.part"]


def test_a_reader_does_not_undo_a_replacement_that_is_going_on(home, monkeypatch):
    """A reader that looks between the two renames must wait, not put the old artefact back."""
    store = Store(home)
    make(store)
    reader: list[subprocess.Popen[str]] = []
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        result = real(self, target)
        if target.name == ".a.replaced":
            reader.append(_python("print(store.get('runs', 'a').manifest.config)", home))
            time.sleep(1.0)  # long enough for the reader to start and look
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        make(store, generation=2)
    out, err = reader[0].communicate(timeout=30)
    assert out.strip() == "{'generation': 2}", err
    assert assert_whole(store) == 2


def test_a_half_deleted_draft_is_not_taken_for_a_resumable_one(home, monkeypatch):
    store = Store(home)

    def interrupted() -> None:
        with store.draft("runs", "a", config={"x": 1}, continued=True) as draft:
            for number in range(5):
                (draft.path / f"{number}").write_text("kept")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()

    def dies(path: Path) -> None:
        if path.is_dir() and (path / "content" / "3").exists():
            (path / "content" / "3").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, "clear", dies)
        with pytest.raises(KeyboardInterrupt), store.draft("runs", "a", config={"x": 2}):
            pass
    with store.draft("runs", "a", config={"x": 1}) as draft:
        assert not draft.resumed
        assert list(draft.path.iterdir()) == []


_PRELUDE = """
import random, sys, time
from pathlib import Path
from clirot.errors import ArtefactError
from clirot.store import Store
store = Store(Path(sys.argv[1]))
"""


def _python(code: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PRELUDE + textwrap.dedent(code), str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


_MAKE = """
def make(generation):
    with store.draft("runs", "a", config={"generation": generation}, seed=generation) as draft:
        for part in range(12):
            path = draft.path / ("deep/er" if part % 2 else "flat") / f"{part}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(random.Random(f"{generation} {part}").randbytes(20_000))
        draft.results["generation"] = generation
"""


def test_killed_at_fourteen_random_moments_of_endless_replacement(home, tmp_path):
    """kill -9 anywhere: what is there is always one whole generation."""
    store = Store(home)
    make(store, generation=0)
    chance = random.Random(5)
    generations = set()
    for _ in range(14):
        # The first one is made before the signal: it pays for the imports.
        first = chance.randint(1, 10**6)
        endless = f"make({first})\nprint('go', flush=True)\nfor g in range(10**6): make(g)"
        process = _python(_MAKE + endless, home)
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        time.sleep(chance.uniform(0, 0.08))
        process.kill()
        process.communicate()
        assert store.names("runs") == ["a"]
        generations.add(assert_whole(store))
    assert len(generations) > 3
    make(store, generation=7)
    reference = Store(tmp_path / "reference")
    make(reference, generation=7)
    assert store.get("runs", "a").digest == reference.get("runs", "a").digest
    assert leftovers(store) == []


def test_two_processes_never_write_one_artefact(home):
    store = Store(home)
    code = """
    with store.draft("runs", "a", config={}) as draft:
        print("in", flush=True)
        time.sleep(60)
    """
    holder = _python(code, home)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "in\n"
        with pytest.raises(BusyError, match="another process is writing runs/a"):
            make(store)
        make(store, "b")
    finally:
        holder.kill()
        holder.communicate()
    make(store)  # the system released the lock of the dead
    assert assert_whole(store) == 1


def test_many_writers_at_once_leave_one_whole_artefact(home):
    code = (
        _MAKE
        + """
made = 0
while made < 4:  # however often another one is at it
    try:
        make(made)
        made += 1
        print("made", flush=True)
    except ArtefactError as error:
        assert "another process" in str(error), error
        time.sleep(0.003)
"""
    )
    writers = [_python(code, home) for _ in range(4)]
    made = 0
    for writer in writers:
        out, err = writer.communicate(timeout=240)
        assert writer.returncode == 0, err
        made += out.count("made")
    assert made >= 15
    assert_whole(Store(home))
    assert leftovers(Store(home)) == []


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "CLIROT_HOME"),
        (errno.EACCES, "CLIROT_HOME"),
    ],
)
def test_a_disk_that_will_not_take_more_is_an_error_in_words(home, monkeypatch, number, hint):
    store = Store(home)
    make(store)

    def full(path: Path, text: str) -> None:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_text", full)
        with pytest.raises(ArtefactError, match=os.strerror(number)) as caught:
            make(store, generation=2)
    assert hint in (caught.value.hint or "")
    assert assert_whole(store) == 1
    make(store, generation=2)
    assert assert_whole(store) == 2


def test_a_real_limit_on_file_size_loses_nothing(home):
    store = Store(home)
    make(store)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        with pytest.raises(ArtefactError, match="File too large") as caught:
            make(store, generation=2, size=60_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "ulimit -f" in (caught.value.hint or "")
    assert assert_whole(store) == 1
    make(store, generation=2)
    assert assert_whole(store) == 2


@pytest.mark.parametrize("place", ["file", "file/below", "link", "/proc/clirot"])
def test_a_home_that_cannot_be_one_is_an_error_in_words(tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "file")
    if place == "/proc/clirot" and not Path("/proc/self").exists():
        pytest.skip("there is no /proc here")
    store = Store(tmp_path / place)
    with pytest.raises(ArtefactError, match=r"the store .* cannot be used: ") as caught:
        make(store)
    assert "CLIROT_HOME" in (caught.value.hint or "")
    if place.startswith("file"):
        for look in (store.names, lambda kind: store.has(kind, "a")):
            with pytest.raises(ArtefactError, match="Not a directory"):
                look("runs")
    else:
        assert store.names("runs") == []  # nothing is there, and nothing was made to see it


def test_other_faults_of_the_system_are_not_disguised(home):
    store = Store(home)
    with pytest.raises(ConnectionResetError), store.draft("runs", "a", config={}):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_the_default_home_is_the_environments_or_the_platforms(monkeypatch, tmp_path):
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path))
    assert Store().home == tmp_path
    monkeypatch.delenv("CLIROT_HOME")
    assert Store().home.name == "clirot" and Store().home.is_absolute()


def test_the_manifest_is_readable_by_people_and_machines(home):
    store = Store(home)
    make(store)
    raw = (store.path("runs", "a") / MANIFEST).read_text(encoding="utf-8")
    assert list(json.loads(raw)) == sorted(json.loads(raw)) and raw.endswith("}\n")


def test_an_array_that_numpy_cannot_write_is_a_full_disk_in_words(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    with (
        pytest.raises(ArtefactError, match="No space left on device") as caught,
        store.draft("indexes", "full", config={}),
    ):
        raise OSError("2251583 requested and 2096096 written")  # as numpy.save words it
    assert caught.value.hint is not None and not store.names("indexes")


@pytest.mark.parametrize("fails", [None, errno.EXDEV, errno.ENOSYS, errno.ENOSPC])
def test_a_file_is_copied_by_the_system_or_by_hand(
    fails: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(300_000)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    target.write_bytes(b"longer " * 100_000)
    calls = []

    def half(source: int, target: int, count: int) -> int:
        calls.append(count)
        if fails is not None and len(calls) == 2:
            raise OSError(fails, os.strerror(fails))
        return os.write(target, os.read(source, max(1, count // 2)))

    monkeypatch.setattr(os, "copy_file_range", half, raising=False)
    if fails == errno.ENOSPC:
        with pytest.raises(OSError, match="No space left"):
            copy_file(source, target)
        return
    copy_file(source, target)
    assert target.read_bytes() == content
    assert len(calls) == 2 if fails else len(calls) > 10
