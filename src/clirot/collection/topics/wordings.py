"""What a topic file holds, and the topics that are taken from it: a language, a source, a field.

A campaign publishes a topic in several languages, in a language by several sources (people and
machines), and with several fields. A reader of a format gives a :class:`Wording` for each language
and source of each topic; which of them are the topics is decided here, for all formats alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from clirot.collection.rows import Source, with_distinct_ids
from clirot.errors import InputError, LanguageError, LanguageWarning, ReadingNotice, UsageError
from clirot.languages import closest_language, parse_language
from clirot.records import Topic
from clirot.registry import unknown_name
from clirot.text_form import on_one_line

TITLE, DESCRIPTION, NARRATIVE = "title", "description", "narrative"
FIELDS = (
    TITLE,
    DESCRIPTION,
    NARRATIVE,
    "title+description",
    "title+description+narrative",
)
"""What can be the text of a topic."""
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Wording:
    """A topic in one language, by one source, as a file has it."""

    line: int
    """Where it begins; 0: the format has no lines."""
    id: str
    fields: Mapping[str, str]
    """:data:`TITLE`, :data:`DESCRIPTION` and :data:`NARRATIVE`, as far as they are there."""
    language: str | None = None
    """As :func:`stated_language` gives it; None: the file does not say."""
    source: str | None = None
    """Who wrote or translated it, in the words of the file; None: the file does not say."""
    there: tuple[str, ...] = ()
    """The names of the fields in the file, for messages."""


@dataclass(frozen=True)
class TopicFile:
    """The topics of a file."""

    topics: list[Topic]
    """In the order of the file; at least one, each with a text."""
    language: str | None
    """Normalised, as the file states it or as it was asked for; None: nothing says it."""
    source: str | None = None
    """Whose wording it is, in the words of the file; None: the file does not say."""


@dataclass(frozen=True)
class Wanted:
    """What is to be taken from a file."""

    language: str | None = None
    """Normalised. None: the only one there is."""
    source: str | None = None
    """None: the original, else people's, else the only one there is."""
    field: str = TITLE
    """One of :data:`FIELDS`."""


def stated_language(written: str) -> str:
    """The language that a file states: normalised, or as it stands there where it is no code."""
    try:
        return parse_language(written)
    except LanguageError:
        return written.strip().casefold()


def chosen(wordings: Iterable[Wording], path: Source, wanted: Wanted) -> TopicFile:
    """The topics of a file.

    What is left out, and what was chosen among several, is said (:class:`ReadingNotice`).

    Args:
        wordings: all of the file.
        path: the file, for messages.
        wanted: what is to be taken.

    Raises:
        UsageError: the topics are in another language, or in several and none was asked for; or
            they are by several sources, none of which has them all.
        UnknownNameError: there is no such source.
        InputError: a topic without text, or two with one id (file and line).
    """
    every = list(wordings)
    of_language, language = _in_language(every, path, wanted.language)
    taken = _by_source(of_language, path, wanted.source)
    _tell_of_missing(every, taken, path, language)
    topics: list[Topic] = []
    rows = ((one.line, one.id, _text(one, path, wanted.field)) for one in taken)
    for number, identifier, text in with_distinct_ids(rows, "topic", path):
        if not text:
            raise InputError(f"topic {identifier!r} has no text", path=path, line=number or None)
        topics.append(Topic(identifier, text))
    source = taken[0].source if len({one.source for one in taken}) == 1 else None
    return TopicFile(topics, language, source)


