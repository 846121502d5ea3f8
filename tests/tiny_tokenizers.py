"""Tokenizers of every kind that encoders have, learnt from a little English in a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ENGLISH = [
    "the quick brown fox jumps over the lazy dog",
    "the government of the country said that the water was good",
    "people in the city want peace and water and work",
    "a good dog wants to work in the country with the fox",
] * 5
FOREIGN = [
    "ሰላም ዓለም ማይ ጽቡቕ እዩ",
    "መንግስቲ ሃገር ማይ ጽቡቕ እዩ ኢሉ",
    "ህዝቢ ኣብ ከተማ ሰላም ይደሊ",
    "ጽቡቕ ከልቢ ኣብ ሃገር ይሰርሕ እዩ",
] * 5
"""Of a script that none of the tokenizers has seen."""
LATIN = [
    "nagaa qilleensa bishaan gaarii dha",
    "mootummaan biyyaa bishaan gaarii dha jedhe",
    "ummanni magaalaa nagaa barbaada",
    "sareen gaariin biyya keessa hojjeta",
] * 5
"""Of the script that they know."""


def unigram(*, added: tuple[str, ...] = ()) -> Any:
    """SentencePiece Unigram, as XLM-R has it; ``added`` tokens lie beside the vocabulary."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, trainers
    from tokenizers.models import Unigram

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=140, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([*ENGLISH, *"abcdefghijklmnopqrstuvwxyz"], trainer)
    return _fast(tokenizer, special, "<s>", "</s>", added)


def byte_bpe(*, added: tuple[str, ...] = (), ignore_merges: bool = False) -> Any:
    """Byte-level BPE, as ModernBERT and Llama 3 have it."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(ENGLISH, trainer)
    return _fast(tokenizer, special, "<s>", "</s>", added)


def fallback_bpe(*, added: tuple[str, ...] = ()) -> Any:
    """SentencePiece BPE with byte fallback, as Gemma has it: a text is one word, spaces and all."""
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
    from tokenizers.models import BPE

    special = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
    learnt = Tokenizer(BPE())
    learnt.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=100, show_progress=False)
    learnt.train_from_iterator(ENGLISH, trainer)
    import json

    model = json.loads(learnt.to_str())["model"]
    pieces = sorted(model["vocab"], key=lambda piece: int(model["vocab"][piece]))
    names = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    tokenizer = Tokenizer(
        BPE(
            {piece: place for place, piece in enumerate(names)},
            [tuple(pair) for pair in model["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return _fast(tokenizer, special, "<s>", "</s>", added)


def wordpiece(*, added: tuple[str, ...] = ()) -> Any:
    """WordPiece, as multilingual BERT has it."""
    from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
    from tokenizers.models import WordPiece

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(ENGLISH, trainer)
    return _fast(tokenizer, special, "[CLS]", "[SEP]", added)


KINDS: dict[str, Callable[..., Any]] = {
    "unigram": unigram,
    "byte_bpe": byte_bpe,
    "fallback_bpe": fallback_bpe,
    "wordpiece": wordpiece,
}


def _fast(tokenizer: Any, special: list[str], start: str, end: str, added: tuple[str, ...]) -> Any:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(one, tokenizer.token_to_id(one)) for one in (start, end)],
    )
    names = {
        f"{role}_token": one
        for one in special
        for role in ("pad", "unk", "mask")
        if role in one.lower()
    }
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        cls_token=start,
        bos_token=start,
        sep_token=end,
        eos_token=end,
        **names,
    )
    if added:
        fast.add_tokens(list(added), special_tokens=True)
    return fast
