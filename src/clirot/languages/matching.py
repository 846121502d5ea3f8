"""Which of the codes that a file or a directory has is meant by a language that was asked for.

A text in another region or orthography of the language will do (``de-AT`` for ``de``) where there
is none in its own; one in another script never does, nor a dialect of private use. Whoever takes a
variant says so.

Source: Unicode Technical Standard 35, "Language Matching"; its distances are langcodes'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from clirot.languages.tags import is_language, parse_language, read_tag, script_of, tag_of

# Two codes that CLDR keeps apart, and of which one is written where the other is meant.
_SAME = {"nb": "no", "pbt": "ps"}
_HAN = frozenset({"Hani", "Hans", "Hant"})


def closest_language(wanted: str, among: Iterable[str]) -> str | None:
    """The code that a language is read from: its own, or else that of the nearest variant.

    A variant is of another region or orthography (``de-AT`` for ``de``), never in another script
    and never a dialect of private use. The nearest is that of CLDR's language matching (for
    ``es-MX``, ``es-419`` comes before ``es``); of equals the shortest, then the first. Where two
    are the language's own code (``pt`` and ``pt_BR``), the one that is written as the code is.

    Args:
        wanted: a normalised code.
        among: codes in any spelling; what is no code is passed over.

    Returns:
        One of ``among``, as it is spelled there; None: it has no text in the language.
    """
    spelled = list(dict.fromkeys(among))
    own = [one for one in spelled if is_language(one) and parse_language(one) == wanted]
    if own:
        return next((one for one in own if one.replace("_", "-") == wanted), own[0])
    near = [one for one in spelled if is_language(one) and _alike(wanted, parse_language(one))]
    if not near:
        return None
    import langcodes

    def distance(one: str) -> tuple[int, int]:
        return langcodes.tag_distance(wanted, parse_language(one)), len(re.split("[-_@.]", one))

    return min(near, key=distance)


@lru_cache(maxsize=4096)
def closest_pair(src: str, tgt: str, among: tuple[str, ...]) -> tuple[str | None, str | None]:
    """What :func:`closest_language` gives for two languages, never the same for both."""
    found: list[str | None] = [
        next((one for one in [closest_language(side, among)] if _means(one, side)), None)
        for side in (src, tgt)
    ]
    for place, side in enumerate((src, tgt)):
        if found[place] is None:
            left = [one for one in among if one not in found]
            found[place] = closest_language(side, left)
    return found[0], found[1]


def relatives(wanted: str, among: Iterable[str]) -> list[str]:
    """The codes of the same language, as they are spelled, that are not it in its script."""
    kin = [one for one in dict.fromkeys(among) if same_language(wanted, one)]
    return [one for one in kin if not _alike(wanted, parse_language(one))]


def same_language(one: str, other: str) -> bool:
    """Whether two texts are codes of one language, in whatever script, region or dialect."""
    if not (is_language(one) and is_language(other)):
        return False
    first, second = tag_of(one).language, tag_of(other).language
    return _SAME.get(first, first) == _SAME.get(second, second)


def split_pair(text: str) -> tuple[str, str]:
    """The two codes of ``en-so`` or ``zh-TW-en``: at the hyphen where both sides are languages.

    Returns:
        The codes as they are written; the second is empty where there is no hyphen.
    """
    places = [place for place, letter in enumerate(text) if letter == "-"]
    splits = [(text[:place], text[place + 1 :]) for place in places]

    def doubt(split: tuple[str, str]) -> tuple[int, bool]:
        tags = [read_tag(code) for code in split]
        odd = sum(10 if tag is None else len(tag.private) for tag in tags)
        return odd, not all(code[:2].islower() for code in split)  # TW-en: a region, no language

    return min(splits, key=doubt, default=(text, ""))


def _alike(one: str, other: str) -> bool:
    """Whether two normalised codes are of one language in one script."""
    if not same_language(one, other) or tag_of(one).private != tag_of(other).private:
        return False
    scripts = {script_of(one), script_of(other)}
    # Han alone does not say which of the two; an unknown script is no other one.
    return len(scripts) == 1 or None in scripts or (scripts <= _HAN and "Hani" in scripts)


def _means(spelled: str | None, code: str) -> bool:
    return spelled is not None and parse_language(spelled) == code
