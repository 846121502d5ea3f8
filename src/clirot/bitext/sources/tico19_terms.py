"""TICO-19's terminologies: some 600 terms of the pandemic, by translators of Facebook and Google.

Source: Anastasopoulos et al. 2020, https://tico-19.github.io, ``data/terminologies``
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from clirot.bitext.formats.lines import read_lines
from clirot.bitext.source import PairedSource
from clirot.bitext.sources.github import Repository
from clirot.download import Upstream
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_AT = Repository(
    slug="tico-19/tico-19.github.io",
    commit="d97615f9cffa28ec7de571e00fbd513e5a1c7fc7",
    licence="CC0-1.0",
)

_TABLE = """
    f_en-de_DE.csv 13130 244b1343e8011a710cc53170aaecbad5e3d3ec1d20da8ee0ddc38b9a7a496a4f
    f_en-fi_FI.csv 12862 8554babc5e291cb4c9819fb1493b87a2df8c8d410496eac2ef05ac9abb85c837
    f_en-fr_XX.csv 13422 b0e1d6a6c1e69acdc01eb1f58482606b04cce727059e075ef9fd7b233c32215d
    f_en-mr_IN.csv 21079 dd2b6f161f6284dbe969bbafee3917df6ce681eb64a8a5cebf3f82a1ecf8ffb8
    f_en-so_SO.csv 14014 a4d0bd521a0a95f694916c0988ab0b2f50854d0fad97a1d222e2b65f08171e4d
    f_en-sw_KE.csv 13821 82ee6ba5564fd9aa68aaa16856fb24e1bae450c33be1ff7b7e2877e8f1b7e45f
    f_en-tl_XX.csv 13579 6ef588f5b5c6591e32d3ce892fece4cc3639b974eaaf8fcef608d22846475bd1
    g_en_de.csv 20470 da6374c1b2f5729b98209124b2920c1656d4a3723d879a99da87939a018ad634
    g_en_fi.csv 20324 7528b6f7e47e3ebc58da694a8e5435a3f04688b23a1bd7054ba768db7535541d
    g_en_fil.csv 21184 037102b3d04880b917ac34007b4d61ed3b226448b332e0919346ac930ce4a530
    g_en_fr-FR.csv 22476 3ade82a0cb98036bb0d24ec1b3ae356320c52c4e3aef73413beae78a44de6aba
    g_en_mr.csv 28177 1def3f40d52393d49bdf7ce468bfa300aaf1c52881a83fcccd3cfd32a37aad4e
    g_en_so.csv 16274 93863ba90f0ab4d9e24f8f91d3aa9c5f81c41ad14f46b548dc040d27670c7de9
    g_en_sw.csv 21304 ee271ccf602eddf9f56f0f3e440bee3a2ba5c3437c54b04112e0587aa373d8d8
"""
_FILES = {
    "de": ("f_en-de_DE.csv", "g_en_de.csv"),
    "fi": ("f_en-fi_FI.csv", "g_en_fi.csv"),
    "fr": ("f_en-fr_XX.csv", "g_en_fr-FR.csv"),
    "mr": ("f_en-mr_IN.csv", "g_en_mr.csv"),
    "so": ("f_en-so_SO.csv", "g_en_so.csv"),
    "sw": ("f_en-sw_KE.csv", "g_en_sw.csv"),
    "tl": ("f_en-tl_XX.csv", "g_en_fil.csv"),
}
"""Language -> Facebook's file and Google's."""
_COUNTS = {"de": 643, "fi": 634, "fr": 642, "mr": 634, "so": 610, "sw": 634, "tl": 634}
"""Terms in the two files together; some are in both."""


def _files() -> dict[tuple[str, str], tuple[Upstream, ...]]:
    known = {}
    for line in _TABLE.strip().splitlines():
        name, size, sha256 = line.split()
        known[name] = _AT.file(f"data/terminologies/{name}", int(size), sha256)
    return {("en", one): tuple(known[name] for name in names) for one, names in _FILES.items()}


def read_terms(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The terms of CSV files with the columns ``sourceString`` and ``targetString``.

    Raises:
        InputError: a file has other columns, or is no CSV.
    """
    for path in files:
        prefix = path.name.split("_")[0]
        # With its line break: one within a quoted cell belongs to the cell.
        rows = csv.DictReader(f"{line}\n" for line in read_lines(path))
        try:
            for number, row in enumerate(rows, start=1):
                source, target = row["sourceString"], row["targetString"]
                yield SentencePair(source or "", target or "", f"{prefix}{number}")
        except KeyError as error:
            raise InputError(f"no column {error}", path=path, line=1) from error
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", path=path, line=rows.line_num) from error


TICO19_TERMS = PairedSource(
    name="tico-19-terms",
    title="terms of the pandemic",
    domain="health, terms",
    licence=_AT.licence,
    homepage="https://tico-19.github.io",
    citation="Anastasopoulos et al. 2020. TICO-19: the Translation Initiative for COvid-19.",
    revision=_AT.commit,
    files=_files(),
    counts={("en", one): count for one, count in _COUNTS.items()},
    reader=read_terms,
    word_list=True,
)
