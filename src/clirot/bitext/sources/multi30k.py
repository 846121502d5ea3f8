"""Multi30k: captions of photographs, translated from English. The training part only.

Its terms allow research only, so it is fetched where it is named and not otherwise.

Source: Elliott et al. 2016, https://github.com/multi30k/dataset
"""

from __future__ import annotations

from clirot.bitext.source import ParallelText
from clirot.bitext.sources.github import Repository

_AT = Repository(
    slug="multi30k/dataset",
    commit="a3d2e0d26b56f3846f66a952536ffed4e401d05a",
    licence="research only (Flickr30k terms)",
)
_TABLE = {
    "en": (568929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
    "cs": (593827, "a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077"),
    "de": (637044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
    "fr": (604242, "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"),
}

MULTI30K = ParallelText(
    name="multi30k",
    title="captions of photographs, the training part; research only",
    domain="captions",
    licence=_AT.licence,
    homepage="https://github.com/multi30k/dataset",
    citation="Elliott et al. 2016. Multi30K: multilingual English-German image descriptions.",
    revision=_AT.commit,
    lines=29000,
    id_prefix="train-",
    texts={
        language: _AT.file(f"data/task1/raw/train.{language}.gz", size, sha256)
        for language, (size, sha256) in _TABLE.items()
    },
)
