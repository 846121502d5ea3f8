"""The command line as a person meets it: help, exit codes, messages, start-up.

Commands run in this process through ``clirot.cli.main``, the error boundary included, except where
the process itself is what is tested.
"""

from __future__ import annotations

import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny_model import save_place, save_tiny_model

from clirot.cli import main
from clirot.store import Store

COMMANDS = [
    *("fetch-bitext", "distill", "index", "search", "evaluate", "translate", "align", "models"),
]
HEAVY = [
    "torch",
    "transformers",
    "sentence_transformers",
    "geomloss",
    "ranx",
    "ir_datasets",
    "datasets",
    "matplotlib",
    "numpy",
    "scipy",
    "babel",
]


@dataclass(frozen=True)
class Outcome:
    code: int | str | None
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line with these arguments in this process."""
    monkeypatch.setenv("CLIROT_TRACEBACK", "")  # whatever the environment of the tests says
    monkeypatch.setenv("COLUMNS", "200")

    def command(*argv: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["clirot", *argv])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return Outcome(ended.value.code or 0, shown.out, shown.err)

    return command


# --- help and start-up


@pytest.mark.parametrize("command", [[], *([one] for one in COMMANDS)])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(run: Run, command: list[str], option: str) -> None:
    shown = run(*command, option)
    assert shown.code == 0
    assert "Usage: clirot" in shown.out
    assert "--help" in shown.out
    for name in COMMANDS if not command else []:
        assert name in shown.out


@pytest.mark.parametrize("child", ["list", "show", "rm"])
def test_help_of_a_subcommand(run: Run, child: str) -> None:
    shown = run("models", child, "--help")
    assert shown.code == 0
    assert f"Usage: clirot models {child}" in shown.out


def test_version(run: Run) -> None:
    from clirot import __version__

    assert run("--version") == Outcome(0, f"clirot {__version__}\n", "")


def test_help_imports_nothing_heavy() -> None:
    """Of the program, and of every command: what help needs is read off the signatures."""
    code = f"""
import sys
from clirot.cli import main
for argv in [["--help"], *([name, "--help"] for name in {COMMANDS!r})]:
    sys.argv = ["clirot", *argv]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, argv
