"""Bitext: sentence pairs of two languages, from the catalogue or from a file, filtered and stored.

One concept a file: what a source is (``source``), the sources (``sources``) and their table
(``catalogue``), what to fetch (``config``), what fetching would do (``plan``) and fetching itself
(``acquisition``), the formats of files (``formats``), which pairs are dropped (``filters``),
whether lines stand beside their translations (``alignment``), and the bitext in the store
(``stored``).

What is named here is loaded on first use, so that a command may ask for its options quickly.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clirot.bitext.catalogue import SOURCES, recommended_for, source_for, sources_for
    from clirot.bitext.config import FilterConfig
    from clirot.bitext.source import Source
    from clirot.bitext.stored import Bitext, load_bitext, stored_sources

_MODULES = {
    "catalogue": ("SOURCES", "recommended_for", "source_for", "sources_for"),
    "config": ("FilterConfig",),
    "source": ("Source",),
    "stored": ("Bitext", "load_bitext", "stored_sources"),
}

__all__ = [
    "SOURCES",
    "Bitext",
    "FilterConfig",
    "Source",
    "load_bitext",
    "recommended_for",
    "source_for",
    "sources_for",
    "stored_sources",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"clirot.bitext.{module}"), name)
    raise AttributeError(f"module 'clirot.bitext' has no attribute {name!r}")
