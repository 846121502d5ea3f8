"""Splitting texts into passages: no passage is longer than it may be, and no text is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tiny_families import (
    save_llama,
    save_modernbert,
    save_pylate_colbert,
    save_roberta,
    save_xlm_roberta,
)
from tiny_model import save_tiny_model

from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder
from clirot.encoding.token_counts import TokenCounter
from clirot.errors import InputError, UsageError
from clirot.models import resolve
from clirot.retrieval.passages import splitting
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.passages.splitting import Span, Splitter
from clirot.store import Store

AROUND = 2  # tokens that the tiny model puts around a text; each letter of a word is one


def opened(checkpoint: Path) -> MultiVectorTokenEncoder:
    return load_encoder(resolve(str(checkpoint), Store()), side="document")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> MultiVectorTokenEncoder:
    return opened(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def counter(encoder: MultiVectorTokenEncoder) -> TokenCounter:
    return TokenCounter(encoder)


def split(
    counter: TokenCounter, text: str, *, language: str | None = None, **settings: int
) -> list[Span]:
    return list(Splitter(counter, PassageSettings(**settings), language).passages(text))


def texts(text: str, spans: list[Span]) -> list[str]:
    return [text[start:end] for start, end in spans]


def read_of(encoder: MultiVectorTokenEncoder, passages: list[str]) -> Iterator[int]:
    """How many tokens the encoder reads of each, and that it reads all: by encoding them."""
    cut: list[int] = []
    encoder.encode(passages, cut=lambda row, tokens, limit: cut.append(row))
    assert not cut
    for passage in passages:
        (features,) = (
            encoder.model.preprocess(
                [passage], prompt=encoder.model.prompts.get("document"), task="document"
            ),
        )
        yield int(features["attention_mask"].sum())


def word_windows(words: list[str], room: int, overlap: int) -> list[list[str]]:
    """What windows of tokens are, from the definition, for words of one token a letter."""
    found, start = [], 0
    while True:
        end = start
        while end < len(words) and sum(map(len, words[start : end + 1])) <= room:
            end += 1
        found.append(words[start:end])
        if end == len(words):
            return found
        again = end
        while again > start and sum(map(len, words[again:end])) < overlap:
            again -= 1
        while sum(map(len, words[again : end + 1])) > room:
            again += 1
        start = again


@pytest.mark.parametrize("overlap", [0, 1, 7, 19])
def test_windows_of_tokens_are_those_of_the_definition(counter: TokenCounter, overlap: int) -> None:
    draw = random.Random(overlap)
    for _ in range(30):
        words = ["".join(draw.choices("abcdef", k=draw.randint(1, 9))) for _ in range(60)]
        text = draw.choice(["", "  "]) + draw.choice([" ", "\n ", "\u3000"]).join(words)
        spans = split(counter, text, passage_tokens=20 + AROUND, passage_overlap=overlap)
        assert [one.split() for one in texts(text, spans)] == word_windows(words, 20, overlap)
        assert all(one == one.strip() for one in texts(text, spans))


def test_a_text_as_long_as_a_passage_is_one_as_it_is(counter: TokenCounter) -> None:
    text = "  ab abc abcde \n"
    assert split(counter, text, passage_tokens=10 + AROUND) == [(0, len(text))]
    assert texts(text, split(counter, text, passage_tokens=9 + AROUND)) == ["ab abc", "abcde"]
    assert split(counter, text, passage_sentences=1) == [(0, len(text))]


@pytest.mark.parametrize("text", ["", " \n\t", "a", "\u200b"])
@pytest.mark.parametrize("settings", [{"passage_tokens": 5}, {"passage_sentences": 2}])
def test_texts_of_no_token_or_one(
    counter: TokenCounter, text: str, settings: dict[str, int]
) -> None:
    assert split(counter, text, **settings) == [(0, len(text))]


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("am", "ሰላም ነው። እንዴት ነህ? ደህና፤ ነኝ።", ["ሰላም ነው።", "እንዴት ነህ?", "ደህና፤ ነኝ።"]),
        ("hi", "यह एक है। यह दो है॥ क्या?", ["यह एक है।", "यह दो है॥", "क्या?"]),
        ("ar", "كيف حالك؟ أنا بخير. شكرا", ["كيف حالك؟", "أنا بخير.", "شكرا"]),
        ("ur", "یہ ہے۔ وہ ہے۔", ["یہ ہے۔", "وہ ہے۔"]),
        ("zh", "你好。我是。", ["你好。", "我是。"]),
        ("th", "ไป ไหน มา. 😀 ใช่", ["ไป ไหน มา.", "😀 ใช่"]),
        ("en", "Mr. X came. 😀 𝔘 went! Then?", ["Mr. X came.", "😀 𝔘 went!", "Then?"]),
        (None, "Waa kan.\n\nIyo kaas…  Haa", ["Waa kan.", "Iyo kaas…  Haa"]),
    ],
)
def test_sentences_of_many_scripts(
    counter: TokenCounter, language: str | None, text: str, sentences: list[str]
) -> None:
    """Characters beyond the first 65,536 move no place."""
    spans = split(counter, text, language=language, passage_sentences=1)
    assert texts(text, spans) == sentences


def test_sentences_overlap_by_sentences(counter: TokenCounter) -> None:
    text = "Aa. Bb. Cc. Dd. Ee."
    spans = split(counter, text, passage_sentences=3, passage_overlap=2)
    assert texts(text, spans) == ["Aa. Bb. Cc.", "Bb. Cc. Dd.", "Cc. Dd. Ee."]
    # As many as there is room for: 3 of 3 tokens each are too many for 8.
    spans = split(counter, text, passage_sentences=3, passage_overlap=1, passage_tokens=8 + AROUND)
    assert texts(text, spans) == ["Aa. Bb.", "Bb. Cc.", "Cc. Dd.", "Dd. Ee."]


def test_a_sentence_that_is_too_long_is_split_by_its_tokens(counter: TokenCounter) -> None:
    text = "Aa. Bbb bbb bbb bbb. Cc. Dd."
    spans = split(counter, text, passage_sentences=2, passage_tokens=6 + AROUND)
    assert texts(text, spans) == ["Aa.", "Bbb bbb", "bbb", "bbb.", "Cc. Dd."]


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "modernbert": save_modernbert,  # a word without the space before it is other tokens
    "roberta": save_roberta,
    "xlm-roberta": save_xlm_roberta,
    "colbert": save_pylate_colbert,  # a marker before the text, and a length of its own
    "llama": save_llama,  # a chat template around it
}
WORDS = ["salt", "and", "Wasser", "ሰላም", "क्षेत्र", "你好世界", "สวัสดีครับ", "😀", "x" * 70, "é", "a-b"]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_passage_is_longer_than_it_may_be(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any tokenizer, in any script; and every character is in a passage."""
    monkeypatch.setattr(splitting, "_BLOCK", 64)
    encoder = opened(FAMILIES[family](tmp_path / family))
    counter = TokenCounter(encoder)
    draw = random.Random(3)
    for number in range(8):
        text = " ".join(draw.choices(WORDS, k=30)) + draw.choice(["", "።", "字" * 90])
        most = min(counter.limit, counter.around + draw.choice([5, 20, 40]))
        settings = {"passage_tokens": most, "passage_overlap": number % 3}
        if number % 2:
            settings["passage_sentences"] = 3
        spans = split(counter, text, **settings)
        assert len(spans) > 1
        covered = set()
        for start, end in spans:
            covered.update(range(start, end))
        assert {place for place in range(len(text)) if not text[place].isspace()} <= covered
        assert spans == sorted(set(spans))
        for (_, before), (_, after) in pairwise(spans):
            assert after > before
        assert max(read_of(encoder, texts(text, spans))) <= most


