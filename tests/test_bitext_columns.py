"""What the columns of bitext hold, and which way round they stand, is told from their content."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from clirot.bitext.formats import LocalFile, read_local
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

EN_FI = LanguagePair("en", "fi")
ENGLISH = [
    "The house of my father is big",
    "She said that the river was full",
    "They have been there with you",
    "What would you do with this book",
    "His brother went from the town",
    "This is the road to their lake",
]
FINNISH = [
    "Isäni talo on suuri",
    "Hän sanoi että joki oli täynnä",
    "He ovat olleet siellä kanssasi",
    "Mitä tekisit tällä kirjalla",
    "Hänen veljensä lähti kaupungista",
    "Tämä on tie heidän järvelleen",
]
GERMAN = [
    "Das Haus meines Vaters ist groß",
    "Sie sagte dass der Fluss voll war",
    "Sie waren dort mit dir",
    "Was würdest du mit diesem Buch tun",
    "Sein Bruder ging aus der Stadt",
    "Das ist die Straße zu ihrem See",
]
RUSSIAN = [
    "Дом моего отца большой",
    "Она сказала что река полна",
    "Они были там с тобой",
    "Что бы ты сделал с этой книгой",
    "Его брат ушел из города",
    "Это дорога к их озеру",
]
SCORES = [f"1.0{9 - n}" for n in range(6)]
COUNTS = [str(n + 1) for n in range(6)]
ADDRESSES = [f"https://example.org/{n}" for n in range(6)]
RIGHT = list(zip(ENGLISH, FINNISH, strict=True))


def table(path: Path, *columns: list[str], head: str = "") -> Path:
    rows = zip(*columns, strict=True)
    path.write_text(head + "".join("\t".join(row) + "\n" for row in rows))
    return path


def read(what: Path | str, pair: LanguagePair = EN_FI) -> tuple[list[SentencePair], list[str]]:
    notes: list[str] = []
    return list(read_local(LocalFile.parse(what), pair, note=notes.append)), notes


def refused(what: Path | str, pair: LanguagePair = EN_FI) -> tuple[str, str]:
    """The message, without its directory, and the hint."""
    with pytest.raises(InputError) as caught:
        read(what, pair)
    message = caught.value.message.replace(f"{Path(str(what)).parent}/", "")
    return message, caught.value.hint or ""


@pytest.mark.parametrize(
    ("columns", "holds", "named"),
    [
        ((SCORES, ENGLISH, FINNISH), "column 1 holds numbers, columns 2 and 3 hold text", "2,3"),
        ((SCORES, FINNISH, ENGLISH), "column 1 holds numbers, columns 2 and 3 hold text", "3,2"),
        ((COUNTS, ENGLISH, FINNISH), "column 1 holds numbers, columns 2 and 3 hold text", "2,3"),
        ((ADDRESSES, ENGLISH, FINNISH), "column 1 holds web addresses, columns 2 and 3", "2,3"),
        ((ENGLISH, SCORES, FINNISH), "columns 1 and 3 hold text, column 2 holds numbers", "1,3"),
        ((COUNTS, ENGLISH, COUNTS, FINNISH), "columns 1 and 3 hold numbers, columns 2 and", "2,4"),
        ((ADDRESSES, ADDRESSES, ENGLISH, FINNISH, SCORES), "columns 3 and 4 hold text", "3,4"),
        ((ENGLISH, FINNISH, SCORES, SCORES, ADDRESSES), "columns 1 and 2 hold text", "1,2"),
        ((["eng_Latn"] * 6, ENGLISH, FINNISH), "column 1 holds labels, columns 2 and 3", "2,3"),
        ((FINNISH, ENGLISH), "by the words of English, 'fi' stands where 'en' should", "2,1"),
    ],
)
def test_columns_that_are_not_source_and_target_are_told_and_named(tmp_path, columns, holds, named):
    path = table(tmp_path / "x.tsv", *columns)
    message, hint = refused(path)
    assert message.startswith("x.tsv:1: ") and holds in message + hint
    assert f"PATH:{named} reads the columns of 'en' and 'fi'" in hint
    found, _ = read(f"{path}:{named}")
    assert [(one.src, one.tgt) for one in found] == RIGHT


def test_where_the_words_do_not_show_the_order_both_are_named(tmp_path):
    path = table(tmp_path / "x.tsv", SCORES[:2], ["Go on", "Sit down"], ["Jatka", "Istu alas"])
    message, hint = refused(path)
    assert message == (
        "x.tsv:1: not source TAB target TAB id: column 1 holds numbers, columns 2 and 3 hold text, "
        "as in '1.09\\tGo on\\tJatka'"
    )
    assert hint == (
        "PATH:2,3 reads 'en' from column 2 and 'fi' from column 3; "
        "write PATH:3,2 if they stand the other way round"
    )


def test_a_third_column_of_text_may_be_the_other_side(tmp_path):
    path = table(tmp_path / "x.tsv", ENGLISH, GERMAN, FINNISH)
    assert refused(path)[1] == "name the columns of 'en' and 'fi', for example PATH:1,2"
    by_script = table(tmp_path / "y.tsv", ENGLISH, FINNISH, RUSSIAN)
    pair = LanguagePair("en", "ru")
    assert refused(by_script, pair)[1] == "PATH:1,3 reads the columns of 'en' and 'ru'"


@pytest.mark.parametrize("first", [RUSSIAN, GERMAN])
def test_the_script_or_the_identifier_tells_other_pairs(tmp_path, first):
    pytest.importorskip("py3langid")
    pair = LanguagePair("fi", "ru" if first is RUSSIAN else "de")
    message, hint = refused(table(tmp_path / "x.tsv", first, FINNISH), pair)
    how = "scripts they are written in" if first is RUSSIAN else "language identifier"
    assert f"by the {how}, {pair.tgt!r} stands where 'fi' should" in message
    assert hint.startswith("PATH:2,1 reads")
    assert read(table(tmp_path / "y.tsv", FINNISH, first), pair)[1] == []


@pytest.mark.parametrize(
    ("third", "kind"), [(SCORES, "numbers"), (ADDRESSES, "web addresses"), (["a"] * 6, "labels")]
)
def test_a_third_column_that_holds_no_ids_is_not_read_and_that_is_said(tmp_path, third, kind):
    repeated = 4 if kind == "labels" else 1
    path = table(tmp_path / "x.tsv", *(one * repeated for one in (ENGLISH, FINNISH, third)))
    found, notes = read(path)
    assert [(one.src, one.tgt) for one in found] == RIGHT * repeated
    assert [one.id for one in found] == [str(one.place) for one in found]
    assert notes == [
        f"{path}: the third column holds {kind}, such as {third[0]!r}; "
        "it is not read, and ids are the numbers of the lines"
    ]


def test_ids_and_attributions_are_ids(tmp_path):
    keys, thanks = [f"a.b:key_{n}" for n in "abcdef"], [f"by us #{n} & #7" for n in range(6)]
    sections = ["1.1", "1.9", "1.10", "2.1", "10.1", "10.2"]
    for third in (COUNTS, keys, thanks, sections):
        found, notes = read(table(tmp_path / "x.tsv", ENGLISH, FINNISH, third))
        assert [one.id for one in found] == third and notes == []


def test_a_stray_tab_is_no_id_and_a_lost_one_no_sentence(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("the house\ttalo tuo\nred\thouse\ttalo on\nthe lake\tjärvi tuo\n")
    assert refused(path)[0].startswith("x.tsv:2: 3 columns: 'red")
    path.write_text("the house\ttalo tuo\tn1\nthe red house\tn2\nthe lake\tjärvi tuo\tn3\n")
    assert refused(path)[0].startswith("x.tsv:2: 2 columns: 'the red")
    path.write_text("1.1\tthe house\ttalo\n1.2\tred\thouse\ttalo\n1.3\tthe lake\tjärvi\n")
    assert refused(f"{path}:2,3")[0].endswith("x.tsv:2: 4 columns: '1.2\\tred\\thouse\\ttalo'")


def test_a_header_is_no_pair(tmp_path):
    path = table(tmp_path / "x.tsv", SCORES, ENGLISH, FINNISH, head="score\tenglish_a\tfinnish_b\n")
    message, _ = refused(path)
    assert (
        message == "x.tsv:1: the first line seems to be a header: 'score', 'english_a', 'finnish_b'"
    )
    found, notes = read(f"{path}:2,3")
    assert [(one.src, one.tgt) for one in found] == RIGHT
    assert "the first line is a header ('score', 'english_a', 'finnish_b')" in notes[0]
    assert read(f"{path}:english_a,finnish_b") == (found, [])
    path = table(tmp_path / "y.tsv", ENGLISH, FINNISH, head="source text\ttarget text\n")
    assert "'source text', 'target text'" in refused(path)[0]
    path = table(tmp_path / "z.tsv", FINNISH, ENGLISH, head="fi\ten\n")
    assert [(one.src, one.tgt) for one in read(path)[0]] == RIGHT
    message, hint = refused(f"{path}:1,2")
    assert message.endswith("z.tsv:1: by the first line, column 1 is 'fi' and column 2 is 'en'")
    assert hint == "PATH:2,1 reads 'en' first"


def test_a_header_after_empty_lines_and_text_without_one(tmp_path):
    path = table(tmp_path / "x.tsv", ENGLISH, FINNISH, head="\n\nen\tfi\n")
    found, _ = read(path)
    assert [(one.src, one.tgt) for one in found] == [("", ""), ("", ""), *RIGHT]


def test_lines_that_end_in_carriage_returns_alone(tmp_path):
    path = table(tmp_path / "x.tsv", ENGLISH, FINNISH)
    old_mac = path.read_bytes().replace(b"\n", b"\r")
    for charset in ("utf-8", "utf-16"):
        path.write_bytes(old_mac.decode().encode(charset))
        assert refused(path)[0] == (
            "x.tsv: its lines end in carriage returns alone, so that it is one line"
        )
    path.write_bytes(b"a b\tc d\ne f\tg h\ri j\tk l\nm n\to\rp\n")
    message, hint = refused(path)
    assert message.startswith("x.tsv:2: 3 columns") and "two rows" in hint


def test_named_sides_that_hold_something_else(tmp_path):
    pairs = zip(ENGLISH, FINNISH, strict=True)
    rows = [{"src": "en", "tgt": "fi", "en": one, "fi": other} for one, other in pairs]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert refused(path)[0] == "x.jsonl: the two sides hold the names of the languages only"
    assert [(one.src, one.tgt) for one in read(f"{path}:en,fi")[0]] == RIGHT
    path.write_text(
        "".join(json.dumps({"source": row["fi"], "target": row["en"]}) + "\n" for row in rows)
    )
    assert refused(path)[0].startswith("x.jsonl: by the words of English, 'fi' stands where 'en'")
    csv = tmp_path / "x.csv"
    csv.write_text("source,en,target\n" + "".join(f"{n},{n} a,{n}.5\n" for n in range(6)))
    assert refused(csv)[0] == "x.csv: the source side holds numbers only, such as '0'"


def test_what_the_user_named_is_read_and_what_contradicts_it_is_said(tmp_path):
    path = table(tmp_path / "x.tsv", FINNISH, ENGLISH)
    found, notes = read(f"{path}:1,2")
    assert [(one.tgt, one.src) for one in found] == RIGHT
    assert "'fi' stands where 'en' should" in notes[0]
    for name, texts in (("x.en", FINNISH), ("x.fi", ENGLISH)):
        (tmp_path / name).write_text("\n".join(texts))
    _, notes = read(f"{tmp_path}/x.en,{tmp_path}/x.fi")
    assert "'fi' stands where 'en' should" in notes[0]


def test_a_mined_file_in_an_archive(tmp_path):
    inside = table(tmp_path / "CCMatrix.tsv", SCORES, ENGLISH, FINNISH)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inside, "CCMatrix.tsv")
        archive.writestr("README", "r")
    assert refused(path)[0].startswith("a.zip/CCMatrix.tsv:1: not source TAB target")
    assert [(one.src, one.tgt) for one in read(f"{path}:2,3")[0]] == RIGHT
