"""What is published: the wheel, the sdist, their metadata, and the locked versions beside them."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
VERSION = re.findall(r'"([^"]+)"$', (ROOT / "src/clirot/version.py").read_text(), re.MULTILINE)[0]
PYTHONS = ("3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Wheel and sdist, made by the build backend itself: without a network."""
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return {path.suffix: path for path in out.iterdir()}


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_wheel_is_the_package(built: dict[str, Path]) -> None:
    """Every module and data file of ``src``, the licence, and nothing beside them."""
    source = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "clirot").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(built[".whl"]) as wheel:
        names = set(wheel.namelist())
    info = f"clirot-{VERSION}.dist-info/"
    assert {name for name in names if not name.startswith(info)} == source
    assert {"clirot/py.typed", "clirot/collection/released.json"} <= source
    page = {f"clirot/evaluation/report/page.{kind}" for kind in ("html", "css", "js")}
    assert page <= source
    kinds = {path.rpartition(".")[2] for path in source - page}
    assert kinds <= {"py", "typed", "json", "toml", "md"}
    cards = {f"clirot/{room}/model_card.md" for room in ("distillation", "supervision")}
    assert {path for path in source if path.endswith(".md")} == cards
    assert {f"{info}licenses/LICENSE", f"{info}METADATA", f"{info}entry_points.txt"} <= names


def test_the_sdist_builds_it_again(built: dict[str, Path]) -> None:
    """Sources, tests, pages and the lock; nothing of the host, and nothing that lay about."""
    with tarfile.open(built[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {name.partition("/")[0] for name in names} == {
        *("src", "tests", "docs", "examples", "benchmarks", "tools"),
        *("pyproject.toml", "constraints.txt", "Makefile", "PKG-INFO", ".gitignore"),
        *("LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff"),
    }
    kinds = {path.rpartition(".")[2] for path in names if "/" in path}
    assert kinds <= {"py", "typed", "json", "toml", "md", "sh", "png", "html", "css", "js"}
    for page in ("docs/index.md", "docs/cli.md", "src/clirot/py.typed", "tests/conftest.py",
                 "src/clirot/evaluation/report/page.html"):  # fmt: skip
        assert page in names


def test_the_metadata(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built[".whl"]) as wheel:
        text = wheel.read(f"clirot-{VERSION}.dist-info/METADATA").decode()
    metadata = Parser().parsestr(text)
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    urls = dict(one.split(", ") for one in metadata.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= set(urls)


def test_the_version_is_said_alike() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {VERSION}" in citation.splitlines()
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _locked() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def _counts(marker: Marker | None, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.9"}
    return marker is None or marker.evaluate({**environment, "extra": ""})


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_has_one_version_of_each_dependency(python: str) -> None:
    """Of what clirot runs with, of every extra, and within the bounds that are asked for."""
    locked: dict[str, Requirement] = {}
    for one in _locked():
        if _counts(one.marker, python):
            assert one.name not in locked, f"{one.name} is locked twice for Python {python}"
            locked[one.name] = one
    project = _project()["project"]
    extras = project["optional-dependencies"].values()
    for text in chain(project["dependencies"], *extras):
        wanted = Requirement(text)
        if not _counts(wanted.marker, python):
            continue
        name = wanted.name.lower().replace("_", "-")
        assert name in locked, f"{name} is not in constraints.txt: run make lock"
        (pin,) = locked[name].specifier
        assert pin.operator == "=="
        assert wanted.specifier.contains(pin.version), f"{name}: {pin.version} is not {wanted}"


def test_the_lock_names_no_place() -> None:
    """No index, path or build of the machine that it was made on."""
    text = "\n".join(str(one) for one in _locked())
    for trace in ("://", "--", "@", "+cpu", "/"):
        assert trace not in text, trace


def test_what_is_held_back_is_in_the_lock() -> None:
    locked = {one.name: str(next(iter(one.specifier)).version) for one in _locked()}
    for text in _project()["tool"]["uv"]["constraint-dependencies"]:
        held = Requirement(text)
        assert locked[held.name] == next(iter(held.specifier)).version


def test_the_makefile_installs_under_the_lock() -> None:
    """Nothing but the newest versions and the lock's own tool is installed without it."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    free = [line for line in lines if "PIP_INSTALL)" in line and "--constraint" not in line]
    assert all("NEWEST" in line or "--upgrade uv" in line for line in free)
