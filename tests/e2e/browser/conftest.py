"""A real browser on a whole Groundloop. `page` is signed in as an admin, and fails its test by doing what no page may.

`sign_in(role)` opens a page for another role (`None`: nobody is signed in). What a test provokes on purpose it allows
for: `allowed.append("status of 404")`, a pattern of the console's line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.browser import chromium
from tests.e2e.browser.checks import WIDE
from tests.e2e.browser.past import Past, serving
from tests.e2e.browser.watching import PATIENCE_MS, Watch, settled
from tests.e2e.browser.world import World, settle_in, start

HERE = Path(__file__).parent
TIMEOUT_S = 1_800  # the first test of a run also waits until everything is up
expect.set_options(timeout=PATIENCE_MS)

SignIn = Callable[..., Page]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


# Of the package, not of the session: while Playwright runs, its event loop is in the way of asyncio in other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start the browser; skip the tests where there is none, but fail them where a change is checked."""
    with sync_playwright() as playwright:
        try:
            started = chromium.launch(playwright)
        except chromium.NoChromium as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(missing))
        yield started
        started.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start everything, with a small company in it, or take the one that GROUNDLOOP_TEST_WORLD names."""
    if path := os.environ.get("GROUNDLOOP_TEST_WORLD"):
        yield World(**json.loads(Path(path).read_text()))
        return
    folder = tmp_path_factory.mktemp("company")
    running = start(folder)
    try:
        yield settle_in(running, folder)
    finally:
        running.destroy()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Past]]:
    """Serve a home in which much was learned; each module has its own."""
    with serving(tmp_path_factory.mktemp("past")) as served:
        yield served


@pytest.fixture
def allowed() -> list[str]:
    """Give the patterns of what this test provokes on purpose."""
    return []


@pytest.fixture
def sign_in(browser: Browser, world: World, allowed: list[str]) -> Iterator[SignIn]:
    """Give a function that opens the page for a role in a browser context of its own.

    Its options are those of a context: `viewport=PHONE`, `color_scheme="dark"`, `has_touch=True`.
    """
    watches: list[Watch] = []
    contexts = []

    def opened(role: str | None = "admin", at: str = "/", of: World | None = None, **options: Any) -> Page:
        there = of or world
        context = browser.new_context(
            **{"base_url": there.url, "viewport": WIDE, "reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        watches.append(Watch(context, there.url, allowed))
        if role is not None:
            chromium.sign_in(context, there.keys[role])
        page = context.new_page()
        page.goto(at)
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    for watch in watches:
        watch.assert_clean()


@pytest.fixture
def page(sign_in: SignIn) -> Page:
    """Give the page, signed in as an admin."""
    return sign_in("admin")
