"""clirot: cross-language information retrieval experiments, from bitext to a tested result table.

The public API is the five verbs and their configurations. They are imported on first use, so that
importing clirot is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clirot.version import __version__

if TYPE_CHECKING:
    from clirot.bitext.acquisition import FetchConfig, fetch_bitext
    from clirot.distillation import DistillConfig, distill
    from clirot.evaluation import EvaluateConfig, evaluate
    from clirot.retrieval.indexing import IndexConfig, build_index
    from clirot.retrieval.searching import SearchConfig, search

_VERBS = {
    "fetch_bitext": "clirot.bitext.acquisition",
    "FetchConfig": "clirot.bitext.acquisition",
    "distill": "clirot.distillation",
    "DistillConfig": "clirot.distillation",
    "build_index": "clirot.retrieval.indexing",
    "IndexConfig": "clirot.retrieval.indexing",
    "search": "clirot.retrieval.searching",
    "SearchConfig": "clirot.retrieval.searching",
    "evaluate": "clirot.evaluation",
    "EvaluateConfig": "clirot.evaluation",
}

__all__ = [
    "DistillConfig",
    "EvaluateConfig",
    "FetchConfig",
    "IndexConfig",
    "SearchConfig",
    "__version__",
    "build_index",
    "distill",
    "evaluate",
    "fetch_bitext",
    "search",
]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(importlib.import_module(_VERBS[name]), name)
    raise AttributeError(f"module 'clirot' has no attribute {name!r}")
