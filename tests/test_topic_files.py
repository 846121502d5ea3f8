"""Files of topics as campaigns and benchmarks publish them: read as they are meant, or refused.

The examples are made up, in the form of the campaigns. The property tests write topics in each
format, with what files have in practice (a byte order mark, CRLF, decomposed accents, unclosed
tags, markup), and what was written is what must be read.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clirot.collection.topics import FIELDS, read_topic_file, read_topics
from clirot.errors import ClirotError, InputError, ReadingNotice, UnknownNameError, UsageError
from clirot.records import Topic

Rows = list[tuple[str, str]]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[Rows, str | None]]:
    """What is read from a text: ids and texts, and the language."""

    def reading(text: str, *given: str, **named: str) -> tuple[Rows, str | None]:
        path = tmp_path / "topics"
        path.write_text(text, encoding="utf-8")
        found = read_topic_file(path, *given, **named)
        return [(one.id, one.text) for one in found.topics], found.language

    return reading


OLD_TREC = """<top>
<head> Tipster Topic Description
<num> Number:  051
<dom> Domain:  Economics
<title> Topic:  Camel
  trade

<desc> Description:
Sales of R&D in AT&T &amp; co.
<smry> Summary:
Not read.
<narr> Narrative:
Any report.
<con> Concept(s):
1. camel
<fac> Factor(s):
<nat> Nationality: any
</fac>
<def> Definition(s):
</top>
"""
NEUCLIR = (
    '{"topic_id": "7", "languages_with_qrels": ["zho"], "topics": ['
    '{"lang": "eng", "source": "original", "topic_title": "Salt", "topic_description": "On salt."},'
    '{"lang": "fas", "source": "mt", "topic_title": "namak mt", "topic_description": "x"},'
    '{"lang": "fas", "source": "human translation", "topic_title": "namak",'
    ' "topic_narrative": "n"}], "narratives": {"eng": {}}}\n'
    '{"topic_id": "8", "topics": [{"lang": "eng", "source": "original", "topic_title": "Rain"}]}\n'
)
CLEF_2008 = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<topics>\n<topic lang="en">\n'
    "<identifier>10.9/401-ZZ</identifier>\n<title>Salt trade</title>\n<description>d</description>"
    "</topic>\n</topics>\n"
)


@pytest.mark.parametrize(
    "text, rows, language",
    [
        (OLD_TREC, [("051", "Camel trade")], None),
        ("<TOP>\n<NUM>1\n<TITLE>abc\n<DESC>d\n</TOP>", [("1", "abc")], None),
        (
            "<topics>\n<top lang='hi'>\n<num>126</num>\n<title>R&D</title><desc>d</desc>\n"
            "</top></topics>",
            [("126", "R&D")],
            "hi",
        ),
        (
            "<top>\n<num> C941 </num>\n<EN-title> Salt </EN-title>\n<EN-desc>D.</EN-desc>\n</top>",
            [("C941", "Salt")],
            "en",
        ),
        (CLEF_2008, [("10.9/401-ZZ", "Salt trade")], "en"),
        (
            "<TOPIC>\n<NUM>013</NUM>\n<SLANG>EN</SLANG><TLANG>CH</TLANG>\n<TITLE>yan</TITLE>\n"
            "<CONC>a, b</CONC></TOPIC>",
            [("013", "yan")],
            "zh",  # in ISO 639-1 "ch" is Chamorro
        ),
        (
            '<topics><topic number="1"><query>salt</query><question>y</question></topic></topics>',
            [("1", "salt")],
            None,
        ),
        (
            "<topics><topic><number>9</number><query>salt</query><description>d</description>"
            "</topic></topics>",
            [("9", "salt")],
            None,
        ),
        (
            '<topics task="x">\n<topic number="1">\nA man with\na cough.\n</topic></topics>',
            [("1", "A man with a cough.")],
            None,
        ),
        (
            '<web>\n<topic number="2" type="faceted">\n<query>salt</query>\n<description>d'
            '</description>\n<subtopic number="1" type="inf">s</subtopic></topic></web>',
            [("2", "salt")],
            None,
        ),
        (
            "<queries><query><id>q1</id><title>nose</title></query></queries>",
            [("q1", "nose")],
            None,
        ),
        (
            "<topics><topic number='1'><title><![CDATA[a <b>x</b> &amp; c]]><!-- no --></title>"
            "</topic></topics>",
            [("1", "a <b>x</b> &amp; c")],
            None,
        ),
        (
            '<?xml version="1.0"?>\n<!-- a --><!-- <top> -->\n<!DOCTYPE t SYSTEM "t.dtd" ['
            "<!ELEMENT t ANY>]>\n<t><topic number='1'><title>salt</title></topic></t>",
            [("1", "salt")],
            None,
        ),
        ("q1\tsalt\nq2\train\n", [("q1", "salt"), ("q2", "rain")], None),
        ("qid\tquery\nq1\tsalt\n", [("q1", "salt")], None),
        ("text\tid\nsalt and rain\tq1\n", [("q1", "salt and rain")], None),
        ('{"_id": "q1", "text": "salt", "metadata": {"a": 1}}\n', [("q1", "salt")], None),
        ('[\n{"id": 1, "text": "a"},\n{"id": 2, "query": "b"}\n]', [("1", "a"), ("2", "b")], None),
        ('{\n "id": 1,\n "text": "a"\n}', [("1", "a")], None),
    ],
)
def test_what_is_read(
    read: Callable[..., tuple[Rows, str | None]], text: str, rows: Rows, language: str | None
) -> None:
    assert read(text) == (rows, language)


@pytest.mark.parametrize(
    "written, meant",
    [
        ("Camel <b>Trade</b>", "Camel Trade"),
        ("The <i>Titanic</i> wreck", "The Titanic wreck"),
        ("pH <7 and acid> rain in lakes", "pH <7 and acid> rain in lakes"),
        ("List<String> and Map<K, V>", "List<String> and Map<K, V>"),
        ("is x<y>z <b and c> so", "is x<y>z <b and c> so"),
        ("H<sub>2</sub>O<br/>and <font color='red'>more</font>", "H2O and more"),
        ("&lt;b&gt; &eacute;&#233; &copy 5 &foo; AT&T", "<b> \u00e9\u00e9 &copy 5 &foo; AT&T"),
        ("a </foo> b <unknown> c", "a </foo> b <unknown> c"),
    ],
)
@pytest.mark.parametrize("close", ["", "</title>"])
def test_markup_in_a_title(
    read: Callable[..., tuple[Rows, str | None]], written: str, meant: str, close: str
) -> None:
    """Only the fields that topics have end a field: nothing of a title is lost."""
    text = f"<top>\n<num> Number: 51\n<title> Topic: {written}{close}\n<desc> x\n</top>\n"
    assert read(text)[0] == [("51", meant)]


@pytest.mark.parametrize(
    "text, said",
    [
        ("<top><num>1</num><title>a</desc> b</top>", ":1: </desc> closes nothing"),
        (
            "<topic number='1'>\n<title>HTML <desc> tag</title></topic>",
            ":2: </title> closes nothing",
        ),
        ("<topic number='1'><title>a <!-- b</title></topic>", ":1: what begins with <!-- has no"),
        ("<topic number='1'><title><![CDATA[a</title></topic>", "has no ]]>"),
        (
            '<!DOCTYPE t [<!ENTITY a "aa">]>\n<topics><topic number="1"><title>&a;</title></topic>',
            ":1: declares entities",
        ),
        ("<topics>\n<topic><title>a</title></topic></topics>", ":2: a topic without an id"),
        ("<topics><topic number='1'/></topics>", "without anything in it"),
        ("<topic number='1'><title> </title></topic>", "topic '1' has no text"),
        ("<topic number='1'><disease>d</disease></topic>", "without <title>; it has disease"),
        ("<topic number='1'><title>a</title><title>b</title></topic>", "a second <title>"),
        ("<top><num>1<num>2<title>a</top>", "a second <num>"),
        ("</top>\n<top><num>1<title>a</top>", ":1: </top> closes nothing"),
        ("<top><num>1<title>a</title> b<desc>c</top>", "topic '1' has text in no field: 'b'"),
        ("qid\tquery\n1\ta\nqid\tquery\n2\tb\n", ":3: the header line once more"),
        ("q1\ta\n\ufeffq2\tb\n", ":2: the id of a topic holds a byte order mark"),
        ("<DOC><DOCNO>1</DOCNO></DOC>", "it holds documents, not topics"),
        ("<rss><channel/></rss>", "no topics in it: its first element is <rss>"),
        ("< no element", "no topics in it: no element in it"),
        ("1:salt\n2:rain\n", "it seems to be TREC's NUMBER:TEXT, which is not read"),
        ("qid,query\n1,salt\n", "it seems to be a table with commas (CSV), which is not read"),
        ("1\ta\tb\n", ":1: 3 columns where id TAB text was expected"),
        ("qid\tquery\tscore\n1\ta\t2\n", "what the column 'score' holds is not known"),
        ("query_id\tSomali\n1\ta\n", "what the column 'somali' holds is not known"),
        ("id\ttitle\ttext\n1\ta\tb\n", "names two columns of one kind"),
        ('"id"\t"text"\n"1"\t"a"\n', "in quotation marks"),
        ("qid\tquery\n", "there is only a header line"),
        ("qid\tdescription\n1\ta\n", "a topic without title"),
        ('{"version": "1", "data": []}', "it seems to be a file of SQuAD's form"),
        ('[{"number": 1, "turn": []}]', "it seems to be a conversation of TREC CAsT"),
        ("[1, 2]", "element 1 of the list is not an object: '1'"),
        ('{"id": 1, "text": "a"\n{"id": 2, "text": "b"}', ":1: not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ('{"topic_id": "1", "topics": [{"topic_title": "a"}]}', "element 1 of 'topics' has no"),
        ("[]", "no topics"),
    ],
)
def test_what_is_refused(
    read: Callable[..., tuple[Rows, str | None]], text: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert said in caught.value.message


@pytest.mark.parametrize(
    "text",
    ["<!-- -->" * 20_000, "<!doctype [" * 20_000, "<a b='" * 20_000, "<top>" + " <x" * 20_000],
)
def test_what_is_made_to_take_long_does_not(
    read: Callable[..., tuple[Rows, str | None]], text: str
) -> None:
    """With a search that begins anew at every sign, each of these would take minutes."""
    with pytest.raises(InputError):
        read(text)


def test_a_language_is_chosen_and_held_to_what_the_file_states(
    read: Callable[..., tuple[Rows, str | None]],
) -> None:
    assert read(NEUCLIR, "eng") == ([("7", "Salt"), ("8", "Rain")], "en")
    with pytest.raises(UsageError, match="in several languages: which one") as caught:
        read(NEUCLIR)
    assert caught.value.hint == "choose one with `lang`: en, fa"
    with pytest.raises(UsageError, match="no topics in 'ru': it has en, fa"):
        read(NEUCLIR, "rus")
    assert read(CLEF_2008, "eng")[1] == "en"
    with pytest.raises(UsageError, match="no topics in 'fr': they are in 'en'"):
        read(CLEF_2008, "fr")
    assert read("q1\tsalt\n", "som") == ([("q1", "salt")], "so")  # the file does not say
    two = (
        "<topic number='1'><title xml:lang='en'>red</title><title xml:lang='de'>rot</title></topic>"
    )
    assert read(two, "de") == ([("1", "rot")], "de")
    trec = "<top><num>CL1<E-title> Topic: Red\n<G-title> Rot\n<G-desc> x\n</top>"
    assert read(trec, "de")[0] == [("CL1", "Rot")]
    assert read(trec, "de", field="title+description")[0] == [("CL1", "Rot x")]
    mixed = '{"id": 1, "text": "a", "lang": "en"}\n{"id": 2, "text": "b", "lang": "fr"}'
    with pytest.warns(ReadingNotice, match="in several languages, en, fr; all are taken"):
        found = read(mixed)
    assert found == ([("1", "a"), ("2", "b")], None)


def test_people_come_before_machines_and_that_is_said(
    read: Callable[..., tuple[Rows, str | None]],
) -> None:
    with pytest.warns(ReadingNotice) as said:
        found = read(NEUCLIR, "fas")
    assert found == ([("7", "namak")], "fa")
    messages = [str(one.message) for one in said]
    assert any("by 'human translation' are taken" in one and "'mt'" in one for one in messages)
    assert any("1 of 2 topics have no such wording in 'fa' and are left out: 8" in one
               for one in messages)  # fmt: skip
    assert read(NEUCLIR, "fas", variant="mt")[0] == [("7", "namak mt")]
    with pytest.raises(UnknownNameError, match="unknown variant") as caught:
        read(NEUCLIR, "fas", variant="nmt")
    assert "human translation, mt" in str(caught.value.hint)
    with pytest.raises(UsageError, match="one wording of each topic"):
        read("q1\tsalt\n", variant="mt")
    mixed = "".join(
        json.dumps({"topic_id": number, "topics": [{"lang": "fas", "source": source,
                                                    "topic_title": "a"}]}) + "\n"
        for number, source in enumerate(["human translation", "mt", "mt"])
    )  # fmt: skip
    with pytest.raises(UsageError, match="3 topics by several sources") as refused:
        read(mixed, "fas")
    assert "'human translation' (1 topics), 'mt' (2 topics)" in str(refused.value.hint)


def test_the_field_is_chosen(read: Callable[..., tuple[Rows, str | None]]) -> None:
    texts = {
        "title": "Camel trade",
        "description": "Sales of R&D in AT&T & co.",
        "narrative": "Any report.",
    }
    for field in FIELDS:
        meant = " ".join(texts[name] for name in field.split("+"))
        assert read(OLD_TREC, field=field)[0] == [("051", meant)]
    with pytest.raises(InputError, match=r"a topic without <narrative>; it has") as caught:
        read(NEUCLIR, "eng", field="narrative")
    assert "title, description" in str(caught.value.hint)
    with pytest.raises(UnknownNameError, match="unknown field of topics"):
        read(OLD_TREC, field="titel")
    assert read("id\ttitle\tdesc\n1\ta\tb\n", field="title+description")[0] == [("1", "a b")]


# ------------------------------------------------------------------------------------- properties

_PIECES = [
    *[(word, word) for word in ("salt", "r\u00e4gn", "roob", "\u96e8", "\u0646\u0645\u06a9", "7")],
    ("caf\u00e9", "caf\u00e9"),
    ("\u0928\u093c\u092f\u093e", unicodedata.normalize("NFC", "\u0928\u093c\u092f\u093e")),
]
"""As it is written, and as it is meant, in every format."""
_MARKED = [
    *_PIECES,
    *[(text, text) for text in ("<7", "a>b", "x<y>z", "AT&T", "&foo;", "</em-dash>", "<1>")],
    ("<b>b</b>", "b"), ("&lt;i&gt;", "<i>"), ("&#233;", "\u00e9"), ("a<br>b", "a b"),
]  # fmt: skip
_IDS = st.lists(
    st.text("abcABC0123456789-_.:", min_size=1, max_size=6).filter(
        lambda text: text.strip("-_.:") and not re.match(r"\d+:", text)
    ),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip


def _texts(pieces: list[tuple[str, str]]) -> st.SearchStrategy[list[tuple[str, str]]]:
    return st.lists(st.sampled_from(pieces), min_size=1, max_size=5)


@st.composite
def topics(draw: st.DrawFn, pieces: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Id, title as it is written, and as it is meant."""
    found = []
    for identifier in draw(_IDS):
        parts = draw(_texts(pieces))
        found.append((identifier, " ".join(a for a, _ in parts), " ".join(b for _, b in parts)))
    return found


