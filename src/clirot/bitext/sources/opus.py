"""OPUS: some 1,200 parallel corpora in 780 languages, found through its API.

``opus:WikiMatrix`` is the latest version of a corpus, ``opus:WikiMatrix@v1`` one version, which
needs no API: its address follows from its name. ``opus:TED2020@v1:en-zh_cn`` says how OPUS spells
the languages, where it spells one in several ways; ``#sha256=...`` at the end is the digest that
the file must have.

OPUS publishes no digests, but it does not change a version once it is published. So a file is
identified by its address, and from the first download on by its digest
(:mod:`clirot.download.fetching`).

Source: Tiedemann 2012, "Parallel Data, Tools and Interfaces in OPUS"; https://opus.nlpl.eu. The API
answers a query with ``{"corpora": [...]}``; each entry has the columns ``alignment_pairs, corpus,
documents, id, latest, preprocessing, size, source, source_tokens, target, target_tokens, url,
version`` (https://github.com/Helsinki-NLP/OPUS-API, ``db_operations.py``). A number may be a string
or empty, and one corpus and version may have a ``.strict`` archive beside the plain one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clirot.bitext.formats.lines import read_aligned
from clirot.bitext.formats.request import Part
from clirot.bitext.formats.zip_archive import only_member, unpacked_size
from clirot.bitext.sources.opus_spellings import in_order, spellings, taken_instead
from clirot.download import Answer, Upstream, ask, presence, require_space
from clirot.errors import DownloadError, UsageError
from clirot.records import LanguagePair, ProgressSink, SentencePair
from clirot.registry import unknown_name

PREFIX = "opus:"
API = "https://opus.nlpl.eu/opusapi/"
_FILES = "https://object.pouta.csc.fi"
_NAME = re.compile(
    r"(?P<corpus>[A-Za-z0-9][A-Za-z0-9._-]*)"
    r"(?:@(?P<version>[A-Za-z0-9][A-Za-z0-9._-]*))?"
    r"(?::(?P<languages>[A-Za-z_]+-[A-Za-z_]+))?"
    r"(?:#sha256=(?P<sha256>[0-9a-f]{64}))?"
)
_RIGHTS: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)["rights"]
_NO_ANSWER = (
    "the API may have changed: name corpus and version, opus:WikiMatrix@v1 for example, which "
    "needs no answer"
)


@dataclass(frozen=True, kw_only=True)
class OpusSource:
    """A corpus of OPUS; once it is resolved, for one pair in one version."""

    corpus: str
    version: str | None = None
    """None: the latest one, for which the API is asked."""
    spelling: tuple[str, str] | None = None
    """The two languages as OPUS writes them, in its order (by code point)."""
    sha256: str | None = None
    """The digest that the archive must have, if the user gave one."""
    url: str | None = None
    """The address of the archive from the API; None: it is made from the names."""
    pairs: int | None = None
    """Number of sentence pairs, from the API."""
    size: int | None = None
    """Bytes of the archive in whole kilobytes, from the API."""
    latest: bool = False
    """Whether the API calls it the latest version."""

    recommended = False
    evaluation = False
    word_list = False

    @property
    def given(self) -> str:
        """The name that asks for exactly this: ``opus:WikiMatrix@v1``."""
        version = f"@{self.version}" if self.version else ""
        languages = f":{'-'.join(self.spelling)}" if self.spelling else ""
        return f"{PREFIX}{self.corpus}{version}{languages}"

    @property
    def name(self) -> str:
        """Its name in the store, ``opus-WikiMatrix-v1``; until it is resolved, :attr:`given`."""
        if self.version is None or self.spelling is None:
            return self.given
        plain = all(len(one) == 2 for one in self.spelling)
        languages = "" if plain else "." + "-".join(self.spelling)
        return f"opus-{self.corpus}-{self.version}{languages}"

    @property
    def title(self) -> str:
        """Its name and version at OPUS."""
        return f"OPUS {self.corpus} {self.version or '(latest)'}"

    @property
    def domain(self) -> str:
        """Its domain, if it is known."""
        return self._rights[1]

    @property
    def licence(self) -> str:
        """The licence, if OPUS or the makers state one; many corpora have their own terms."""
        return self._rights[0] or f"see {self.homepage}"

    @property
    def _rights(self) -> Sequence[str]:
        for known, rights in _RIGHTS.items():
            if self.corpus == known or (known.endswith("-") and self.corpus.startswith(known)):
                return rights
        return "", ""

    @property
    def homepage(self) -> str:
        """The corpus's page at OPUS."""
        return f"https://opus.nlpl.eu/{self.corpus}"

    @property
    def citation(self) -> str:
        """OPUS, and the corpus's page, which names its paper; OPUS asks to cite both."""
        return (
            f"{self.corpus}: see {self.homepage}; Tiedemann 2012. Parallel Data, Tools and "
            "Interfaces in OPUS."
        )

    @property
    def revision(self) -> str:
        """The version, and how OPUS spells the languages."""
        languages = "-".join(self.spelling) if self.spelling else "?"
        return f"{self.version or 'latest'} {languages}"

    @property
    def languages(self) -> Sequence[str]:
        """Empty, because only the API knows them."""
        return ()

    def has(self, pair: LanguagePair) -> bool:
        """False only if the name has other languages; else only OPUS knows."""
        return self.spelling is None or self._sides(pair) is not None

    def count(self, pair: LanguagePair) -> int | None:
        """The number that the API gave."""
        return self.pairs

    def resolved(self, pair: LanguagePair, *, home: Path, progress: ProgressSink) -> OpusSource:
        """With its version, its spelling of the languages, and its address.

        Raises:
            DownloadError: the version is not named, and the API does not answer.
            UsageError: OPUS has no such corpus for the pair, or not that version.
        """
        if not self.has(pair):
            raise UsageError(f"{self.given} is not {pair} bitext")
        if self.version is not None:
            certain = self if self.spelling else self._guessed(pair)
            if self.spelling or presence(certain.upstreams(pair)[0], home=home).whole:
                return certain
        try:
            found, _ = corpora(pair, home=home, every_version=True)
        except DownloadError as error:
            if self.version is not None:
                return self._guessed(pair)  # downloading will show whether the file exists
            raise DownloadError(
                f"which version of {self.given} is the latest? {error.message}",
                hint=f"name the version, {self.given}@v1 for example, which needs no answer; "
                f"{error.hint}",
            ) from error
        return self._choice(pair, found)

    def _guessed(self, pair: LanguagePair) -> OpusSource:
        first, second = sorted((spellings(pair.src)[0], spellings(pair.tgt)[0]))
        return replace(self, spelling=(first, second))

    def _choice(self, pair: LanguagePair, found: Sequence[OpusSource]) -> OpusSource:
        same = [one for one in found if one.corpus == self.corpus]
        if self.spelling is not None:
            same = [one for one in same if one.spelling == self.spelling]
        if not same:
            raise unknown_name(
                f"OPUS corpus with {pair} bitext", self.corpus, {one.corpus for one in found}
            )
        wanted = [one for one in same if self.version in (None, one.version)]
        if not wanted:
            versions = sorted({str(one.version) for one in same})
            raise UsageError(
                f"OPUS has no version {self.version} of {self.corpus} for {pair}",
                hint=f"it has {', '.join(versions)}",
            )
        # corpora() lists the latest first, and of several spellings the one with most pairs.
        if self.version is None:
            wanted = [one for one in wanted if one.version == wanted[0].version]
        wanted.sort(key=lambda one: len(one.warnings(pair)))
        return replace(wanted[0], sha256=self.sha256)

    def warnings(self, pair: LanguagePair) -> list[str]:
        """What the archive has instead of a language of the pair: another variant, which the name
        asks for, or OPUS has alone.
        """
        assert self.spelling is not None, "resolved() comes first"
        return taken_instead(self.spelling, pair)

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The archive of the pair."""
        assert self.version is not None and self.spelling is not None, "resolved() comes first"
        made = f"{_FILES}/OPUS-{self.corpus}/{self.version}/moses/{'-'.join(self.spelling)}.txt.zip"
        return (Upstream(url=self.url or made, sha256=self.sha256, licence=self.licence),)

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The line pairs of the archive."""
        assert self.spelling is not None, "resolved() comes first"
        (path,) = files
        first, second = self.spelling
        sides = self._sides(pair) or (first, second)
        names = [only_member(path, suffix=f".{first}-{second}.{side}") for side in sides]
        require_space(path.parent, unpacked_size(path, names), what=f"the text of {self.given}")
        src, tgt = (Part(path, name) for name in names)
        return read_aligned(src, tgt)

    def _sides(self, pair: LanguagePair) -> tuple[str, str] | None:
        assert self.spelling is not None
        return in_order(self.spelling, pair)


