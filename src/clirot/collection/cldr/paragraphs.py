"""An English paragraph about each subject, composed from the facts.

A paragraph names its subject and what it states about it, and nothing else: above all no city, so
that a topic which is the name of a city can only be answered by knowing where that city is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from clirot.collection.cldr.facts import Subject, Use, World, world
from clirot.collection.cldr.names import Names


@dataclass(frozen=True)
class Paragraph:
    """A document: what it is about, the other subjects it names, its text (150 words at most)."""

    subject: Subject
    states: frozenset[Subject]
    text: str


@lru_cache(maxsize=1)
def paragraphs() -> dict[Subject, Paragraph]:
    """Every paragraph, by subject, in the order of the collection."""
    facts, names = world(), Names("en")
    return {
        subject: Paragraph(
            subject, frozenset(_stated(subject, facts)), _text(subject, facts, names)
        )
        for subject in facts.subjects
    }


def _stated(subject: Subject, facts: World) -> Iterable[Subject]:
    for relation in (facts.official, facts.spoken, facts.zones, facts.scripts):
        yield from relation.get(subject, ())
    for use in facts.uses.get(subject, ()):
        yield use.territory if use.currency == subject else use.currency


def _text(subject: Subject, facts: World, names: Names) -> str:
    sentences = _SENTENCES[subject.kind](subject, facts, names)
    return " ".join(sentences)


def _territory(subject: Subject, facts: World, names: Names) -> list[str]:
    text = [f"{_name(names, subject)} is a country or area of the world."]
    if subject in facts.official:
        languages = facts.official[subject]
        plural = "s are" if len(languages) > 1 else " is"
        text.append(f"Its official language{plural} {_list(names, languages)}.")
    if subject in facts.spoken:
        text.append(f"People there speak {_list(names, facts.spoken[subject])}.")
    uses = facts.uses.get(subject, ())
    now = [use for use in uses if use.end is None]
    former = [use for use in uses if use.end is not None]
    if now:
        each = [f"the {_name(names, use.currency)} (since {use.start.year})" for use in now]
        text.append(f"They pay with {names.listed(each)}.")
    if former:
        each = [
            f"the {_name(names, use.currency)} ({use.start.year} to {use.end.year})"
            for use in former
            if use.end is not None
        ]
        text.append(f"Earlier money was {names.listed(each)}.")
    if subject in facts.zones:
        text.append(f"Its clocks keep {_list(names, facts.zones[subject])}.")
    return text


def _language(subject: Subject, facts: World, names: Names) -> list[str]:
    text = [f"{_name(names, subject)} is a language."]
    if subject in facts.scripts:
        text.append(f"It is written in the {_list(names, facts.scripts[subject])} script.")
    if subject in facts.official:
        text.append(f"It has official standing in {_list(names, facts.official[subject])}.")
    if subject in facts.spoken:
        also = "also " if subject in facts.official else ""
        text.append(f"It is {also}spoken in {_list(names, facts.spoken[subject])}.")
    return text


def _currency(subject: Subject, facts: World, names: Names) -> list[str]:
    text = [f"The {_name(names, subject)} is a currency, written {subject.code} for short."]
    uses = facts.uses[subject]
    now = [use for use in uses if use.end is None]
    former = [use for use in uses if use.end is not None]
    if now:
        each = [f"{_name(names, use.territory)} since {_day(use.start)}" for use in now[:8]]
        each += [_name(names, use.territory) for use in now[8:]]
        text.append(f"It is the money of {names.listed(each)}.")
    if former:
        each = [_span(use, names) for use in former[:6]]
        each += [_name(names, use.territory) for use in former[6:]]
        text.append(f"It was the money of {names.listed(each)}.")
    return text


def _script(subject: Subject, facts: World, names: Names) -> list[str]:
    languages = _list(names, facts.scripts[subject])
    return [
        f"{_name(names, subject)} is a writing system.",
        f"Its letters or signs are used to write {languages}.",
    ]


def _zone(subject: Subject, facts: World, names: Names) -> list[str]:
    return [
        f"{_name(names, subject)} is a time zone.",
        f"It is the time of day kept in {_list(names, facts.zones[subject])}.",
    ]


_SENTENCES = {
    "territory": _territory,
    "language": _language,
    "currency": _currency,
    "script": _script,
    "zone": _zone,
}


def _name(names: Names, subject: Subject) -> str:
    return names.of(subject) or subject.code


def _list(names: Names, subjects: Iterable[Subject]) -> str:
    return names.listed([_name(names, subject) for subject in subjects])


def _span(use: Use, names: Names) -> str:
    until = "" if use.end is None else f" to {_day(use.end)}"
    return f"{_name(names, use.territory)} from {_day(use.start)}{until}"


def _day(day: date) -> str:
    from babel.dates import format_date

    return str(format_date(day, "d MMMM y", locale="en"))
