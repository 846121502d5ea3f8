"""Write ``constraints.txt``: a version of every package that clirot needs to run and to be tested.

    python tools/lock.py            # writes constraints.txt, run by `make lock`

One file holds for Python 3.11 and later on every platform: where a package has no release that fits
them all, it stands there several times, each with the condition under which it counts. It is made
from ``pyproject.toml`` with all extras by `uv pip compile`, which reads metadata and installs
nothing; what is held back, and why, is said there under ``[tool.uv]``.

uv does not read pip's configuration, so the indexes that pip uses here are handed over to it. None
of them appears in the file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "constraints.txt"

_HEAD = """\
# Written by `make lock` from pyproject.toml with all extras, for Python 3.11 and later.
# Use: pip install --constraint constraints.txt torch, then clirot. A constraint installs nothing by
# itself: the packages for CUDA are installed only where the build of torch asks for them.
"""


def indexes(python: str) -> dict[str, str]:
    """Where pip looks for packages, as the environment variables that uv reads."""
    found = {}
    for option, variable in (
        ("index-url", "UV_DEFAULT_INDEX"),
        ("extra-index-url", "UV_INDEX"),
        ("find-links", "UV_FIND_LINKS"),
    ):
        asked = [python, "-m", "pip", "config", "get"]
        values = [os.environ.get("PIP_" + option.upper().replace("-", "_"), "")]
        for section in ("install", "global"):
            answer = subprocess.run(
                [*asked, f"{section}.{option}"], capture_output=True, text=True, check=False
            )
            values.append(answer.stdout.strip() if answer.returncode == 0 else "")
        value = next((one for one in values if one), "")
        if value:
            found[variable] = " ".join(value.split())
    return found


def main() -> int:
    """Resolve, and replace the file only where that succeeded."""
    command = [
        sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml",
        "--universal", "--all-extras", "--python-version", "3.11", "--upgrade",
        "--index-strategy", "unsafe-best-match",  # the newest release of any index, as pip does
        "--no-annotate", "--no-header", "--quiet",
    ]  # fmt: skip
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **indexes(sys.executable)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        return answer.returncode
    LOCK.write_text(_HEAD + answer.stdout, encoding="utf-8")
    sys.stderr.write(f"{LOCK.name}: {len(answer.stdout.splitlines())} versions\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
