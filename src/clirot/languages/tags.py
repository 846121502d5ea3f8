"""Language codes: every spelling of a language in, one normalised BCP 47 tag out.

A tag keeps what decides the text, and only that, as CLDR's likely subtags say it:

* the script, where it is not the language's own: ``zh-TW`` and ``zho_Hant`` are ``zh-Hant``,
  ``pa-PK`` is ``pa-Arab``, ``zh-CN`` is ``zh``;
* the region, where it is not the likely one of language and script: ``pt-BR`` is ``pt``, ``pt-PT``
  stays, ``sr-ME`` is ``sr-Latn-ME``;
* variants (``ca-valencia``), and whatever is no subtag of BCP 47, as private use: ``de-muc``, the
  German of Munich in xSID, is ``de-x-muc``.

A macrolanguage keeps its code (``sw``, ``zh``), and an individual language that CLDR treats as its
standard form gets the same code (``swh`` becomes ``sw``, ``cmn`` becomes ``zh``). ``tl`` and
``fil`` are one language, as in CLDR, stored as ``tl`` because the corpora of the field write
``tl``.

Source: BCP 47 (RFC 5646); Unicode Technical Standard 35, "Likely Subtags".
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache

from clirot.errors import LanguageError
from clirot.registry import closest

# CLDR prefers "fil"; corpora (FLORES, TICO-19, Tatoeba, Bible) say "tl" or "tgl".
_CORPUS_SPELLING = {"fil": "tl"}
_CLDR_SPELLING = {"tl": "fil"}
# ISO 639 codes that are not one language: undetermined, multiple, none, and two groups.
_SPECIAL = frozenset({"und", "mul", "mis", "zxx", "art", "sgn"})
# What stands where nothing is said: "unknown" of CLDR, and mBART's en_XX.
_NOT_SAID = frozenset({"Zzzz", "Zyyy", "ZZ", "XX"})
_SUBTAG = re.compile(r"[A-Za-z0-9]+")
_MODIFIERS = {
    **dict.fromkeys(("euro", "quot", "boldquot"), ""),
    "iqtelif": "Latn",
    "ijekavian": "ijekavsk",
    "ijekavianlatin": "Latn ijekavsk",
}
"""What locales of gettext and glibc write after "@" -> its subtags. Any script has its name there;
the first ones change a sign or a quotation mark, and not the text."""


@dataclass(frozen=True)
class Tag:
    """The parts of a code, as they were written or, in :func:`_full`, as they are likely."""

    language: str
    script: str | None = None
    region: str | None = None
    variants: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    """Subtags of private use, and those that BCP 47 does not have."""


@lru_cache(maxsize=4096)
def parse_language(code: str) -> str:
    """Normalise a language code.

    Args:
        code: ISO 639-1 (``so``), ISO 639-2 or -3 (``som``, ``ger``), or BCP 47 in any case and with
            hyphens or underscores (``so-SO``, ``zh_Hant``); or a locale (``sr_RS.UTF-8@latin``).

    Returns:
        The stored tag. Normalising it again gives the same.

    Raises:
        LanguageError: not the code of a language. The hint suggests a similar code, or the code of
            a language whose English name was written ("somali").
    """
    tag = read_tag(code)
    if tag is None:
        raise LanguageError(f"not a language code: {code!r}", hint=_suggestion(code.strip()))
    own, full = _full(tag.language), _full(tag.language, tag.script, tag.region)
    parts = [tag.language]
    # A script is also said where the region alone would mean another one, as in zh-Hans-TW.
    by_region = _full(tag.language, None, full.region).script
    if full.script is not None and (full.script != own.script or full.script != by_region):
        parts.append(full.script)
    if full.region is not None and full.region != _full(tag.language, full.script).region:
        parts.append(full.region)
    return "-".join([*parts, *tag.variants, *(("x", *tag.private) if tag.private else ())])


def is_language(text: str) -> bool:
    """Whether a text is the code of a language, in any spelling."""
    return read_tag(text) is not None


def language_code(name: str) -> str | None:
    """The normalised code of a language by its English name in CLDR, in any case; else None."""
    code = _names().get(name.casefold())
    return parse_language(code) if code is not None else None


def without_region(code: str) -> str:
    """Language and script of a normalised code: ``pt`` of ``pt-PT``, ``zh-Hant`` of
    ``zh-Hant-HK``, ``de`` of ``de-x-muc``. What serves a language, such as a keyboard, serves its
    regions and dialects.
    """
    tag = tag_of(code)
    return parse_language("-".join(filter(None, (tag.language, script_of(code)))))


def script_of(code: str) -> str | None:
    """The script of a normalised code (ISO 15924); None where CLDR does not know the language."""
    tag = tag_of(code)
    return _full(tag.language, tag.script, tag.region).script


def states_script(code: str) -> bool:
    """Whether a normalised code says its script, which then is not its language's usual one."""
    return tag_of(code).script is not None


