"""Subwords that an encoder's vocabulary gains: which, at which ids, and what stays as it was."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import sparse
from tiny_model import encoded_without_clirot, save_bitext, save_tiny_model, tiny_config
from tiny_tokenizers import ENGLISH, FOREIGN, KINDS, LATIN, byte_bpe, unigram

from clirot.bitext.translation_table import TranslationTable
from clirot.distillation.fast_tokenizer import unchangeable
from clirot.distillation.settings import TransplantSettings
from clirot.distillation.subwords.base_vocabulary import BaseVocabulary
from clirot.distillation.subwords.coverage import coverage
from clirot.distillation.subwords.decision import check_holds, with_subwords
from clirot.distillation.subwords.growth import Growth, grown
from clirot.distillation.subwords.merges import learn_merges
from clirot.distillation.subwords.placement import placed
from clirot.encoding.encoders import load_model, save_model
from clirot.errors import ChoiceNotice, CoverageWarning, UsageError
from clirot.records import SentencePair


def _grown(base: BaseVocabulary, texts: list[str], most: int = 120) -> Growth:
    return grown(base, base.words(texts), base.words(ENGLISH), most=most)


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text)["input_ids"])


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("texts", [FOREIGN, LATIN], ids=["script", "latin"])
@pytest.mark.parametrize("added", [(), ("[Q] ", "[D] ")], ids=["plain", "markers"])
def test_a_vocabulary_gains_pieces_after_its_own(
    kind: str, texts: list[str], added: tuple[str, ...]
) -> None:
    before = KINDS[kind](added=added)
    base = BaseVocabulary(before)
    growth = _grown(base, texts)
    after = base.with_model(growth.model)
    assert 0 < len(growth.pieces) <= 120
    first = len(before)
    assert base.first_new == first
    assert [after.convert_tokens_to_ids(piece) for piece in growth.pieces] == [
        *range(first, first + len(growth.pieces))
    ]
    for token in (*before.all_special_tokens, *added):
        assert after.convert_tokens_to_ids(token) == before.convert_tokens_to_ids(token)
    assert after.all_special_ids == before.all_special_ids
    for text in texts:
        assert len(_ids(after, text)) < len(_ids(before, text)) or kind == "wordpiece"
        assert after.unk_token_id not in _ids(after, text)
        if kind != "unigram":
            assert after.decode(after(text, add_special_tokens=False)["input_ids"]) == text
    for text in ENGLISH:
        assert _ids(after, text) == _ids(before, text)
    for piece, parts in growth.parts.items():
        bare = [one.removeprefix(base.inside) for one in parts[1:]]
        assert "".join([*parts[:1], *bare]) == piece


def test_every_word_that_was_one_piece_is_one_still(kind: str) -> None:
    base = BaseVocabulary(KINDS[kind]())
    after = BaseVocabulary(base.with_model(_grown(base, LATIN).model))
    own = [one for one in base.ids if one.isalpha()]
    assert after.cut(own) == base.cut(own)


_WORDS = sorted({word for text in ENGLISH for word in text.split()})


@hypothesis_settings(max_examples=60, deadline=None)
@given(words=st.lists(st.sampled_from(_WORDS), min_size=1, max_size=12))
def test_english_sentences_have_the_ids_that_they_had(words: list[str]) -> None:
    for before, after in _pairs_of_tokenizers():
        text = " ".join(words)
        assert _ids(after, text) == _ids(before, text)


_MADE: list[tuple[Any, Any]] = []


def _pairs_of_tokenizers() -> list[tuple[Any, Any]]:
    if not _MADE:
        for make in KINDS.values():
            base = BaseVocabulary(make())
            _MADE.append((base.tokenizer, base.with_model(_grown(base, LATIN).model)))
    return _MADE


def test_merges_that_a_whole_word_would_pass_over_are_not_learnt_of_english() -> None:
    base = BaseVocabulary(byte_bpe(ignore_merges=True))
    after = base.with_model(_grown(base, [*LATIN, "water", "waters"]).model)
    for text in ENGLISH:
        assert _ids(after, text) == _ids(base.tokenizer, text)


def test_characters_of_english_text_stay_unknown() -> None:
    base = BaseVocabulary(unigram())
    english = [*ENGLISH, "ማይ is water"]
    growth = grown(base, base.words(FOREIGN), base.words(english), most=60)
    assert not {"ማ", "▁ማይ"} & {*growth.pieces}


def test_the_same_words_give_the_same_vocabulary_in_every_process() -> None:
    code = """