def _tsv(rows: list[tuple[str, str, str]], header: bool) -> str:
    head = "query-id\ttext\n" if header else ""
    return head + "".join(f"{key} \t {text}  \n" for key, text, _ in rows)


def _json_lines(rows: list[tuple[str, str, str]], more: bool) -> str:
    extra = {"metadata": {"a": [1]}, "score": 2} if more else {}
    return "".join(json.dumps({"_id": key, "text": f"{text} ", **extra}, ensure_ascii=more) + "\n"
                   for key, text, _ in rows)  # fmt: skip


def _neuclir(rows: list[tuple[str, str, str]], more: bool) -> str:
    other = [{"lang": "eng", "source": "original", "topic_title": "wrong"}] * more
    return "".join(
        json.dumps({"topic_id": key,
                    "topics": [*other, {"lang": "fas", "source": "human translation",
                                        "topic_title": text, "topic_description": "wrong"}]}) + "\n"
        for key, text, _ in rows
    )  # fmt: skip


def _trec(rows: list[tuple[str, str, str]], closed: bool) -> str:
    def field(name: str, text: str) -> str:
        return f"<{name}> {text}" + (f" </{name}>" if closed else "") + "\n"

    return "\n".join(
        "<top>\n" + field("num", f"Number: {key}") + field("title", f"Topic: {text}")
        + field("desc", "Description:\nwrong <b>wrong</b>") + field("narr", "wrong") + "</top>\n"
        for key, text, _ in rows
    )  # fmt: skip


