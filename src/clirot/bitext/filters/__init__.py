"""What of a source is kept, and why the rest is not: the chain from raw pairs to judged ones.

One concept a file: the settings (``config``), the names of the reasons (``reasons``), a batch of
pairs (``batch``) and its characters as arrays (``codepoints``), how text is tidied and folded
(``normalisation``), the filters (``lengths``, ``scripts``, ``identification``, ``overlap``,
``duplicates``), a stage that scores pairs by a whole corpus (``scoring``), their order (``chain``)
and what they found (``report``).

Only the settings are imported here; numpy and pyarrow are loaded with :mod:`.chain`.
"""

from clirot.bitext.filters.config import FilterConfig

__all__ = ["FilterConfig"]
