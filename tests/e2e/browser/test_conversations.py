"""Conversations: they survive a reload, nothing in them is lost, and nobody else who uses the browser sees them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser import chromium
from tests.e2e.browser.asking import answers, ask_on, composer
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.saying import CHAT, CONTENT, answer, body_of, quote, say, say_without_end
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import World

RIGHT = answer("A parcel may be sent back within 30 days of delivery. [1]", quote(CONTENT.split(". ")[1]))


def history(page: Page) -> Locator:
    """Give the list of conversations."""
    return page.get_by_role("list", name="Conversations")


def more(page: Page, title: str, what: str) -> None:
    """Do something with a conversation."""
    page.get_by_role("button", name=f"More for {title}").click()
    page.get_by_role("button", name=what, exact=True).click()


def ask_new(page: Page, question: str) -> None:
    """Ask in a new conversation."""
    page.get_by_role("link", name="New conversation").first.click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    ask_on(page, question)


def test_they_survive_a_reload(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, RIGHT)
    ask_on(page, "How long?")
    ask_on(page, "And abroad?")
    page.reload()
    settled(page)
    expect(answers(page)).to_have_count(2)
    answers(page).first.get_by_role("button", name="Source 1:").click()
    expect(page.get_by_role("dialog").locator("mark")).to_contain_text("within 30 days")
    page.goto("/#/")
    page.reload()
    history(page).get_by_role("link", name="How long?").click()
    expect(answers(page)).to_have_count(2)
    asked = say(page, RIGHT)
    ask_on(page, "And then?")
    assert len(body_of(asked[0])["messages"]) == 5


def test_they_are_found_named_kept_and_deleted(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, RIGHT)
    ask_new(page, "How long?")
    say(page, answer("Zebras are striped."))
    ask_new(page, "What about horses?")
    search = page.get_by_role("searchbox", name="Search conversations")
    search.fill("zebras")
    expect(history(page).get_by_role("listitem")).to_have_count(1)
    expect(history(page)).to_contain_text("What about horses?")
    search.fill("")
    more(page, "How long?", "Rename")
    page.get_by_label("Name", exact=True).fill("Parcels")
    page.get_by_role("button", name="Save").click()
    expect(history(page)).to_contain_text("Parcels")
    with page.expect_download() as caught:
        more(page, "Parcels", "Export as Markdown")
    assert caught.value.suggested_filename == "Parcels.md"
    text = Path(caught.value.path()).read_text()
    assert text.startswith("# Parcels\n")
    assert "> How long?" in text
    assert "- [1] Returns: “A parcel may be sent back within 30 days of delivery”" in text
    more(page, "What about horses?", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(history(page).get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    page.reload()
    expect(history(page).get_by_role("listitem")).to_have_count(1)


def test_a_changed_question_loses_nothing(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, answer("First."))
    ask_on(page, "One?")
    ask_on(page, "Two?")
    ask_on(page, "Three?")
    asked = say(page, answer("Changed."))
    page.get_by_role("button", name="Edit and ask again").nth(1).click()
    field = page.get_by_label("Change the question")
    expect(field).to_be_focused()
    field.fill("Two, but different?")
    field.press("Enter")
    expect(answers(page)).to_have_count(2)
    expect(answers(page).last).to_contain_text("Changed.")
    sent = [message["content"] for message in body_of(asked[0])["messages"]]
    assert sent == ["One?", "First.", "Two, but different?"]
    page.get_by_role("group", name="Question 2 of 2").get_by_role("button", name="Previous").click()
    expect(page.get_by_text("Three?", exact=True)).to_be_visible()
    expect(answers(page)).to_have_count(3)
    page.reload()
    expect(page.get_by_text("Three?", exact=True)).to_be_visible()
    page.get_by_role("group", name="Question 1 of 2").get_by_role("button", name="Next").click()
    expect(page.get_by_text("Two, but different?", exact=True)).to_be_visible()


def test_a_draft_is_kept(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, RIGHT)
    ask_on(page, "How long?")
    composer(page).fill("Half a question")
    page.get_by_role("link", name="New conversation").first.click()
    expect(composer(page)).to_have_value("")
    composer(page).fill("Another one\nof two lines")
    page.reload()
    expect(composer(page)).to_have_value("Another one\nof two lines")
    history(page).get_by_role("link", name="How long?").click()
    expect(composer(page)).to_have_value("Half a question")


def test_an_answer_goes_on_while_another_conversation_is_read(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, RIGHT)
    ask_on(page, "How long?")
    say_without_end(page)
    page.get_by_role("link", name="New conversation").first.click()
    composer(page).fill("Go on for ever")
    composer(page).press("Enter")
    expect(page.get_by_role("article")).to_contain_text("word2")
    history(page).get_by_role("link", name="How long?").click()
    expect(page.get_by_role("article")).to_contain_text("within 30 days")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    history(page).get_by_role("link", name="Go on for ever").click()
    expect(page.get_by_role("article")).to_contain_text("word20")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("article")).to_contain_text("Stopped.")


def test_another_tab_sees_them(sign_in: SignIn) -> None:
    page = sign_in("user")
    other = page.context.new_page()
    other.goto("/")
    settled(other)
    say(page, RIGHT)
    ask_on(page, "How long?")
    history(other).get_by_role("link", name="How long?").click()
    expect(answers(other)).to_have_count(1)
    ask_on(page, "And abroad?")
    expect(answers(other)).to_have_count(2)


def test_nobody_else_sees_them(sign_in: SignIn, world: World) -> None:
    page = sign_in("user")
    say(page, RIGHT)
    ask_on(page, "How long?")
    composer(page).fill("A secret draft")
    address = page.url
    chromium.sign_in(page.context, world.keys["operator"])
    page.reload()
    settled(page)
    expect(page.get_by_text("This conversation is not in this browser.")).to_be_visible()
    expect(history(page).get_by_role("listitem")).to_have_count(0)
    page.goto("/#/")
    expect(composer(page)).to_have_value("")
    chromium.sign_in(page.context, world.keys["user"])
    page.goto(address)
    page.reload()
    expect(answers(page)).to_have_count(1)


def test_keys(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, RIGHT)
    for number in range(6):
        ask_on(page, f"Question {number}?")
    thread = page.get_by_role("region", name="Conversation")
    thread.focus()
    page.keyboard.press("k")
    page.keyboard.press("k")
    before = thread.evaluate("one => one.scrollTop")
    page.keyboard.press("j")
    expect(page.locator("[data-turn] p:focus")).to_have_count(1)
    assert thread.evaluate("one => one.scrollTop") > before
    page.keyboard.press("/")
    expect(composer(page)).to_be_focused()
    page.keyboard.type("a/b?")
    expect(composer(page)).to_have_value("a/b?")
    page.keyboard.press("Shift+Enter")
    expect(composer(page)).to_have_value("a/b?\n")
    composer(page).fill("")
    thread.focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    keys.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    thread.focus()
    page.keyboard.press("/")
    expect(thread).to_be_focused()
    page.keyboard.press("Alt+k")
    expect(page.get_by_role("searchbox", name="Search conversations")).to_be_focused()
    page.keyboard.press("Alt+n")
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    expect(composer(page)).to_be_focused()


def test_an_example_asks_something(sign_in: SignIn) -> None:
    page = sign_in("user")
    expect(page.get_by_role("listitem").filter(has_text="Office")).to_contain_text("2 documents")
    example = page.get_by_role("button", name="What is there to know about").first
    words = example.inner_text()
    example.click()
    expect(composer(page)).to_have_value(words)
    expect(composer(page)).to_be_focused()
    with page.expect_request(CHAT):
        page.keyboard.press("Enter")
    expect(answers(page)).to_have_count(1)
