"""The one form of a text: Unicode's composed form, NFC, on every side of the pipeline.

"é" can be written as one character or as an "e" and a combining accent. A person sees no
difference; a tokenizer that does not compose reads other words, and a comparison of strings fails.
Therefore every reader brings texts to NFC: bitext, documents, topics, answers, labels, predictions,
and what a translator gives. NFC changes no character that a reader can see; NFKC would also replace
digits, ligatures and widths.

Ids are not changed: they are compared with those of runs and judgements byte by byte, as trec_eval
does it.
"""

from __future__ import annotations

import unicodedata


def composed(text: str) -> str:
    """The text in NFC."""
    return unicodedata.normalize("NFC", text)


def is_composed(text: str) -> bool:
    """Whether :func:`composed` leaves the text as it is."""
    return unicodedata.is_normalized("NFC", text)


def on_one_line(text: str) -> str:
    """The text in NFC, with runs of white space, line ends among them, as one space each."""
    return " ".join(composed(text).split())
