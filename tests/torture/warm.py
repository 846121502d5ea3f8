"""What the campaign's process has loaded, so that a forked command begins with its work.

Nothing here starts a thread: a thread would not outlive the fork.
"""

from __future__ import annotations

from importlib import import_module

from warm_commands import IMPORTED

_MODULES = (
    "babel.core",
    "babel.dates",
    "bm25s",
    "icu4py.breakers",
    "icu4py.locale",
    "langcodes",
    "langcodes.language_distance",
    "pyarrow.parquet",
    "pytrec_eval",
    "scipy.sparse",
    "transformers.models.auto.modeling_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "clirot.cli.clean",
    "clirot.cli.distill",
    "clirot.cli.evaluate",
    "clirot.cli.fetch_bitext",
    "clirot.cli.index",
    "clirot.cli.remove",
    "clirot.cli.table",
    "clirot.evaluation",
    "clirot.retrieval.encoded_windows",
    "clirot.retrieval.indexing",
    "clirot.retrieval.lexical_indexing",
    "clirot.retrieval.lexical",
    "clirot.store.cleaning",
    "clirot.store.verifying",
)


def load() -> None:
    """Import everything, and fill the tables that libraries make at their first use."""
    exec(IMPORTED, {})
    for name in _MODULES:
        import_module(name)
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    from clirot.languages import tags

    get_checkpoint_conversion_mapping("bert")
    for code in ("en", "so"):
        tags.parse_language(code)
