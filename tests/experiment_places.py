"""A place for experiments: a tiny teacher, made-up bitext and a collection that it is not in."""

from __future__ import annotations

from pathlib import Path

from tiny_model import save_bitext, save_collection, save_tiny_model

FAST = "epochs = 2, batch-size = 16, vocabulary = 200, max-tokens = 48"
PLAN = f"""
question = "Does it learn?"
prefix = "tiny"
languages = ["so"]
seeds = [1, 2]

[each]
objective = ["contrastive", "mse"]

[bitext.made-up]
files = ["{{lang}}.tsv"]
every = 2

[system.bm25]
model = "bm25"

[system.words]
model = "psq-hmm"

[system.start]
distill = {{ teacher = "teacher", student = "transplant", objective = "none", {FAST} }}

[system."{{objective}}"]
distill = {{ teacher = "teacher", student = "transplant", objective = "{{objective}}", {FAST} }}

[system.fused]
fuse = "wsum:bm25=0.5,mse=0.5"

[system.English]
model = "teacher"
topics = {{ lang = "en" }}

[collection.set]
id = "set"
every = 2
perturb.drop = {{ kind = "drop", rate = 3.0 }}

[evaluate]
metrics = ["map", "precision@1"]
baseline = "start"
gaps = ["so..so.drop"]
contrasts = ["[{{objective}}] - [start]"]
"""


def save_experiment(folder: Path) -> Path:
    """Write the files that :data:`PLAN` names, and the plan; gives its path."""
    save_tiny_model(folder / "teacher", seed=4)
    pairs = save_bitext(folder / "so.tsv", count=130)
    lines = pairs.read_text(encoding="utf-8").splitlines(keepends=True)
    # The collection is of the last pairs, which are not trained on.
    unseen = folder / "unseen.tsv"
    unseen.write_text("".join(lines[100:]), encoding="utf-8")
    save_collection(folder / "set", unseen, docs="en", topics=("en", "so"), count=30)
    pairs.write_text("".join(lines[:100]), encoding="utf-8")
    plan = folder / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    return plan
