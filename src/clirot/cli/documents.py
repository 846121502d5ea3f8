"""What ``--json`` prints of an artefact that a command made or found."""

from __future__ import annotations

from typing import Any

from clirot.store import Artefact


def made(artefact: Artefact, *, fresh: bool, **more: Any) -> dict[str, Any]:
    """The document of an artefact.

    Args:
        artefact: it.
        fresh: whether the command made it; otherwise it was there.
        more: what the command says besides, before the results.
    """
    manifest = artefact.manifest
    return {
        "name": artefact.name,
        "path": str(artefact.path),
        "digest": manifest.digest,
        "fresh": fresh,
        **more,
        "results": manifest.results,
    }
