"""The artefact store: what clirot makes, whole or not at all, with where it came from.

An artefact is a directory ``CLIROT_HOME/<kind>/<name>`` holding its files and a ``clirot.json``
manifest. It is written in a hidden sibling, flushed to disk and renamed under a file lock, so that
two processes never write one artefact and a killed one leaves nothing that looks finished. What a
killed process had written stays in the hidden sibling, and the same request again finds it there
(:attr:`Draft.resumed`) and may continue from it.

The digest of an artefact covers its files and nothing else, so the same inputs, configuration and
seed give the same digest whenever and wherever they are run; time and command line are recorded
beside it.
"""

from __future__ import annotations

from clirot.store.digests import file_digest, tree_digest
from clirot.store.disk import disk_error, write_text
from clirot.store.drafts import Draft
from clirot.store.manifest import MANIFEST, Artefact, Input, Manifest, fingerprint
from clirot.store.outputs import output_error, written
from clirot.store.store import KINDS, Store, default_home

__all__ = [
    "KINDS",
    "MANIFEST",
    "Artefact",
    "Draft",
    "Input",
    "Manifest",
    "Store",
    "default_home",
    "disk_error",
    "file_digest",
    "fingerprint",
    "output_error",
    "tree_digest",
    "write_text",
    "written",
]
