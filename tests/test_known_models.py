"""The table of known models: every row, which languages they cover, and with which prompts they
are read. Nothing here needs the network.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tiny_model import save_tiny_model

from clirot.encoding.encoders import load_encoder, load_model
from clirot.errors import InputError, LanguageError
from clirot.known_models import (
    KNOWN,
    LANGUAGE_LISTS,
    SMALL,
    Prompts,
    covering,
    covers,
    teachers_for,
)
from clirot.languages import parse_language
from clirot.models import ModelRef

SPDX = {"Apache-2.0", "MIT", "CC-BY-NC-4.0"}
# The Gemma Terms of Use have no identifier, and OPUS-MT's models have one of two.
NAMED = {"Gemma", "Apache-2.0 or CC-BY-4.0"}


@pytest.mark.parametrize("name", KNOWN)
def test_a_row(name: str) -> None:
    row = KNOWN[name]
    assert re.fullmatch(r"[a-z0-9.-]+", name)
    assert row.hub_id.count("/") == 1
    of_a_pair = "{src}" in row.hub_id and "{tgt}" in row.hub_id
    assert of_a_pair or re.fullmatch("[0-9a-f]{40}", row.revision)
    assert row.licence in SPDX | NAMED
    assert row.description
    assert row.role in {"teacher", "student base", "both", "translation", "reader"}
    assert not of_a_pair or row.translates
    assert (row.task == "encodes") == (row.teaches or row.starts)
    assert row.dimensions > 0 and row.parameters > 0
    assert row.languages or of_a_pair
    assert len(set(row.languages)) == len(row.languages)
    assert [parse_language(code) for code in row.languages] == list(row.languages)
    assert not row.teaches or covers(row, "en")


def test_no_two_rows_are_one_model_and_ranks_are_those_of_teachers_of_several_languages() -> None:
    assert len({row.hub_id for row in KNOWN.values()}) == len(KNOWN)
    ranked = {name for name, row in KNOWN.items() if row.rank is not None}
    assert ranked == {
        name for name, row in KNOWN.items() if row.teaches and row.languages != ("en",)
    }
    ranks = [KNOWN[name].rank for name in ranked]
    assert sorted(ranks, key=lambda rank: rank or 0) == list(range(1, len(ranks) + 1))


def test_every_list_of_languages_is_used() -> None:
    used = {row.languages for row in KNOWN.values()}
    assert {tuple(one) for one in LANGUAGE_LISTS.values()} <= used


def test_what_xlm_r_covers() -> None:
    row = KNOWN["xlm-r-base"]
    assert len(row.languages) == 99  # 100 with Burmese in a second encoding
    for code in ("so", "som", "sw", "swh", "tl", "fil", "mr", "om", "am", "ne", "zh-Hans"):
        assert covers(row, code), code
    for code in ("zh-Hant", "hi-Latn", "no", "nb", "so-SO"):
        assert covers(row, code), code
    for code in ("ti", "aa", "yo", "nn", "sr-Latn", "yue", "arz"):
        assert not covers(row, code), code
    with pytest.raises(LanguageError, match="not a language code"):
        covers(row, "somali")


def test_the_teachers_for_languages() -> None:
    assert teachers_for(["so"])[0] == "me5-small"
    assert teachers_for(["tl", "mr"])[0] == "me5-small"
    assert "me5-large" not in teachers_for(["so"])
    every = teachers_for(["so"], most_parameters=None)
    assert every[:3] == ["me5-large", "me5-base", "me5-small"]
    assert not {"xlm-r-base", "minilm-en"} & set(every)
    for name in teachers_for(["so", "sw"]):
        assert KNOWN[name].parameters <= SMALL
        assert all(covers(KNOWN[name], code) for code in ("en", "so", "sw"))
    assert teachers_for(["aa"], most_parameters=None) == []
    assert "minilm-en" in teachers_for([])


def test_models_without_a_rank_come_last() -> None:
    ranks = [KNOWN[name].rank for name in covering(["so"])]
    known = [rank for rank in ranks if rank is not None]
    assert ranks == [*sorted(known), *[None] * (len(ranks) - len(known))]
    assert {"xlm-r-base", "afro-xlmr", "me5-small"} <= set(covering(["so"]))
    assert "afro-xlmr" not in covering(["so", "tl"])


def test_the_page_of_models_has_every_row() -> None:
    page = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert list(rows) == list(KNOWN)
    for name, row in KNOWN.items():
        cells = [cell.strip() for cell in rows[name].split("|")]
        assert cells[2] == row.hub_id
        assert cells[4:6] == [str(row.dimensions), str(row.parameters)], name
        assert cells[6].startswith(row.licence), name
        assert ("gated" in cells[6]) == row.gated


# --- prompts

E5 = Prompts(query="query: ", document="passage: ")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("known") / "tiny", seed=1)


def with_saved(tiny: Path, target: Path, prompts: dict[str, str]) -> Path:
    """The tiny model with the prompts that a sentence transformer keeps."""
    target.mkdir()
    for file in tiny.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    settings = {"model_type": "SentenceTransformer", "prompts": prompts}
    (target / "config_sentence_transformers.json").write_text(json.dumps(settings))
    return target


def test_a_row_says_its_prompts() -> None:
    assert KNOWN["minilm-en"].prompts is None
    e5 = KNOWN["me5-small"]
    assert (e5.query_prompt, e5.document_prompt) == ("query: ", "passage: ")
    assert e5.prompts == (E5 if e5.use_prompts else Prompts())


@pytest.mark.parametrize(
    ("saved", "given", "read"),
    [
        (None, None, ("", "")),
        (None, E5, ("query: ", "passage: ")),
        ({"query": "", "document": ""}, E5, ("query: ", "passage: ")),
        ({"query": "query: ", "document": "passage: "}, E5, ("query: ", "passage: ")),
        ({"query": "ask: "}, None, ("ask: ", "")),
        ({"query": "q: ", "passage": "p: "}, None, ("q: ", "p: ")),
        ({"query": "q: ", "passage": "p: "}, Prompts(), ("", "")),
    ],
)  # fmt: skip
def test_the_prompts_that_a_model_reads_with(
    tiny: Path,
    tmp_path: Path,
    saved: dict[str, str] | None,
    given: Prompts | None,
    read: tuple[str, str],
) -> None:
    path = tiny if saved is None else with_saved(tiny, tmp_path / "saved", saved)
    model = load_model(path, prompts=given)
    assert (model.prompts["query"], model.prompts["document"]) == read


def test_prompts_that_contradict_the_checkpoint_are_refused(tiny: Path, tmp_path: Path) -> None:
    path = with_saved(tiny, tmp_path / "saved", {"query": "ask: ", "document": "text: "})
    with pytest.raises(InputError) as caught:
        load_model(path, prompts=E5)
    for said in ("'ask: '", "'text: '", "'query: '", "'passage: '", str(path)):
        assert said in str(caught.value)


def test_the_prompts_of_a_row_reach_its_tokens(tiny: Path) -> None:
    ref = ModelRef(name="x", origin="known", path=tiny, digest="0" * 64)
    marked = ModelRef(name="x", origin="known", path=tiny, digest="0" * 64, prompts=E5)
    for side in ("query", "document"):
        (plain,) = load_encoder(ref, side=side).encode(["ab"])
        (prompted,) = load_encoder(marked, side=side).encode(["ab"])
        assert len(prompted) > len(plain)
