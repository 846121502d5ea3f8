"""Print the modules that a sentence pair passes through on its way into a trained student.

    python tools/follow_a_pair.py

Trains a tiny student for one epoch on a tab-separated file, and prints, in the order of the first
call, each module of ``bitext``, ``encoding`` and ``distillation`` that has a function called. The
floors below them (store, settings, records, ...) are used by every room and are not counted.
docs/architecture.md has the list.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("bitext", "encoding", "distillation")
_FUNCTION = 0x2  # of a code object: it is a function's, not a module's or a class's


def _bitext(path: Path) -> Path:
    """Three hundred pairs of sentences; a translation is its sentence spelled backwards."""
    words = ["salt", "bread", "moon", "water", "house", "river", "stone", "fire", "night", "tree"]
    lines = []
    for number in range(300):
        sentence = " ".join(words[(number * step + step) % len(words)] for step in (1, 3, 5, 7))
        lines.append(f"{sentence} {number}\t{sentence[::-1]} {number}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def followed(folder: Path) -> list[str]:
    """The modules, in the order in which a pair comes to them."""
    sys.path.insert(0, str(ROOT / "tests"))
    import clirot
    from clirot.records import LanguagePair
    from clirot.settings import assembled

    save_tiny_model = importlib.import_module("tiny_model").save_tiny_model

    for module in pkgutil.walk_packages(clirot.__path__, "clirot."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # what runs on import is no step of a pair's way
    package = Path(clirot.__file__).parent
    met: dict[str, None] = {}

    def meet(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & _FUNCTION:
            path = Path(code.co_filename)
            if package in path.parents and path.relative_to(package).parts[0] in ROOMS:
                met.setdefault(path.relative_to(package).as_posix())

    settings = {
        "teacher": str(save_tiny_model(folder / "teacher")),
        "files": (_bitext(folder / "pairs.tsv"),),
        **{"epochs": 1, "development": 50, "vocabulary": 120, "batch_size": 16},
    }
    config = assembled(clirot.DistillConfig, settings, pair=LanguagePair("en", "so"))
    sys.setprofile(meet)
    try:
        clirot.distill(config)
    finally:
        sys.setprofile(None)
    return [name for name in met if not name.endswith("__init__.py")]


def main() -> None:
    """Follow a pair in a temporary place."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(CLIROT_HOME=f"{folder}/home", HF_HUB_OFFLINE="1")
        names = followed(Path(folder))
    sys.stdout.write("".join(f"{name}\n" for name in names) + f"{len(names)} modules\n")


if __name__ == "__main__":
    main()
