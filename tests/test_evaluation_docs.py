"""docs/evaluation.md is executed: its commands print what it shows, its mistakes get its messages.

The table of mistakes is written from the cases below::

    python tests/test_evaluation_docs.py    # writes the table and the outputs into the page
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evaluation.md"
_BLOCK = re.compile(r"```console\n\$ (?P<command>(?:[^\n]*\\\n)*[^\n]*)\n(?P<output>[\s\S]*?)```")
_SCREENSHOTS = ("pictures/page-light.png", "pictures/page-dark.png")
"""Made with a browser, by hand; the page says from which commands."""
_START, _END = "<!-- mistakes: start -->", "<!-- mistakes: end -->"

GOOD = "1 Q0 d1 1 2.5 bm25\n1 Q0 d2 2 1.5 bm25\n2 Q0 d3 1 0.5 bm25\n"
FILES: dict[str, str | bytes] = {
    "qrels": "1 0 d1 1\n1 0 d2 0\n2 0 d3 1\n",
    "run": GOOD,
    "other": GOOD.replace("2.5", "1.0"),
    "five.run": GOOD + "2 Q0 d4 2 0.25\n",
    "spaces.run": GOOD + "2 Q0 d4 2 0.25 my run\n",
    "twice.run": GOOD + "1 Q0 d2 3 0.25 bm25\n",
    "word.run": GOOD + "2 Q0 d4 2 high bm25\n",
    "nan.run": GOOD + "2 Q0 d4 2 nan bm25\n",
    "latin1.run": GOOD.encode() + "2 Q0 café 2 0.25 bm25\n".encode("latin1"),
    "cut.run.gz": gzip.compress(GOOD.encode(), mtime=0)[:-9],
    "empty.run": "",
    "bad.json": '{"1": {"d1": 2.5,}}',
    "twice.json": '{"1": {"d1": 2.5, "d1": 1.0}}',
    "text.json": '{"1": {"d1": "high"}}',
    "strange.run": "q1 Q0 d1 1 2.5 bm25\n",
    "elsewhere.run": "1 Q0 doc-1 1 2.5 bm25\n2 Q0 doc-2 1 2.5 bm25\n",
    "three.qrels": "1 d1 1\n",
    "msmarco.run": "1\td1\t1\n1\td2\t2\n",
    "run.lz4": b"\x04\x22\x4d\x18",
    "grade.qrels": "1 0 d1 1\n1 0 d2 high\n",
    "twice.qrels": "1 0 d1 1\n1 0 d1 2\n",
    "labels": "1\tmusic\nd1\tmusic\nd2\tweather\nd3\tweather\n",
    "said": "1\t1999\n2\tBroncos\n",
    "dev.topics": "7\n8\n",
    "all.topics": "1\n2\n",
}
MISTAKES: list[tuple[str, str]] = [
    ("no judgements", "run"),
    ("judgements twice", "run --qrels qrels --collection cldr/so"),
    ("no such run", "rum --qrels qrels"),
    ("no such qrels", "run --qrels qrel"),
    ("no such collection", "run --collection cldr/sox"),
    ("an empty run", "empty.run --qrels qrels"),
    ("nothing came through the pipe", "- --qrels qrels"),
    ("qrels given as a run", "qrels --qrels qrels"),
    ("a run given as qrels", "run --qrels run"),
    ("a column missing", "five.run --qrels qrels"),
    ("a space in a docno or tag", "spaces.run --qrels qrels"),
    ("a document listed twice", "twice.run --qrels qrels"),
    ("a score that is no number", "word.run --qrels qrels"),
    ("a score that is NaN", "nan.run --qrels qrels"),
    ("not UTF-8", "latin1.run --qrels qrels"),
    ("a gzip file cut off", "cut.run.gz --qrels qrels"),
    ("malformed JSON", "bad.json --qrels qrels"),
    ("a document twice in JSON", "twice.json --qrels qrels"),
    ("a JSON score that is no number", "text.json --qrels qrels"),
    ("qrels with three columns", "run --qrels three.qrels"),
    ("a relevance that is no number", "run --qrels grade.qrels"),
    ("two judgements that disagree", "run --qrels twice.qrels"),
    ("topics of another collection", "strange.run --qrels qrels"),
    ("documents of another collection", "elsewhere.run --qrels qrels"),
    ("two runs of one name", "run run --qrels qrels"),
    ("a measure misspelled", "run --qrels qrels -m ndgc@10"),
    ("a name of two meanings", "run --qrels qrels -m recall"),
    ("a set with a cut-off", "run --qrels qrels -m set_F@2"),
    ("a run of MS MARCO", "msmarco.run --qrels qrels"),
    ("a run that ranx compressed", "run.lz4 --qrels qrels"),
    ("a measure clirot does not compute", "run --qrels qrels -m alpha_nDCG@10"),
    ("a cut-off that is none", "run --qrels qrels -m P@0"),
    ("a measure without cut-offs", "run --qrels qrels -m bpref@10"),
    ("an ambiguous measure", "run --qrels qrels -m rbp@80"),
    ("a baseline that is no run", "run other --qrels qrels --baseline othr"),
    ("nothing to compare", "run --qrels qrels --baseline run"),
    ("an unknown test", "run other --qrels qrels --baseline run --test wilcoxon"),
    ("a gap between unknown sets", "run --qrels qrels --gap clean..typo"),
    ("a contrast without brackets", "run other --qrels qrels --contrast 'run - other'"),
    ("a contrast with an unknown run", "run other --qrels qrels --contrast '[run] - [othr]'"),
    ("neighbours without labels", "run --qrels qrels -m knn-accuracy@5"),
    ("neighbours without a number", "run --qrels qrels -m knn-accuracy"),
    ("a topic without a label", "run --qrels qrels -m knn-accuracy@5 --labels labels"),
    ("labels that nothing needs", "run --qrels qrels --labels labels"),
    ("answers without documents", "run --qrels qrels -m answer@5 --answers said --answers-lang en"),
    ("predictions without gold answers", "--predictions said"),
    ("predictions and a run", "run --predictions said --answers said"),
    ("answers in no language", "--predictions said --answers said"),
    ("a run given as predictions", "--predictions run --answers said --answers-lang en"),
    (
        "a measure of runs for predictions",
        "--predictions said --answers said --answers-lang en -m map",
    ),
    ("a topic set without judged topics", "run --qrels qrels --topic-set dev=dev.topics"),
    ("topic sets for some runs only", "a@so=run b=other --qrels qrels"),
    ("fusing one run", "run --qrels qrels --fuse rrf"),
    ("an unknown fusion", "run other --qrels qrels --fuse rff"),
    ("a weight for no run", "run other --qrels qrels --fuse wsum:rnu=1"),
    ("weights for a method without", "run other --qrels qrels --fuse sum:run=1,other=2"),
    ("a method that needs training topics", "run other --qrels qrels --fuse posfuse"),
    ("tuning on every topic", "run other --qrels qrels --fuse wsum --tune-fusion all.topics"),
    ("an expectation that cannot be read", "run --qrels qrels --expect map"),
    ("an expectation not met", "run --qrels qrels -m map --expect map>=1.5"),
    ("a format that is none", "run --qrels qrels --format tex"),
    ("per-topic LaTeX", "run --qrels qrels --per-topic --format latex"),
]


class Printed(NamedTuple):
    """What a command wrote, and its exit code."""

    out: str
    err: str
    code: int


def clirot(arguments: list[str]) -> Printed:
    """Run the command line in this process."""
    from clirot.cli import main

    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["clirot", *arguments]
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(b""))
    code: object = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv, sys.stdin = before, stdin
    return Printed(out.getvalue(), err.getvalue(), int(str(code or 0)))


def example(arguments: list[str]) -> Printed:
    """Run a script of the examples folder."""
    done = subprocess.run(
        [sys.executable, str(ROOT / arguments[0]), *arguments[1:]],
        capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip
    return Printed(done.stdout, done.stderr, done.returncode)


def executed(command: str) -> str:
    """What a reader sees of a command: stdout, then warnings and errors."""
    program, *arguments = shlex.split(command.replace("\\\n", " "))
    printed = example(arguments) if program == "python" else clirot(arguments)
    said = [
        line
        for line in printed.err.splitlines()
        if line.startswith(("warning:", "error:", "  hint:", "drew", "wrote", "Traceback"))
    ]
    return printed.out + "".join(f"{line}\n" for line in said)


def blocks() -> Iterator[re.Match[str]]:
    """The commands of the page, in order."""
    yield from _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))


def mistake_table() -> list[str]:
    """The rows of the table of mistakes, from running each of them here."""
    for name, content in FILES.items():
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    rows = ["| mistake | `clirot evaluate` ... | what it says | exit |", "|---|---|---|---:|"]
    for what, command in MISTAKES:
        printed = clirot(["evaluate", *shlex.split(command)])
        lines = [
            line.strip()
            for line in printed.err.splitlines()
            if line.startswith(("error:", "  hint:", "warning:"))
        ]
        said = "<br>".join(f"`{line}`" for line in lines).replace("|", "\\|")
        rows.append(f"| {what} | `{command}` | {said} | {printed.code} |")
    return rows


def same_figures() -> bool:
    """Whether the installed CLDR is the one the page's figures were made with."""
    stated = re.search(r"Babel (\d+\.\d+)", PAGE.read_text(encoding="utf-8"))
    assert stated is not None
    return version("babel").startswith(stated[1])


