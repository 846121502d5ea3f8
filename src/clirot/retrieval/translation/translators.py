"""What can translate, and which of it an order means. A new way to translate gets its row here.

An order with a command means that program. A model is first looked up in :data:`BY_NAME`, the
translators that have a name of their own. Any other name is one of the registry of models, and the
format of the checkpoint says which of :data:`BY_FORMAT` reads it.
"""

from __future__ import annotations

from collections.abc import Callable

from clirot.errors import UsageError
from clirot.known_models import KNOWN
from clirot.languages import parse_language
from clirot.models import ModelRef, is_ctranslate2, resolve
from clirot.registry import Registry
from clirot.retrieval.translation.command import open_command
from clirot.retrieval.translation.configuration import TABLE
from clirot.retrieval.translation.ctranslate import CTranslate2Translator
from clirot.retrieval.translation.seq2seq import Seq2SeqTranslator
from clirot.retrieval.translation.translator import Order, Translator
from clirot.retrieval.translation.word_by_word import open_table

BY_NAME: Registry[Callable[[Order], Translator]] = Registry("translator", {TABLE: open_table})
"""Translators that are no checkpoint, by the name that an order's ``model`` gives them."""
BY_FORMAT: Registry[Callable[[Order, ModelRef], Translator]] = Registry(
    "format of a model",
    {"transformers": Seq2SeqTranslator, "ctranslate2": CTranslate2Translator},
)
"""Format of a checkpoint -> what translates with it."""


def open_translator(order: Order) -> Translator:
    """The translator that an order means.

    Raises:
        UnknownNameError: no such model, or it does not know a language.
        UsageError: the model encodes text and does not translate, or it is not a command.
        ClirotError: as the translator's own constructor says.
    """
    if order.command is not None:
        return open_command(order)
    name = order.model or ""
    if name in BY_NAME:
        return BY_NAME[name](order)
    ref = resolve(_repository(name, order), order.store, task="translates")
    return BY_FORMAT["ctranslate2" if is_ctranslate2(ref.path) else "transformers"](order, ref)


def _repository(name: str, order: Order) -> str:
    """The name, or the repository for the languages where a known model has one for each pair."""
    if name not in KNOWN or "{src}" not in KNOWN[name].hub_id:
        return name
    if order.src is None:
        raise UsageError(
            f"{name} is a model for each pair of languages, and the one to translate from is not "
            "known",
            hint="name it with `src`",
        )
    # The repositories name the language alone; the model tells its scripts apart, or refuses one.
    src, tgt = (parse_language(one).partition("-")[0] for one in (order.src, order.tgt))
    return KNOWN[name].hub_id.format(src=src, tgt=tgt)
