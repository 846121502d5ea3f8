"""Index backends: how the token vectors of a collection are kept and searched.

A backend is a row of :data:`BACKENDS`: a writer that takes documents chunk by chunk and continues
where a killed process stopped, and a function that opens what it wrote. ``exact`` keeps every
vector and finds the true best documents by MaxSim; other backends are compared with it.
"""

from clirot.registry import Registry
from clirot.retrieval.backends.exact import EXACT
from clirot.retrieval.backends.index import Backend, Index, IndexWriter

BACKENDS: Registry[Backend] = Registry("index backend", {"exact": EXACT})

__all__ = ["BACKENDS", "Backend", "Index", "IndexWriter"]
