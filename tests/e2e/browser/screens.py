"""Every screen of the page, and how to get there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.e2e.browser.watching import settled


@dataclass(frozen=True)
class Screen:
    """One screen, or a dialog on one."""

    name: str
    address: str = ""
    role: str | None = "admin"
    then: Callable[[Page], None] | None = None  # what a person does there, to see it

    def show(self, page: Page) -> None:
        """Go there; the page is signed in."""
        page.goto(f"/{self.address}")
        page.reload()  # an address that differs behind # alone does not begin anew
        settled(page)
        if self.then:
            self.then(page)
            settled(page)


CONSOLE = ("overview", "documents", "jobs", "feedback", "cycles", "versions", "evaluation", "keys", "settings")


def of_console(name: str) -> Screen:
    """Give a screen of the console, as it is first seen."""
    return Screen(name, f"#/console/{name}", then=lambda page: expect(page.locator("main h1").first).to_be_visible())


SCREENS = (Screen("sign-in", role=None), Screen("ask"), *(of_console(name) for name in CONSOLE))
