"""How a checkpoint is told the languages: by tokens before the text, or as the first it writes.

What a family wants is read off its tokenizer, as transformers 5 has it. NLLB, M2M-100 and mBART-50
begin the source with its language and are made to write the target's token first. mBART-25 takes
that token as the one to start from. MADLAD wants ``<2en>`` before the text, and multilingual
OPUS-MT ``>>eng<<``; other OPUS-MT models translate one pair of languages only.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from clirot.errors import LanguageError, UnknownNameError, UsageError
from clirot.languages import parse_language
from clirot.retrieval.translation.language_codes import GROUPS, ModelLanguages, alike, bare

_NAMED = re.compile(r"[a-z]{2,3}_[A-Z]{2}|[a-z]{3}_[A-Z][a-z]{3}")
_PREFIX = re.compile(r"<2[a-z]{2,3}(_[A-Za-z]+)*>")


@dataclass(frozen=True)
class Prompt:
    """What goes with every text."""

    prefix: str = ""
    """Before the text, with the space between."""
    source: str | None = None
    """The source's language, as the tokenizer writes it, where it wants to know it."""
    target: str | None = None
    """Token of the target's language that the translation begins with."""
    target_id: int | None = None
    starts: bool = False
    """Whether the target's token takes the place of the usual start of a translation."""
    languages_known: bool = True
    """False: nothing is known of the model's languages, and it was not told any."""

    def lead(self, start_id: int | None) -> list[int]:
        """The ids that a translation begins with, before its own words.

        Args:
            start_id: what the model starts a translation from, where it is told nothing.
        """
        if self.starts or start_id is None:
            return [one for one in (self.target_id,) if one is not None]
        return [start_id, *([] if self.target_id is None else [self.target_id])]


def prompt_for(tokenizer: Any, model: str, src: str | None, tgt: str) -> Prompt:
    """The prompt that makes a model translate from one language into another.

    Args:
        tokenizer: of the model, from transformers. Its source language is set here.
        model: name, for messages.
        src: language of the texts; None: not known.
        tgt: language to translate into.

    Raises:
        UnknownNameError: the model does not know a language; the hint suggests the closest.
        UsageError: the model wants to know the source language, or translates another pair.
    """
    if hasattr(tokenizer, "supported_language_codes"):
        return _marian(tokenizer, model, src, tgt)
    tokens = list(getattr(tokenizer, "lang_token_to_id", ()))  # M2M-100
    if not tokens:
        special = {*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens}
        tokens = sorted(one for one in special if _NAMED.fullmatch(one))
    if tokens:
        return _forced(tokenizer, ModelLanguages(model, tokens), model, src, tgt)
    prefixes = sorted(one for one in tokenizer.get_vocab() if _PREFIX.fullmatch(one))
    if prefixes:
        languages = ModelLanguages(model, prefixes)
        if src is not None:
            languages.token(src)  # an unknown one is an error, although nothing is told of it
        return Prompt(prefix=f"{languages.token(tgt)} ")
    return Prompt(languages_known=False)


def _forced(
    tokenizer: Any, languages: ModelLanguages, model: str, src: str | None, tgt: str
) -> Prompt:
    target = languages.token(tgt)
    if src is None:
        raise UsageError(
            f"{model} wants to know the language that it translates from",
            hint="name it with `src`",
        )
    source = bare(languages.token(src))
    tokenizer.src_lang = source
    if hasattr(tokenizer, "get_lang_id"):
        target_id = tokenizer.get_lang_id(bare(target))
    else:
        target_id = tokenizer.convert_tokens_to_ids(target)
    return Prompt(
        source=source,
        target=target,
        target_id=int(target_id),
        starts=type(tokenizer).__name__ == "MBartTokenizer",
    )


def _marian(tokenizer: Any, model: str, src: str | None, tgt: str) -> Prompt:
    _check_side(model, "from", tokenizer.source_lang, src)
    if tokenizer.supported_language_codes:
        languages = ModelLanguages(model, tokenizer.supported_language_codes)
        return Prompt(prefix=f"{languages.token(tgt)} ")
    _check_side(model, "into", tokenizer.target_lang, tgt)
    return Prompt()


def _check_side(model: str, way: str, own: str | None, wanted: str | None) -> None:
    """Refuse a language that is not the one a model translates from, or into."""
    if own is None or wanted is None or own in GROUPS:
        return
    code = None
    with suppress(LanguageError):  # "mul", or a name of OPUS-MT's own, such as "ROMANCE"
        code = parse_language(own)
    if code is not None and not alike(code, parse_language(wanted)):
        raise UnknownNameError(
            f"{model} translates {way} {code!r} only, not {way} {parse_language(wanted)!r}",
            hint="there is an OPUS-MT model for each pair of languages; NLLB, M2M-100 and MADLAD "
            "translate between many",
        )
