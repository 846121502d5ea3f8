"""Collections made from published parallel sets: xquad, xquad-r, flores, tatoeba, tico-19."""

from clirot.collection.released.flores import open_flores
from clirot.collection.released.release import upstream_files
from clirot.collection.released.tatoeba import open_tatoeba
from clirot.collection.released.tico19 import open_tico19, open_tico19_sentence
from clirot.collection.released.xquad import open_xquad, open_xquad_r

__all__ = [
    "open_flores",
    "open_tatoeba",
    "open_tico19",
    "open_tico19_sentence",
    "open_xquad",
    "open_xquad_r",
    "upstream_files",
]
