"""clirot's own collections from real upstream files, against copies built by other code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clirot.collection import open_collection, register
from clirot.collection.collection import Collection
from clirot.collection.released import repaired_somali
from clirot.errors import DownloadError, UnknownNameError, UsageError


def _same(ours: Collection, theirs: Collection, languages: list[str]) -> None:
    assert list(ours.documents()) == list(theirs.documents())
    assert ours.document_count == theirs.document_count
    for language in languages:
        assert ours.topics(language) == theirs.topics(language), language
    assert ours.qrels() == theirs.qrels()


def _theirs(shared_data: Path, name: str) -> Collection:
    return open_collection(str(shared_data / "collections" / name))


@pytest.mark.parametrize("family, name", [("xquad", "xquad"), ("xquad-r", "xquad_r")])
def test_xquad(mirror: Path, shared_data: Path, family: str, name: str) -> None:
    ours, theirs = open_collection(family), _theirs(shared_data, name)
    assert ours.languages == theirs.languages
    _same(ours, theirs, list(theirs.languages))


def test_flores(mirror: Path, shared_data: Path) -> None:
    ours, theirs = open_collection("flores"), _theirs(shared_data, "flores_dev")
    assert ours.languages == theirs.languages and "so" in ours.languages
    _same(ours, theirs, list(theirs.languages))


@pytest.mark.parametrize(
    "language",
    "ar de el es fi fr hi mr ro ru sw th tl tr vi zh".split(),  # noqa: SIM905
)
def test_tatoeba(mirror: Path, shared_data: Path, language: str) -> None:
    theirs = _theirs(shared_data, f"tatoeba/{language}")
    _same(open_collection(f"tatoeba/{language}"), theirs, [language, "en"])


@pytest.mark.parametrize(
    "family, name", [("tico-19", "tico19_passage"), ("tico-19-sentence", "tico19_sentence")]
)
def test_tico19(mirror: Path, shared_data: Path, family: str, name: str) -> None:
    ours, theirs = open_collection(family), _theirs(shared_data, name)
    assert ours.languages == theirs.languages
    # Somali is in it: the repair here and the one over there were made by different code.
    _same(ours, theirs, ["en", "so", "mr", "ar"])


def test_somali_repair_moves_what_is_shifted_and_nothing_else() -> None:
    published = [
        ("Wikinews_6:1158", "in place"),
        ("Wikinews_6:1159", "two in one"),
        ("Wikinews_6:1160", "of 1161"),
        ("Wikinews_6:1161", "of 1701, once more"),
        ("Wikipedia_handpicked_4:1701", "of 1701"),
        ("Wikipedia_handpicked_5:1860", "of 1861"),
        ("Wikipedia_handpicked_5:1861", "of 1862"),
        ("wiki_9:1862", "of 1862"),
    ]
    assert repaired_somali(published) == [
        ("Wikinews_6:1158", "in place"),
        ("Wikinews_6:1161", "of 1161"),
        ("Wikipedia_handpicked_4:1701", "of 1701"),
        ("Wikipedia_handpicked_5:1861", "of 1861"),
        ("wiki_9:1862", "of 1862"),
    ]


def test_an_id_with_a_language_means_that_language(mirror: Path) -> None:
    named, whole = open_collection("xquad/deu"), open_collection("xquad")
    assert named.id == "xquad/de"
    assert named.languages == ("de", "en") and named.language == "de"
    assert named.topics() == whole.topics("de")
    assert named.topics("en") == whole.topics("en") != named.topics()
    assert named.digest == whole.digest  # one index serves every topic language
    assert named.topics_digest() == whole.topics_digest("de") != whole.topics_digest("en")
    with pytest.raises(UsageError, match="which one") as caught:
        whole.topics()
    assert "`lang`" in str(caught.value.hint) and "de, el, en" in str(caught.value.hint)


def test_judgements_of_the_topics_that_a_language_has(mirror: Path) -> None:
    tico = open_collection("tico-19-sentence")
    assert len(tico.qrels()) == 3071
    assert len(tico.qrels("so")) == 3068
    assert "Wikinews_6:1159" not in tico.qrels("so")


@pytest.mark.parametrize(
    "spec, said, hint",
    [
        ("xquad/so", "unknown collection 'xquad/so'", "xquad/ro"),
        ("tatoeba/so", "unknown collection 'tatoeba/so'", "tatoeba/ro"),
        ("tatoeba", "needs a language", "tatoeba/sw"),
        ("xquat", "unknown collection 'xquat'", "did you mean"),
        ("tico19/so", "unknown collection 'tico19/so'", "did you mean 'tico-19/so'"),
        ("vaswanni", "unknown collection 'vaswanni'", "did you mean 'vaswani'"),
    ],
)
def test_unknown_names_suggest_near_ones(spec: str, said: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        open_collection(spec)
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_mirror_without_the_file_is_an_error_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path))
    collection = open_collection("xquad/de")  # opening fetches nothing
    with pytest.raises(DownloadError, match=r"xquad\.en\.json"):
        next(collection.documents())


def test_other_tools_load_them_through_ir_datasets(mirror: Path) -> None:
    import ir_datasets

    ids = register()
    assert register() == ids  # a second call does no harm
    assert {"clirot/xquad/de", "clirot/tatoeba/tl", "clirot/tico-19/so"} <= set(ids)
    assert set(ids) <= set(ir_datasets.registry)
    dataset, ours = ir_datasets.load("clirot/xquad/de"), open_collection("xquad/de")
    assert [tuple(row) for row in dataset.docs_iter()] == [
        (document.id, document.text) for document in ours.documents()
    ]
    assert [tuple(row) for row in dataset.queries_iter()] == [
        (topic.id, topic.text) for topic in ours.topics()
    ]
    assert dataset.qrels_dict() == ours.qrels()
    assert (dataset.docs_lang(), dataset.queries_lang()) == ("en", "de")
    assert dataset.docs_count() == 240
    assert dataset.docs_store().get("p7").text == list(ours.documents())[6].text
    assert ir_datasets.load("clirot/cldr/fo").queries_lang() == "fo"  # by the pattern, not the list
    with pytest.raises(KeyError):
        ir_datasets.load("clirot/nothing/de")


def test_the_example_in_the_documentation(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "collections.md"
    blocks = re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) == 2
    for program, printed in blocks:
        exec(compile(program, str(page), "exec"), {})
        assert capsys.readouterr().out == printed
