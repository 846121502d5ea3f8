"""fetch_bitext and its command: what is kept, what fails, and that nothing is ever half there."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.bitext import FilterConfig, load_bitext, stored_sources
from clirot.bitext.acquisition import FetchConfig, FetchResult, fetch_bitext
from clirot.bitext.alignment import Bead, Realignment, realignment
from clirot.bitext.filters.chain import Chain
from clirot.bitext.formats import LocalFile, local_file
from clirot.cli import app
from clirot.digests import file_digest
from clirot.download import offline
from clirot.errors import (
    ArtefactError,
    ClirotError,
    DownloadError,
    InputError,
    PartlyDoneError,
    UnknownNameError,
    UsageError,
)
from clirot.records import LanguagePair, SentencePair, Step
from clirot.store import Store, tree_digest

EN_SO = LanguagePair("en", "so")
ROWS = "Hello\tSalaan\tg1\nThanks\tMahadsanid\nHello\tSalaan\n\t\nKenya\tKenya\nYes\tHaa\tg6\n"


def get(store: Store, *sources: str, **more: object) -> FetchResult:
    config = FetchConfig(pair=EN_SO, sources=sources, **more)  # type: ignore[arg-type]
    return fetch_bitext(config, store=store)


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


@pytest.fixture
def greetings(tmp_path: Path) -> Path:
    path = tmp_path / "greetings.tsv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def hidden(store: Store) -> list[str]:
    names = [path.name for path in (store.home / "bitext").iterdir()]
    return [name for name in names if name.startswith(".") and not name.endswith(".lock")]


# Files


def test_a_file_is_kept_counted_and_traced(store, greetings):
    result = get(store, files=(greetings,))
    (one,) = result.fetched
    digest = file_digest(greetings)
    assert one.source == f"file-greetings-{digest[:8]}" and one.fresh
    assert (one.read, one.kept) == (6, 3)
    assert one.dropped == {"duplicate": 1, "empty source": 1, "identical": 1}
    table = pq.read_table(one.artefact.path / "pairs.parquet")
    assert table.column_names == [
        "src",
        "tgt",
        "id",
        "place",
        "outcome",
        "src_script",
        "tgt_script",
    ]
    assert list(zip(*table.to_pydict().values(), strict=True)) == [
        ("Hello", "Salaan", "g1", 1, "kept", 1.0, 1.0),
        ("Thanks", "Mahadsanid", "2", 2, "kept", 1.0, 1.0),
        ("Hello", "Salaan", "3", 3, "duplicate", 1.0, 1.0),
        ("", "", "4", 4, "empty source", None, None),
        ("Kenya", "Kenya", "5", 5, "identical", 1.0, 1.0),
        ("Yes", "Haa", "g6", 6, "kept", 1.0, 1.0),
    ]
    lines = b"Hello\tSalaan\tg1\nThanks\tMahadsanid\t2\nYes\tHaa\tg6\n"
    assert one.artefact.manifest.results["pairs_digest"] == hashlib.sha256(lines).hexdigest()
    assert one.examples["identical"] == [{"src": "Kenya", "tgt": "Kenya", "id": "5", "place": 5}]
    manifest = one.artefact.manifest
    assert manifest.name == f"en-so.{one.source}"
    assert [(i.kind, i.name, i.digest) for i in manifest.inputs] == [("file", one.source, digest)]
    assert manifest.results["file"] == str(greetings)
    assert manifest.config["filters"] == asdict(FilterConfig())
    result.check()
    assert hidden(store) == []


def test_the_same_again_is_not_made_again(store, greetings, tmp_path):
    first = get(store, files=(greetings,)).fetched[0]
    before = (first.artefact.path / "pairs.parquet").stat().st_mtime_ns
    elsewhere = tmp_path / "copy" / "greetings.tsv"
    elsewhere.parent.mkdir()
    shutil.copy(greetings, elsewhere)
    again = get(store, files=(elsewhere, greetings)).fetched
    assert [one.fresh for one in again] == [False]  # two names of one content
    assert again[0].artefact == first.artefact
    assert (first.artefact.path / "pairs.parquet").stat().st_mtime_ns == before


def test_a_dry_run_checks_files_and_lists_them_with_their_bytes(greetings, tmp_path, home):
    def dry(*arguments: str) -> str:
        command = ["fetch-bitext", "--tgt", "so", "--dry-run", "--file", str(greetings)]
        return CliRunner().invoke(app, [*command, *arguments], catch_exceptions=False).stdout

    document = json.loads(dry("--json"))
    size = len(ROWS.encode())
    assert document["files"] == [{"file": str(greetings), "paths": [str(greetings)], "bytes": size}]
    assert (document["bytes_of_disk"], document["failed"]) == (size, [])
    packed = tmp_path / "packed.tsv.gz"
    packed.write_bytes(gzip.compress(ROWS.encode()))
    assert json.loads(dry("--json", "--file", str(packed)))["bytes_of_disk"] == size + 3 * (
        packed.stat().st_size
    )
    table = [line.split() for line in dry().splitlines()]
    assert ["a", "file", str(greetings), str(size), "bytes", "read", "where", "it", "is"] in table
    (tmp_path / "one-sided.tsv").write_text("Hello\n")
    for name, message in [("none.tsv", "No such file"), ("one-sided.tsv", "one-sided.tsv:1: ")]:
        with pytest.raises(PartlyDoneError, match=message):
            dry("--file", str(tmp_path / name))
    with pytest.raises(InputError, match="not well-formed XML"):
        dry("--format", "tmx")
    assert not (home / "bitext").exists()


def test_other_filters_need_consent_to_replace(store, greetings):
    get(store, files=(greetings,))
    filters = FilterConfig(keep_identical=True)
    result = get(store, files=(greetings,), filters=filters)
    with pytest.raises(ArtefactError, match=r"something else: filters\.keep_identical") as caught:
        result.check()
    assert caught.value.message.endswith("else: filters.keep_identical was False, now True")
    assert caught.value.hint == "`replace` it"
    assert load_bitext(store, EN_SO, stored_sources(store, EN_SO)).pairs[-1].src == "Yes"
    replaced = get(store, files=(greetings,), filters=filters, replace=True)
    assert replaced.fetched[0].kept == 4


def test_a_changed_file_is_another_source(store, greetings):
    get(store, files=(greetings,))
    greetings.write_text(ROWS + "No\tMaya\n", encoding="utf-8")
    get(store, files=(greetings,))
    assert len(stored_sources(store, EN_SO)) == 2
    merged = load_bitext(store, EN_SO, stored_sources(store, EN_SO))
    assert sorted(pair.src for pair in merged.pairs) == ["Hello", "No", "Thanks", "Yes"]
    assert sum(merged.dropped.values()) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no sentence pair is left of 0"),
        (b"\n\t\n", "no sentence pair is left of 2: 2 empty source"),
        (b"Kenya\tKenya\n", "no sentence pair is left of 1: 1 identical"),
        (b"Hello\tSalaan\nHello\n", ":2: 1 column: 'Hello'"),
        (b"Hello\tSal\xe1an\n", ":1: not UTF-8: byte 0xe1 at column 10"),
        (gzip.compress(b"Hello\tSalaan\n" * 500, mtime=0)[:40], "damaged gzip data"),
    ],
)
def test_a_bad_file_leaves_nothing_behind(store, tmp_path, content, message):
    path = tmp_path / "bad.tsv"
    path.write_bytes(content)
    result = get(store, files=(path,))
    assert result.fetched == () and result.kept == 0
    with pytest.raises(InputError) as caught:
        result.check()
    assert str(caught.value).startswith(f"{path}") and message in str(caught.value)
    assert store.names("bitext") == [] and hidden(store) == []


# The catalogue


def test_the_recommended_sources_from_a_mirror(store, mirror):
    steps: list[Step] = []
    result = fetch_bitext(FetchConfig(pair=EN_SO), store=store, progress=steps.append)
    assert result.sources == ("cldr", "hornmt", "tico-19-realigned")
    assert [one.kept for one in result.fetched][1:] == [2030, 3068]
    horn = result.fetched[1].artefact.manifest
    assert horn.results["licence"] == "CC-BY-4.0" and len(horn.results["urls"]) == 2
    assert [one.name for one in horn.inputs] == horn.results["urls"]
    assert horn.config["revision"] == "e67b5bc341e5893ef1f3f167a5022694c6da76d8"
    assert steps[-1].done == steps[-1].total == 3068
    bitext = load_bitext(store, EN_SO, result.sources)
    assert len(bitext) == result.kept - sum(bitext.dropped.values())
    assert [one.digest for one in bitext.inputs] == [one.artefact.digest for one in result.fetched]


def test_nothing_is_downloaded_again_for_what_is_in_the_store(store, mirror, monkeypatch):
    get(store, "hornmt")
    shutil.rmtree(store.home / "downloads")
    monkeypatch.setenv("CLIROT_MIRROR", "/nowhere")
    assert not get(store, "hornmt").fetched[0].fresh


def test_english_as_the_target_turns_the_pairs_round(store, mirror):
    pair = LanguagePair("so", "en")
    config = FetchConfig(pair=pair, sources=("hornmt",))
    fetch_bitext(config, store=store).check()
    get(store, "hornmt")
    turned = load_bitext(store, pair, ["hornmt"]).pairs
    straight = load_bitext(store, EN_SO, ["hornmt"]).pairs
    assert turned == [SentencePair(one.tgt, one.src, one.id) for one in straight]


def test_some_sources_failing_keeps_the_rest(store, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir()
    result = get(store, "hornmt", "cldr", "tico-19")
    assert result.sources == ("cldr",)
    assert [(one.source, type(one.error)) for one in result.failed] == [
        ("hornmt", DownloadError),
        ("tico-19", DownloadError),
    ]
    with pytest.raises(PartlyDoneError) as caught:
        result.check()
    assert caught.value.exit_code == 3
    assert caught.value.message.startswith("2 of 3 sources failed, cldr kept:\n  hornmt: the mir")
    assert store.names("bitext") == ["en-so.cldr"] and hidden(store) == []


def test_all_sources_failing_lists_them(store, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path))
    with pytest.raises(ClirotError, match="2 of 2 sources failed") as e:
        get(store, "hornmt", "tico-19").check()
    assert e.value.exit_code == 1
    starts = [line.split(":")[0] for line in e.value.message.splitlines()]
    assert starts == ["2 of 2 sources failed", "  hornmt", "  tico-19"]
    with pytest.raises(DownloadError, match="does not hold"):
        get(store, "hornmt").check()


def test_requests_that_make_no_sense_are_refused_before_anything_is_done(store):
    with pytest.raises(UnknownNameError, match="did you mean 'tico-19'"):
        FetchConfig(pair=EN_SO, sources=("cldr", "tico19"))
    with pytest.raises(UsageError, match="hornmt has no en-sw bitext"):
        FetchConfig(pair=LanguagePair("en", "sw"), sources=("hornmt",))
    with pytest.raises(UsageError, match="recommends no en-tlh bitext"):
        FetchConfig(pair=LanguagePair("en", "tlh"))
    FetchConfig(pair=LanguagePair("sw", "so"), files=(Path("mine.tsv"),))


def test_offline_is_a_setting_and_leaves_the_environment_alone(store, monkeypatch):
    monkeypatch.delenv("CLIROT_MIRROR", raising=False)
    before = dict(os.environ)
    result = get(store, "hornmt", "cldr", offline=True)
    assert result.sources == ("cldr",)
    (failed,) = result.failed
    assert failed.source == "hornmt" and "forbids the network" in failed.error.message
    assert dict(os.environ) == before and not offline()


def test_a_file_is_parsed_and_hashed_once(store, greetings, monkeypatch):
    """Whoever asks for its name in the store first, and fetching it afterwards, share the work."""
    hashed = []

    def counting(path: Path) -> str:
        hashed.append(path)
        return file_digest(path)

    monkeypatch.setattr(local_file, "file_digest", counting)
    file = LocalFile.parse(greetings)
    assert file.source_name not in stored_sources(store, EN_SO)
    (one,) = get(store, parsed=(file,)).fetched
    assert one.source == file.source_name and one.kept == 3
    assert hashed == [greetings]
    (same,) = get(store, files=(greetings,)).fetched
    assert same.artefact == one.artefact and not same.fresh


# Reading it back


def test_sources_are_merged_in_the_order_asked_for(store, tmp_path):
    for name, rows in (("a", "one\tx\ntwo\ty\n"), ("b", "two\ty\tb2\nthree\tz\n")):
        (tmp_path / f"{name}.tsv").write_text(rows)
        get(store, files=(tmp_path / f"{name}.tsv",)).check()
    a, b = stored_sources(store, EN_SO)
    merged = load_bitext(store, EN_SO, [b, a, b])
    assert [pair.id for pair in merged.pairs] == ["b2", "2", "1"]
    assert merged.dropped == {a: 1}
    assert [one.name for one in merged.inputs] == [f"en-so.{b}", f"en-so.{a}"]


def test_bitext_that_is_not_there_says_how_to_get_it(store, greetings):
    with pytest.raises(InputError, match="no bitext for en-so"):
        load_bitext(store, EN_SO, [])
    get(store, files=(greetings,))
    (name,) = stored_sources(store, EN_SO)
    with pytest.raises(UnknownNameError) as caught:
        load_bitext(store, EN_SO, [name[:-1]])
    assert f"did you mean {name!r}" in str(caught.value)
    assert "`fetch_bitext(src=en, tgt=so, sources=" in str(caught.value)
    with pytest.raises(UnknownNameError):
        load_bitext(store, LanguagePair("en", "sw"), [name])


def test_a_damaged_artefact_is_named(store, greetings):
    artefact = get(store, files=(greetings,)).fetched[0].artefact
    path = artefact.path / "pairs.parquet"
    whole = path.read_bytes()
    damaged = whole[: len(whole) // 4] + b"x" * 40 + whole[len(whole) // 4 + 40 :]
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    for content, fault in (
        (whole[:-9], "bytes where"),
        (b"", "has 0 bytes where"),
        (damaged, "not as it was written"),
        (bytes(flipped), "not as it was written"),
    ):
        path.write_bytes(content)
        with pytest.raises(ArtefactError, match=rf"is damaged: pairs\.parquet .*{fault}"):
            load_bitext(store, EN_SO, stored_sources(store, EN_SO))
    path.unlink()
    with pytest.raises(ArtefactError, match=r"is damaged: pairs\.parquet is missing"):
        load_bitext(store, EN_SO, stored_sources(store, EN_SO))


def test_pages_of_large_bitext_have_checksums(store, greetings, monkeypatch):
    """A file too large to be read before it is used is checked page by page."""
    artefact = get(store, files=(greetings,)).fetched[0].artefact
    path = artefact.path / "pairs.parquet"
    whole = path.read_bytes()
    monkeypatch.setattr("clirot.store.artefact.READ_ON_USE", 0)
    place = pq.ParquetFile(path).metadata.row_group(0).column(1).data_page_offset + 40
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(ArtefactError, match=r"pairs\.parquet cannot be read as bitext: .*checksum"):
        load_bitext(store, EN_SO, stored_sources(store, EN_SO))


def test_two_stores_hold_the_same_bytes(store, greetings, tmp_path):
    first = get(store, files=(greetings,)).fetched[0].artefact
    second = get(Store(tmp_path / "other"), files=(greetings,)).fetched[0].artefact
    assert first.digest == second.digest
    files = [(one.path / "pairs.parquet").read_bytes() for one in (first, second)]
    assert files[0] == files[1]


def test_the_collections_to_exclude_are_inputs(store, greetings, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "docs.en.tsv").write_text("d1\tThanks!\n")
    (folder / "queries.so.tsv").write_text("q1\tMahadsanid\n")
    (folder / "qrels.txt").write_text("q1 0 d1 1\n")
    (one,) = get(store, files=(greetings,), exclude=(str(folder),)).fetched
    assert one.dropped["overlap"] == 1 and one.kept == 2
    assert [(i.kind, i.name) for i in one.artefact.manifest.inputs][1:] == [
        ("collection", str(folder))
    ]
    (folder / "queries.so.tsv").write_text("q1\tHaa\n")
    with pytest.raises(ArtefactError, match=r"collection .* has changed"):
        get(store, files=(greetings,), exclude=(str(folder),)).check()
    with pytest.raises(ClirotError):
        get(store, files=(greetings,), exclude=("no such collection",))


def test_a_wrong_script_is_said(store, tmp_path):
    path = tmp_path / "ro.tsv"
    path.write_text("In the beginning\tЛа ынчепут\nThe earth\tПэмынтул\n", encoding="utf-8")
    result = get(store, files=(path,))
    with pytest.raises(InputError, match=r"no sentence pair is left of 2: 2 script \(is it reall"):
        result.check()


# Sudden deaths


class _Slow(BaseHTTPRequestHandler):
    """A mirror that sends 300 kB a second, honouring ranges."""

    root: Path

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        body = (self.root / self.path.lstrip("/")).read_bytes()
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        try:
            for place in range(start, len(body), 6000):
                self.wfile.write(body[place : place + 6000])
                time.sleep(0.02)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True


@pytest.fixture
def slow_mirror(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    handler = type("Handler", (_Slow,), {"root": shared_data / "upstream"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("CLIROT_MIRROR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


_FETCH = """
from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.records import LanguagePair
from clirot.store import Store
config = FetchConfig(pair=LanguagePair("en", "so"), sources=("cldr", "hornmt", "tico-19"))
fetch_bitext(config, store=Store()).check()
"""


def test_killed_at_ten_random_moments_it_ends_with_the_same_digests(
    store, slow_mirror, tmp_path, monkeypatch, shared_data
):
    chance = random.Random(11)
    finished = False
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", _FETCH], stderr=subprocess.PIPE)
        try:
            process.wait(timeout=chance.uniform(0.2, 0.8))
            finished = True
        except subprocess.TimeoutExpired:
            process.kill()
        _, errors = process.communicate()
        assert not errors, errors.decode()
        for artefact in store.all("bitext"):
            assert tree_digest(artefact.path) == artefact.digest
    done = subprocess.run([sys.executable, "-c", _FETCH], capture_output=True, check=True)
    assert done.stderr == b""
    monkeypatch.setenv("CLIROT_MIRROR", str(shared_data / "upstream"))
    undisturbed = Store(tmp_path / "undisturbed")
    get(undisturbed, "cldr", "hornmt", "tico-19").check()
    assert [one.digest for one in store.all("bitext")] == [
        one.digest for one in undisturbed.all("bitext")
    ]
    assert len(store.all("bitext")) == 3
    assert hidden(store) == []
    assert not finished, "the server is too quick for this test to kill anything"


def test_two_processes_at_once_both_end_with_the_bitext(store, slow_mirror):
    both = [
        subprocess.Popen([sys.executable, "-c", _FETCH], stderr=subprocess.PIPE) for _ in range(2)
    ]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")
    assert len(store.all("bitext")) == 3
    for artefact in store.all("bitext"):
        assert tree_digest(artefact.path) == artefact.digest
    assert hidden(store) == []


def test_a_full_disk_is_one_failed_source(store, greetings, monkeypatch):
    import errno
    import os

    from clirot.bitext import acquisition

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "pairs.parquet")

    with monkeypatch.context() as patch:
        patch.setattr(acquisition, "write_pairs", full)
        with pytest.raises(ArtefactError, match="No space left on device") as caught:
            get(store, files=(greetings,)).check()
    assert "free some space" in (caught.value.hint or "")
    assert hidden(store) == []
    get(store, files=(greetings,)).check()


# The command


def test_the_options_are_the_settings(monkeypatch):
    """Without an option the command fetches what FetchConfig's defaults say; with one, that."""
    asked: list[FetchConfig] = []

    def fetching(config, **_):
        asked.append(config)
        return FetchResult(config.pair, (), (), {})

    monkeypatch.setattr("clirot.bitext.acquisition.fetch_bitext", fetching)
    for line in (
        [],
        ["--max-length", "0", "--max-ratio", "0", "--exclude-collection", "a", "--offline"],
        ["--no-filter", "--source", "cldr", "--source", "hornmt", "--format", "csv", "--file", "x"],
    ):
        done = CliRunner().invoke(app, ["fetch-bitext", "--tgt", "so", *line])
        assert (done.exit_code, done.output) == (0, "")
    assert asked == [
        FetchConfig(pair=EN_SO),
        FetchConfig(
            pair=EN_SO,
            filters=FilterConfig(max_length=0, max_ratio=0),
            exclude=("a",),
            offline=True,
        ),
        FetchConfig(
            pair=EN_SO,
            sources=("cldr", "hornmt"),
            files=(Path("x"),),
            format="csv",
            filters=FilterConfig.off(),
        ),
    ]


