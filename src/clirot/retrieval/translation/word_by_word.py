"""Translation word by word, by a translation table that was learnt from bitext.

The plainest of translations: each word becomes its most probable translation, whatever stands
beside it, and a word that the table lacks stays. It is what structured queries have to beat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clirot.bitext.word_table import WordTable
from clirot.retrieval.lexical import table_for
from clirot.retrieval.translation.translator import Order, Rendering


class TableTranslator:
    """A :class:`~clirot.retrieval.translation.translator.Translator` over a table.

    Args:
        table: of the languages.
    """

    identity = None  # looking a word up is no more work than looking its translation up
    window = 4096

    def __init__(self, table: WordTable) -> None:
        self.name = f"the table {table.artefact.name}"
        self._table = table

    def translate(self, texts: Sequence[str]) -> Iterator[dict[int, Rendering]]:
        """See :meth:`~clirot.retrieval.translation.translator.Translator.translate`."""
        yield {place: Rendering((self._table.worded(text),)) for place, text in enumerate(texts)}


def open_table(order: Order) -> TableTranslator:
    """The translator of an order whose model is ``table``.

    Raises:
        UnknownNameError: there is no table of the languages; the hint says how to make one.
        ArtefactError: it is damaged, or is of other languages.
    """
    return TableTranslator(table_for(order.table, order.tgt, order.src, order.store))
