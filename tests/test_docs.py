"""The pages of the project: what they link to and name is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
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
    for part in package.iterdir():
        if part.stem not in ("__init__", "__main__", "__pycache__", "py"):
            assert re.search(rf"\b{part.stem}\b", page), f"{part.name} is not in the drawing"


def test_every_decision_has_its_own_number() -> None:
    names = [path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    numbers = [name[:3] for name in names]
    assert len(set(numbers)) == len(numbers)
    for name in names:
        first = (ROOT / "docs" / "decisions" / name).read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(f"# {name[:3]}. ")


def test_nothing_of_a_machine_or_a_conversation_is_in_the_tree() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a checkout")
    names = listed.stdout.splitlines()
    assert [name for name in names if "NOTES" in name.upper()] == []
