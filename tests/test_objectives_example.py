"""``examples/objectives.py``: its table against trec_eval's figures of the runs it saved."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import ir_measures
import numpy as np
import pytest
from example_script import load_example
from tiny_model import save_bitext, save_collection, save_tiny_model

from clirot.evaluation.significance import holm
from clirot.runs import SAVED_RUN
from clirot.store import Store


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_example("objectives", monkeypatch)


def _read(cell: str) -> tuple[list[float], str]:
    """The mean and that of each seed; what is said of the test."""
    mean, _, notes = cell.removesuffix(")").partition(" (")
    test = notes[notes.rfind("; ") + 1 :].strip() if ", p " in notes else ""
    seeds = notes.removesuffix(test).removesuffix("; ")
    return [float(one) for one in [mean, *seeds.split()]], test


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
    call = ["objectives.py", "--tgt", "so", "--teacher", str(teacher), "--file", str(bitext)]
    other = save_collection(tmp_path / "other", bitext, docs="en", topics=("en", "so"), count=24)
    call += ["--seed", "1", "--seed", "2", "--collection", str(collection)]
    call += ["--collection", f"{other}@3"]
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
    assert rows["system"] == [
        "development MAP",
        "all map",
        "all precision@5",
        "made-up: map",
        "made-up: precision@5",
        "other-every-3: map",
        "other-every-3: precision@5",
    ]
    assert list(rows)[2:] == [
        "transport vocabulary=200",
        "mse+0.5*contrastive batch_size=16",
        "teacher as it is",
        "English topics",
    ]
    qrels = list(ir_measures.read_trec_qrels(str(collection / "qrels.txt")))
    thin = [
        one
        for one in ir_measures.read_trec_qrels(str(other / "qrels.txt"))
        if int(one.query_id.removeprefix("q")) % 3 == 0
    ]
    judged = {}
    for name in Store().names("runs"):
        run = list(ir_measures.read_trec_run(str(Store().path("runs", name) / SAVED_RUN)))
        asked = thin if name.endswith("-every-3") else qrels
        assert {one.query_id for one in run} == {one.query_id for one in asked}
        judged[name] = ir_measures.calc_aggregate([ir_measures.AP], asked, run)[ir_measures.AP]
    assert len(judged) == 12

    def mean(start: str, end: str) -> float:
        values = [
            value for name, value in judged.items() if name.startswith(start) and name.endswith(end)
        ]
        assert values
        return sum(values) / len(values)

    for column, end in ((3, ".made-up"), (5, ".other-every-3")):
        baseline = mean("so.transport", end)
        for label, start, seeds in (
            ("transport vocabulary=200", "so.transport", ["1.so", "2.so"]),
            ("mse+0.5*contrastive batch_size=16", "so.mse+0.5-contrastive", ["1.so", "2.so"]),
            ("teacher as it is", "so.teacher.so", []),
            ("English topics", "so.teacher.en", []),
        ):
            (figure, *each), test = _read(rows[label][column])
            expected = mean(start, end)
            assert figure == pytest.approx(expected, abs=6e-4)
            assert each == pytest.approx([mean(start, f".{seed}{end}") for seed in seeds], abs=6e-4)
            assert bool(test) == (start != "so.transport")
            if test:
                difference, p = test.split(", p ")
                assert float(difference) == pytest.approx(expected - baseline, abs=6e-4)
                assert 0 < float(p) <= 1
    for cells in list(rows.values())[2:]:
        every, one, other = (_read(cells[column])[0] for column in (1, 3, 5))
        assert every == pytest.approx(np.mean([one, other], axis=0), abs=1.1e-3)

    monkeypatch.setattr(sys, "argv", [*call, "--system", "none vocabulary=200"])
    script.main()
    again = capsys.readouterr().out
    assert "| none vocabulary=200 |" in again
    figures = [row.split("|")[3].split()[0] for row in again.splitlines()[2:]]
    assert figures[:2] + figures[-2:] == [cells[1].split()[0] for cells in list(rows.values())[2:]]
    assert len(Store().names("runs")) == 16


def test_the_verdict_counts_collections_alike_and_is_a_family_of_its_own(
    script: ModuleType,
) -> None:
    generator = np.random.default_rng(5)
    drawn = [
        {
            label: {measure: generator.random((1, topics)) for measure in script.MEASURES}
            for label in ("first", "second", "third")
        }
        for topics in (40, 300)
    ]
    verdict = script.compared(script.together(drawn), "first", "map")
    for label, cell in verdict.items():
        means = [values[label]["map"].mean() for values in drawn]
        assert cell.mean == pytest.approx(np.mean(means))
    # The oracle's statistic is the difference of the means of the collections' means itself.
    first, second = ([values[label]["map"][0] for values in drawn] for label in ("first", "second"))
    splits = [(np.concatenate([a, b]), len(a)) for a, b in zip(first, second, strict=True)]
    observed = sum(both[:n].mean() - both[n:].mean() for both, n in splits)
    extreme = 0
    for _ in range(4_000):
        drawn_sum = 0.0
        for both, n in splits:
            signs = generator.choice([-1, 1], n)
            drawn_sum += (signs * (both[:n] - both[n:])).mean()
        extreme += abs(drawn_sum) >= abs(observed)
    assert verdict["second"].p == pytest.approx(extreme / 4_000, abs=0.04)

    figures = dict(zip(("small", "large"), drawn, strict=True))
    columns = script.compared_columns(figures, "first")
    tables = {"all": script.together(drawn), **figures}
    raw = {
        (name, label, measure): cell.p
        for name, values in tables.items()
        for measure in script.MEASURES
        for label, cell in script.compared(values, "first", measure).items()
        if label != "first"
    }
    names = [f"all {one}" for one in script.MEASURES]
    names += [f"{name}: {one}" for name in figures for one in script.MEASURES]
    assert list(columns) == names
    for family in (
        [key for key in raw if key[0] == "all" and key[2] == "map"],
        [key for key in raw if key[0] != "all" or key[2] != "map"],
    ):
        for (name, label, measure), p in zip(
            family, holm([raw[key] for key in family]), strict=True
        ):
            column = f"all {measure}" if name == "all" else f"{name}: {measure}"
            assert columns[column][label].p == pytest.approx(p)
    assert len(raw) == 12


def test_collections_that_share_topics_are_refused(script: ModuleType) -> None:
    for names in (["a/x", "b/x@2"], ["x", "x"]):
        with pytest.raises(SystemExit, match="two collections are called 'x'"):
            script.check_apart([script.Thinned.of(name) for name in names])


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
