"""What a person does to ask and to read the answer."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

PATIENCE_MS = 60_000  # a busy machine may take its time over an answer


def composer(page: Page) -> Locator:
    """Give where questions are written."""
    return page.get_by_role("textbox", name="Ask a question")


def answers(page: Page) -> Locator:
    """Give every answer in the thread that is done, the newest last."""
    return page.locator("article").filter(has=page.get_by_role("button", name="Copy"))


def ask_on(page: Page, question: str) -> Locator:
    """Ask, wait for the end of the answer, and give it."""
    before = answers(page).count()
    composer(page).fill(question)
    composer(page).press("Enter")
    expect(answers(page)).to_have_count(before + 1, timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=PATIENCE_MS)
    return answers(page).last