def test_the_page_shows_what_the_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = 0
    for block in blocks():
        printed, expected = executed(block["command"]), block["output"]
        assert "Traceback" not in printed
        if same_figures():
            assert printed == expected
        else:  # other names, other figures; the layout stays
            assert (
                re.sub(r"[\d.+-]+", "0", printed).split()[:9]
                == (re.sub(r"[\d.+-]+", "0", expected).split()[:9])
            )
        shown += 1
    assert shown >= 5
    for picture in re.findall(r"!\[.*?\]\((pictures/.*?)\)", PAGE.read_text(encoding="utf-8")):
        if picture in _SCREENSHOTS:
            continue
        drawn = next(tmp_path.rglob(Path(picture).name)).read_bytes()
        kept = (PAGE.parent / picture).read_bytes()
        assert drawn[:24] == kept[:24]  # a PNG of the same width and height


def test_every_mistake_gets_its_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = mistake_table()
    page = PAGE.read_text(encoding="utf-8")
    written = page[page.index(_START) + len(_START) : page.index(_END)].strip().splitlines()
    assert rows == written
    for row in rows[2:]:
        assert "error:" in row or "warning:" in row
        assert not row.endswith("| 0 |") or "warning:" in row


def rewrite() -> None:
    """Write the table and the outputs into the page."""
    os.environ["CLIROT_HOME"] = tempfile.mkdtemp()
    with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        page = PAGE.read_text(encoding="utf-8")
        table = "\n".join(mistake_table())
        page = f"{page[: page.index(_START)]}{_START}\n{table}\n{page[page.index(_END) :]}"
        page = _BLOCK.sub(
            lambda block: f"```console\n$ {block['command']}\n{executed(block['command'])}```", page
        )
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
