"""One student for several languages: splits without leaks, temperature, figures of each."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from tiny_model import save_bitext, save_collection, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.bitext.translation_table import TranslationTable
from clirot.cli import app
from clirot.distillation import DistillConfig, DistillResult, distill
from clirot.distillation.corpus_statistics import corpus_statistics, idf_table
from clirot.distillation.objectives.transport import CorpusStatistics
from clirot.distillation.settings import PlanSettings
from clirot.distillation.subwords.placement import merged
from clirot.distillation.training.batches import Material
from clirot.distillation.training.development import pool, split, split_together
from clirot.distillation.training.reading import reading_of
from clirot.distillation.training.sampling import LengthBucketedSampler, draws
from clirot.distillation.training.teacher_tokens import teacher_tokens
from clirot.distillation.transplantation import union_vocabulary
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_model
from clirot.errors import InputError, LanguageError, UnknownNameError, UsageError
from clirot.models import resolve
from clirot.records import LanguagePair, LanguagePairs, SentencePair
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.store import Store

_SO, _SW = LanguagePair("en", "so"), LanguagePair("en", "sw")


def test_languages_are_read_in_any_order_and_spelling() -> None:
    pairs = LanguagePairs.of("eng", "tgl,so,swh,so")
    assert pairs == LanguagePairs("en", ("so", "sw", "tl"))
    assert pairs.format() == str(pairs) == "en-so+sw+tl"
    assert pairs.pairs == (_SO, _SW, LanguagePair("en", "tl"))
    assert LanguagePairs.of("en", "so").format() == _SO.format()
    for wrong in ("so,", "so,en", "so;sw"):
        with pytest.raises(LanguageError):
            LanguagePairs.of("en", wrong)


@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
    st.floats(1, 100) | st.just(math.inf),
)
def test_an_epoch_has_the_shares_of_the_temperature(sizes: list[int], temperature: float) -> None:
    found = draws(sizes, temperature)
    assert sum(found) == sum(sizes)
    weights = [math.exp(math.log(size) / temperature) for size in sizes]
    for count, weight in zip(found, weights, strict=True):
        assert abs(count - sum(sizes) * weight / sum(weights)) < 1 + 1e-6


def test_known_shares() -> None:
    assert draws([900, 100], 1.0) == [900, 100]
    assert draws([900, 100], 2.0) == [750, 250]  # 30 to 10
    assert draws([900, 100], math.inf) == [500, 500]


def test_a_language_is_gone_through_before_a_sentence_returns() -> None:
    sizes, batch = [90, 10], 8
    lengths = np.random.default_rng(3).integers(1, 40, 100).tolist()

    def epoch(number: int) -> list[int]:
        sampler = LengthBucketedSampler(
            lengths, batch_size=batch, seed=5, sizes=sizes, temperature=2.0
        )
        sampler.set_epoch(number)
        batches = list(sampler)
        assert len(batches) == len(sampler) == 13
        return [row for one in batches for row in one]

    seen: Counter[int] = Counter()
    for number in range(7):
        rows = epoch(number)
        assert rows == epoch(number) != epoch(number + 1)
        assert sum(row < 90 for row in rows) == 75 and len(rows) == 100
        seen.update(rows)
        for language in (range(90), range(90, 100)):
            counts = [seen[row] for row in language]
            assert max(counts) - min(counts) <= 1


def test_at_temperature_one_every_pair_is_trained_on_once() -> None:
    sampler = LengthBucketedSampler(range(50), batch_size=7, seed=1, sizes=[30, 15, 5])
    assert sorted(row for batch in sampler for row in batch) == list(range(50))


def _shared_english(sizes: dict[str, tuple[int, int]]) -> dict[str, list[SentencePair]]:
    """Language -> pairs of the English sentences numbered from .. to."""
    return {
        language: [SentencePair(f"english {n}", f"{language} {n}") for n in range(*between)]
        for language, between in sizes.items()
    }


def test_no_language_trains_on_english_that_another_holds_out() -> None:
    """Two of a corpus with the same English, one larger, one apart."""
    bitexts = _shared_english(
        {"so": (0, 400), "sw": (0, 400), "tl": (200, 4000), "mr": (9000, 9500)}
    )
    parts = split_together(bitexts, development=60)
    held = {pair.src for part in parts.values() for pair in part.development}
    assert not held & {pair.src for part in parts.values() for pair in part.train}
    for language, part in parts.items():
        alone = split(bitexts[language], development=60)
        assert part.development == alone.development
        assert pool(part) == pool(alone)  # so its figure compares with that of a student of one
        assert Counter(part.train + part.development + part.aside) == Counter(bitexts[language])
    assert parts["so"].development[0].src == parts["sw"].development[0].src
    assert not parts["mr"].aside and parts["tl"].aside


def test_too_little_of_one_language_names_it() -> None:
    with pytest.raises(InputError, match="sw: too little bitext to train on: 12 pairs"):
        split_together(_shared_english({"so": (0, 80), "sw": (0, 12)}), development=10)


def test_tico_19_has_one_english_for_all_and_no_leak(mirror: Path) -> None:
    from clirot.bitext import load_bitext
    from clirot.bitext.acquisition import FetchConfig, fetch_bitext

    store, bitexts = Store(), {}
    for language in ("sw", "tl", "mr"):
        pair = LanguagePair("en", language)
        fetch_bitext(FetchConfig(pair=pair, sources=("tico-19",)), store=store).check()
        bitexts[language] = load_bitext(store, pair, ["tico-19"]).pairs
    parts = split_together(bitexts, development=300)
    held = [{pair.src for pair in part.development} for part in parts.values()]
    assert len(held[0] & held[1] & held[2]) > 250
    assert not set().union(*held) & {p.src for part in parts.values() for p in part.train}


def test_each_language_has_as_many_subwords_as_alone(tmp_path: Path) -> None:
    teacher = load_model(save_tiny_model(tmp_path / "teacher")).tokenizer
    generator = random.Random(2)

    def corpus(letters: str, count: int) -> list[str]:
        words = ["".join(generator.choices(letters, k=4)) for _ in range(60)]
        return [" ".join(generator.choices(words, k=6)) for _ in range(count)]

    large, small = corpus("कखगघच", 400), corpus("αβγδε", 20)
    both = union_vocabulary(teacher, [large, small], size=120, max_tokens=64)
    ours = both.tokenizer.get_vocab()
    for texts in (large, small):
        alone = union_vocabulary(teacher, [texts], size=120, max_tokens=64)
        assert set(alone.tokenizer.get_vocab()) <= set(ours)
        assert {alone.tokenizer.convert_ids_to_tokens(one) for one in alone.target_ids} <= {
            both.tokenizer.convert_ids_to_tokens(one) for one in both.target_ids
        }
    assert sorted(ours.values()) == list(range(both.size))


def test_a_shared_subword_is_translated_as_often_as_it_will_be_met() -> None:
    def table(rows: Sequence[Sequence[float]], evidence: Sequence[float]) -> TranslationTable:
        return TranslationTable(sparse.csr_matrix(np.array(rows)), np.array(evidence))

    one = table([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]], [3.0, 2.0, 0.0])
    other = table([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], [1.0, 0.0, 0.0])
    found = merged([one, other], [1.0, 1.0])
    assert found.probability.toarray() == pytest.approx(
        np.array([[0.75, 0.25], [0.5, 0.5], [0, 0]])
    )
    assert found.evidence.tolist() == [4.0, 2.0, 0.0]
    # Seen three times as often in training, the other weighs as much.
    evened = merged([one, other], [1.0, 3.0])
    assert evened.probability.toarray()[0] == pytest.approx(np.array([0.5, 0.5]))
    assert merged([one], [1.0]) is one


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The same English in both; the second language doubles every word's first letter."""
    so = save_bitext(tmp_path / "so.tsv")
    sw = tmp_path / "sw.tsv"
    rows = [line.split("\t") for line in so.read_text(encoding="utf-8").splitlines()[:80]]
    sw.write_text(
        "".join(
            f"{english}\t{' '.join(word[0] + word for word in english.split())}\t{name}\n"
            for english, _, name in rows
        ),
        encoding="utf-8",
    )
    return {"so": so, "sw": sw}