def _clef(rows: list[tuple[str, str, str]], both: bool) -> str:
    other = "<EN-title>wrong</EN-title>\n" * both
    return "\n".join(
        f"<top>\n<num>{key}</num>\n{other}<FA-title>{text}</FA-title>\n<FA-desc>wrong</FA-desc>\n"
        "</top>" for key, text, _ in rows
    )  # fmt: skip


def _xml(rows: list[tuple[str, str, str]], by_attribute: bool) -> str:
    def topic(key: str, text: str) -> str:
        number = f"<number>{key}</number>"
        start = f'<topic number="{key}">' if by_attribute else f"<topic>{number}"
        return f"{start}\n<query>{text}</query>\n<narrative>wrong</narrative>\n</topic>\n"

    return "<topics>\n" + "".join(topic(key, text) for key, text, _ in rows) + "</topics>\n"


def _ntcir(rows: list[tuple[str, str, str]], language: bool) -> str:
    said = "<SLANG>EN</SLANG><TLANG>FA</TLANG>" * language
    return "".join(f"<TOPIC>\n<NUM>{key}</NUM>{said}\n<TITLE>{text}</TITLE>\n</TOPIC>\n"
                   for key, text, _ in rows)  # fmt: skip


FORMATS: dict[str, tuple[Callable[[list[tuple[str, str, str]], bool], str], bool]] = {
    "tsv": (_tsv, False),
    "jsonl": (_json_lines, False),
    "neuclir": (_neuclir, False),
    "trec": (_trec, True),
    "clef": (_clef, True),
    "xml": (_xml, True),
    "ntcir": (_ntcir, True),
}
"""Format -> its writer, which has two ways, and whether its texts can hold markup."""
DRESS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "decomposed": lambda text: unicodedata.normalize("NFD", text).encode(),
    "trailing blanks": lambda text: text.replace("\n", "  \n").encode(),
    "blank lines": lambda text: ("\n" + text.replace("\n", "\n\n")).encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "no last line end": lambda text: text.rstrip("\n").encode(),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReadingNotice)
        yield tmp_path_factory.mktemp("topics") / "topics"


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data(), way=st.booleans(), dress=st.sampled_from(sorted(DRESS)))
def test_what_was_written_is_read(
    name: str, place: Path, data: st.DataObject, way: bool, dress: str
) -> None:
    write, marked = FORMATS[name]
    rows = data.draw(topics(_MARKED if marked else _PIECES))
    place.write_bytes(DRESS[dress](write(rows, way)))
    meant = [Topic(key, unicodedata.normalize("NFC", text)) for key, _, text in rows]
    assert read_topics(place, "fa") == meant


