"""The one downloader: upstream files, whole and verified, in a local cache.

``fetch`` gives the path of a file whose SHA-256 is the expected one: the pinned digest, or, where a
file has none, the digest it had when it first arrived. It continues
an interrupted download, tries again after a transient failure, waits when a server asks for it,
checks beforehand that the disk has room, lets one process at a time write a file, and checks the
digest on every use, so that a damaged copy is fetched again. ``ask`` gets a server's answer to a
query, and keeps it for a time when the server cannot be reached.

``CLIROT_MIRROR``, a directory or an http(s) address that holds ``<host>/<path>``, replaces the
network. ``CLIROT_OFFLINE`` forbids it, and so does :func:`without_network` while its block runs.
Nothing here knows what is in the files.
"""

from clirot.download.answers import Answer, ask
from clirot.download.fetching import Presence, fetch, identified, presence, stated_size
from clirot.download.transfer import free_bytes, readable, require_space
from clirot.download.upstream import MIRROR, OFFLINE, Upstream, offline, without_network

__all__ = [
    "MIRROR",
    "OFFLINE",
    "Answer",
    "Presence",
    "Upstream",
    "ask",
    "fetch",
    "free_bytes",
    "identified",
    "offline",
    "presence",
    "readable",
    "require_space",
    "stated_size",
    "without_network",
]
