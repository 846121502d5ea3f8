"""A place for plans that train on judgements: a tiny encoder, bitext, and a split of a collection
into articles to train on and to test on, by the script that splits the real ones.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tiny_model import save_bitext, save_collection, save_tiny_model

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "judged.toml"
_CHANGES = [
    ('languages = ["ar", "de", "el", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"]',
     'languages = ["so"]'),
    ('["en", "ar", "de", "el", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"]', '["en", "so"]'),
    ('sources = ["flores-200-dev"]\nevery = 3', 'files = ["{lang}.tsv"]'),
    ('"encoders/me5-12"', '"./encoder"'),
    ('lang = "hi"', 'lang = "so"'),
    ("max-tokens = 160\nepochs = 2", "max-tokens = 32\nepochs = 1\nbatch-size = 8"),
    ("[distill]\nepochs = 1",
     '[distill]\nepochs = 1\nmax-tokens = 32\nbatch-size = 16\nadd-subwords = "never"'),
]  # fmt: skip


def save_judged_place(folder: Path) -> Path:
    """Write all that the plan of the example needs, made small; gives the plan's path."""
    save_tiny_model(folder / "encoder", seed=4)
    pairs = save_bitext(folder / "so.tsv", count=180)
    rows = pairs.read_text(encoding="utf-8").splitlines(keepends=True)
    # Numbers do not tell sentences apart where texts are compared.
    rows = list({row.split("\t")[0].rpartition(" ")[0]: row for row in reversed(rows)}.values())
    unseen = folder / "unseen.tsv"
    unseen.write_text("".join(rows[100:]), encoding="utf-8")
    pairs.write_text("".join(rows[:100]), encoding="utf-8")
    save_collection(folder / "xquad", unseen, docs="en", topics=("en", "so"), count=60)
    script = ROOT / "benchmarks" / "judged_splits.py"
    words = [sys.executable, script, folder / "xquad", folder / "splits" / "xquad", "--join", "5"]
    subprocess.run(words, check=True, capture_output=True)
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in _CHANGES:
        assert old in text, old
        text = text.replace(old, new)
    plan = folder / "judged.toml"
    plan.write_text(text, encoding="utf-8")
    return plan
