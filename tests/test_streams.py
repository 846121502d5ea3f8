"""What a command writes, and where: data to stdout, all else to stderr; pipes, terminals, disks.

Commands run in this process through ``clirot.cli.main``, or in one of their own where the stream
is what is tested.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest
from tiny_model import save_place

from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.cli import main
from clirot.cli.console import progress
from clirot.records import LanguagePair, Step

RunInto = Callable[[str, TextIO | None], tuple[int | str | None, str]]
SEARCH = [sys.executable, "-m", "clirot", "search", "--index", "moonlight", "--topics", "-"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a collection, a run, and a home that has an index and bitext."""
    folder = tmp_path_factory.mktemp("place")
    files = {
        "set/docs.en.tsv": "d1\tsalt and bread\nd2\tthe moon\n",
        "set/qrels.txt": "topic-1 0 d1 1\n",
        "small.tsv": "bread\troti\nsalt\tcusbo\n",
        "good.run": "topic-1 Q0 d2 1 2.5 tag\ntopic-1 Q0 d1 2 1.5 tag\n",
        "topics.tsv": "topic-1\tsalt\n",
    }
    store = save_place(folder, files)
    bitext = FetchConfig(pair=LanguagePair("en", "so"), files=(folder / "small.tsv",))
    fetch_bitext(bitext, store=store)
    return folder


# --- data on stdout, all else on stderr