def _config(checkpoint: Path, bitext: dict[str, Path], **changes: object) -> DistillConfig:
    files = (Path(f"{language}={path}") for language, path in bitext.items())
    return tiny_config(checkpoint, *files, **({"pair": LanguagePairs.of("en", "sw,so")} | changes))


def test_a_student_of_two_languages(teacher: Path, files: dict[str, Path], tmp_path: Path) -> None:
    result = distill(_config(teacher, files))
    manifest = result.artefact.manifest
    assert result.name == "en-so+sw" and manifest.config["tgt"] == ["so", "sw"]
    assert [one.name.split(".")[0] for one in manifest.inputs[:2]] == ["en-so", "en-sw"]
    by_language = result.development_by_language
    assert list(by_language) == ["so", "sw"]
    assert result.development == pytest.approx(np.mean(list(by_language.values()), axis=0))
    figures = manifest.results["languages"]
    sentence = 0.5 / (2 * min(one["development_pairs"] for one in figures.values()))
    assert result.development[result.best_epoch] >= max(result.development) - sentence
    assert [one["drawn_an_epoch"] for one in figures.values()] == draws(
        [one["training_pairs"] for one in figures.values()], 2.0
    )
    for one in figures.values():
        assert one["training_pairs"] + one["development_pairs"] + one["set_aside"] == one["pairs"]
    card = (result.artefact.path / "README.md").read_text(encoding="utf-8")
    assert 'language: ["so", "sw"]' in card and "Somali and Swahili" in card
    assert f"| before training | {result.development[0]:.4f} | {by_language['so'][0]:.4f} |" in card

    ref = resolve(result.name, Store())
    assert ref.languages("query") == ("so", "sw") and ref.languages("document") == ("en",)
    collection = save_collection(
        tmp_path / "collection", files["so"], docs="en", topics=("so", "en"), count=20
    )
    (collection / "queries.so.tsv").rename(collection / "queries.sw.tsv")
    index = build_index(IndexConfig(model=result.name, collection=str(collection)))
    assert index.notes == ()
    ready = search(SearchConfig(index=index.name, collection=str(collection), lang="sw"))
    assert ready.notes == () and len(list(ready.rankings())) == 20
    (note,) = search(SearchConfig(index=index.name, collection=str(collection), lang="en")).notes
    assert note.endswith("expects queries in so or sw")

    shown = CliRunner().invoke(app, ["models", "show", result.name]).stdout
    assert "results.development_map_by_language.so" in shown
    assert "en-so+sw, teacher" in CliRunner().invoke(app, ["models", "list"]).stdout
    again = distill(_config(teacher, files))
    assert not again.fresh and again.artefact.digest == result.artefact.digest


