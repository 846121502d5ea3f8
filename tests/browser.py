"""A real browser for the tests of pages: Chromium without a window, driven through chromedriver."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless",
    "--no-sandbox",  # as root there is none
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


@contextmanager
def browser(profile: Path) -> Iterator[Any]:
    """A browser with an empty profile; skips the test where there is none.

    Both programs are named, so that selenium does not look for them on the network.
    """
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("there is no chromium, or no chromedriver, to open the page in")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "localhost,127.0.0.1")  # where chromedriver listens
        running = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield running
        finally:
            running.quit()


def emulate(driver: Any, *, scheme: str = "", medium: str = "") -> None:
    """Let the page see a colour scheme, or paper in place of a screen."""
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    if scheme:
        features.append({"name": "prefers-color-scheme", "value": scheme})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})


def texts(driver: Any, selector: str) -> Sequence[str]:
    """The text content of every element, seen or not, exactly; but for lone surrogates, which
    chromedriver cannot hand over.
    """
    found: list[str] = driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])]"
        ".map(one => one.textContent.toWellFormed())",
        selector,
    )
    return found
