"""The tokenizer of a transplanted student: the teacher's vocabulary plus target-language subwords.

It is a plain WordPiece tokenizer, so that the student loads without clirot. Its normaliser is not
the teacher's: uncased BERT strips combining marks, which are letters in Devanagari, Thai or Yoruba.
Tokens that were added to the teacher's vocabulary, such as the ``[Q]`` and ``[D]`` of a ColBERT,
keep their ids and are found in a text as the teacher finds them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clirot.errors import UsageError

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

_UNKNOWN, _START, _END, _PAD, _MASK = "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"
_LONGEST_WORD = 400
"""Characters after which a "word" is cut. Scripts without spaces make long ones, and a word that is
too long would be unknown as a whole."""


@dataclass(frozen=True)
class UnionVocabulary:
    """A tokenizer over both vocabularies.

    Ids below ``n_teacher`` are the teacher's, those from there to ``size`` are new. ``target_ids``
    are the ids of all subwords that were learnt from the target side, new or spelled like an
    English one.
    """

    tokenizer: PreTrainedTokenizerFast
    n_teacher: int
    size: int
    target_ids: frozenset[int]


def union_vocabulary(
    teacher: PreTrainedTokenizerBase,
    texts: Sequence[Sequence[str]],
    *,
    size: int,
    max_tokens: int,
) -> UnionVocabulary:
    """Learn target subwords and add them to a teacher's WordPiece vocabulary.

    Args:
        teacher: the teacher's tokenizer.
        texts: sentences in each target language.
        size: subwords to learn of each language; none is added twice.
        max_tokens: longest input of the student.

    Raises:
        UsageError: the teacher's tokenizer is not WordPiece.
    """
    from transformers import PreTrainedTokenizerFast

    added = teacher.added_tokens_decoder
    # An added token must be in the model's vocabulary too: the library gives one that is not there
    # the next free id.
    vocabulary = _wordpieces(teacher) | {token.content: place for place, token in added.items()}
    learnt = list(dict.fromkeys(piece for one in texts for piece in _learn(one, size)))
    union = dict(vocabulary)
    n_teacher = max(vocabulary.values()) + 1  # a vocabulary that was edited by hand has gaps
    for piece in learnt:
        union.setdefault(piece, n_teacher + len(union) - len(vocabulary))
    special = {token: union[token] for token in (_UNKNOWN, _START, _END, _PAD, _MASK)}
    tokenizer = _wordpiece_tokenizer(union, special)
    for _, token in sorted(added.items()):
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return UnionVocabulary(
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            unk_token=_UNKNOWN,
            cls_token=_START,
            sep_token=_END,
            pad_token=_PAD,
            mask_token=_MASK,
            model_max_length=max_tokens,
        ),
        n_teacher=n_teacher,
        size=n_teacher + len(union) - len(vocabulary),
        target_ids=frozenset(union[piece] for piece in learnt)
        - frozenset(special.values())
        - frozenset(added),
    )


def check_transplantable(model: MultiVectorEncoder) -> None:
    """Raise unless subwords can be added to a model's vocabulary.

    Raises:
        UsageError: its tokenizer is not WordPiece.
    """
    _wordpieces(model.tokenizer)


def _wordpieces(teacher: PreTrainedTokenizerBase) -> dict[str, int]:
    backend = getattr(teacher, "backend_tokenizer", None)
    model = json.loads(backend.to_str())["model"] if backend is not None else {}
    vocabulary = model.get("vocab", {})
    wanted = (_UNKNOWN, _START, _END, _PAD, _MASK)
    if model.get("type") != "WordPiece" or any(token not in vocabulary for token in wanted):
        raise UsageError(
            f"the teacher's tokenizer is {model.get('type') or type(teacher).__name__}, and a "
            "vocabulary can be transplanted into a WordPiece (BERT) tokenizer only",
            hint="choose another `teacher` (minilm-en, colbertv2), or start the student from a "
            "multilingual encoder, for example `student=xlm-r-base`",
        )
    return dict(sorted(vocabulary.items(), key=lambda entry: int(entry[1])))


def _learn(texts: Sequence[str], size: int) -> list[str]:
    from tokenizers import Tokenizer, trainers
    from tokenizers.models import WordPiece

    tokenizer = Tokenizer(WordPiece(unk_token=_UNKNOWN))
    _set_normaliser(tokenizer)
    characters = sorted(set().union(*map(tokenizer.normalizer.normalize_str, texts)) - {" "})
    # The trainer numbers word-internal characters in the order of a randomly seeded hash table and
    # breaks ties between merges by those numbers. Named as special tokens they have fixed numbers,
    # and the same text gives the same vocabulary in every process.
    fixed = [_UNKNOWN, *(f"##{character}" for character in characters)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=max(size, len(fixed)),
        min_frequency=2,
        special_tokens=fixed,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learnt = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    return [piece for piece, _ in learnt]


def _wordpiece_tokenizer(vocabulary: dict[str, int], special: dict[str, int]) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, processors
    from tokenizers.models import WordPiece

    tokenizer = Tokenizer(
        WordPiece(vocabulary, unk_token=_UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
    )
    _set_normaliser(tokenizer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A {_END}",
        pair=f"{_START} $A {_END} $B {_END}",
        special_tokens=[(token, special[token]) for token in (_START, _END)],
    )
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _set_normaliser(tokenizer: Tokenizer) -> None:
    from tokenizers import Regex, normalizers, pre_tokenizers

    # Not BERT's clean_text: it also removes the joiners that Marathi and Persian spell with.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace(Regex(r"[\p{Cc}\x{FFFD}]"), " "),
            normalizers.BertNormalizer(
                clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=True
            ),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.BertPreTokenizer(),
            pre_tokenizers.Split(Regex(f".{{{_LONGEST_WORD}}}"), behavior="isolated"),
        ]
    )
