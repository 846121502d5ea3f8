"""English names of languages, from CLDR."""

from __future__ import annotations

from clirot.languages.tags import read_tag


def language_name(code: str) -> str:
    """The English name of a normalised code, from CLDR; the code itself where CLDR has none."""
    from babel import Locale

    english = Locale("en")
    tag = read_tag(code)
    if tag is None:  # such as "und"
        return code
    script = (tag.script,) if tag.script else ()
    region = (tag.region,) if tag.region else ()
    for parts in ((*script, *region), script, ()):
        name = english.languages.get("_".join((tag.language, *parts)))
        if name:
            named = region and parts[-1:] == region
            more = [] if named else [english.territories.get(one, one) for one in region]
            more += [*tag.variants, *tag.private]
            return f"{name} ({', '.join(more)})" if more else str(name)
    return code
