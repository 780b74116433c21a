"""Two answers to one question: chosen blind, told then, taken back; what became of it all; and whether it may teach."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.browser.asking import PATIENCE_MS, answers, ask_on, composer
from tests.e2e.browser.checks import PHONE, assert_accessible, assert_no_sideways_scroll
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.judging import judging, known, sent, thumb
from tests.e2e.browser.world import KNOWN, World, settle_in, start

TRIES = 12
# As `lib/database.js` keeps it.
_TEXT = """
async ([owner, id]) => {
  const done = (asked) => new Promise((resolve) => (asked.onsuccess = () => resolve(asked.result)));
  const base = await done(indexedDB.open(`groundloop ${owner}`));
  const turns = await done(base.transaction("turns").objectStore("turns").getAll());
  base.close();
  return turns.flatMap((turn) => turn.answers).find((one) => one.id === id).text;
}
"""
PREFERENCES = "**/v1/preferences"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start one in which every prompt is answered twice, where the two differ."""
    folder = tmp_path_factory.mktemp("pairs")
    running = start(folder, pair_share="1")
    try:
        yield settle_in(running, folder)
    finally:
        running.destroy()


def question(page: Page) -> Locator:
    """Give what asks which of the newest two is better."""
    return page.get_by_role("region", name="Which answer is better?").last


def choice(page: Page) -> Locator:
    """Give what tells what was chosen."""
    return page.get_by_role("region", name="Your choice").last


def ask_for_two(page: Page) -> None:
    """Ask until the service shows two answers: two that say the same are given as one."""
    for number in range(TRIES):
        composer(page).fill(KNOWN[number % len(KNOWN)][0])
        composer(page).press("Enter")
        expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=PATIENCE_MS)
        expect(question(page).or_(answers(page).last)).to_be_visible(timeout=PATIENCE_MS)
        if question(page).count():
            return
    raise AssertionError(f"no two answers in {TRIES} questions")


def preferred(page: Page, act: Callable[[], Any]) -> dict[str, Any]:
    """Do something that sends a preference, and give the service's answer."""
    with page.expect_response(lambda one: one.request.method == "POST" and one.url.endswith("/preferences")) as caught:
        act()
    answer: dict[str, Any] = caught.value.json()
    return answer


def text_of(page: Page, answer_id: str) -> str:
    """Give the text of an answer, as the browser keeps it."""
    owner = page.context.request.get("/v1/session").json()["identity"]
    return str(page.evaluate(_TEXT, [owner, answer_id]))


OUTCOMES = [
    ("first", "The first is better", "1", "You chose the first answer. The conversation goes on with it."),
    ("second", "The second is better", "2", "You chose the second answer. The conversation goes on with it."),
    ("tie", "Equally good", "0", "You found them equally good."),
    ("both_bad", "Both are bad", "x", "You found both bad."),
]


@pytest.mark.parametrize(("outcome", "button", "key", "told"), OUTCOMES, ids=[one[0] for one in OUTCOMES])
def test_each_outcome_by_button_and_by_key(
    sign_in: SignIn, pairs: World, outcome: str, button: str, key: str, told: str
) -> None:
    page = sign_in("user", of=pairs)
    ask_for_two(page)
    shown = [one.inner_text() for one in page.locator(".side-by-side article").all()]
    assert len(shown) == 2
    assert "base-extractive" not in page.get_by_role("main").inner_text(), "nobody is told whose they are"
    expect(page.get_by_role("group", name="Judge this answer")).to_have_count(0)

    found = preferred(page, question(page).get_by_role("button", name=button).click)
    assert found["outcome"] == outcome
    expect(choice(page)).to_contain_text(told)
    expect(choice(page)).to_contain_text("Both came from base-extractive.")
    expect(choice(page)).to_be_focused()
    expect(judging(page)).to_contain_text("Answered by base-extractive")

    choice(page).get_by_role("button", name="Take it back").click()
    expect(question(page)).to_be_focused()
    with pairs.http("user") as http:
        assert http.get(f"/v1/preferences/{found['id']}").json()["preference"] is None

    again = preferred(page, lambda: page.keyboard.press(key))
    assert (again["outcome"], again["answers"]) == (outcome, found["answers"])
    expect(choice(page)).to_contain_text(told)
    page.reload()
    expect(choice(page)).to_contain_text(told)


def test_the_conversation_goes_on_with_the_one_that_was_chosen(sign_in: SignIn, pairs: World) -> None:
    page = sign_in("user", of=pairs)
    ask_for_two(page)
    found = preferred(page, question(page).get_by_role("button", name="The second is better").click)
    expect(choice(page)).to_be_visible()
    chosen = text_of(page, found["answers"][1])
    with page.expect_request(lambda one: one.url.endswith("/chat/completions")) as caught:
        composer(page).fill("And who says so?")
        composer(page).press("Enter")
    asked = json.loads(caught.value.post_data or "")
    assert asked["messages"][-2] == {"role": "assistant", "content": chosen}
    expect(answers(page).last).to_be_visible(timeout=PATIENCE_MS)


def test_a_question_may_be_left_open(sign_in: SignIn, pairs: World) -> None:
    page = sign_in("user", of=pairs)
    ask_for_two(page)
    question(page).get_by_role("button", name="Not now").click()
    expect(page.get_by_text("You have two answers to this question.").last).to_be_visible()
    assert "base-extractive" not in judging(page).inner_text()
    page.get_by_role("button", name="Compare them").last.click()
    expect(question(page)).to_be_focused()


def test_a_choice_that_did_not_arrive_is_sent_again_under_the_same_key(
    sign_in: SignIn, pairs: World, allowed: list[str]
) -> None:
    allowed.append("ERR_FAILED")
    page = sign_in("user", of=pairs)
    ask_for_two(page)
    keys: list[str | None] = []

    def lose_first(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) > 1:
            return route.continue_()
        route.fetch()  # it arrives; that it did does not
        return route.abort()

    page.route(PREFERENCES, lose_first)
    question(page).get_by_role("button", name="Equally good").click()
    expect(question(page).get_by_role("alert")).to_contain_text("does not answer")
    preferred(page, question(page).get_by_role("button", name="Try again").click)
    expect(choice(page)).to_contain_text("equally good")
    assert len(keys) == 2
    assert keys[0]
    assert keys[0] == keys[1]


def test_why_is_said_afterwards(sign_in: SignIn, pairs: World) -> None:
    page = sign_in("user", of=pairs)
    ask_for_two(page)
    found = preferred(page, question(page).get_by_role("button", name="The first is better").click)
    choice(page).get_by_role("button", name="Say why").click()
    choice(page).get_by_label("Comment").fill("It says it in one sentence.")
    again = preferred(page, choice(page).get_by_role("button", name="Send").click)
    assert (again["answers"], again["outcome"]) == (found["answers"], "first")
    assert again["comment"] == "It says it in one sentence."
    expect(choice(page).get_by_role("status")).to_have_text("Your comment is kept.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_answers_fit_a_phone_and_are_accessible(sign_in: SignIn, pairs: World, scheme: str) -> None:
    page = sign_in("user", of=pairs, viewport=PHONE, color_scheme=scheme, has_touch=True)
    ask_for_two(page)
    assert_no_sideways_scroll(page)
    assert_accessible(page)
    preferred(page, question(page).get_by_role("button", name="Both are bad").click)
    expect(choice(page)).to_be_visible()
    assert_no_sideways_scroll(page)
    assert_accessible(page)


def test_asked_again_both_answers_are_kept_and_can_be_compared(sign_in: SignIn, world: World) -> None:
    page = sign_in("user")
    ask_on(page, KNOWN[1][0])
    for _ in range(TRIES):
        page.get_by_role("button", name="Answer again").last.click()
        expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0, timeout=PATIENCE_MS)
        settled = page.get_by_text("Asked again, it said the same.").or_(page.get_by_text("You have two answers"))
        expect(settled.last).to_be_visible(timeout=PATIENCE_MS)
        if page.get_by_role("button", name="Compare them").count():
            break
    page.get_by_role("button", name="Compare them").click()
    expect(question(page)).to_be_focused()
    found = preferred(page, lambda: page.keyboard.press("2"))
    expect(choice(page)).to_contain_text("You chose the second answer.")
    with world.http("user") as http:
        story = http.get(f"/v1/preferences/{found['id']}").raise_for_status().json()
    assert story["preference"]["outcome"] == "second"


def test_what_became_of_a_vote_is_told_step_by_step(sign_in: SignIn, world: World) -> None:
    page = sign_in("user")
    ask_on(page, KNOWN[2][0])
    answer_id = thumb(page, "Good answer")
    sent(page, judging(page).get_by_role("button", name="Bad answer").click)
    judging(page).get_by_role("button", name="What became of it?").click()
    dialog = page.get_by_role("dialog", name="What became of it")
    story = known(world, answer_id)
    expect(dialog).to_contain_text(story["summary"])
    steps = dialog.get_by_role("listitem")
    assert [one["what"] for one in story["lineage"]] == ["recorded", "replaced", "waiting"]
    expect(steps).to_have_count(3)
    expect(steps.nth(0)).to_contain_text("You voted")
    expect(steps.nth(1)).to_contain_text("You changed your vote")
    expect(steps.nth(2)).to_contain_text("It waits for the next training")
    assert_accessible(page)
    with world.http("user") as http:
        http.put(f"/v1/answers/{answer_id}/vote", json={"rating": None}).raise_for_status()
    dialog.get_by_role("button", name="Look again").click()
    expect(dialog).to_contain_text("You withdrew your vote")
    page.keyboard.press("Escape")
    expect(judging(page).get_by_role("button", name="What became of it?")).to_be_focused()


STORY = [
    ("recorded", None, None, None),
    ("counted", "cycle_7", "v000003-extractive", "it counts for less, because many said the same within minutes"),
    ("on_trial", "cycle_7", "v000003-extractive", None),
    ("promoted", "cycle_7", "v000003-extractive", None),
    ("left_out", "cycle_9", None, "its voter is excluded"),
]


def test_a_long_story_names_version_and_cycle_and_leads_operators_there(sign_in: SignIn) -> None:
    page = sign_in("operator")
    ask_on(page, KNOWN[3][0])
    thumb(page, "Good answer")
    lineage = [
        {"at": 1_760_000_000 + n, "what": what, "cycle": cycle, "version": version, "reason": reason}
        for n, (what, cycle, version, reason) in enumerate(STORY)
    ]
    body = {"vote": None, "version": None, "lineage": lineage, "summary": "It went a long way."}
    page.route("**/vote", lambda route: route.fulfill(json=body))
    judging(page).get_by_role("button", name="What became of it?").click()
    dialog = page.get_by_role("dialog", name="What became of it")
    steps = dialog.get_by_role("listitem")
    expect(steps).to_have_count(len(STORY))
    expect(steps.nth(1)).to_contain_text("It counts for less")
    expect(steps.nth(3)).to_contain_text("passed its trial and serves")
    expect(steps.nth(4)).to_contain_text("An operator keeps your judgements out of training.")
    version = steps.nth(3).get_by_role("link", name="v000003-extractive")
    expect(version).to_have_attribute("href", "#/console/versions/v000003-extractive")
    cycle = steps.nth(3).get_by_role("link", name="Training cycle cycle_7")
    expect(cycle).to_have_attribute("href", "#/console/cycles/cycle_7")


def test_my_votes_lists_what_was_said_here(sign_in: SignIn, pairs: World) -> None:
    page = sign_in("user", of=pairs)
    ask_for_two(page)
    preferred(page, question(page).get_by_role("button", name="Both are bad").click)
    answer_id = thumb(page, "Good answer")
    page.goto("/#/votes")
    rows = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Open the conversation"))
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Good answer")
    expect(rows.nth(0)).to_contain_text(known(pairs, answer_id)["summary"])
    expect(rows.nth(1)).to_contain_text("Both are bad")
    assert_accessible(page)
    sent(page, rows.nth(0).get_by_role("button", name="Withdraw my vote").click)
    expect(rows.nth(0)).to_contain_text("You withdrew your vote")
    assert known(pairs, answer_id)["vote"] is None
    rows.nth(0).get_by_role("link", name="Open the conversation").click()
    expect(judging(page).get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")


def test_my_votes_are_mine(sign_in: SignIn) -> None:
    page = sign_in("user", at="/#/votes")
    expect(page.get_by_role("main")).to_contain_text("You have not voted here yet.")


def test_who_does_not_want_to_teach_says_so_once(sign_in: SignIn, world: World) -> None:
    page = sign_in("user")
    ask_on(page, KNOWN[0][0])
    answer_id = thumb(page, "Good answer")
    page.get_by_role("button", name="Privacy").first.click()
    dialog = page.get_by_role("dialog", name="Privacy")
    switch = dialog.get_by_role("switch", name="My votes may be used for learning")
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(dialog).to_contain_text("everybody who has not chosen")
    assert_accessible(page)
    switch.press("Space")
    expect(dialog).to_contain_text("You chose this on")
    expect(switch).to_have_attribute("aria-checked", "false")
    story = known(world, answer_id)
    assert story["lineage"][-1]["what"] == "left_out"
    with world.http("user") as http:
        assert http.get("/v1/users/me/consent").json()["training"] is False
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(dialog).to_contain_text("On: what you ask")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_consent_that_could_not_be_kept_is_turned_back(sign_in: SignIn, allowed: list[str]) -> None:
    allowed.append("status of 503")
    page = sign_in("user")
    error = {"error": {"message": "Redis is down", "type": "server_error", "param": None, "code": "redis_unavailable"}}
    page.route(
        "**/consent",
        lambda route: route.fulfill(status=503, json=error) if route.request.method == "PUT" else route.fallback(),
    )
    page.get_by_role("button", name="Privacy").first.click()
    dialog = page.get_by_role("dialog", name="Privacy")
    switch = dialog.get_by_role("switch")
    switch.click()
    expect(dialog.get_by_role("alert")).to_contain_text("Redis is down")
    expect(switch).to_have_attribute("aria-checked", "true")
