"""Where the page of a plan has its texts from: each topic set from its own collection."""

from __future__ import annotations

from collections.abc import Iterable

from clirot.collection import open_collection
from clirot.evaluation.report import SetTexts
from clirot.evaluation.report.texts import CollectionTexts, Documents
from clirot.evaluation.result import Evaluation
from clirot.experiments.plan import Plan
from clirot.store import Artefact, Store


class _Prefixed(SetTexts):
    """Texts of a collection, whose topics have its name before their ids in the evaluation."""

    def __init__(self, texts: CollectionTexts, prefix: str) -> None:
        self._texts, self._prefix = texts, prefix
        self.topic_language = texts.topic_language
        self.document_language = texts.document_language
        self.notes = texts.notes

    def topic_text(self, topic: str) -> str | None:
        return self._texts.topic_text(topic.removeprefix(self._prefix))

    def expect(self, docnos: Iterable[str]) -> None:
        self._texts.expect(docnos)

    def document_text(self, docno: str) -> str | None:
        return self._texts.document_text(docno)

    def artefact(self, system: str, topic: str) -> Artefact | None:
        return self._texts.artefact(system, topic)

    def read_text(self, system: str, topic: str) -> str | None:
        return self._texts.read_text(system, topic.removeprefix(self._prefix))


def texts_of(plan: Plan, evaluation: Evaluation, store: Store) -> dict[str, SetTexts]:
    """The texts of each topic set of the evaluation of a plan.

    Args:
        plan: the plan.
        evaluation: of its runs.
        store: where collections keep what they downloaded.
    """
    documents: dict[tuple[str, str | None], Documents] = {}
    found: dict[str, SetTexts] = {}
    for one in plan.topic_sets:
        collection = open_collection(one.id, one.docs_lang, home=store.home)
        shared = documents.setdefault((one.id, one.docs_lang), Documents(collection))
        saved = {
            system: artefact
            for (system, label), artefact in evaluation.inputs.saved.items()
            if label == one.label
        }
        texts = CollectionTexts(collection, shared, language=one.lang, saved=saved)
        found[one.label] = _Prefixed(texts, plan.topic_prefix(one))
    return found
