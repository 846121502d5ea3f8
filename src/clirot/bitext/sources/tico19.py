"""TICO-19: 3,071 sentences on the pandemic in English and dozens of languages, and terminologies.

Two sources share the sentences. ``tico-19`` is what was published. In the published Somali file the
two sides have come apart: an English sentence was left inside the Somali of ``Wikinews_6:1159``,
and after it the Somali is ahead by one unit, except for one stretch, up to the last but one.
``tico-19-realigned`` puts the 1,750 moved sentences back and leaves out the three that have no
counterpart. ``tico-19-terms`` has some 600 terms by translators of Facebook and of Google.

Source: Anastasopoulos et al. 2020, https://tico-19.github.io
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from clirot.bitext.formats.fields import Request
from clirot.bitext.formats.lines import read_lines
from clirot.bitext.formats.part import open_member
from clirot.bitext.formats.tmx import read_tmx
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

# The serial numbers of the units whose Somali stands in the unit before, and those that have none.
_AHEAD = (range(1161, 1701), range(1861, 3071))
_WITHOUT_SOMALI = (1159, 1160, 1860)


def read_published(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The units of one of TICO-19's translation memories, as they are."""
    (path,) = files
    with open_member(path, suffix=".tmx") as stream:
        yield from read_tmx(stream, path, Request(pair=pair))


def read_realigned_somali(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The units of the Somali file, each English sentence with its own translation.

    Raises:
        InputError: the units are not numbered as in the file this correction was made for.
    """
    units = list(read_published(pair, files))
    if [_serial(unit) for unit in units] != list(range(1, 3072)):
        raise InputError("not the translation memory this correction is for", path=files[0])
    yield units[0]
    for before, unit in pairwise(units):
        serial = _serial(unit)
        if serial in _WITHOUT_SOMALI:
            continue
        ahead = any(serial in stretch for stretch in _AHEAD)
        yield SentencePair(unit.src, before.tgt if ahead else unit.tgt, unit.id, unit.place)


def _serial(unit: SentencePair) -> int:
    """``Wikinews_6:1159`` -> 1159: units are numbered through the whole collection."""
    number = unit.id.rpartition(":")[2]
    return int(number) if number.isdigit() else -1


def read_terms(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The terms of CSV files with the columns ``sourceString`` and ``targetString``.

    Raises:
        InputError: a file has other columns, or is no CSV.
    """
    for path in files:
        prefix = path.name.split("_")[0]
        # A line break inside a quoted cell belongs to the cell, so it is put back.
        rows = csv.DictReader(f"{line}\n" for line in read_lines(path))
        try:
            for number, row in enumerate(rows, start=1):
                source, target = row["sourceString"], row["targetString"]
                yield SentencePair(source or "", target or "", f"{prefix}{number}")
        except KeyError as error:
            raise InputError(f"no column {error}", path=path, line=1) from error
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", path=path, line=rows.line_num) from error