print("heavy:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_the_reference_is_current() -> None:
    generator = Path(__file__).parents[1] / "docs" / "generate_cli.py"
    page = runpy.run_path(str(generator))["page"]()
    assert (generator.parent / "cli.md").read_text(encoding="utf-8") == page
    for name in COMMANDS:
        assert f"\n## {name}\n" in page


# --- mistakes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a collection, two models, an index and many spoilt files."""
    folder = tmp_path_factory.mktemp("place")
    save_tiny_model(folder / "other", seed=2)
    files: dict[str, str | bytes] = {
        "set/docs.en.tsv": "d1\tsalt and bread\nd2\tthe moon\n",
        "set/queries.so.tsv": "topic-1\tcusbo\n",
        "set/queries.en.tsv": "topic-1\tsalt\n",
        "set/qrels.txt": "topic-1 0 d1 1\n",
        "no-docs/queries.so.tsv": "t1\tcusbo\n",
        "empty-docs/docs.en.tsv": "",
        "empty-docs/queries.so.tsv": "t1\tcusbo\n",
        "empty-docs/qrels.txt": "t1 0 d1 1\n",
        "one-column.tsv": "a\tb\njust one side\n",
        "latin1.tsv": b"bread\troti\ncaf\xe9\tkafee\n",
        "empty.tsv": "",
        "one-sided.tsv": "bread\t\n\troti\n",
        "small.tsv": "bread\troti\nsalt\tcusbo\n",
        "spoilt.tmx": "<tmx><body>\n<tu></body>\n",
        "spoilt.run": "topic-1 Q0 d1 1 2.5 tag\ntopic-1 Q0 d2\n",
        "good.run": "topic-1 Q0 d2 1 2.5 tag\ntopic-1 Q0 d1 2 1.5 tag\n",
        "spoilt.qrels": "topic-1 0 d1 1\ntopic-1 0 d2 relevant\n",
        "no-text.tsv": "t1\tmoon\nt2\t\n",
        "same-topic.tsv": "t1\tmoon\nt1\tsun\n",
    }
    save_place(folder, files)
    return folder


MISTAKES: list[tuple[str, int, list[str]]] = [
    # what is not a command, an option, a value
    ("distil", 2, ["No such command 'distil'", "Did you mean 'distill'"]),
    ("search --indx moonlight", 2, ["No such option", "--index"]),
    ("search --index moonlight --topics small.tsv -k many", 2, ["'many'", "int"]),
    ("distill --tgt so", 2, ["Missing option", "--src"]),
    # names
    ("index --model minilm-eng --collection set", 2, ["unknown model", "did you mean 'minilm-en'"]),
    ("index --model teacher --collection xqad/de", 2, ["collection", "did you mean 'xquad/de'?"]),
    ("index --model teacher --collection set --backend exct", 2, ["did you mean 'exact'?"]),
    ("search --index monlight --collection set", 2, ["index", "did you mean 'moonlight'?"]),
    ("search --index moonlight --model minilm --collection set", 2, ["mean 'minilm-en'?"]),
    ("search --index moonlight --collection cldr/somali", 2, ["did you mean 'so'"]),
    ("fetch-bitext --tgt so --source cdlr", 2, ["source 'cdlr'", "did you mean 'cldr'?"]),
    ("distill --src en --tgt so --file small.tsv --objective transprt", 2, ["'transport'?"]),
    ("distill --src en --tgt so --file small.tsv --teacher minilm", 2, ["'minilm-en'?"]),
    ("distill --src en --tgt so --file small.tsv --student xlmr-base", 2, ["'xlm-r-base'?"]),
    ("evaluate good.run --collection set --metric mapp", 2, ["measure", "did you mean 'map'?"]),
    ("align --model teacher --collection set --topic topic-2", 2, ["did you mean 'topic-1'?"]),
    ("models show mnilm-en", 2, ["unknown model 'mnilm-en'", "did you mean 'minilm-en'?"]),
    ("models rm en-so", 2, ["unknown model 'en-so'"]),
    # languages
    ("fetch-bitext --tgt somali", 2, ["'somali'", "did you mean 'so'"]),
    ("fetch-bitext --tgt zzzz", 2, ["'zzzz'"]),
    ("distill --src en --tgt eng", 2, ["same language"]),
    ("search --index moonlight --collection set --lang sw", 2, ["'sw'", "en, so"]),
    ("search --index moonlight --collection set", 2, ["several languages", "--lang: en, so"]),
    ("distill --src en --tgt zzzz", 2, ["'zzzz'", "(--tgt)"]),
    ("fetch-bitext --tgt so --source zzz", 2, ["'zzz'", "(--source)"]),
    # what contradicts itself or is missing
    ("evaluate good.run --qrels good.qrels --metric map --metric ''", 2, ["--metric is empty"]),
    ("distill --src en --tgt so --teacher ''", 2, ["--teacher is empty"]),
    ("fetch-bitext", 2, ["no target language", "--tgt"]),
    ("search --index moonlight", 2, ["--collection", "--topics"]),
    ("search --index moonlight --topics no-text.tsv -k 0", 2, ["k"]),
    ("evaluate good.run", 2, ["--collection", "--qrels"]),
    (
        "distill --src en --tgt so --file small.tsv --epochs 0",
        2,
        ["--epochs must be at least 1, got 0"],
    ),
    ("align --model teacher", 2, ["the target sentence is empty"]),
    # files
    ("fetch-bitext --tgt so --file absent.tsv", 1, ["absent.tsv"]),
    ("fetch-bitext --tgt so --file one-column.tsv", 1, ["one-column.tsv:2: "]),
    ("fetch-bitext --tgt so --file latin1.tsv", 1, ["latin1.tsv:2: ", "UTF-8"]),
    ("fetch-bitext --tgt so --file spoilt.tmx", 1, ["spoilt.tmx:2"]),
    ("fetch-bitext --tgt so --file empty.tsv", 1, ["empty.tsv: no sentence pair"]),
    (
        "fetch-bitext --tgt so --file one-sided.tsv",
        1,
        ["one-sided.tsv: no sentence pair", "1 empty target"],
    ),
    ("distill --src en --tgt so --file small.tsv --teacher teacher", 1, ["too little bitext", "2"]),
    (
        "distill --src en --tgt so --file small.tsv --teacher teacher --objective mse --reg 0.1",
        1,
        ["warning: --reg 0.1 changes nothing", "too little bitext"],
    ),
    ("index --model empty.tsv --collection set", 2, ["unknown model 'empty.tsv'"]),
    ("index --model set --collection set", 1, ["safetensors"]),
    ("index --model teacher --collection no-docs", 1, ["no-docs", "docs."]),
    ("index --model teacher --collection empty-docs", 1, ["no documents"]),
    ("search --index moonlight --topics absent.tsv", 1, ["absent.tsv"]),
    ("search --index moonlight --topics no-text.tsv", 1, ["'t2'", "no text"]),
    ("search --index moonlight --topics same-topic.tsv", 1, ["same-topic.tsv:2: "]),
    ("search --index moonlight --topics one-column.tsv", 1, ["one-column.tsv:2: "]),
    ("evaluate spoilt.run --collection set", 1, ["spoilt.run:2: "]),
    ("evaluate absent.run --collection set", 1, ["absent.run"]),
    ("evaluate good.run --qrels spoilt.qrels", 1, ["spoilt.qrels:2: "]),
    # artefacts that do not belong together
    ("search --index moonlight --model other --collection set --lang en", 1, ["another model"]),
    ("index --model other --collection set --name moonlight", 1, ["something else", "--replace"]),
]


@pytest.mark.parametrize(("line", "code", "fragments"), MISTAKES, ids=[one[0] for one in MISTAKES])
def test_a_mistake_is_named_on_stderr_and_nothing_is_on_stdout(
    run: Run,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    code: int,
    fragments: list[str],
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("CLIROT_HOME", str(place / "home"))
    before = {kind: Store(place / "home").names(kind) for kind in ("indexes", "models", "runs")}
    shown = run(*shlex.split(line))
    assert shown.out == ""
    for fragment in fragments:
        assert fragment in shown.err
    assert "Traceback" not in shown.err
    assert shown.code == code
    assert before == {
        kind: Store(place / "home").names(kind) for kind in ("indexes", "models", "runs")
    }


def test_a_figure_that_falls_short_is_reported_beside_the_table(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    line = "evaluate good.run --collection set --metric map --expect map>=0.6"
    shown = run(*line.split())
    assert shown.code == 4
    assert "0.5000" in shown.out
    assert "0.6" in shown.err
    assert run(*line.replace("0.6", "0.5").split()).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["{}"],
        ["verify", "--{}"],
        ["search", "--index", "x", "-k", "{}"],
        ["models", "show", "{}", "{}"],
        ["verify", "--json={}"],
    ],
)
def test_nothing_that_a_terminal_obeys_is_quoted_of_the_command_line(
    run: Run, words: list[str]
) -> None:
    said = run(*(word.format("b\x1b[31m\u202e\x9b\x07\r[b]X") for word in words))
    assert said.code == 2
    assert not set(said.err) & set("\x1b\u202e\x9b\x07\r")
    assert "\\u202e" in said.err or words[-1] == "--json={}"


def test_the_traceback_is_there_when_asked_for(run: Run) -> None:
    shown = run("--traceback", "models", "show", "nothing")
    assert shown.code == 2
    assert "Traceback (most recent call last)" in shown.err
    assert shown.err.splitlines()[-2].startswith("error: unknown model 'nothing'")


def test_the_list_of_commands_says_what_each_command_says() -> None:
    from clirot.cli import _MODULES, _SUMMARIES, command_named

    own = {name: " ".join(command_named(name).help.split("\n\n")[0].split()) for name in _MODULES}
    assert own == _SUMMARIES


def test_an_interrupt_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("clirot.store.Store.all", interrupted)
    shown = run("models", "list")
    assert (shown.code, shown.out) == (130, "")
    assert "interrupted" in shown.err
    assert "Traceback" not in shown.err


# --- a home that cannot be used


@pytest.mark.parametrize("line", ["bitext list", "models list", "models rm x", "bitext show x"])
def test_a_home_that_is_a_file_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "file"))
    shown = run(*line.split())
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.splitlines() == [
        f"error: the store {tmp_path / 'file'} cannot be used: Not a directory",
        "  hint: choose another directory with CLIROT_HOME",
    ]


def test_a_home_that_cannot_be_made_is_named(
    run: Run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "home")
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "link"))
    monkeypatch.chdir(place)
    for line in (
        "fetch-bitext --tgt so --file small.tsv",
        "distill --src en --tgt so --teacher teacher",
        "index --model teacher --collection set --docs-lang en",
    ):
        shown = run(*line.split())
        assert shown.code == 1
        assert "cannot be used: " in shown.err
        assert "Traceback" not in shown.err
