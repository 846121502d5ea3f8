"""What an index is made of, and what one that is made is like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clirot.analysis import AnalysisSettings
from clirot.cluster.settings import ClusterSettings
from clirot.cut_texts import CutTexts
from clirot.errors import UsageError
from clirot.known_models import LEXICAL
from clirot.retrieval.cut_documents import CUT
from clirot.retrieval.passages.counts import PASSAGES, Counts
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.promise import Promise
from clirot.retrieval.settings import Bm25Settings, CompressedSettings
from clirot.settings import check_ranges, leaves, part, setting
from clirot.store import Artefact

AUTO = "auto"
"""The backend that suits the model."""
COMPRESSED = "compressed"
"""The backend that has settings of its own."""
POSTINGS = "postings"
"""The backend of lexical models."""
PROMISED = "promise"
"""Where a manifest has what a compressed index promises."""
GROWN_FROM = "grown_from"
"""Where a manifest tells the earlier states of an index that has grown."""
COUNTS = ("documents", "empty_documents", "tokens", "bytes")
"""What a manifest counts of any index."""


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """What to index with what."""

    model: str = setting(
        meaning="Model that encodes the documents: a name, a directory or a Hub id. For a student "
        "that encodes queries only, its teacher encodes the documents. bm25 keeps their words."
    )
    collection: str = setting(
        meaning="Collection whose documents are indexed: a directory or an id (cldr/so)."
    )
    name: str | None = setting(
        None, "Name of the index in the store; by default MODEL.COLLECTION.", decides=False
    )
    docs_lang: str | None = setting(
        None, "Language of the documents, where a directory has documents in several."
    )
    backend: str = setting(
        AUTO,
        "How the index keeps and searches its documents. auto: exact for token vectors, postings "
        "for the words of lexical models. compressed: codes of the token vectors are searched, and "
        "the best documents scored exactly.",
    )
    dtype: str = setting(
        "float16",
        "Number type of the stored vectors. float32 takes twice the disk.",
        choices=("float16", "float32"),
    )
    encode_dtype: str = setting(
        AUTO,
        "Number type that documents are encoded in. auto: that of an index of this name; else "
        "bfloat16 for more than 50,000 documents where the hardware multiplies it, float32 else. "
        "bfloat16 is some two times as fast on a processor, and changes scores by up to .4 %.",
        choices=(AUTO, "float32", "bfloat16"),
    )
    add: bool = setting(
        False,
        "Add the documents that are new in the collection to the finished index of that name. "
        "What it has of them is kept; it is an error where one of its documents has changed or is "
        "gone.",
        decides=False,
    )
    shards: int | None = setting(
        None,
        "Cut the documents into so many shards, each an index of its own, which are searched as "
        "one. Shards that are there are not built again.",
        at_least=1,
    )
    shard: int | None = setting(
        None,
        "Build this one of the shards only, from 1: a job of a Slurm array. The last one joins "
        "them.",
        at_least=1,
    )
    replace: bool = setting(
        False,
        "Replace an index of that name that was made from something else.",
        decides=False,
    )
    passages: PassageSettings = part(PassageSettings)
    analysis: AnalysisSettings = part(AnalysisSettings)
    bm25: Bm25Settings = part(Bm25Settings)
    compressed: CompressedSettings = part(CompressedSettings)
    cluster: ClusterSettings = part(ClusterSettings)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.shard is not None and self.shards is None:
            raise UsageError(
                f"`shard={self.shard}` is one of how many?", hint="give `shards` as well"
            )
        if self.shard is not None and self.shards is not None and self.shard > self.shards:
            raise UsageError(f"there is no shard {self.shard} of {self.shards}")
        if self.cluster.ray is not None and (self.shards is None or self.shard is not None):
            raise UsageError(
                "a Ray cluster builds the shards of an index, all that are missing",
                hint="with `ray` give `shards`, and no `shard`",
            )

    @property
    def index_name(self) -> str:
        """The name the index gets in the store."""
        return self.name or f"{slug(self.model)}.{slug(self.collection)}"

    @property
    def lexical(self) -> bool:
        """Whether it is an index of words."""
        return self.model in LEXICAL

    def of_no_use(self) -> dict[str, str]:
        """The settings that are for other models or another backend -> why they do nothing here."""
        of_codes = _names(CompressedSettings)
        if self.lexical:
            of_vectors = ("dtype", "encode_dtype", *of_codes, *_names(PassageSettings))
            return dict.fromkeys(of_vectors, f"{self.model} keeps words, not token vectors")
        of_words = (*_names(AnalysisSettings), *_names(Bm25Settings))
        found = dict.fromkeys(of_words, f"{self.model} compares token vectors, not words")
        if self.backend != COMPRESSED:
            found |= dict.fromkeys(of_codes, f"it is for `backend={COMPRESSED}`")
        return found


@dataclass(frozen=True)
class IndexResult:
    """An index that is in the store."""

    artefact: Artefact
    fresh: bool
    """False where it was there already."""
    notes: tuple[str, ...]
    """Remarks on the combination of model and collection that a person should read."""
    documents: int
    empty_documents: int
    """Documents without text. In an index of token vectors, those of an empty text stand for
    them."""
    tokens: int
    """Token vectors, or words."""
    bytes: int
    """Its size on disk."""
    cut: CutTexts
    """Documents that are longer than the encoder reads; where they are split, their passages."""
    passages: Counts | None
    """How documents were split into passages; None: they were not."""

    @property
    def lexical(self) -> bool:
        """Whether it is an index of words."""
        return self.artefact.manifest.config["model"] in LEXICAL

    @classmethod
    def of(cls, artefact: Artefact, *, fresh: bool, notes: tuple[str, ...]) -> IndexResult:
        """The result with the counts that the index's manifest holds."""
        counts = artefact.manifest.results
        cut = CutTexts.of(counts.get(CUT))
        passages = Counts.of(counts[PASSAGES]) if PASSAGES in counts else None
        return cls(
            artefact,
            fresh,
            notes,
            **{name: int(counts[name]) for name in COUNTS},
            cut=cut,
            passages=passages,
        )

    @property
    def promise(self) -> Promise | None:
        """The recall that was measured; None: the index is exact or of words."""
        row = self.artefact.manifest.results.get(PROMISED)
        return None if row is None else Promise.of(row)

    def remarks(self) -> Iterator[str]:
        """What a person should know of the documents."""
        if self.promise is not None and not self.promise.kept:
            yield self.promise.missed(self.artefact.manifest.config)
        if self.cut.count:
            reader = str(self.artefact.manifest.config["document_model"])
            if self.passages is None:
                said = self.cut.remark(self.documents, "documents", reader)
                yield f"{said} (`passage_tokens` splits long documents)"
            else:
                yield self.cut.remark(self.passages.passages, "passages", reader)
        if self.passages is not None and self.passages.left_out:
            yield (
                f"left out {self.passages.left_out:,} passages of {self.passages.shortened:,} "
                f"documents, which have more than {self.artefact.manifest.config['max_passages']:,}"
                " (`max_passages`)"
            )

    @property
    def name(self) -> str:
        """Its name."""
        return self.artefact.name


def _names(configuration: type[object]) -> list[str]:
    return [leaf.name for leaf in leaves(configuration)]


def slug(name: str) -> str:
    """A name, id or path as part of an artefact's name: ``cldr/so`` is ``cldr-so``."""
    # The end of a path tells best what it is.
    last = name.rstrip("/").split("/")[-2:] if name.startswith((".", "/", "~")) else [name]
    parts = re.split(r"[^A-Za-z0-9._+-]+", "/".join(last))
    return "-".join(part for part in parts if part.strip(".~")).lstrip("._+-") or "unnamed"
