"""The languages that a checkpoint has tokens for, found by any spelling of a language code.

Each family of models writes its languages in its own way: NLLB ``som_Latn``, M2M-100 ``__so__``,
mBART ``so_XX``, MADLAD ``<2so>``, multilingual OPUS-MT ``>>som<<``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from contextlib import suppress

from clirot.errors import ChoiceNotice, LanguageError, UnknownNameError
from clirot.languages import closest_language, language_name, parse_language, states_script
from clirot.registry import unknown_name

_AROUND = re.compile(r"__(.+)__|<2(.+)>|>>(.+)<<")
_UNNAMED_REGION = "_XX"

# What models write for one of these, where they mean the other: nearly all text of the
# macrolanguage is in the individual language.
_ALIKE = {"qu": "quy", "ff": "fuv", "nso": "ns"}

_GROUPS = """
aav afa alg alv apa aqa aql art ath auf aus awd azc bad bai bat ber bih bnt btk cai cau
cba ccn ccs cdc cdd cel cmc cpe cpf cpp crp csu cus day dmn dra egx esx euq fiu fox gem
gme gmq gmw grk hmx hok hyx iir ijo inc ine ira iro itc jpx kar kdo khi kro map mkh mno
mun myn nah nai ngf nic nub omq omv oto paa phi plf poz pqe pqw pra qwe roa sai sal sdv
sem sgn sio sit sla smi son sqj ssa syd tai tbq trk tup tut tuw urj wak wen xgn xnd ypk
zhx zle zls zlw znd
"""
GROUPS = frozenset(_GROUPS.split())
"""Codes of groups of languages (ISO 639-5): some OPUS-MT models translate from or into one."""


def alike(one: str, other: str) -> bool:
    """Whether two normalised codes are one language in one script, or models write one for the
    other.
    """
    same = closest_language(one, [other]) is not None
    return same or _ALIKE.get(one) == other or _ALIKE.get(other) == one


class ModelLanguages:
    """The languages of a model.

    Args:
        model: its name, for messages.
        tokens: of its languages, as they stand in its vocabulary. Where two are the same language
            (NLLB's Iranian Persian and Dari), the first one is meant by that language.
    """

    def __init__(self, model: str, tokens: Iterable[str]) -> None:
        self._model = model
        self._written: dict[str, str] = {}
        self._by_tag: dict[str, str] = {}
        self._by_language: dict[str, str] = {}
        for token in tokens:
            written = bare(token)
            self._written.setdefault(written, token)
            tag = written
            with suppress(LanguageError):  # some models have codes of their own, such as "ns"
                tag = parse_language(written.removesuffix(_UNNAMED_REGION))
            self._by_tag.setdefault(tag, token)
            self._by_language.setdefault(tag.partition("-")[0], token)

    @property
    def tags(self) -> list[str]:
        """The languages, as normalised codes, sorted."""
        return sorted(self._by_tag)

    def token(self, code: str) -> str:
        """The token of a language.

        Args:
            code: of the language: as the model writes it, or ISO 639 or BCP 47.

        Raises:
            LanguageError: not a language code.
            UnknownNameError: the model has no such language; the hint suggests the closest.
        """
        if code in self._written:
            return self._written[code]
        tag = parse_language(code)
        for one in (tag, _ALIKE.get(tag, tag)):
            if one in self._by_tag:
                return self._by_tag[one]
            near = closest_language(one, self._by_tag)
            if near is not None:
                return self._by_tag[near]
        language = tag.partition("-")[0]
        for one in (language, _ALIKE.get(language, language)):
            if not states_script(tag) and one in self._by_language:
                # Where no script was asked for, the only one that the model has will do.
                token = self._by_language[one]
                warnings.warn(
                    f"{self._model} has {language_name(tag)} ({tag!r}) as {bare(token)!r} only",
                    ChoiceNotice,
                    stacklevel=2,
                )
                return token
        hint = unknown_name("language", tag, self.tags).hint
        if language in self._by_language:
            hint = f"did you mean {bare(self._by_language[language])!r}? {hint}"
        raise UnknownNameError(
            f"{self._model} does not know {language_name(tag)} ({tag!r})", hint=hint
        )


def bare(token: str) -> str:
    """The code in a language's token: ``so`` of ``__so__``, ``som_Latn`` of itself."""
    found = _AROUND.fullmatch(token)
    return next(filter(None, found.groups())) if found else token
