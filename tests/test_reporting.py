"""Reports of a training to other programs, held against what clirot measured itself."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from tiny_model import save_bitext, save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app
from clirot.distillation import DistillConfig, DistillResult, distill
from clirot.distillation.training.epochs import evaluated, reporting_to
from clirot.errors import UnknownNameError, UsageError
from clirot.records import LanguagePair
from clirot.settings import assembled
from clirot.store import Store


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return {
        "pair": LanguagePair("en", "so"),
        "teacher": str(save_tiny_model(tmp_path / "tiny", seed=4)),
        "files": (save_bitext(tmp_path / "pairs.tsv"),),
        "epochs": 2,
        "batch_size": 32,
        "vocabulary": 200,
        "max_tokens": 48,
    }


def _made_of(config: dict[str, Any], **changes: Any) -> DistillConfig:
    settings = {name: value for name, value in config.items() if name != "pair"}
    return assembled(DistillConfig, settings | changes, pair=config["pair"])


def _scalars(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads from a directory: name -> steps and values."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(directory))
    read.Reload()
    return {
        name: [(one.step, one.value) for one in read.Scalars(name)]
        for name in read.Tags()["scalars"]
    }


def test_tensorboard_gets_what_was_measured(config: dict[str, Any], home: Path) -> None:
    result = distill(_made_of(config, report_to=("tensorboard",)))
    assert result.tensorboard is not None
    assert result.tensorboard.parent == home / "reports" / "en-so"
    found = _scalars(result.tensorboard)
    results = result.artefact.manifest.results
    steps = [0, 4, 8]  # 108 pairs in batches of 32
    assert [step for step, _ in found["eval/map"]] == steps
    assert [value for _, value in found["eval/map"]] == pytest.approx(result.development)
    for name in ("transport_cost", "plan_entropy", "marginal_error"):
        expected = [one[name] for one in results["plan"]]
        assert [value for _, value in found[f"eval/{name}"]] == pytest.approx(expected, abs=1e-5)
    losses = [value for _, value in found["train/loss"]]
    assert losses == pytest.approx([loss for _, loss in results["loss_curve"]], abs=1e-4)
    assert len(found["train/learning_rate"]) == 8


def test_trackio_gets_what_was_measured_and_stdout_is_the_commands_own(
    config: dict[str, Any], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    result = _command(config, "--report-to", "trackio", "--json")
    results = json.loads(result.stdout)["results"]
    assert "Trackio" in result.stderr
    with closing(sqlite3.connect(tmp_path / "trackio" / "clirot.db")) as opened:
        rows = opened.execute("SELECT metrics FROM metrics WHERE run_name = 'en-so'")
        logged = [json.loads(metrics) for (metrics,) in rows]
    found = {one["train/global_step"]: one["eval/map"] for one in logged if "eval/map" in one}
    assert found == dict(zip([0, 4], results["development_map"], strict=True))
    assert [one["train/global_step"] for one in logged if "train/loss" in one] == [1, 2, 3, 4]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_a_run_of_wandb_is_closed_when_training_ends(
    fails: bool, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """wandb itself is no dependency of the tests: it is stood in for."""
    codes = []

    def finish(exit_code: int) -> None:
        codes.append(exit_code)

    stand_in = SimpleNamespace(run="the caller's" if own else None, finish=finish)
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    with pytest.raises(ZeroDivisionError) if fails else nullcontext(), reporting_to(["wandb"]):
        stand_in.run = stand_in.run or "training's"
        assert not codes
        _ = 1 / (not fails)
    assert codes == ([] if own else [int(fails)])


def test_a_run_of_trackio_is_closed_when_training_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    def finish() -> None:
        closed.append("trackio")
        raise RuntimeError("Call trackio.init() before trackio.finish().")  # as it does say

    monkeypatch.setitem(sys.modules, "trackio", SimpleNamespace(finish=finish))
    with pytest.raises(ZeroDivisionError), reporting_to(["trackio"]):
        _ = 1 / 0
    assert closed == ["trackio"]
    with reporting_to(["trackio"]):
        pass
    assert closed == ["trackio"]


def test_a_report_is_no_part_of_a_student(config: dict[str, Any], tmp_path: Path) -> None:
    silent = distill(_made_of(config))
    assert silent.tensorboard is None
    asked_again = distill(_made_of(config, report_to=("tensorboard",)))
    assert not asked_again.fresh and asked_again.tensorboard is None
    elsewhere = Store(tmp_path / "elsewhere")
    reported = distill(_made_of(config, report_to=("tensorboard",)), store=elsewhere)
    assert reported.fresh and reported.artefact.digest == silent.artefact.digest
    assert reported.artefact.manifest.fingerprint == silent.artefact.manifest.fingerprint
    found = distill(_made_of(config), store=elsewhere)
    assert not found.fresh and found.tensorboard == reported.tensorboard


def test_a_resumed_training_goes_on_with_its_report(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the second epoch, after steps that no checkpoint has."""
    from clirot.distillation.training.batches import TokenLoss

    steps = 0
    whole = TokenLoss.forward

    def stops(self: TokenLoss, *arguments: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 7:
            raise KeyboardInterrupt
        return whole(self, *arguments)

    reported = _made_of(config, report_to=("tensorboard",))
    with monkeypatch.context() as patched:
        patched.setattr(TokenLoss, "forward", stops)
        with pytest.raises(KeyboardInterrupt):
            distill(reported)
    result = distill(reported)
    assert result.tensorboard is not None
    found = _scalars(result.tensorboard)
    assert [step for step, _ in found["train/loss"]] == list(range(1, 9))
    assert [value for _, value in found["eval/map"]] == pytest.approx(result.development)


def _command(config: dict[str, Any], *options: str) -> Result:
    command = ["distill", "--src", "en", "--tgt", "so", "--teacher", config["teacher"]]
    command += ["--file", str(config["files"][0]), "--vocabulary", "200", "--epochs", "1"]
    return CliRunner().invoke(app, [*command, *options])


def test_the_command_says_where_the_report_is(config: dict[str, Any]) -> None:
    result = _command(config, "--report-to", "tensorboard", "--json")
    directory = json.loads(result.stdout)["tensorboard"]
    assert Path(directory).is_dir()
    assert f"training curves: tensorboard --logdir {directory}\n" in result.stderr


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "trackio"])
def test_a_program_that_is_not_installed_is_an_error_before_any_work(
    name: str, config: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clirot.distillation import configuration

    find = importlib.util.find_spec
    monkeypatch.setattr(configuration, "find_spec", lambda one: None if one == name else find(one))
    with pytest.raises(UsageError, match=f"`report_to={name}` needs the package {name}") as caught:
        distill(_made_of(config, report_to=(name,)))
    assert "pip install" in (caught.value.hint or "")
    assert not home.exists()


def test_programs_that_nobody_knows_and_reports_of_nothing_are_refused(
    config: dict[str, Any], home: Path
) -> None:
    with pytest.raises(UnknownNameError, match="unknown program to report to 'tensorbord'"):
        distill(_made_of(config, report_to=("tensorbord",)))
    with pytest.raises(UsageError, match="no training to report on"):
        distill(_made_of(config, report_to=("tensorboard",), objective="none"))
    assert not home.exists()


def test_figures_of_several_languages_are_reported_by_language() -> None:
    found = evaluated(0.5, {"so": 0.4, "sw": 0.6}, {"plan_entropy": 1.0})
    assert found == {
        "eval_map": 0.5,
        "eval_map_so": 0.4,
        "eval_map_sw": 0.6,
        "eval_plan_entropy": 1.0,
    }
    assert evaluated(0.5, {"so": 0.5}, {}) == {"eval_map": 0.5}


def test_a_result_without_reports_has_none(config: dict[str, Any]) -> None:
    made = distill(_made_of(config, objective="none"))
    assert DistillResult(made.artefact, fresh=False).tensorboard is None
