"""Documents in the console: bring them in, follow them, find them, read their passages, and delete them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.checks import PHONE, assert_accessible, assert_no_sideways_scroll
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import World
from tests.e2e.running import wait_until

HARBOUR = """# The harbour

## Mooring

A boat may lie at the guest pier for three nights. The fee is nineteen euros a night.

## Water and power

Drinking water is at the end of pier four. Power sockets are switched on at the harbour office.
"""
INGESTED_MS = 120_000


@pytest.fixture
def collection(world: World) -> Iterator[tuple[str, str]]:
    """Give the id and the name of an empty collection of the test's own."""
    name = f"Harbour {uuid4().hex[:6]}"
    with world.http("operator") as http:
        store = http.post("/v1/vector_stores", json={"name": name}).raise_for_status().json()["id"]
        yield store, name
        http.delete(f"/v1/vector_stores/{store}")


@pytest.fixture
def filled(world: World, collection: tuple[str, str]) -> tuple[str, str]:
    """Give that collection with one document that can be searched and one that cannot be read."""
    store, name = collection
    with world.http("operator") as http:
        for filename, content in (("harbour.md", HARBOUR.encode()), ("broken.pdf", b"%PDF-1.7\nnot a document")):
            file = http.post("/v1/files", files={"file": (filename, content)}).raise_for_status().json()
            http.post(f"/v1/vector_stores/{store}/files", json={"file_id": file["id"]}).raise_for_status()

        def ended() -> bool:
            counts = http.get(f"/v1/vector_stores/{store}").raise_for_status().json()["file_counts"]
            return bool(counts["completed"] == 1 and counts["failed"] == 1)

        wait_until(ended, INGESTED_MS / 1000)
    return store, name


def row(page: Page, name: str) -> Locator:
    """Find the row of a table in which that stands."""
    return page.get_by_role("row").filter(has_text=name)


def open_at(page: Page, store: str, more: str = "") -> None:
    """Go to a collection."""
    page.goto(f"/#/console/documents/{store}{more}")
    settled(page)


def test_files_are_brought_in_and_each_says_what_became_of_it(
    sign_in: SignIn, allowed: list[str], tmp_path: Path
) -> None:
    allowed.append(r"status of 400 .*/v1/files\)$")  # the empty file
    for name, content in {"harbour.md": HARBOUR, "broken.pdf": "%PDF-1.7\nno", "empty.txt": ""}.items():
        (tmp_path / name).write_text(content)
    page = sign_in("operator", at="/#/console/documents")
    # Playwright catches choosers from here on; begun only with the key that opens one, it may come too late.
    page.on("filechooser", lambda _: None)
    name = f"Piers {uuid4().hex[:6]}"
    page.get_by_role("button", name="New collection").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make a collection").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()

    chooser = page.get_by_role("button", name="Choose files")
    chooser.focus()
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Enter")
    chosen.value.set_files([tmp_path / "harbour.md", tmp_path / "broken.pdf", tmp_path / "empty.txt"])
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_role("status")).to_have_text(re.compile("2 files were uploaded, 1 could not be"))
    expect(uploads).to_contain_text("empty.txt the file is empty")
    # Without a reload: the screen follows what is ingested.
    expect(row(page, "harbour.md")).to_contain_text("Ready", timeout=INGESTED_MS)
    expect(row(page, "broken.pdf")).to_contain_text("Failed", timeout=INGESTED_MS)

    page.get_by_role("link", name="Show why").click()
    expect(row(page, "broken.pdf")).to_contain_text("Damaged")
    expect(row(page, "harbour.md")).to_have_count(0)
    row(page, "broken.pdf").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The PDF is damaged and cannot be opened. Export it again.")

    page.get_by_role("navigation", name="Where you are").get_by_role("link", name=name).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("all its 2 documents")
    delete = page.get_by_role("dialog").get_by_role("button", name="Delete")
    expect(delete).to_be_disabled()
    page.get_by_label(f"Type {name} to go on").fill(name)
    delete.click()
    expect(page.get_by_role("button", name="New collection")).to_be_visible()
    expect(row(page, name)).to_have_count(0)


def test_files_are_dropped_anywhere_on_the_screen(sign_in: SignIn, collection: tuple[str, str]) -> None:
    page = sign_in("operator")
    open_at(page, collection[0])
    held = page.evaluate_handle(
        """(text) => {
          const held = new DataTransfer();
          for (const name of ["one.md", "two.md"]) held.items.add(new File([text + name], name));
          return held;
        }""",
        HARBOUR,
    )
    page.dispatch_event("h1", "dragenter", {"dataTransfer": held})
    expect(page.get_by_text("Let go to bring them in")).to_be_visible()
    page.dispatch_event("h1", "drop", {"dataTransfer": held})
    for name in ("one.md", "two.md"):
        expect(row(page, name)).to_contain_text("Ready", timeout=INGESTED_MS)
    page.get_by_label("Find by name").fill("TWO")
    expect(row(page, "two.md")).to_be_visible()
    expect(row(page, "one.md")).to_have_count(0)
    page.get_by_label("Find by name").fill("seventeen")
    expect(page.get_by_text("No document is like that.")).to_be_visible()


