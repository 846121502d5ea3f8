"""The prompts that an encoder reads before texts: those of its checkpoint, or of the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.errors import InputError
from clirot.known_models import Prompts

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def saved_prompts(path: Path) -> dict[str, str]:
    """The prompts that a sentence transformer keeps beside its weights, by the names of clirot."""
    own = path / "config_sentence_transformers.json"
    saved = json.loads(own.read_text(encoding="utf-8")).get("prompts") if own.is_file() else None
    prompts = {name: prompt for name, prompt in (saved or {}).items() if prompt is not None}
    for name in ("passage", "corpus"):  # what a document is called elsewhere
        if name in prompts:
            prompts.setdefault("document", prompts[name])
    return prompts


def use_prompts(model: MultiVectorEncoder, wanted: Prompts | None, path: Path) -> None:
    """Read texts with the prompts of the registry, in place. THE place where they are applied.

    None leaves the model as its checkpoint says. Empty prompts take those of the checkpoint away:
    a row says so where prompts are not to be used.

    Raises:
        InputError: the checkpoint and the registry ask for different prompts.
    """
    if wanted is None:
        return
    own = Prompts(
        query=model.prompts.get("query") or "", document=model.prompts.get("document") or ""
    )
    none = Prompts()
    if none not in (own, wanted) and own != wanted:
        raise InputError(
            f"the checkpoint asks for the prompts {own.query!r} and {own.document!r}, the list of "
            f"known models for {wanted.query!r} and {wanted.document!r}",
            path=path,
            hint="give the path or the Hub id in place of the name, to read it as its checkpoint "
            "says",
        )
    model.prompts["query"], model.prompts["document"] = wanted.query, wanted.document
