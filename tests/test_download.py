"""The downloader against a local server that misbehaves as real ones do."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clirot.download import Upstream, fetch, offline, without_network
from clirot.download import transfer as download
from clirot.errors import DownloadError
from clirot.records import Step

CONTENT = random.Random(1).randbytes(300_000)


@dataclass
class Behaviour:
    """What the server does; ``asked`` records the Range header of every request."""

    content: bytes = CONTENT
    statuses: list[int] = field(default_factory=list)
    drop_after: list[int] = field(default_factory=list)
    ranges: bool = True
    shifted_range: bool = False
    announce_length: bool = True
    retry_after: str | None = None
    bytes_per_s: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        how = self.behaviour
        how.asked.append(self.headers.get("Range"))
        how.paths.append(self.path)
        status = how.statuses.pop(0) if how.statuses else 200
        if status != 200:
            self.send_response(status)
            if how.retry_after:
                self.send_header("Retry-After", how.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        wanted = self.headers.get("Range")
        if wanted and how.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(how.content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            said = 0 if how.shifted_range else start
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {said}-{len(how.content) - 1}/*")
        else:
            self.send_response(200)
        for name, value in how.headers.items():
            self.send_header(name, value)
        body = how.content[start:]
        if how.announce_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if how.drop_after:
            body = body[: how.drop_after.pop(0)]
        try:
            if how.bytes_per_s is None:
                self.wfile.write(body)
            else:
                for place in range(0, len(body), 4096):
                    self.wfile.write(body[place : place + 4096])
                    self.wfile.flush()
                    time.sleep(4096 / how.bytes_per_s)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[tuple[str, Behaviour]]:
    behaviour = Behaviour()
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", behaviour
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PAUSES_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(download, "_PAUSES_UNREACHABLE_S", (0.0,))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def upstream(base: str, content: bytes = CONTENT, **more: object) -> Upstream:
    return Upstream(
        url=f"{base}/data/set.bin",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="CC0-1.0",
        **more,  # type: ignore[arg-type]
    )


def files_below(directory: Path) -> list[str]:
    return sorted(
        p.name for p in directory.rglob("*") if p.is_file() and not p.name.endswith(".lock")
    )


def test_a_file_arrives_once_and_is_then_served_from_the_cache(server, home):
    base, behaviour = server
    path = fetch(upstream(base), home=home)
    assert path == home / "downloads" / base.removeprefix("http://") / "data" / "set.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(upstream(base), home=home) == path
    assert behaviour.asked == [None]
    assert files_below(home) == ["set.bin"]


def test_a_damaged_cache_mends_itself(server, home):
    base, _ = server
    path = fetch(upstream(base), home=home)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT


def test_progress_reports_every_kilobyte_up_to_the_last(server, home):
    base, _ = server
    steps: list[Step] = []
    fetch(upstream(base, size=len(CONTENT)), home=home, progress=steps.append)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert (steps[-1].done, steps[-1].total) == (len(CONTENT) // 1024, len(CONTENT) // 1024)


def test_dropped_connections_are_continued_where_they_broke(server, home):
    base, behaviour = server
    behaviour.drop_after = [70_000, 70_000, 70_000, 70_000, 10_000]
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    starts = [int(asked[6:-1]) if asked else 0 for asked in behaviour.asked]
    assert starts == [0, 70_000, 140_000, 210_000, 280_000, 290_000]


def test_a_break_that_looks_like_an_end_is_told_by_the_size_or_else_by_the_digest(server, home):
    base, behaviour = server
    behaviour.announce_length = False
    behaviour.drop_after = [70_000]
    assert fetch(upstream(base, size=len(CONTENT)), home=home).read_bytes() == CONTENT
    assert behaviour.asked == [None, "bytes=70000-"]
    shutil.rmtree(home)
    behaviour.drop_after = [70_000]
    with pytest.raises(DownloadError, match=r"70000 bytes\) arrived"):
        fetch(upstream(base), home=home)
    assert files_below(home) == []


def test_more_breaks_than_tries_are_survived_while_there_is_headway(server, home):
    base, behaviour = server
    behaviour.drop_after = [20_000] * 14
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert len(behaviour.asked) == 15


def test_without_headway_it_gives_up_and_keeps_what_came(server, home):
    base, behaviour = server
    behaviour.drop_after = [50_000, 0, 0, 0, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match="4 tries") as caught:
        fetch(upstream(base), home=home)
    assert "it resumes" in str(caught.value) and "CLIROT_MIRROR" in str(caught.value)
    assert files_below(home) == [".set.bin.part"]
    behaviour.drop_after = []
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert behaviour.asked[-1] == "bytes=50000-"


def test_a_server_that_ignores_range_starts_over(server, home):
    base, behaviour = server
    behaviour.ranges = False
    behaviour.drop_after = [123_456]
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert behaviour.asked == [None, "bytes=123456-"]


def test_a_server_that_ignores_range_and_always_breaks_does_not_loop_for_ever(server, home):
    base, behaviour = server
    behaviour.ranges = False
    behaviour.drop_after = [1000] * 100
    with pytest.raises(DownloadError, match=r"IncompleteRead\(1000 bytes"):
        fetch(upstream(base), home=home)
    assert len(behaviour.asked) == 4


def test_a_wrong_range_is_not_glued_on(server, home):
    base, behaviour = server
    behaviour.drop_after = [5000]
    behaviour.shifted_range = True
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert behaviour.asked == [None, "bytes=5000-", None]


def test_a_leftover_of_another_file_is_thrown_away(server, home):
    base, behaviour = server
    path = home / "downloads" / upstream(base).place
    path.parent.mkdir(parents=True)
    part = path.with_name(".set.bin.part")
    part.write_bytes(b"x" * 1000)
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert behaviour.asked == ["bytes=1000-", None]
    path.unlink()
    part.write_bytes(b"x" * (len(CONTENT) + 10))
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT


def test_a_leftover_that_was_already_whole_is_taken(server, home):
    base, behaviour = server
    path = home / "downloads" / upstream(base).place
    path.parent.mkdir(parents=True)
    path.with_name(".set.bin.part").write_bytes(CONTENT)
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert behaviour.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_transient_answers_are_tried_again(server, home, status):
    base, behaviour = server
    behaviour.statuses = [status, status]
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert len(behaviour.asked) == 3


def test_retry_after_is_honoured(server, home, monkeypatch):
    base, behaviour = server
    behaviour.statuses, behaviour.retry_after = [503, 429], "7"
    slept: list[float] = []
    monkeypatch.setattr(download.time, "sleep", slept.append)
    fetch(upstream(base), home=home)
    assert slept == [7.0, 7.0]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_lasting_refusals_are_not_tried_again(server, home, status):
    base, behaviour = server
    behaviour.statuses = [status] * 5
    with pytest.raises(DownloadError, match=f"HTTP {status}") as caught:
        fetch(upstream(base), home=home)
    assert upstream(base).place in str(caught.value)
    assert len(behaviour.asked) == 1


def test_wrong_bytes_name_both_digests_and_leave_nothing(server, home):
    base, behaviour = server
    behaviour.content = b"<html>please log in</html>"
    with pytest.raises(DownloadError) as caught:
        fetch(upstream(base), home=home)
    message = str(caught.value)
    assert hashlib.sha256(CONTENT).hexdigest() in message
    assert hashlib.sha256(behaviour.content).hexdigest() in message
    assert "26 bytes" in message and "CLIROT_MIRROR" in message
    assert files_below(home) == []


def test_a_far_too_long_answer_is_cut_off(server, home):
    base, behaviour = server
    behaviour.content = bytes(20_000_000)
    with pytest.raises(DownloadError, match="not the pinned file") as caught:
        fetch(upstream(base, size=len(CONTENT)), home=home)
    arrived = int(str(caught.value).split("(")[2].split(" ")[0])
    assert len(CONTENT) < arrived < 2_000_000


def test_a_compressed_file_stays_compressed_though_the_server_calls_that_an_encoding(server, home):
    import gzip

    base, behaviour = server
    behaviour.content = gzip.compress(b"one\n")
    behaviour.headers = {"Content-Encoding": "gzip"}
    path = fetch(upstream(base, behaviour.content), home=home)
    assert gzip.decompress(path.read_bytes()) == b"one\n"


def test_no_network_says_what_to_do(home):
    nowhere = upstream("http://127.0.0.1:9")  # the discard port: nothing listens
    with pytest.raises(DownloadError) as caught:
        fetch(nowhere, home=home)
    assert "Connection refused" in str(caught.value)
    assert "CLIROT_MIRROR" in str(caught.value) and nowhere.place in str(caught.value)


def test_an_unknown_host_says_so(home):
    with pytest.raises(DownloadError, match=r"http://clirot\.invalid/data/set\.bin") as caught:
        fetch(upstream("http://clirot.invalid"), home=home)
    assert "resolve" in str(caught.value)


def test_a_mirror_directory_replaces_the_network(tmp_path, home, monkeypatch):
    wanted = upstream("https://example.invalid")
    place = tmp_path / "mirror" / "example.invalid" / "data" / "set.bin"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path / "mirror"))
    path = fetch(wanted, home=home)
    assert path.read_bytes() == CONTENT and path != place
    place.unlink()
    assert fetch(wanted, home=home) == path


def test_a_mirror_that_lacks_the_file_or_holds_another(tmp_path, home, monkeypatch):
    wanted = upstream("https://example.invalid")
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DownloadError, match="CLIROT_MIRROR is not a directory"):
        fetch(wanted, home=home)
    place = tmp_path / "mirror" / wanted.place
    place.parent.mkdir(parents=True)
    with pytest.raises(DownloadError, match=r"does not hold example\.invalid/data/set\.bin"):
        fetch(wanted, home=home)
    place.write_bytes(b"other")
    with pytest.raises(DownloadError, match="not the pinned file"):
        fetch(wanted, home=home)
    assert files_below(home) == []


def test_a_mirror_address_replaces_the_network_and_its_password_is_not_shown(
    server, home, monkeypatch
):
    base, behaviour = server
    wanted = upstream("https://example.invalid")
    monkeypatch.setenv("CLIROT_MIRROR", f"{base}/mirror/")
    assert fetch(wanted, home=home).read_bytes() == CONTENT
    assert behaviour.paths == ["/mirror/example.invalid/data/set.bin"]
    shutil.rmtree(home)
    behaviour.statuses = [404]
    monkeypatch.setenv("CLIROT_MIRROR", base.replace("//", "//me:secret@"))
    with pytest.raises(DownloadError, match="404") as caught:
        fetch(wanted, home=home)
    assert "secret" not in str(caught.value)


def test_a_full_disk_is_an_error_in_words_and_the_rest_follows_later(server, home, monkeypatch):
    base, _ = server
    real = Path.open

    def full(self: Path, mode: str = "r", *args: object, **kwargs: object) -> object:
        stream = real(self, mode, *args, **kwargs)  # type: ignore[call-overload]
        if mode == "wb":
            stream.close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return stream

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DownloadError, match="No space left") as caught:
            fetch(upstream(base), home=home)
    assert "CLIROT_HOME" in str(caught.value)
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x",
        "example.org/x",
        "https://example.org/../x",
        "https://example.org/x?y=1",
        "https://me:secret@example.org/x",
        "https:///x",
        "https://../x",
        "https://./x",
        "https://example.org/a/%2e%2e/x",
        "https://example.org/x/",
        "https://example.org",
    ],
)
def test_an_address_that_names_no_file_is_refused(url):
    with pytest.raises(ValueError, match="not an address"):
        Upstream(url=url, sha256="0" * 64, licence="CC0-1.0")


@pytest.mark.parametrize("sha256", ["", "0" * 63, "G" * 64, "A" * 64])
def test_a_digest_that_is_none_is_refused(sha256):
    with pytest.raises(ValueError, match="not a SHA-256"):
        Upstream(url="https://example.org/x", sha256=sha256, licence="CC0-1.0")


_FETCH = """
import sys
from pathlib import Path
from clirot.download import Upstream, fetch
print(fetch(Upstream(url=sys.argv[1], sha256=sys.argv[2], licence="-"), home=Path(sys.argv[3])))
"""


def _process(wanted: Upstream, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _FETCH, wanted.url, wanted.sha256, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_download_once(server, home):
    base, behaviour = server
    behaviour.bytes_per_s = 300_000
    both = [_process(upstream(base), home) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert Path(out.strip()).read_bytes() == CONTENT
    assert len(behaviour.asked) == 1


def test_killed_at_ten_random_moments_it_resumes_and_ends_the_same(server, home):
    """kill -9 while bytes arrive: never a half file under the final name, never a fresh start."""
    base, behaviour = server
    behaviour.bytes_per_s = 250_000
    chance = random.Random(7)
    target = home / "downloads" / upstream(base).place
    part = target.with_name(".set.bin.part")
    for _ in range(10):
        before = part.stat().st_size if part.exists() else 0
        process = _process(upstream(base), home)
        enough = before + chance.randint(1, len(CONTENT) // 14)
        while process.poll() is None and (part.stat().st_size if part.exists() else 0) < enough:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not target.exists() or target.read_bytes() == CONTENT
    kept = part.stat().st_size if part.exists() else len(CONTENT)
    assert kept > 0
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    starts = [int(asked[6:-1]) if asked else 0 for asked in behaviour.asked]
    assert starts == sorted(starts) and starts[-1] > 0
    assert files_below(home) == ["set.bin"]


# Rate limits, room, and files whose digest nobody published


def test_retry_after_may_be_a_date(server, home, monkeypatch):
    from datetime import UTC, datetime

    base, behaviour = server
    behaviour.statuses, behaviour.retry_after = [503], "Fri, 20 Nov 2026 12:00:30 GMT"
    slept: list[float] = []
    monkeypatch.setattr(download.time, "sleep", slept.append)
    monkeypatch.setattr(download, "_now", lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
    fetch(upstream(base), home=home)
    assert slept == [30.0]


@pytest.mark.parametrize("value", ["soon", "-1", "Fri, 20 Nov 1999 12:00:30 GMT", ""])
def test_a_retry_after_that_says_nothing_is_a_pause_of_our_own(server, home, monkeypatch, value):
    base, behaviour = server
    behaviour.statuses, behaviour.retry_after = [503], value
    slept: list[float] = []
    monkeypatch.setattr(download.time, "sleep", slept.append)
    fetch(upstream(base), home=home)
    assert slept == [0.0]


def test_a_server_that_asks_for_an_hour_is_left_alone(server, home):
    base, behaviour = server
    behaviour.statuses, behaviour.retry_after = [429, 429], "3600"
    with pytest.raises(DownloadError, match="HTTP 429 Too Many Requests, and the server asks to"):
        fetch(upstream(base), home=home)
    assert len(behaviour.asked) == 1


def room(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr("clirot.download.transfer.shutil.disk_usage", lambda _: usage)


def test_no_room_is_found_before_the_download(server, home, monkeypatch):
    base, behaviour = server
    behaviour.drop_after = [100_000]
    with monkeypatch.context() as patch:
        room(patch, 64 << 20)
        with pytest.raises(DownloadError) as caught:
            fetch(upstream(base), home=home)
    assert caught.value.message.startswith("downloading set.bin needs 300 kB, and 67 MB are free")
    assert "CLIROT_HOME" in str(caught.value)
    assert files_below(home) == [] and len(behaviour.asked) == 1
    room(monkeypatch, (64 << 20) + len(CONTENT))
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT


def test_no_room_for_a_copy_from_a_mirror(tmp_path, home, monkeypatch):
    place = tmp_path / "mirror" / "example.org" / "data" / "set.bin"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path / "mirror"))
    room(monkeypatch, 0)
    with pytest.raises(
        DownloadError, match=r"a copy of set\.bin needs 300 kB, and 0 bytes are free"
    ):
        fetch(upstream("https://example.org"), home=home)


def open_(base: str, **more: object) -> Upstream:
    return Upstream(url=f"{base}/data/set.bin", sha256=None, licence="-", **more)  # type: ignore[arg-type]


def test_a_file_of_unknown_length_and_digest_is_refused(server, home):
    base, behaviour = server
    behaviour.announce_length = False
    with pytest.raises(DownloadError, match="does not say how long the file is"):
        fetch(open_(base), home=home)
    assert files_below(home) == []


def test_a_size_that_is_known_is_compared(server, home):
    base, _ = server
    with pytest.raises(DownloadError, match="is 300000 bytes long, and 7 were expected"):
        fetch(open_(base, size=7), home=home)
    assert fetch(open_(base, size=300_000), home=home).read_bytes() == CONTENT


def test_what_was_trusted_first_is_mended_and_defended(server, home):
    base, behaviour = server
    path = fetch(open_(base), home=home)
    path.write_bytes(b"damaged")
    assert fetch(open_(base), home=home).read_bytes() == CONTENT
    path.write_bytes(b"damaged")
    behaviour.content = b"another"
    with pytest.raises(DownloadError, match="not the file that arrived the first time"):
        fetch(open_(base), home=home)


def test_a_copied_file_of_digests_makes_another_machine_expect_the_same(server, home, tmp_path):
    base, behaviour = server
    fetch(open_(base), home=home)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(home / "downloads.sha256", other)
    behaviour.content = CONTENT[:-1] + b"?"
    with pytest.raises(DownloadError, match="not the file that arrived the first time"):
        fetch(open_(base), home=other)


def test_sha256sum_checks_the_file_of_digests(server, home):
    base, _ = server
    fetch(open_(base), home=home)
    command = ["sha256sum", "--check", "--strict", "../downloads.sha256"]
    if shutil.which(command[0]) is None:
        pytest.skip("no sha256sum here")
    done = subprocess.run(
        command, cwd=home / "downloads", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.endswith("/data/set.bin: OK\n")


def test_a_damaged_file_of_digests_says_where(server, home):
    from clirot.errors import InputError

    base, _ = server
    home.mkdir()
    (home / "downloads.sha256").write_text("\nabc  example.org/x\n")
    with pytest.raises(InputError, match=r"downloads\.sha256:2: not a digest and a place"):
        fetch(open_(base), home=home)


def test_offline_uses_what_is_here_and_a_mirror_directory(server, home, tmp_path, monkeypatch):
    base, behaviour = server
    fetch(upstream(base), home=home)
    monkeypatch.setenv("CLIROT_OFFLINE", "1")
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    shutil.rmtree(home)
    with pytest.raises(DownloadError, match=r"set\.bin is not here, and CLIROT_OFFLINE forbids"):
        fetch(upstream(base), home=home)
    monkeypatch.setenv("CLIROT_MIRROR", base)
    with pytest.raises(DownloadError, match="CLIROT_OFFLINE forbids"):
        fetch(upstream(base), home=home)
    place = tmp_path / "mirror" / upstream(base).place
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path / "mirror"))
    assert fetch(upstream(base), home=home).read_bytes() == CONTENT
    assert len(behaviour.asked) == 1


def test_without_network_forbids_it_for_the_block_only(server, home):
    base, behaviour = server
    with without_network():
        assert offline()
        with pytest.raises(DownloadError, match="set\\.bin is not here, and `offline` forbids"):
            fetch(upstream(base), home=home)
    assert not offline() and behaviour.asked == []
    fetch(upstream(base), home=home)
    with without_network():
        assert fetch(upstream(base), home=home).read_bytes() == CONTENT


_FETCH_OPEN = _FETCH.replace("sha256=sys.argv[2]", "sha256=None")


def test_two_processes_at_once_trust_one_file(server, home):
    base, behaviour = server
    behaviour.bytes_per_s = 300_000
    wanted = upstream(base)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _FETCH_OPEN, wanted.url, "-", str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert len(behaviour.asked) == 1
    assert (home / "downloads.sha256").read_text() == f"{wanted.sha256}  {wanted.place}\n"
