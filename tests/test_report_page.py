"""The page of an evaluation in a real browser: what a person sees, reaches and is safe from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import browser, emulate, texts
from test_report import HOSTILE, Given, hostile

from clirot.evaluation import EvaluateConfig, evaluate_runs
from clirot.evaluation.report import ReportSettings, write_report
from clirot.evaluation.report.matches import Matches
from clirot.evaluation.result import Evaluation
from clirot.runs import Run

TOPICS = 3000
SYSTEMS = ("base", "small", "large")
_KNOWN = "Mogadishu 🌙 moon"


def _evaluation() -> Evaluation:
    """Three systems with random rankings of ten out of forty documents for each topic."""
    random = np.random.default_rng(1)
    topics = [f"topic-{number}" for number in range(TOPICS)]
    qrels = {topic: {f"d{number % 40}": 2, "d3": 0} for number, topic in enumerate(topics)}
    runs = {}
    for system in SYSTEMS:
        orders = random.permuted(np.tile(np.arange(40), (TOPICS, 1)), axis=1)[:, :10].tolist()
        ranked = {
            topic: {f"d{document}": float(10 - rank) for rank, document in enumerate(order)}
            for topic, order in zip(topics, orders, strict=True)
        }
        runs[system] = Run.from_dict(system, ranked)
    config = EvaluateConfig(metrics=("map", "num_rel_ret"), baseline="base", samples=100)
    return evaluate_runs(runs, qrels, config)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def large(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation]:
    """The page of 3,000 topics, one of them with matches that are given."""
    evaluation = _evaluation()
    topics = {topic: f"words of {topic}" for topic in evaluation.topics[""]}
    topics["topic-7"] = _KNOWN
    documents = {f"d{number}": f"🌙 text of document {number}" for number in range(40)}
    folder = tmp_path_factory.mktemp("large")

    def given(*arguments: Any) -> Matches:
        ranking = arguments[3].hits[7][1]
        pairs = ["[CLS]", 0, 0.25, 2, 4, 0.5, 15, 2, 0.75]
        found = {
            "tokens": ["[CLS]", "Moga", "moon"],
            "documents": dict.fromkeys(ranking[::3], pairs),
        }
        return Matches([7], {7: {1: found}}, {0: {0: "it compares words, not token vectors"}})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clirot.evaluation.report.page.matches_of", given)
        report = write_report(
            evaluation,
            folder,
            {"": Given(topics, documents)},
            settings=ReportSettings(title="Large"),
        )
    return report.path, evaluation


@pytest.fixture
def page(chromium: Any, large: tuple[Path, Evaluation]) -> Iterator[Any]:
    """The page of 3,000 topics, opened afresh; nothing may be left in the browser's log."""
    emulate(chromium)
    chromium.get("about:blank")
    chromium.get(large[0].as_uri())
    chromium.get_log("browser")
    yield chromium
    assert chromium.get_log("browser") == []


def _ids(page: Any) -> list[str]:
    return list(texts(page, "#list-body .id"))


def _click(page: Any, selector: str) -> None:
    page.find_element("css selector", selector).click()


def _choose(page: Any, selector: str, value: str) -> None:
    from selenium.webdriver.support.select import Select

    Select(page.find_element("css selector", selector)).select_by_value(value)


def _keys(page: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).send_keys(*keys).perform()


def _focused(page: Any) -> str:
    text: str = page.execute_script("return document.activeElement.textContent.trim()")
    return text


def _gains(evaluation: Evaluation, system: str) -> dict[str, float]:
    here, there = evaluation.per_topic(system), evaluation.per_topic("base")
    return {topic: here[topic]["map"] - there[topic]["map"] for topic in here}


def test_it_loads_with_a_part_of_its_rows(page: Any) -> None:
    assert len(_ids(page)) == 50
    assert "3,000 topics" in texts(page, "#listed")[0]
    assert texts(page, "#more")[0] == "Show 200 more of 2,950"
    navigation = page.execute_script(
        "const one = performance.getEntriesByType('navigation')[0];"
        "return [one.type, one.domContentLoadedEventEnd, one.loadEventEnd]"
    )
    assert navigation[0] == "navigate" and 0 < navigation[1] <= navigation[2]
    _click(page, "#more")
    assert len(_ids(page)) == 250
    assert _focused(page) == _ids(page)[50]


