"""Pictures of every screen: light and dark, on a desk and on a phone.

    python -m tests.e2e.browser.screenshots [--only NAME...] [--best FOLDER]

They go to build/screenshots. With `--best` those that the docs show are also kept in that folder, as small as they get.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.e2e.browser import chromium
from tests.e2e.browser.checks import PHONE, WIDE
from tests.e2e.browser.past import Past, serving
from tests.e2e.browser.screens import SCREENS, Screen
from tests.e2e.browser.world import World, settle_in, start

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build" / "screenshots"
BEST = (
    "answer-light-wide",
    "answer-dark-phone",
    "pair-light-wide",
    "overview-light-wide",
    "collection-light-wide",
    "versions-light-wide",
    "verdict-light-wide",
)
COLOURS = 128


def main() -> None:
    """Start a company and a service that has learned, and go from screen to screen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(one.name for one in SCREENS)}")
    parser.add_argument("--best", type=Path, metavar="FOLDER", help="keep what the docs show there")
    options = parser.parse_args()
    wanted = [one for one in SCREENS if not options.only or one.name in options.only]
    with tempfile.TemporaryDirectory() as folder:
        running = start(Path(folder))
        try:
            world = settle_in(running, Path(folder))
            with serving(Path(folder) / "past") as (learned, past), sync_playwright() as playwright:
                browser = chromium.launch(playwright)
                for path in _pictures(browser, world, learned, past, wanted):
                    print(path.relative_to(ROOT), file=sys.stderr)
                    if options.best and path.stem in BEST:
                        _keep(path, options.best)
                browser.close()
        finally:
            running.destroy()


def _pictures(browser: Browser, world: World, learned: World, past: Past, screens: list[Screen]) -> Iterator[Path]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for screen in screens:
        for theme in ("light", "dark"):
            for size, viewport in (("wide", WIDE), ("phone", PHONE)):
                path = FOLDER / f"{screen.name}-{theme}-{size}.png"
                page = _page(browser, learned if screen.past else world, screen, theme, viewport)
                try:
                    screen.show(page, past)
                except (AssertionError, Error) as wrong:  # what can be seen of it helps to say why
                    print(f"{path.stem}: {wrong}", file=sys.stderr)
                page.screenshot(path=path, animations="disabled")
                page.context.close()
                yield path


def _page(browser: Browser, world: World, screen: Screen, theme: str, viewport: dict[str, int]) -> Page:
    phone = viewport is PHONE
    context = browser.new_context(
        base_url=world.url,
        viewport=viewport,  # type: ignore[arg-type]
        device_scale_factor=2 if phone else 1,
        has_touch=phone,
        color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        locale="en-GB",
    )
    if screen.role is not None:
        chromium.sign_in(context, world.keys[screen.role])
    return context.new_page()


def _keep(path: Path, folder: Path) -> None:
    """Keep a picture with few colours: text and surfaces lose nothing, and it is a third as large."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(folder / path.name, optimize=True)


if __name__ == "__main__":
    main()