def test_a_languages_figure_before_training_is_of_its_own_task(
    teacher: Path, files: dict[str, Path]
) -> None:
    """From another encoder the start does not depend on the languages: the same MAP as alone."""
    both = distill(_config(teacher, files, objective="none", student=str(teacher)))
    for language, path in files.items():
        alone = distill(
            _config(
                teacher,
                {language: path},
                pair=LanguagePair("en", language),
                objective="none",
                student=str(teacher),
            )
        )
        assert both.development_by_language[language] == pytest.approx(alone.development)
        assert alone.development_by_language == {language: alone.development}


def test_the_command_says_how_each_language_did(teacher: Path, files: dict[str, Path]) -> None:
    command = ["distill", "--src", "en", "--tgt", "swh,som", "--teacher", str(teacher)]
    command += ["--file", f"som={files['so']}", "--file", f"sw={files['sw']}"]
    command += ["--objective", "none", "--vocabulary", "200"]
    result = CliRunner().invoke(app, [*command, "--json"])
    document = json.loads(result.stdout)
    assert document["name"] == "en-so+sw.none"
    assert set(document["results"]["development_map_by_language"]) == {"so", "sw"}
    assert "of each language: so " in result.stderr
    found = DistillResult(Store().get("models", document["name"]), fresh=False)
    assert found.development == document["results"]["development_map"]


def test_a_file_must_say_which_of_several_languages_it_is_of(
    teacher: Path, files: dict[str, Path]
) -> None:
    with pytest.raises(UsageError, match="does not say which one it is of") as caught:
        _config(teacher, files, files=(files["so"],))
    assert caught.value.hint == f"`files=so={files['so']}`"
    one = _config(teacher, files, pair=_SO, files=(Path("so=a.tsv"), Path("b=c.tsv")))
    assert one.files_of(_SO) == (Path("a.tsv"), Path("b=c.tsv"))


@pytest.mark.filterwarnings("ignore::clirot.errors.BitextWarning")  # TICO-19's Somali is shifted
@pytest.mark.usefixtures("mirror")
def test_sources_named_for_all_are_taken_where_they_are(teacher: Path) -> None:
    from clirot.distillation.bitexts import bitexts_of
    from clirot.records import silent

    def names(*sources: str, tgt: str = "so,sw") -> dict[str, list[str]]:
        config = DistillConfig(
            pair=LanguagePairs.of("en", tgt), teacher=str(teacher), sources=sources
        )
        found = bitexts_of(config, Store(), silent)
        return {
            language: [one.name.partition(".")[2] for one in bitext.inputs]
            for language, bitext in found.items()
        }

    assert names("tico-19", "so=hornmt") == {"so": ["tico-19", "hornmt"], "sw": ["tico-19"]}
    assert names("hornmt", "sw=cldr") == {"so": ["hornmt"], "sw": ["cldr"]}
    # Nothing is named for Swahili: what the store has.
    assert names("so=hornmt") == {"so": ["hornmt"], "sw": ["cldr", "tico-19"]}
    with pytest.raises(UsageError, match="none of the sources that were named has en-sw bitext"):
        names("hornmt")
    with pytest.raises(UnknownNameError, match="hornmat"):
        names("hornmat")


