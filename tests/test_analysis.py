"""Words for lexical retrieval: segmentation, stop words, stemmers."""

from __future__ import annotations

import pytest
import Stemmer

from clirot.analysis import AnalysisSettings, Analyzer, words
from clirot.errors import UnknownNameError


def test_english_is_analysed_as_by_the_default_analyser_of_anserini() -> None:
    # What Lucene's EnglishAnalyzer gives for this text: possessives, 33 stop words, Porter.
    text = "The Dogs' owner's 3.5 vaccinations, in the U.K., were RUNNING."
    assert Analyzer("en").terms(text) == ["dog", "owner", "3.5", "vaccin", "u.k", "were", "run"]


def test_languages_without_spaces_are_segmented() -> None:
    assert words("ภาษาไทยง่าย", "th") == ["ภาษา", "ไทย", "ง่าย"]
    assert words("我是中国人。", "zh") == ["我是", "中国人"]
    assert words("東京都に行く", "ja") == ["東京", "都", "に", "行く"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Waa'ee maq-balleessii", ["waa'ee", "maq", "balleessii"]),
        ("ﬁne Ⅳ", ["fine", "iv"]),  # compatibility forms
        ("e.g. don’t", ["e.g", "don’t"]),
        ("- — … !?", []),
        ("", []),
        ("plain words  here", ["plain", "words", "here"]),
        ("a1 b2", ["a1", "b2"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text, None) == expected


@pytest.mark.parametrize(
    ("pointed", "plain"),
    [
        ("فِي ٱلْبَدْءِ خَلَقَ", "في البدء خلق"),
        ("كتـــاب", "كتاب"),
        ("בְּרֵאשִׁית בָּרָא", "בראשית ברא"),
    ],
)
def test_vowel_signs_that_most_text_leaves_out_are_no_part_of_a_word(
    pointed: str, plain: str
) -> None:
    assert words(pointed, None) == plain.split()


def test_text_of_ascii_letters_alone_is_cut_as_icu_cuts_it() -> None:
    from icu4py.breakers import WordBreaker

    text = "salt and bread  over the Moon"
    cut = [one.lower() for one in WordBreaker(text, "en") if one.strip()]
    assert words(text, "en") == cut


@pytest.mark.parametrize(("language", "stemmer"), [("fi", "finnish"), ("de-AT", "german")])
def test_other_languages_have_snowball_and_no_stop_words(language: str, stemmer: str) -> None:
    analyzer = Analyzer(language)
    assert analyzer.stemmer == stemmer and not analyzer.stopwords
    stem = Stemmer.Stemmer(stemmer).stemWord
    text = "der hauses taloissa und"
    assert analyzer.terms(text) == [stem(one) for one in text.split()]


@pytest.mark.parametrize("language", ["so", "am", None, "xx-unknown"])
def test_a_language_without_a_stemmer_keeps_its_words(language: str | None) -> None:
    assert Analyzer(language).terms("The dogs running") == ["the", "dogs", "running"]


def test_settings_override_the_language() -> None:
    plain = Analyzer("en", AnalysisSettings(stemmer="none", stopwords="none"))
    assert plain.terms("the dogs") == ["the", "dogs"]
    assert Analyzer(None, AnalysisSettings(stemmer="english")).terms("dogs") == ["dog"]


def test_an_unknown_stemmer_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError) as caught:
        AnalysisSettings(stemmer="finish")
    assert "did you mean 'finnish'?" in str(caught.value.hint)
