"""What to translate and by what: the settings of `translate`."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.collection.topic_source import TopicSource
from clirot.collection.topics import TITLE
from clirot.errors import UsageError
from clirot.retrieval.translation.translator import DecodingSettings
from clirot.settings import part, setting

TABLE = "table"
"""The model that is a translation table of the store."""


@dataclass(frozen=True, kw_only=True)
class TranslateConfig(TopicSource):
    """What to translate, and by what."""

    model: str | None = setting(
        None,
        "Model that translates: a known one (`clirot models` lists them), a directory or a Hub id "
        "of a sequence-to-sequence checkpoint, or a directory in the format of CTranslate2. table "
        "translates word by word.",
    )
    table: str | None = setting(
        None,
        "For the model table: the translation table; by default the one that has the name of the "
        "languages (en-so).",
    )
    command: str | None = setting(
        None,
        "Program that translates instead of a model: it reads texts, one a line, and writes as "
        "many lines. It is given to a shell where it holds a shell's characters.",
    )
    timeout: float = setting(
        3600.0, "Time that the command may take; 0: any.", unit="seconds", at_least=0, decides=False
    )
    docs: bool = setting(False, "Translate the collection's documents, not its topics.")
    docs_lang: str | None = setting(
        None, "Language of the documents, where a directory has documents in several."
    )
    src: str | None = setting(
        None,
        "Language to translate from; by default the one that the topics or the collection say. A "
        "model's own code is taken too (som_Latn).",
    )
    tgt: str = setting("en", "Language to translate into.")
    on_empty: str = setting(
        "keep",
        "What to do where a translation is empty: keep it so, which `search` refuses for a topic; "
        "put the source text in its place; or stop with an error. It is counted in any case.",
        choices=("keep", "source", "error"),
    )
    decoding: DecodingSettings = part(DecodingSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.model is None) == (self.command is None):
            raise UsageError(
                "a model translates, or a command: one of the two",
                hint="give `model=NAME`, or `command=PROGRAM`",
            )
        if self.collection is None:
            for name in ("docs", "docs_lang"):
                if getattr(self, name):
                    raise UsageError(f"`{name}` chooses from a collection, and none was given")
        elif self.docs and (
            self.lang or self.topics_variant or self.every != 1 or self.topics_field != TITLE
        ):
            raise UsageError(
                "`lang`, `topics_variant`, `topics_field` and `every` choose among topics, and "
                "documents are to be translated",
                hint="`docs_lang` chooses among documents",
            )
        elif self.docs_lang is not None and not self.docs:
            raise UsageError(
                "`docs_lang` chooses among documents, and topics are to be translated",
                hint="give `docs` as well, to translate documents",
            )
        if self.table is not None and self.model != TABLE:
            raise UsageError(
                f"`table` names a table for the model {TABLE}, and {self.model or self.command} "
                "translates",
                hint=f"give `model={TABLE}`, or leave `table` out",
            )
        if self.model == TABLE and self.decoding.n_best > 1:
            raise UsageError("`n_best` is a model's; a table gives one translation of a text")
        if self.command is not None and self.decoding.n_best > 1:
            raise UsageError("`n_best` is a model's; a command gives one translation of a text")
        if self.decoding.n_best > self.decoding.beams:
            raise UsageError(
                f"`n_best` {self.decoding.n_best} is more than the `beams` {self.decoding.beams} "
                "that beam search keeps",
                hint=f"`beams={self.decoding.n_best}`",
            )