def test_a_temperature_below_one_is_refused(teacher: Path, files: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="sampling_temperature"):
        _config(teacher, files, sampling_temperature=0.5)
    config = _config(teacher, files, pair=_SO, files=(files["so"],), sampling_temperature=5.0)
    assert "sampling_temperature" not in config.deciding() and config.deciding()["tgt"] == "so"


# With what a transport plan wants to know


def test_the_figures_of_the_plan_are_the_mean_over_languages(
    teacher: Path, files: dict[str, Path]
) -> None:
    """Before training, from another encoder: those of each language's student, averaged."""
    settings: dict[str, object] = {
        "student": str(teacher),
        "epochs": 1,
        "special_tokens": "drop",
        "marginals": "norm",
    }

    def figures(languages: dict[str, Path], **changes: object) -> dict[str, float]:
        result = distill(_config(teacher, languages, **settings, **changes))
        found: dict[str, float] = result.artefact.manifest.results["plan"][0]
        return found

    both = figures(files)
    alone = [
        figures({language: path}, pair=LanguagePair("en", language))
        for language, path in files.items()
    ]
    assert both.keys() == alone[0].keys() >= {"special_mass"}
    for name, value in both.items():
        assert value == pytest.approx(np.mean([one[name] for one in alone]), abs=1e-3), name


@pytest.mark.parametrize(
    "settings",
    [
        {"marginals": "idf", "lexical_prior": 0.2, "centring": "corpus"},
        {"mask_padding": 20, "special_tokens": "drop"},
        {"teacher_layer": 1, "centring": "whiten", "side": "document"},
    ],
    ids=str,
)
def test_two_languages_with_every_option(
    teacher: Path, files: dict[str, Path], settings: dict[str, object]
) -> None:
    result = distill(_config(teacher, files, epochs=1, **settings))
    manifest = result.artefact.manifest
    assert {name: manifest.config[name] for name in settings} == settings
    assert np.isfinite(manifest.results["loss"]).all()
    assert manifest.results["plan"][-1].keys() >= {"transport_cost", "special_mass"}
    assert not distill(_config(teacher, files, epochs=1, **settings)).fresh


def test_corpus_statistics_know_which_row_is_whose(teacher: Path, tmp_path: Path) -> None:
    """Two languages of the same English: pairs are counted, not rows; tables are by language."""
    encoder = MultiVectorTokenEncoder(load_model(teacher), side="document", name="t", digest="0")
    english, so, sw = ["a b", "c a", "d"], ["x y", "z x"], ["y q", "y", "q z"]
    tokens = teacher_tokens(reading_of(encoder), english, cache=tmp_path)
    rows = [0, 1, 1, 2, 0]

    def of(part: slice, sizes: list[int], **settings: object) -> CorpusStatistics:
        return corpus_statistics(
            PlanSettings(**settings),  # type: ignore[arg-type]
            encoder.model,
            Material(sentences=[*so, *sw][part], rows=rows[part], sizes=sizes, teacher=tokens),
            sides=("query",),
            teacher_tokenizer=encoder.model.tokenizer,
            translations=english,
        )

    def idf(part: slice, sizes: list[int]) -> CorpusStatistics:
        return of(part, sizes, marginals="idf")

    both, first, second = (idf(slice(None), [2, 3]), idf(slice(2), [2]), idf(slice(2, None), [3]))
    ids = [tokens.sentence(row).ids for row in rows]
    assert torch.equal(both.teacher_idf, idf_table(ids, len(encoder.model.tokenizer)))  # type: ignore[arg-type]
    x, y, z, q, unseen = encoder.model.tokenizer.convert_tokens_to_ids(["x", "y", "z", "q", "w"])
    found, one, other = both.student_idf, first.student_idf, second.student_idf
    assert found is not None and one is not None and other is not None
    assert found[x] == one[x] and found[q] == other[q]  # as it would be alone
    assert found[y] == min(one[y], other[y]) and found[z] == min(one[z], other[z])
    assert found[unseen] == max(one[unseen], other[unseen])

    lexicons = [
        of(part, sizes, lexical_prior=0.1).lexicon
        for part, sizes in ((slice(None), [2, 3]), (slice(2), [2]), (slice(2, None), [3]))
    ]
    every = torch.arange(len(encoder.model.tokenizer))[None]
    tables = [one.surprise(every, every) for one in lexicons if one is not None]
    assert torch.allclose(tables[0], torch.minimum(tables[1], tables[2]))

    mean = of(slice(None), [2, 3], centring="corpus").transform
    expected = np.concatenate([tokens[row] for row in rows]).mean(axis=0)
    assert mean is not None and np.allclose(mean.mean, expected, atol=1e-3)
