"""Bitext from a file of the user's: tab-separated text or TMX, gzipped or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from clirot.bitext.lines import open_bytes
from clirot.bitext.tmx import read_tmx
from clirot.bitext.tsv import read_tsv
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_ENDINGS = (".gz", ".tsv", ".txt", ".tmx")


def read_local(path: Path, pair: LanguagePair) -> Iterator[SentencePair]:
    """The pairs of a file: TMX where its name ends in .tmx or .tmx.gz, else tab-separated.

    Args:
        path: the file.
        pair: the languages; the first column of tab-separated text is ``pair.src``.

    Raises:
        InputError: with the line, where it is not what it should be.
    """
    if not path.name.lower().removesuffix(".gz").endswith(".tmx"):
        yield from read_tsv(path)
        return
    with open_bytes(path) as stream:
        try:
            yield from read_tmx(stream, src=pair.src, tgt=pair.tgt, path=path)
        except (EOFError, OSError) as error:
            raise InputError(f"damaged gzip data: {error}", path=path) from error


def local_name(path: Path, digest: str) -> str:
    """``file-<stem>-<first 8 digits of the digest>``: the source name of a local file.

    The digest is in it because two files of one name are two sources, and a changed file is
    another.
    """
    stem = path.name
    while stem.lower().endswith(_ENDINGS):
        stem = stem[: stem.rindex(".")]
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", stem).strip("-.") or "bitext"
    return f"file-{stem[:80]}-{digest[:8]}"
