"""The browser of the tests: a Chromium that the machine has, headless, which sends nothing of its own."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, BrowserContext, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class NoChromium(Exception):
    """This machine has no Chromium."""


def find() -> str | None:
    """Give the path of the browser: GROUNDLOOP_CHROMIUM, or one on the PATH."""
    if named := os.environ.get("GROUNDLOOP_CHROMIUM"):
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """Start it.

    Raises:
        NoChromium: If this machine has none.
    """
    path = find()
    if path is None:
        raise NoChromium("no Chromium on the PATH, and GROUNDLOOP_CHROMIUM names none")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def sign_in(context: BrowserContext, key: str) -> None:
    """Begin a session of the browser as the page does; its cookie goes along from then on."""
    said = context.request.post("/v1/session", data={"key": key}, headers={"X-Groundloop-Page": "1"})
    assert said.ok, said.text()
