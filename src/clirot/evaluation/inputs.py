"""What an evaluation works on: runs by system and topic set, and the judgements of each set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

from clirot.bounds import TOPICS
from clirot.errors import InputError, UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.document_languages import as_searched
from clirot.evaluation.measures import judged_topics
from clirot.evaluation.measures.values import check_ids
from clirot.languages import is_language, parse_language
from clirot.places import is_file
from clirot.records import ProgressSink, Step
from clirot.registry import unknown_name
from clirot.runs import NamedRun, Qrels, Run, find_run, read_qrels, read_run
from clirot.runs.source import check_utf8, read_bytes
from clirot.store import Artefact, Store

if TYPE_CHECKING:
    from clirot.collection import Collection

OVERALL = "overall"
"""The name that stands for all topic sets together; no set may have it."""


def parse_run(text: str) -> tuple[str | None, str, str]:
    """``PATH``, ``NAME=PATH`` or ``NAME@SET=PATH`` as system, topic set and path."""
    label, equals, path = text.partition("=")
    if not equals or "/" in label or is_file(text):
        return None, "", text
    if not path:
        raise UsageError(f"run {text!r} names no file", hint="write NAME=PATH")
    return *split_label(label), path


def split_label(label: str) -> tuple[str, str]:
    """``colbert@so`` as system and topic set; the set is empty where there is none."""
    system, at, topic_set = label.partition("@")
    if not system or (at and not topic_set) or topic_set == OVERALL:
        raise UsageError(
            f"{label!r} does not name a run",
            hint=f"write NAME or NAME@SET; {OVERALL!r} is what all sets together are called",
        )
    return system, topic_set


@dataclass(frozen=True, eq=False)
class Inputs:
    """Runs and judgements by system and topic set."""

    runs: Mapping[tuple[str, str], Run]
    """(system, topic set) -> run. Without topic sets the only set is ``""``."""
    qrels: Mapping[str, Qrels]
    """Topic set -> its judgements."""
    judged: frozenset[str]
    """All topics that have judgements, in whatever set."""
    sources: Mapping[tuple[str, str], str]
    """(system, topic set) -> its file, or its name and digest in the store."""
    notes: tuple[str, ...] = ()
    """What a person should know of the inputs."""
    saved: Mapping[tuple[str, str], Artefact] = field(default_factory=dict)
    """(system, topic set) -> the run in the store, where it is one."""
    own_left_out: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(system, topic set) -> for how many topics their own document was left out of the run; empty
    where that was not asked for."""

    @cached_property
    def topics(self) -> Mapping[str, tuple[str, ...]]:
        """Topic set -> its judged topics, in the order of the judgements."""
        return {name: judged_topics(qrels) for name, qrels in self.qrels.items()}

    @property
    def systems(self) -> tuple[str, ...]:
        """In the order in which they were given."""
        return tuple(dict.fromkeys(system for system, _ in self.runs))


def inputs_in_memory(runs: Mapping[str, Run], qrels: Qrels, config: EvaluateConfig) -> Inputs:
    """Inputs from runs and qrels that are in memory.

    Raises:
        InputError: an id is none that trec_eval can hold.
    """
    check_ids(qrels, "the judgements")
    for name, run in runs.items():
        check_ids({topic: run.documents(topic) for topic in run.topics}, f"run {name}")
    labelled = [Labelled(*split_label(label), run, label) for label, run in runs.items()]
    return arrange(labelled, lambda _: qrels, config)


def read_inputs(config: EvaluateConfig, progress: ProgressSink) -> Inputs:
    """Read the judgements and every run that the configuration names."""
    if (config.collection is None) == (config.qrels is None):
        said = "neither was" if config.collection is None else "both were"
        raise UsageError(
            f"judgements come from a collection or from a qrels file, and {said} given",
            hint="give `collection` or `qrels`",
        )
    store = Store()
    parsed = [parse_run(text) for text in config.runs]
    named = [(system, topic_set, find_run(path, store)) for system, topic_set, path in parsed]
    notes: list[str] = []
    qrels_of = _judgements(config, [run for _, _, run in named], notes)
    qrels_of("")  # before the runs, which may be large
    labelled = []
    for done, (system, topic_set, found) in enumerate(named, 1):
        run = read_run(found.path, name=system or found.name)
        if found.artefact is not None:
            found.artefact.check_unreplaced()
        labelled.append(Labelled(run.name, topic_set, run, found.source, found.artefact))
        if len(named) > 1:
            progress(Step("reading runs", done, len(named), unit="runs"))
    inputs = arrange(labelled, qrels_of, config)
    return replace(inputs, notes=(*notes, *inputs.notes))