import json, sys
from tiny_model import save_bitext, save_tiny_model, tiny_config
from tiny_tokenizers import ENGLISH, FOREIGN, KINDS, LATIN
from clirot.distillation.subwords.base_vocabulary import BaseVocabulary
from clirot.distillation.subwords.growth import grown
from transformers import PreTrainedTokenizerFast
for kind in KINDS:
    base = BaseVocabulary(PreTrainedTokenizerFast.from_pretrained(f"{sys.argv[1]}/{kind}"))
    for texts in (FOREIGN, LATIN):
        found = grown(base, base.words(texts), base.words(ENGLISH), most=50)
        print(json.dumps([found.pieces, found.model], sort_keys=True))
"""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for kind, make in KINDS.items():
            make().save_pretrained(f"{folder}/{kind}")
        runs = [
            subprocess.run(
                [sys.executable, "-c", code, folder],
                check=True,
                capture_output=True,
                text=True,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
                    "PYTHONHASHSEED": str(seed),
                    "TOKENIZERS_PARALLELISM": parallel,
                },
            ).stdout
            for seed, parallel in ((1, "true"), (2, "false"))
        ]
    assert runs[0] == runs[1] and len(runs[0]) > 1000


def test_merges_go_by_frequency_and_then_by_name() -> None:
    words = {("a", "b", "c"): 3, ("b", "c"): 1, ("a", "b"): 1, ("x", "y"): 4, ("z", "z", "z"): 1}
    found = learn_merges(
        words, most=9, joined=str.__add__, allowed=lambda pair, piece: piece != "xy"
    )
    assert [(one.piece, one.count) for one in found] == [("ab", 4), ("abc", 3), ("zz", 2)]


def test_what_cannot_gain_pieces_says_what_it_is() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE, WordLevel
    from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

    def fast(model: Any) -> Any:
        return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model))

    assert unchangeable(fast(BPE())) == ""
    assert unchangeable(fast(WordLevel({"a": 0}, unk_token="a"))) == "WordLevel"
    assert "end_of_word_suffix" in unchangeable(fast(BPE(end_of_word_suffix="</w>")))
    assert unchangeable(ByT5Tokenizer()) == "ByT5Tokenizer, which has no fast version"


def _sentences(english: list[str], other: list[str]) -> list[SentencePair]:
    return [SentencePair(one, two) for one, two in zip(english, other, strict=True)]


def test_a_language_that_is_broken_to_pieces_lacks_subwords_and_one_without_spaces_does_not() -> (
    None
):
    tokenizer = byte_bpe()
    assert coverage(tokenizer, _sentences(ENGLISH, FOREIGN)).lacking
    assert not coverage(tokenizer, _sentences(ENGLISH, ENGLISH)).lacking
    # A sign for each word and nothing between them, as in Chinese.
    signs = ["".join(word[0] for word in one.split()) for one in ENGLISH]
    spaceless = coverage(tokenizer, _sentences(ENGLISH, signs))
    assert spaceless.pieces_a_word > 3 * spaceless.english_pieces_a_word
    assert not spaceless.lacking
    unknown = coverage(unigram(), _sentences(ENGLISH, FOREIGN))
    assert unknown.unknown > 0.3 and unknown.lacking


def test_a_subword_starts_between_its_translations_and_what_it_replaces() -> None:
    old = np.array([[2.0, 0, 0], [0, 4.0, 0], [0, 0, 1.0], [0, 0, 3.0]])
    table = TranslationTable(
        probability=sparse.csr_matrix(
            [[0] * 4] * 4 + [[0.5, 0.5, 0, 0], [0, 0, 0, 0], [1.0, 0, 0, 0], [0] * 4]
        ),
        evidence=np.array([0, 0, 0, 0, 6.0, 0, 3.0, 0]),
    )
    replaced: dict[int, list[int]] = {4: [], 5: [2, 3], 6: [1], 7: []}
    found, explained = placed(old, table, replaced, known=3.0)
    assert explained == 0.5
    lengths = np.linalg.norm(found, axis=1)
    assert np.allclose(lengths, [3.0, 2.0, 3.0, 2.5])  # of what they are made of
    assert np.allclose(found[0] / lengths[0], np.array([1, 2, 0]) / 5**0.5)
    assert np.allclose(found[1], [0, 0, 2.0])
    assert np.allclose(found[2] / lengths[2], np.array([1, 2, 0]) / 5**0.5)
    assert np.allclose(found[3] / 2.5, old.mean(axis=0) / np.linalg.norm(old.mean(axis=0)))


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """XLM-R with rows of the embeddings that no id uses."""
    return _save_encoder(tmp_path / "encoder", unigram(added=("[Q] ",)), unused=7)


def _save_encoder(directory: Path, tokenizer: Any, *, unused: int = 0) -> Path:
    from transformers import XLMRobertaConfig, XLMRobertaModel

    torch.manual_seed(3)
    model = XLMRobertaModel(
        XLMRobertaConfig(
            vocab_size=len(tokenizer) + unused,
            pad_token_id=1,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=80,
        )
    )
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_()
    directory.mkdir()
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def _weight(model: Any) -> torch.Tensor:
    found: torch.Tensor = model[0].auto_model.get_input_embeddings().weight.detach().clone()
    return found


_SETTINGS = TransplantSettings(vocabulary=100)


@pytest.mark.parametrize("most", [100, 5])
def test_a_student_gains_subwords_and_loads_without_clirot(
    encoder: Path, tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(encoder)
    before, tokenizer = _weight(model), model.tokenizer
    first = len(tokenizer)
    settings = TransplantSettings(vocabulary=100)
    object.__setattr__(settings, "vocabulary", most)  # below its range, to fit the unused rows
    with pytest.warns(CoverageWarning, match="unknown"), pytest.warns(ChoiceNotice, match="gains"):
        figures, new_from = with_subwords(
            model, {"ti": _sentences(ENGLISH, FOREIGN)}, settings, passes={"ti": 1.0}
        )
    assert new_from == figures["first_new"] == first
    after = _weight(model)
    size = first + figures["new_subwords"]
    assert len(after) == max(len(before), size)
    assert torch.equal(after[:first], before[:first])
    assert torch.equal(after[size : len(before)], before[size:])
    lengths = after[first:size].norm(dim=1)
    usual = before[:first].norm(dim=1)
    assert usual.min() * 0.7 < lengths.min() and lengths.max() < usual.max() * 1.3
    assert figures["english_changed"] == 0
    assert figures["coverage"]["ti"]["unknown"] > figures["coverage_after"]["ti"]["unknown"]
    assert model.encode_query([FOREIGN[0]])[0].shape[1] == 16

    save_model(model, tmp_path / "student")
    again = load_model(tmp_path / "student")
    for text in (FOREIGN[0], ENGLISH[0], "[Q] water"):
        assert _ids(again.tokenizer, text) == _ids(model.tokenizer, text)
    expected = model.encode_query([FOREIGN[0]])[0].numpy()
    found = encoded_without_clirot(tmp_path / "student", FOREIGN[0], tmp_path)
    assert np.allclose(found, expected, atol=1e-6)


def test_languages_take_turns_and_those_that_are_covered_stay(encoder: Path) -> None:
    model = load_model(encoder)
    begin = model.tokenizer
    bitexts = {
        "ti": _sentences(ENGLISH, FOREIGN),
        "en": _sentences(ENGLISH, ENGLISH),
        "am": _sentences(ENGLISH, FOREIGN[::-1]),
    }
    with pytest.warns((CoverageWarning, ChoiceNotice)):
        figures, _ = with_subwords(
            model, bitexts, _SETTINGS, passes={"ti": 1.0, "en": 1.0, "am": 2.0}
        )
    assert set(figures["added"]) == {"ti", "am"}
    assert figures["added"]["ti"] > 10 > figures["added"]["am"]  # they are there already
    for text in ENGLISH:
        assert _ids(model.tokenizer, text) == _ids(begin, text)


def test_what_is_covered_or_left_alone_stays_as_it_is(encoder: Path) -> None:
    model = load_model(encoder)
    for bitext, how in ((ENGLISH, "auto"), (LATIN, "never")):
        before = model.tokenizer
        figures, new_from = with_subwords(
            model,
            {"so": _sentences(ENGLISH, bitext)},
            TransplantSettings(add_subwords=how),
            passes={"so": 1.0},
        )
        assert new_from is None and model.tokenizer is before
        assert set(figures) == {"coverage"}
    with pytest.warns(ChoiceNotice, match="gains"):
        _, new_from = with_subwords(
            model,
            {"so": _sentences(ENGLISH, LATIN)},
            TransplantSettings(add_subwords="always"),
            passes={"so": 1.0},
        )
    assert new_from is not None


def test_a_tokenizer_that_cannot_gain_subwords_is_told(
    encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clirot.distillation.subwords import decision

    model = load_model(encoder)
    monkeypatch.setattr(decision, "unchangeable", lambda tokenizer: "Bytes")
    check_holds(model, TransplantSettings())
    with pytest.raises(UsageError, match="Bytes"):
        check_holds(model, TransplantSettings(add_subwords="always"))
    with pytest.warns(CoverageWarning) as told:
        _, new_from = with_subwords(
            model, {"ti": _sentences(ENGLISH, FOREIGN)}, TransplantSettings(), passes={"ti": 1.0}
        )
    assert new_from is None and len(told) == 2
    assert "gains no subwords, since its tokenizer is Bytes" in str(told[1].message)


@pytest.mark.parametrize("how", ["auto", "always"])
def test_a_student_is_made_with_subwords(
    how: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clirot.distillation import distill
    from clirot.distillation.training import trainer

    seen: list[Any] = []
    train = trainer.train

    def watched(model: Any, task: Any, *args: Any, **more: Any) -> Any:
        seen.append((task, len(model.tokenizer)))
        return train(model, task, *args, **more)

    monkeypatch.setattr(trainer, "train", watched)
    teacher, bitext = save_tiny_model(tmp_path / "teacher"), save_bitext(tmp_path / "so.tsv")
    # The tiny model knows no digits.
    lettered = bitext.read_text(encoding="utf-8").translate(
        str.maketrans("0123456789", "klmnopqrst")
    )
    rows = [row.split("\t")[:2] for row in lettered.splitlines()]  # ids of letters are none
    bitext.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in rows), encoding="utf-8")
    config = tiny_config(
        teacher, bitext, student=str(teacher), objective="mse", add_subwords=how, lora_rank=2
    )
    if how == "auto":  # each letter is a piece, as in English
        made = distill(config).artefact.manifest
        assert set(made.results["start"]) == {"coverage"}
        assert seen[0][0].new_from is None
    else:
        with pytest.warns(ChoiceNotice, match="Somali subwords"):
            made = distill(config).artefact.manifest
        start = made.results["start"]
        task, size = seen[0]
        assert task.new_from == start["first_new"] == size - start["new_subwords"]
        assert start["added"]["so"] == start["new_subwords"] > 10
        assert (
            start["coverage_after"]["so"]["pieces_a_word"]
            < (start["coverage"]["so"]["pieces_a_word"])
        )
    assert made.config["add_subwords"] == how


def test_bitext_counts_a_word_for_the_side_that_has_it_more_often() -> None:
    base = BaseVocabulary(unigram())
    assert base.words(["a b a"]) == Counter({"▁a": 2, "▁b": 1})
