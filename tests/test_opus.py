"""OPUS through answers of its API's shape and archives made like its own, all on localhost."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner
from upstream_server import Drop, Instead, Status, Upstreams, mirrored

from clirot.bitext import load_bitext, source_for
from clirot.bitext.acquisition import FetchConfig, FetchResult, fetch_bitext
from clirot.bitext.sources.opus import corpora, parse_opus
from clirot.cli import app
from clirot.download import transfer
from clirot.errors import (
    ArtefactError,
    DownloadError,
    InputError,
    PartlyDoneError,
    UnknownNameError,
    UsageError,
)
from clirot.records import LanguagePair, SentencePair
from clirot.store import Store

EN_SO = LanguagePair("en", "so")
FILES = "/object.pouta.csc.fi"


def entry(
    corpus: str, version: str = "v1", pair: str = "en-so", **other: object
) -> dict[str, object]:
    """An entry with the columns of the API, filled as it fills them."""
    source, target = pair.split("-")
    return {
        "alignment_pairs": 3,
        "corpus": corpus,
        "documents": "",
        "id": 665548,
        "latest": "True",
        "preprocessing": "moses",
        "size": 2,
        "source": source,
        "source_tokens": 12,
        "target": target,
        "target_tokens": 10,
        "url": f"https://object.pouta.csc.fi/OPUS-{corpus}/{version}/moses/{pair}.txt.zip",
        "version": version,
    } | other


def query(pair: str) -> str:
    source, target = pair.split("-")
    return f"/opus.nlpl.eu/opusapi/source={source}&target={target}&preprocessing=moses.json"


def answer(*entries: dict[str, object]) -> bytes:
    return json.dumps({"corpora": entries}).encode()


PAIRS = [("a house", "guri"), ("two\u2028lines", "laba sadar"), ("a tree", "geed")]


def archive(
    corpus: str = "WikiMatrix",
    pair: str = "en-so",
    rows: list[tuple[str, str]] = PAIRS,
    readme: str = "A corpus.\n",
) -> bytes:
    """An archive as OPUS makes them: licence, README, two texts and scores."""
    out = io.BytesIO()
    first, second = pair.split("-")
    texts = {
        "README": readme,
        "LICENSE": "Free.\n",
        f"{corpus}.{pair}.{first}": "".join(f"{one}\n" for one, _ in rows),
        f"{corpus}.{pair}.{second}": "".join(f"{other}\n" for _, other in rows),
        f"{corpus}.{pair}.scores": "1.0\n" * len(rows),
    }
    with zipfile.ZipFile(out, "w") as zipped:
        for name, text in texts.items():  # ZipInfo: of no date, so that it is always the same file
            zipped.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


@pytest.fixture
def opus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstreams]:
    """A mirror at an address, with one corpus of en-so."""
    held = Upstreams()
    held.files[query("en-so")] = answer(entry("WikiMatrix"))
    held.files[f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"] = archive()
    monkeypatch.setattr(transfer, "_PAUSES_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(transfer, "_PAUSES_UNREACHABLE_S", (0.0,))
    with mirrored(held, monkeypatch):
        yield held


def get(name: str, pair: LanguagePair = EN_SO) -> FetchResult:
    result = fetch_bitext(FetchConfig(pair=pair, sources=(name,)), store=Store())
    result.check()
    return result


def sentences(result: FetchResult) -> list[tuple[str, str]]:
    loaded = load_bitext(Store(), result.pair, result.sources)
    return [(one.src, one.tgt) for one in loaded.pairs]


def test_a_corpus_comes_in_its_latest_version(opus, home):
    result = get("opus:WikiMatrix")
    assert result.sources == ("opus-WikiMatrix-v1",)
    assert sentences(result) == [
        ("a house", "guri"),
        ("two lines", "laba sadar"),
        ("a tree", "geed"),
    ]
    manifest = result.fetched[0].artefact.manifest
    assert manifest.results["licence"] == "CC-BY-SA-4.0"
    assert manifest.results["homepage"] == "https://opus.nlpl.eu/WikiMatrix"
    assert manifest.config["revision"] == "v1 en-so"
    (file,) = manifest.inputs
    assert file.name == "https://object.pouta.csc.fi/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    assert file.digest == hashlib.sha256(archive()).hexdigest()


def test_what_arrived_first_is_written_down_in_the_format_of_sha256sum(opus, home):
    get("opus:WikiMatrix")
    digest = hashlib.sha256(archive()).hexdigest()
    place = "object.pouta.csc.fi/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    assert (home / "downloads.sha256").read_text() == f"{digest}  {place}\n"
    assert hashlib.sha256((home / "downloads" / place).read_bytes()).hexdigest() == digest


def test_a_second_time_nothing_is_asked_of_a_named_version(opus, home):
    get("opus:WikiMatrix@v1")
    opus.asked.clear()
    again = get("opus:WikiMatrix@v1")
    assert not again.fetched[0].fresh
    assert opus.asked == []


def test_a_file_that_changed_at_its_origin_is_refused_and_may_be_accepted(opus, home):
    get("opus:WikiMatrix@v1")
    shutil.rmtree(home / "downloads")
    shutil.rmtree(home / "bitext")
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    first, opus.files[place] = opus.files[place], archive(rows=PAIRS[:2])
    with pytest.raises(DownloadError) as caught:
        get("opus:WikiMatrix@v1")
    message = str(caught.value)
    assert "is not the file that arrived the first time" in message
    assert hashlib.sha256(first).hexdigest() in message
    assert hashlib.sha256(opus.files[place]).hexdigest() in message
    assert "downloads.sha256" in message
    (home / "downloads.sha256").unlink()
    assert len(sentences(get("opus:WikiMatrix@v1"))) == 2


def test_the_digest_may_be_given_to_reproduce_exactly(opus, home):
    digest = hashlib.sha256(archive()).hexdigest()
    result = get(f"opus:WikiMatrix@v1#sha256={digest}")
    assert result.sources == ("opus-WikiMatrix-v1",)
    assert not get("opus:WikiMatrix@v1").fetched[0].fresh
    other = f"opus:WikiMatrix@v1#sha256={'0' * 64}"
    with pytest.raises(ArtefactError, match=r"made from something else: url .* has changed"):
        get(other)
    shutil.rmtree(home)
    with pytest.raises(DownloadError, match=f"not the pinned file: expected sha256 {'0' * 64}"):
        get(other)


def test_pairs_without_english_and_in_either_direction(opus, home):
    place = f"{FILES}/OPUS-TED2020/v1/moses/fr-sw.txt.zip"
    opus.files[place] = archive("TED2020", "fr-sw", [("maison", "nyumba"), ("arbre", "mti")])
    opus.files[query("fr-sw")] = answer(entry("TED2020", pair="fr-sw"))
    assert sentences(get("opus:TED2020", LanguagePair("fr", "sw"))) == [
        ("maison", "nyumba"),
        ("arbre", "mti"),
    ]
    assert sentences(get("opus:TED2020", LanguagePair("sw", "fr"))) == [
        ("nyumba", "maison"),
        ("mti", "arbre"),
    ]
    assert opus.paths().count(place) == 1


def test_what_the_api_answers_is_read_with_its_quirks(opus, home):
    strict = entry("EUbookshop", "v2")
    strict["url"] = str(strict["url"]).replace("en-so.txt", "en-so.strict.txt")
    opus.files[query("en-so")] = answer(
        entry("Tatoeba", "v2022-03-03", latest="False", alignment_pairs=1),
        entry("NLLB", alignment_pairs="10187", size="1500"),
        strict,
        entry("EUbookshop", "v2", documents=740, alignment_pairs=50),
        entry("QED", "v2.0a", alignment_pairs="", size=0),
        entry("GNOME", preprocessing="xml"),
        entry("Tatoeba", "v2023-04-12", alignment_pairs=120),
    )
    found, stale = corpora(EN_SO, home=home)
    assert stale is None
    assert [(one.given, one.pairs, one.size) for one in found] == [
        ("opus:NLLB@v1:en-so", 10187, 1500 * 1024),
        ("opus:Tatoeba@v2023-04-12:en-so", 120, 2048),
        ("opus:EUbookshop@v2:en-so", 50, 2048),
        ("opus:QED@v2.0a:en-so", None, None),
    ]
    latest = source_for("opus:Tatoeba", EN_SO).resolved(EN_SO, home=home, progress=lambda _: None)
    assert latest.name == "opus-Tatoeba-v2023-04-12"
    older = source_for("opus:Tatoeba@v2022-03-03", EN_SO)
    assert older.resolved(EN_SO, home=home, progress=lambda _: None).count(EN_SO) == 1


def test_opus_spells_some_languages_in_several_ways(opus, home):
    pair = LanguagePair("en", "zh")
    opus.files[query("en-zh")] = answer(entry("WikiMatrix", pair="en-zh"))
    opus.files[query("en-zh_cn")] = answer(entry("TED2020", pair="en-zh_cn"))
    opus.files[query("en-zh_CN")] = answer()
    found, _ = corpora(pair, home=home)
    assert {one.given for one in found} == {"opus:WikiMatrix@v1:en-zh", "opus:TED2020@v1:en-zh_cn"}
    place = f"{FILES}/OPUS-TED2020/v1/moses/en-zh_cn.txt.zip"
    opus.files[place] = archive("TED2020", "en-zh_cn", [("house", "房子")])
    result = get("opus:TED2020", pair)
    assert result.sources == ("opus-TED2020-v1.en-zh_cn",)
    assert sentences(result) == [("house", "房子")]
    assert sentences(get("opus:TED2020@v1:en-zh_cn", LanguagePair("zh", "en"))) == [
        ("房子", "house")
    ]
    with pytest.raises(UsageError, match="is not en-so bitext"):
        get("opus:TED2020@v1:en-zh_cn")


def test_where_the_api_does_not_answer(opus, home):
    opus.everywhere = lambda path, _: Status(503) if "opusapi" in path else None
    with pytest.raises(DownloadError) as caught:
        get("opus:WikiMatrix")
    assert "which version of opus:WikiMatrix is the latest?" in str(caught.value)
    assert "opus:WikiMatrix@v1 for example, which needs no answer" in str(caught.value)
    assert sentences(get("opus:WikiMatrix@v1"))[0] == ("a house", "guri")


def test_its_last_answer_is_used_where_it_does_not_answer_again(opus, home, monkeypatch):
    assert corpora(EN_SO, home=home)[1] is None
    opus.everywhere = lambda path, _: Status(503)
    found, stale = corpora(EN_SO, home=home)
    assert [one.corpus for one in found] == ["WikiMatrix"]
    assert stale is not None and "HTTP 503" in stale and "this is its answer of 20" in stale
    monkeypatch.delenv("CLIROT_MIRROR")
    monkeypatch.setenv("CLIROT_OFFLINE", "1")
    found, stale = corpora(EN_SO, home=home)
    assert [one.corpus for one in found] == ["WikiMatrix"]
    assert stale is not None and "CLIROT_OFFLINE forbids the network" in stale


def test_downloads_of_one_machine_are_a_mirror_for_another(opus, home, tmp_path, monkeypatch):
    get("opus:WikiMatrix")
    mirror = tmp_path / "mirror"
    shutil.copytree(home / "downloads", mirror)
    shutil.rmtree(home)
    monkeypatch.setenv("CLIROT_MIRROR", str(mirror))
    monkeypatch.setenv("CLIROT_OFFLINE", "1")
    opus.asked.clear()
    assert len(sentences(get("opus:WikiMatrix"))) == 3
    assert opus.asked == []


def test_the_query_is_in_the_address_where_no_mirror_replaces_it(opus, home, monkeypatch):
    monkeypatch.delenv("CLIROT_MIRROR")
    monkeypatch.setattr("clirot.bitext.sources.opus.API", f"{opus.address}/opusapi/")
    opus.files["/opusapi/?source=en&target=so&preprocessing=moses"] = answer(entry("NLLB"))
    assert [one.corpus for one in corpora(LanguagePair("so", "en"), home=home)[0]] == ["NLLB"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"<html>please log in</html>", "did not answer in JSON: b'<html>"),
        (b'{"corpora": "none"}', "no list of corpora"),
        (b'[{"corpus": "X"}]', "no list of corpora"),
        (b'{"corpora": [{"corpus": "X"}]}', "an entry without 'version'"),
        (b'{"corpora": ["X"]}', "an entry without"),
    ],
)
def test_an_answer_that_is_none(opus, home, content, match):
    opus.files[query("en-so")] = content
    with pytest.raises(DownloadError, match=match):
        corpora(EN_SO, home=home)


def test_a_corpus_or_a_version_that_opus_has_not(opus, home):
    with pytest.raises(UnknownNameError, match="did you mean 'WikiMatrix'"):
        get("opus:Wikimatrix")
    with pytest.raises(UsageError, match="no version v9 of WikiMatrix for en-so") as caught:
        get("opus:WikiMatrix@v9")
    assert caught.value.hint == "it has v1"


@pytest.mark.parametrize(
    "name", ["opus:", "opus:a/b", "opus:X@", "opus:X#sha256=12", "opus:X@v1:en", "opus:../x"]
)
def test_a_name_that_is_none(name):
    with pytest.raises(UsageError, match="not a corpus of OPUS"):
        parse_opus(name)


def test_names_are_read_and_written():
    digest = "ab" * 32
    one = parse_opus(f"opus:NLLB@v1:so-en#sha256={digest}")
    assert (one.corpus, one.version, one.spelling, one.sha256) == (
        "NLLB",
        "v1",
        ("en", "so"),
        digest,
    )
    assert one.given == "opus:NLLB@v1:en-so"
    assert parse_opus("opus:NLLB@latest") == parse_opus("opus:NLLB")


# What must not be trusted on first use


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"<!DOCTYPE html><title>log in</title>", "is not a zip archive"),
        (archive()[:-60], "is not a zip archive"),
        (b"", "is not a zip archive"),
    ],
)
def test_a_page_or_half_an_archive_is_not_trusted(opus, home, content, match):
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    opus.files[place] = content
    with pytest.raises(DownloadError, match=match):
        get("opus:WikiMatrix")
    assert not (home / "downloads.sha256").exists()
    opus.files[place] = archive()
    assert len(sentences(get("opus:WikiMatrix"))) == 3


def large() -> bytes:
    """An archive of half a megabyte by its README, which packs badly."""
    hashes = (hashlib.sha256(f"{one}".encode()).hexdigest() for one in range(15_000))
    return archive(readme="\n".join(hashes))


def test_a_broken_download_without_a_digest_is_continued_if_the_file_is_the_same(opus, home):
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    opus.files[place] = large()
    opus.faults[place] = [Drop(200_000), Drop(100_000)]
    assert len(sentences(get("opus:WikiMatrix@v1"))) == len(PAIRS)
    ranges = [range_ for method, path, range_ in opus.asked if method == "GET" and path == place]
    assert ranges == [None, "bytes=200000-", "bytes=300000-"]


def test_pieces_of_two_files_are_not_glued_together(opus, home):
    """Without a digest nothing else would notice: the file changes while it is fetched."""
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    newer = large()
    opus.files[place] = newer
    older = bytearray(newer)
    older[1000] ^= 1
    opus.faults[place] = [Drop(300_000)]
    opus.files[place] = bytes(older)

    def switch(path: str, before: int) -> None:
        if path == place and before >= 1:
            opus.files[place] = newer

    opus.everywhere = switch
    get("opus:WikiMatrix@v1")
    kept = home / "downloads" / place.removeprefix("/")
    assert kept.read_bytes() == newer


def test_without_a_validator_a_broken_download_starts_over(opus, home):
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    opus.validators = False
    opus.files[place] = large()
    opus.faults[place] = [Drop(200_000)]
    get("opus:WikiMatrix@v1")
    ranges = [range_ for method, path, range_ in opus.asked if method == "GET" and path == place]
    assert ranges == [None, None]


# Archives


def test_only_a_line_feed_ends_a_line(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(archive())
    assert list(source_for("opus:X@v1:en-so", EN_SO).read(LanguagePair("so", "en"), [path])) == [
        SentencePair(so, en, str(number)) for number, (en, so) in enumerate(PAIRS, start=1)
    ]


def members(path: Path, **content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in content.items():
            zipped.writestr(name.replace("_", "."), data)
    return path


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"X_en-so_en": b"a\nb\n", "X_en-so_so": b"a\n"}, r"\.en: 2 lines, but .*\.so has 1"),
        ({"X_en-so_en": b"a\n", "X_en-so_so": b"a\nb\nc\n"}, r"\.en: 1 lines, .*\.so has 3"),
        ({"X_en-so_en": b"a\n"}, "0 files ending in .en-so.so"),
        ({"X_en-so_en": b"a\n", "X_en-so_so": b"a\n", "Y_en-so_so": b"b\n"}, "2 files ending in"),
        ({"X_en-so_en": b"a\n\xff\n", "X_en-so_so": b"a\nb\n"}, "not UTF-8: byte 0xff at column 1"),
    ],
)
def test_archives_that_are_not_bitext(tmp_path, content, match):
    path = members(tmp_path / "a.zip", **content)
    with pytest.raises(InputError, match=match):
        list(source_for("opus:X@v1:en-so", EN_SO).read(EN_SO, [path]))


def test_an_archive_in_the_large_format(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for language in ("en", "so"):
            with zipped.open(
                zipfile.ZipInfo(f"NLLB.en-so.{language}"), "w", force_zip64=True
            ) as member:
                member.write(f"{language}\n".encode())
    assert list(source_for("opus:X@v1:en-so", EN_SO).read(EN_SO, [path])) == [
        SentencePair("en", "so", "1")
    ]


def test_room_for_the_text_is_looked_for_before_an_archive_is_read(opus, home, monkeypatch):
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    opus.files[place] = archive(rows=[("the same sentence", "isla weedh") for _ in range(50_000)])
    text = 50_000 * len("the same sentence\nisla weedh\n")
    packed = len(opus.files[place])
    assert packed < text // 50
    usage = shutil.disk_usage("/")._replace(free=(64 << 20) + packed)
    monkeypatch.setattr("clirot.download.transfer.shutil.disk_usage", lambda _: usage)
    with pytest.raises(DownloadError) as caught:
        get("opus:WikiMatrix@v1")
    assert caught.value.message.startswith(
        "the text of opus:WikiMatrix@v1:en-so needs 1.4 MB, and 67 MB are free"
    )
    assert (home / "downloads" / place.removeprefix("/")).is_file()


# The command


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["fetch-bitext", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_list_has_what_opus_has(opus, home):
    code, out, err = run("--src", "en", "--tgt", "so", "--list")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "sources of en-so bitext"
    assert "hornmt news of the Horn of Africa 2,030 666 kB news CC-BY-4.0 yes" in lines
    assert (
        "opus:WikiMatrix@v1:en-so OPUS WikiMatrix v1 3 2.0 kB encyclopaedia, mined CC-BY-SA-4.0 no"
        in lines
    )


def test_the_list_without_opus_says_so_on_stderr(opus, home):
    code, out, err = run("--tgt", "so", "--list", "--offline")
    assert code == 0 and "hornmt" in out and "opus:" not in out
    assert err.startswith("OPUS's corpora are not listed: ")
    assert "--offline forbids the network" in err and opus.asked == []


def test_the_list_as_json(opus, home):
    code, out, _ = run("--tgt", "so", "--list", "--json")
    assert code == 0
    (one,) = [row for row in json.loads(out) if row["source"].startswith("opus:")]
    assert one["pairs"] == 3 and one["recommended"] is False
    assert one["urls"] == ["https://object.pouta.csc.fi/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"]


def test_a_dry_run_says_what_would_come_and_fetches_nothing(opus, home):
    arguments = ("--tgt", "so", "--source", "opus:WikiMatrix@v1", "--dry-run")
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    url = "https://object.pouta.csc.fi/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    assert url in out and "to download" in out
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    assert place not in opus.paths()
    assert not (home / "bitext").exists() and not (home / "downloads.sha256").exists()
    plan = json.loads(run(*arguments, "--json")[1])
    size = len(archive())
    assert plan["bytes_to_download"] == size and plan["bytes_of_disk"] == 4 * size
    assert plan["sources"][0]["files"] == [
        {"url": url, "bytes": size, "bytes_here": 0, "whole": False}
    ]
    get("opus:WikiMatrix@v1")
    again = json.loads(run(*arguments, "--json")[1])
    assert again["bytes_to_download"] == 0 and again["bytes_of_disk"] == 0
    assert again["sources"][0]["stored"] is True


def test_a_dry_run_of_what_is_not_there(opus, home):
    with pytest.raises(UnknownNameError, match="did you mean"):
        run("--tgt", "so", "--source", "opus:Wikimatrix", "--dry-run")
    with pytest.raises(PartlyDoneError, match="1 of 2 sources could not be looked up:\n  opus:Wik"):
        run(*("--tgt", "so", "--source", "opus:Wikimatrix", "--source", "cldr", "--dry-run"))


def test_a_student_may_be_made_of_a_corpus_without_a_version(opus, home):
    """The bitext has another name in the store than the one it was asked for under."""
    from clirot.distillation import DistillConfig
    from clirot.distillation.bitexts import bitexts_of

    config = DistillConfig(pair=EN_SO, sources=("opus:WikiMatrix", "cldr"))
    for _ in range(2):  # fetched, then found
        bitext = bitexts_of(config, Store(), lambda _: None)["so"]
        assert [one.name for one in bitext.inputs] == ["en-so.opus-WikiMatrix-v1", "en-so.cldr"]


def test_two_names_of_one_version_are_one_source(opus, home):
    names = ("opus:WikiMatrix", "cldr", "opus:WikiMatrix@v1")
    result = fetch_bitext(FetchConfig(pair=EN_SO, sources=names))
    assert result.sources == ("opus-WikiMatrix-v1", "cldr")
    assert result.kept == sum(one.kept for one in result.fetched) and len(result.fetched) == 2
    assert result.settled == dict(zip(names, (*result.sources, "opus-WikiMatrix-v1"), strict=True))


@pytest.mark.parametrize("url", ["file:///etc/en-so.txt.zip", "https://../OPUS/en-so.txt.zip"])
def test_the_api_cannot_make_us_write_elsewhere(opus, home, url):
    opus.files[query("en-so")] = answer(entry("WikiMatrix", url=url))
    with pytest.raises(DownloadError, match="as OPUS does: not an address of a file"):
        corpora(EN_SO, home=home)
    opus.files[query("en-so")] = answer(entry("../x"), entry("X", version="../y"))
    assert corpora(EN_SO, home=home)[0] == []


def test_one_spelling_that_gets_no_answer_does_not_hide_the_others(opus, home):
    opus.files[query("en-zh")] = answer(entry("WikiMatrix", pair="en-zh"))
    opus.files[query("en-zh_cn")] = answer(entry("TED2020", pair="en-zh_cn"))
    found, problem = corpora(LanguagePair("en", "zh"), home=home)
    assert {one.corpus for one in found} == {"WikiMatrix", "TED2020"}
    assert problem is not None and "en&target=zh_CN" in problem and "HTTP 404" in problem


def test_a_file_that_is_another_than_the_api_said_is_told_by_its_digest_only(opus, home):
    """The API gives sizes to a kilobyte, and some are placeholders: they decide nothing."""
    place = f"{FILES}/OPUS-WikiMatrix/v1/moses/en-so.txt.zip"
    opus.faults[place] = [Instead(archive(rows=PAIRS * 100))]
    assert get("opus:WikiMatrix").fetched[0].read == 300
