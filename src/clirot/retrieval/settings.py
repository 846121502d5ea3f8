"""The settings of lexical models and of compressed indexes, apart from the heavy code that uses
them.
"""

from __future__ import annotations

from dataclasses import dataclass

from clirot.errors import UsageError
from clirot.settings import check_ranges, setting


@dataclass(frozen=True)
class Bm25Settings:
    """The constants of BM25 (Robertson and Zaragoza 2009), by default those of Anserini."""

    k1: float = setting(
        0.9,
        "BM25: how slowly a term's weight saturates with its count in a document. Only for lexical "
        "models.",
        at_least=0,
        at_most=100,
    )
    b: float = setting(
        0.4,
        "BM25: how much a document's length counts against it. Only for lexical models.",
        at_least=0,
        at_most=1,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class PsqSettings:
    """How the words of topics are translated for psq and psq-hmm."""

    table: str | None = setting(
        None,
        "psq, psq-hmm: the translation table of the topics' words; by default the one that has the "
        "name of the languages (en-so).",
    )
    cumulative_mass: float = setting(
        0.97,
        "psq: of a topic word's translations, the most probable ones are taken until they have "
        "this share of the probability.",
        above=0,
        at_most=1,
    )
    least_probability: float = setting(
        0.05,
        "psq: translations of a lower probability are left out.",
        at_least=0,
        below=1,
    )
    directions: str = setting(
        "both",
        "psq: the probability of a translation. both: the product of the two directions of the "
        "table, normalised; forward: that of the document's word given the topic's.",
        choices=("both", "forward"),
    )
    smoothing: float = setting(
        0.9,
        "psq-hmm: weight of the collection against the document, the a of its formula. Topics as "
        "long as sentences want a high one.",
        above=0,
        below=1,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class CompressedSettings:
    """How an index of the backend ``compressed`` is made."""

    bits: int = setting(
        2,
        "compressed: bits of a code for each dimension, 1, 2 or 4. With fewer, the codes take less "
        "disk, and more documents have to be scored exactly.",
        at_least=1,
        at_most=4,
    )
    recall: float = setting(
        0.99,
        "compressed: the share of the exact best documents that a search is to find. As many are "
        "looked at as it takes, which is measured when the index is built.",
        above=0,
        at_most=1,
    )
    store: bool = setting(
        True,
        "compressed: keep the token vectors too, and score the best documents exactly. Without "
        "them, scores are those of the codes.",
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.bits == 3:
            raise UsageError("`bits` must be 1, 2 or 4, got 3")
