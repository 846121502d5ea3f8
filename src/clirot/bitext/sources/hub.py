"""Data sets of the Hugging Face Hub, by id: ``hf:owner/name:en:so``.

``hf:OWNER/NAME[@REVISION]:SRC:TGT[:CONFIG[:SPLIT]]`` names two fields of the rows, dotted where
they are nested (``translation.en``). A branch or a tag is replaced by its present commit, which the
manifest records. With a commit (40 digits) the Hub is not asked, and what is in the Hub's own cache
needs no network. Without a split, ``train`` is read.

The files are fetched, checked and cached by the ``datasets`` library (``HF_HOME``, ``HF_ENDPOINT``,
``HF_TOKEN``), not by clirot's downloader: ``CLIROT_MIRROR`` does not replace them.

Source: https://huggingface.co/docs/datasets, https://huggingface.co/docs/huggingface_hub
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clirot.bitext.formats.request import nested_names, nested_value
from clirot.download import OFFLINE, Upstream, offline
from clirot.errors import DownloadError, InputError, UsageError, first_line
from clirot.records import LanguagePair, ProgressSink, SentencePair

PREFIX = "hf:"
_COMMIT = re.compile("[0-9a-f]{40}")
_NAME = re.compile(
    r"(?P<id>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?"
    r":(?P<src>[^:]+):(?P<tgt>[^:]+)(?::(?P<config>[^:]*))?(?::(?P<split>[^:]+))?"
)


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """Two fields of the rows of a data set; once it is resolved, at a commit."""

    id: str
    """``owner/name``."""
    src: str
    """The field of the source sentence; dots go down into nested ones."""
    tgt: str
    """The field of its translation."""
    asked: str = "main"
    """Branch, tag or commit."""
    config: str | None = None
    """The configuration of the data set; None: its only one, or its default."""
    split: str = "train"
    commit: str | None = None
    """The commit of ``asked``; None until it is resolved."""
    terms: str | None = None
    """The licence that the data set's card states."""

    domain = ""
    recommended = False
    evaluation = False
    word_list = False

    @property
    def given(self) -> str:
        """The name that asks for exactly this."""
        revision = self.commit or self.asked
        tail = f":{self.config or ''}:{self.split}" if self.config or self.split != "train" else ""
        return f"{PREFIX}{self.id}@{revision}:{self.src}:{self.tgt}{tail}"

    @property
    def name(self) -> str:
        """Its name in the store: the id, and eight digits for everything else."""
        if self.commit is None:
            return self.given
        rest = hashlib.sha256(self.given.encode()).hexdigest()[:8]
        return f"hf-{self.id.replace('/', '-')}-{rest}"

    @property
    def title(self) -> str:
        """The two fields and the data set."""
        return f"{self.src} and {self.tgt} of {self.id}"

    @property
    def licence(self) -> str:
        """The licence that the data set's card states."""
        return self.terms or f"see {self.homepage}"

    @property
    def homepage(self) -> str:
        """The data set's card."""
        return f"https://huggingface.co/datasets/{self.id}"

    @property
    def citation(self) -> str:
        """A reference to the card, which says what to cite."""
        return f"{self.id}: see {self.homepage}"

    @property
    def revision(self) -> str:
        """Everything that decides which rows are read."""
        return self.given

    @property
    def languages(self) -> Sequence[str]:
        """Empty, because data sets do not state them reliably."""
        return ()

    def has(self, pair: LanguagePair) -> bool:
        """True: the user says which field is in which language."""
        return True

    def count(self, pair: LanguagePair) -> int | None:
        """None: not known before it is read."""
        return None

    def resolved(self, pair: LanguagePair, *, home: Path, progress: ProgressSink) -> HubSource:
        """At a commit.

        Raises:
            DownloadError: the Hub does not answer, or has no such data set or revision.
        """
        if self.commit is not None:
            return self
        if _COMMIT.fullmatch(self.asked):
            return replace(self, commit=self.asked)
        if offline():
            raise DownloadError(
                f"which commit is {self.asked} of {self.id} at? {OFFLINE} forbids to ask the Hub",
                hint=f"name a commit that is in the Hub's cache: hf:{self.id}@COMMIT:...",
            )
        commit, terms = _ask_hub(self.id, self.asked)
        return replace(self, commit=commit, terms=terms)

    def warnings(self, pair: LanguagePair) -> list[str]:
        """None: the user says which field is in which language."""
        return []

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """Empty: the datasets library fetches the files."""
        return ()

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The rows, ``src`` first; the id is the row's number.

        Raises:
            DownloadError: the data set cannot be loaded.
            InputError: a row has no such field, or it is no text.
        """
        for number, row in enumerate(self._rows(), start=1):
            here, there = self._text(row, self.src, number), self._text(row, self.tgt, number)
            yield SentencePair(here, there, f"{self.split}{number}")

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        import datasets

        try:
            rows = datasets.load_dataset(
                self.id,
                self.config,
                split=self.split,
                revision=self.commit,
                download_config=datasets.DownloadConfig(local_files_only=offline()),
            )
        except Exception as error:  # many kinds, from four libraries, with the same meaning here
            raise DownloadError(
                f"cannot load {self.id} at {self.commit} from the Hub: {first_line(error)}",
                hint=f"see {self.homepage} for its configurations and splits; without a network, "
                "it must be in the Hub's cache (HF_HOME)",
            ) from error
        yield from rows

    def _text(self, row: Mapping[str, Any], field: str, number: int) -> str:
        try:
            value = nested_value(row, field)
        except KeyError:
            raise InputError(
                f"{self.id}: row {number} has no field {field!r}; it has "
                f"{', '.join(nested_names(row))}",
                hint="nested fields are written with dots: translation.en",
            ) from None
        if value is None:
            return ""
        if not isinstance(value, str):
            raise InputError(
                f"{self.id}: field {field!r} of row {number} is no text but "
                f"{type(value).__name__}: {str(value)[:60]!r}",
                hint=f"it has {', '.join(nested_names(row))}",
            )
        return value


def parse_hub(name: str) -> HubSource:
    """Read ``hf:OWNER/NAME[@REVISION]:SRC:TGT[:CONFIG[:SPLIT]]``.

    Raises:
        UsageError: it is not written like that.
    """
    match = _NAME.fullmatch(name.removeprefix(PREFIX))
    if match is None:
        raise UsageError(
            f"not a data set of the Hub with two fields: {name!r}",
            hint="write hf:OWNER/NAME[@REVISION]:SRC:TGT[:CONFIG[:SPLIT]], for example "
            "hf:Helsinki-NLP/opus-100:translation.en:translation.fi:en-fi",
        )
    return HubSource(
        id=match["id"],
        src=match["src"],
        tgt=match["tgt"],
        asked=match["revision"] or "main",
        config=match["config"] or None,
        split=match["split"] or "train",
    )


def _ask_hub(identifier: str, revision: str) -> tuple[str, str | None]:
    """The commit that a revision is at, and the licence of the card."""
    import huggingface_hub

    try:
        info = huggingface_hub.HfApi().dataset_info(identifier, revision=revision, timeout=10)
    except Exception as error:  # not found, gated, offline or unreachable, as its message says
        raise DownloadError(
            f"the Hub does not say which commit {revision} of {identifier} is at: "
            f"{first_line(error)}",
            hint="name a commit, which needs no answer if it is in the Hub's cache: "
            f"hf:{identifier}@COMMIT:...",
        ) from error
    card = info.card_data
    licence = card.get("license") if card is not None else None
    if isinstance(licence, list):
        licence = ", ".join(str(one) for one in licence)
    return str(info.sha), licence
