"""The campaign of ``make torture``, in its short form; and that it notices what it looks for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from torture.__main__ import SHARES
from torture.child import Child
from torture.fuzzing import READERS, SEEDS, changed, reader
from torture.place import Audit, amiss
from torture.tally import FAULTS, Tally, header

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the campaign is for Linux")


def test_a_short_campaign_finds_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torture", "--short"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, head, *rows = done.stdout.splitlines()
    assert head == header()
    counts = {
        row.split()[0]: [int(one.replace(",", "")) for one in row.split()[1:]] for row in rows
    }
    assert counts.keys() == SHARES.keys()
    for tried, right, *faults in counts.values():
        assert tried == right > 0 and faults == [0] * len(FAULTS)


@pytest.mark.parametrize("name", READERS)
def test_every_seed_is_read(name: str, tmp_path: Path) -> None:
    """What is fuzzed starts from files that a reader takes, or nothing but refusals is tried."""
    seeds, read = reader(name, tmp_path)
    results = [read(seed) for seed in seeds]
    assert all(results) if name in SEEDS else any(results)
    draw = Random(1)
    assert sum(changed(seeds[0], draw) != seeds[0] for _ in range(50)) > 40


def test_a_wrong_store_is_noticed() -> None:
    right = {"runs/a": "1", "runs/b": "2"}
    assert amiss(Audit(right, (), {"runs/.a.lock": "locks"}), right) is None
    assert amiss(Audit(right | {"runs/b": "3"}, (), {}), right) == "other digests: runs/b"
    assert amiss(Audit({"runs/a": "1"}, (), {}), right) == "other digests: runs/b"
    assert amiss(Audit(right, ("runs/a: x is missing",), {}), right) == "runs/a: x is missing"
    for group in ("unknown", "unfinished"):
        assert amiss(Audit(right, (), {"x": group}), right) == "left behind: x"


def test_how_a_child_ends_is_told(tmp_path: Path) -> None:
    def ended(said: str, code: int) -> Child:
        def action() -> None:
            os.write(2, said.encode())
            raise SystemExit(code)

        return Child(action, tmp_path, 30)

    assert ended("error: a", 1).wait().in_words
    assert not ended("", 1).wait().in_words
    unforeseen = ended("error: something that clirot did not foresee: x", 1).wait()
    assert unforeseen.traceback and not unforeseen.in_words
    assert Child(lambda: 1 / 0, tmp_path, 30).wait().traceback
    assert Child(lambda: os.kill(os.getpid(), 9), tmp_path, 30).wait().code == -9
    assert (
        Child(lambda: sys.stdin.close() or __import__("time").sleep(9), tmp_path, 0.05).wait().hung
    )


def test_a_finding_says_how_to_try_it_again() -> None:
    tally = Tally("kills", 7, number=3)
    tally.right(2)
    tally.wrong("hang", "x killed")
    assert tally.counts == Counter({"tried": 3, "right": 2, "hang": 1})
    assert tally.findings[0].endswith("again: python -m torture --seed 7 --part kills --case 3")