def test_it_asks_the_network_for_nothing(page: Any) -> None:
    _click(page, "#list-body .id")
    names = page.execute_script("return performance.getEntriesByType('resource').map(o => o.name)")
    assert [name for name in names if not name.startswith("data:")] == []


def test_the_best_and_the_worst_gains_first(page: Any, large: tuple[Path, Evaluation]) -> None:
    gains = _gains(large[1], "small")
    best = [gains[topic] for topic in _ids(page)]
    assert best == pytest.approx(sorted(gains.values(), reverse=True)[:50], abs=1e-6)
    _click(page, "#worst")
    worst = [gains[topic] for topic in _ids(page)]
    assert worst == pytest.approx(sorted(gains.values())[:50], abs=1e-6)
    _choose(page, "#gain-of", "2")
    other = _gains(large[1], "large")
    assert [other[topic] for topic in _ids(page)] == pytest.approx(
        sorted(other.values())[:50], abs=1e-6
    )


def test_columns_sort_and_say_so(page: Any, large: tuple[Path, Evaluation]) -> None:
    for first, second in (("ascending", 1), ("descending", -1)):
        _click(page, '[data-sort="id"]')
        assert texts(page, f'th[aria-sort="{first}"]') == ["Topic"]
        numbers = sorted(range(TOPICS), reverse=second < 0)[:50]
        assert _ids(page) == [f"topic-{number}" for number in numbers]
    _click(page, '[data-sort="value-2"]')
    assert len(texts(page, "th[aria-sort]")) == 1
    values = large[1].per_topic("large")
    shown = [values[topic]["map"] for topic in _ids(page)]
    assert shown == sorted((one["map"] for one in values.values()), reverse=True)[:50]


def test_topics_are_filtered_by_text_id_and_gain(page: Any, large: tuple[Path, Evaluation]) -> None:
    find = page.find_element("css selector", "#find")
    find.send_keys("MOGADISHU")
    assert _ids(page) == ["topic-7"]
    find.clear()
    find.send_keys("topic-299")
    assert sorted(_ids(page)) == sorted(f"topic-{one}" for one in (299, *range(2990, 3000)))
    assert "11 of 3,000 topics" in texts(page, "#listed")[0]
    find.clear()
    find.send_keys("nowhere")
    assert _ids(page) == []
    find.clear()
    find.send_keys(" ")
    signs = np.sign(list(_gains(large[1], "small").values()))
    for name, sign in (("better", 1), ("worse", -1), ("same", 0)):
        _choose(page, "#sign", name)
        count = int((signs == sign).sum())
        assert texts(page, "#listed")[0].startswith(f"{count:,} of 3,000 topics")
        assert (
            f"{'the same on' if name == 'same' else name + ' on'} {count}"
            in texts(page, "#listed")[0]
        )


def test_another_measure(page: Any, large: tuple[Path, Evaluation]) -> None:
    _choose(page, "#measure", "1")
    _click(page, '[data-sort="id"]')
    cells = texts(page, "#list-body tr:first-child td")
    per_topic = [large[1].per_topic(system)["topic-0"]["num_rel_ret"] for system in SYSTEMS]
    gains = [int(one - per_topic[0]) for one in per_topic[1:]]
    signed = [f"{one:+d}".replace("-", "−") if one else "0" for one in gains]
    whole = [f"{int(one)}" for one in per_topic]
    assert cells == [whole[0], whole[1], signed[0], whole[2], signed[1]]


