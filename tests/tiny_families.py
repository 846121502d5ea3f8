"""Encoders of every family and tokenizer type, small enough to make in a test; random weights.

Each builder writes what the family's own tools write: a transformers checkpoint, or a ColBERT in
the format of sentence-transformers, PyLate or Stanford.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

from tiny_model import LETTERS

_TEXT = [
    "abcd bcda cdab dabc 12 34",
    "the quick brown fox jumps over the lazy dog",
    "बी चि डे ऐ अ क ख ग",
    "wax iyo wax kale oo badan",
] * 4
_HIDDEN = 16
_LAYERS: dict[str, Any] = {
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_size": _HIDDEN,
    "intermediate_size": 32,
    "max_position_embeddings": 80,
}


def save_xlm_roberta(directory: Path, *, dtype: str = "float32") -> Path:
    """XLM-R with a SentencePiece Unigram tokenizer."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors, trainers
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([*_TEXT, *LETTERS], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=64,
    )
    config = XLMRobertaConfig(vocab_size=len(fast), pad_token_id=1, **_LAYERS)
    return _save(directory, XLMRobertaModel, config, fast, dtype)


def save_roberta(directory: Path, *, dtype: str = "float32") -> Path:
    """RoBERTa with byte BPE; the tokenizer does not say how much the encoder can read."""
    from transformers import RobertaConfig, RobertaModel

    fast = _byte_bpe(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], around=("<s>", "</s>"))
    fast.model_max_length = int(1e30)
    config = RobertaConfig(vocab_size=len(fast), pad_token_id=1, **_LAYERS)
    return _save(directory, RobertaModel, config, fast, dtype)


def save_modernbert(directory: Path, *, dtype: str = "float32") -> Path:
    """ModernBERT with byte BPE: local and global attention, no position embeddings."""
    from transformers import ModernBertConfig, ModernBertModel

    fast = _byte_bpe(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], around=("[CLS]", "[SEP]"))
    config = ModernBertConfig(
        vocab_size=len(fast),
        pad_token_id=0,
        cls_token_id=2,
        sep_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
        global_attn_every_n_layers=2,
        local_attention=16,
        attention_dropout=0.3,
        mlp_dropout=0.3,
        embedding_dropout=0.3,
        **_LAYERS,
    )
    return _save(directory, ModernBertModel, config, fast, dtype)


def save_llama(directory: Path, *, dtype: str = "float32", special: bool = True) -> Path:
    """A decoder: byte BPE, no padding token, a chat template; without ``special``, no token that
    could serve as one.
    """
    from transformers import LlamaConfig, LlamaModel

    fast = _byte_bpe(["<|begin|>", "<|end|>"], around=None)
    if not special:
        fast.eos_token = None
    fast.chat_template = "{% for m in messages %}<|begin|>{{ m.role }} {{ m.content }}{% endfor %}"
    config = LlamaConfig(
        vocab_size=len(fast), num_key_value_heads=1, attention_dropout=0.3, **_LAYERS
    )
    return _save(directory, LlamaModel, config, fast, dtype)


