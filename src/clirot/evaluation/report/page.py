"""The page itself: the template filled in, with the data of its topics inside.

What a page shows comes from files of anybody's making. Jinja escapes all of it in the markup; the
script writes text nodes only; and a policy in the page lets nothing run but that script, by its
digest, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from clirot.evaluation.formats import paper_name
from clirot.evaluation.report.embedding import embedded_pictures
from clirot.evaluation.report.matches import Matches, matches_of
from clirot.evaluation.report.overview import (
    caption_of,
    further_tables,
    groups_of,
    how_it_was_made,
    sources_of,
)
from clirot.evaluation.report.rankings import (
    DocumentTexts,
    Rankings,
    document_texts,
    rankings_of,
)
from clirot.evaluation.report.settings import ReportSettings
from clirot.evaluation.report.texts import SetTexts
from clirot.evaluation.report.topics import topic_document, topics_of
from clirot.evaluation.result import Evaluation
from clirot.records import ProgressSink

_MEGABYTE = 1_000_000
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}
"""Control characters -> the pictures of them; HTML cannot hold some of them."""


def page_of(
    evaluation: Evaluation,
    sets: Mapping[str, SetTexts],
    settings: ReportSettings,
    progress: ProgressSink,
) -> tuple[str, tuple[str, ...]]:
    """The page as text, and what is not on it."""
    known = {name: sets.get(name, SetTexts()) for name in evaluation.topics}
    topics = topics_of(evaluation)
    about = json_in_html(topic_document(evaluation, topics, known, settings.characters))
    rankings = rankings_of(evaluation, topics, known, settings)
    matches = matches_of(evaluation, topics, known, rankings, settings, progress)
    pictures = embedded_pictures(evaluation)
    ranked = json_in_html(rankings.document())
    matched = json_in_html(matches.document())
    taken = sum(len(one.encode()) for one in (about, ranked, matched))
    taken += sum(len(one.light) + len(one.dark) for one in pictures)
    taken += sum(len(one.encode("utf-8", "replace")) for one in rankings.documents.ids)
    room = settings.megabytes * _MEGABYTE - taken
    texts = document_texts(rankings.documents, settings.characters, room)
    notes = _notes(known, settings, rankings, texts, matches)
    sources = sources_of(evaluation, known)
    facts: dict[str, Any] = {
        "title": settings.title or _title(evaluation),
        "question": settings.question,
        "evaluation": evaluation,
        "measures": [paper_name(measure) for measure in evaluation.measures],
        "groups": groups_of(evaluation, sources),
        "caption": caption_of(evaluation),
        "tables": further_tables(evaluation),
        "pictures": pictures,
        "facts": how_it_was_made(evaluation),
        "made_with": settings.made_with,
        "notes": evaluation.notes,
        "left_out": notes,
        "sources": sources,
        "count": len(topics),
        "data": {
            "topics": about,
            "rankings": ranked,
            "documents": json_in_html(
                {
                    "ids": rankings.documents.ids,
                    "texts": texts.texts,
                    "lengths": texts.lengths,
                    "leftOut": texts.left_out,
                }
            ),
            "matches": matched,
        },
    }
    return _filled(facts), notes


def _title(evaluation: Evaluation) -> str:
    config = evaluation.config
    what = config.collection or (config.qrels.name if config.qrels is not None else "")
    return f"Evaluation on {what}" if what else "Evaluation"


def _notes(
    sets: Mapping[str, SetTexts],
    settings: ReportSettings,
    rankings: Rankings,
    texts: DocumentTexts,
    matches: Matches,
) -> tuple[str, ...]:
    """What is not on the page, and why."""
    count = len(rankings.hits)
    notes = list(dict.fromkeys(note for one in sets.values() for note in one.notes))
    if rankings.shown < settings.documents:
        notes.append(
            f"each ranking has its first {rankings.shown} documents, not {settings.documents}: "
            f"more do not fit into {settings.megabytes} MB"
        )
    if texts.left_out:
        notes.append(
            f"{len(texts.left_out):,} of {len(texts.texts):,} documents are shown without text: "
            f"more do not fit into {settings.megabytes} MB"
        )
    if texts.lengths:
        notes.append(
            f"{len(texts.lengths):,} of {len(texts.texts):,} documents are cut after "
            f"{settings.characters:,} characters"
        )
    if 0 < len(matches.found) < count:
        notes.append(
            f"token matches are shown for {len(matches.found):,} of {count:,} topics, those with "
            "the greatest gains and losses"
        )
    return tuple(notes)


def json_in_html(document: Any) -> str:
    """JSON that may stand inside a ``script`` element: no character of it ends or opens markup."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _visible(text: str) -> str:
    """Text with control characters made visible, and without lone surrogates."""
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode()


def _filled(facts: Mapping[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("clirot.evaluation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: _visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    package = files("clirot.evaluation.report")
    style, script = (package.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return environment.get_template("page.html").render(
        **{**facts, "data": {name: Markup(text) for name, text in facts["data"].items()}},
        style=Markup(style),
        script=Markup(script),
        style_digest=_digest(style),
        script_digest=_digest(script),
    )


def _digest(text: str) -> str:
    """A digest as a Content-Security-Policy has it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
