"""The filters: which sentence pairs of a source are kept, and why the others are dropped.

``config`` has the settings and the reasons, ``chain`` applies the filters in their order, and
``report`` counts what they dropped. They work on a ``batch`` of pairs, with its ``characters`` as
arrays; ``language`` is about scripts and languages, ``duplicates`` about repeated text.

Only the settings are imported here, because numpy and pyarrow take their time to load.
"""

from clirot.bitext.filters.config import FilterConfig

__all__ = ["FilterConfig"]