def parse_opus(name: str) -> OpusSource:
    """Read ``opus:CORPUS[@VERSION][:xx-yy][#sha256=DIGEST]``.

    Raises:
        UsageError: it is not written like that.
    """
    match = _NAME.fullmatch(name.removeprefix(PREFIX))
    if match is None:
        raise UsageError(
            f"not a corpus of OPUS: {name!r}",
            hint="write opus:CORPUS, opus:CORPUS@VERSION or opus:CORPUS@VERSION#sha256=DIGEST, "
            "for example opus:WikiMatrix@v1",
        )
    languages = match["languages"]
    first, second = languages.split("-") if languages else ("", "")
    return OpusSource(
        corpus=match["corpus"],
        version=None if match["version"] in (None, "latest") else match["version"],
        spelling=(min(first, second), max(first, second)) if languages else None,
        sha256=match["sha256"],
    )


def corpora(
    pair: LanguagePair, *, home: Path, every_version: bool = False
) -> tuple[list[OpusSource], str | None]:
    """What OPUS has for a pair, the largest first; of a corpus the latest version first.

    Args:
        pair: the languages, in either direction.
        home: ``CLIROT_HOME``, where OPUS's last answer is kept.
        every_version: also versions that a later one has replaced.

    Returns:
        The corpora, each with its version, count and size; and None, or the reason why some of them
        are from an earlier answer or missing.

    Raises:
        DownloadError: OPUS does not answer and never did before, or the answer has another form.
    """
    found: list[OpusSource] = []
    problems: list[str] = []
    failures: list[DownloadError] = []
    asked = list(product(spellings(pair.src), spellings(pair.tgt)))
    for one, other in asked:
        first, second = sorted((one, other))
        query = {"source": first, "target": second, "preprocessing": "moses"}
        try:
            answer = ask(API, query, home=home)
        except DownloadError as error:
            failures.append(error)
            continue
        problems += [answer.stale] if answer.stale else []
        found += _entries(answer, latest_only=not every_version)
    if len(failures) == len(asked):
        raise failures[0]
    problems += [error.message for error in failures]
    stale = problems[0] if problems else None
    found = list({(one.given, one.url): one for one in found}.values())
    found.sort(key=lambda one: (-(one.pairs or 0), one.given))
    if every_version:  # sorting keeps the order of equals: of one version the largest stays first
        found.sort(key=lambda one: not one.latest)
    return found, stale


