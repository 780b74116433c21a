"""Checks of a whole page: what axe-core finds, and whether it needs scrolling sideways."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PHONE = {"width": 360, "height": 740}
WIDE = {"width": 1280, "height": 800}
_AXE = Axe()
_GRAVE = ("serious", "critical")


def assert_accessible(page: Page) -> None:
    """Fail with what axe-core finds serious or critical on the page as it is now."""
    # A colour in the middle of a transition is not the colour that stays.
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))")
    found = _AXE.run(page).response["violations"]
    grave = [
        f"{one['impact']}: {one['id']}: {one['help']}\n    {node['html'][:200]}\n    {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in _GRAVE
        for node in one["nodes"]
    ]
    assert not grave, "\n".join(grave)


def assert_no_sideways_scroll(page: Page) -> None:
    """Fail with the elements that stick out at the side, where the page or its main part is wider than the screen."""
    wide = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width
              && [...document.querySelectorAll("body, main")].every((one) => one.scrollWidth <= one.clientWidth + 1))
            return [];
          return [...document.querySelectorAll("body *")]
            .filter((one) => getComputedStyle(one).position !== "fixed")
            .filter((one) => one.getBoundingClientRect().right > width + 1)
            .slice(0, 8)
            .map((one) => `${one.outerHTML.slice(0, 160)} ends at ${one.getBoundingClientRect().right}`)
            .concat([`the screen ends at ${width}`]);
        }"""
    )
    assert not wide, "\n".join(wide)


def assert_only_its_parts_scroll(page: Page) -> None:
    """Fail where the page as a whole can be scrolled: something sticks out of the part that should hold it."""
    tall, seen = page.evaluate("[document.documentElement.scrollHeight, document.documentElement.clientHeight]")
    assert tall <= seen + 1, f"the page is {tall} px tall on a screen of {seen} px"