def tag_of(code: str) -> Tag:
    """The parts of a code that is one.

    Raises:
        LanguageError: it is not.
    """
    tag = read_tag(code)
    if tag is None:
        raise LanguageError(f"not a language code: {code!r}", hint=_suggestion(code.strip()))
    return tag


@lru_cache(maxsize=4096)
def read_tag(written: str) -> Tag | None:
    """The parts of a code, its language and script by one name each; None: it is no code."""
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    subtags = _subtags(written.strip())
    if subtags is None:
        return None
    try:
        tag = langcodes.Language.get(subtags, normalize=True)
    except (LanguageTagError, AttributeError):
        return None
    # langcodes takes the number of a region, such as 419, for a language.
    if tag.language is None or tag.language.isdecimal() or not _exists(tag.language):
        return None
    language = tag.prefer_macrolanguage().language or tag.language
    language = _CORPUS_SPELLING.get(language, language)
    private = list(tag.extlangs or ())  # one that is registered has become the language
    variants: list[str] = []
    for variant in tag.variants or ():
        (variants if _registered(variant) else private).append(variant)
    script, region = tag.script, tag.territory
    if script is not None and not _is_script(script):
        private.append(script)
        script = None
    if region is not None and not _registered(region) and region not in _NOT_SAID:
        private.append(region)
        region = None
    private += (tag.private or "").split("-")[1:]
    return Tag(
        language,
        _script(language, script),
        # Facebook's es_LA, which TICO-19 has too, is the Spanish of Latin America, not of Laos.
        "419" if (language, region) == ("es", "LA") else None if region in _NOT_SAID else region,
        tuple(variant.lower() for variant in variants),
        tuple(one.lower() for one in private),
    )


def _subtags(written: str) -> str | None:
    """A locale's name as a tag: without its charset, and with its modifier as a subtag."""
    text, at, modifier = written.partition("@")
    text, dot, ending = text.partition(".")
    said = [ending.title()] if dot and _is_script(ending) else []
    if (dot and not said and not _is_charset(ending)) or (at and not modifier):
        return None
    if at:
        name = modifier.casefold()
        said += _MODIFIERS.get(name, _scripts_by_name().get(name, modifier)).split()
    subtags = text.replace("_", "-").split("-")
    scripts = [one for one in said if _is_script(one)]  # they stand before a region
    subtags = [subtags[0], *scripts, *subtags[1:], *(one for one in said if one not in scripts)]
    return "-".join(subtags) if all(map(_SUBTAG.fullmatch, subtags)) else None


def _script(language: str, script: str | None) -> str | None:
    """A script that is another way to write one, or a part of the language's own, by one name."""
    if script in _NOT_SAID:
        return None
    if script == "Aran":  # Nastaliq
        return "Arab"
    if script == "Hang" and _full(language).script == "Kore":  # Korean hardly has Han any more
        return "Kore"
    return script


@lru_cache(maxsize=4096)
def _full(language: str, script: str | None = None, region: str | None = None) -> Tag:
    """Language, script and region, with what is not said as CLDR's likely subtags have it."""
    from babel.core import get_global

    likely = get_global("likely_subtags")
    name = _CLDR_SPELLING.get(language, language)
    for parts in ((name, script, region), (name, region), (name, script), (name,)):
        found = likely.get("_".join(map(str, parts)))
        if found is not None:
            _, own_script, own_region = found.split("_")[:3]
            return Tag(language, script or own_script, region or own_region)
    return Tag(language, script, region)


@lru_cache(maxsize=4096)
def _registered(subtag: str) -> bool:
    """Whether a subtag of the form of a script, a region or a variant is registered as one."""
    import langcodes

    return bool(langcodes.tag_is_valid(f"en-{subtag}"))


def _is_script(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isalpha() and _registered(text)


def _is_charset(name: str) -> bool:
    try:
        return bool(codecs.lookup(name))
    except (LookupError, ValueError):
        return False


@lru_cache(maxsize=1)
def _scripts_by_name() -> dict[str, str]:
    """What locales call a script ("latin", "cyrillic") -> its code."""
    from babel import Locale

    return {str(name).casefold(): code for code, name in Locale("en").scripts.items()}


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