def test_a_reader_that_has_gone_is_no_failure(tmp_path: Path) -> None:
    """``| head`` under pipefail, with far more to say than a pipe holds."""
    topics = range(8000)
    (tmp_path / "a.run").write_text("".join(f"topic-{n} Q0 d{n} 1 2.5 tag\n" for n in topics))
    (tmp_path / "a.qrels").write_text("".join(f"topic-{n} 0 d{n} 1\n" for n in topics))
    done = subprocess.run(
        f"set -o pipefail; '{sys.executable}' -m clirot evaluate a.run --qrels a.qrels "
        "--metric map --per-topic --format csv | head -n 2",
        shell=True,
        executable="/bin/bash",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_stdout_is_for_data_whatever_libraries_print(place: Path) -> None:
    """transformers greets as it is imported where wandb is offline, as it is on many clusters."""
    done = subprocess.run(
        SEARCH,
        cwd=place,
        input="t1\tsalt\n",
        capture_output=True,
        text=True,
        env=os.environ | {"CLIROT_HOME": str(place / "home"), "WANDB_MODE": "offline"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [line.split() for line in done.stdout.splitlines()]
    assert [(topic, rank) for topic, _, _, rank, _, _ in found] == [("t1", "1"), ("t1", "2")]
    assert "offline" in done.stderr


def test_stdout_is_for_data_of_subcommands_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prints(*_: object, **__: object) -> list[object]:
        print("hello from a library")
        return []

    monkeypatch.setattr("clirot.store.Store.all", prints)
    monkeypatch.setattr(sys, "argv", ["clirot", "models", "list", "--json"])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr()
    assert json.loads(shown.out)["made"] == {}
    assert "hello from a library" in shown.err


@pytest.mark.parametrize("terminal", ["stderr", "both"])
def test_a_run_is_whole_where_bars_are_drawn(place: Path, terminal: str) -> None:
    """In a person's terminal: into a pipe beside the bars, or above them."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        SEARCH,
        cwd=place,
        stdin=subprocess.PIPE,
        stdout=theirs if terminal == "both" else subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=os.environ | {"CLIROT_HOME": str(place / "home"), "TERM": "xterm", "COLUMNS": "40"},
    )
    os.close(theirs)
    drawn = bytearray()

    def read() -> None:
        with suppress(OSError):  # the other end is closed
            while part := os.read(ours, 4096):
                drawn.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    piped, _ = process.communicate("t1\tsalt\nt2\tthe moon\n")
    reader.join()
    os.close(ours)
    assert process.returncode == 0, drawn.decode()
    assert "search" in drawn.decode()
    text = drawn.decode() if terminal == "both" else piped
    lines = [line for line in re.split(r"[\r\n]+|\x1b\[[0-9;?]*[a-zA-Z]", text) if " Q0 " in line]
    assert [line.split()[0] for line in lines] == ["t1", "t1", "t2", "t2"]
    assert all(re.fullmatch(r"t\d Q0 d\d \d [\d.]+ moonlight", line) for line in lines), lines
    assert (terminal == "both") == ("Q0" in drawn.decode())


# --- progress


def test_progress_off_a_terminal_ends_with_the_last_step_of_each_phase(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress() as sink:
        for texts in (4096, 8192, 9000):
            sink(Step("read documents", texts, unit="texts"))
        for _ in range(3):
            sink(Step("wait for another process", 0))
        for done in (1, 2, 3):
            sink(Step("index", done, 3, unit="docs"))
        sink(Step("search", 1, 9, unit="topics"))
        sink(Step("search", 4, 9, unit="topics"))
    assert capsys.readouterr().err.splitlines() == [
        "read documents: 4096 texts",
        "read documents: 9000 texts",
        "wait for another process",
        "index: 1/3 docs",
        "index: 3/3 docs",
        "search: 1/9 topics",
        "search: 4/9 topics",
    ]


# --- what cannot be written

PRINTING = [
    "--help",
    "--version",
    "fetch-bitext --tgt so --file small.tsv",
    "fetch-bitext --tgt so --list",
    "fetch-bitext --tgt so --source cldr --dry-run",
    "bitext list",
    "bitext show en-so.file-small-f7bfe33a",
    "bitext show en-so.file-small-f7bfe33a --json",
    "bitext sample en-so.file-small-f7bfe33a",
    "bitext export en-so.file-small-f7bfe33a",
    "models list",
    "models show minilm-en",
    "evaluate good.run --collection set",
    "search --index moonlight --topics topics.tsv",
]
"""Commands that print, tables above all: rich has an end of its own for closed pipes."""


@pytest.fixture
def run_into(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunInto:
    """Run a command of :data:`PRINTING` with its stdout in a file: its exit code and stderr."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("CLIROT_HOME", str(place / "home"))

    def command(line: str, stdout: TextIO | None) -> tuple[int | str | None, str]:
        monkeypatch.setattr(sys, "argv", ["clirot", *line.split()])
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stdout)
            with pytest.raises(SystemExit) as ended:
                main()
        return ended.value.code or 0, capsys.readouterr().err

    return command


@pytest.mark.parametrize("buffering", [-1, 1])
@pytest.mark.parametrize("line", PRINTING)
def test_a_closed_pipe_is_no_failure_of_any_command(
    run_into: RunInto, line: str, buffering: int
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with suppress(BrokenPipeError), os.fdopen(writer, "w", buffering) as stdout:
        code, err = run_into(line, stdout)
    assert code == 0
    assert "error" not in err


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full here")
@pytest.mark.parametrize("line", PRINTING)
def test_a_full_disk_under_stdout_is_an_error_in_words(run_into: RunInto, line: str) -> None:
    with suppress(OSError), Path("/dev/full").open("w") as stdout:  # written to, not replaced
        code, err = run_into(line, stdout)
    assert code == 1
    assert err.splitlines()[-2:] == [
        "error: cannot write stdout: No space left on device",
        "  hint: the disk is full: free some space",
    ]


@pytest.mark.parametrize("line", PRINTING)
def test_a_closed_stdout_is_an_error_in_words(run_into: RunInto, line: str) -> None:
    code, err = run_into(line, None)
    assert code == 1
    assert err.splitlines()[-1] == "error: cannot write stdout: it is closed"


def test_what_cannot_be_said_on_stderr_stops_nothing(tmp_path: Path) -> None:
    """Nor does what is left in buffers change the exit code when Python ends."""
    command = f"'{sys.executable}' -m clirot"
    script = f"""
{command} models show nothing 2>&-; echo $?
{command} models show nothing 2>/dev/full; echo $?
{command} models list 2>/dev/full >&-; echo $?
{command} models list >/dev/full; echo $?
{command} models list | true; echo ${{PIPESTATUS[0]}}
"""
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.split() == ["2", "2", "1", "1", "0"]
    assert done.stderr.count("\n") == 2, done.stderr  # of the fourth command
