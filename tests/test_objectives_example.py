"""``examples/objectives.py``: its table against trec_eval's figures of the runs it saved."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import ir_measures
import pytest
from tiny_model import save_bitext, save_collection, save_tiny_model

from clirot.runs import SAVED_RUN
from clirot.store import Store

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "objectives.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("objectives_example", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_table(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv")
    collection = save_collection(
        tmp_path / "made-up", bitext, docs="en", topics=("en", "so"), count=30
    )
    teacher = save_tiny_model(tmp_path / "teacher", seed=4)
    call = [str(SCRIPT), "--tgt", "so", "--teacher", str(teacher), "--file", str(bitext)]
    call += ["--seed", "1", "--seed", "2", "--collection", str(collection)]
    call += [
        "--system",
        "transport vocabulary=200",
        "--system",
        "mse+0.5*contrastive batch_size=16",
    ]
    monkeypatch.setattr(sys, "argv", call)
    script.main()
    shown = capsys.readouterr()
    rows = {
        cells[0]: cells[1:]
        for cells in (
            [cell.strip() for cell in row.split("|")[1:-1]] for row in shown.out.splitlines()
        )
    }
    assert rows["system"] == ["development MAP", "made-up map", "made-up precision@5"]
    assert list(rows)[2:] == [
        "transport vocabulary=200",
        "mse+0.5*contrastive batch_size=16",
        "teacher as it is",
        "English topics",
    ]
    qrels = list(ir_measures.read_trec_qrels(str(collection / "qrels.txt")))
    judged = {}
    for name in Store().names("runs"):
        run = ir_measures.read_trec_run(str(Store().path("runs", name) / SAVED_RUN))
        judged[name] = ir_measures.calc_aggregate([ir_measures.AP], qrels, run)[ir_measures.AP]
    assert len(judged) == 6

    def mean(start: str) -> float:
        values = [value for name, value in judged.items() if name.startswith(start)]
        return sum(values) / len(values)

    baseline = mean("so.transport")
    assert rows["transport vocabulary=200"][1] == f"{baseline:.3f}"
    for label, start in (
        ("mse+0.5*contrastive batch_size=16", "so.mse+0.5-contrastive"),
        ("teacher as it is", "teacher.so"),
        ("English topics", "teacher.en"),
    ):
        figure, difference, _, p = rows[label][1].replace("(", "").replace(")", "").split()
        assert float(figure) == pytest.approx(mean(start), abs=6e-4)
        assert float(difference.rstrip(",")) == pytest.approx(mean(start) - baseline, abs=6e-4)
        assert 0 < float(p) <= 1


def test_a_misspelled_setting_is_named(script: ModuleType) -> None:
    for text, message in (
        ("transport rge=0.1", "no setting 'rge' to vary; there are student, "),
        ("transport seed=3", "no setting 'seed'"),
        ("transport replace=false", "no setting 'replace'"),
        ("transport epochs=abc", "'abc' is no int"),
    ):
        with pytest.raises(SystemExit, match=message):
            script.System.of(text)


def test_thinning_keeps_every_so_many_th_line(script: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{number}\n" for number in range(10)))
    (tmp_path / "thin").mkdir()
    kept = script.thinned(path, 4, tmp_path / "thin")
    assert kept.read_text().split() == ["0", "4", "8"]
    assert script.thinned(path, 1, tmp_path) == path
