"""Where topics come from: a collection or a file, all of them or every so many-th.

Every verb that reads topics inherits its settings, its checks and its way of reading from
:class:`TopicSource`, so that `search`, `translate` and `perturb` take the same topics for the same
words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.collection.catalogue import open_collection
from clirot.collection.collection import Collection
from clirot.collection.topics import FIELDS, TITLE, read_topic_file
from clirot.errors import InputError, UsageError
from clirot.records import ProgressSink, Topic, silent
from clirot.settings import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class TopicSource:
    """Which topics are taken."""

    collection: str | None = setting(
        None, "Collection whose topics are taken: a directory or an id."
    )
    lang: str | None = setting(
        None,
        "Language of the topics: which ones of a collection's, or of a file in several languages; "
        "of a file that does not say, what its topics are in. It may be left out where there is "
        "only one, or where the collection's id names it.",
    )
    topics_variant: str | None = setting(
        None,
        "Variant of the topics: another wording of them, such as a translation "
        "(queries.LANG.VARIANT.tsv in a directory; in a file of NeuCLIR or HC4 the source, such as "
        "'human translation').",
    )
    topics_field: str = setting(
        TITLE,
        "What of a topic is its text, where topics have several fields, as those of TREC, CLEF and "
        "NeuCLIR have.",
        choices=FIELDS,
    )
    topics: str | None = setting(
        None,
        "File of topics that are taken instead of a collection's: TSV, JSON lines, SGML or XML of "
        "TREC, CLEF, NTCIR, FIRE and NeuCLIR; - is stdin.",
    )
    every: int = setting(
        1, "Take every so many-th topic of the source, the first one among them.", at_least=1
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        self.check_topics()

    def check_topics(self) -> None:
        """Hold the settings of the source against each other.

        Raises:
            UsageError: there is no source, or there are two.
        """
        if (self.collection is None) == (self.topics is None):
            raise UsageError(
                "the topics come from a collection or from a file of topics, one of the two",
                hint="give `collection=ID`, or `topics=FILE` (- for stdin)",
            )


@dataclass(frozen=True)
class TopicSet:
    """The topics that a source gives."""

    topics: list[Topic]
    """At least one, and each has a text."""
    name: str
    """The collection's id, or the name of the file as it was given."""
    language: str | None
    """Their language, normalised; None: nothing says it."""
    collection: Collection | None
    """The collection, where they are from one."""
    wording: str | None = None
    """Whose wording the topics of a file are, where it says it."""


def read_topic_set(
    source: TopicSource, *, home: Path | None = None, progress: ProgressSink = silent
) -> TopicSet:
    """Read the topics of a source.

    Args:
        source: where they come from.
        home: where released collections are cached; None: the default home.
        progress: told of downloads.

    Raises:
        UnknownNameError: no such collection or variant.
        UsageError: no topics in the language or with the field, or none was named where there are
            several.
        InputError: no topics, a topic without text, or topics that cannot be read.
    """
    if source.collection is None:
        name, collection = str(source.topics), None
        read = read_topic_file(
            name, source.lang, variant=source.topics_variant, field=source.topics_field
        )
        wording: str | None
        topics, language, wording = read.topics, read.language, read.source
    else:
        collection = open_collection(source.collection, home=home, progress=progress)
        name, wording = collection.id, None
        topics = collection.topics(source.lang, source.topics_variant, source.topics_field)
        language = collection.topic_language(source.lang)
    for topic in topics:
        if not topic.text.strip():
            raise InputError(
                f"topic {topic.id!r} of {name} has no text",
                hint="remove it, or give it a text",
            )
    return TopicSet(topics[:: source.every], name, language, collection, wording)