def test_a_topic_with_its_rankings(page: Any, large: tuple[Path, Evaluation]) -> None:
    page.get(large[0].as_uri() + "#topic-7")
    assert texts(page, "#topic h2") == ["Topic topic-7"]
    assert texts(page, "#topic .asked") == [_KNOWN]
    assert page.title == "topic-7 – Large"
    assert not page.find_element("css selector", "#overview").is_displayed()
    qrels = large[1].inputs.qrels[""]["topic-7"]
    words = {2: "relevant (2)", 0: "judged not relevant", None: "not judged"}
    expected = []
    for system in SYSTEMS:
        documents = large[1].inputs.runs[system, ""].documents("topic-7")
        for rank, (docno, score) in enumerate(documents.items(), 1):
            expected.append([str(rank), docno, f"{score:g}", words[qrels.get(docno)]])
    heads = page.execute_script(
        "return [...document.querySelectorAll('.hit-head')]"
        ".map(one => [...one.children].slice(0, 4).map(part => part.textContent))"
    )
    assert heads == expected
    ranks = [list(large[1].inputs.runs[system, ""].documents("topic-7")) for system in SYSTEMS]
    table = texts(page, ".list-relevant tbody td")
    assert table == ["2", *(str(one.index("d7") + 1) if "d7" in one else "–" for one in ranks)]
    quiet = " ".join(texts(page, ".ranking > .quiet"))
    assert "No token matches: it compares words, not token vectors." in quiet
    _click(page, "#back")
    assert page.find_element("css selector", "#list").is_displayed()
    assert page.title == "Large"


def test_tokens_point_at_what_they_matched(page: Any, large: tuple[Path, Evaluation]) -> None:
    page.get(large[0].as_uri() + "#topic-7")
    assert texts(page, ".tokens button") == ["[CLS]", "Moga", "moon"]
    # The first character of a document takes two units of JavaScript's strings.
    pairs = texts(page, ".pairs tbody")[0]
    assert pairs == "[CLS][CLS]0.250Mogatext0.500moonen0.750"
    assert texts(page, ".pairs summary")[0] == "Token matches: 3, together 1.500"
    ranges = (
        "return [...(CSS.highlights.get(arguments[0]) ?? [])].map(one => "
        "one.startContainer.data.slice(one.startOffset, one.endOffset))"
    )
    assert page.execute_script(ranges, "matched") == ["text", "en"] * 10
    page.execute_script("document.querySelectorAll('.tokens button')[1].focus()")
    assert page.execute_script(ranges, "match") == ["text"] * 10
    assert texts(page, ".pointed") == ["text 0.50"] * 10
    _keys(page, "\ue004")  # the tab key
    assert page.execute_script(ranges, "match") == ["en"] * 10
    _keys(page, " ", "\ue004")  # pressed, it stays
    assert texts(page, ".tokens [aria-pressed=true]") == ["moon"]
    assert page.execute_script(ranges, "match") == ["en"] * 10


def test_the_keyboard_reaches_everything(page: Any) -> None:
    _keys(page, "\ue004")
    assert _focused(page) == "Skip to the topics"
    _keys(page, "\ue007")  # enter
    assert page.execute_script("return document.activeElement.id") == "topics"
    _keys(page, "\ue004")
    assert page.execute_script("return document.activeElement.id") == "find"
    page.execute_script("document.querySelector('[data-sort=\"id\"]').focus()")
    _keys(page, "\ue007")
    assert texts(page, "th[aria-sort]") == ["Topic"]
    assert _focused(page) == "Topic"  # the head was made anew, and the focus is still there
    link = "document.querySelectorAll('#list-body .id')[3]"
    page.execute_script(f"{link}.focus()")
    _keys(page, "\ue007")
    assert _focused(page) == "Topic topic-3"
    _keys(page, "\ue00c")  # escape
    assert _focused(page) == "topic-3"
    page.execute_script(f"{link}.click()")
    _click(page, ".steps [rel=next]")
    assert _focused(page) == "Topic topic-4"