def test_the_limit_is_what_the_encoder_reads(
    encoder: MultiVectorTokenEncoder, counter: TokenCounter
) -> None:
    assert (counter.limit, counter.around) == (64, AROUND)
    text = "ab " * 300
    assert max(read_of(encoder, texts(text, split(counter, text, passage_sentences=9)))) == 64


@pytest.mark.parametrize("text", ["ab " * 100_000, "a" * 300_000, "Ab. " * 75_000])
def test_long_texts_are_read_block_by_block(
    counter: TokenCounter, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than a block is tokenized at a time, so that the memory does not grow."""
    longest = 0
    places, lengths = TokenCounter.places, TokenCounter.lengths

    def noted_places(self: TokenCounter, text: str) -> list[Span]:
        nonlocal longest
        longest = max(longest, len(text))
        return places(self, text)

    def noted_lengths(self: TokenCounter, texts: list[str]) -> list[int]:
        nonlocal longest
        longest = max(longest, sum(map(len, texts)))
        return lengths(self, texts)

    monkeypatch.setattr(TokenCounter, "places", noted_places)
    monkeypatch.setattr(TokenCounter, "lengths", noted_lengths)
    for settings in ({"passage_tokens": 60}, {"passage_sentences": 4}):
        spans = Splitter(counter, PassageSettings(**settings), None).passages(text)
        assert next(spans)[0] == 0
        assert sum(1 for _ in spans) >= 0
    assert 0 < longest <= splitting._BLOCK


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"passage_overlap": 3}, "`passage_overlap` is for passages"),
        ({"max_passages": 3}, "`max_passages` is for passages"),
        ({"passage_tokens": 9, "passage_overlap": 9}, "`passage_overlap` is 9, .* has 9 at most"),
        (
            {"passage_tokens": 9, "passage_sentences": 2, "passage_overlap": 2},
            r"has 2 at most \(`passage_sentences`\)",
        ),
        ({"passage_tokens": 0}, "`passage_tokens` must be at least 1"),
        ({"passage_tokens": 9, "passage_overlap": -1}, "`passage_overlap` must be at least 0"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PassageSettings(**settings)


def test_passages_that_the_encoder_cannot_have(counter: TokenCounter) -> None:
    with pytest.raises(UsageError, match=r"is 65, and .*tiny reads 64 of a text at most"):
        Splitter(counter, PassageSettings(passage_tokens=65), None)
    with pytest.raises(UsageError, match=r"is 2, and .*tiny puts 2 around every text"):
        Splitter(counter, PassageSettings(passage_tokens=2), None)


def test_a_tokenizer_without_places(
    encoder: MultiVectorTokenEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(encoder.model.tokenizer), "is_fast", False)
    with pytest.raises(InputError, match="does not say where its tokens lie"):
        TokenCounter(encoder)
