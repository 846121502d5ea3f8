"""A late-interaction model small enough to make in a test: a random one-layer BERT."""

from __future__ import annotations

from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def save_tiny_model(directory: Path, *, seed: int = 0, hidden: int = 16) -> Path:
    """Write a transformers checkpoint whose words are letter by letter; returns ``directory``."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    directory.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{x}" for x in LETTERS)]
    (directory / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(
        vocab={word: place for place, word in enumerate(words)}, model_max_length=64
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=64,
    )
    model = BertModel(config)
    with torch.no_grad():  # the initial embeddings are all but equal
        model.embeddings.word_embeddings.weight.normal_()
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory
