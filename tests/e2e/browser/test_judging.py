"""Judging an answer: thumbs, every kind of reason, a better answer, marks, scores, and taking it all back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.asking import ask_on
from tests.e2e.browser.checks import PHONE, assert_accessible, assert_no_sideways_scroll
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.judging import judging, known, sent, thumb, vote_of
from tests.e2e.browser.world import KNOWN, UNKNOWN, World
from training.records.reasons import SIGNALS, Reason

HOLIDAY = KNOWN[0][0]
UP, DOWN = "Good answer", "Bad answer"


@pytest.fixture
def asked(sign_in: SignIn) -> Page:
    """Give the page of somebody who only asks, and has asked."""
    page = sign_in("user")
    ask_on(page, HOLIDAY)
    return page


def panel(page: Page) -> None:
    """Wait for what opens below a thumb."""
    expect(judging(page).get_by_role("button", name="Send")).to_be_visible()


def unfold(page: Page, part: str) -> None:
    """Open a part of the panel."""
    judging(page).locator("summary").filter(has_text=part).click()


def refuse(page: Page, status: int, code: str, retry_after: int | None = None) -> None:
    """Let the service refuse the next vote this way; those after it reach it again."""

    error = {"error": {"message": "no", "type": "x", "param": None, "code": code}}
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    page.route("**/vote", lambda route: route.fulfill(status=status, json=error, headers=headers), times=1)


def test_a_thumb_is_kept_and_stays_after_a_reload(asked: Page, world: World) -> None:
    up = judging(asked).get_by_role("button", name=UP)
    expect(up).to_have_attribute("aria-pressed", "false")
    answer_id = thumb(asked, UP)
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(judging(asked).get_by_role("status")).to_have_text("Your vote is kept.")
    assert vote_of(world, answer_id)["rating"] == "up"
    asked.reload()
    expect(judging(asked).get_by_role("button", name=UP)).to_have_attribute("aria-pressed", "true")


def test_the_other_thumb_takes_the_place_of_the_first_and_of_its_reasons(asked: Page, world: World) -> None:
    thumb(asked, UP)
    judging(asked).get_by_role("button", name="It is right").click()
    judging(asked).get_by_label("Comment").fill("Short and right.")
    sent(asked, judging(asked).get_by_role("button", name="Send").click)
    answer_id = thumb(asked, DOWN)
    expect(judging(asked).get_by_role("button", name=UP)).to_have_attribute("aria-pressed", "false")
    vote = vote_of(world, answer_id)
    assert (vote["rating"], vote["reasons"], vote["comment"]) == ("down", [], "Short and right.")


OFFERED: list[tuple[str, str, list[Reason]]] = [
    (UP, "The answer", ["accurate", "complete", "clear", "followed_instructions"]),
    (UP, "The sources", ["good_sources"]),
    (DOWN, "The answer", ["wrong_answer", "incomplete", "unclear", "too_long", "ignored_instructions"]),
    (DOWN, "The sources", ["wrong_source"]),
    (DOWN, "The documents", ["missing_document", "outdated_source"]),
    (DOWN, "Whether to answer", ["should_have_refused"]),
    (DOWN, "Something else", ["other"]),
]


@pytest.mark.parametrize(("rating", "group", "reasons"), OFFERED, ids=[f"{one[0]}: {one[1]}" for one in OFFERED])
def test_a_reason_of_every_kind(asked: Page, world: World, rating: str, group: str, reasons: list[Reason]) -> None:
    answer_id = thumb(asked, rating)
    panel(asked)
    offered = judging(asked).get_by_role("group", name=re.compile(f"^{group}")).get_by_role("button")
    assert [one.get_attribute("data-reason") for one in offered.all()] == reasons
    for one in offered.all():
        one.click()
        expect(one).to_have_attribute("aria-pressed", "true")
    sent(asked, judging(asked).get_by_role("button", name="Send").click)
    assert vote_of(world, answer_id)["reasons"] == sorted(reasons)
    assert len({SIGNALS[one] for one in reasons}) == 1, "a group teaches one thing"
    expect(judging(asked).get_by_role("button", name="Edit my vote")).to_be_focused()


def test_an_answer_that_declined_has_its_own_reason(sign_in: SignIn, world: World) -> None:
    page = sign_in("user")
    ask_on(page, UNKNOWN)
    answer_id = thumb(page, DOWN)
    group = judging(page).get_by_role("group", name="Whether to answer")
    expect(group.get_by_role("button")).to_have_text(["It is in the documents"])
    group.get_by_role("button").click()
    sent(page, judging(page).get_by_role("button", name="Send").click)
    assert vote_of(world, answer_id)["reasons"] == ["should_not_have_refused"]


def test_more_than_eight_reasons_cannot_be_chosen(asked: Page) -> None:
    thumb(asked, DOWN)
    for reason in [one for _, _, reasons in OFFERED[2:5] for one in reasons]:
        judging(asked).locator(f"[data-reason={reason}]").click()
    expect(judging(asked).get_by_role("button", name="Other")).to_be_disabled()
    expect(judging(asked)).to_contain_text("Eight reasons are the most")


def test_a_comment_a_better_answer_marks_and_scores_go_whole(asked: Page, world: World) -> None:
    answer_id = thumb(asked, DOWN)
    box = judging(asked)
    box.get_by_label("Comment").fill("It was changed in June.")
    unfold(asked, "A better answer")
    box.get_by_label("A better answer").fill("Thirty-one days since June.")
    unfold(asked, "Mark the sources")
    box.get_by_role("button", name="Helped: ").first.click()
    unfold(asked, "Score it")
    box.get_by_role("button", name="Helpful: 2 of 5").click()
    box.get_by_role("button", name="Clear: 5 of 5").click()
    sent(asked, box.get_by_role("button", name="Send").click)
    vote = vote_of(world, answer_id)
    assert vote["comment"] == "It was changed in June."
    assert vote["correction"] == "Thirty-one days since June."
    assert [one["relevant"] for one in vote["evidence"]] == [True]
    assert vote["scores"] == {"helpful": 2, "clear": 5}

    asked.reload()
    box = judging(asked)
    box.get_by_role("button", name="Edit my vote").click()
    expect(box.get_by_label("Comment")).to_have_value("It was changed in June.")
    expect(box.get_by_label("A better answer")).to_have_value("Thirty-one days since June.")
    box.get_by_label("Comment").fill("")
    sent(asked, box.get_by_role("button", name="Send").click)
    vote = vote_of(world, answer_id)
    assert vote["comment"] == "", "what is left out is no longer said"
    assert vote["correction"] == "Thirty-one days since June."


def test_a_better_answer_may_start_from_the_answer(asked: Page) -> None:
    thumb(asked, DOWN)
    unfold(asked, "A better answer")
    judging(asked).get_by_role("button", name="Start from the answer").click()
    expect(judging(asked).get_by_label("A better answer")).to_have_value(re.compile(KNOWN[0][1]))


def test_a_passage_is_marked_on_the_card_of_its_citation_without_a_thumb(asked: Page, world: World) -> None:
    asked.get_by_role("button", name="Source 1").first.click()
    card = asked.get_by_role("dialog", name="Source 1")
    found = sent(asked, card.get_by_role("button", name="Did not help").click)
    expect(card.get_by_role("button", name="Did not help")).to_have_attribute("aria-pressed", "true")
    vote = vote_of(world, found["answer_id"])
    assert vote["rating"] is None
    assert [one["relevant"] for one in vote["evidence"]] == [False]
    sent(asked, card.get_by_role("button", name="Did not help").click)
    assert known(world, found["answer_id"])["vote"] is None, "nothing is said any more"


@pytest.mark.parametrize("how", ["the thumb again", "the button"])
def test_a_vote_is_withdrawn_and_given_again(asked: Page, world: World, how: str) -> None:
    answer_id = thumb(asked, UP)
    name = UP if how == "the thumb again" else "Withdraw my vote"
    sent(asked, judging(asked).get_by_role("button", name=name).click)
    expect(judging(asked).get_by_role("button", name=UP)).to_have_attribute("aria-pressed", "false")
    expect(judging(asked).get_by_role("status")).to_have_text("Your vote is withdrawn.")
    assert known(world, answer_id)["vote"] is None
    sent(asked, judging(asked).get_by_role("button", name="Undo").click)
    assert vote_of(world, answer_id)["rating"] == "up"


def test_too_long_a_comment_is_told_at_its_field_and_nothing_is_lost(
    asked: Page, world: World, allowed: list[str]
) -> None:
    allowed.append("status of 400")
    answer_id = thumb(asked, DOWN)
    field = judging(asked).get_by_label("Comment")
    field.fill("x" * 4001)
    expect(judging(asked)).to_contain_text("1 characters too many")
    judging(asked).get_by_role("button", name="Send").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(judging(asked).get_by_role("alert")).to_contain_text("4000")
    expect(field).to_have_value("x" * 4001)
    assert vote_of(world, answer_id)["comment"] == ""
    field.fill("x" * 4000)
    sent(asked, judging(asked).get_by_role("button", name="Send").click)
    assert len(vote_of(world, answer_id)["comment"]) == 4000


REFUSED = [
    (503, "redis_unavailable", 2, "cannot keep votes at the moment. Try again in 2 s"),
    (429, "rate_limit_exceeded", 7, "Wait 7 s"),
]


@pytest.mark.parametrize(("status", "code", "retry_after", "told"), REFUSED, ids=["down", "too many"])
def test_what_was_not_kept_is_undone_told_and_tried_again(
    asked: Page, world: World, allowed: list[str], status: int, code: str, retry_after: int, told: str
) -> None:
    allowed.append(f"status of {status}")
    refuse(asked, status, code, retry_after)
    judging(asked).get_by_role("button", name=UP).click()
    expect(judging(asked).get_by_role("alert")).to_contain_text(told)
    expect(judging(asked).get_by_role("button", name=UP)).to_have_attribute("aria-pressed", "false")
    found = sent(asked, judging(asked).get_by_role("button", name="Try again").click)
    expect(judging(asked).get_by_role("alert")).to_have_count(0)
    assert vote_of(world, found["answer_id"])["rating"] == "up"


def test_without_a_network_the_thumb_goes_back_and_the_words_stay(
    asked: Page, world: World, allowed: list[str]
) -> None:
    allowed.append("ERR_INTERNET_DISCONNECTED")
    thumb(asked, DOWN)
    judging(asked).get_by_label("Comment").fill("Written on a train.")
    asked.context.set_offline(True)
    judging(asked).get_by_role("button", name="Send").click()
    expect(judging(asked).get_by_role("alert")).to_contain_text("does not answer")
    expect(judging(asked).get_by_label("Comment")).to_have_value("Written on a train.")
    asked.context.set_offline(False)
    found = sent(asked, judging(asked).get_by_role("button", name="Try again").click)
    assert vote_of(world, found["answer_id"])["comment"] == "Written on a train."


def test_an_answer_that_is_gone_cannot_be_voted_on(asked: Page, allowed: list[str]) -> None:
    allowed.append("status of 404")
    refuse(asked, 404, "answer_not_found")
    judging(asked).get_by_role("button", name=DOWN).click()
    expect(judging(asked).get_by_role("alert")).to_contain_text("no longer kept")
    expect(judging(asked).get_by_role("button", name="Try again")).to_have_count(0)


def test_escape_closes_the_panel_and_gives_the_focus_back(asked: Page) -> None:
    thumb(asked, DOWN)
    judging(asked).get_by_label("Comment").fill("Half a thought")
    judging(asked).get_by_label("Comment").press("Escape")
    expect(judging(asked).get_by_role("button", name="Send")).to_have_count(0)
    more = judging(asked).get_by_role("button", name="Say why")
    expect(more).to_be_focused()
    more.press("Enter")
    expect(judging(asked).get_by_label("Comment")).to_have_value("Half a thought")
    judging(asked).get_by_role("button", name=DOWN).press("Escape")
    expect(judging(asked).get_by_role("button", name="Send")).to_have_count(0)


def test_the_keyboard_alone_is_enough(asked: Page, world: World) -> None:
    judging(asked).get_by_role("button", name=DOWN).focus()
    found = sent(asked, lambda: asked.keyboard.press("Space"))
    panel(asked)
    for _ in range(40):
        asked.keyboard.press("Tab")
        if asked.evaluate("document.activeElement.dataset.reason") == "too_long":
            break
    asked.keyboard.press("Space")
    judging(asked).get_by_label("Comment").focus()
    asked.keyboard.type("Half of it would do.")
    for _ in range(40):
        asked.keyboard.press("Tab")
        if asked.evaluate("document.activeElement.textContent.trim()") == "Send":
            break
    sent(asked, lambda: asked.keyboard.press("Enter"))
    vote = vote_of(world, found["answer_id"])
    assert (vote["reasons"], vote["comment"]) == (["too_long"], "Half of it would do.")


def test_who_answered_is_told(asked: Page, world: World) -> None:
    expect(judging(asked)).to_contain_text("Answered by base-extractive")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_is_accessible_and_fits_a_phone(sign_in: SignIn, scheme: str) -> None:
    page = sign_in("user", viewport=PHONE, color_scheme=scheme, has_touch=True)
    ask_on(page, HOLIDAY)
    thumb(page, DOWN)
    judging(page).get_by_role("button", name="Too long").click()
    for part in ("A better answer", "Mark the sources", "Score it"):
        unfold(page, part)
    assert_no_sideways_scroll(page)
    assert_accessible(page)