def _judgements(
    config: EvaluateConfig, named: Sequence[NamedRun], notes: list[str]
) -> Callable[[str], Qrels]:
    """From a topic set to its judgements; a set that is named by a language has those of it."""
    if config.qrels is not None:
        qrels = read_qrels(config.qrels)
        return lambda topic_set: qrels
    from clirot.collection import open_collection

    assert config.collection is not None
    collection = open_collection(config.collection, config.docs_lang)
    if collection.judged_languages:
        every = open_collection(config.collection).by_document_language()
        collection, said = as_searched(collection, every, named)
        notes += said

    @cache
    def qrels_of(topic_set: str) -> Qrels:
        return collection.qrels(language_of(topic_set, collection) or config.lang)

    return qrels_of


class Labelled(NamedTuple):
    """A run with what it is called and where it is from."""

    system: str
    topic_set: str
    run: Run
    source: str
    saved: Artefact | None = None


def language_of(topic_set: str, collection: Collection) -> str | None:
    """The topic language that a topic set is named by; None where its name is another."""
    if not is_language(topic_set):
        return None
    return collection.nearest_language(parse_language(topic_set), collection.languages, "topics")


def arrange(
    labelled: Iterable[Labelled],
    qrels_of: Callable[[str], Qrels],
    config: EvaluateConfig,
) -> Inputs:
    """Runs and judgements by system and topic set.

    Args:
        labelled: system, topic set or "", run, and what it was read from.
        qrels_of: from a topic set to its judgements.
        config: the topic sets that are files.

    Raises:
        UsageError: two runs have one name, or some name a topic set and others do not.
        InputError: no topic of a set is judged.
    """
    notes: list[str] = []
    members = dict(_topic_set(text) for text in config.topic_sets)
    runs: dict[tuple[str, str], Run] = {}
    sources: dict[tuple[str, str], str] = {}
    artefacts: dict[tuple[str, str], Artefact] = {}
    for system, topic_set, run, given, saved in labelled:
        for one in [topic_set] if topic_set or not members else members:
            if (system, one) in runs:
                label = f"{system}@{one}" if one else system
                raise UsageError(
                    f"two runs are called {label!r}; the second is {given}",
                    hint=f"name them: a={given}",
                )
            runs[system, one], sources[system, one] = run, given
            if saved is not None:
                artefacts[system, one] = saved
    sets = dict.fromkeys(topic_set for _, topic_set in runs)
    if "" in sets and len(sets) > 1:
        unnamed = next(system for system, topic_set in runs if not topic_set)
        raise UsageError(
            f"run {unnamed!r} names no topic set and others do",
            hint=f"write {unnamed}@SET=PATH",
        )
    restricted: dict[str, Qrels] = {}
    judged: set[str] = set()
    for topic_set in sets:
        qrels = qrels_of(topic_set)
        judged |= qrels.keys()
        if topic_set in members:
            qrels = _restrict(qrels, topic_set, members[topic_set], notes)
        restricted[topic_set] = qrels
    return Inputs(runs, restricted, frozenset(judged), sources, tuple(notes), artefacts)


def _topic_set(written: str) -> tuple[str, frozenset[str]]:
    """The name and the topics of a topic set that is written ``NAME=FILE``."""
    name, equals, path = written.partition("=")
    if not (name and equals and path):
        raise UsageError(f"cannot read the topic set {written!r}", hint="write NAME=FILE")
    if name == OVERALL:
        raise UsageError(f"a topic set cannot be called {name!r}")
    return name, read_topic_ids(path)


def _restrict(qrels: Qrels, name: str, ids: frozenset[str], notes: list[str]) -> Qrels:
    kept = {topic: documents for topic, documents in qrels.items() if topic in ids}
    if not kept:
        raise InputError(
            f"topic set {name!r}: none of its {len(ids)} topics is judged "
            f"(it has {min(ids)!r}, the judgements {min(qrels)!r})"
        )
    if len(kept) < len(ids):
        notes.append(f"topic set {name}: {len(ids) - len(kept)} of {len(ids)} topics not judged")
    return kept


def read_topic_ids(path: str | PathLike[str]) -> frozenset[str]:
    """The topic ids in a file: the first column of each line.

    Raises:
        InputError: the file cannot be read.
    """
    data = read_bytes(path, what="topic set", most=TOPICS)
    check_utf8(data, path)
    return frozenset(line.split()[0].decode() for line in data.split(b"\n") if line.strip())


def known_system(name: str, systems: Iterable[str]) -> str:
    """The name, where it is one of the systems.

    Raises:
        UnknownNameError: it is not.
    """
    if name not in (known := list(systems)):
        raise unknown_name("run", name, known)
    return name
