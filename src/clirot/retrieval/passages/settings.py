"""The settings of passages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clirot.errors import UsageError
from clirot.settings import check_ranges, setting, values


@dataclass(frozen=True)
class PassageSettings:
    """How long documents are split into passages; by default they are not."""

    passage_tokens: int | None = setting(
        None,
        "Split documents that are longer into passages of so many tokens of the encoder at most, "
        "its prompt and the tokens that it puts around a text included. A document has the score "
        "of its best passage.",
        at_least=1,
        unit="tokens",
    )
    passage_sentences: int | None = setting(
        None,
        "Split documents into passages of so many sentences at most, and of no more tokens than "
        "the encoder reads or a passage may have.",
        at_least=1,
        unit="sentences",
    )
    passage_overlap: int = setting(
        0,
        "What a passage repeats of the one before: sentences where passages are of sentences, else "
        "tokens, in whole words.",
        at_least=0,
    )
    max_passages: int | None = setting(
        None,
        "Keep so many passages of a document at most, the first ones. How many others there were "
        "is told.",
        at_least=1,
        unit="passages",
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.wanted:
            for name in ("passage_overlap", "max_passages"):
                if getattr(self, name):
                    raise UsageError(
                        f"`{name}` is for passages, and nothing says how long these are",
                        hint="give `passage_tokens` or `passage_sentences` too",
                    )
            return
        by = "passage_sentences" if self.passage_sentences is not None else "passage_tokens"
        longest = getattr(self, by)
        if self.passage_overlap >= longest:
            raise UsageError(
                f"`passage_overlap` is {self.passage_overlap}, and a passage has {longest} at most "
                f"(`{by}`): it would repeat all of the one before",
                hint="a half or a third of it is usual",
            )

    @property
    def wanted(self) -> bool:
        """Whether documents are split at all."""
        return self.passage_tokens is not None or self.passage_sentences is not None

    def deciding(self, language: str | None) -> dict[str, Any]:
        """What decides an index, for its manifest; empty where documents are not split.

        Args:
            language: of the documents, by which sentences are found; None: not known.
        """
        given = {name: value for name, value in values(self).items() if value}
        if self.passage_sentences is not None:
            given["passage_language"] = language
        return given
