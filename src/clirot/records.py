"""Small immutable values that all rooms use: languages, sentences, documents, topics, progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from clirot.errors import LanguageError
from clirot.languages import parse_language, split_pair


@dataclass(frozen=True, order=True)
class LanguagePair:
    """Source (the teacher's) and target (the student's) language, as normalised codes."""

    src: str
    tgt: str

    @classmethod
    def of(cls, src: str, tgt: str) -> LanguagePair:
        """A pair from two codes in any accepted spelling (ISO 639-1, ISO 639-3, BCP 47).

        Raises:
            LanguageError: a code is not a language, or both are the same language.
        """
        pair = cls(parse_language(src), parse_language(tgt))
        if pair.src == pair.tgt:
            raise LanguageError(
                f"source and target are the same language: {pair.src!r}",
                hint="a student is distilled across languages, for example `src=en` and `tgt=so`",
            )
        return pair

    @classmethod
    def parse(cls, text: str) -> LanguagePair:
        """Read ``en-so``; the inverse of :meth:`format`."""
        src, tgt = split_pair(text)
        if "-" not in text:
            raise LanguageError(f"not a language pair: {text!r}", hint="write it like en-so")
        return cls.of(src, tgt)

    @property
    def pairs(self) -> tuple[LanguagePair, ...]:
        """The pair itself, so that one pair can stand where :class:`LanguagePairs` may."""
        return (self,)

    def format(self) -> str:
        """``en-so``."""
        return f"{self.src}-{self.tgt}"

    def __str__(self) -> str:
        return self.format()


@dataclass(frozen=True)
class LanguagePairs:
    """The teacher's language and the one or several of a student, sorted and distinct."""

    src: str
    tgts: tuple[str, ...]

    @classmethod
    def of(cls, src: str, tgts: str) -> LanguagePairs:
        """Languages from codes in any accepted spelling; several targets with commas between.

        Raises:
            LanguageError: a code is not a language, or a target is the source.
        """
        pairs = {LanguagePair.of(src, tgt) for tgt in tgts.split(",")}
        return cls(parse_language(src), tuple(sorted(pair.tgt for pair in pairs)))

    @property
    def pairs(self) -> tuple[LanguagePair, ...]:
        """The source with each target."""
        return tuple(LanguagePair(self.src, tgt) for tgt in self.tgts)

    def format(self) -> str:
        """``en-so+sw+tl``; the plus is allowed in names of artefacts, in paths and in shells."""
        return f"{self.src}-{'+'.join(self.tgts)}"

    def __str__(self) -> str:
        return self.format()


@dataclass(frozen=True)
class SentencePair:
    """One translated sentence: ``src`` in the teacher's language, ``tgt`` in the student's."""

    src: str
    tgt: str
    id: str = ""
    place: int = field(default=0, compare=False)
    """Line, row or unit in its source, from 1; 0: not known. It plays no part in comparisons."""


@dataclass(frozen=True)
class Document:
    """A document of a collection; ``text`` is everything that is encoded, a title included."""

    id: str
    text: str


@dataclass(frozen=True)
class Topic:
    """A topic (query) of a collection, in one language."""

    id: str
    text: str


@dataclass(frozen=True)
class Hit:
    """A document found for a topic. ``score`` is the retrieval model's, larger is better."""

    docno: str
    score: float
    passage: tuple[int, int] | None = None
    """The passage of the document that has the score, by its first character and the one after its
    last; None where documents were not split."""


@dataclass(frozen=True)
class Step:
    """Progress of a long job: ``done`` of ``total`` units of the phase ``label`` are finished.

    ``total`` is None where it is not known; ``figures`` are shown beside it, such as the loss.
    """

    label: str
    done: int
    total: int | None = None
    figures: tuple[tuple[str, float], ...] = ()
    unit: str = "it"


ProgressSink = Callable[[Step], None]
"""What a verb reports its progress to. The library is silent by default (:func:`silent`)."""


def silent(step: Step) -> None:
    """The progress sink that shows nothing."""