def test_light_and_dark(page: Any) -> None:
    def ground() -> int:
        colour = page.execute_script(
            "return getComputedStyle(document.documentElement).backgroundColor"
        )
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    def pictures() -> list[bool]:
        return [
            page.find_element("css selector", f"img.{name}").is_displayed()
            for name in ("light", "dark")
        ]

    for scheme, light in (("light", True), ("dark", False)):
        emulate(page, scheme=scheme)
        assert (ground() > 600) is light and (ground() < 150) is not light
        assert pictures() == [light, not light]
    for name, light in (("light", True), ("dark", False)):  # the button is stronger
        _click(page, "#theme")
        assert texts(page, "#theme") == [f"Theme: {name}"]
        emulate(page, scheme="dark" if light else "light")
        assert (ground() > 600) is light
        assert pictures() == [light, not light]
    emulate(page, medium="print")
    assert pictures() == [True, False]
    emulate(page)
    _click(page, "#theme")
    assert texts(page, "#theme") == ["Theme: automatic"]


def test_on_paper_everything_is_open(page: Any, large: tuple[Path, Evaluation]) -> None:
    page.get(large[0].as_uri() + "#topic-7")
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert (
        page.execute_script("return document.querySelectorAll('details:not([open])').length") == 0
    )
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert page.execute_script("return document.querySelectorAll('details[open]').length") == 0
    assert page.execute_cdp_cmd("Page.printToPDF", {})["data"]


def test_a_narrow_window_scrolls_tables_and_not_the_page(page: Any) -> None:
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.execute_script(wide) == 0
        page.execute_script("location.hash = 'topic-7'")
        assert page.execute_script(wide) == 0
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture(scope="module")
def ill_willed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation]:
    return hostile(tmp_path_factory.mktemp("hostile"))


def test_hostile_texts_stay_text(chromium: Any, ill_willed: tuple[Path, Evaluation]) -> None:
    path, evaluation = ill_willed
    chromium.get(path.as_uri())
    chromium.get_log("browser")
    systems = list(evaluation.systems)
    controls = str.maketrans("\x00\x07\x1b\x7f", "␀␇␛␡")
    visible = [name.translate(controls) for name in systems]
    assert texts(chromium, ".main tbody th bdi") == visible
    assert texts(chromium, "#list-head .name bdi") == systems
    assert sorted(_ids(chromium)) == sorted(evaluation.topics[""])
    assert texts(chromium, "h1") == [HOSTILE[1]]
    shown = sorted(text[:100].replace("\ud800", "�") for text in HOSTILE)
    assert sorted(texts(chromium, "#list-body .text")) == shown
    for place, topic in enumerate(evaluation.topics[""]):
        chromium.execute_script(f"location.hash = 'topic-{place}'")
        chromium.execute_script("dispatchEvent(new Event('hashchange'))")
        assert texts(chromium, "#topic h2 bdi") == [topic]
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert chromium.execute_script(wide) == 0
    drawn = "script, img, iframe, [onerror]"
    assert texts(chromium, f"#topic :is({drawn}), #list :is({drawn})") == []
    assert set(texts(chromium, "#topic b")) == {str(rank) for rank in range(1, 11)}
    assert len(texts(chromium, "script")) == 5
    assert chromium.execute_script("return window.hit === undefined")
    assert chromium.get_log("browser") == []


def test_the_policy_holds_where_markup_got_in(
    chromium: Any, ill_willed: tuple[Path, Evaluation]
) -> None:
    """Even if a text became markup, it could neither run nor fetch anything."""
    path, _ = ill_willed
    chromium.get(path.as_uri())
    refused = chromium.execute_async_script(
        """
        const done = arguments[0], found = [];
        document.addEventListener('securitypolicyviolation', (event) => {
          found.push(event.effectiveDirective);
          if (found.length === 4) done(found.sort());
        });
        const body = document.body;
        body.insertAdjacentHTML('beforeend', '<img src="x.png" onerror="window.hit = 1">');
        const script = document.createElement('script');
        script.textContent = 'window.hit = 1';
        body.append(script);
        const style = document.createElement('style');
        style.textContent = 'body { display: none }';
        body.append(style);
        """
    )
    assert refused == ["img-src", "script-src-attr", "script-src-elem", "style-src-elem"]
    assert chromium.execute_script("return window.hit === undefined")
    chromium.get_log("browser")