def _without(text: str, what: str, count: int) -> str:
    """The text without one of the places of something."""
    places = [found.start() for found in re.finditer(re.escape(what), text)]
    at = places[count % len(places)]
    return text[:at] + text[at + len(what) :]


BREAK: dict[str, tuple[str, ...]] = {
    "tsv": ("\t",),
    "jsonl": ('"text"', "}", '"_id"'),
    "neuclir": ('"topic_id"', "]", '"lang"'),
    "trec": ("</top>", "<num>", "<title>"),
    "clef": ("</top>", "<num>", "<FA-title>"),
    "xml": ("</topic>", "<query>", "</query>"),
    "ntcir": ("</TOPIC>", "<NUM>", "<TITLE>"),
}
"""Format -> what may be missing once in a file that is broken."""


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data(), way=st.booleans(), count=st.integers(0, 9))
def test_a_broken_topic_is_refused_with_its_file(
    name: str, place: Path, data: st.DataObject, way: bool, count: int
) -> None:
    write, marked = FORMATS[name]
    rows = data.draw(topics(_MARKED if marked else _PIECES))
    text = write(rows, way)
    place.write_bytes(_without(text, data.draw(st.sampled_from(BREAK[name])), count).encode())
    meant = [Topic(key, unicodedata.normalize("NFC", text)) for key, _, text in rows]
    # The missing part may be one that nothing depends on.
    assert _outcome(place) in (meant, f"refused, naming {place}")


def _outcome(path: Path) -> list[Topic] | str:
    try:
        return read_topics(path, "fa")
    except ClirotError as error:
        return f"refused, naming {path}" if str(path) in error.message else error.message


@settings(max_examples=40, deadline=None, derandomize=True)
@given(rows=topics(_PIECES), at=st.integers(0, 9), header=st.booleans())
def test_one_more_column_is_refused(
    place: Path, rows: list[tuple[str, str, str]], at: int, header: bool
) -> None:
    lines = _tsv(rows, header).splitlines()
    lines[at % len(lines)] += "\tmore"
    place.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_topics(place)
    assert re.search(rf":{at % len(lines) + 1}: ", caught.value.message) or header
