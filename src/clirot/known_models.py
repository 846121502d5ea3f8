"""The known models: what is said of each in ``models.toml``, and which read which languages.

A row says what the model's card says. Its languages are those that the card names, not all that its
tokenizer can spell; lists that several models share stand once, in ``model_languages.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clirot.languages import closest_language, parse_language
from clirot.registry import Registry

Task = Literal["encodes", "translates", "answers"]
"""What a model does with text."""

SMALL = 150
"""Millions of parameters: up to here a CPU trains a student with the model in reasonable time."""


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """What is put before the texts that a model reads; an empty prompt puts nothing there."""

    query: str = ""
    """Before a query."""
    document: str = ""
    """Before a document."""


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """A row of the table of known models."""

    hub_id: str
    """Repository on the Hugging Face Hub. Where ``{src}`` and ``{tgt}`` stand in it, there is a
    repository for each pair of languages."""
    revision: str
    """Commit that is loaded; a branch where there are many repositories."""
    licence: str
    """SPDX identifier, or the licence's name."""
    role: Literal["teacher", "student base", "both", "translation", "reader"]
    """What it is for: a teacher is frozen and encodes documents; a base starts a student; a model
    for translation and a reader write text and encode nothing."""
    description: str
    """One line for the list of models."""
    languages: tuple[str, ...]
    """The languages of its card, as normalised codes. In the file: codes, or the name of a list."""
    dimensions: int
    """Length of a token vector as clirot uses the model, without a projection of its own making."""
    parameters: int
    """Millions of weights, embeddings included."""
    rank: int | None = None
    """Place among teachers, 1 is the best; ``docs/models.md`` says by which results."""
    query_prompt: str = ""
    """What the card asks to be put before a query."""
    document_prompt: str = ""
    """What the card asks to be put before a document."""
    use_prompts: bool = True
    """Whether texts are read with these prompts. False: without any."""
    gated: bool = False
    """Whether the Hub asks for an account and for consent to the licence."""
    package: str | None = None
    """An importable package that carries the same files, for machines without the Hub."""
    pickled: bool = False
    """Whether the repository has its weights as a pickle only, which clirot does not load."""
    weights_sha256: str | None = None
    """SHA-256 of ``model.safetensors``, checked wherever the files come from."""

    @property
    def teaches(self) -> bool:
        """Whether it can be a teacher."""
        return self.role in ("teacher", "both")

    @property
    def translates(self) -> bool:
        """Whether it is a model for translation."""
        return self.role == "translation"

    @property
    def task(self) -> Task:
        """What it does with text."""
        if self.role == "reader":
            return "answers"
        return "translates" if self.translates else "encodes"

    @property
    def starts(self) -> bool:
        """Whether a student can start from it."""
        return self.role in ("student base", "both")

    @property
    def prompts(self) -> Prompts | None:
        """What texts are read with; None: what its checkpoint says."""
        if not (self.query_prompt or self.document_prompt):
            return None
        if not self.use_prompts:
            return Prompts()
        return Prompts(query=self.query_prompt, document=self.document_prompt)


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _row(entry: Mapping[str, Any], lists: Mapping[str, list[str]]) -> KnownModel:
    said = entry["languages"]
    return KnownModel(
        **{**entry, "languages": tuple(lists[said] if isinstance(said, str) else said)}
    )


LANGUAGE_LISTS: Mapping[str, list[str]] = {
    name: entry["languages"] for name, entry in _table("model_languages.toml").items()
}
"""Name -> the languages of a list that rows refer to."""
KNOWN = Registry(
    "model", {name: _row(entry, LANGUAGE_LISTS) for name, entry in _table("models.toml").items()}
)
"""The rows of ``models.toml``."""


LEXICAL = Registry(
    "lexical model",
    {
        "bm25": "BM25 over words as they are, stemmed in the documents' language",
        "psq": "BM25 over expected counts: topic words by a translation table (Darwish, Oard 2003)",
        "psq-hmm": "query likelihood by a translation table (Xu, Weischedel 2001)",
    },
)
"""The models that match words and need no checkpoint -> one line for the list of models."""


def covers(row: KnownModel, language: str) -> bool:
    """Whether a model's card names a language.

    A script that is not the language's default must be named itself: a card that says ``sr`` does
    not speak of ``sr-Latn``. Regions are not told apart: one that says ``pt`` speaks of ``pt-PT``
    too. ``no`` and ``nb`` are taken for one language, and Southern Pashto for what cards call
    ``ps``.

    Args:
        row: of the table.
        language: in any spelling that :func:`clirot.languages.parse_language` reads.

    Raises:
        LanguageError: not the code of a language.
    """
    return closest_language(parse_language(language), row.languages) is not None


def covering(languages: Iterable[str]) -> list[str]:
    """The names of the known models that cover all of the languages, best first.

    Those without a rank come last, in the order of the table.

    Raises:
        LanguageError: not the code of a language.
    """
    wanted = [parse_language(one) for one in languages]
    found = [name for name, row in KNOWN.items() if all(covers(row, one) for one in wanted)]
    return sorted(found, key=lambda name: (KNOWN[name].rank is None, KNOWN[name].rank or 0))


def teachers_for(languages: Iterable[str], *, most_parameters: int | None = SMALL) -> list[str]:
    """The names of the teachers that cover English and all of the languages, best first.

    Args:
        languages: in any accepted spelling.
        most_parameters: in millions, of the largest model that is wanted; None: of any size.

    Raises:
        LanguageError: not the code of a language.
    """
    return [
        name
        for name in covering(["en", *languages])
        if KNOWN[name].teaches
        and (most_parameters is None or KNOWN[name].parameters <= most_parameters)
    ]
