"""From a plan file to a plan: every key is known, every name leads somewhere, or there is an error
with the line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin

from clirot.errors import UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.experiments.placeholders import LANGUAGES, Each, expanded, filled, texts
from clirot.experiments.plan import (
    BitextPlan,
    CollectionPlan,
    Plan,
    PlanSettings,
    SystemPlan,
    TopicSetPlan,
)
from clirot.experiments.plan_file import PlanFile
from clirot.languages import parse_language
from clirot.registry import unknown_name
from clirot.retrieval.indexing import slug
from clirot.settings import assembled, leaves

T = TypeVar("T")
_TABLES = ("each", "bitext", "system", "collection", "search", "evaluate")
_BY_PLAN = {"runs", "collection", "qrels", "lang", "topic_sets", "fuse"}
"""Settings of an evaluation that follow from the plan."""
_EXPANDED = ("gaps", "contrasts")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text",
          Path: "a path"}  # fmt: skip


def plan_of(file: PlanFile) -> Plan:
    """Check a plan.

    Raises:
        UsageError: the plan is wrong somewhere; with the line.
    """
    table = dict(file.table)
    parts = {name: table.pop(name, {}) for name in _TABLES}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise file.error(f"{name} is a table, got {part!r}", name, hint=f"write [{name}]")
    known = [*(_key(leaf.name) for leaf in leaves(PlanSettings)), *_TABLES]
    for key in table:
        if key not in known:
            with file.at(key):
                raise unknown_name("key", key, known)
    settings = _made(file, PlanSettings, table)
    each = _each(file, parts["each"])
    bitexts = {
        name: _made(file, BitextPlan, value, "bitext", name, name=name)
        for name, value in _tables(file, parts["bitext"], "bitext")
    }
    systems = dict(_systems(file, parts["system"], each, settings, bitexts))
    collections = {
        name: _made(file, CollectionPlan, value, "collection", name, name=name)
        for name, value in _tables(file, parts["collection"], "collection")
    }
    if not systems:
        raise file.error("the plan has no system", hint="add one: [system.NAME]")
    if not collections:
        raise file.error("the plan has no collection", hint="add one: [collection.NAME]")
    sets = tuple(_topic_sets(file, settings, collections))
    _check_references(file, systems, sets)
    evaluation = _evaluation(file, parts["evaluate"], each)
    return Plan(
        settings=settings,
        prefix=slug(settings.prefix or file.path.stem),
        bitexts=bitexts,
        systems=systems,
        collections=collections,
        topic_sets=sets,
        search=parts["search"],
        evaluate=evaluation,
        digest=hashlib.sha256(file.text.encode()).hexdigest(),
    )


def given(configuration: type[Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of settings from a table of a plan: names with underscores, lists as tuples, files
    as paths.

    Raises:
        UnknownNameError: there is no such setting.
        UsageError: a value is of another type than the setting.
    """
    known = {_key(leaf.name): leaf for leaf in leaves(configuration)}
    found = {}
    for key, value in table.items():
        if key not in known:
            raise unknown_name("setting", key, known)
        leaf = known[key]
        made = _typed(value, leaf.type)
        _check_type(leaf.name, made, leaf.type)
        found[leaf.name] = made
    return found


def _key(name: str) -> str:
    return name.replace("_", "-")


def _typed(value: Any, wanted: Any) -> Any:
    if isinstance(value, list):
        of = next((one for one in get_args(wanted) if one is not Ellipsis), Any)
        return tuple(_typed(one, of) for one in value)
    if isinstance(value, str) and (wanted is Path or Path in get_args(wanted)):
        return Path(value)
    return value


def _made(file: PlanFile, part: type[T], table: Any, *keys: str, **more: Any) -> T:
    """A part of the plan from its table."""
    if not isinstance(table, dict):
        raise file.error(f"a table is needed, got {table!r}", *keys)
    for key, value in table.items():
        with file.at(*keys, key):
            given(part, {key: value})
    with file.at(*keys):
        return assembled(part, given(part, table), **more)


def _check_type(name: str, value: Any, wanted: Any) -> None:
    """Hold a value to the type of its setting; one text where a list of texts belongs would be
    taken letter by letter.
    """
    if _fits(value, wanted):
        return
    kinds = [get_origin(one) or one for one in _kinds(wanted)]
    if tuple in kinds and not isinstance(value, tuple):
        raise UsageError(f"a list is needed, got {value!r}", hint=f"write [{value!r}]")
    if Mapping in kinds:
        raise UsageError(f"a table is needed, got {value!r}", hint="write {key = value}")
    items = [one for kind in _kinds(wanted) for one in get_args(kind)] if tuple in kinds else kinds
    words = " or ".join(_WORDS[one] for one in dict.fromkeys(items) if one in _WORDS)
    must = (
        "each item of `{}` must be {}, got {!r}" if tuple in kinds else "`{}` must be {}, got {!r}"
    )
    raise UsageError(must.format(name, words, list(value) if tuple in kinds else value))


def _fits(value: Any, wanted: Any) -> bool:
    for kind in _kinds(wanted):
        origin = get_origin(kind)
        if kind is Any:
            return True
        if origin is tuple:
            items = get_args(kind)[0]
            if isinstance(value, tuple) and all(_fits(one, items) for one in value):
                return True
        elif isinstance(value, bool):  # which Python takes for a number
            if kind is bool:
                return True
        elif isinstance(
            value, int if kind is int else (int, float) if kind is float else origin or kind
        ):
            return True
    return False


