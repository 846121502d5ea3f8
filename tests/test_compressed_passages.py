"""Documents by their best passage over codes: against brute force over all passages (MaxP)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from coded_documents import made
from test_passages import DIM, brute_force, crowded, unit

from clirot.encoding.maxsim import FloatArray, maxsim
from clirot.records import Hit
from clirot.retrieval.backends.compressed import calibration, list_building
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.screening import screened
from clirot.retrieval.passages.index import PassageIndex
from clirot.retrieval.passages.table import PassageTable, PassageTableWriter, row_name
from clirot.retrieval.settings import CompressedSettings


def opened(
    place: Path, documents: dict[str, list[FloatArray]], chosen: CompressedSettings
) -> tuple[PassageIndex, CompressedIndex]:
    """An index of documents by the vectors of their passages; passage n lies at (n, n + 1)."""
    place.mkdir()
    table = PassageTableWriter(place, place)
    for docno, passages in documents.items():
        table.add(docno, [(number, number + 1) for number in range(len(passages))], 0)
    table.finish()
    names = [row_name(docno, at) for docno, some in documents.items() for at in range(len(some))]
    rows = [passage for some in documents.values() for passage in some]
    passages = CompressedIndex.open(made(place, rows, names, chosen))
    return PassageIndex(passages, PassageTable.open(place)), passages


def documents_and_queries() -> tuple[dict[str, list[FloatArray]], list[FloatArray]]:
    """Vectors are as they are stored, in float16."""
    rng = np.random.default_rng(11)
    queries = [unit(rng, tokens) for tokens in (1, 4, 9)] + [unit(rng, 5) for _ in range(9)]
    documents = crowded(rng, queries[:3])
    stored = {
        docno: [one.astype(np.float16).astype(np.float32) for one in passages]
        for docno, passages in documents.items()
    }
    return stored, queries


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("bits", [1, 4])
def test_best_passages_are_scored_exactly(
    bits: int, lists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found has the score of the passage that is named; where all passages are settled, it
    is brute force; else the share of it that was asked for is found.
    """
    if lists:
        monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
        monkeypatch.setattr(calibration, "_SCAN", 1e6)
    documents, queries = documents_and_queries()
    chosen = CompressedSettings(bits=bits, recall=0.95)
    index, passages = opened(tmp_path / "index", documents, chosen)
    assert (len(index), index.dim) == (len(documents), DIM)
    assert passages.promise.depths[0].settled < len(passages) / 3, "some are not settled"
    true = [brute_force(query, documents) for query in queries]
    for k in (1, 5, 20, len(documents), 1000):
        recalls = []
        for query, best, hits in zip(queries, true, index.search(queries, k), strict=True):
            assert len(hits) == len({hit.docno for hit in hits}) == min(k, len(documents))
            assert hits == sorted(hits, key=lambda hit: (hit.score, hit.docno), reverse=True)
            for hit in hits:
                assert hit.passage is not None
                vectors = documents[hit.docno][hit.passage[0]]
                assert hit.score == np.float32(maxsim(query, vectors))
            recalls.append(len({hit.docno for hit in hits} & {hit.docno for hit in best[:k]}))
            if k >= len(documents) and not lists:
                assert hits == best
        assert np.mean(recalls) / min(k, len(documents)) >= 0.9
    asked = ["d7!", "d20", "d7", "d3"]
    for query, hits in zip(queries, index.rerank(queries, [asked] * len(queries), 3), strict=True):
        assert hits == brute_force(query, {one: documents[one] for one in asked})[:3]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_without_vectors_they_are_scored_by_their_codes(bits: int, tmp_path: Path) -> None:
    documents, queries = documents_and_queries()
    chosen = CompressedSettings(bits=bits, store=False)
    index, passages = opened(tmp_path / "index", documents, chosen)
    owners = [(docno, at) for docno, some in documents.items() for at in range(len(some))]
    for query, scores in zip(queries, screened(passages.codes, queries), strict=True):
        best: dict[str, Hit] = {}
        for (docno, at), score in zip(owners, scores.astype(np.float32).tolist(), strict=True):
            if docno not in best or score > best[docno].score:  # the first of equal ones
                best[docno] = Hit(docno, score, (at, at + 1))
        true = sorted(best.values(), key=lambda hit: (hit.score, hit.docno), reverse=True)
        for k in (1, 5, 20, 1000):
            assert next(index.search([query], k)) == true[:k]
