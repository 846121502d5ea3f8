"""``cldr/<lang>``: facts that can be looked up, judgements that the texts bear out."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from clirot.collection import Collection, open_collection
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
    assert 500 <= len(documents) <= 1200
    assert max(len(document.text.split()) for document in documents) <= 150
    assert collection.digest == open_collection("cldr/so").digest  # one index for all languages
    topics, judgements = collection.topics(), collection.qrels()
    assert 150 <= len(topics) <= 400
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


def test_facts_that_can_be_looked_up(somali: Collection) -> None:
    texts = _texts(somali)
    assert "Its official languages are Somali and Arabic." in texts["territory-SO"]
    assert "the Somali Shilling (since 1960)" in texts["territory-SO"]
    assert "Its clocks keep East Africa Time." in texts["territory-SO"]
    assert "Germany from 20 June 1948 to 28 February 2002" in texts["currency-DEM"]
    assert "It has official standing in Somalia" in texts["language-so"]
    assert "Kenya" in texts["zone-Africa_Eastern"] and "Somalia" in texts["zone-Africa_Eastern"]
    assert "Marathi" in texts["script-Deva"] and "Hindi" in texts["script-Deva"]


def test_somali_topics_are_what_cldr_calls_things(somali: Collection) -> None:
    topics = {topic.id: topic.text for topic in open_collection("cldr/so").topics()}
    english = _english(somali)
    assert {topic.split("-")[0] for topic in topics} == {
        *("name", "spoken", "both", "year", "zone", "city")
    }
    from babel import Locale

    locale = Locale("so")
    for identifier, text in topics.items():
        family, _, rest = identifier.partition("-")
        if family == "name" and rest.startswith("territory-"):
            assert text == locale.territories[rest.removeprefix("territory-")]
        if family == "both":
            one, other = rest.split("-")
            assert text == f"{locale.territories[one]} iyo {locale.territories[other]}"
        if family == "city" and english[identifier] == "Mogadishu":
            assert text == "Muqdisho"


def test_judgements_are_borne_out_by_the_texts() -> None:
    """The texts as an oracle: names are looked for in them, not in the facts they came from."""
    from babel import Locale

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
    assert checked == {
        "name": 80, "spoken": 60, "both": 50, "year": 40, "zone": 50, "city": 40
    }  # fmt: skip


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
    assert checked >= 10


def test_another_process_and_hash_seed_make_the_same_collection(somali: Collection) -> None:
    program = (
        "from clirot.collection import open_collection as o; c = o('cldr/so');"
        "print(c.digest, c.topics_digest(), c.topics_digest('en'), sorted(c.qrels()['zone-Nepal']))"
    )
    made = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    grades = sorted(somali.qrels()["zone-Nepal"])
    expected = [somali.digest, somali.topics_digest(), somali.topics_digest("en"), str(grades)]
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


@pytest.mark.parametrize("language", ["cop", "aa"])
def test_a_language_that_cldr_hardly_knows(language: str) -> None:
    with pytest.raises(InputError, match="CLDR"):
        open_collection(f"cldr/{language}")


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