def _kinds(wanted: Any) -> list[Any]:
    """A type, or those of a union; None is left out, since TOML cannot say it."""
    return [
        one
        for one in (get_args(wanted) if isinstance(wanted, UnionType) else [wanted])
        if one is not NoneType
    ]


def _tables(
    file: PlanFile, table: Mapping[str, Any], kind: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in table.items():
        if not isinstance(value, dict):
            raise file.error(
                f"{name} is a key of [{kind}], where only tables belong",
                kind,
                name,
                hint=f"write [{kind}.NAME] before it",
            )
        if slug(name) != name:
            raise file.error(
                f"not a name: {name!r}", kind, name, hint="letters, digits and . _ + -"
            )
        yield name, value


def _each(file: PlanFile, table: Mapping[str, Any]) -> Each:
    for name, items in table.items():
        with file.at("each", name):
            if name in LANGUAGES:
                raise UsageError(f"{{{name}}} stands for a language already")
            if not isinstance(items, list) or not items:
                raise UsageError(f"a list of items is needed, got {items!r}")
            if len({str(one) for one in items}) < len(items):
                raise UsageError("an item is there twice")
    return table


def _systems(
    file: PlanFile,
    table: Mapping[str, Any],
    each: Each,
    settings: PlanSettings,
    bitexts: Mapping[str, BitextPlan],
) -> Iterator[tuple[str, SystemPlan]]:
    seen: dict[str, str] = {}
    for written, value in table.items():
        with file.at("system", written):
            entries = list(expanded(written, value, each))
        for name, one in entries:
            with file.at("system", written):
                same = seen.setdefault(slug(name), name)
                if same != name or list(seen.values()).count(name) > 1:
                    raise UsageError(f"{name!r} and {same!r} cannot be told apart")
            system = _made(file, SystemPlan, one, "system", written, name=name, written=written)
            with file.at("system", written, "bitext"):
                if system.bitext is not None and system.bitext not in bitexts:
                    raise unknown_name("bitext", system.bitext, bitexts)
            if system.distill is not None or (system.model or "").startswith("psq"):
                if not bitexts:
                    raise file.error(
                        "it is made from bitext, and the plan has none",
                        "system",
                        written,
                        hint="add one: [bitext.NAME]",
                    )
                with file.at("system", written):
                    if system.distill is not None and not (system.languages or settings.languages):
                        raise UsageError("of which languages? `languages` is empty")
            yield name, system


def _topic_sets(
    file: PlanFile, settings: PlanSettings, collections: Mapping[str, CollectionPlan]
) -> Iterator[TopicSetPlan]:
    for name, collection in collections.items():
        with file.at("collection", name):
            for lang, docs in _languages(settings, collection):
                parts = [name] if len(collections) > 1 else []
                parts.append(f"{lang}-{docs}" if collection.pairs else lang)
                for variant, perturb in _wordings(collection):
                    yield TopicSetPlan(
                        label=".".join([*parts, *([variant] if variant else [])]),
                        collection=collection,
                        id=filled(collection.id, {"lang": lang, "docs": docs}),
                        lang=lang,
                        docs_lang=docs,
                        variant="" if perturb is not None else variant,
                        perturb=perturb,
                    )


def _languages(
    settings: PlanSettings, collection: CollectionPlan
) -> Iterator[tuple[str, str | None]]:
    """(language of the topics, language of the documents where it was chosen)."""
    for pair in collection.pairs:
        lang, hyphen, docs = pair.partition("-")
        if not hyphen:
            raise UsageError(f"not a pair of languages: {pair!r}", hint="write it like el-ru")
        yield parse_language(lang), parse_language(docs)
    if collection.pairs:
        return
    docs_lang = parse_language(collection.docs_lang) if collection.docs_lang else None
    languages = collection.languages or settings.languages
    if not languages:
        raise UsageError("in which languages? `languages` is empty")
    for language in languages:
        yield parse_language(language), docs_lang


def _wordings(collection: CollectionPlan) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    made = collection.perturb or {}
    for variant in collection.variants:
        if variant in made:
            raise UsageError(f"the wording {variant!r} is in `variants` and in `perturb`")
        yield variant, None
    for name, perturb in made.items():
        if not isinstance(perturb, dict):
            raise UsageError(f"`perturb` of {name!r} is a table of settings, got {perturb!r}")
        if slug(name) != name:
            raise UsageError(
                f"not a name for a wording: {name!r}", hint="letters, digits and . _ + -"
            )
        yield name, perturb


def _check_references(
    file: PlanFile, systems: Mapping[str, SystemPlan], sets: Iterable[TopicSetPlan]
) -> None:
    labels = [one.label for one in sets]
    for name, system in systems.items():
        with file.at("system", system.written, "candidates"):
            if system.candidates is not None and system.candidates not in systems:
                raise unknown_name("system", system.candidates, systems)
            if system.candidates == name:
                raise UsageError("a system cannot rank what it has found itself first")
        with file.at("system", system.written, "sets"):
            for pattern in system.sets:
                if not any(fnmatchcase(label, pattern) for label in labels):
                    raise unknown_name("topic set", pattern, labels)


def _evaluation(file: PlanFile, table: Mapping[str, Any], each: Each) -> Mapping[str, Any]:
    for key, value in table.items():
        with file.at("evaluate", key):
            name = next(iter(given(EvaluateConfig, {key: value})))
            if name in _BY_PLAN:
                raise UsageError(f"`{name}` follows from the rest of the plan")
    made = dict(table)
    for key in _EXPANDED:
        if key in table:
            with file.at("evaluate", key):
                made[key] = [one for text in table[key] for one in texts(text, each)]
    return made
