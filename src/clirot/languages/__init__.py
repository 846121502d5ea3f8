"""Language codes: ISO 639 and BCP 47 in any spelling, one normalised tag in clirot.

``som``, ``so`` and ``so-SO`` are all Somali; clirot stores ``so``. What decides the text is kept:
``zh-TW`` is ``zh-Hant``, and ``pt-PT`` is not ``pt``.
"""

from clirot.languages.matching import (
    closest_language,
    closest_pair,
    relatives,
    same_language,
    split_pair,
)
from clirot.languages.names import language_name
from clirot.languages.tags import (
    is_language,
    language_code,
    parse_language,
    script_of,
    states_script,
    without_region,
)

__all__ = [
    "closest_language",
    "closest_pair",
    "is_language",
    "language_code",
    "language_name",
    "parse_language",
    "relatives",
    "same_language",
    "script_of",
    "split_pair",
    "states_script",
    "without_region",
]
