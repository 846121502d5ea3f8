"""What is answered, from which passages and by what: the settings of `answer`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.errors import UsageError
from clirot.languages import parse_language
from clirot.settings import check_ranges, part, setting


@dataclass(frozen=True, kw_only=True)
class WritingSettings:
    """How a reader writes an answer. It is greedy: the most probable token is taken each time."""

    max_tokens: int = setting(
        32, "Longest answer. One that reaches it is cut, and counted.", unit="tokens", at_least=1
    )
    batch_size: int = setting(
        8, "Number of questions that are answered together.", at_least=1, decides=False
    )
    dtype: str = setting(
        "auto",
        "Number type of the model's weights. auto: bfloat16 on a GPU that multiplies it, float32 "
        "elsewhere.",
        choices=("auto", "float32", "bfloat16", "float16"),
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class AnswerConfig:
    """What is answered, from which passages and by what."""

    model: str = setting(
        meaning="Causal language model that reads and answers: a known reader (`clirot models` "
        "lists them), a directory or a Hub id."
    )
    collection: str = setting(
        meaning="Collection whose topics are answered, and whose documents are the passages: a "
        "directory or an id."
    )
    run: str | None = setting(
        None,
        "What was found for the topics: the file of a run (- is stdin), or the name of a run kept "
        "by search.",
    )
    k: int = setting(5, "Number of passages that are read for a topic, the best first.", at_least=1)
    closed_book: bool = setting(
        False,
        "Answer without passages, from what the model knows: the control that shows what the "
        "passages add.",
    )
    lang: str | None = setting(
        None,
        "Language of the collection's topics. It may be left out where there is only one, or where "
        "the collection's id names it.",
    )
    topics_variant: str | None = setting(
        None, "Variant of the collection's topics that is answered, such as a translation."
    )
    docs_lang: str | None = setting(
        None,
        "Language of the passages, where a directory has documents in several. Of a run kept by "
        "search it is known.",
    )
    answer_lang: str | None = setting(
        None, "Language that the prompt asks to answer in; by default that of the topics."
    )
    prompt: Path | None = setting(
        None,
        "File with another prompt. {question} and {passages} stand in it for the topic and what "
        "was found, {question_language} and {answer_language} for the names of the languages.",
    )
    writing: WritingSettings = part(WritingSettings)

    def __post_init__(self) -> None:
        check_ranges(self)
        if (self.run is None) != self.closed_book:
            said = "a run gives the passages, and `closed_book` takes none"
            if self.closed_book:
                raise UsageError(f"{said}: both were given", hint="leave one of them out")
            raise UsageError(f"{said}: neither was given", hint="give `run=FILE`, or `closed_book`")
        if self.closed_book and self.docs_lang is not None:
            raise UsageError("`docs_lang` chooses among passages, and `closed_book` takes none")
        if self.answer_lang is not None:
            parse_language(self.answer_lang)
