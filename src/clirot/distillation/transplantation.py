"""Vocabulary transplant: a student for a language that no encoder covers, from the teacher itself.

The teacher's body and its English vocabulary are kept, and subwords of the target language are
added. The embedding of a new subword is a weighted mean of the embeddings of its English
translations, which a statistical word alignment of the bitext (IBM model 1) finds. A subword
without translations takes the mean of all English embeddings. A subword that is spelled like an
English one starts from that one and moves further the more evidence the bitext has, so that names
and numbers stay what they are. A few thousand sentence pairs make a student in seconds.

The student's tokenizer is a plain WordPiece tokenizer, so that it loads without clirot. Its
normaliser is not the teacher's: uncased BERT strips combining marks, which are letters in
Devanagari, Thai or Yoruba. Tokens that were added to the teacher's vocabulary, such as the ``[Q]``
and ``[D]`` of a ColBERT, keep their ids and are found in a text as the teacher finds them.

A student of several languages learns the subwords of each language by itself, so that a language
with little bitext has as many as it would have alone, and aligns each bitext by itself. A subword
that several languages spell alike has one embedding: the mean of its translations in these
languages, weighted by how often training will see it in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.bitext.translation_table import TranslationTable
from clirot.distillation.fast_tokenizer import model_of, replace_tokenizer
from clirot.distillation.settings import TransplantSettings
from clirot.distillation.subwords.placement import Floats, aligned, merged, plain_ids
from clirot.errors import UsageError
from clirot.records import SentencePair

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


def transplant(
    model: MultiVectorEncoder,
    bitexts: Sequence[Sequence[SentencePair]],
    settings: TransplantSettings,
    *,
    passes: Sequence[float] | None = None,
) -> dict[str, float]:
    """Turn a freshly loaded teacher into a student, in place.

    Args:
        model: the teacher's encoder, loaded for this purpose; its tokenizer and its input
            embeddings are replaced. Its projection, prompts, query expansion and list of tokens
            that are not scored stay as they are.
        bitexts: training bitext of each target language; ``src`` in the teacher's.
        settings: how it is done.
        passes: how often training sees a pair of each bitext, relative to the others; None: equally
            often.

    Returns:
        The size of the vocabulary, how much of it is new, and the share of the new subwords that
        the alignment found translations for.

    Raises:
        UsageError: the teacher's tokenizer is not WordPiece.
    """
    import torch

    backbone: Any = model[0]  # a Transformer module; its attributes are not typed
    teacher_tokenizer = backbone.tokenizer
    body = backbone.auto_model
    union = union_vocabulary(
        teacher_tokenizer,
        [[pair.tgt for pair in pairs] for pairs in bitexts],
        size=settings.vocabulary,
        max_tokens=int(backbone.max_seq_length),
    )
    english = body.get_input_embeddings().weight.detach().cpu().numpy().astype(np.float64)
    tables = [
        align(teacher_tokenizer, union, pairs, sharpness=settings.sharpness) for pairs in bitexts
    ]
    table = merged(tables, passes if passes is not None else [1.0] * len(tables))
    vectors, explained = embeddings(
        english[: union.n_teacher], union, table, same_spelling=settings.same_spelling
    )
    body.resize_token_embeddings(len(vectors), mean_resizing=False)
    with torch.no_grad():
        body.get_input_embeddings().weight.copy_(torch.from_numpy(vectors))
    replace_tokenizer(model, union.tokenizer)
    return {
        "vocabulary": float(len(vectors)),
        "new_subwords": float(len(vectors) - union.n_teacher),
        "explained": float(explained),
    }


def align(
    teacher_tokenizer: PreTrainedTokenizerBase,
    union: UnionVocabulary,
    pairs: Sequence[SentencePair],
    *,
    sharpness: float,
) -> TranslationTable:
    """Weights of the teacher's subwords as translations of the union's: ``(size, n_teacher)``."""
    longest = union.tokenizer.model_max_length
    return aligned(
        plain_ids(union.tokenizer, [pair.tgt for pair in pairs], longest),
        plain_ids(teacher_tokenizer, [pair.src for pair in pairs], longest),
        n_target=union.size,
        n_english=union.n_teacher,
        sharpness=sharpness,
    )


def embeddings(
    english: Floats, union: UnionVocabulary, table: TranslationTable, *, same_spelling: float
) -> tuple[Floats, float]:
    """Input embeddings of the union vocabulary.

    Args:
        english: ``(n_teacher, dim)``, the teacher's.
        union: the vocabulary.
        table: ``(union.size, n_teacher)`` translations.
        same_spelling: see :class:`~clirot.distillation.settings.TransplantSettings`.

    Returns:
        ``(union.size, dim)`` embeddings, and the share of new subwords that ``table`` explains.
    """
    n_teacher, dim = english.shape
    n_union = union.size
    translated = table.probability @ english
    seen = np.diff(table.probability.indptr) > 0
    vectors = np.empty((n_union, dim))
    vectors[:n_teacher] = english
    vectors[n_teacher:] = np.where(
        seen[n_teacher:, None], translated[n_teacher:], english.mean(axis=0)
    )
    like = np.array(sorted(i for i in union.target_ids if i < n_teacher and seen[i]), dtype=int)
    if len(like):
        evidence = table.evidence[like, None]
        vectors[like] = (evidence * translated[like] + same_spelling * english[like]) / (
            evidence + same_spelling
        )
    new = n_union - n_teacher
    return vectors, float(seen[n_teacher:].mean()) if new else 1.0


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
    vocabulary = wordpieces(teacher) | {token.content: place for place, token in added.items()}
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


def wordpieces(teacher: PreTrainedTokenizerBase) -> dict[str, int]:
    """The vocabulary of a WordPiece tokenizer, in the order of its ids.

    Raises:
        UsageError: the tokenizer is not WordPiece, so that subwords cannot be added to it.
    """
    model = model_of(teacher)
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
