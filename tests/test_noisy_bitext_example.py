"""``examples/noisy_bitext.py``: what it shuffles, and its table against trec_eval's figures."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import ir_measures
import pytest
from example_script import load_example
from tiny_model import save_bitext, save_collection, save_tiny_model

from clirot.runs import SAVED_RUN
from clirot.store import Store


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_example("noisy_bitext", monkeypatch)


@pytest.mark.parametrize("percent", [0, 30, 100])
def test_a_share_of_the_target_sides_is_shuffled(
    script: ModuleType, tmp_path: Path, percent: int
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"s{number}\tt{number}\tr{number}\n" for number in range(200)))
    made = script.noisy(path, percent, 1, tmp_path)
    rows = [line.split("\t") for line in made.read_text().splitlines()]
    assert [src for src, _ in rows] == [f"s{number}" for number in range(200)]
    assert sorted(tgt for _, tgt in rows) == sorted(f"t{number}" for number in range(200))
    assert sum(src[1:] != tgt[1:] for src, tgt in rows) == 2 * percent
    assert made.read_bytes() == script.noisy(path, percent, 1, tmp_path).read_bytes()


def test_treatments(script: ModuleType) -> None:
    read = script.Treatment.of
    assert read("as it comes") == script.Treatment("as-it-comes")
    assert read("realign") == script.Treatment("realign", realign=True)
    both = read("realign min-alignment=0.25")
    assert (both.realign, both.min_alignment) == (True, 0.25)
    for wrong in ("min-alignment=x", "something", "min-alignment=.1 min-alignment=.2"):
        with pytest.raises(SystemExit, match="a treatment is"):
            read(wrong)


@pytest.mark.filterwarnings("ignore::clirot.errors.BitextWarning")  # half of it is shuffled
def test_the_table(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv", count=400)
    collection = save_collection(
        tmp_path / "made-up", bitext, docs="en", topics=("en", "so"), count=30
    )
    teacher = save_tiny_model(tmp_path / "teacher", seed=4)
    call = ["noisy_bitext.py", "--tgt", "so", "--teacher", str(teacher), "--file", str(bitext)]
    call += ["--shuffled", "0", "--shuffled", "50", "--collection", str(collection)]
    call += ["--treatment", "as it comes", "--treatment", "min-alignment=0.5"]
    monkeypatch.setattr(sys, "argv", call)
    script.main()
    shown = capsys.readouterr().out
    kept = {
        line.split(":")[0]: int(line.split(": ")[1].split()[0])
        for line in shown.splitlines()
        if "pairs kept" in line
    }
    assert kept["0 % shuffled, as-it-comes"] == kept["50 % shuffled, as-it-comes"] == 400
    assert kept["0 % shuffled, min-alignment-0.5"] > 380
    assert 180 < kept["50 % shuffled, min-alignment-0.5"] < 260
    qrels = list(ir_measures.read_trec_qrels(str(collection / "qrels.txt")))
    for name in Store().names("runs"):
        run = ir_measures.read_trec_run(str(Store().path("runs", name) / SAVED_RUN))
        figure = ir_measures.calc_aggregate([ir_measures.AP], qrels, run)[ir_measures.AP]
        assert f"{figure:.3f}" in shown
    assert len(Store().names("runs")) == 4
