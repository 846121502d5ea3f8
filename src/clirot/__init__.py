"""clirot: cross-language information retrieval experiments, from bitext to a tested result table.

The public API is the five verbs and their configurations, loaded on first use so that importing
clirot is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_VERBS = {
    "fetch_bitext": "clirot.acquisition",
    "FetchConfig": "clirot.acquisition",
    "distill": "clirot.distillation",
    "DistillConfig": "clirot.distillation",
    "build_index": "clirot.indexing",
    "IndexConfig": "clirot.indexing",
    "search": "clirot.retrieval",
    "SearchConfig": "clirot.retrieval",
    "evaluate": "clirot.evaluation",
    "EvaluateConfig": "clirot.evaluation",
}

__all__ = ["__version__", *_VERBS]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(importlib.import_module(_VERBS[name]), name)
    raise AttributeError(f"module 'clirot' has no attribute {name!r}")
