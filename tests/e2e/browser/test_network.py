"""What crosses the network: nothing but this service, not much, and under a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import urlsplit

from playwright.sync_api import Request

from tests.e2e.browser.asking import ask_on
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.past import Past
from tests.e2e.browser.screens import LEARNING
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import KNOWN, World

MOST_BYTES = 100_000  # of what is asked for before somebody who asks has read an answer, as it crosses the network


def test_asking_takes_a_light_page(sign_in: SignIn) -> None:
    page = sign_in("user", at="/page/icon.svg")
    asked: list[Request] = []
    page.on("requestfinished", lambda request: asked.append(request))
    page.goto("/")
    settled(page)
    ask_on(page, KNOWN[0][0])
    files = {urlsplit(one.url).path: one.sizes()["responseBodySize"] for one in asked if "/v1/" not in one.url}
    assert "/page/main.js" in files
    assert not [path for path in files if "/console/" in path or "uplot" in path]
    assert sum(files.values()) <= MOST_BYTES, sorted(files.items(), key=lambda one: -one[1])


def test_no_screen_of_the_console_asks_another_host(sign_in: SignIn, told: tuple[World, Past]) -> None:
    page = sign_in("admin", of=told[0])
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    for screen in LEARNING:
        screen.show(page, told[1])
    assert hosts == {urlsplit(told[0].url).netloc}


def test_the_policy_allows_one_script_in_the_page_and_nothing_remote(sign_in: SignIn) -> None:
    answer = sign_in("user").context.request.get("/")
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    [inline] = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", answer.text(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert policy["script-src"].split() == ["'self'", f"'sha256-{digest}'"]
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in str(policy)


def test_what_gets_into_the_page_all_the_same_does_not_run(sign_in: SignIn, allowed: list[str]) -> None:
    allowed += [r"policy: ", r"Content Security Policy", r"document requires", r"another host"]
    page = sign_in("user")
    stopped = page.evaluate(
        """() => {
          const stopped = [];
          const tried = (name, act) => { try { act(); } catch (error) { stopped.push(name); } };
          const put = (name, more) => document.body.append(Object.assign(document.createElement(name), more));
          tried("script", () => put("script", { textContent: "window.ran = true" }));
          const markup = "<img src=x onerror='window.ran = true'>";
          tried("markup", () => document.body.insertAdjacentHTML("beforeend", markup));
          tried("text", () => setTimeout("window.ran = true"));
          tried("picture", () => put("img", { src: "http://192.0.2.1/beacon.png" }));
          const button = document.createElement("button");
          tried("handler", () => button.setAttribute("onclick", "window.ran = true"));
          button.click();
          return stopped;
        }"""
    )
    assert {"script", "markup", "text"} <= set(stopped)
    assert page.evaluate("window.ran") is None
    assert not page.evaluate("fetch('http://192.0.2.1/', { mode: 'no-cors' }).then(() => true, () => false)")
