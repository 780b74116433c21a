"""Every screen of the page, the dialogs on them, and how a person gets there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.e2e.browser.asking import answers, ask_on
from tests.e2e.browser.past import Past
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import KNOWN, UNKNOWN

CONSOLE = ("overview", "documents", "jobs", "feedback", "cycles", "versions", "evaluation", "keys", "settings")


@dataclass(frozen=True)
class Screen:
    """One screen, or a dialog on one."""

    name: str
    address: str = ""
    role: str | None = "admin"
    then: Callable[[Page], object] | None = None  # what a person does there, to see it
    past: bool = False  # whether it is one of a service that has learned; `{cycle}` in the address is then one of its

    def show(self, page: Page, past: Past) -> None:
        """Go there; the page is signed in."""
        page.goto(f"/{self.address.format(**vars(past))}")
        page.reload()  # an address that differs behind # alone does not begin anew
        settled(page)
        if self.then:
            self.then(page)
            settled(page)


def _asked(page: Page) -> None:
    ask_on(page, KNOWN[0][0])


def _unanswered(page: Page) -> None:
    ask_on(page, UNKNOWN)


def _cited(page: Page) -> None:
    _asked(page)
    answers(page).last.get_by_role("button", name="Source 1").first.click()
    expect(page.get_by_role("dialog", name="Source 1").get_by_role("mark").first).to_be_visible()


def _found(page: Page) -> None:
    _asked(page)
    answers(page).last.get_by_role("button", name="passage").first.click()
    expect(page.get_by_role("complementary", name="What was found")).to_be_visible()


def _in_document(page: Page) -> None:
    _cited(page)
    page.get_by_role("button", name="Show in the document").click()
    expect(page.get_by_role("complementary", name="Document").get_by_role("mark").first).to_be_visible()


def _judged(page: Page) -> None:
    _asked(page)
    page.get_by_role("button", name="Bad answer").last.click()
    expect(page.get_by_role("form", name="What was wrong with it?")).to_be_visible()


def _became(page: Page) -> None:
    _judged(page)
    page.get_by_role("button", name="What became of it?").last.click()
    expect(page.get_by_role("dialog", name="What became of it")).to_be_visible()


def _two(page: Page) -> None:
    _asked(page)
    answers(page).last.get_by_role("button", name="Answer again").click()
    compare = page.get_by_role("button", name="Compare them")
    expect(compare).to_be_visible(timeout=60_000)
    compare.click()
    expect(page.get_by_role("region", name="Which answer is better?")).to_be_visible()


def _my_votes(page: Page) -> None:
    _judged(page)
    page.goto("/#/votes")


def _keys(page: Page) -> None:
    page.get_by_role("button", name="Sign out").focus()  # letters that go into a field are no keys
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def _privacy(page: Page) -> None:
    drawer = page.get_by_role("button", name="Show conversations")  # on a narrow screen; "Privacy" is in it
    privacy = page.get_by_role("button", name="Privacy")
    expect(drawer.or_(privacy).first).to_be_visible()
    if drawer.is_visible():
        drawer.click()
    privacy.click()
    expect(page.get_by_role("dialog", name="Privacy")).to_be_visible()


def _press(name: str, *, dialog: bool = True) -> Callable[[Page], None]:
    """Give what presses a button, and waits for the dialog that it opens."""

    def press(page: Page) -> None:
        page.get_by_role("main").get_by_role("button", name=name).first.click()
        if dialog:
            expect(page.get_by_role("dialog")).to_be_visible()

    return press


def _follow(*links: str) -> Callable[[Page], None]:
    """Give what follows links in the main part, one after the other."""

    def follow(page: Page) -> None:
        for name in links:
            page.get_by_role("main").get_by_role("link", name=name).first.click()
            settled(page)

    return follow


def _first_row(page: Page) -> None:
    row = page.get_by_role("main").get_by_role("grid").last.locator("[data-at='0']")
    row.focus()
    row.press("Enter")
    expect(page.get_by_role("main").get_by_role("navigation", name="Where you are")).to_be_visible()


def _deleting(page: Page) -> None:
    _follow("Shop")(page)
    _press("Delete")(page)


def _verdict(page: Page) -> None:
    part = page.get_by_role("region", name="What the gate said")
    part.evaluate("one => one.scrollIntoView({ block: 'start' })")
    expect(part.get_by_text("checks passed")).to_be_in_viewport()


ASKING = (
    Screen("sign-in", role=None),
    Screen("ask"),
    Screen("answer", then=_cited),
    Screen("not-found", then=_unanswered),
    Screen("found", then=_found),
    Screen("document-of-answer", then=_in_document),
    Screen("judging", then=_judged),
    Screen("became", then=_became),
    Screen("pair", then=_two),
    Screen("votes", then=_my_votes),
    Screen("keys-of-asking", then=_keys),
    Screen("privacy", then=_privacy),
)
BRINGING_IN = (
    Screen("overview", "#/console/overview"),
    Screen("documents", "#/console/documents"),
    Screen("collection-form", "#/console/documents", then=_press("New collection")),
    Screen("collection", "#/console/documents", then=_follow("Shop")),
    Screen("collection-delete", "#/console/documents", then=_deleting),
    Screen("document", "#/console/documents", then=_follow("Office", "handbook.md")),
    Screen("jobs", "#/console/jobs"),
    Screen("job", "#/console/jobs", then=_first_row),
)
LEARNING = (
    Screen("feedback", "#/console/feedback", past=True),
    Screen("judgement", "#/console/feedback/answer/{answer}", past=True),
    Screen("voters", "#/console/feedback/voters", past=True),
    Screen("missing", "#/console/feedback/missing", past=True),
    Screen("cycles", "#/console/cycles", past=True),
    Screen("cycle", "#/console/cycles/{cycle}", past=True),
    Screen("verdict", "#/console/cycles/{cycle}", then=_verdict, past=True),
    Screen("cycle-running", "#/console/cycles/{running}", past=True),
    Screen("versions", "#/console/versions", past=True),
    Screen("version", "#/console/versions/{champion}", past=True),
    Screen("version-promote", "#/console/versions/{candidate}", then=_press("serve"), past=True),
    Screen("evaluation", "#/console/evaluation", past=True),
    Screen("keys", "#/console/keys", past=True),
    Screen("key-form", "#/console/keys", then=_press("Make a key"), past=True),
    Screen("settings", "#/console/settings", past=True),
)
SCREENS = (*ASKING, *BRINGING_IN, *LEARNING)
