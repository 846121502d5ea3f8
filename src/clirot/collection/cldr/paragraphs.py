"""An English paragraph about each subject, composed from the facts.

A paragraph names its subject and what it states about it, and nothing else. In particular it names
no city, so that a topic which is the name of a city can only be answered by knowing where that city
is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from clirot.collection.cldr.facts import Names, Subject, Use, World, world


@dataclass(frozen=True)
class Paragraph:
    """A document: its subject, the other subjects that it names, its text (150 words at most)."""

    subject: Subject
    states: frozenset[Subject]
    text: str


@lru_cache(maxsize=1)
def paragraphs() -> dict[Subject, Paragraph]:
    """Every paragraph, by subject, in the order of the collection."""
    facts = world()
    writer = _Writer(facts, Names("en"))
    return {
        subject: Paragraph(subject, frozenset(_stated(subject, facts)), writer.text(subject))
        for subject in facts.subjects
    }


def _stated(subject: Subject, facts: World) -> Iterable[Subject]:
    for relation in (facts.official, facts.spoken, facts.zones, facts.scripts):
        yield from relation.get(subject, ())
    for use in facts.uses.get(subject, ()):
        yield use.territory if use.currency == subject else use.currency


class _Writer:
    """Writes the sentences about a subject; there is a method for each kind."""

    def __init__(self, facts: World, names: Names) -> None:
        self._facts = facts
        self._names = names

    def text(self, subject: Subject) -> str:
        sentences: list[str] = getattr(self, f"_{subject.kind}")(subject)
        return " ".join(sentences)

    def _territory(self, subject: Subject) -> list[str]:
        text = [f"{self._name(subject)} is a country or area of the world."]
        if languages := self._facts.official.get(subject):
            plural = "s are" if len(languages) > 1 else " is"
            text.append(f"Its official language{plural} {self._list(languages)}.")
        if subject in self._facts.spoken:
            text.append(f"People there speak {self._list(self._facts.spoken[subject])}.")
        now, former = self._uses(subject)
        if now:
            each = [f"the {self._name(use.currency)} (since {use.start.year})" for use in now]
            text.append(f"They pay with {self._names.listed(each)}.")
        if former:
            each = [
                f"the {self._name(use.currency)} ({use.start.year} to {end.year})"
                for use, end in former
            ]
            text.append(f"Earlier money was {self._names.listed(each)}.")
        if subject in self._facts.zones:
            text.append(f"Its clocks keep {self._list(self._facts.zones[subject])}.")
        return text

    def _language(self, subject: Subject) -> list[str]:
        facts, text = self._facts, [f"{self._name(subject)} is a language."]
        if subject in facts.scripts:
            text.append(f"It is written in the {self._list(facts.scripts[subject])} script.")
        if subject in facts.official:
            text.append(f"It has official standing in {self._list(facts.official[subject])}.")
        if subject in facts.spoken:
            also = "also " if subject in facts.official else ""
            text.append(f"It is {also}spoken in {self._list(facts.spoken[subject])}.")
        return text

    def _currency(self, subject: Subject) -> list[str]:
        text = [f"The {self._name(subject)} is a currency, written {subject.code} for short."]
        now, former = self._uses(subject)
        if now:
            each = [f"{self._name(use.territory)} since {_day(use.start)}" for use in now[:8]]
            each += [self._name(use.territory) for use in now[8:]]
            text.append(f"It is the money of {self._names.listed(each)}.")
        if former:
            each = [
                f"{self._name(use.territory)} from {_day(use.start)} to {_day(end)}"
                for use, end in former[:6]
            ]
            each += [self._name(use.territory) for use, _ in former[6:]]
            text.append(f"It was the money of {self._names.listed(each)}.")
        return text

    def _script(self, subject: Subject) -> list[str]:
        languages = self._list(self._facts.scripts[subject])
        return [
            f"{self._name(subject)} is a writing system.",
            f"Its letters or signs are used to write {languages}.",
        ]

    def _zone(self, subject: Subject) -> list[str]:
        return [
            f"{self._name(subject)} is a time zone.",
            f"It is the time of day kept in {self._list(self._facts.zones[subject])}.",
        ]

    def _uses(self, subject: Subject) -> tuple[list[Use], list[tuple[Use, date]]]:
        """The uses that go on, and the former ones with their last days."""
        uses = self._facts.uses.get(subject, ())
        now = [use for use in uses if use.end is None]
        return now, [(use, use.end) for use in uses if use.end is not None]

    def _name(self, subject: Subject) -> str:
        return self._names.of(subject) or subject.code

    def _list(self, subjects: Iterable[Subject]) -> str:
        return self._names.listed([self._name(subject) for subject in subjects])


def _day(day: date) -> str:
    from babel.dates import format_date

    return str(format_date(day, "d MMMM y", locale="en"))
