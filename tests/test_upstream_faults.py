"""Every real upstream file of the bitext sources through the downloader, over a server that fails.

The files are those of ../shared/data, served on localhost as ``CLIROT_MIRROR``, with faults drawn
from a seed: connections that end anywhere, 429 and 503 with a pause to keep (in seconds or as a
date), other bytes, half a gzip file.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from upstream_server import Drop, Fault, Instead, Status, Upstreams, mirrored

from clirot.bitext import SOURCES
from clirot.download import Upstream, fetch, transfer
from clirot.errors import DownloadError
from clirot.records import LanguagePair

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def pinned() -> list[Upstream]:
    """The files whose digest is known beforehand, which are those at hand."""
    found: dict[str, Upstream] = {}
    for source in SOURCES.values():
        for language in source.languages:
            for one in source.upstreams(LanguagePair("en", language)):
                if one.sha256:
                    found[one.url] = one
    return [found[url] for url in sorted(found)]


FILES = pinned()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No time passes; what would have been waited is written down."""
    slept: list[float] = []
    monkeypatch.setattr(transfer, "_PAUSES_S", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(transfer.time, "sleep", slept.append)
    monkeypatch.setattr(transfer, "_now", lambda: NOW)
    return slept


@pytest.fixture
def upstreams(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> Iterator[Upstreams]:
    held = Upstreams()
    root = shared_data / "upstream"
    for one in FILES:
        held.files[f"/{one.place}"] = (root / one.place).read_bytes()
    with mirrored(held, monkeypatch):
        yield held


def bad_day(chance: random.Random, size: int) -> list[Fault]:
    """Up to three breaks anywhere in what is left, between refusals."""
    faults: list[Fault] = []
    left = size
    for _ in range(chance.randint(1, 3)):
        if chance.random() < 0.5:
            faults.append(Status(429, {"Retry-After": str(chance.randint(1, 90))}))
        if chance.random() < 0.5:
            when = NOW + timedelta(seconds=chance.randint(1, 90))
            faults.append(Status(503, {"Retry-After": format_datetime(when, usegmt=True)}))
        after = chance.randint(1, max(1, left - 1))
        faults.append(Drop(after))
        left -= after
        if left <= 1:
            break
    return faults


def test_every_file_of_every_source_is_at_hand(shared_data):
    missing = [one.url for one in FILES if not (shared_data / "upstream" / one.place).is_file()]
    assert missing == [] and len(FILES) > 80


@pytest.mark.parametrize("seed", [1, 2])
def test_every_file_arrives_whole_on_a_bad_day(upstreams, home, pauses, seed):
    chance = random.Random(seed)
    asked = 0
    for one in FILES:
        faults = bad_day(chance, one.size or 0)
        asked += len(faults) + 1
        upstreams.faults[f"/{one.place}"] = list(faults)
        before = len(pauses)
        content = fetch(one, home=home).read_bytes()
        assert hashlib.sha256(content).hexdigest() == one.sha256
        # Every pause is the one that the server asked for.
        wanted = [float(fault.headers["Retry-After"]) for fault in faults if is_seconds(fault)]
        wanted += [seconds_to(fault) for fault in faults if is_date(fault)]
        assert sorted(pause for pause in pauses[before:] if pause) == sorted(wanted)
    assert len(upstreams.asked) == asked
    assert not list(home.rglob("*.part")) and not list(home.rglob("*.version"))
    assert not (home / "downloads.sha256").exists()


def is_seconds(fault: Fault) -> bool:
    return isinstance(fault, Status) and fault.headers["Retry-After"].isdigit()


def is_date(fault: Fault) -> bool:
    return isinstance(fault, Status) and not fault.headers["Retry-After"].isdigit()


def seconds_to(fault: Fault) -> float:
    assert isinstance(fault, Status)
    when = datetime.strptime(fault.headers["Retry-After"], "%a, %d %b %Y %H:%M:%S GMT")
    return (when.replace(tzinfo=UTC) - NOW).total_seconds()


def test_every_file_arrives_whole_without_a_known_digest(upstreams, home):
    """On a bad day too, and its digest is written down."""
    chance = random.Random(3)
    for one in FILES:
        upstreams.faults[f"/{one.place}"] = bad_day(chance, one.size or 0)
        fetch(dataclasses.replace(one, sha256=None, size=None), home=home)
    lines = (home / "downloads.sha256").read_text().splitlines()
    assert lines == sorted(lines, key=lambda line: line.split("  ")[1])
    assert set(lines) == {f"{one.sha256}  {one.place}" for one in FILES}


def test_no_file_is_taken_with_another_digest(upstreams, home):
    chance = random.Random(4)
    for one in FILES:
        content = bytearray(upstreams.files[f"/{one.place}"])
        content[chance.randrange(len(content))] ^= 1
        upstreams.faults[f"/{one.place}"] = [Instead(bytes(content))]
        with pytest.raises(DownloadError, match="is not the pinned file") as caught:
            fetch(one, home=home)
        assert one.sha256 in caught.value.message
        assert fetch(one, home=home).read_bytes() == upstreams.files[f"/{one.place}"]


def test_half_a_gzip_file_is_never_taken(upstreams, home):
    """Truncated at its origin: as long as the server says, and still not the file."""
    chance = random.Random(5)
    gzipped = [one for one in FILES if one.url.endswith(".gz")]
    assert len(gzipped) == 4
    for one in gzipped:
        content = upstreams.files[f"/{one.place}"]
        cut = Instead(content[: chance.randrange(2, len(content))])
        for known in (
            dataclasses.replace(one, size=None),
            dataclasses.replace(one, sha256=None, size=None),
        ):
            upstreams.faults[f"/{one.place}"] = [cut]
            with pytest.raises(DownloadError, match=r"not the pinned file|not whole gzip data"):
                fetch(known, home=home)
        # Where the size is known too, it is a download that broke, and goes on.
        upstreams.faults[f"/{one.place}"] = [cut]
        assert gzip.decompress(fetch(one, home=home).read_bytes()) == gzip.decompress(content)


def test_half_a_zip_archive_is_never_taken(upstreams, home):
    chance = random.Random(6)
    for one in FILES:
        if one.url.endswith(".zip"):
            content = upstreams.files[f"/{one.place}"]
            cut = content[: chance.randrange(len(content) - 30)]
            upstreams.faults[f"/{one.place}"] = [Instead(cut)]
            with pytest.raises(DownloadError, match="is not a zip archive"):
                fetch(dataclasses.replace(one, sha256=None, size=None), home=home)
    assert not (home / "downloads.sha256").exists()


def test_every_file_is_taken_from_a_mirror_directory(mirror, home):
    for one in FILES:
        assert hashlib.sha256(fetch(one, home=home).read_bytes()).hexdigest() == one.sha256