def save_qwen2(directory: Path, *, dtype: str = "float32") -> Path:
    """A decoder as published: the language model, its head tied to its embeddings."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    fast = _byte_bpe(["<|im_start|>", "<|endoftext|>"], around=None)
    config = Qwen2Config(
        vocab_size=len(fast),
        num_key_value_heads=1,
        attention_dropout=0.3,
        tie_word_embeddings=True,
        **_LAYERS,
    )
    return _save(directory, Qwen2ForCausalLM, config, fast, dtype)


def save_gemma(directory: Path) -> Path:
    """A decoder that scales its input embeddings."""
    from transformers import Gemma3TextConfig, Gemma3TextModel

    fast = _byte_bpe(["<pad>", "<eos>"], around=None)
    fast.pad_token = "<pad>"
    config = Gemma3TextConfig(
        vocab_size=len(fast), num_key_value_heads=1, head_dim=8, pad_token_id=0, **_LAYERS
    )
    return _save(directory, Gemma3TextModel, config, fast, "float32")


def save_t5(directory: Path) -> Path:
    """An encoder with a decoder, of which the library loads the encoder."""
    from transformers import T5Config, T5ForConditionalGeneration

    fast = _byte_bpe(["<pad>", "</s>", "<unk>"], around=("", "</s>"))
    config = T5Config(
        vocab_size=len(fast), d_model=_HIDDEN, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        dropout_rate=0.3,
    )  # fmt: skip
    return _save(directory, T5ForConditionalGeneration, config, fast, "float32")


def save_bart(directory: Path) -> Path:
    """An encoder with a decoder, of which the library loads both."""
    from transformers import BartConfig, BartModel

    fast = _byte_bpe(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], around=("<s>", "</s>"))
    config = BartConfig(
        vocab_size=len(fast), d_model=_HIDDEN, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, max_position_embeddings=80,
    )  # fmt: skip
    return _save(directory, BartModel, config, fast, "float32")


def save_native_colbert(directory: Path, *, dim: int = 8) -> Path:
    """A late-interaction model as sentence-transformers saves one: added marker tokens, queries
    filled up with [MASK], punctuation not scored, a projection.
    """
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    plain = save_bert(directory.with_name(directory.name + "-plain"))
    backbone: Any = Transformer(
        str(plain), query_expansion={"strategy": "fixed", "length": 12}, document_length=48
    )
    _add_markers(backbone.tokenizer, backbone.auto_model)
    projection: Any = Dense(
        in_features=_HIDDEN,
        out_features=dim,
        bias=False,
        activation_function=None,
        module_input_name="token_embeddings",
    )
    model = MultiVectorEncoder(
        modules=[
            backbone,
            projection,
            MultiVectorMask(skiplist_words=list(string.punctuation)),
            Normalize(module_input_name="token_embeddings"),
        ],
        prompts={"query": "[Q] ", "document": "[D] "},
        device="cpu",
    )
    model.save_pretrained(str(directory), create_model_card=False)
    return directory


def save_pylate_colbert(directory: Path, *, dim: int = 8, typed: bool = True) -> Path:
    """A ColBERT as PyLate saves one: prefixes and lengths beside the modules, no mask module.

    ``typed``: whether the settings name the model's type, as PyLate's later versions do.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModel, AutoTokenizer

    plain = save_bert(directory.with_name(directory.name + "-plain"))
    tokenizer, body = AutoTokenizer.from_pretrained(plain), AutoModel.from_pretrained(plain)
    _add_markers(tokenizer, body)
    body.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    dense = directory / "1_Dense"
    dense.mkdir()
    torch.manual_seed(3)
    save_file({"linear.weight": torch.randn(dim, _HIDDEN)}, dense / "model.safetensors")
    _write_json(
        dense / "config.json",
        {
            "in_features": _HIDDEN,
            "out_features": dim,
            "bias": False,
            "activation_function": "torch.nn.modules.linear.Identity",
        },
    )
    _write_json(
        directory / "modules.json",
        [
            {
                "idx": 0,
                "name": "0",
                "path": "",
                "type": "sentence_transformers.models.Transformer",
            },
            {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
        ],
    )
    _write_json(directory / "sentence_bert_config.json", {"max_seq_length": 47})
    settings = {
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "MaxSim",
        "query_prefix": "[Q] ",
        "document_prefix": "[D] ",
        "query_length": 12,
        "document_length": 48,
        "attend_to_expansion_tokens": False,
        "skiplist_words": list(string.punctuation),
    }
    typing = {"model_type": "ColBERT"} if typed else {}
    _write_json(directory / "config_sentence_transformers.json", settings | typing)
    return directory


def save_stanford_colbert(directory: Path, *, dim: int = 8) -> Path:
    """A ColBERT as Stanford's code saves one: the projection beside BERT in one file, the markers
    among the unused words of the vocabulary.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModel, AutoTokenizer

    plain = save_bert(directory.with_name(directory.name + "-plain"))
    body = AutoModel.from_pretrained(plain)
    body.config.architectures = ["HF_ColBERT"]
    directory.mkdir(parents=True)
    torch.manual_seed(3)
    weights = {f"bert.{name}": value.clone() for name, value in body.state_dict().items()}
    save_file(
        weights | {"linear.weight": torch.randn(dim, _HIDDEN)}, directory / "model.safetensors"
    )
    _write_json(
        directory / "config.json", body.config.to_dict() | {"architectures": ["HF_ColBERT"]}
    )
    AutoTokenizer.from_pretrained(plain).save_pretrained(directory)
    _write_json(
        directory / "artifact.metadata",
        {
            "query_token_id": "[unused0]",
            "doc_token_id": "[unused1]",
            "query_maxlen": 12,
            "doc_maxlen": 48,
            "mask_punctuation": True,
            "attend_to_mask_tokens": False,
        },
    )
    return directory


def save_bert(directory: Path, *, dtype: str = "float32") -> Path:
    """BERT with WordPiece, whose words are letter by letter, with punctuation and unused words."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = [
        "[PAD]",
        "[unused0]",
        "[unused1]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *string.punctuation,
        *string.digits,
        *LETTERS,
        *(f"##{character}" for character in string.digits + LETTERS),
    ]
    fast = BertTokenizerFast(
        vocab={word: place for place, word in enumerate(words)}, model_max_length=64
    )
    return _save(directory, BertModel, BertConfig(vocab_size=len(words), **_LAYERS), fast, dtype)


def _add_markers(tokenizer: Any, body: Any) -> None:
    tokenizer.add_tokens(["[Q] ", "[D] "], special_tokens=True)
    body.resize_token_embeddings(len(tokenizer), mean_resizing=False)


def _byte_bpe(special: list[str], *, around: tuple[str, str] | None) -> Any:
    from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    names: dict[str, str] = {"eos_token": special[1]}
    if around is not None:
        start, end = around
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{start} $A {end}".strip(),
            special_tokens=[(one, tokenizer.token_to_id(one)) for one in around if one],
        )
        names = {
            f"{role}_token": one
            for one in special
            for role in ("pad", "unk", "mask")
            if role in one.lower()
        }
        names |= {"cls_token": start} if start else {}
        names |= {"sep_token": end, "eos_token": end}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def _save(directory: Path, kind: Any, config: Any, tokenizer: Any, dtype: str) -> Path:
    import torch

    torch.manual_seed(7)
    model = kind(config)
    with torch.no_grad():  # the initial embeddings are all but equal
        model.get_input_embeddings().weight.normal_()
    directory.mkdir(parents=True)
    model.to(getattr(torch, dtype)).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
