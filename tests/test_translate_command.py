"""Translation by another program: how it is started, and everything that can go wrong with it."""

from __future__ import annotations

import io
import resource
import shlex
import shutil
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clirot.cli import app
from clirot.errors import CommandError, InputError, UsageError
from clirot.retrieval.translation.command import CommandTranslator, words_of
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.retrieval.translation.translating import translate

TEXTS = ["salt", "a bird & a tree; $(echo no)", "moon"]


def program(tmp_path: Path, body: str) -> str:
    """A command that runs this Python over its input."""
    path = tmp_path / "program.py"
    path.write_text(f"import sys, time\n{body}\n", encoding="utf-8")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


def translated(command: str, texts: list[str] = TEXTS, **more: float) -> list[str]:
    (batch,) = CommandTranslator(command, **more).translate(texts)
    assert list(batch) == list(range(len(texts)))
    return [one.texts[0] for one in batch.values()]


# --- how it is started


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("apertium -u spa-eng", ["apertium", "-u", "spa-eng"]),
        ("translate 'a b' \"c d\"", ["translate", "a b", "c d"]),
        ("a | b", ["sh", "-c", "a | b"]),
        ("a < b", ["sh", "-c", "a < b"]),
        ("a $HOME", ["sh", "-c", "a $HOME"]),
        ("LC_ALL=C a", ["sh", "-c", "LC_ALL=C a"]),
        ("a --mode=x", ["a", "--mode=x"]),
    ],
)
def test_what_is_started(command: str, words: list[str]) -> None:
    assert words_of(command) == words


@pytest.mark.parametrize("command", ["", "  ", "a 'b"])
def test_no_command(command: str) -> None:
    with pytest.raises(UsageError, match="command"):
        CommandTranslator(command)


def test_lines_in_and_lines_out(tmp_path: Path) -> None:
    upper = program(tmp_path, "for line in sys.stdin: print(line.upper(), end='')")
    assert translated(upper) == ["SALT", "A BIRD & A TREE; $(ECHO NO)", "MOON"]
    assert translated("tr a-z A-Z") == ["SALT", "A BIRD & A TREE; $(ECHO NO)", "MOON"]
    assert translated("cat") == TEXTS  # no text is taken for a command
    assert translated("sed s/a/b/ | sed s/b/ç/") == [
        "sçlt", "ç bird & a tree; $(echo no)", "moon",
    ]  # fmt: skip


def test_more_than_a_pipe_holds() -> None:
    many = [f"{number} " + "wax " * 50 for number in range(20_000)]
    assert translated("cat", many) == [" ".join(text.split()) for text in many]


def test_white_space_and_other_line_ends(tmp_path: Path) -> None:
    wide = program(tmp_path, "for line in sys.stdin: print('  a\\tb ', end='\\r\\n')")
    assert translated(wide) == ["a b"] * 3
    unfinished = program(tmp_path, "sys.stdout.write('a\\nb\\nc')")
    assert translated(unfinished) == ["a", "b", "c"]


# --- what goes wrong


def failure(command: str, **more: float) -> CommandError:
    with pytest.raises(CommandError) as caught:
        translated(command, **more)
    assert caught.value.exit_code == 1
    assert caught.value.hint
    return caught.value


def test_no_such_program(tmp_path: Path) -> None:
    assert "cannot run 'no-such-program'" in failure("no-such-program -x").message
    file = tmp_path / "not-executable"
    file.write_text("")
    assert "Permission denied" in failure(str(file)).message
    assert "exit status 127" in failure("no-such-program | cat; exit 127").message


def test_it_fails(tmp_path: Path) -> None:
    body = "for n in range(9): print(f'trouble {n}', file=sys.stderr)\nsys.exit(3)"
    message = failure(program(tmp_path, body)).message
    assert "failed with exit status 3:\n  trouble 0\n" in message
    assert message.endswith("trouble 4\n  ...")


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("for line in list(sys.stdin)[1:]: print(line, end='')", "2 lines for 3"),
        ("for line in sys.stdin: print(line)", "6 lines for 3"),
        ("", "0 lines for 3"),
        ("print('only one')", "1 lines for 3"),
    ],
)
def test_it_drops_or_adds_lines(tmp_path: Path, body: str, count: str) -> None:
    error = failure(program(tmp_path, f"{body}\nprint('odd', file=sys.stderr)"))
    assert f"wrote {count} texts:\n  odd" in error.message
    assert "one line for every line" in str(error.hint)


def test_it_hangs(tmp_path: Path) -> None:
    started = time.monotonic()
    error = failure(program(tmp_path, "sys.stdin.read()\ntime.sleep(60)"), timeout=1)
    assert "had not ended after 1 seconds" in error.message
    assert "`timeout`" in str(error.hint)
    assert time.monotonic() - started < 20


def test_what_a_shell_started_is_ended_with_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    failure(f"(sleep 3; touch {shlex.quote(str(mark))}) | cat", timeout=0.5)
    time.sleep(3.5)
    assert not mark.exists()


