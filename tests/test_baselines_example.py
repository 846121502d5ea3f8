"""``examples/baselines.sh``: every system of the table, made by the commands that it shows."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import ir_measures
import pytest
from tiny_model import save_bitext, save_collection, tiny_config

from clirot.distillation import distill

_SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "baselines.sh"


def test_the_table(teacher: Path, tmp_path: Path, home: Path, shell: dict[str, str]) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv")
    distill(tiny_config(teacher, bitext, objective="none", name="student"))
    collection = save_collection(tmp_path / "set", bitext, docs="en", topics=("so", "en"), count=30)
    translated = tmp_path / "mt"
    translated.mkdir()
    shutil.copy(collection / "queries.en.tsv", translated / "queries.en.from-so.tsv")
    runs = tmp_path / "runs"
    environment = shell | {
        "CLIROT_HOME": str(home),
        "RUNS": str(runs),
        "MT": str(translated),
        "FORMAT": "csv",
    }
    table = ["clirot", "table", "--src", "en", "--tgt", "so", "--file", str(bitext)]
    subprocess.run(table, env=environment, check=True, capture_output=True)
    done = subprocess.run(
        ["bash", _SCRIPT, collection, teacher, "so=student"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    systems = ["bm25", "words+bm25", "psq", "psq-hmm", "teacher", "student", "mt+bm25"]
    systems += ["mt+teacher", "bm25-english", "teacher-english"]
    qrels = list(ir_measures.read_trec_qrels(str(collection / "qrels.txt")))
    rows = csv.reader(done.stdout.splitlines())
    shown = {row[0]: float(row[3]) for row in rows if row[1:3] == ["so", "map"]}
    for system in systems:
        run = list(ir_measures.read_trec_run(str(runs / f"set.{system}.so")))
        found = ir_measures.calc_aggregate([ir_measures.AP], qrels, run)[ir_measures.AP]
        assert shown[system] == pytest.approx(found)
    # The translation is the English topic itself, and English finds its own sentence.
    one, other = (runs / f"set.{name}.so" for name in ("mt+bm25", "bm25-english"))
    assert one.read_text() == other.read_text() and one.read_text()
    assert "wsum:psq-hmm=0.5,student=0.5" in shown
