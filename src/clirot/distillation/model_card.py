"""The README.md of a student: what it is, how to use it, where it came from, what it scored.

Nothing in it depends on when or where it was written: the same training gives the same files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from clirot.languages import language_name
from clirot.records import LanguagePair
from clirot.store import Input

_OWN, _TEACHER = "this model", "the teacher"
_ROLES = {
    "query": (_OWN, _TEACHER),
    "document": (_TEACHER, _OWN),
    "both": (_OWN, f"this model or {_TEACHER}"),
}
"""Side that a student was distilled for -> who encodes queries, and who encodes documents."""


def model_card(
    name: str,
    pairs: Sequence[LanguagePair],
    config: Mapping[str, Any],
    inputs: tuple[Input, ...],
    results: Mapping[str, Any],
) -> str:
    """The card, Markdown with the Hub's front matter."""
    teacher = next(one.name for one in inputs if one.kind == "teacher")
    codes = [pair.tgt for pair in pairs]
    named = [language_name(code) for code in codes]
    language = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    scores = results["development_map"]
    query, document = _ROLES[config["side"]]
    best = results["best_epoch"]
    # Of several languages a column each, after the mean that chose the epoch.
    by_language = results.get("development_map_by_language", {})
    head = ["", "mean" if by_language else "MAP", *by_language, ""]
    rows = [
        [
            "before training" if epoch == 0 else f"epoch {epoch}",
            *(f"{one:.4f}" for one in (score, *(found[epoch] for found in by_language.values()))),
            "kept" if epoch == best else "",
        ]
        for epoch, score in enumerate(scores)
    ]
    table = [head, ["---"] * len(head), *rows]
    made_from = [f"| {one.kind} | {one.name} | `{one.digest}` |" for one in inputs]
    return f"""---
language: {json.dumps(codes[0] if len(codes) == 1 else codes)}
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags: [sentence-transformers, multi-vector, colbert, cross-language-retrieval, clirot]
---

# {name}: {language}, distilled from {teacher}

A late-interaction encoder for {language}. It was distilled by clirot from the teacher `{teacher}`:
its token vectors lie near the teacher's vectors of the translation. Encode queries with {query},
documents with {document}, and score by MaxSim.

```python
from sentence_transformers import MultiVectorEncoder

student = MultiVectorEncoder("path/to/{name}")
vectors = student.encode_{"document" if config["side"] == "document" else "query"}(["..."])
```

## Retrieval on the development split

MAP of finding the translation of each of {results["development_pairs"]} held-out sentences among
the translations of all of them and of training sentences. The best epoch was chosen by it, so it is
higher than what to expect elsewhere.

{chr(10).join(map(_row, table))}

## Made from

| kind | name | SHA-256 |
|---|---|---|
{chr(10).join(made_from)}

It was trained on {results["training_pairs"]} sentence pairs. The licences of the bitext apply to
what may be done with the model; they are in the manifests of the bitext. Settings:

```json
{json.dumps(dict(config), indent=2, sort_keys=True)}
```
"""


def _row(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    if all(cell == "---" for cell in cells):
        return f"|{'|'.join(cells)}|"
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
