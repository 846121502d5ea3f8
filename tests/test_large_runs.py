"""Large runs: packed ids are a list of strings to whoever asks, and take a few bytes each."""

from __future__ import annotations

import pickle
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clirot.evaluation import EvaluateConfig, evaluate_runs
from clirot.runs import by_columns, packed, read_run
from clirot.runs.packed import PackedIds, taken

ids = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n")))
places = st.one_of(st.none(), st.integers(-40, 40))


def pack(names: list[str]) -> PackedIds:
    encoded = [f"{name}\n".encode() for name in names]
    return PackedIds.of_lengths(b"".join(encoded), np.array([*map(len, encoded)], dtype=np.int32))


@given(ids, places, places, st.sampled_from([None, 1, 2, 3, -1, -2]))
def test_packed_ids_are_a_list(
    names: list[str], start: int | None, stop: int | None, step: int | None
) -> None:
    kept = pack(names)
    assert len(kept) == len(names) and list(kept) == names
    assert [kept[place] for place in range(-len(names), len(names))] == names + names
    assert kept[start:stop:step] == names[start:stop:step]
    assert list(pickle.loads(pickle.dumps(kept))) == names
    assert [kept[place] for place in np.arange(len(names))] == names
    with pytest.raises(IndexError):
        kept[len(names)]


@pytest.mark.parametrize("at_a_time", [1, 7, 1 << 16])
def test_packed_ids_are_taken_as_those_of_a_list(monkeypatch, at_a_time: int) -> None:
    monkeypatch.setattr(packed, "_AT_A_TIME", at_a_time)
    chance = random.Random(6)
    names = [f"{'ü' * chance.randrange(3)}{chance.randrange(99)}" for _ in range(60)]
    some = sorted(chance.sample(range(60), 40))
    for wanted in ([], [5], [*range(60)], some, some[::-1], chance.sample(range(60), 60)):
        order = np.array(wanted, dtype=np.int64)
        expected = [names[place] for place in wanted]
        assert list(taken(pack(names), order)) == expected == list(taken(names, order))


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    """80 topics with 500 documents each, every one another, and the topic's own as the first."""
    path = tmp_path / "run.trec"
    rows = [
        f"q{topic} Q0 {f'q{topic}' if rank == 1 else f'document{topic * 500 + rank:08d}'} {rank} "
        f"{600 - rank // 2} t\n"
        for topic in range(80)
        for rank in range(1, 501)
    ]
    path.write_text("".join(rows))
    return path


def test_a_row_of_a_large_run_takes_few_bytes(run_file: Path, monkeypatch) -> None:
    monkeypatch.setattr(by_columns, "_BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(packed, "_AT_A_TIME", 1 << 10)
    read_run(run_file, many_bytes=0)  # imports
    tracemalloc.start()
    run = read_run(run_file, many_bytes=0)
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A docno as a string is 65 bytes and its place in a list 8; the file has 40 bytes a row.
    assert left / len(run) < 17 + 8 + 8 + 4
    assert peak / len(run) < 150


def test_a_large_run_is_evaluated_without_its_own_documents(run_file: Path) -> None:
    qrels = {f"q{topic}": {f"document{topic * 500 + 2:08d}": 1} for topic in range(80)}
    config = EvaluateConfig(metrics=("mrr",), leave_out_own=True)
    small, large = (
        evaluate_runs({"r": read_run(run_file, many_bytes=size)}, qrels, config)
        for size in (10**9, 0)
    )
    assert large.figure("r", large.measures[0]) == small.figure("r", small.measures[0]) == 0.5
    assert small.notes == large.notes != ()
