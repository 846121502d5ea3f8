"""Language codes: ISO 639-1, ISO 639-3 and BCP 47 in, one normalised BCP 47 tag out.

``som``, ``so`` and ``so-SO`` are all Somali; clirot stores ``so``. A region does not change which
student or bitext is meant, so it is dropped. A script does (``zh-Hant``, ``sr-Latn``), so it is
kept where it is not the language's default. A macrolanguage keeps its code (``sw``, ``zh``), and an
individual language that CLDR treats as its standard form gets the same code (``swh`` becomes
``sw``, ``cmn`` becomes ``zh``). ``tl`` and ``fil`` are one language, as in CLDR, stored as ``tl``
because the corpora of the field write ``tl``.
"""

from __future__ import annotations

from functools import lru_cache

from clirot.errors import LanguageError
from clirot.registry import closest

# CLDR prefers "fil"; corpora (FLORES, TICO-19, Tatoeba, Bible) say "tl" or "tgl".
_CORPUS_SPELLING = {"fil": "tl"}
# ISO 639 codes that are not one language: undetermined, multiple, none, and two groups.
_SPECIAL = frozenset({"und", "mul", "mis", "zxx", "art", "sgn"})


@lru_cache(maxsize=512)
def parse_language(code: str) -> str:
    """Normalise a language code.

    Args:
        code: ISO 639-1 (``so``), ISO 639-3 (``som``) or BCP 47 (``so-SO``, ``zh_Hant``).

    Returns:
        The stored tag: language, plus script where it is not the default one.

    Raises:
        LanguageError: not the code of a language. The hint suggests a similar code, or the code of
            a language whose English name was written ("somali").
    """
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    written = code.strip()
    try:
        tag = langcodes.Language.get(written.replace("_", "-"), normalize=True)
    except (LanguageTagError, AttributeError):
        tag = None
    if tag is None or tag.language is None or not _exists(tag.language):
        raise LanguageError(f"not a language code: {code!r}", hint=_suggestion(written))
    language = tag.prefer_macrolanguage().language or tag.language
    language = _CORPUS_SPELLING.get(language, language)
    script = tag.script
    if script is not None and script == langcodes.Language.get(language).maximize().script:
        script = None
    return language if script is None else f"{language}-{script}"


def language_name(code: str) -> str:
    """The English name of a normalised code, from CLDR; the code itself where CLDR has none."""
    from babel import Locale

    names = Locale("en").languages
    key = code.replace("-", "_")
    name = (
        names.get(key) or names.get({"tl": "fil"}.get(code, code)) or names.get(code.split("-")[0])
    )
    return str(name) if name else code


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """English language name -> code, for suggestions."""
    from babel import Locale

    return {
        str(name).casefold(): code
        for code, name in Locale("en").languages.items()
        if _exists(code.split("_")[0])
    }


def _exists(language: str) -> bool:
    import langcodes

    private_use = language.startswith("x-") or (len(language) == 3 and "qaa" <= language <= "qtz")
    special = language in _SPECIAL or private_use
    return not special and langcodes.Language.get(language).is_valid()


def _suggestion(written: str) -> str:
    if written.casefold() in _names():
        return f"did you mean {parse_language(_names()[written.casefold()])!r}?"
    near_name = closest(written, _names()) if len(written) > 3 else None
    if near_name is not None:
        return f"did you mean {parse_language(_names()[near_name])!r}?"
    near = closest(written, _names().values())
    head = f"did you mean {near!r}? " if near is not None else ""
    return head + "write ISO 639-1, ISO 639-3 or BCP 47, for example so, som or so-SO"
