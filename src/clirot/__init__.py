"""clirot: cross-language information retrieval experiments, from bitext to a tested result table.

The public API is the verbs and their configurations. They are imported on first use, so that
importing clirot is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clirot.version import __version__ as __version__

if TYPE_CHECKING:
    from clirot.bitext.acquisition import FetchConfig as FetchConfig
    from clirot.bitext.acquisition import fetch_bitext as fetch_bitext
    from clirot.bitext.table_config import TableConfig as TableConfig
    from clirot.bitext.word_table import make_table as make_table
    from clirot.distillation import DistillConfig as DistillConfig
    from clirot.distillation import distill as distill
    from clirot.evaluation import EvaluateConfig as EvaluateConfig
    from clirot.evaluation import evaluate as evaluate
    from clirot.retrieval.answering.answers import answer as answer
    from clirot.retrieval.answering.configuration import AnswerConfig as AnswerConfig
    from clirot.retrieval.index_config import IndexConfig as IndexConfig
    from clirot.retrieval.indexing import build_index as build_index
    from clirot.retrieval.perturbation.configuration import PerturbConfig as PerturbConfig
    from clirot.retrieval.perturbation.perturbing import perturb as perturb
    from clirot.retrieval.searching import SearchConfig as SearchConfig
    from clirot.retrieval.searching import search as search
    from clirot.retrieval.translation.configuration import TranslateConfig as TranslateConfig
    from clirot.retrieval.translation.translating import translate as translate
    from clirot.supervision import TrainConfig as TrainConfig
    from clirot.supervision import train as train

_MODULES = {
    "clirot.bitext.acquisition": ("fetch_bitext", "FetchConfig"),
    "clirot.bitext.table_config": ("TableConfig",),
    "clirot.bitext.word_table": ("make_table",),
    "clirot.distillation": ("distill", "DistillConfig"),
    "clirot.retrieval.index_config": ("IndexConfig",),
    "clirot.retrieval.indexing": ("build_index",),
    "clirot.retrieval.perturbation.configuration": ("PerturbConfig",),
    "clirot.retrieval.perturbation.perturbing": ("perturb",),
    "clirot.retrieval.searching": ("search", "SearchConfig"),
    "clirot.retrieval.translation.configuration": ("TranslateConfig",),
    "clirot.retrieval.translation.translating": ("translate",),
    "clirot.retrieval.answering.configuration": ("AnswerConfig",),
    "clirot.retrieval.answering.answers": ("answer",),
    "clirot.evaluation": ("evaluate", "EvaluateConfig"),
    "clirot.supervision": ("train", "TrainConfig"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
__all__ = [*_HOME, "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'clirot' has no attribute {name!r}")
