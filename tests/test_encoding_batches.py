"""Batches of tokens, texts that occur twice, and bfloat16."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import save_tiny_model

from clirot.encoding import precision
from clirot.encoding.batching import token_batches, token_lengths
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder
from clirot.encoding.maxsim import MAX_NORM
from clirot.encoding.precision import bfloat16_pays, unit_again
from clirot.errors import ArtefactError
from clirot.models import resolve
from clirot.retrieval import index_plan
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.store import Store

TEXTS = ["abc de", "", "q", "abc " * 40, "xyz uv w", "abc de", "lm " * 9, "", "no pq rs tu"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def encoder_of(model: str, dtype: str = "float32") -> MultiVectorTokenEncoder:
    return load_encoder(resolve(model, Store()), side="document", dtype=dtype)


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 900))
def test_batches_hold_every_text_once_and_keep_to_the_budget(
    lengths: list[int], budget: int
) -> None:
    batches = [*token_batches(lengths, budget)]
    assert sorted(row for batch in batches for row in batch) == [*range(len(lengths))]
    order = [lengths[row] for batch in batches for row in batch]
    assert order == sorted(order)
    for batch, following in zip_longest(batches, batches[1:], fillvalue=[]):
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
        if following:  # no batch is smaller than it need be
            assert lengths[following[0]] * (len(batch) + 1) > budget


def test_lengths_are_those_that_the_encoder_gives(model: str) -> None:
    encoder = encoder_of(model)
    limit = encoder.model.max_seq_length
    given_ = [len(matrix) for matrix in encoder.encode(TEXTS)]
    assert token_lengths(encoder.model.tokenizer, TEXTS, limit) == given_
    assert max(given_) == limit
    # A text beyond what is looked at is long enough without its end.
    assert token_lengths(encoder.model.tokenizer, ["abc " * 10_000], limit) == [limit]
    # A tokenizer in Python is not asked.
    assert token_lengths(object(), ["abcabc"], limit) == [4]


def test_order_is_restored_and_a_text_that_occurs_twice_has_the_same_vectors(model: str) -> None:
    encoder = encoder_of(model)
    found = encoder.encode(TEXTS)
    for text, vectors in zip(TEXTS, found, strict=True):
        (alone,) = encoder.encode([text])
        np.testing.assert_allclose(vectors, alone, atol=1e-5)
    assert found[0].tobytes() == found[5].tobytes() and found[1].tobytes() == found[7].tobytes()
    seen = [row for batch in encoder.encoded(TEXTS) for row, _ in batch]
    assert sorted(seen) == [*range(len(TEXTS))]
    cut: list[int] = []
    encoder.encode([*TEXTS, TEXTS[3]], cut=lambda row, *_: cut.append(row))
    assert sorted(cut) == [3, 9]  # each of them is counted


def test_norms_that_bfloat16_rounded_are_one_again() -> None:
    vectors = np.array([[0.6, 0.8], [0.602, 0.803], [3.0, 4.0], [0.0, 0.0]], np.float32)
    found = unit_again(vectors)
    assert found.dtype == np.float32
    expected = [1, 1, 5, 0]  # what is not near 1 is the encoder's own
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), expected, atol=1e-6)
    np.testing.assert_allclose(found[1], vectors[1] / np.linalg.norm(vectors[1]), atol=1e-6)


def test_bfloat16_gives_other_vectors_near_those_of_float32(model: str) -> None:
    exact, rounded = (encoder_of(model, dtype).encode(TEXTS) for dtype in ("float32", "bfloat16"))
    differences = []
    for one, other in zip(exact, rounded, strict=True):
        assert one.shape == other.shape and other.dtype == np.float32
        assert np.linalg.norm(other, axis=1).max() <= MAX_NORM
        differences.append(float(np.abs(one - other).max()))
    assert 0 < max(differences) < 0.05


def save(folder: Path) -> Path:
    folder.mkdir()
    rows = (f"d{number}\t{text}\n" for number, text in enumerate(TEXTS))
    (folder / "docs.en.tsv").write_text("".join(rows), encoding="utf-8")
    (folder / "queries.en.tsv").write_text("q1\tabc\n")
    return folder


def test_auto_is_bfloat16_for_many_documents_where_it_pays(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(save(tmp_path / "set"))

    def computed(name: str, **more: object) -> str:
        config = IndexConfig(model=model, collection=folder, name=name, **more)  # type: ignore[arg-type]
        return str(build_index(config).artefact.manifest.config["encode_dtype"])

    monkeypatch.setattr(precision, "bfloat16_pays", lambda: True)
    assert computed("few") == "float32"
    monkeypatch.setattr(index_plan, "_MANY", 8)
    assert computed("many") == "bfloat16"
    assert computed("few") == "float32"  # that of the index that is there
    with pytest.raises(ArtefactError, match="encode_dtype was 'float32', now 'bfloat16'"):
        computed("few", encode_dtype="bfloat16")
    assert computed("few", replace=True) == "bfloat16"
    monkeypatch.setattr(precision, "bfloat16_pays", lambda: False)
    assert computed("many") == "bfloat16"
    assert computed("elsewhere") == "float32"
    assert computed("asked", encode_dtype="bfloat16") == "bfloat16"


def test_it_pays_by_what_the_hardware_can(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for amx in (False, True):
        for avx in (False, True):
            monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda can=amx: can)
            monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda can=avx: can)
            assert bfloat16_pays() == (amx or avx)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for native in (False, True):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda can=native, **_: can)
        assert bfloat16_pays() == native
