"""The judged topics in another language than is trained on, for those who read it better.

BM25 matches words, so it searches with the topics in the documents' own language. A teacher that
reads English alone scores the English topics, and the student learns from these scores what the
translated topics mean: Translate-Distill (Yang et al. 2024, arXiv 2401.04810).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clirot.collection.collection import content_digest
from clirot.errors import InputError, ReadingNotice
from clirot.languages import closest_language
from clirot.store import Input

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.supervision.judgements import Judged


@dataclass(frozen=True)
class Wording:
    """Texts of all judged topics."""

    language: str | None
    """Of the texts; None: that of the training."""
    texts: Mapping[str, str]
    """Topic -> its text; that of the training where the language has none."""
    lacking: int
    """Topics that the language has no text of."""

    def inputs(self, collection: Collection) -> tuple[Input, ...]:
        """What of it decides the weights, besides the topics that are trained on."""
        if self.language is None:
            return ()
        name = f"{collection.id} ({self.language})"
        return (Input(kind="topics", name=name, digest=content_digest(self.texts.items())),)


def wording(
    collection: Collection, judged: Judged, asked: str | None, reader: str, trained: str | None
) -> Wording:
    """The judged topics in the language that is asked for, or else in that of the documents, where
    the collection has topics in it.

    Args:
        collection: whose topics.
        judged: the topics of the training.
        asked: a language, or None.
        reader: who reads them, for messages.
        trained: the language of the training, as the collection calls it; None where another
            variant of these topics is trained on.

    Raises:
        UsageError: there are no topics in the language that is asked for.
        InputError: it has none of the judged topics.
    """
    own = collection.document_language
    language = None
    if asked is not None:
        language = collection.topic_language(asked)
    elif own is not None:
        language = closest_language(own, collection.languages)
    if language is None or language == trained:
        return Wording(None, judged.texts, 0)
    there = {topic.id: topic.text for topic in collection.topics(language)}
    found = {one: there[one] for one in judged.texts if there.get(one, "").strip()}
    lacking = len(judged.texts) - len(found)
    if lacking and asked is not None and not found:
        raise InputError(
            f"collection {collection.id}: its {len(there):,} topics in {language} are none of the "
            f"{len(judged.texts):,} judged ones that {reader} is to read, such as "
            f"{next(iter(judged.texts))!r}",
            hint="topics in several languages have the same ids",
        )
    if lacking:
        warnings.warn(
            f"{lacking:,} of {len(judged.texts):,} judged topics have no text in {language}, and "
            f"{reader} reads them as they are trained on",
            ReadingNotice,
            stacklevel=2,
        )
    return Wording(language, {**judged.texts, **found}, lacking)
