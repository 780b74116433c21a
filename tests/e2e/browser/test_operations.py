"""The console of what runs: overview, jobs, keys and settings."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.browser.checks import PHONE, assert_accessible, assert_no_sideways_scroll
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import World

REDIS_DOWN = '{"error": {"message": "Redis is down.", "type": "server_error", "param": null, "code": "x"}}'


def row(page: Page, name: str) -> Locator:
    """Find the row of a table in which that stands."""
    return page.get_by_role("row").filter(has_text=name)


def tile(page: Page, name: str) -> Locator:
    """Find a part of the overview."""
    return page.get_by_role("region", name=name)


def screen(page: Page, name: str) -> None:
    """Go to a screen of the console."""
    page.goto(f"/#/console/{name}")
    settled(page)


def with_change(page: Page, path: str, change: dict[str, Any]) -> None:
    """Let the page see what the service answers with some of it changed."""

    def answer(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | change)

    page.route(path, answer)


def test_the_overview_tells_how_everything_is(sign_in: SignIn, world: World) -> None:
    page = sign_in("operator")
    screen(page, "overview")
    health = tile(page, "Health")
    for part in ("Documents", "Search", "Answers", "Redis"):
        expect(health.get_by_role("listitem").filter(has_text=re.compile(f"^{part}works"))).to_be_visible()
    expect(tile(page, "Learning")).to_contain_text(re.compile(r"\d+ of \d+"))
    expect(tile(page, "Learning").get_by_role("link", name="base-extractive")).to_be_visible()

    days = tile(page, "The last 30 days")
    said = re.compile(r"Judgements in 30 days: [1-9]\d* up, [1-9]\d* down")
    expect(days.get_by_role("img", name=said)).to_be_visible()
    days.get_by_role("button", name="As a table").click()
    expect(days.get_by_role("row")).to_have_count(31)

    row(page, "Shop").get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"#/console/documents/{world.collections['Shop']}"))


def test_the_overview_says_what_is_not_well_first(sign_in: SignIn) -> None:
    page = sign_in("operator")
    parts = [
        {"name": "catalog", "state": "ready", "detail": ""},
        {"name": "redis", "state": "down", "detail": "no answer"},
    ]
    away = {"parts": parts, "workers": 0, "days": [], "next": [], "versions": []}
    with_change(page, "**/v1/overview", away)
    screen(page, "overview")
    expect(page.get_by_text("One part needs attention")).to_be_visible()
    expect(tile(page, "Health").get_by_role("listitem").first).to_contain_text("Redisdownno answer")
    expect(tile(page, "Health")).to_contain_text("No worker runs")
    expect(tile(page, "Learning")).to_contain_text("Nothing is planned.")
    expect(tile(page, "The last 30 days")).to_contain_text("The figures cannot be had now.")
    assert_accessible(page)


def test_the_overview_refreshes_by_itself(sign_in: SignIn) -> None:
    page = sign_in("operator")
    page.clock.install()
    screen(page, "overview")
    expect(page.get_by_text("Everything works")).to_be_visible()
    with_change(page, "**/v1/overview", {"parts": [{"name": "redis", "state": "down", "detail": ""}]})
    page.clock.run_for(11_000)
    expect(page.get_by_text("One part needs attention")).to_be_visible()


def test_what_cannot_be_loaded_is_said(sign_in: SignIn, allowed: list[str]) -> None:
    allowed.append("status of 503")
    page = sign_in("admin")
    for name, path in (("overview", "overview"), ("jobs", "jobs?*"), ("keys", "keys"), ("settings", "settings")):
        page.route(f"**/v1/{path}", lambda route: route.fulfill(status=503, body=REDIS_DOWN))
        screen(page, name)
        expect(page.get_by_role("alert").filter(has_text="Redis is down.")).to_be_visible()
        assert_accessible(page)
        page.unroute(f"**/v1/{path}")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert").filter(has_text="Redis is down.")).to_have_count(0)


def test_a_failed_job_is_looked_into_and_tried_again(sign_in: SignIn) -> None:
    page = sign_in("operator")
    screen(page, "jobs")
    page.get_by_label("Status").select_option("failed")
    page.get_by_label("Kind").select_option("ingest")
    expect(page).to_have_url(re.compile(r"status=failed&kind=ingest|kind=ingest&status=failed"))
    row(page, "scan.pdf").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="scan.pdf")).to_be_visible()
    expect(page.get_by_text("Export it again").first).to_be_visible()
    log = page.get_by_role("log")
    expect(log).to_contain_text("scan.pdf")
    assert_accessible(page)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("It is tried again.")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible(timeout=120_000)  # it failed once more
    page.get_by_role("link", name="The document").click()
    expect(page.get_by_role("alert")).to_contain_text("The PDF is damaged")


def test_a_job_at_work_shows_how_far_it_is_and_is_cancelled(sign_in: SignIn) -> None:
    page = sign_in("operator")
    job: dict[str, Any] = {
        "id": "ingest:vs_1:file-1",
        "object": "job",
        "kind": "ingest",
        "status": "in_progress",
        "stage": "embedding",
        "percent": 40,
        "attempts": 1,
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_000,
        "last_error": None,
        "vector_store_id": "vs_1",
        "file_id": "file-1",
        "filename": "long.pdf",
    }
    asked = []

    def cancelled(route: Route) -> None:
        asked.append(route.request.method)
        job.update(status="cancelled", stage="done")
        route.fulfill(json=job)

    def listed(route: Route) -> None:
        job["percent"] += 10
        route.fulfill(body=json.dumps({"object": "list", "data": [job], "has_more": False, "last_id": job["id"]}))

    page.route("**/v1/jobs?*", listed)
    page.route("**/v1/jobs/*/cancel", cancelled)
    screen(page, "jobs")
    expect(row(page, "long.pdf")).to_contain_text("Embedding50 %")
    expect(row(page, "long.pdf")).to_contain_text("Embedding60 %")  # it follows by itself
    page.get_by_role("button", name="Cancel long.pdf").click()
    expect(page.get_by_role("dialog")).to_contain_text("It can be tried again later.")
    assert not asked
    page.get_by_role("button", name="Cancel the job").click()
    expect(row(page, "long.pdf")).to_contain_text("Cancelled")
    assert asked == ["POST"]


def test_a_key_is_made_shown_once_and_revoked(sign_in: SignIn, world: World, allowed: list[str]) -> None:
    name = f"Kiosk {uuid4().hex[:6]}"
    page = sign_in("admin", permissions=["clipboard-read", "clipboard-write"])
    screen(page, "keys")
    expect(row(page, "yours")).to_have_count(1)
    page.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name: who or what it is for").fill(name)
    dialog.get_by_label("Role").select_option("operator")
    expect(dialog).to_contain_text("Also brings documents in")
    dialog.get_by_label("How long it lasts").select_option("7")
    dialog.get_by_label("Groups whose collections it may read").fill("lobby, shop")
    dialog.get_by_text("More", exact=True).click()
    dialog.get_by_label("Segment").fill("kiosk")
    dialog.get_by_label("Requests a minute").fill("90")
    assert_accessible(page)
    dialog.get_by_role("button", name="Make a key").click()

    secret = page.get_by_label("The key", exact=True)
    key = secret.input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    assert_accessible(page)
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert key not in page.content()
    made = row(page, name)
    expect(made).to_contain_text("Operator")
    expect(made).to_contain_text("groups lobby, shop · segment kiosk · 90 requests a minute")
    expect(made).to_contain_text("ends in")

    def status() -> int:
        return httpx.get(f"{world.url}/v1/jobs", headers={"Authorization": f"Bearer {key}"}).status_code

    assert status() == 200
    page.get_by_role("button", name=f"Revoke {name}").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"ends in {key[-4:]}")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row(page, name)).to_have_count(0)
    assert status() == 401
    page.get_by_label(re.compile("Show those that have ended")).check()
    expect(row(page, name)).to_contain_text("revoked")


def test_settings_are_masked_grouped_and_found(sign_in: SignIn) -> None:
    page = sign_in("admin")
    screen(page, "settings")
    service = page.get_by_role("region", name="The service")
    expect(service).to_contain_text("GROUNDLOOP_PORT")
    expect(page.get_by_role("region", name="Learning")).to_contain_text("GROUNDLOOP_TRAIN_MIN_JUDGEMENTS")
    page.get_by_label(re.compile("Only those that were changed")).check()
    expect(page.get_by_text("GROUNDLOOP_LOG_FORMAT")).to_have_count(0)
    expect(service).to_contain_text("GROUNDLOOP_PORT")
    expect(service).to_contain_text("Default: 8000")
    page.get_by_label("Find a setting").fill("nothing is called so")
    expect(page.get_by_text("No setting is like that.")).to_be_visible()
    page.get_by_label(re.compile("Only those that were changed")).uncheck()
    page.get_by_label("Find a setting").fill("milvus")
    expect(page.get_by_role("region")).to_have_count(1)
    assert_accessible(page)


def test_what_only_admins_may_see_is_not_offered_to_operators(sign_in: SignIn) -> None:
    page = sign_in("operator")
    screen(page, "keys")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    console = page.get_by_role("navigation", name="Console")
    expect(console.get_by_role("link", name="Jobs")).to_be_visible()
    expect(console.get_by_role("link", name="Keys")).to_have_count(0)
    expect(console.get_by_role("link", name="Settings")).to_have_count(0)


def test_the_screens_fit_a_phone(sign_in: SignIn) -> None:
    for scheme in ("light", "dark"):
        page = sign_in("admin", viewport=PHONE, color_scheme=scheme)
        for name in ("overview", "jobs", "keys", "settings"):
            screen(page, name)
            expect(page.locator("h1")).to_be_visible()
            assert_no_sideways_scroll(page)
            assert_accessible(page)
        screen(page, "jobs")
        row(page, "scan.pdf").first.click(position={"x": 20, "y": 50})
        expect(page.get_by_role("log")).to_be_visible()
        assert_no_sideways_scroll(page)
