"""``cldr/<lang>``: the collection that needs no network, made from the facts in CLDR.

Documents are English paragraphs about territories, languages, currencies, scripts and time zones.
Topics are names and phrases in the target language, and in English under the same ids. What is
relevant follows from the facts. Six families of topics, told apart by what their ids begin with:

==========  ===========================  ====================================================
family      topic                        relevant: 2 is what is meant, 1 is related by a fact
==========  ===========================  ====================================================
``name``    a single name                2 its paragraph, 1 paragraphs that name it
``spoken``  language (territory)         2 the paragraphs of either that name the other
``both``    territory and territory      2 other paragraphs that name both, 1 those of the two
``year``    territory (year)             2 the money begun there that year, 1 the territory
``zone``    a time zone's name           2 its paragraph, 1 the territories that name it
``city``    a city                       2 its territory, 1 that territory's time zone
==========  ===========================  ====================================================

The documents that are relevant to a ``city`` topic share no word with it. ``name``, ``zone`` and
``city`` topics are entries of the ``cldr`` bitext: a student trained on it has seen their
translations, but neither the paragraphs nor the judgements. The phrases of the other families are
in no bitext.

A language has a topic if CLDR has all its names in that language and the text differs from the
English one; an equal text would test nothing. Candidates are ordered by the digest of their ids,
and each family takes the first ones, so choice and order are fixed and languages share most topics.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from operator import methodcaller
from pathlib import Path

from clirot.collection.cldr.facts import Names, Subject, world
from clirot.collection.cldr.paragraphs import paragraphs
from clirot.collection.collection import Collection
from clirot.errors import InputError, UnknownNameError
from clirot.records import Document, ProgressSink, Topic, silent
from clirot.runs import Qrels

FEWEST_TOPICS = 100
"""With fewer topics than this a language has no collection."""

FAMILIES: Mapping[str, int] = {
    "name": 80,
    "spoken": 60,
    "both": 50,
    "year": 40,
    "zone": 50,
    "city": 40,
}
"""Family -> how many topics it has at most."""

_MOST_RELEVANT = 12
"""A topic with more relevant paragraphs than this is dropped as too general: English, the euro."""

_MOST_CITIES = 4
"""A territory with more time zone cities than this has no ``city`` topics."""


class CldrCollection(Collection):
    """The collection for one language. Nothing is downloaded.

    Args:
        language: normalised.
        home: not used.
        progress: not used.

    Raises:
        UnknownNameError: no language was named, and the topics differ from language to language.
        InputError: CLDR has no or too few names in the language.
    """

    document_language = "en"

    def __init__(
        self, language: str | None, home: Path | None = None, progress: ProgressSink = silent
    ) -> None:
        if language is None:
            raise UnknownNameError(
                "collection 'cldr' needs a language", hint="write cldr/so, for example"
            )
        try:
            self._questions = questions(language)
        except ValueError as error:
            raise InputError(str(error), hint="choose another collection for it") from error
        if len(self._questions) < FEWEST_TOPICS:
            raise InputError(
                f"CLDR names too little in {language!r} for a collection: "
                f"{len(self._questions)} topics, {FEWEST_TOPICS} are needed",
                hint="choose another collection for it",
            )
        languages = ("en",) if language == "en" else (language, "en")
        super().__init__(f"cldr/{language}", languages, language)

    def _read_documents(self) -> Iterator[Document]:
        for page in paragraphs().values():
            yield Document(page.subject.docno, page.text)

    def _read_topics(self, language: str | None) -> list[Topic]:
        if language != "en":
            return [Topic(question.id, text) for question, text in self._questions]
        english = Names("en")
        return [
            Topic(question.id, question.render(english) or "") for question, _ in self._questions
        ]

    def _read_qrels(self) -> Qrels:
        return {question.id: dict(question.grades) for question, _ in self._questions}

    @property
    def document_count(self) -> int | None:
        """How many paragraphs there are."""
        return len(paragraphs())


@dataclass(frozen=True)
class Question:
    """A topic before it is written in a language."""

    id: str
    grades: Mapping[str, int]
    """Document id -> grade of its relevance."""
    render: Callable[[Names], str | None]
    """From the names of a language to the text; None where a name is missing."""

    @property
    def family(self) -> str:
        """The part of the id before the first hyphen."""
        return self.id.split("-")[0]


def questions(language: str) -> list[tuple[Question, str]]:
    """The topics of ``cldr/<language>``, each with its text in that language.

    Raises:
        ValueError: Babel has no data for the language.
    """
    names, english = Names(language), Names("en")
    taken: Counter[str] = Counter()
    chosen: list[tuple[Question, str]] = []
    for question in _candidates():
        if taken[question.family] == FAMILIES[question.family]:
            continue
        text = question.render(names)
        if text is None:
            continue
        if language != "en" and text.casefold() == (question.render(english) or "").casefold():
            continue
        taken[question.family] += 1
        chosen.append((question, text))
    return chosen


@lru_cache(maxsize=1)
def _candidates() -> tuple[Question, ...]:
    """Every question that could be asked, in the fixed order."""
    found = [
        question
        for family in (_names, _spoken, _both, _years, _zones, _cities)
        for question in family()
        if 0 < len(question.grades) <= _MOST_RELEVANT
    ]
    return tuple(sorted(found, key=lambda question: hashlib.sha256(question.id.encode()).digest()))


def _names() -> Iterator[Question]:
    naming: dict[Subject, list[Subject]] = defaultdict(list)
    for paragraph in paragraphs().values():
        for subject in paragraph.states:
            naming[subject].append(paragraph.subject)
    for subject in paragraphs():
        if subject.kind == "zone":
            continue
        grades = {other.docno: 1 for other in naming[subject]}
        yield Question(
            f"name-{subject.docno}", {**grades, subject.docno: 2}, methodcaller("of", subject)
        )


def _spoken() -> Iterator[Question]:
    facts = world()
    pages = paragraphs()
    for territory in (subject for subject in pages if subject.kind == "territory"):
        languages = facts.official.get(territory, ()) + facts.spoken.get(territory, ())
        if len(languages) < 2:
            continue  # "German (Liechtenstein)" would say no more than "Liechtenstein"
        for language in languages:
            pair = (territory, language)
            if language in pages and territory in pages[language].states:
                yield Question(
                    f"spoken-{language.code}-{territory.code}",
                    {subject.docno: 2 for subject in pair},
                    methodcaller("language_in", language, territory),
                )


def _both() -> Iterator[Question]:
    pages = paragraphs()
    shared: dict[tuple[Subject, Subject], list[Subject]] = defaultdict(list)
    for page in pages.values():
        if page.subject.kind != "territory":
            places = sorted(page.states & pages.keys(), key=lambda subject: subject.code)
            for one, other in combinations(places, 2):
                if one.kind == other.kind == "territory":
                    shared[one, other].append(page.subject)
    for (one, other), subjects in shared.items():
        # Two territories that share three facts or more are mostly neighbours.
        if len(subjects) < 3:
            continue
        yield Question(
            f"both-{one.code}-{other.code}",
            {one.docno: 1, other.docno: 1, **{subject.docno: 2 for subject in subjects}},
            methodcaller("both", one, other),
        )


def _years() -> Iterator[Question]:
    facts, pages = world(), paragraphs()
    begun: dict[tuple[Subject, int], list[Subject]] = defaultdict(list)
    for subject, uses in facts.uses.items():
        if subject.kind == "territory" and len(uses) > 1:
            for use in uses:
                if subject in pages[use.currency].states:
                    begun[subject, use.start.year].append(use.currency)
    for (territory, year), currencies in begun.items():
        yield Question(
            f"year-{territory.code}-{year}",
            {territory.docno: 1, **{currency.docno: 2 for currency in currencies}},
            methodcaller("year_in", year, territory),
        )


def _zones() -> Iterator[Question]:
    pages = paragraphs()
    for zone in (subject for subject in pages if subject.kind == "zone"):
        places = [page.subject for page in pages.values() if zone in page.states]
        yield Question(
            f"zone-{zone.code}",
            {zone.docno: 2, **{place.docno: 1 for place in places}},
            methodcaller("of", zone),
        )


def _cities() -> Iterator[Question]:
    facts, pages, english = world(), paragraphs(), Names("en")
    cities = Counter(facts.cities.values())
    for zone, territory in facts.cities.items():
        if cities[territory] > _MOST_CITIES:
            continue  # in vast countries CLDR names towns that few have heard of: Creston, Eucla
        city = english.city(zone) or zone
        relevant = {territory.docno: 2}
        if len(clocks := facts.zones.get(territory, ())) == 1:
            relevant[clocks[0].docno] = 1
        texts = [page.text for page in pages.values() if page.subject.docno in relevant]
        if "," in city or any(_shares_a_word(city, text) for text in texts):
            continue  # the name gives the answer away: Guatemala, Mexico City
        yield Question(f"city-{zone.replace('/', '.')}", relevant, methodcaller("city", zone))


def _shares_a_word(city: str, text: str) -> bool:
    words = set(re.findall(r"\w+", text.casefold()))
    return any(word in words for word in re.findall(r"\w+", city.casefold()))
