"""The artefact store: what clirot makes, whole or not at all, with a record of what made it.

An artefact is a directory ``CLIROT_HOME/<kind>/<name>`` with its files and a manifest,
``clirot.json``. It is written in a hidden directory beside that place, flushed to disk and renamed
under a file lock, so that two processes never write one artefact, and a killed process leaves
nothing that looks finished. What a killed process wrote stays in the hidden directory; the same
request finds it there again (:attr:`Draft.resumed`) and may continue from it.

The digest of an artefact covers its files and nothing else, so the same inputs, configuration and
seed give the same digest whenever and wherever they are run. Time and command line are recorded
beside it. The manifest has the digest of each file too, and a seal over itself: an artefact is held
against them whenever it is used (:meth:`Artefact.check`), and wholly by ``clirot verify``.
"""

from __future__ import annotations

from clirot.store.artefact import Artefact
from clirot.store.files import MANIFEST, tree_digest
from clirot.store.manifest import Input, Manifest, fingerprint
from clirot.store.store import KINDS, Store, default_home
from clirot.store.writing import Draft, copy_file, disk_error, output_error, write_text, written

__all__ = [
    "KINDS",
    "MANIFEST",
    "Artefact",
    "Draft",
    "Input",
    "Manifest",
    "Store",
    "copy_file",
    "default_home",
    "disk_error",
    "fingerprint",
    "output_error",
    "tree_digest",
    "write_text",
    "written",
]
