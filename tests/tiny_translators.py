"""Models for translation of every family, small enough to make in a test; their weights are random.

Each builder writes what the family's own tools write: a checkpoint of transformers with the files
of its tokenizer. What such a model writes makes no sense, but transformers writes the same with it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = [
    "the quick brown fox jumps over the lazy dog",
    "the government of the country said that the water was good",
    "people in the city want peace and water and work",
    "wax iyo wax kale oo badan ayaa dhacay magaalada",
    "dawladda waddanka ayaa sheegtay in biyuhu fiican yihiin",
    "dadka magaalada waxay doonayaan nabad iyo biyo",
    "abcdefghijklmnopqrstuvwxyz 0123456789 .,?!",
] * 8
_SHAPE: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "max_position_embeddings": 64,
}
LONGEST = 64
"""Tokens that a text may have, with those around it."""


def save_nllb(directory: Path) -> Path:
    """NLLB-200: M2M-100's architecture, languages as ``som_Latn``."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    vocabulary, merges = _bpe(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer = NllbTokenizer(vocab=vocabulary, merges=merges, model_max_length=LONGEST)
    config = M2M100Config(vocab_size=len(tokenizer), **_SHAPE, decoder_start_token_id=2)
    return _save(directory, M2M100ForConditionalGeneration, config, tokenizer)


def save_m2m100(directory: Path) -> Path:
    """M2M-100: SentencePiece, languages as ``__so__``."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    directory.mkdir(parents=True)
    pieces = _sentencepiece(directory / "sentencepiece.bpe.model")
    own = ["<s>", "<pad>", "</s>", "<unk>"]
    names = own + [piece for piece in pieces if piece not in own]
    _write_json(directory / "vocab.json", {piece: place for place, piece in enumerate(names)})
    tokenizer = M2M100Tokenizer(
        str(directory / "vocab.json"),
        str(directory / "sentencepiece.bpe.model"),
        model_max_length=LONGEST,
    )
    size = len(names) + len(tokenizer.lang_token_to_id) + tokenizer.num_madeup_words
    config = M2M100Config(vocab_size=size, **_SHAPE, decoder_start_token_id=2)
    return _save(directory, M2M100ForConditionalGeneration, config, tokenizer)


def save_mbart50(directory: Path) -> Path:
    """mBART-50: languages as ``so_SO``; the target's is the first token that is written."""
    from transformers import MBart50Tokenizer, MBartConfig, MBartForConditionalGeneration

    tokenizer = MBart50Tokenizer(
        vocab=_unigram(["<s>", "<pad>", "</s>", "<unk>"], 3), model_max_length=LONGEST
    )
    config = MBartConfig(vocab_size=len(tokenizer), **_SHAPE, decoder_start_token_id=2)
    return _save(directory, MBartForConditionalGeneration, config, tokenizer)


def save_mbart25(directory: Path) -> Path:
    """mBART-25: a translation starts from the target's token."""
    from transformers import MBartConfig, MBartForConditionalGeneration, MBartTokenizer

    tokenizer = MBartTokenizer(
        vocab=_unigram(["<s>", "<pad>", "</s>", "<unk>"], 3), model_max_length=LONGEST
    )
    config = MBartConfig(vocab_size=len(tokenizer), **_SHAPE)
    return _save(directory, MBartForConditionalGeneration, config, tokenizer)


def save_madlad(directory: Path) -> Path:
    """MADLAD-400: T5, with the target's token before the text."""
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    special = ["<pad>", "</s>", "<unk>"]
    vocabulary = _unigram([*special, "<2en>", "<2so>", "<2sw>", "<2zh_Hant>", "<2translate>"], 2)
    tokenizer = T5Tokenizer(vocab=vocabulary, extra_ids=0)
    tokenizer.add_tokens(["<2en>", "<2so>", "<2sw>", "<2zh_Hant>"], special_tokens=False)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    return _save(directory, T5ForConditionalGeneration, config, tokenizer)


def save_marian(
    directory: Path, *, pair: tuple[str, str] = ("so", "en"), targets: tuple[str, ...] = ()
) -> Path:
    """OPUS-MT: Marian, of one pair of languages, or with several ``targets`` (``eng``)."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    directory.mkdir(parents=True)
    pieces = _sentencepiece(directory / "source.spm")
    (directory / "target.spm").write_bytes((directory / "source.spm").read_bytes())
    own = ["</s>", "<unk>", *(f">>{code}<<" for code in targets)]
    names = own + [piece for piece in pieces if piece not in ("<s>", *own)] + ["<pad>"]
    _write_json(directory / "vocab.json", {piece: place for place, piece in enumerate(names)})
    tokenizer = MarianTokenizer(
        str(directory / "source.spm"),
        str(directory / "target.spm"),
        str(directory / "vocab.json"),
        source_lang=pair[0],
        target_lang=pair[1],
        model_max_length=LONGEST,
    )
    pad = len(names) - 1
    config = MarianConfig(
        vocab_size=len(names), **_SHAPE, pad_token_id=pad, eos_token_id=0, forced_eos_token_id=0,
        decoder_start_token_id=pad, bad_words_ids=[[pad]],
    )  # fmt: skip
    return _save(directory, MarianMTModel, config, tokenizer)


def _sentencepiece(path: Path) -> list[str]:
    """Write a model of SentencePiece; gives its pieces."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_prefix=str(path.with_suffix("")), vocab_size=150,
        model_type="unigram", minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    path.with_suffix(".model").replace(path)
    path.with_suffix(".vocab").unlink()
    processor = sentencepiece.SentencePieceProcessor()
    processor.Load(str(path))
    return [processor.IdToPiece(place) for place in range(processor.GetPieceSize())]


def _bpe(special: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import BPE

    tokenizer = Tokenizer(BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=160, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def _unigram(special: list[str], unknown: int) -> list[tuple[str, float]]:
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=160, special_tokens=special, unk_token=special[unknown], show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


def _save(directory: Path, kind: Any, config: Any, tokenizer: Any) -> Path:
    import torch

    torch.manual_seed(11)
    model = kind(config)
    # As it is initialised it would write one token for ever, whatever it reads.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                embeds = "shared" in name or "embed_tokens" in name
                reads = "encoder_attn" in name or "EncDecAttention" in name
                parameter.normal_(std=0.4 if embeds else 1.5 if reads else 0.1)
        words = model.get_input_embeddings().weight
        words[tokenizer.eos_token_id] *= 1.5
        words[tokenizer.pad_token_id] = 0  # as in real ones: OPUS-MT starts from it
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
