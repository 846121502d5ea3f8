"""Settings said once: ranges, parts, options, and messages in the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from clirot.cli.options import with_options
from clirot.cli.wording import in_options, speaking_for
from clirot.errors import UnknownNameError, UsageError
from clirot.settings import assembled, check_ranges, leaves, part, setting, values


@dataclass(frozen=True)
class Solver:
    reg: float = setting(0.02, "Strength.", unit="cost", above=0, at_most=10)
    kind: str = setting("auto", "Who solves.", choices=("auto", "exact"))

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Work:
    pair: str
    solver: Solver = part(Solver)
    sources: tuple[str, ...] = setting((), "Sources.")
    files: tuple[Path, ...] = setting((), "Files.")
    name: str | None = setting(None, "Its name.", decides=False)
    deep: bool = setting(False, "Dig deeper.")
    seed: int = setting(13, "Seed.", at_least=0)

    def __post_init__(self) -> None:
        check_ranges(self)


def test_the_settings_of_a_configuration_are_its_own_and_those_of_its_parts() -> None:
    found = {leaf.name: (leaf.path, leaf.default) for leaf in leaves(Work)}
    assert found == {
        "reg": (("solver",), 0.02),
        "kind": (("solver",), "auto"),
        "sources": ((), ()),
        "files": ((), ()),
        "name": ((), None),
        "deep": ((), False),
        "seed": ((), 13),
    }


def test_assembled_and_values_are_inverses() -> None:
    given = {"reg": 0.5, "kind": "exact", "sources": ("a",), "seed": 4}
    made = assembled(Work, given, pair="en-so")
    assert made == Work(pair="en-so", solver=Solver(reg=0.5, kind="exact"), sources=("a",), seed=4)
    assert values(made) == {**values(Work(pair="")), **given}


def test_a_setting_that_is_none_is_refused_with_a_near_miss() -> None:
    with pytest.raises(UnknownNameError, match="unknown setting 'regg'") as failed:
        assembled(Work, {"regg": 1}, pair="en-so")
    assert "did you mean 'reg'?" in str(failed.value.hint)


@pytest.mark.parametrize("value", [0, -1, 10.1])
def test_a_value_out_of_range_is_refused_by_the_name_of_its_field(value: float) -> None:
    with pytest.raises(UsageError) as failed:
        Solver(reg=value)
    assert failed.value.message == f"`reg` must be above 0 and at most 10, got {value}"


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_value_that_is_not_finite_is_refused_as_such(value: float) -> None:
    with pytest.raises(UsageError) as failed:
        Solver(reg=value)
    assert failed.value.message == (
        f"`reg` must be a finite number, above 0 and at most 10, got {value}"
    )


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("reg", "0.5", "a number, got '0.5' (str)"),
        ("reg", True, "a number, got True (bool)"),
        ("kind", 3, "a text, got 3 (int)"),
        ("seed", 1.5, "a whole number, got 1.5 (float)"),
        ("seed", True, "a whole number, got True (bool)"),
        ("deep", 1, "true or false, got 1 (int)"),
        ("seed", 2**32, "below 2^32, got 4294967296"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: object, wanted: str) -> None:
    with pytest.raises(UsageError) as failed:
        assembled(Work, {name: value}, pair="en-so")
    assert failed.value.message == f"`{name}` must be {wanted}"


def test_a_whole_number_may_stand_for_a_number() -> None:
    assert Solver(reg=1).reg == 1


def test_a_word_that_is_no_choice_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown `kind` 'exat'"):
        Solver(kind="exat")


def _command() -> tuple[Any, list[Work]]:
    made: list[Work] = []

    @with_options(Work, names={"sources": ("--source", "-s")}, metavars={"files": "SRC=FILE"})
    def work(
        *,
        settings: dict[str, Any],
        src: Annotated[str, typer.Option(help="The source.")],
        dry: Annotated[bool, typer.Option("--dry", help="Stop before working.")] = False,
    ) -> None:
        if not dry:
            made.append(assembled(Work, settings, pair=src))

    app = typer.Typer(add_completion=False)
    app.command()(work)
    return typer.main.get_command(app), made


def test_options_are_made_from_settings() -> None:
    command, made = _command()
    line = ["--src", "en", "--source", "a", "-s", "b", "--reg", ".5", "--deep", "--files", "x"]
    command(line, standalone_mode=False)
    assert made == [
        Work(
            pair="en",
            solver=Solver(reg=0.5),
            sources=("a", "b"),
            files=(Path("x"),),
            deep=True,
        )
    ]


def test_a_command_keeps_its_own_options_as_they_are_declared() -> None:
    command, made = _command()
    by_name = {one.name: one for one in command.params}
    assert by_name["src"].help == "The source." and by_name["src"].required
    assert (by_name["dry"].opts, by_name["dry"].secondary_opts) == (["--dry"], [])
    command(["--src", "en", "--dry"], standalone_mode=False)
    assert made == []


def test_options_have_the_defaults_meanings_and_ranges_of_their_settings() -> None:
    command, made = _command()
    command(["--src", "en"], standalone_mode=False)
    assert made == [Work(pair="en")]
    by_name = {one.name: one for one in command.params}
    assert by_name["reg"].help == "Strength. (cost; above 0 and at most 10)"
    assert by_name["kind"].help == "Who solves. (auto | exact)"
    assert by_name["seed"].help == "Seed. (at least 0)"
    assert (by_name["files"].metavar, by_name["sources"].metavar) == ("SRC=FILE", None)


def test_messages_are_put_into_the_words_of_the_running_command() -> None:
    command, _ = _command()
    text = "lower `reg`, or `sources=so=hornmt`; see `distill(sources=my file, replace=True)` `odd`"
    assert in_options(text) == text
    with speaking_for(command, lambda name: command if name == "distill" else None):
        assert in_options(text) == (
            "lower --reg, or --source so=hornmt; "
            "see clirot distill --source 'my file' --replace `odd`"
        )
        assert in_options("`distill(..., replace=True)`") == "clirot distill ... --replace"


@pytest.mark.parametrize(
    ("message", "given", "told"),
    [
        ("unknown model 'x'", {"name": "x"}, "unknown model 'x' (--name)"),
        (
            "unknown source 'x'",
            {"sources": ["a", "x"], "name": "b"},
            "unknown source 'x' (--source)",
        ),
        (
            "no language: 'x'",
            {"name": "x", "sources": ["x"]},
            "no language: 'x' (--name, --source)",
        ),
        ("`seed` is not 'x'", {"name": "x"}, "--seed is not 'x'"),
        ("unknown model 'y'", {"name": "x"}, "unknown model 'y'"),
    ],
)
def test_an_error_of_usage_says_by_which_option_a_value_was_given(
    message: str, given: dict[str, Any], told: str
) -> None:
    command, _ = _command()
    with pytest.raises(UsageError) as failed, speaking_for(command, lambda name: None, given):
        raise UsageError(message)
    assert failed.value.message == told


def test_errors_that_leave_a_command_have_its_words() -> None:
    command, _ = _command()
    with pytest.raises(UsageError) as failed, speaking_for(command, lambda name: None):
        Solver(reg=11)
    assert failed.value.message == "--reg must be above 0 and at most 10, got 11"
