"""What no page may do: log an error, throw, ask another host, or be stopped by its own content security policy."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

PATIENCE_MS = 20_000
# A violation is also logged by the browser, but a handler on the page could hide that.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


class Watch:
    """Collects what was wrong with the pages of one context."""

    def __init__(self, context: BrowserContext, url: str, allowed: list[str]) -> None:
        self.problems: list[str] = []
        self._host = urlsplit(url).netloc
        self._allowed = allowed
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"thrown: {error.error}"))
        context.on("request", self._request)

    def assert_clean(self) -> None:
        """Fail with everything that was wrong and that the test did not allow for."""
        wrong = [line for line in self.problems if not any(re.search(pattern, line) for pattern in self._allowed)]
        assert not wrong, "\n".join(wrong)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self.problems.append(f"console: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self._host:
            self.problems.append(f"another host was asked: {request.url}")


def settled(page: Page) -> None:
    """Wait until nothing is loading: no request under way, no text that says so."""
    page.wait_for_load_state("networkidle")
    expect(page.locator(".page-wait")).to_have_count(0, timeout=PATIENCE_MS)