def test_a_search_is_tried_and_leads_to_the_passage(sign_in: SignIn, filled: tuple[str, str]) -> None:
    page = sign_in("operator")
    open_at(page, filled[0])
    page.get_by_role("link", name="Try a search").click()
    page.get_by_label("Question or words").fill("What does a night at the guest pier cost?")
    page.keyboard.press("Enter")
    found = page.get_by_role("listitem").filter(has_text="nineteen euros")
    expect(found).to_contain_text("Mooring")
    expect(found).to_contain_text(re.compile(r"Score \d\.\d{3}"))
    found.get_by_role("link").click()
    shown = page.locator("li.here")
    expect(shown).to_be_focused()
    expect(shown).to_contain_text("nineteen euros")
    expect(shown).to_contain_text("Mooring")
    expect(shown).to_contain_text(re.compile(r"characters \d+–\d+"))


def test_pages_are_shown_where_the_format_has_them(sign_in: SignIn, world: World) -> None:
    page = sign_in("operator")
    open_at(page, world.collections["Office"])
    row(page, "travel.pdf").get_by_role("link").click()
    expect(page.get_by_text(re.compile(r"^pages? 1.* · characters")).first).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename.endswith("travel.pdf")


def test_readers_are_chosen(sign_in: SignIn, world: World, filled: tuple[str, str]) -> None:
    store, name = filled
    page = sign_in("operator")
    open_at(page, store)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill(f"{name} office")
    page.get_by_label("Only some").check()
    page.get_by_label("Name of the reader").fill("crew")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=f"{name} office")).to_be_visible()
    expect(page.get_by_text("Group crew")).to_be_visible()
    with world.http("user") as http:
        assert store not in [one["id"] for one in http.get("/v1/vector_stores").json()["data"]]
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Everybody with a key").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Everybody with a key")).to_be_visible()
    with world.http("user") as http:
        assert store in [one["id"] for one in http.get("/v1/vector_stores").json()["data"]]


def test_a_document_is_tried_again_and_deleted(sign_in: SignIn, world: World, filled: tuple[str, str]) -> None:
    store, _ = filled
    page = sign_in("operator")
    open_at(page, store)
    page.get_by_role("button", name="Retry broken.pdf").click()
    expect(row(page, "broken.pdf")).not_to_contain_text("Failed")
    expect(row(page, "broken.pdf")).to_contain_text("Failed", timeout=INGESTED_MS)
    page.get_by_role("button", name="Delete harbour.md").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It leaves the search at once")
    dialog.get_by_label("Delete the uploaded file too").check()
    expect(dialog).to_contain_text("gone for good")
    dialog.get_by_role("button", name="Delete").click()
    expect(row(page, "harbour.md")).to_have_count(0)
    with world.http() as http:
        assert "harbour.md" not in [
            one["filename"] for one in http.get(f"/v1/vector_stores/{store}/files").json()["data"]
        ]


def test_what_the_service_cannot_do_now_is_said_and_tried_again(
    sign_in: SignIn, allowed: list[str], collection: tuple[str, str]
) -> None:
    allowed.append("status of (503|404)")
    page = sign_in("operator")
    down = '{"error": {"message": "The disk is full.", "type": "server_error", "param": null, "code": "x"}}'
    later = {"Retry-After": "2"}
    page.route("**/v1/vector_stores/*", lambda route: route.fulfill(status=503, body=down, headers=later))
    open_at(page, collection[0])
    expect(page.get_by_role("alert")).to_contain_text("The disk is full. Try again in 2 s.")
    page.unroute("**/v1/vector_stores/*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("No documents yet. Choose files above, or drop them here.")).to_be_visible()
    open_at(page, "vs_of_nobody")
    expect(page.get_by_role("alert")).to_contain_text("There is no collection")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_form_is_accessible_and_fits_a_phone(sign_in: SignIn, filled: tuple[str, str], scheme: str) -> None:
    store, _ = filled
    page = sign_in("operator", viewport=PHONE, color_scheme=scheme)
    for more in ("", "?status=failed", "?view=search"):
        open_at(page, store, more)
        assert_accessible(page)
        assert_no_sideways_scroll(page)
    page.get_by_label("Question or words").fill("pier")
    page.keyboard.press("Enter")
    page.get_by_role("listitem").filter(has_text="pier").get_by_role("link").first.click()
    expect(page.locator("li.here")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    open_at(page, store)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Only some").check()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete harbour.md").click()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
