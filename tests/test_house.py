"""What holds for the whole of ``src/clirot``, read off its files and its signatures.

Size of modules and of signatures, what the library may not speak of, how light a package is, and
which room may import which.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "clirot"
MODULES = sorted(PACKAGE.rglob("*.py"))
LIBRARY = [path for path in MODULES if PACKAGE / "cli" not in path.parents]
MOST_LINES = 350
MOST_PARAMETERS = 6
MOST_FLOORS = 7
HEAVY = {
    *("torch", "transformers", "sentence_transformers", "numpy", "scipy", "pyarrow", "datasets"),
    *("matplotlib", "ranx", "ir_measures", "ir_datasets", "babel", "requests", "rich", "ray"),
}


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _public_functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions of a module and the methods of its classes that others may call."""

    def of(
        body: list[ast.stmt], prefix: str
    ) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from of(node.body, f"{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                not node.name.startswith("_") or node.name in ("__init__", "__call__")
            ):
                yield prefix + node.name, node

    yield from of(ast.parse(path.read_text(encoding="utf-8")).body, "")


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """Those that a caller gives: without ``self`` and ``cls``."""
    named = [*function.args.posonlyargs, *function.args.args]
    if named and named[0].arg in ("self", "cls"):
        named = named[1:]
    more = [one for one in (function.args.vararg, function.args.kwarg) if one is not None]
    return [*named, *function.args.kwonlyargs, *more]


def _is_option(parameter: ast.arg) -> bool:
    """Whether a parameter is declared as an option or an argument of the command line."""
    if parameter.annotation is None:
        return False
    written = ast.unparse(parameter.annotation)
    return "typer." in written or "Annotated" in written or written in _shared_options()


@cache
def _shared_options() -> frozenset[str]:
    """Names that modules of the command line give to options that several commands have."""
    return frozenset(
        ast.unparse(statement.targets[0])
        for path in MODULES
        if path not in LIBRARY
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign) and "typer.Option" in ast.unparse(statement.value)
    )


def test_modules_are_short() -> None:
    lines = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_public_functions_take_few_parameters() -> None:
    """A command of the command line is exempt for the parameters that are its options."""
    found = {}
    for path in MODULES:
        in_cli = path not in LIBRARY
        for name, function in _public_functions(path):
            parameters = [one for one in _parameters(function) if not (in_cli and _is_option(one))]
            if len(parameters) > MOST_PARAMETERS:
                found[f"{_name(path)}: {name}"] = len(parameters)
    assert found == {}


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(?<![\w-])--[a-z][a-z-]*\w", "an option of the command line"),
        (r"^\s*(import|from) (typer|rich)\b", "an import of what draws the command line"),
        (r"(?<![\w.])(print|sys\.exit|exit)\(", "output, or an end of the program"),
    ],
)  # fmt: skip
def test_the_library_knows_no_command_line(pattern: str, why: str) -> None:
    found = [
        f"{_name(path)}:{number}: {why}: {line.strip()}"
        for path in LIBRARY
        if path.name != "__main__.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert found == []


def test_nothing_writes_to_the_environment_but_what_a_library_needs() -> None:
    """The command line hands settings over as values. OpenBLAS has no other way to be told how many
    threads to start while numpy is imported; ``evaluate`` takes its entry out again. The processes
    of a Ray cluster read theirs only there, which are put back in the end; and a node is given the
    first process' own.
    """
    found = [
        f"{_name(path)}: {ast.unparse(node)}"
        for path in MODULES
        if _name(path) not in ("cli/evaluate.py", "cluster/connection.py", "cluster/tasks.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _writes_environment(node)
    ]
    assert found == []


def _writes_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
        targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
        return any(
            isinstance(one, ast.Subscript) and ast.unparse(one.value) in ("os.environ", "environ")
            for one in targets
        )
    return isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "os.environ.setdefault", "os.environ.update", "os.environ.pop", "os.putenv", "os.unsetenv",
    )  # fmt: skip


def test_rooms_and_settings_are_light() -> None:
    """Importing a room, or a module that declares settings, imports no heavy library: the help of
    every command does both.
    """
    names = [
        ".".join(("clirot", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        )
        for path in MODULES
        if (path.parent.parent == PACKAGE and path.name == "__init__.py")
        or "= setting(" in path.read_text(encoding="utf-8")
    ]
    assert len(names) > 10
    code = f"""
import importlib, sys
for name in {names!r}:
    before = set(sys.modules)
    importlib.import_module(name)
    heavy = sorted({HEAVY!r} & (set(sys.modules) - before))
    if heavy:
        print(name, *heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_names_say_what_a_module_is() -> None:
    grab_bags = {"utils", "util", "helpers", "helper", "common", "misc", "types", "collections"}
    assert [_name(path) for path in MODULES if path.stem in grab_bags] == []


def test_imports_go_down() -> None:
    """import-linter's contracts in pyproject.toml: floors, and no circles."""
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_there_are_few_floors() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in contracts["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            assert len(contract["layers"]) <= MOST_FLOORS
