"""Thousands of messages and rows scroll with only those in sight in the page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.many import CONVERSATION, MESSAGES, ROWS, keep_long_conversation, serve_many_documents
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import World

MOST_TURNS = 40
MOST_ROWS = 80
MOST_ELEMENTS = 4_000
PAGES = 400  # steps of scrolling by which everything must have been loaded


def elements(page: Page) -> int:
    """Count what is in the page."""
    count: int = page.evaluate("document.querySelectorAll('*').length")
    return count


def to(scrolled: Locator, share: float) -> None:
    """Scroll there: 0 is the beginning, 1 the end."""
    scrolled.evaluate("(one, share) => { one.scrollTop = share * one.scrollHeight; }", share)


def test_a_long_conversation(sign_in: SignIn) -> None:
    page = sign_in("user")
    keep_long_conversation(page)
    page.goto(f"/#/c/{CONVERSATION}")
    page.reload()
    settled(page)
    last = MESSAGES // 2 - 1
    expect(page.get_by_text(f"Question {last}?", exact=True)).to_be_in_viewport()
    thread = page.get_by_role("region", name="Conversation")
    turns = page.locator("[data-turn]")
    for share in (0.75, 0.5, 0.25, 0.1):
        to(thread, share)
        expect(turns.first).to_be_attached()
        assert turns.count() <= MOST_TURNS
        assert elements(page) <= MOST_ELEMENTS
    page.wait_for_timeout(200)
    seen = turns.evaluate_all("all => all.map((one) => Number(one.dataset.turn.slice(5)))")
    assert 0 < min(seen) < last / 3
    to(thread, 0)
    expect(page.get_by_text("Question 0?", exact=True)).to_be_in_viewport()
    assert turns.count() <= MOST_TURNS
    page.get_by_role("button", name="Go to the latest").click()
    expect(page.get_by_text(f"Question {last}?", exact=True)).to_be_in_viewport()


def test_a_place_in_a_long_conversation_has_an_address(sign_in: SignIn) -> None:
    page = sign_in("user")
    keep_long_conversation(page)
    page.goto(f"/#/c/{CONVERSATION}/turn-321")
    page.reload()
    expect(page.get_by_text("Question 321?", exact=True)).to_be_in_viewport()
    assert page.locator("[data-turn]").count() <= MOST_TURNS


def test_a_long_table(sign_in: SignIn, world: World) -> None:
    page = sign_in("operator")
    store = world.collections["Office"]
    serve_many_documents(page, store)
    page.goto(f"/#/console/documents/{store}")
    settled(page)
    main = page.locator("#content")
    rows = page.get_by_role("row")
    expect(page.get_by_text("document-00000.md").first).to_be_attached()
    for _ in range(PAGES):
        to(main, 1)
        assert rows.count() <= MOST_ROWS
        if page.get_by_text(f"document-{ROWS - 1:05d}.md").count():
            break
        page.wait_for_timeout(30)
    expect(page.get_by_text(f"document-{ROWS - 1:05d}.md")).to_be_in_viewport()
    assert rows.count() <= MOST_ROWS
    assert elements(page) <= MOST_ELEMENTS
    to(main, 0.5)
    expect(page.get_by_text(f"document-{ROWS // 2:05d}.md")).to_be_attached()
    assert rows.count() <= MOST_ROWS


def test_a_long_table_by_keyboard(sign_in: SignIn, world: World) -> None:
    page = sign_in("operator")
    store = world.collections["Office"]
    serve_many_documents(page, store, rows=1_000)
    page.goto(f"/#/console/documents/{store}")
    settled(page)
    first = page.locator("[data-at='0']")
    first.focus()
    for _ in range(12):
        page.keyboard.press("PageDown")
    at = int(page.evaluate("document.activeElement.dataset.at"))
    assert at > 30
    expect(page.locator(f"[data-at='{at}']")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(first).to_be_focused()
    expect(first).to_be_in_viewport()