def _in_language(
    every: list[Wording], path: Source, asked: str | None
) -> tuple[list[Wording], str | None]:
    """The wordings in a language, and which one that is."""
    stated = sorted({one.language for one in every if one.language is not None})
    if not stated:
        return every, asked
    if asked is None:
        if len(stated) == 1:
            return every, stated[0]
        languages_of: dict[str, set[str | None]] = {}
        for one in every:
            languages_of.setdefault(one.id, set()).add(one.language)
        if all(len(languages) == 1 for languages in languages_of.values()):
            _say(path, f"its topics are in several languages, {', '.join(stated)}; all are taken")
            return every, None
        raise UsageError(
            f"{_shown(path)} has topics in several languages: which one?",
            hint=f"choose one with `lang`: {', '.join(stated)}",
        )
    found = closest_language(asked, stated)
    if found is None:
        only = f"they are in {stated[0]!r}" if len(stated) == 1 else f"it has {', '.join(stated)}"
        raise UsageError(
            f"{_shown(path)} has no topics in {asked!r}: {only}",
            hint=f"`lang={stated[0]}`" if len(stated) == 1 else "choose one of them with `lang`",
        )
    if found != asked:
        warnings.warn(
            f"{_shown(path)} has no topics in {asked!r}; those in {found!r} are taken",
            LanguageWarning,
            stacklevel=2,
        )
    return [one for one in every if one.language == found], found


def _by_source(taken: list[Wording], path: Source, asked: str | None) -> list[Wording]:
    """The wordings by one source."""
    sources = list(dict.fromkeys(one.source or "" for one in taken))
    if asked is not None:
        known = [source for source in sources if source]
        if asked not in known:
            if not known:
                raise UsageError(
                    f"{_shown(path)} has one wording of each topic, and none that is called "
                    f"{asked!r}",
                    hint="leave `topics_variant` out",
                )
            raise unknown_name(f"variant of the topics of {_shown(path)}:", asked, known)
        return [one for one in taken if one.source == asked]
    if len(sources) < 2:
        return taken
    ids = {one.id for one in taken}
    best = min(sources, key=_preference)
    if {one.id for one in taken if (one.source or "") == best} == ids:
        others = ", ".join(repr(source) for source in sources if source != best)
        _say(path, f"the topics by {best!r} are taken; `topics_variant` chooses those by {others}")
        return [one for one in taken if (one.source or "") == best]
    counts = {source: sum(1 for one in taken if (one.source or "") == source) for source in sources}
    raise UsageError(
        f"{_shown(path)} has its {len(ids):,} topics by several sources, and not all by {best!r}",
        hint="choose one with `topics_variant`: "
        + ", ".join(f"{source!r} ({count:,} topics)" for source, count in counts.items()),
    )


def _preference(source: str) -> int:
    """The original before people's translations, these before all others."""
    return 0 if source == "original" else 1 if "human" in source.casefold() else 2


def _tell_of_missing(
    every: Sequence[Wording], taken: Sequence[Wording], path: Source, language: str | None
) -> None:
    there = {one.id for one in taken}
    ids = dict.fromkeys(one.id for one in every)
    if missing := [identifier for identifier in ids if identifier not in there]:
        more = ", ..." if len(missing) > _NAMED else ""
        of = f" in {language!r}" if language is not None else ""
        _say(
            path,
            f"{len(missing):,} of {len(ids):,} topics have no such wording{of} and are left out: "
            f"{', '.join(missing[:_NAMED])}{more}",
        )


def _text(one: Wording, path: Source, field: str) -> str:
    parts = []
    for name in field.split("+"):
        if name not in one.fields:
            others = [each for each in FIELDS if each in one.fields]
            raise InputError(
                f"a topic without <{name}>; it has {', '.join(one.there) or 'a text alone'}"
                if one.there
                else f"a topic without {name}",
                path=path,
                line=one.line or None,
                hint=f"`topics_field` takes another field: {', '.join(others)}" if others else None,
            )
        parts.append(on_one_line(one.fields[name]))
    return " ".join(filter(None, parts))


def _say(path: Source, message: str) -> None:
    warnings.warn(f"{_shown(path)}: {message}", ReadingNotice, stacklevel=4)


def _shown(path: Source) -> str:
    return "<stdin>" if str(path) == "-" else str(path)
