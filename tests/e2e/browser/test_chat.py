"""Asking: answers with their sources, what is said where there is none, and what can be done with an answer."""

from __future__ import annotations

import json
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.browser.asking import PATIENCE_MS, answers, ask_on, composer
from tests.e2e.browser.checks import PHONE, assert_accessible, assert_no_sideways_scroll
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.saying import CHAT, CONTENT, answer, body_of, passage, quote, refuse, say, say_without_end
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import KNOWN, UNKNOWN, World

ON_A_PAGE, WORDS = KNOWN[3]  # answered by a document that has pages
RIGHT = answer("A parcel may be sent back within 30 days of delivery. [1]", quote(CONTENT.split(". ")[1]))


def cite(shown: Locator, number: int = 1) -> Locator:
    """Give a marker of an answer."""
    return shown.get_by_role("button", name=f"Source {number}:")


def side(page: Page, name: str) -> Locator:
    """Give the panel beside the thread."""
    return page.get_by_role("complementary", name=name)


def _fulfill(route: Route, body: str) -> None:
    route.fulfill(content_type="text/event-stream", body=body)


def test_a_source_is_shown_where_it_stands(sign_in: SignIn) -> None:
    page = sign_in("user")
    shown = ask_on(page, ON_A_PAGE)
    marker = shown.get_by_role("button", name="Source").first
    marker.hover()
    card = page.get_by_role("dialog", name="Source")
    expect(card.locator("mark").first).to_contain_text(WORDS)
    expect(card).to_contain_text("Travel")
    expect(card).to_contain_text("pages 1–3")
    expect(card).to_contain_text("Verified")
    expect(card).to_contain_text("Match 0.")
    page.mouse.move(2, 2)
    expect(card).to_have_count(0)
    marker.click()
    expect(card).to_be_focused()
    card.get_by_role("button", name="Show in the document").click()
    document = side(page, "Document")
    expect(document.locator("mark").first).to_contain_text(WORDS)
    expect(document.locator("mark").first).to_be_in_viewport()
    # The rest of the document is around it.
    expect(document).to_contain_text("The company owns four cars.")
    with page.expect_download() as caught:
        document.get_by_role("link", name="Download the file").click()
    assert caught.value.suggested_filename.endswith("travel.pdf")
    page.keyboard.press("Escape")
    expect(document).to_have_count(0)
    expect(marker).to_be_focused()


def test_all_that_was_found_is_listed(sign_in: SignIn) -> None:
    page = sign_in("user")
    shown = ask_on(page, ON_A_PAGE)
    shown.get_by_role("button", name="passage").click()
    found = side(page, "What was found")
    expect(found.get_by_role("heading", name="Cited", exact=True)).to_be_visible()
    expect(found.locator("mark").first).to_contain_text(WORDS)
    expect(found.get_by_role("heading", name="Found, and not cited")).to_be_visible()
    found.get_by_role("button", name="Show in the document").last.click()
    document = side(page, "Document")
    expect(document).to_be_visible()
    document.get_by_role("button", name="What was found").click()
    expect(found).to_be_visible()


def test_what_is_not_in_the_documents_is_not_an_answer(sign_in: SignIn) -> None:
    page = sign_in("user")
    shown = ask_on(page, UNKNOWN)
    expect(shown.get_by_text("Not in the documents", exact=True)).to_be_visible()
    expect(shown.get_by_role("button", name="Source")).to_have_count(0)


def test_what_is_not_verified_says_so(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, answer("You have 90 days. [1]", quote("The label is free.", verified=False)))
    shown = ask_on(page, "How long?")
    expect(shown.get_by_text("Not verified", exact=True)).to_be_visible()
    cite(shown).click()
    expect(page.get_by_role("dialog")).to_contain_text("nothing in it was found to support")
    page.keyboard.press("Escape")
    say(page, answer("The moon is made of cheese.", recorded=False, answer_id=None, finish_reason="length"))
    shown = ask_on(page, "What is it made of?")
    expect(shown.get_by_text("No source", exact=True)).to_be_visible()
    expect(shown).to_contain_text("The service could not keep this answer")
    expect(shown).to_contain_text("ended at its length limit")


