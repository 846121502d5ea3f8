"""``cldr/<lang>``: facts that can be looked up, judgements that the texts bear out.

Every CLDR release adds names and facts, so the tests state what holds for any of them. Babel's own
tables say what must be there.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date

import pytest
from babel import Locale
from babel.core import get_global
from babel.dates import format_date
from babel.lists import format_list
from babel.localedata import locale_identifiers

from clirot.collection import Collection, open_collection
from clirot.collection.cldr.collection import FAMILIES, FEWEST_TOPICS, questions
from clirot.errors import InputError

LANGUAGES = ["so", "sw", "tl", "mr", "fi", "am", "yo", "ha", "de", "zh-Hant", "en"]


@pytest.fixture(scope="module")
def somali() -> Collection:
    return open_collection("cldr/so")


def _texts(collection: Collection) -> dict[str, str]:
    return {document.id: document.text for document in collection.documents()}


def _english(collection: Collection) -> dict[str, str]:
    return {topic.id: topic.text for topic in collection.topics("en")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_whole_collection(language: str) -> None:
    collection = open_collection(f"cldr/{language}")
    documents = list(collection.documents())
    assert len({document.id for document in documents}) == len(documents)
    assert collection.document_count == len(documents)
    assert {document.id.split("-")[0] for document in documents} == {
        *("territory", "language", "currency", "script", "zone")
    }
    assert max(len(document.text.split()) for document in documents) <= 150
    assert collection.digest == open_collection("cldr/so").digest  # one index for all languages
    topics, judgements = collection.topics(), collection.qrels()
    assert len({topic.id for topic in topics}) == len(topics)
    families = Counter(topic.id.split("-")[0] for topic in topics)
    assert families.keys() <= FAMILIES.keys()
    assert all(families[family] <= FAMILIES[family] for family in families)
    assert all(topic.text.strip() for topic in topics)
    assert {topic.id for topic in topics} == judgements.keys()
    assert [topic.id for topic in collection.topics("en")] == [topic.id for topic in topics]
    known = {document.id for document in documents}
    for grades in judgements.values():
        assert grades.keys() <= known
        assert set(grades.values()) <= {1, 2} and 2 in grades.values()
    if language != "en":
        english = _english(collection)
        same = [topic for topic in topics if topic.text.casefold() == english[topic.id].casefold()]
        assert not same


@pytest.mark.parametrize("code", ["SO", "KE", "CH", "IN", "PH"])
def test_what_babel_knows_of_a_territory_is_stated(somali: Collection, code: str) -> None:
    names, text = Locale("en"), _texts(somali)[f"territory-{code}"]
    assert text.startswith(f"{names.territories[code]} is ")
    table = get_global("territory_languages")[code]
    official = [language for language, row in table.items() if row["official_status"]]
    official.sort(key=lambda language: -table[language]["population_percent"])
    stated = [names.languages[language] for language in official if language in names.languages]
    assert f" {format_list(stated[:7], locale='en')}." in text
    for currency, start, end, tender in get_global("territory_currencies")[code]:
        if tender and end is None:
            assert f"the {names.currencies[currency]} (since {start[0]})" in text
    metas = {get_global("meta_zones").get(zone) for zone in get_global("territory_zones")[code]}
    kept = [names.meta_zones[meta]["long"] for meta in metas if meta in names.meta_zones]
    assert kept or code != "SO"  # of some territories a release names no time zone
    assert all((zone.get("generic") or zone["standard"]) in text for zone in kept)


def test_what_babel_knows_of_a_currency_a_language_and_a_script_is_stated(
    somali: Collection,
) -> None:
    names, texts = Locale("en"), _texts(somali)
    uses = [row for row in get_global("territory_currencies")["DE"] if row[0] == "DEM"]
    start, end = (format_date(date(*uses[0][place]), "d MMMM y", locale="en") for place in (1, 2))
    assert f"{names.territories['DE']} from {start} to {end}" in texts["currency-DEM"]
    assert f"It has official standing in {names.territories['SO']}" in texts["language-so"]
    for language in ("mr", "hi"):
        assert names.languages[language] in texts["script-Deva"]
    for territory in ("KE", "SO"):
        assert names.territories[territory] in texts["zone-Africa_Eastern"]


def test_somali_topics_are_what_cldr_calls_things(somali: Collection) -> None:
    topics = {topic.id: topic.text for topic in open_collection("cldr/so").topics()}
    assert {topic.split("-")[0] for topic in topics} == FAMILIES.keys()
    locale = Locale("so")
    for identifier, text in topics.items():
        family, _, rest = identifier.partition("-")
        if family == "name" and rest.startswith("territory-"):
            assert text == locale.territories[rest.removeprefix("territory-")]
        if family == "both":
            one, other = rest.split("-")
            both = [locale.territories[one], locale.territories[other]]
            assert text == format_list(both, locale=locale)
        if family == "city":
            assert text == locale.time_zones[rest.replace(".", "/")]["city"]


def test_judgements_are_borne_out_by_the_texts() -> None:
    """The texts as an oracle: names are looked for in them, not in the facts they came from."""
    names = Locale("en")
    collection = open_collection("cldr/so")
    texts, english = _texts(collection), _english(collection)
    checked: Counter[str] = Counter()
    for identifier, grades in collection.qrels().items():
        family, _, rest = identifier.partition("-")
        checked[family] += 1
        topic = english[identifier]
        for docno, grade in grades.items():
            text = texts[docno]
            if family in ("name", "zone"):
                assert topic in text or docno.startswith("zone-")
                opens = text.removeprefix("The ").startswith(topic)
                assert opens or grade == 1
            elif family == "spoken":
                language, _, place = topic.rpartition(" (")
                assert language in text and place.removesuffix(")") in text
            elif family == "year" and grade == 2:
                place, _, year = topic.rpartition(" (")
                assert place in text and year.removesuffix(")") in text
            elif family == "both" and grade == 2:
                one, other = rest.split("-")
                assert names.territories[one] in text and names.territories[other] in text
            elif family == "city":
                words = set(re.findall(r"\w+", text.casefold()))
                assert not words & set(re.findall(r"\w+", topic.casefold()))
    assert checked.keys() == FAMILIES.keys()


def test_no_relevant_paragraph_is_forgotten() -> None:
    """A paragraph that names what a ``name`` topic asks for is judged, found by searching texts."""
    collection = open_collection("cldr/so")
    texts, english = _texts(collection), _english(collection)
    checked = 0
    for identifier, grades in collection.qrels().items():
        name = english[identifier]
        if identifier.startswith("name-currency-") and "(" not in name:
            for docno, text in texts.items():
                if docno.startswith("territory-") and f"the {name} (" in text:
                    assert docno in grades
                    checked += 1
    assert checked


def test_another_process_and_hash_seed_make_the_same_collection(somali: Collection) -> None:
    program = (
        "from clirot.collection import open_collection as o; c = o('cldr/so');"
        "print(c.digest, c.topics_digest(), c.topics_digest('en'), c.qrels())"
    )
    made = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    judgements = str(somali.qrels())
    expected = [somali.digest, somali.topics_digest(), somali.topics_digest("en"), judgements]
    assert made.stdout.strip() == " ".join(expected)


def test_neither_trivial_nor_hopeless(somali: Collection) -> None:
    """Words in common find most of it for English topics and little for Somali ones."""
    documents = list(somali.documents())
    score = _bm25([document.text for document in documents])
    ids = [document.id for document in documents]
    found = {}
    for language in ("en", "so"):
        values = [
            _average_precision(score(topic.text), ids, somali.qrels()[topic.id])
            for topic in somali.topics(language)
        ]
        found[language] = sum(values) / len(values)
    assert 0.6 < found["en"] < 0.95
    assert 0.05 < found["so"] < 0.3


def test_what_the_cldr_bitext_has_seen(somali: Collection) -> None:
    from clirot.bitext.sources.cldr import CldrSource
    from clirot.records import LanguagePair

    seen = {pair.tgt for pair in CldrSource().read(LanguagePair("en", "so"))}
    share = Counter[str]()
    whole = Counter[str]()
    for topic in somali.topics():
        family = topic.id.split("-")[0]
        whole[family] += 1
        share[family] += topic.text in seen
    assert all(share[family] == whole[family] for family in ("name", "zone", "city"))
    assert not any(share[family] for family in ("spoken", "both", "year"))


def test_a_language_that_cldr_does_not_know() -> None:
    known = {code.split("_")[0] for code in locale_identifiers()}
    unknown = next(code for code in ("aa", "cop", "gez", "arc", "akk") if code not in known)
    with pytest.raises(InputError, match=f"CLDR has no data for '{unknown}'"):
        open_collection(f"cldr/{unknown}")


def test_a_language_that_cldr_hardly_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    enough = questions("so")[:FEWEST_TOPICS]
    monkeypatch.setattr("clirot.collection.cldr.collection.questions", lambda language: enough)
    assert len(open_collection("cldr/so").topics()) == FEWEST_TOPICS
    enough.pop()
    with pytest.raises(InputError, match="CLDR names too little in 'so'"):
        open_collection("cldr/so")


def _bm25(texts: list[str]) -> Callable[[str], list[float]]:
    bags = [Counter(re.findall(r"\w+", text.lower())) for text in texts]
    lengths = [sum(bag.values()) for bag in bags]
    mean = sum(lengths) / len(lengths)
    frequency = Counter(word for bag in bags for word in bag)

    def score(query: str) -> list[float]:
        scores = [0.0] * len(bags)
        for word in re.findall(r"\w+", query.lower()):
            rarity = math.log(1 + (len(bags) - frequency[word] + 0.5) / (frequency[word] + 0.5))
            for place, bag in enumerate(bags):
                if count := bag[word]:
                    norm = 1.2 * (0.25 + 0.75 * lengths[place] / mean)
                    scores[place] += rarity * count * 2.2 / (count + norm)
        return scores

    return score


def _average_precision(scores: list[float], ids: list[str], grades: dict[str, int]) -> float:
    ranked = sorted((place for place in range(len(ids)) if scores[place] > 0),
                    key=lambda place: (-scores[place], ids[place]))  # fmt: skip
    hits, total = 0, 0.0
    for rank, place in enumerate(ranked, start=1):
        if ids[place] in grades:
            hits += 1
            total += hits / rank
    return total / len(grades)
