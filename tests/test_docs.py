"""The pages of the project: what they link to and name is there."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from clirot.cli import app
from clirot.settings import leaves, part, setting

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"`make ([a-z-]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """To files of this project; the site's builder checks the headings they name."""
    missing = [
        target
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target
        and not target.startswith("#")
        and not (page.parent / target.partition("#")[0]).exists()
    ]
    assert missing == []


def _commands(page: Path) -> Iterator[list[str]]:
    """The words of every ``clirot`` command in the blocks of code of a page, after ``clirot``."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for piece in re.split(r" \| |&&|\$\(|\)$", line.partition(" #")[0]):
                found = re.match(r"(?:\$ )?(?:.*-m )?clirot (.+)", piece.strip())
                if found:
                    yield shlex.split(found[1])


def _options(words: list[str]) -> tuple[list[str], set[str]]:
    """The options that a command line gives, and those that its command knows."""
    command: Any = typer.main.get_command(app)
    known = {"--help", *(name for one in command.params for name in one.opts)}
    while hasattr(command, "list_commands"):
        name = next(word for word in words if not word.startswith("-"))
        words = words[words.index(name) + 1 :]
        command = command.get_command(typer.Context(command), name)
        assert command is not None, f"there is no command {name}"
        for one in command.params:
            known.update(one.opts, one.secondary_opts)
    return [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)], known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_on_pages_have_the_options_they_are_given(page: Path) -> None:
    wrong = []
    for words in _commands(page):
        given, known = _options(words)
        wrong += [f"{word} in: {' '.join(words)}" for word in given if word not in known]
    assert wrong == []


def test_commands_are_found_on_pages() -> None:
    """The test above looks at something: each command of clirot is shown somewhere."""
    shown = {words[0] for page in PAGES for words in _commands(page) if words}
    root: Any = typer.main.get_command(app)
    assert set(root.list_commands(typer.Context(root))) <= shown


def test_targets_that_pages_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {name for page in PAGES for name in _TARGET.findall(page.read_text(encoding="utf-8"))}
    assert named - targets == set()
    assert {"demo", "test", "test-newest", "lint", "docs", "lock"} <= named


def test_the_map_of_the_code_is_right() -> None:
    """Each file that the table in docs/architecture.md names is there, and so is each room."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Where things are")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) >= 20
    files = re.findall(r"`([a-z_0-9/]+(?:\.py|/))`", "\n".join(rows))
    package = ROOT / "src" / "clirot"
    assert [name for name in files if not (package / name).exists()] == []
    for room in package.iterdir():
        if room.stem not in ("__init__", "__main__", "__pycache__", "py"):
            assert re.search(rf"\b{room.stem}\b", page), f"{room.name} is not in the drawing"


def test_every_decision_has_its_own_number() -> None:
    names = [path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    numbers = [name[:3] for name in names]
    assert len(set(numbers)) == len(numbers)
    for name in names:
        first = (ROOT / "docs" / "decisions" / name).read_text(encoding="utf-8").splitlines()[0]
        assert re.match(rf"# {name[:3]}[.:]? \w", first.replace("`", ""))


def test_nothing_of_a_machine_or_a_conversation_is_in_the_tree() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a checkout")
    names = listed.stdout.splitlines()
    assert [name for name in names if "NOTES" in name.upper()] == []


@dataclass(frozen=True, kw_only=True)
class _Inner:
    reg: float = setting(0.02, "How smooth the plan is.", unit="cost", above=0)


@dataclass(frozen=True, kw_only=True)
class _Outer:
    solver: str = setting("auto", "Who finds it.", choices=("auto", "exact"))
    name: str | None = setting(None, "Of the student.", decides=False)
    files: tuple[Path, ...] = setting((), "Local bitext.")
    plan: _Inner = part(_Inner)


def test_the_tables_of_settings_show_what_is_said_of_them() -> None:
    """Name, type, default, meaning, choices, unit and range, as cells of a table in Markdown."""
    pytest.importorskip("sphinx")
    extension = runpy.run_path(str(ROOT / "docs" / "extensions" / "settings_table.py"))
    rows = [extension["_row"](leaf) for leaf in leaves(_Outer)]
    assert rows == [
        "| `solver` | `str` | `'auto'` | Who finds it. (auto \\| exact) |",
        "| `name` | `str \\| None` | none | Of the student. |",
        "| `files` | `tuple[Path, ...]` | `()` | Local bitext. |",
        "| `reg` | `float` | `0.02` | How smooth the plan is. (cost; above 0) |",
    ]
