"""Language codes: ISO 639-1, ISO 639-3 and BCP 47 in, one normalised BCP 47 tag out.

``som``, ``so`` and ``so-SO`` are all Somali; clirot stores ``so``. A region says nothing about
which student or bitext is meant and is dropped; a script does (``zh-Hant``, ``sr-Latn``) and is
kept where it is not the language's default. Macrolanguages stay what they are called (``sw``,
``zh``), and the individual languages that CLDR treats as their standard form fold into them
(``swh`` to ``sw``, ``cmn`` to ``zh``); ``tl`` and ``fil`` are one language here, as in CLDR,
stored as ``tl`` because that is what the field's corpora call it.
"""

from __future__ import annotations

from functools import lru_cache

from clirot.errors import LanguageError
from clirot.registry import closest

# CLDR prefers "fil"; corpora (FLORES, TICO-19, Tatoeba, Bible) say "tl" or "tgl".
_CORPUS_SPELLING = {"fil": "tl"}
# ISO 639 codes that stand for no one language: undetermined, multiple, none, and two collections.
_SPECIAL = frozenset({"und", "mul", "mis", "zxx", "art", "sgn"})


@lru_cache(maxsize=512)
def parse_language(code: str) -> str:
    """Normalise a language code.

    Args:
        code: ISO 639-1 (``so``), ISO 639-3 (``som``) or BCP 47 (``so-SO``, ``zh_Hant``).

    Returns:
        The stored tag: language, plus script where it is not the default one.

    Raises:
        LanguageError: not the code of a language; the hint suggests a near miss, and reads an
            English language name ("somali") as one.
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
