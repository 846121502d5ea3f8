"""Whether an encoder gains subwords of a language, and what is said of it.

Before any work it is known whether a tokenizer can gain subwords at all. Whether it should follows
from the training bitext (:mod:`~clirot.distillation.subwords.coverage`).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clirot.distillation.fast_tokenizer import unchangeable
from clirot.distillation.settings import TransplantSettings
from clirot.distillation.subwords.coverage import UNKNOWN, Coverage, coverage
from clirot.distillation.subwords.extension import Extension, extend
from clirot.errors import ChoiceNotice, CoverageWarning, UsageError
from clirot.languages import language_name
from clirot.records import SentencePair

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

AUTO, ALWAYS, NEVER = "auto", "always", "never"


def check_holds(model: MultiVectorEncoder, settings: TransplantSettings) -> None:
    """Raise if subwords are to be added to a tokenizer that cannot gain any.

    Raises:
        UsageError: they are.
    """
    backbone: Any = model[0]
    why = unchangeable(backbone.tokenizer) if settings.add_subwords == ALWAYS else ""
    if why:
        raise UsageError(
            f"`add_subwords=always`: the tokenizer of the student is {why}, and subwords can be "
            "added to Unigram (SentencePiece), BPE and WordPiece only",
            hint="leave `add_subwords` out, or start from another `student`",
        )


def with_subwords(
    model: MultiVectorEncoder,
    bitexts: Mapping[str, Sequence[SentencePair]],
    settings: TransplantSettings,
    *,
    passes: Mapping[str, float],
) -> tuple[dict[str, Any], int | None]:
    """Add subwords to a freshly loaded encoder where they are wanted, in place.

    Tells what was decided (ChoiceNotice), and warns of a language that the encoder's vocabulary
    does not know, whether or not subwords are added (CoverageWarning).

    Args:
        model: the encoder.
        bitexts: language -> its training bitext; ``src`` in English.
        settings: whether and how.
        passes: language -> how often training sees a pair of its bitext, relative to the others.

    Returns:
        The figures that it was decided from and what came of it; and the first new id, None where
        there is none.
    """
    backbone: Any = model[0]
    found = {language: coverage(backbone.tokenizer, pairs) for language, pairs in bitexts.items()}
    wanted = {
        language: one
        for language, one in found.items()
        if settings.add_subwords == ALWAYS or (settings.add_subwords == AUTO and one.lacking)
    }
    why = unchangeable(backbone.tokenizer) if wanted else ""
    extension = None
    if wanted and not why:
        extension = extend(model, bitexts, settings, wanted=list(wanted), passes=passes)
    for language, one in found.items():
        _tell(language, one, extension, why if language in wanted else "")
    figures: dict[str, Any] = {"coverage": {name: one.figures() for name, one in found.items()}}
    if extension is None or not extension.new_subwords:
        return figures, None
    return figures | extension.figures(), extension.first_new


def _tell(language: str, before: Coverage, extension: Extension | None, why: str) -> None:
    name = language_name(language)
    after = extension.after.get(language) if extension is not None else None
    if before.unknown >= UNKNOWN:
        less = f" ({after.unknown:.1%} with the subwords that it gains)" if after else ""
        warnings.warn(
            f"{before.unknown:.1%} of the pieces of the {name} sentences are unknown to the "
            f"student's vocabulary{less}: the encoder does not cover the language",
            CoverageWarning,
            stacklevel=6,
        )
    counted = (
        f"its vocabulary cuts a {name} word into {before.pieces_a_word:.1f} pieces, an English one "
        f"into {before.english_pieces_a_word:.1f}"
    )
    if why:
        warnings.warn(
            f"the student gains no subwords, since its tokenizer is {why}; {counted}",
            CoverageWarning,
            stacklevel=6,
        )
    elif extension is not None and after is not None:
        warnings.warn(
            f"the student gains {extension.added[language]:,} {name} subwords: {counted}; with "
            f"them it is {after.pieces_a_word:.1f}",
            ChoiceNotice,
            stacklevel=6,
        )