def test_what_it_started_is_ended_where_it_has_ended_itself(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    failure(f"cat; (sleep 3; touch {shlex.quote(str(mark))}) &", timeout=0.5)
    time.sleep(3.5)
    assert not mark.exists()


def test_it_writes_without_end(tmp_path: Path) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for endless in ("while True: print('y' * 1000)", "while True: sys.stdout.write('y' * 1000)"):
        error = failure(program(tmp_path, endless), timeout=60)
        assert "wrote far more than" in error.message and "was stopped" in error.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 500_000  # kilobytes


def test_it_writes_no_utf_8(tmp_path: Path) -> None:
    body = "sys.stdout.buffer.write(b'a\\ncaf\\xe9\\nb\\n')"
    assert "line 2 of what" in failure(program(tmp_path, body)).message


# --- the command line


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    path.mkdir()
    (path / "docs.en.jsonl").write_text(
        '{"id": "d1", "text": "salt\\tand bread", "title": "Food"}\n'
        '{"id": "d2", "text": ""}\n{"id": "d3", "text": "the moon"}\n'
    )
    (path / "queries.so.tsv").write_text("q2\tdayax\nq1\troob\nq3\tdayax\n")
    return path


def invoke(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["translate", *words])
    error = done.exception
    said = f"error: {error}" if error is not None and done.exit_code == 1 else ""
    return getattr(error, "exit_code", done.exit_code), done.stdout, done.stderr + said


def test_topics_of_a_collection(collection: Path) -> None:
    code, out, err = invoke("--command", "tr a-z A-Z", "--collection", str(collection))
    assert (code, out) == (0, "q2\tDAYAX\nq1\tROOB\nq3\tDAYAX\n")
    assert "translated: 3 texts from so into en by tr a-z A-Z\n" in err
    assert "warning" not in err


def test_documents(collection: Path, tmp_path: Path) -> None:
    out = tmp_path / "docs.so.tsv"
    code, shown, err = invoke(
        "--command", "tr a-z A-Z", "--collection", str(collection), "--docs", "--tgt", "so",
        "--out", str(out),
    )  # fmt: skip
    assert (code, shown) == (0, "")
    assert out.read_text() == "d1\tFOOD SALT AND BREAD\nd2\t\nd3\tTHE MOON\n"
    assert "warning: 1 of 3 documents have no text\n" in err


def test_topics_from_a_file_or_a_pipe(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = collection / "queries.so.tsv"
    code, out, _ = invoke("--command", "cat", "--topics", str(file))
    assert (code, out) == (0, "q2\tdayax\nq1\troob\nq3\tdayax\n")
    pipe = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"q9\tgeel\n")))  # type: ignore[type-var]
    monkeypatch.setattr("sys.stdin", pipe)
    ready = translate(TranslateConfig(command="cat", topics="-"))
    assert [(row.id, row.text) for row in ready.rows()] == [("q9", "geel")]


def test_empty_translations_are_counted_and_named(collection: Path, tmp_path: Path) -> None:
    blank = program(tmp_path, "for line in sys.stdin: print('' if 'dayax' in line else line[:-1])")
    words = ("--command", blank, "--collection", str(collection))
    code, out, err = invoke(*words)
    assert (code, out) == (0, "q2\t\nq1\troob\nq3\t\n")
    assert "warning: 2 of 3 translations are empty: q2, q3\n" in err
    code, out, err = invoke(*words, "--on-empty", "source")
    assert (code, out) == (0, "q2\tdayax\nq1\troob\nq3\tdayax\n")
    assert (
        "warning: 2 of 3 translations are empty, and the text itself was put there: q2, q3\n" in err
    )
    code, out, err = invoke(*words, "--on-empty", "error", "--out", str(tmp_path / "out.tsv"))
    assert code == 1
    assert "the translation of 'q2' is empty: 'dayax'" in err
    assert not (tmp_path / "out.tsv").exists()


def test_line_breaks_are_replaced_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "set"
    path.mkdir()
    (path / "docs.en.tsv").write_text("d1\ta\x0bb\u2028c\nd2\td\n", encoding="utf-8")
    ready = translate(
        TranslateConfig(command="cat", collection=str(path), docs=True, tgt="so"),
    )
    assert [row.text for row in ready.rows()] == ["a b c", "d"]
    assert list(ready.remarks()) == ["1 of 2 texts had line breaks; a space stands in their place"]


def test_a_failure_ends_the_command(collection: Path, tmp_path: Path) -> None:
    failing = program(tmp_path, "print('no such mode', file=sys.stderr); sys.exit(1)")
    code, out, err = invoke("--command", failing, "--collection", str(collection))
    assert (code, out) == (1, "")
    assert "failed with exit status 1:\n  no such mode" in err
    assert "run it by hand" in err


def test_a_topic_without_text(tmp_path: Path) -> None:
    (tmp_path / "topics.tsv").write_text("q1\tgeel\nq2\t \n")
    with pytest.raises(InputError, match="'q2' has no text"):
        translate(TranslateConfig(command="cat", topics=str(tmp_path / "topics.tsv")))


def test_apertium() -> None:
    """A real program, where the machine has it."""
    if shutil.which("apertium") is None:
        pytest.skip("Apertium is not installed (Debian: apertium-eng-spa)")
    assert "casa" in translated("apertium -u eng-spa", ["the house"])[0]
