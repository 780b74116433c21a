"""Coming in and going out: by key, by a link that works once, and what each role gets to see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.world import World, start

NOBODY = r"status of 401 .*/v1/session\)$"  # asking who is signed in, when nobody is


def sign_in_button(page: Page) -> None:
    """Wait for the sign-in form."""
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def inside(page: Page) -> None:
    """Wait for what only who is signed in sees."""
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def kept(page: Page) -> str:
    """Give all that a script on the page could read: its address, its storage, its cookies, its history."""
    return str(
        page.evaluate(
            "() => [location.href, document.cookie, document.referrer, history.state,"
            " JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.documentElement.outerHTML].join()"
        )
    )


def test_a_key_signs_in_and_is_nowhere_afterwards(sign_in: SignIn, world: World, allowed: list[str]) -> None:
    allowed.append(NOBODY)
    page = sign_in(None)
    page.get_by_label("Key").fill(f" {world.keys['user']}\n")
    page.get_by_label("Key").press("Enter")
    inside(page)
    assert world.keys["user"] not in kept(page)
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert world.keys["user"] not in str(cookie)
    page.reload()
    inside(page)


def test_a_wrong_key_is_told_and_another_may_be_tried(sign_in: SignIn, world: World, allowed: list[str]) -> None:
    allowed.append(NOBODY)
    page = sign_in(None)
    page.get_by_label("Key").fill("gl_notakey")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown")
    page.get_by_label("Key").fill(world.keys["user"])
    page.get_by_role("button", name="Sign in").click()
    inside(page)


def test_a_link_signs_in_once(sign_in: SignIn, world: World, allowed: list[str]) -> None:
    allowed += [NOBODY]
    with world.http() as http:
        url = http.post("/v1/session/links").raise_for_status().json()["url"]
    page = sign_in(None, at=url)
    inside(page)
    token = url.partition("sign-in=")[2]
    assert token not in kept(page)
    page.go_back()
    assert token not in page.url

    again = sign_in(None, at=url)
    sign_in_button(again)
    expect(again.get_by_role("alert")).to_contain_text("used already")


def test_the_link_that_was_printed_at_the_start_opens_the_page(sign_in: SignIn, tmp_path: Path) -> None:
    running = start(tmp_path)  # a link works once, and not for long
    try:
        running.wait_for("ready")
        [url] = re.findall(r"http://\S+#sign-in=[\w-]+", running.wait_for("open"))
        inside(sign_in(None, at=url, of=World(running.url, url)))
    finally:
        running.destroy()


def test_who_signs_out_is_out(sign_in: SignIn, allowed: list[str]) -> None:
    allowed.append(NOBODY)
    page = sign_in("user")
    [cookie] = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    sign_in_button(page)
    assert page.context.cookies() == []
    said = page.context.request.get("/v1/session", headers={"Cookie": f"{cookie['name']}={cookie['value']}"})
    assert said.status == 401, "the session is gone from the service too"
    page.reload()
    sign_in_button(page)


def test_a_revoked_key_ends_its_sessions(sign_in: SignIn, world: World, allowed: list[str]) -> None:
    allowed.append(r"status of 401")
    with world.http() as http:
        made = http.post("/v1/keys", json={"name": "a visitor", "role": "operator"}).raise_for_status().json()
        world.keys["visitor"] = made["key"]
        page = sign_in("visitor")
        inside(page)
        http.delete(f"/v1/keys/{made['id']}").raise_for_status()
    page.get_by_role("link", name="Console").click()
    sign_in_button(page)


@pytest.mark.parametrize("place", ["/", "/#/console", "/#/console/keys"])
def test_who_only_asks_sees_no_console(sign_in: SignIn, place: str) -> None:
    loaded: list[str] = []
    page = sign_in("user", at="/page/icon.svg")
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(place)
    inside(page)
    expect(page.get_by_role("link", name="Ask")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("link", name="Console")).to_have_count(0)
    assert [url for url in loaded if "/console/" in url] == []


def test_an_operator_sees_no_keys_and_no_settings(sign_in: SignIn) -> None:
    page = sign_in("operator", at="/#/console")
    screens = page.get_by_role("navigation", name="Console").get_by_role("link")
    expect(screens.first).to_be_visible()
    names = screens.all_inner_texts()
    assert "Versions" in names
    assert not {"Keys", "Settings"} & set(names)


def test_the_theme_that_is_chosen_stays(sign_in: SignIn) -> None:
    page = sign_in("user", color_scheme="light")
    colours = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(colours)
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(colours)
    assert dark != light
    page.reload()
    inside(page)
    assert page.evaluate(colours) == dark
    page.get_by_label("Theme").select_option("auto")
    assert page.evaluate(colours) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colours) == dark


def test_the_first_tab_skips_to_the_content(sign_in: SignIn) -> None:
    page = sign_in("admin", at="/#/console/overview")
    inside(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    assert page.url.endswith("#/console/overview")
