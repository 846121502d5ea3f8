"""What a plan says: languages, bitext, systems, collections, seeds, and how they are evaluated.

A plan is read as a whole and checked before anything runs. The settings of a verb stand in it under
the names that they have everywhere: those of `distill` in ``[system.NAME.distill]``, those of
`evaluate` in ``[evaluate]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clirot.errors import UsageError
from clirot.settings import check_ranges, setting

OTHER = "other"
"""In a table by language: every language that has no entry of its own."""


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    """The keys of a plan outside of its tables."""

    question: str = setting("", "The question that the table answers, in words.", decides=False)
    prefix: str | None = setting(
        None,
        "What the names of all artefacts begin with; by default the name of the plan's file. Plans "
        "with one prefix share what has the same name.",
    )
    languages: tuple[str, ...] = setting(
        (), "Languages of the students and of the topics, where nothing else says them."
    )
    source_language: str = setting(
        "en", "Language that the students' bitext shares, where a system names no other."
    )
    seeds: tuple[int, ...] = setting(
        (1,), "Seeds; every system that is trained is trained once with each."
    )
    most_seen: float = setting(
        0.1,
        "Share of a collection's topics that may be sentences of a student's bitext, or topics "
        "that a system was trained on. Above it the plan is refused: the table would be of what "
        "was learnt by heart.",
        at_least=0,
        at_most=1,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.seeds:
            raise UsageError("`seeds` is empty", hint="give one at least: `seeds=[1]`")
        if len(set(self.seeds)) < len(self.seeds):
            raise UsageError("a seed is in `seeds` twice: it would be the same student twice")


@dataclass(frozen=True, kw_only=True)
class BitextPlan:
    """A bitext of the plan: ``[bitext.NAME]``. In texts ``{lang}`` is the student's language and
    ``{src}`` the other one.
    """

    name: str
    sources: Any = setting(
        (),
        "Sources of the catalogue: a list, or a table from a language to its list, in which "
        f"`{OTHER}` stands for all languages without an entry.",
    )
    files: Any = setting((), "Local files, in the same way: TSV, CSV, TMX, ... .")
    every: int = setting(
        1, "Take every so many-th kept pair of each source and file.", at_least=1, unit="pairs"
    )
    fetch: Mapping[str, Any] = setting(
        None, "Settings of `fetch-bitext`, such as filters; the bitext is then kept apart."
    )
    perturb: Mapping[str, Any] = setting(
        None, "Settings of `perturb`: the students' side of the bitext is perturbed."
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.sources and not self.files:
            raise UsageError("a bitext needs `sources` or `files`, or both")
        for key in ("sources", "files"):
            named = getattr(self, key)
            for one in named.values() if isinstance(named, Mapping) else [named]:
                if not isinstance(one, list | tuple):
                    raise UsageError(f"a list is needed, got {one!r}", hint=f"write [{one!r}]")
                if not all(isinstance(text, str) and text for text in one):
                    raise UsageError(f"each item of `{key}` must be a text, got {list(one)!r}")

    @property
    def derived(self) -> bool:
        """Whether it is made from bitext, and not bitext as it is fetched."""
        return self.every > 1 or self.fetch is not None or self.perturb is not None


@dataclass(frozen=True, kw_only=True)
class SystemPlan:
    """A system of the plan, which is a row of the table: ``[system.NAME]``."""

    name: str
    written: str = ""
    """Its name in the file, with placeholders."""
    model: str | None = setting(
        None,
        "A model as it is: an encoder (a name, a directory, a Hub id), or bm25, psq or psq-hmm.",
    )
    distill: Mapping[str, Any] | None = setting(
        None,
        "A student, by settings of `distill`, beside those of `[distill]`; {} is the default "
        "student.",
    )
    train: Mapping[str, Any] | None = setting(
        None,
        "A model that is trained on judged topics, by settings of `train`, beside those of "
        "`[train]`; `model` and `collection` are needed.",
    )
    fuse: str | None = setting(
        None, "A fusion of other systems, as `evaluate` writes it: rrf, wsum:a=0.5,b=0.5."
    )
    bitext: str | None = setting(
        None, "The bitext of the student, or of the table of psq; by default the plan's first."
    )
    together: bool = setting(
        True, "One student of all languages; false: a student for each language."
    )
    languages: tuple[str, ...] = setting(
        (), "Languages of the student, where they are not those of the plan."
    )
    source_language: str | None = setting(
        None, "The other language of its bitext, where it is not that of the plan."
    )
    documents: str | None = setting(
        None,
        "Model that encodes the documents, where the system does not: another model with the same "
        "document encoder.",
    )
    topics: Mapping[str, Any] | None = setting(
        None,
        "Topics that are searched with instead of those of the topic set, by settings of `search`: "
        "{lang = 'en'} is the English wording.",
    )
    translate: Mapping[str, Any] | None = setting(
        None, "Settings of `translate`: the topics are translated first."
    )
    table: Mapping[str, Any] | None = setting(None, "Settings of the `table` of psq.")
    index: Mapping[str, Any] | None = setting(
        None, "Settings of `index`, beside those of `[index]`."
    )
    search: Mapping[str, Any] | None = setting(
        None, "Settings of `search`, beside those of `[search]`."
    )
    candidates: str | None = setting(
        None, "A system whose documents alone are scored, topic by topic."
    )
    sets: tuple[str, ...] = setting(
        ("*",), "Topic sets that it is run on; * and ? stand for any characters."
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.sets:
            raise UsageError("`sets` is empty, so that the system would have no run")
        kinds = ("model", "distill", "train", "fuse")
        given = [key for key in kinds if getattr(self, key) is not None]
        if len(given) != 1:
            said = f"it has {' and '.join(given)}" if given else "it has none of them"
            raise UsageError(
                f"a system is one of `model`, `distill`, `train` and `fuse`, and {said}",
                hint="to train on judgements and to distil, make two systems, and name one of them "
                "as the `model` or the `teacher` of the other"
                if {"distill", "train"} <= set(given)
                else None,
            )
        if self.fuse is not None:
            others = ("bitext", "documents", "topics", "translate", "table", "index", "search",
                      "candidates")  # fmt: skip
            for key in others:
                if getattr(self, key) is not None:
                    raise UsageError(f"a fusion has no `{key}`: it is made of runs")
        if self.train is not None:
            of_bitext = {"languages": self.languages, "source_language": self.source_language,
                         "together": not self.together}  # fmt: skip
            for key, said_so in of_bitext.items():
                if said_so:
                    raise UsageError(
                        f"`{key}` is for students, which are made from bitext, and this model is "
                        "trained on judged topics",
                        hint="the language of these is a setting: train = {lang = ...}",
                    )
        forbidden = set(self.name) & set("@=,:[]/")
        if (
            forbidden
            or self.name.strip() != self.name
            or not self.name.isprintable()
            or not self.name
        ):
            raise UsageError(
                f"not a name for a system: {self.name!r}",
                hint="letters, digits, spaces and . _ + - ( )",
            )


@dataclass(frozen=True, kw_only=True)
class CollectionPlan:
    """A collection of the plan, of whose topics the table is made: ``[collection.NAME]``."""

    name: str
    id: str = setting(meaning="A directory or an id; {lang} in it is the topics' language.")
    languages: tuple[str, ...] = setting(
        (), "Languages of the topics, where they are not those of the plan."
    )
    docs_lang: str | None = setting(
        None, "Language of the documents, where there are documents in several."
    )
    pairs: tuple[str, ...] = setting(
        (), "Pairs of languages instead of `languages`: el-ru is Greek topics, Russian documents."
    )
    every: int = setting(
        1, "Take every so many-th topic, the first one among them.", at_least=1, unit="topics"
    )
    variants: tuple[str, ...] = setting(
        ("",), "Wordings of the topics that the collection has; '' is the usual one."
    )
    perturb: Mapping[str, Any] | None = setting(
        None,
        "Wordings that are made: a table from a name to settings of `perturb`, such as "
        "typo = {kind = 'typo', rate = 1.0}.",
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.variants and not self.perturb:
            raise UsageError("`variants` is empty, so that there would be no topics")
        for key in ("languages", "pairs", "variants"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise UsageError(f"`{key}` has an item twice")
        if self.pairs and (self.languages or self.docs_lang):
            raise UsageError(
                "`pairs` says the languages of topics and documents, and so do `languages` and "
                "`docs_lang`",
                hint="leave `pairs` out, or the others",
            )


@dataclass(frozen=True, kw_only=True)
class TopicSetPlan:
    """Topics of a collection in one language and one wording."""

    label: str
    collection: CollectionPlan
    id: str
    """Of the collection, the language put in."""
    lang: str
    docs_lang: str | None
    variant: str = ""
    """A wording that the collection has; empty: the usual one."""
    perturb: Mapping[str, Any] | None = None
    """How the wording is made."""

    @property
    def filling(self) -> dict[str, str]:
        """What stands for ``{lang}`` and ``{docs}``."""
        return {"lang": self.lang, **({"docs": self.docs_lang} if self.docs_lang else {})}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan that has been checked."""

    settings: PlanSettings
    prefix: str
    bitexts: Mapping[str, BitextPlan]
    systems: Mapping[str, SystemPlan]
    collections: Mapping[str, CollectionPlan]
    topic_sets: tuple[TopicSetPlan, ...]
    distill: Mapping[str, Any]
    """Settings of every student."""
    train: Mapping[str, Any]
    """Settings of every training on judged topics."""
    index: Mapping[str, Any]
    """Settings of every index that has a use for them."""
    search: Mapping[str, Any]
    """Settings of every search."""
    evaluate: Mapping[str, Any]
    """Settings of the evaluation."""
    digest: str = field(repr=False)
    """SHA-256 of the file."""

    def topic_prefix(self, one: TopicSetPlan) -> str:
        """What the ids of its topics begin with in the table; empty in a plan of one collection."""
        return f"{one.collection.name}/" if len(self.collections) > 1 else ""
