"""The web page in a headless Chromium on loopback: how soon something is seen, how much is sent, how evenly it scrolls.

    python -m bench.page [--save]

Frame times are those of `requestAnimationFrame` while a wheel turns over a conversation of 2,000 messages, as a browser
keeps it, and over a table of 10,000 documents, which come page by page from the benchmark in place of the service.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Request, sync_playwright

from bench.corpus import passages, questions
from bench.fill import fill_home
from bench.report import arguments, percentile, report
from bench.serving import Served, serve
from tests.e2e.browser import chromium
from tests.e2e.browser.asking import ask_on, composer
from tests.e2e.browser.checks import WIDE
from tests.e2e.browser.many import CONVERSATION, MESSAGES, ROWS, keep_long_conversation, serve_many_documents
from tests.e2e.browser.watching import settled

OPENINGS = 15
SCROLL_MS = 6_000
_PAINT = """
() => new Promise((resolve) => new PerformanceObserver((list) => {
  const first = list.getEntriesByName("first-contentful-paint")[0];
  if (first) resolve(first.startTime);
}).observe({ type: "paint", buffered: true }))
"""
_FRAMES = """
(forMs) => new Promise((resolve) => {
  const times = [];
  const begin = performance.now();
  let last = begin;
  const tick = (now) => {
    times.push(now - last);
    last = now;
    if (now - begin < forMs) requestAnimationFrame(tick);
    else resolve(times.slice(1));
  };
  requestAnimationFrame(tick);
})
"""


def main() -> None:
    """Fill a home, open the page on it again and again, scroll, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--passages", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        store = fill_home(home, passages(options.passages))
        with serve(home, pair_share="0") as served, sync_playwright() as playwright:
            browser = chromium.launch(playwright)
            rows = [*_openings(browser, served), *_weights(browser, served), *_scrolling(browser, served, store)]
            version = browser.version
            browser.close()
    report(
        "page",
        "The web page",
        ["what", "figure"],
        rows,
        data=f"{options.passages:,} passages; a conversation of {MESSAGES:,} messages, a table of {ROWS:,} rows",
        notes=[f"Chromium {version}, headless, without a GPU; {OPENINGS} openings, each with an empty cache"],
        save=options.save,
    )


def _openings(browser: Browser, served: Served) -> list[list[str]]:
    painted, usable = [], []
    for _ in range(OPENINGS):
        page = _page(browser, served)
        page.goto("/")
        composer(page).wait_for()
        usable.append(page.evaluate("performance.now()"))
        painted.append(page.evaluate(_PAINT))
        page.context.close()
    return [
        [name, f"{statistics.median(times):.0f} / {max(times):.0f} ms"]
        for name, times in (("first paint: median / longest", painted), ("a question can be typed", usable))
    ]


def _weights(browser: Browser, served: Served) -> list[list[str]]:
    rows = []
    for name, then in (("asking, one answer read", _ask), ("the console's overview on top", _overview)):
        page = _page(browser, served)
        asked: list[Request] = []
        page.on("requestfinished", lambda request, into=asked: into.append(request))
        page.goto("/")
        settled(page)
        then(page)
        files = [one for one in asked if not urlsplit(one.url).path.startswith("/v1/")]
        weight = sum(one.sizes()["responseBodySize"] for one in files)
        rows.append([f"files sent, gzip: {name}", f"{weight / 1000:.1f} kB in {len(files)} files"])
        page.context.close()
    return rows


def _scrolling(browser: Browser, served: Served, store: str) -> list[list[str]]:
    page = _page(browser, served)
    page.goto("/")
    settled(page)
    keep_long_conversation(page)
    page.goto(f"/#/c/{CONVERSATION}")
    page.reload()
    settled(page)
    rows = [_scroll(page, f"{MESSAGES:,} messages", upwards=True)]
    serve_many_documents(page, store)
    page.goto(f"/#/console/documents/{store}")
    settled(page)
    rows.append(_scroll(page, f"{ROWS:,} rows", upwards=False))
    page.context.close()
    return rows


def _scroll(page: Page, name: str, *, upwards: bool) -> list[str]:
    page.mouse.move(WIDE["width"] * 0.6, WIDE["height"] * 0.6)
    frames = page.evaluate_handle(f"() => {{ window.frames_seen = ({_FRAMES})({SCROLL_MS}); }}")
    for _ in range(SCROLL_MS // 50):
        page.mouse.wheel(0, -400 if upwards else 400)
        page.wait_for_timeout(16)
    frames.dispose()
    times: list[float] = page.evaluate("window.frames_seen")
    slow = sum(time > 50 for time in times) / len(times)
    figure = f"{percentile(times, 50):.0f} / {percentile(times, 95):.0f} / {max(times):.0f} ms; {slow:.1%}"
    return [f"frames while {name} scroll: median / 95 % / longest; share above 50 ms", figure]


def _page(browser: Browser, served: Served) -> Page:
    url = f"http://{served.host}:{served.port}"
    context = browser.new_context(base_url=url, viewport=WIDE)
    chromium.sign_in(context, served.key)
    return context.new_page()


def _ask(page: Page) -> None:
    ask_on(page, questions()[0])


def _overview(page: Page) -> None:
    _ask(page)
    page.goto("/#/console")
    settled(page)


if __name__ == "__main__":
    main()
