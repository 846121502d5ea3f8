"""A pruned tokenizer cuts text as the whole one, and a pruned student is the student it was."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_families
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import encoded_without_clirot, tiny_config

from clirot.distillation import distill
from clirot.distillation.pruned_tokenizer import Vocabulary, check_prunable
from clirot.distillation.pruning import prune
from clirot.encoding.encoders import load_model, save_model
from clirot.errors import InputError, UnusedSettingWarning, UsageError, VocabularyWarning
from clirot.models import resolve
from clirot.store import Store

_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def _corpus(kind: str = "") -> list[str]:
    generator = random.Random(3)
    letters = "aabbcd" if kind == "Unigram, ties" else "aabbcdeअआइबी字漢é"
    words = ["".join(generator.choices(letters, k=generator.randint(1, 7))) for _ in range(150)]
    return [" ".join(generator.choices(words, k=6)) + f", {n}." for n in range(300)]


def _fast(tokenizer: Any, *, around: bool = True) -> Any:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    if around:
        ids = [(one, tokenizer.token_to_id(one)) for one in ("<s>", "</s>")]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=ids
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", mask_token="<mask>"
    )


def _unigram() -> Any:
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, trainers
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=_SPECIAL, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return _fast(tokenizer)


def _unigram_of_ties() -> Any:
    """Scores that are often alike, and letters without a piece of their own."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import Unigram

    generator = random.Random(4)
    pieces = {"▁", "a", "b", "c"}
    while len(pieces) < 300:
        pieces.add("".join(generator.choices("▁aabbcd", k=generator.randint(2, 5))))
    scored = [(one, -float(generator.randint(1, 4) * len(one))) for one in sorted(pieces)]
    tokenizer = Tokenizer(Unigram([(one, 0.0) for one in _SPECIAL] + scored, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(_SPECIAL)
    return _fast(tokenizer)


def _byte_bpe(*, whole_words: bool = False) -> Any:
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE

    tokenizer = Tokenizer(BPE(ignore_merges=whole_words))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return _fast(tokenizer)


def _character_bpe() -> Any:
    """As Llama 2 and Gemma have it: of characters, and bytes where there is no such character."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, trainers
    from tokenizers.models import BPE

    tokenizer = Tokenizer(BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    every = [*_SPECIAL, *(f"<0x{one:02X}>" for one in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=every, show_progress=False)
    tokenizer.train_from_iterator([one.replace("字", "") for one in _corpus()], trainer)
    return _fast(tokenizer)


def _wordpiece() -> Any:
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, trainers
    from tokenizers.models import WordPiece

    tokenizer = Tokenizer(WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=400, special_tokens=_SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    fast = _fast(tokenizer)
    fast.add_tokens(["[Q] ", "dé字"])
    return fast


KINDS: dict[str, Callable[[], Any]] = {
    "Unigram": _unigram,
    "Unigram, ties": _unigram_of_ties,
    "byte BPE": _byte_bpe,
    "byte BPE, whole words first": lambda: _byte_bpe(whole_words=True),
    "character BPE": _character_bpe,
    "WordPiece": _wordpiece,
}


@cache
def _tokenizer(kind: str) -> tuple[Any, Vocabulary]:
    tokenizer = KINDS[kind]()
    check_prunable(tokenizer)
    return tokenizer, Vocabulary(tokenizer)


@cache
def _pruned(kind: str, seed: int) -> tuple[Any, set[int]]:
    """A tokenizer with the pieces of some sentences."""
    tokenizer, vocabulary = _tokenizer(kind)
    texts = random.Random(seed).sample(_corpus(kind), 12)
    ids = {one for text in texts for one in tokenizer(text)["input_ids"]}
    kept = vocabulary.closed(ids, texts)
    pruned = vocabulary.pruned(kept)
    assert len(pruned) == len(kept) < len(tokenizer)
    assert pruned.all_special_tokens == tokenizer.all_special_tokens
    for text in texts:
        _same(tokenizer, pruned, text)
    return pruned, set(kept.tolist())


def _same(tokenizer: Any, pruned: Any, text: str) -> None:
    ours, theirs = (one(text, return_offsets_mapping=True) for one in (pruned, tokenizer))
    assert pruned.convert_ids_to_tokens(ours["input_ids"]) == tokenizer.convert_ids_to_tokens(
        theirs["input_ids"]
    )
    assert ours["offset_mapping"] == theirs["offset_mapping"]


_TEXT = st.lists(
    st.one_of(
        st.text(alphabet="aabbcdeअआइबी字é ", min_size=1, max_size=12),
        st.sampled_from([word for text in _corpus()[:40] for word in text.split()]),
        st.text(max_size=3),
        st.sampled_from(["<mask>", "[Q] ", "  ", "\n", "▁", "##a", "Ġ"]),
    ),
    max_size=5,
).map(" ".join)


@pytest.mark.parametrize("kind", list(KINDS))
@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 9), text=_TEXT)
def test_a_text_whose_pieces_are_kept_is_cut_as_before(kind: str, seed: int, text: str) -> None:
    tokenizer, _ = _tokenizer(kind)
    pruned, kept = _pruned(kind, seed)
    ids = tokenizer(text)["input_ids"]
    if not kept.issuperset(ids):
        return
    if kind == "WordPiece" and tokenizer.unk_token_id in ids:
        return  # a word that was unknown may be known
    _same(tokenizer, pruned, text)


@pytest.mark.parametrize("kind", list(KINDS))
def test_that_is_said_of_many_texts_with_pieces_of_several_characters(kind: str) -> None:
    tokenizer, _ = _tokenizer(kind)
    found = 0
    for seed in range(5):
        pruned, kept = _pruned(kind, seed)
        for text in _corpus(kind)[:200]:
            for word in text.split():
                ids = tokenizer(word, add_special_tokens=False)["input_ids"]
                known = kept.issuperset(ids) and tokenizer.unk_token_id not in ids
                if known and len(ids) < len(word):
                    found += 1
                    _same(tokenizer, pruned, word)
    assert found > 200


@pytest.mark.parametrize("kind", ["Unigram", "byte BPE", "character BPE", "WordPiece"])
def test_words_that_were_not_seen_are_cut_into_known_characters(kind: str) -> None:
    tokenizer, _ = _tokenizer(kind)
    for seed in range(5):
        pruned, _ = _pruned(kind, seed)
        for text in _corpus():
            ids = pruned(text)["input_ids"]
            before = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
            assert (pruned.unk_token_id in ids) <= ("<unk>" in before)


def test_scripts_that_hardly_occur_keep_only_what_occurs() -> None:
    tokenizer, vocabulary = _tokenizer("Unigram")
    ids = tokenizer("ab 字")["input_ids"]
    names = tokenizer.convert_ids_to_tokens(vocabulary.closed(ids, ["ab" * 2000, "字"]).tolist())
    assert {"a", "é", "字", "1", ","} <= set(names) and not {"漢", "अ"} & set(names)
    more = tokenizer.convert_ids_to_tokens(vocabulary.closed(ids, ["ab 字"]).tolist())
    assert "漢" in more and "अ" not in more


@pytest.mark.parametrize("kind", ["WordLevel", "BPE with end_of_word_suffix", "BPE with dropout"])
def test_tokenizers_of_other_kinds_are_refused(kind: str) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE, WordLevel
    from transformers import PreTrainedTokenizerFast

    models = {
        "WordLevel": WordLevel({"a": 0}, unk_token="a"),
        "BPE with end_of_word_suffix": BPE(end_of_word_suffix="</w>"),
        "BPE with dropout": BPE(dropout=0.1),
    }
    fast = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models[kind]))
    with pytest.raises(UsageError, match=f"is {kind}") as caught:
        check_prunable(fast)
    assert "`prune_vocabulary`" in (caught.value.hint or "")


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "BERT": tiny_families.save_bert,
    "XLM-R": tiny_families.save_xlm_roberta,
    "RoBERTa": tiny_families.save_roberta,
    "ModernBERT": tiny_families.save_modernbert,
    "Llama": tiny_families.save_llama,
    "T5": tiny_families.save_t5,
    "Gemma": tiny_families.save_gemma,
    "ColBERT": tiny_families.save_native_colbert,
}
_SEEN = ["abcd bcda, 12", "wax iyo wax", "the fox"]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_pruned_model_of_any_family_is_the_model(family: str, tmp_path: Path) -> None:
    from sentence_transformers import MultiVectorEncoder

    model = load_model(FAMILIES[family](tmp_path / "base"), device="cpu")
    before = [model.encode_query(_SEEN), model.encode_document(_SEEN)]
    rows = len(model[0].auto_model.get_input_embeddings().weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VocabularyWarning)
        found = prune(model, _SEEN[:2], _SEEN[2:], sides=["query", "document"])
    after = [model.encode_query(_SEEN), model.encode_document(_SEEN)]
    body, tokenizer = model[0].auto_model, model.tokenizer
    table = body.get_input_embeddings()
    assert len(table.weight) == len(tokenizer) == found.figures["pieces_after"] < rows
    assert found.figures["bytes_after"] < found.figures["bytes_before"]
    assert body.config.get_text_config().vocab_size == len(tokenizer)
    if body.config.pad_token_id is not None:
        assert body.config.pad_token_id == tokenizer.pad_token_id
        assert table.padding_idx in (None, tokenizer.pad_token_id)
    save_model(model, tmp_path / "pruned")
    loaded = MultiVectorEncoder(str(tmp_path / "pruned"), device="cpu")
    again = [loaded.encode_query(_SEEN), loaded.encode_document(_SEEN)]
    for side in zip(before, after, again, strict=True):
        for whole, pruned, saved in zip(*side, strict=True):
            assert np.array_equal(whole.numpy(), pruned.numpy())
            assert np.allclose(pruned.numpy(), saved.numpy(), atol=1e-6)
    assert loaded.tokenizer.special_tokens_map == tokenizer.special_tokens_map
    assert loaded.tokenizer.padding_side == tokenizer.padding_side
    for text in ["unseen 99!", "बी चि"]:
        assert loaded.tokenizer(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_ids_that_a_mask_keeps_are_renumbered(tmp_path: Path) -> None:
    model = load_model(tiny_families.save_native_colbert(tmp_path / "base"), device="cpu")
    mask: Any = next(one for one in model if hasattr(one, "keep_only_token_ids"))
    words = ["a", "##z", "b"]
    mask.keep_only_token_ids = model.tokenizer.convert_tokens_to_ids(words)
    prune(model, ["b c"], [], sides=["query"])
    assert model.tokenizer.convert_ids_to_tokens(mask.keep_only_token_ids) == words
    punctuation = model.tokenizer.convert_ids_to_tokens(mask._skiplist_ids.tolist())
    assert punctuation == mask.skiplist_words


def test_held_out_words_that_would_be_cut_otherwise_are_told(tmp_path: Path) -> None:
    model = load_model(tiny_families.save_roberta(tmp_path / "base"), device="cpu")
    whole, words = model.tokenizer, ["brown", "quick", "12"]
    alone = [whole.tokenize(word) for word in words]
    with pytest.warns(VocabularyWarning, match="of the words .*`vocabulary_texts`"):
        found = prune(model, ["brown 12"], ["brown quick", "12 12"], sides=["query"])
    assert found.figures["development_words"] == 0.25
    assert 0 < found.figures["development_pieces"] < 0.5
    assert [model.tokenizer.tokenize(word) for word in words] == alone  # they are kept all the same


@pytest.mark.parametrize("start", ["transplant", "xlm-r"])
def test_a_pruned_student_is_the_student_and_loads_without_clirot(
    start: str, teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"name": "student", "new_embedding_learning_rate": 2e-2}
    if start != "transplant":
        changes = {"student": str(tiny_families.save_xlm_roberta(tmp_path / "base"))}
        changes["name"] = "student"
    whole = distill(tiny_config(teacher, bitext, **changes), store=Store(tmp_path / "whole"))
    made = distill(tiny_config(teacher, bitext, prune_vocabulary=True, **changes))
    manifest = made.artefact.manifest
    figures = manifest.results["pruned"]
    assert manifest.config["prune_vocabulary"] is True
    assert figures["pieces_after"] < figures["pieces_before"]
    assert figures["bytes_after"] < figures["bytes_before"]
    # The few words of this language are all in the training part.
    assert figures["development_words"] == figures["development_pieces"] == 0
    assert made.development == whole.development
    assert manifest.results["loss"] == pytest.approx(whole.artefact.manifest.results["loss"])
    texts = [line.split("\t")[1] for line in bitext.read_text(encoding="utf-8").splitlines()]
    own = load_model(whole.artefact.path, device="cpu")
    found = encoded_without_clirot(made.artefact.path, texts[0], tmp_path)
    assert np.allclose(found, own.encode_query(texts[:1])[0], atol=1e-4)
    pruned = load_model(resolve("student", Store()).path, device="cpu")
    for one, other in zip(own.encode_query(texts), pruned.encode_query(texts), strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_more_text_keeps_more_subwords_and_is_an_input(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    base = tiny_families.save_xlm_roberta(tmp_path / "base")
    text = tmp_path / "more.txt"
    text.write_text("बी चि डे ऐ\nthe quick brown fox jumps\n\n", encoding="utf-8")
    config: dict[str, Any] = {
        "student": str(base),
        "objective": "none",
        "prune_vocabulary": True,
    }
    few = distill(tiny_config(teacher, bitext, name="few", **config))
    more = distill(tiny_config(teacher, bitext, name="more", vocabulary_texts=(text,), **config))
    counts = [one.artefact.manifest.results["pruned"]["pieces_after"] for one in (few, more)]
    assert counts[0] < counts[1]
    (named,) = [one for one in more.artefact.manifest.inputs if one.kind == "vocabulary text"]
    assert named.name == str(text)
    tokenizer = load_model(more.artefact.path, device="cpu").tokenizer
    whole = load_model(base, device="cpu").tokenizer
    assert tokenizer.tokenize("brown fox बी") == whole.tokenize("brown fox बी")
    with pytest.raises(InputError, match=r"gone\.txt"):
        distill(tiny_config(teacher, bitext, vocabulary_texts=(tmp_path / "gone.txt",), **config))


def test_text_for_a_vocabulary_that_is_not_pruned_is_told(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    with pytest.warns(UnusedSettingWarning, match="`prune_vocabulary`"):
        distill(
            tiny_config(
                teacher, bitext, objective="none", vocabulary_texts=(tmp_path / "gone.txt",)
            )
        )


def test_a_tokenizer_that_cannot_be_pruned_is_told_before_the_teacher_encodes(
    teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise UsageError("of another kind")

    def encodes(*_: object, **__: object) -> None:
        raise AssertionError("the teacher has begun")

    monkeypatch.setattr("clirot.distillation.start.check_prunable", refuse)
    monkeypatch.setattr("clirot.distillation.preparation.prepare", encodes)
    with pytest.raises(UsageError, match="of another kind"):
        distill(tiny_config(teacher, bitext, prune_vocabulary=True))


@pytest.mark.parametrize("family", ["XLM-R", "RoBERTa", "BERT"])
def test_subwords_that_an_encoder_has_gained_are_kept_and_are_still_the_last(
    family: str, tmp_path: Path
) -> None:
    from clirot.distillation.settings import TransplantSettings
    from clirot.distillation.subwords.decision import with_subwords
    from clirot.records import SentencePair

    model = load_model(FAMILIES[family](tmp_path / "base"), device="cpu")
    generator = random.Random(2)
    words = ["".join(generator.choices("ሀለሐመሠረሰሸቀበ", k=generator.randint(2, 5))) for _ in range(30)]
    foreign = [" ".join(generator.choices(words, k=5)) for _ in range(150)]
    english = [" ".join(generator.choices(["the", "fox", "dog", "over"], k=5)) for _ in foreign]
    pairs = [SentencePair(*pair) for pair in zip(english, foreign, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, new_from = with_subwords(
            model, {"ti": pairs}, TransplantSettings(vocabulary=100), passes={"ti": 1.0}
        )
        assert new_from is not None
        whole, before = model.tokenizer, model.encode_query(foreign[:5])
        gained = whole.convert_ids_to_tokens(range(new_from, len(whole)))
        found = prune(model, foreign[:100], foreign[100:], sides=["query"])
    for one, other in zip(before, model.encode_query(foreign[:5]), strict=True):
        assert np.array_equal(one.numpy(), other.numpy())
    for text in foreign:
        assert model.tokenizer.tokenize(text) == whole.tokenize(text)
    place = found.place(new_from)
    assert place is not None and 0 < place < len(model.tokenizer)
    kept = model.tokenizer.convert_ids_to_tokens(range(len(model.tokenizer)))
    assert set(kept[place:]) <= set(gained) and not set(kept[:place]) & set(gained)
