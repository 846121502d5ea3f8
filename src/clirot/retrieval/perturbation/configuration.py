"""What to perturb and how: the settings of `perturb`."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.collection.topic_source import TopicSource
from clirot.collection.topics import TITLE
from clirot.errors import UsageError
from clirot.settings import setting

TYPING = ("typo", "keyboard", "swap", "drop")
"""Kinds whose rate counts errors: 1 is as many as people make."""
SHARES = ("case", "diacritics", "word-order", "asr", "shuffle")
"""Kinds whose rate is a share: of the words, of the texts (asr) or of the rows (shuffle)."""
NONE = "none"
SHUFFLE = "shuffle"
KINDS = (*TYPING, *SHARES, NONE)


@dataclass(frozen=True, kw_only=True)
class PerturbConfig(TopicSource):
    """What to perturb, and how."""

    kind: str = setting(
        meaning="What is done to a text. typo: the errors of people who type; keyboard: a key "
        "beside the right one; swap: two characters exchanged; drop: a character left out; case: "
        "no capitals; diacritics: without those that writers leave out; word-order: neighbouring "
        "words exchanged; asr: as speech recognition writes. Of bitext also shuffle: rows exchange "
        "their target sides; and none: nothing.",
        choices=KINDS,
    )
    rate: float = setting(
        1.0,
        "How much. Of typo, keyboard, swap and drop: how many errors, 1 being as many as people "
        "make; of case, diacritics and word-order the share of the words, of asr of the texts, of "
        "shuffle of the rows. 0 changes nothing.",
        at_least=0,
    )
    seed: int = setting(1, "Seed of the random draws.", at_least=0)
    lang: str | None = setting(
        None,
        "Language of the texts, whose keyboard, letters and diacritics are used. Of topics it also "
        "says which ones, and may be left out where there is only one language.",
    )
    bitext: str | None = setting(
        None,
        "File of bitext whose target side is perturbed, instead of topics: TSV (source TAB "
        "target), or any other format that `fetch_bitext` reads.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind in SHARES and self.rate > 1:
            raise UsageError(
                f"`rate` is a share with the kind {self.kind}, and must be at most 1, got "
                f"{self.rate:g}"
            )

    def check_topics(self) -> None:
        """See :class:`TopicSource`; here texts may come from bitext, too.

        Raises:
            UsageError: there is no source of texts, or more than one; something belongs to
                another source.
        """
        given = [one for one in (self.collection, self.topics, self.bitext) if one is not None]
        if len(given) != 1:
            raise UsageError(
                "the texts come from a collection, a file of topics or a file of bitext, one of "
                "the three",
                hint="give `collection=ID`, `topics=FILE` (- for stdin) or `bitext=FILE`",
            )
        if self.bitext is not None and (self.topics_variant or self.topics_field != TITLE):
            raise UsageError(
                "`topics_variant` and `topics_field` choose among topics, and bitext is to be "
                "perturbed"
            )
        if self.kind in (SHUFFLE, NONE) and self.bitext is None:
            raise UsageError(
                f"the kind {self.kind} is for bitext, and topics are to be perturbed",
                hint="give `bitext=FILE`",
            )
        if self.bitext is not None and self.lang is None and self.kind not in (SHUFFLE, NONE):
            raise UsageError(
                "`lang` is missing: the language of the bitext's target side",
                hint="its keyboard, letters and diacritics are used",
            )
