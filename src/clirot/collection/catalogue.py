"""What a collection's name means: a directory, one of clirot's own, or a data set of ir_datasets.

An existing directory wins, then clirot's own ids, then ir_datasets'. clirot's own are written
``FAMILY/LANG`` (``xquad/de`` has English paragraphs, German topics and the English originals of the
topics) or, where one document collection has topics in every language, ``FAMILY`` alone; the topic
language is then chosen later. ``clirot/FAMILY/LANG``, the spelling under which they are registered
in ir_datasets, means the same.
"""

from __future__ import annotations

from pathlib import Path

from clirot.collection.cldr.collection import CldrCollection
from clirot.collection.collection import Collection
from clirot.collection.directory import DirectoryCollection
from clirot.collection.irds import IrDatasetsCollection, known_ids
from clirot.collection.released import (
    FloresCollection,
    ReleasedCollection,
    TatoebaCollection,
    TicoPassageCollection,
    TicoSentenceCollection,
    XquadCollection,
    XquadRCollection,
)
from clirot.errors import InputError, UnknownNameError, UsageError
from clirot.languages import parse_language
from clirot.records import ProgressSink, silent
from clirot.registry import Registry, closest
from clirot.store import default_home

PREFIX = "clirot/"
"""What clirot's own ids begin with inside ir_datasets."""

FAMILIES: Registry[type[CldrCollection] | type[ReleasedCollection]] = Registry(
    "collection",
    {
        "cldr": CldrCollection,
        "xquad": XquadCollection,
        "xquad-r": XquadRCollection,
        "flores": FloresCollection,
        "tatoeba": TatoebaCollection,
        "tico-19": TicoPassageCollection,
        "tico-19-sentence": TicoSentenceCollection,
    },
)
"""clirot's own collections, by the first part of their ids."""


def known_languages(family: str) -> list[str]:
    """The topic languages of one of clirot's own families, as they are listed.

    ``cldr`` exists in some 230 languages; listed are those that the other families have.
    """
    chosen = FAMILIES[family]
    if issubclass(chosen, ReleasedCollection):
        return list(chosen.topic_languages())
    others = [name for name in FAMILIES if name != family]
    return sorted({code for name in others for code in known_languages(name)})


def open_collection(
    spec: str,
    docs_lang: str | None = None,
    *,
    home: Path | None = None,
    progress: ProgressSink = silent,
) -> Collection:
    """Open a test collection. Nothing is downloaded until a part of it is asked for.

    Args:
        spec: a directory (see :class:`DirectoryCollection`), an id of clirot's own such as
            ``cldr/so`` or ``xquad/de``, or any id of ir_datasets.
        docs_lang: which of several document languages of a directory.
        home: where upstream files are kept; default :func:`default_home`.
        progress: told how a download goes.

    Raises:
        UnknownNameError: nothing has that name; the hint suggests the closest.
        UsageError: a language that the collection does not have.
        InputError: a directory without a collection in it.
    """
    directory = Path(spec).expanduser()
    if spec.strip() and directory.is_dir():
        return DirectoryCollection(directory, docs_lang)
    if docs_lang is not None and parse_language(docs_lang) != "en":
        raise UsageError(
            f"the documents of {spec} are in one language: `docs_lang` chooses among the document "
            "files of a directory"
        )
    family, slash, language = spec.removeprefix(PREFIX).partition("/")
    if family in FAMILIES:
        if slash and not language:
            raise UnknownNameError(
                f"unknown collection {spec!r}", hint=f"write {family}/so, for example"
            )
        named = parse_language(language) if slash else None
        return FAMILIES[family](named, home if home is not None else default_home(), progress)
    if spec.startswith((".", "/", "~")):
        raise InputError(
            "no such directory", path=spec, hint="a collection is a directory or an id"
        )
    try:
        return IrDatasetsCollection(spec)
    except KeyError:
        own = [f"{name}/{code}" for name in FAMILIES for code in known_languages(name)]
        near = closest(spec, [*FAMILIES, *own, *known_ids()])
        suggestion = f"did you mean {near!r}? " if near is not None else ""
        raise UnknownNameError(
            f"unknown collection {spec!r}",
            hint=f"{suggestion}clirot's own are {', '.join(FAMILIES)} (as FAMILY/LANG); any id of "
            "https://ir-datasets.com works; or give a directory",
        ) from None
