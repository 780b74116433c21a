"""Everything a person does, with the keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.asking import PATIENCE_MS, answers, composer
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.screens import CONSOLE
from tests.e2e.browser.test_frame import NOBODY
from tests.e2e.browser.world import KNOWN, World

MOST_TABS = 120
_FOCUS_SHOWS = """
() => {
  const one = document.activeElement;
  if (!one || one === document.body) return true;
  const style = getComputedStyle(one);
  return style.outlineStyle !== "none" || style.boxShadow !== "none";
}
"""


def tab_to(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """Press Tab until it has the focus; wherever the focus is on the way, that can be seen."""
    for _ in range(MOST_TABS):
        if wanted.count() and wanted.first.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
        assert page.evaluate(_FOCUS_SHOWS), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"Tab does not lead to {wanted}")


def press(page: Page, wanted: Locator, key: str = "Enter", *, back: bool = False) -> None:
    """Go there by Tab and press it."""
    tab_to(page, wanted, back=back)
    page.keyboard.press(key)


def test_signing_in_asking_and_judging(sign_in: SignIn, world: World, allowed: list[str]) -> None:
    allowed.append(NOBODY)
    page = sign_in(None)
    expect(page.get_by_label("Key")).to_be_focused()
    page.keyboard.type(world.keys["user"])
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_focused()
    page.keyboard.type(KNOWN[0][0])
    page.keyboard.press("Enter")
    expect(answers(page)).to_have_count(1, timeout=PATIENCE_MS)
    expect(composer(page)).to_be_focused()

    cite = page.get_by_role("article").get_by_role("button", name="Source 1").first
    tab_to(page, cite, back=True)
    card = page.get_by_role("dialog", name="Source 1")
    expect(card.get_by_role("mark")).to_contain_text(KNOWN[0][1])
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(cite).to_be_focused()

    press(page, page.get_by_role("button", name="Bad answer"), "Space")
    expect(page.get_by_role("status").filter(has_text="Your vote is kept.")).to_be_visible()
    press(page, page.get_by_role("button", name="Leaves something out"), "Space")
    tab_to(page, page.get_by_role("textbox", name="Comment"))
    page.keyboard.type("By keyboard alone.")
    press(page, page.get_by_role("button", name="Send", exact=True))
    expect(page.get_by_role("status").filter(has_text="Kept, with all that you said.")).to_be_visible()

    became = page.get_by_role("button", name="What became of it?")
    press(page, became)
    told = page.get_by_role("dialog", name="What became of it")
    expect(told).to_be_visible()
    assert told.evaluate("one => one.contains(document.activeElement)"), "the focus is in what was opened"
    page.keyboard.press("Escape")
    expect(told).to_have_count(0)
    expect(became).to_be_focused()

    page.keyboard.press("/")
    expect(composer(page)).to_be_focused()


def test_every_screen_of_the_console(sign_in: SignIn, world: World) -> None:
    page = sign_in("admin")
    press(page, page.get_by_role("link", name="Console"), back=True)
    screens = page.get_by_role("navigation", name="Console").get_by_role("link")
    expect(screens).to_have_count(len(CONSOLE))
    for number, name in enumerate(CONSOLE):
        press(page, screens.nth(number))
        expect(screens.nth(number)).to_have_attribute("aria-current", "page")
        expect(page.locator("main h1").first).to_have_text(name.capitalize())
        expect(screens.nth(number)).to_be_focused()