def test_a_document_that_is_gone_says_so(sign_in: SignIn, allowed: list[str]) -> None:
    allowed.append("status of 404 .*/v1/chunks/")
    page = sign_in("user")
    say(page, RIGHT)
    cite(ask_on(page, "How long?")).click()
    page.get_by_role("button", name="Show in the document").click()
    expect(side(page, "Document")).to_contain_text("taken away or replaced since")
    expect(side(page, "Document").locator("mark")).to_contain_text("30 days")


def test_quotes_are_found_beyond_the_first_plane(sign_in: SignIn) -> None:
    page = sign_in("user")
    content = "😀 first 𝒜𝒷𝒸 words. The second sentence is it. 🏁"
    cited = quote("The second sentence is it.", content=content)
    say(page, {**answer("It is it. [1]", cited), "retrieved": [passage(1, content)]})
    cite(ask_on(page, "Which?")).click()
    expect(page.get_by_role("dialog").locator("mark")).to_have_text("The second sentence is it.")


def test_stop_keeps_what_was_said(sign_in: SignIn) -> None:
    page = sign_in("user")
    say_without_end(page)
    composer(page).fill("Go on for ever")
    composer(page).press("Enter")
    streaming = page.get_by_role("article")
    expect(streaming).to_contain_text("word5")
    expect(streaming).to_have_attribute("aria-busy", "true")
    page.keyboard.press("Escape")
    expect(streaming).to_have_attribute("aria-busy", "false")
    expect(streaming).to_contain_text("Stopped.")
    said = streaming.locator(".markdown").inner_text()
    page.reload()
    settled(page)
    expect(page.get_by_role("article").locator(".markdown")).to_have_text(said)
    asked = say(page, RIGHT)
    ask_on(page, "And now?")
    # Half an answer is nobody's words: the service is not told that it said them.
    assert body_of(asked[0])["messages"] == [{"role": "user", "content": "And now?"}]


def test_a_screen_reader_hears_an_answer_once(sign_in: SignIn) -> None:
    page = sign_in("user")
    page.evaluate(
        """() => {
          window.heard = [];
          const status = document.querySelector(".chat > [role=status]");
          new MutationObserver(() => window.heard.push(status.textContent)).observe(
            status, { childList: true, characterData: true, subtree: true });
        }"""
    )
    say_without_end(page)
    composer(page).fill("Go on for ever")
    composer(page).press("Enter")
    expect(page.get_by_role("article")).to_contain_text("word20")
    assert page.evaluate("document.querySelectorAll('[aria-live]:not([aria-live=off]) .answer').length") == 0
    page.keyboard.press("Escape")
    expect(page.get_by_role("article")).to_contain_text("Stopped.")
    heard = page.evaluate("window.heard")
    assert heard[0] == "Answering."
    assert len(heard) == 2
    assert heard[1].startswith("Stopped.")


def test_answering_again_keeps_both(sign_in: SignIn) -> None:
    page = sign_in("user")
    first = ask_on(page, KNOWN[0][0]).locator(".markdown").inner_text()
    with page.expect_request(CHAT) as caught:
        page.get_by_role("button", name="Answer again").click()
    assert body_of(caught.value)["again"].startswith("ans_")
    steps = page.get_by_role("group", name="Answer 2 of 2")
    expect(steps).to_be_visible()
    expect(page.get_by_role("article", name="Answer 2 of 2").get_by_role("button", name="Copy")).to_be_visible(
        timeout=PATIENCE_MS
    )
    steps.get_by_role("button", name="Previous").click()
    expect(page.get_by_role("article", name="Answer 1 of 2").locator(".markdown")).to_have_text(first)


def test_a_busy_service_is_asked_again_when_it_said(sign_in: SignIn, allowed: list[str]) -> None:
    allowed.append("status of 503")
    page = sign_in("user")
    refuse(page, 503, "server_busy", "The line of questions is full.", 3)
    composer(page).fill("How long?")
    composer(page).press("Enter")
    shown = page.get_by_role("article")
    expect(shown).to_contain_text("The line of questions is full.")
    expect(shown.get_by_role("button", name="Try again in")).to_be_disabled()
    expect(page.get_by_role("status").filter(has_text="There is no answer.")).to_have_count(1)
    say(page, RIGHT)
    shown.get_by_role("button", name="Try again", exact=True).click()
    expect(cite(answers(page).last)).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(1)