def clirot(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "clirot", "fetch-bitext", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_table_says_what_was_kept_and_why_the_rest_was_not(greetings):
    code, out, err = clirot("--tgt", "som", "--file", str(greetings))
    name = f"file-greetings-{file_digest(greetings)[:8]}"
    lines = [" ".join(line.split()) for line in out.splitlines() if line.strip()]
    assert code == 0
    assert lines[0] == "en-so bitext: 3 pairs"
    assert lines[1] == "source kept read dropped licence"
    assert lines[3] == (f"{name} 3 6 1 duplicate, 1 empty source, 1 identical not stated new")
    assert err == f"read {greetings}: 6/6 pairs\n"
    code, out, err = clirot("--tgt", "so", "--file", str(greetings))
    assert (code, err) == (0, "")
    assert " ".join(out.split()).endswith("1 identical not stated was there")


def test_json_and_partly_done(tmp_path, greetings, monkeypatch, home):
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path))
    code, out, err = clirot("--tgt", "so", "--source", "hornmt", "--file", str(greetings), "--json")
    assert code == 3
    document = json.loads(out)
    assert (document["pair"], document["kept"]) == ("en-so", 3)
    (one,) = document["fetched"]
    assert Path(one["path"]) == home / "bitext" / one["artefact"]
    assert one["dropped"] == {"duplicate": 1, "empty source": 1, "identical": 1}
    assert one["digest"] == tree_digest(Path(one["path"]))
    (failed,) = document["failed"]
    assert failed["source"] == "hornmt" and "does not hold raw.github" in failed["error"]
    assert "error: 1 of 2 sources failed, file-greetings-" in err


