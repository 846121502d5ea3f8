"""AfriCLIRMatrix: English topics and Wikipedia articles in 15 African languages.

Ogundepo et al. 2022, EMNLP: judgements from 1 to 6 that were mined from the links between
Wikipedias, so that nobody judged anything. Topics and judgements of its test set are in a
repository at a pinned commit, the articles on the Hugging Face Hub at a pinned revision; no digests
were published. The articles have the fields ``id`` and ``contents``.
"""

from __future__ import annotations

from functools import cache

from clirot.collection.passages import PassageSet, Release, TopicSet
from clirot.download import Upstream

_COMMIT = "29941eca075cc5488f1260af54165b3e6a2282d5"
_REVISION = "f94e826e12c3589ff908d338492211a4ebabe7a9"
_TEST = f"https://raw.githubusercontent.com/castorini/africlirmatrix/{_COMMIT}/test/"
_CORPUS = f"https://huggingface.co/datasets/castorini/africlirmatrix/resolve/{_REVISION}/"
_LICENCE = "Apache-2.0"
_LANGUAGES = {
    "af": ("afr", "afrikaans"),
    "am": ("amh", "amharic"),
    "ary": ("ary", "moroccan_arabic"),
    "arz": ("arz", "egyptian_arabic"),
    "ha": ("hau", "hausa"),
    "ig": ("ibo", "igbo"),
    "nso": ("nso", "northern_sotho"),
    "sn": ("sna", "shona"),
    "so": ("som", "somali"),
    "sw": ("swa", "swahili"),
    "ti": ("tir", "tigrinya"),
    "tw": ("twi", "twi"),
    "wo": ("wol", "wolof"),
    "yo": ("yor", "yoruba"),
    "zu": ("zul", "zulu"),
}
"""Language -> how the files of topics call it, and how those of articles do."""


@cache
def africlirmatrix() -> Release:
    """AfriCLIRMatrix."""
    return Release(
        family="africlirmatrix",
        languages={
            language: PassageSet(
                passages=(_file(f"{_CORPUS}africlirmatrix-v1.0-{name}/corpus.jsonl"),),
                count=None,
                sets={
                    "test": TopicSet(
                        topics={
                            "en": _file(f"{_TEST}queries/topics.africlirmatrix-v1.0.en.{code}.tsv")
                        },
                        qrels=_file(f"{_TEST}qrels/qrels.africlirmatrix-v1.0.en.{code}.txt"),
                    )
                },
            )
            for language, (code, name) in _LANGUAGES.items()
        },
        page="https://github.com/castorini/africlirmatrix",
    )


def _file(address: str) -> Upstream:
    return Upstream(url=address, sha256=None, licence=_LICENCE)