def test_what_breaks_off_keeps_what_was_said(sign_in: SignIn) -> None:
    page = sign_in("user")
    chunk = {"id": "c", "model": "groundloop@x", "choices": [{"index": 0, "delta": {"content": "Half of it"}}]}
    error = {"error": {"message": "An answer took too long.", "type": "server_error", "code": "answer_timeout"}}
    half = f"data: {json.dumps(chunk)}\n\n"
    ends = {
        "took too long": f"data: {json.dumps(error)}\n\n",
        "ended before it was whole": "data: [DONE]\n\n",
    }
    for told, end in ends.items():
        page.unroute(CHAT)
        page.route(CHAT, partial(_fulfill, body=half + end))
        composer(page).fill("How long?")
        composer(page).press("Enter")
        shown = page.get_by_role("article").last
        expect(shown).to_contain_text(told)
        expect(shown).to_contain_text("Half of it")


def test_the_collections_and_the_version_are_chosen(sign_in: SignIn, world: World) -> None:
    page = sign_in("user", "/#/?model=groundloop@base-extractive")
    asked = say(page, RIGHT)
    expect(page.get_by_text("Every answer here comes from groundloop@base-extractive.")).to_be_visible()
    page.get_by_role("button", name="Look in").click()
    page.get_by_role("checkbox", name="Shop").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Look in: Shop")).to_be_focused()
    ask_on(page, "How long?")
    page.get_by_role("button", name="Let the service choose").click()
    page.get_by_role("button", name="Look in").click()
    page.get_by_role("checkbox", name="All collections").check()
    page.keyboard.press("Escape")
    ask_on(page, "And then?")
    first, second = (body_of(one) for one in asked)
    assert (first["model"], first["collections"]) == ("groundloop@base-extractive", [world.collections["Shop"]])
    assert second["model"] == "groundloop"
    assert "collections" not in second
    assert first["pairs"] is True
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    conversation = asked[0].headers["x-groundloop-conversation"]
    assert conversation == asked[1].headers["x-groundloop-conversation"]
    assert conversation in page.url


def test_an_answer_is_copied(sign_in: SignIn) -> None:
    page = sign_in("user", permissions=["clipboard-read", "clipboard-write"])
    say(page, RIGHT)
    shown = ask_on(page, "How long?")

    def copied(name: str) -> str:
        shown.get_by_role("button", name="Copy", exact=True).click()
        shown.get_by_role("button", name=name).click()
        told = page.get_by_text("Copied.", exact=True)
        expect(told).to_be_visible()
        page.get_by_role("button", name="Close", exact=True).last.click()
        expect(told).to_have_count(0)
        return str(page.evaluate("navigator.clipboard.readText()"))

    assert copied("Copy as text") == "A parcel may be sent back within 30 days of delivery."
    markdown = copied("Copy as Markdown, with sources")
    assert "of delivery. [1]" in markdown
    assert "- [1] Returns: “A parcel may be sent back within 30 days of delivery”" in markdown
    address = copied("Copy a link to this place")
    page.goto("/#/")
    page.goto(address)
    expect(page.get_by_role("article")).to_contain_text("within 30 days")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, None], ids=["phone", "wide"])
def test_every_state_is_accessible_and_fits(sign_in: SignIn, theme: str, viewport: dict[str, int] | None) -> None:
    page = sign_in("user", color_scheme=theme, **({"viewport": viewport} if viewport else {}))
    assert_accessible(page)
    say(page, RIGHT)
    cite(ask_on(page, "How long?")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    page.keyboard.press("Escape")
    say(page, answer("You have 90 days. [1]", quote("The label is free.", verified=False)))
    ask_on(page, "Are you sure?")
    say(page, answer("I could not find that in the documents.", abstained=True))
    ask_on(page, UNKNOWN)
    say(
        page,
        answer("Wide: `" + "w" * 400 + "`\n\n|" + "a long cell|" * 30 + "\n|" + "-|" * 30 + "\n\n    " + "code " * 90),
    )
    ask_on(page, "Wide?")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    answers(page).last.get_by_role("button", name="passage").click()
    expect(side(page, "What was found")).to_be_visible()
    assert_accessible(page)
    assert_no_sideways_scroll(page)
