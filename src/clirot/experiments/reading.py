"""From a plan file to a plan: every key is known, every name leads somewhere, or there is an error
with the line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from clirot.errors import ClirotError, UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.experiments.evaluating import check_evaluation
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
from clirot.experiments.settings_tables import given, key_of, refuse
from clirot.languages import parse_language, split_pair
from clirot.registry import unknown_name
from clirot.retrieval.index_config import slug
from clirot.settings import assembled, leaves

T = TypeVar("T")
_NAMED = re.compile(r"`([a-z_]+)`")
_TABLES = (
    "each", "bitext", "system", "collection", "distill", "train", "index", "search", "evaluate",
)  # fmt: skip
_BY_PLAN = {
    "runs", "collection", "qrels", "lang", "docs_lang", "topic_sets", "fuse", "predictions",
    "labels", "answers",
}  # fmt: skip
"""Settings of an evaluation that follow from the plan."""
_EXPANDED = ("gaps", "contrasts")


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
    known = [*(key_of(leaf.name) for leaf in leaves(PlanSettings)), *_TABLES]
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
    for verb in ("distill", "train"):
        if parts[verb] and all(getattr(one, verb) is None for one in systems.values()):
            raise file.error(f"no system has `{verb}`, so that these settings do nothing", verb)
    sets = tuple(_topic_sets(file, settings, collections))
    _check_references(file, systems, sets)
    evaluation = _evaluation(file, parts["evaluate"], each)
    plan = Plan(
        settings=settings,
        prefix=slug(settings.prefix or file.path.stem),
        bitexts=bitexts,
        systems=systems,
        collections=collections,
        topic_sets=sets,
        distill=parts["distill"],
        train=parts["train"],
        index=parts["index"],
        search=parts["search"],
        evaluate=evaluation,
        digest=hashlib.sha256(file.text.encode()).hexdigest(),
    )
    check_evaluation(plan, file)
    return plan


def _made(file: PlanFile, part: type[T], table: Any, *keys: str, **more: Any) -> T:
    """A part of the plan from its table."""
    if not isinstance(table, dict):
        raise file.error(f"a table is needed, got {table!r}", *keys)
    for key, value in table.items():
        with file.at(*keys, key):
            given(part, {key: value})
    lacking = [key_of(leaf.name) for leaf in leaves(part) if leaf.default is MISSING]
    for key in lacking:
        if key not in table:
            raise file.error(f"`{key}` is missing", *keys)
    values = given(part, table)
    for name in ("languages", "docs_lang", "source_language"):
        with file.at(*keys, key_of(name)):
            _check_languages(values.get(name))
    try:
        return assembled(part, values, **more)
    except ClirotError as error:
        # The setting that the message begins with is where the mistake is.
        found = _NAMED.search(error.message)
        key = [key_of(found[1])] if found and key_of(found[1]) in table else []
        raise file.error(error.message, *keys, *key, hint=error.hint) from error


def _check_languages(value: Any) -> None:
    for code in value if isinstance(value, tuple) else (value,):
        if isinstance(code, str) and "{" not in code:
            parse_language(code)
        elif code is not None and not isinstance(code, str):
            raise UsageError(f"a language is a text, got {code!r}")


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
        lang, docs = split_pair(pair)
        if not docs:
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
            refuse(table, [name for name in _BY_PLAN if key_of(name) == key])
            given(EvaluateConfig, {key: value})
    made = dict(table)
    for key in _EXPANDED:
        if key in table:
            with file.at("evaluate", key):
                made[key] = [one for text in table[key] for one in texts(text, each)]
    return made
