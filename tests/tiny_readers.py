"""Causal language models small enough to make in a test.

:func:`save_counter` makes one whose answer can be told without it: of the words that it knows as
answers, it writes the one that its prompt has most often, and ends the line. Its attention is the
mean over all tokens that it may see, so a padding token that is seen, or a passage that is lost,
changes what it writes. :func:`save_gpt2` makes one with learnt positions and random weights, which
transformers itself has to judge.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from clirot.retrieval.answering.prompts import FROM_MEMORY, FROM_PASSAGES

ANSWERS = ("cusbo", "dayax", "roob", "shimbir")
CHAT = "{% for m in messages %}{{ m.role }} {{ m.content }}{% endfor %} assistant :"
_OWN = ("[PAD]", "[UNK]", "[END]", "\n", ":")
_WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """The tokens of a text."""
    return _WORD.findall(text)


def counted(prompt: str) -> str:
    """What the counting model answers."""
    counts = Counter(one for one in words(prompt) if one in ANSWERS)
    best = counts.most_common(2)
    assert len(best) == 1 or best[0][1] > best[1][1], "a test must not depend on a tie"
    return best[0][0]


def save_counter(
    directory: Path, *, longest: int = 512, template: str | None = None, ends: bool = True
) -> Path:
    """Write the counting model.

    Args:
        directory: where to.
        longest: tokens that it reads and writes.
        template: its chat template; None: it has none.
        ends: whether a newline ends its answers; if not, it writes on for ever.
    """
    import torch
    from tokenizers import Regex, Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    known = dict.fromkeys([*_OWN, *ANSWERS, *words(FROM_PASSAGES + FROM_MEMORY), "user"])
    vocabulary = {word: place for place, word in enumerate(known)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"\w+|[^\w\s]"), behavior="removed", invert=True
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="[END]", pad_token="[PAD]",
        model_max_length=int(1e30),
    )  # fmt: skip
    fast.chat_template = template
    size = len(vocabulary) + len(vocabulary) % 2
    config = LlamaConfig(
        vocab_size=size, hidden_size=size, intermediate_size=2, num_hidden_layers=1,
        num_attention_heads=1, max_position_embeddings=longest, eos_token_id=vocabulary["[END]"],
        bos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.fill_(1)
        layer = model.model.layers[0]
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        # The input norm makes a token the square root of the width; that is taken back here.
        layer.self_attn.v_proj.weight.copy_(torch.eye(size) * size**-0.5)
        layer.self_attn.o_proj.weight.copy_(torch.eye(size))
        head = model.lm_head.weight
        for word in ANSWERS:
            answer = vocabulary[word]
            head[answer, answer] = 20  # the more often it was read, the better
            head[answer, vocabulary[":"]] = 200  # now is the time for an answer
            head[vocabulary["\n"] if ends else vocabulary[":"], answer] = 100
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    fast.save_pretrained(directory)
    return directory


def save_gpt2(directory: Path) -> Path:
    """Write a model with learnt positions and random weights, without a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {one: place for place, one in enumerate(["<|endoftext|>", *letters])}
    tokenizer = Tokenizer(BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=len(vocabulary), n_embd=16, n_layer=2, n_head=2, n_positions=600,
        eos_token_id=0, bos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.5 if "w" in name else 0.2)
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    fast.save_pretrained(directory)
    return directory