def _entries(answer: Answer, *, latest_only: bool) -> Iterator[OpusSource]:
    document = answer.document
    rows = document.get("corpora") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise DownloadError(
            f"{answer.origin} did not answer as OPUS does: no list of corpora",
            hint=_NO_ANSWER,
        )
    for row in rows:
        entry = _entry(row, answer)
        if entry is not None and (entry.latest or not latest_only):
            yield entry


def _entry(row: Any, answer: Answer) -> OpusSource | None:
    try:
        corpus, version, url = str(row["corpus"]), str(row["version"]), str(row["url"])
        source, target = str(row["source"]), str(row["target"])
        moses = row["preprocessing"] == "moses" and source and target
    except (KeyError, TypeError) as error:
        raise DownloadError(
            f"{answer.origin} did not answer as OPUS does: an entry without {error}",
            hint=_NO_ANSWER,
        ) from error
    # There may be a .strict archive of the same version; a name means the plain one.
    plain = urlsplit(url).path.endswith(f"/{source}-{target}.txt.zip")
    tidy = all(_NAME.fullmatch(one) for one in (corpus, f"{corpus}@{version}"))
    if not moses or not plain or not tidy:
        return None
    try:
        Upstream(url=url, sha256=None, licence="")
    except ValueError as error:
        raise DownloadError(f"{answer.origin} did not answer as OPUS does: {error}") from error
    kilobytes = _number(row.get("size"))
    return OpusSource(
        corpus=corpus,
        version=version,
        spelling=(source, target),
        url=url,
        pairs=_number(row.get("alignment_pairs")),
        size=None if kilobytes is None else kilobytes * 1024,
        latest=str(row.get("latest")).lower() == "true",
    )


def _number(value: Any) -> int | None:
    """A number of the API, which may be text or empty."""
    return int(value) if str(value).isdigit() and int(value) > 0 else None