def test_the_list_of_sources():
    code, out, err = clirot("--list", "--tgt", "so", "--json", "--offline")
    assert code == 0 and err.startswith("OPUS's corpora are not listed: ")
    listed = {one["source"]: one["recommended"] for one in json.loads(out)}
    assert [name for name, yes in listed.items() if yes] == ["cldr", "hornmt", "tico-19-realigned"]
    assert {"flores-200-dev", "ntrex-128", "tico-19", "tico-19-terms"} <= set(listed)
    code, out, _ = clirot("--list", "--json")
    names = [one["source"] for one in json.loads(out)]
    assert names == sorted(names) and {"cldr", "mafand", "multi30k", "nllb-seed"} <= set(names)
    code, out, _ = clirot("--list")
    assert code == 0 and all(name in out for name in names)


def test_files_of_other_formats_by_the_command(tmp_path):
    table = tmp_path / "data.csv"
    table.write_text("english,somali,french\nHello,Salaan,Salut\nno\nYes,Haa,Oui\n", "utf-8")
    named = f"{table}:french,somali"
    code, out, err = clirot("--src", "fr", "--tgt", "so", "--file", named)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {table}:3: 1 column: 'no'")
    code, out, _ = clirot(
        "--src", "fr", "--tgt", "so", "--file", named, "--skip-malformed", "--json"
    )
    (fetched,) = json.loads(out)["fetched"]
    assert (code, fetched["read"], fetched["kept"]) == (0, 3, 2)
    assert fetched["dropped"] == {"malformed": 1}
    assert fetched["malformed"][0].startswith(f"{table}:3: 1 column: 'no'")

    for language, text in (("en", "Hello\nYes\n"), ("so", "Salaan\nHaa\n")):
        (tmp_path / f"t.{language}").write_text(text)
    both = f"{tmp_path}/t.en,{tmp_path}/t.so"
    code, out, _ = clirot("--tgt", "so", "--file", both, "--json")
    (fetched,) = json.loads(out)["fetched"]
    assert (code, fetched["kept"], fetched["source"][:7]) == (0, 2, "file-t-")
    assert fetched["file"] == both.split(",")

    code, _, err = clirot("--tgt", "so", "--file", both, "--format", "cvs")
    assert code == 2
    assert err.startswith(
        "error: unknown format 'cvs' (--format)\n  hint: did you mean 'csv'?; known: csv, "
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "error: no target language\n  hint: --tgt so, or --list for what there is\n"),
        (
            ["--tgt", "somali"],
            2,
            "error: not a language code: 'somali' (--tgt)\n  hint: did you mean 'so'?",
        ),
        (["--tgt", "en"], 2, "error: source and target are the same language: 'en'"),
        (["--tgt", "so", "--source", "tico19"], 2, "did you mean 'tico-19'?; known: cldr, flores"),
        (["--tgt", "de", "--source", "hornmt"], 2, "error: hornmt has no en-de bitext; its"),
        (["--tgt", "so", "--file", "none.tsv"], 1, "error: none.tsv: cannot be read: No such file"),
        (
            ["--tgt", "so", "--max-ratio", "0.5"],
            2,
            "error: --max-ratio must be at least 1, or 0, got 0.5",
        ),
    ],
)
def test_mistakes_get_an_answer(arguments, code, message):
    found, out, err = clirot(*arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_ctrl_c_ends_with_130_and_keeps_what_came(slow_mirror, home):
    # A shell's background job starts with Ctrl-C ignored, and its children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _interrupt_a_download(home)
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt_a_download(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "clirot", "fetch-bitext", "--tgt", "so", "--source", "tico-19"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    kept: list[Path] = []
    while process.poll() is None and not (kept and kept[0].stat().st_size > 10_000):
        time.sleep(0.01)
        kept = list(home.rglob(".*.part")) if home.exists() else []
        kept = [path for path in kept if path.is_file()]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "interrupted; the same command again resumes" in err and "Traceback" not in err
    assert kept[0].stat().st_size > 10_000
    assert Store(home).names("bitext") == []


def test_a_closed_pipe_is_no_failure():
    process = subprocess.Popen(
        [sys.executable, "-m", "clirot", "fetch-bitext", "--list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # as `| head` does, but before there is anything to read
    assert (process.stderr.read(), process.wait()) == (b"", 0)
    process.stderr.close()


def test_the_example_of_the_documentation_runs(capsys):
    page = (Path(__file__).parents[1] / "docs" / "bitext.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    exec(compile(example, "docs/bitext.md", "exec"), {})
    count, digest = capsys.readouterr().out.split()
    assert int(count) > 1500 and len(digest) == 64


# Misalignment


def made_up(lines: int, seed: int = 5) -> list[tuple[str, str]]:
    """Sentences of a language of numbered words, and their translations word by word."""
    chance = random.Random(seed)
    rows = []
    for _ in range(lines):
        words = [chance.choice(VOCABULARY) for _ in range(chance.randint(6, 14))]
        rows.append((" ".join(words), " ".join(word[::-1] for word in words)))
    return rows


VOCABULARY = [
    "".join(random.Random(number).choices("abdefgiklmnostu", k=6)) for number in range(250)
]


def slipped(tmp_path: Path, rows: list[tuple[str, str]], at: int) -> Path:
    """A file whose target side has lost the line ``at``, counted from 1."""
    there = [tgt for _, tgt in rows]
    del there[at - 1]
    path = tmp_path / "slipped.tsv"
    lines = [f"{src}\t{tgt}" for (src, _), tgt in zip(rows, there, strict=False)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_slipped_lines_are_a_warning_that_says_where(store, tmp_path):
    path = slipped(tmp_path, made_up(400), at=150)
    (one,) = get(store, files=(path,)).fetched
    (warning,) = one.warnings
    (shift,) = one.alignment["shifts"]
    assert shift["by"] == -1 and abs(shift["from"] - 151) <= 2 and shift["to"] == 399
    assert shift["id"] == str(shift["from"])  # the line number
    assert warning == (
        f"{one.alignment['found']}; the first begins at {shift['id']}"
        " (`fetch_bitext(realign=True)` repairs shifts)"
    )
    (again,) = get(store, files=(path,)).fetched
    assert not again.fresh and again.warnings == one.warnings


def test_realign_puts_every_sentence_beside_its_translation(store, tmp_path):
    rows = made_up(400)
    path = slipped(tmp_path, rows, at=150)
    (one,) = get(store, files=(path,), realign=True).fetched
    assert one.warnings == () and one.alignment["shifts"] == []
    results = one.artefact.manifest.results
    assert results["realigned"]["found"].startswith("1 shifted stretch, ")
    assert (results["realigned"]["source_alone"], results["realigned"]["target_alone"]) == (1, 1)
    # Line 150 has lost its translation, and the last translation its line.
    expected = rows[:149] + rows[150:399]
    found = load_bitext(store, EN_SO, [one.source]).pairs
    assert [(pair.src, pair.tgt) for pair in found] == expected
    assert [pair.id for pair in found] == [str(i) for i in range(1, 400) if i != 150]
    with pytest.raises(ArtefactError, match="realign"):
        get(store, files=(path,)).check()


def test_a_file_that_is_given_twice_under_two_names_is_one_source(store, tmp_path, greetings):
    other = tmp_path / "elsewhere" / greetings.name
    other.parent.mkdir()
    shutil.copy(greetings, other)
    result = get(store, files=(greetings, other))
    assert len(result.fetched) == 1 and result.kept == result.fetched[0].kept


def test_lines_that_match_nothing_are_not_said_to_be_repairable_nor_touched(store, tmp_path):
    rows = made_up(400)
    mixed = [rows[at][1] for at in (*range(250), *range(399, 249, -1))]
    path = tmp_path / "mixed.tsv"
    lines = [f"{src}\t{tgt}\n" for (src, _), tgt in zip(rows, mixed, strict=True)]
    path.write_text("".join(lines), encoding="utf-8")
    (one,) = get(store, files=(path,)).fetched
    (warning,) = one.warnings
    assert warning == one.alignment["found"] and warning.startswith("nothing matches in ")
    (again,) = get(store, files=(path,), realign=True, replace=True).fetched
    assert again.realigned is None and again.warnings == one.warnings
    digest = "pairs_digest"
    assert again.artefact.manifest.results[digest] == one.artefact.manifest.results[digest]


def test_a_repair_that_is_none_is_not_kept(store, tmp_path, monkeypatch):
    """Here one that takes every line a line further from its translation."""
    path = slipped(tmp_path, made_up(400), at=150)

    def worse(search, progress):
        beads = [Bead(range(i, i + 1), range(i + 1, i + 2), 1.0) for i in range(398)]
        return Realignment(tuple(beads), search.report)

    monkeypatch.setattr(realignment, "realigned", worse)
    (plain,) = get(store, files=(path,)).fetched
    (one,) = get(store, files=(path,), realign=True, replace=True).fetched
    assert one.realigned is None and one.alignment == plain.alignment
    tried, found = one.warnings
    expected = "not realigned, the lines stay as published: no fewer lines are shifted afterwards"
    assert tried.startswith(expected)
    assert "realign=True" not in found and plain.warnings[0].startswith(found)


def test_lists_of_words_are_neither_judged_nor_realigned(store):
    (plain,) = get(store, "cldr").fetched
    (one,) = get(store, "cldr", realign=True).fetched
    assert not one.fresh and one.artefact.digest == plain.artefact.digest
    assert one.warnings == () and one.realigned is None
    assert one.alignment["found"] == "not checked: a list of words or names"
    assert one.alignment["share"] is None and one.alignment["shifts"] == []


def test_of_long_lines_no_more_is_held_than_is_looked_at(store, tmp_path, monkeypatch):
    path = tmp_path / "long.tsv"
    with path.open("w", encoding="utf-8") as file:
        for at in range(60):
            file.write(f"{at} {'maji ' * 100_000}\t{at} {'water ' * 100_000}\n")
    held = []
    first_read = Chain.first_read

    def traced(chain, *args, **more):
        tracemalloc.start()
        found = first_read(chain, *args, **more)
        held.append(tracemalloc.get_traced_memory())
        tracemalloc.stop()
        return found

    monkeypatch.setattr(Chain, "first_read", traced)
    (one,) = get(store, files=(path,), filters=FilterConfig.off()).fetched
    assert one.kept == 60 and one.alignment["pairs"] == 60
    ((size, peak),) = held
    assert size < 1_000_000 and peak < 40_000_000  # of 66 MB


def test_of_many_pairs_the_first_are_looked_at(store, tmp_path, monkeypatch):
    path = tmp_path / "many.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in made_up(300)), encoding="utf-8")
    monkeypatch.setattr("clirot.bitext.filters.chain._CHECKED_CHARACTERS", 10_000)
    (one,) = get(store, files=(path,)).fetched
    assert one.alignment["sampled"] and 40 <= one.alignment["pairs"] < 100


def test_progress_ends_at_its_total_and_tells_of_no_realigning_where_there_is_none(store, tmp_path):
    path = tmp_path / "whole.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in made_up(300)), encoding="utf-8")
    steps = []
    config = FetchConfig(pair=EN_SO, files=(path,), realign=True)
    fetch_bitext(config, store=store, progress=steps.append)
    assert not [one for one in steps if "realign" in one.label]
    other = slipped(tmp_path, made_up(400), at=150)
    config = FetchConfig(pair=EN_SO, files=(other,), realign=True)
    fetch_bitext(config, store=store, progress=steps.append)
    last = {one.label: one for one in steps if one.total}
    assert {"realign", "check the realignment"} <= last.keys()
    assert all(one.done == one.total and one.unit != "it" for one in last.values())


def test_aligned_lines_are_no_warning_and_few_lines_are_not_judged(store, tmp_path, greetings):
    path = tmp_path / "whole.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in made_up(300)), encoding="utf-8")
    whole, few = get(store, files=(path, greetings)).fetched
    assert whole.warnings == () and whole.alignment["found"] == "aligned: no shift in 300 pairs"
    assert few.warnings == () and few.alignment is None


def test_realign_leaves_what_is_aligned_or_not_judged_as_it_is(store, tmp_path, greetings):
    rows = made_up(300)
    rows[100] = ("a free translation", "of quite other words")
    path = tmp_path / "whole.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in rows), encoding="utf-8")
    result = get(store, files=(path, greetings), realign=True)
    whole, few = result.fetched
    assert whole.realigned is None and few.realigned is None and few.kept == 3
    found = load_bitext(store, EN_SO, [whole.source]).pairs
    assert [(pair.src, pair.tgt) for pair in found] == rows


def test_the_command_says_that_lines_have_slipped_and_that_they_were_put_back(tmp_path, home):
    path = slipped(tmp_path, made_up(200), at=60)
    code, _, stderr = clirot("--tgt", "so", "--file", str(path))
    assert code == 0
    assert "(clirot fetch-bitext --realign repairs shifts)" in stderr and "by -1" in stderr
    more = ("--realign", "--replace", "--json")
    code, stdout, stderr = clirot("--tgt", "so", "--file", str(path), *more)
    assert code == 0 and "realigned; before: 1 shifted stretch" in stderr
    (one,) = json.loads(stdout)["fetched"]
    assert one["alignment"]["shifts"] == [] and one["realigned"]["pairs"] == 198


def test_slipped_lines_are_not_trained_on_in_silence(tmp_path, home):
    """Neither when ``distill`` fetches them itself nor when they are in the store already."""
    path = slipped(tmp_path, made_up(200), at=60)
    teacher = str(save_tiny_model(tmp_path / "teacher", seed=4))
    for name, source in (("a", ("--file", str(path))), ("b", ())):
        options = ("--teacher", teacher, "--objective", "none", "--vocabulary", "200")
        result = CliRunner().invoke(
            app, ["distill", "--src", "en", "--tgt", "so", "--name", name, *options, *source]
        )
        assert result.exit_code == 0 and result.stdout == f"{name}\n"
        (warning,) = (line for line in result.stderr.splitlines() if "by -1" in line)
        assert warning.startswith("warning: en-so.file-slipped-")


def test_min_alignment_drops_what_is_no_translation(store, tmp_path):
    rows = made_up(600)
    wrong = set(range(0, 600, 6))
    moved = dict(zip(sorted(wrong), [*sorted(wrong)[1:], 0], strict=True))
    path = tmp_path / "mixed.tsv"
    lines = [f"{src}\t{rows[moved.get(at, at)][1]}\n" for at, (src, _) in enumerate(rows)]
    path.write_text("".join(lines), encoding="utf-8")
    filters = FilterConfig(min_alignment=0.5)
    (one,) = get(store, files=(path,), filters=filters).fetched
    table = pq.read_table(one.artefact.path / "pairs.parquet")
    outcomes = table.column("outcome").to_pylist()
    assert {at for at, outcome in enumerate(outcomes) if outcome == "misaligned"} == wrong
    scores = table.column("alignment").to_pylist()
    assert all((score < 0.5) == (at in wrong) for at, score in enumerate(scores))
    with pytest.raises(UsageError, match="`min_alignment` must be from 0 to 1"):
        FilterConfig(min_alignment=2.0)
