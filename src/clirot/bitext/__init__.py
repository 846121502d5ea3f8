"""Bitext: sentence pairs of two languages, from the catalogue or from a file, filtered and stored.

One concept a file: what a source is (``source``), the sources (``sources``) and their table
(``catalogue``), what fetching would do (``plan``), the formats on disk (``formats``), what is
dropped (``filters``), and the bitext in the store (``stored``). Fetching is
:func:`clirot.bitext.acquisition.fetch_bitext`.
"""

from clirot.bitext.catalogue import SOURCES, recommended_for, source_for, sources_for
from clirot.bitext.filters import FilterConfig
from clirot.bitext.source import Source
from clirot.bitext.stored import Bitext, load_bitext, stored_sources

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
