"""Language codes in every spelling that people and corpora use."""

from __future__ import annotations

import pytest

from clirot.errors import LanguageError
from clirot.languages import language_name, parse_language
from clirot.records import LanguagePair


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("so", "so"),
        ("som", "so"),
        ("SO", "so"),
        (" so ", "so"),
        ("so-SO", "so"),
        ("so_SO", "so"),
        ("som_Latn", "so"),
        ("so-Arab", "so-Arab"),
        ("sw", "sw"),
        ("swa", "sw"),
        ("swh", "sw"),
        ("tl", "tl"),
        ("tgl", "tl"),
        ("fil", "tl"),
        ("mar_Deva", "mr"),
        ("arb", "ar"),
        ("zh", "zh"),
        ("cmn", "zh"),
        ("zh_Hans", "zh"),
        ("zh-Hant", "zh-Hant"),
        ("es-LA", "es-419"),
        ("sr", "sr"),
        ("sr-Cyrl", "sr"),
        ("sr-Latn", "sr-Latn"),
        ("iw", "he"),
        ("fre", "fr"),
        ("ger", "de"),
        ("quc", "quc"),
    ],
)
def test_every_spelling_of_a_language_is_stored_as_one(written, stored):
    assert parse_language(written) == stored
    assert parse_language(stored) == stored


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("somali", "did you mean 'so'?"),
        ("Swahili", "did you mean 'sw'?"),
        ("smoali", "did you mean 'so'?"),
        ("filipino", "did you mean 'tl'?"),
        ("xx", "write ISO 639-1"),
        ("", "write ISO 639-1"),
        ("so so", "did you mean"),
        ("und", "write ISO 639-1"),
        ("mul", "write ISO 639-1"),
        ("zxx", "write ISO 639-1"),
        ("sgn", "write ISO 639-1"),
        ("qaa", "write ISO 639-1"),
        ("x-private", "write ISO 639-1"),
        ("../so", "write ISO 639-1"),
        ("so/..", "write ISO 639-1"),
        ("1", "write ISO 639-1"),
        ("419", "write ISO 639-1"),
        ("001", "write ISO 639-1"),
    ],
)
def test_what_is_no_language_is_refused_with_a_hint(written, hint):
    with pytest.raises(LanguageError) as caught:
        parse_language(written)
    assert caught.value.message == f"not a language code: {written!r}"
    assert hint in (caught.value.hint or "")
    assert repr(written) not in (caught.value.hint or ""), "suggests what was just refused"
    assert caught.value.exit_code == 2


def test_names():
    assert [language_name(code) for code in ("so", "tl", "zh-Hant", "sr-Latn", "quy")] == [
        "Somali",
        "Tagalog",
        "Traditional Chinese",
        "Serbian",
        "quy",
    ]


def test_a_pair_reads_back_what_it_writes():
    assert LanguagePair.parse("eng-som") == LanguagePair("en", "so")
    assert str(LanguagePair.of("en", "sr-Latn")) == "en-sr-Latn"
    assert LanguagePair.parse("en-sr-Latn") == LanguagePair("en", "sr-Latn")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("en", "not a language pair"),
        ("en-eng", "the same language"),
        ("tl-fil", "the same language"),
        ("en-", "not a language code: ''"),
    ],
)
def test_what_is_no_pair_is_refused(text, message):
    with pytest.raises(LanguageError, match=message):
        LanguagePair.parse(text)
