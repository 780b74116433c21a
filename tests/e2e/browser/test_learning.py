"""What is learned, in the console: feedback, cycles, versions, evaluation. On a service with a past."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser.checks import PHONE, assert_accessible, assert_no_sideways_scroll
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.past import Past
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import World


@pytest.fixture(scope="module")
def world(told: tuple[World, Past]) -> World:
    """Give that service in place of the company."""
    return told[0]


@pytest.fixture(scope="module")
def past(told: tuple[World, Past]) -> Past:
    """Give what happened."""
    return told[1]


def look(page: Page, at: str) -> None:
    """Go there, and wait until it is all there."""
    page.goto(f"/#/console/{at}")
    settled(page)


def region(page: Page, name: str) -> Locator:
    """Give a part of the screen."""
    return page.get_by_role("region", name=name)


def test_judgements_are_filtered_by_an_address_that_can_be_sent(page: Page) -> None:
    look(page, "feedback")
    grid = page.get_by_role("grid", name="Judgements")
    rows = grid.get_by_role("row")
    expect(grid).to_have_attribute("aria-rowcount", "25")  # the head too
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Reason").select_option("missing_document")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("The contract should be in here.")
    assert "reason=missing_document" in page.url
    page.get_by_label("Segment").fill("nowhere")
    page.get_by_label("Segment").press("Enter")
    expect(page.get_by_text("Nothing matches the filter.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(grid).to_have_attribute("aria-rowcount", "25")
    look(page, "feedback?rating=down&segment=south")
    expect(page.get_by_label("Said", exact=True)).to_have_value("down")
    expect(rows).to_have_count(6)


def test_a_judgement_opens_with_its_conversation_its_passages_and_what_became_of_it(page: Page, past: Past) -> None:
    look(page, "feedback?reason=wrong_source")
    page.get_by_role("grid", name="Judgements").get_by_role("row").last.click()
    expect(page).to_have_url(re.compile(past.answer))
    conversation = region(page, "The conversation")
    expect(conversation.get_by_text("How many days of holiday are there? (0)")).to_be_visible()
    expect(page.locator("mark").first).to_contain_text("thirty days")
    expect(page.get_by_text("0 say it helped, 1 say it did not")).to_be_visible()
    page.get_by_text("What became of it").click()
    expect(conversation).to_contain_text("Its voter is told: Your vote is recorded")
    expect(conversation).to_contain_text("Waits for the next cycle")


def test_a_voter_is_kept_out_with_a_reason_and_let_in_again(page: Page) -> None:
    look(page, "feedback/voters")
    page.get_by_role("row").filter(has_text="user:Cleo").click()
    page.get_by_role("button", name="Keep out").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Keep out").click()
    expect(page.get_by_text("Say why: nothing was changed.")).to_be_visible()
    page.get_by_role("button", name="Keep out").click()
    dialog.get_by_label(re.compile("^Why")).fill("a robot")
    dialog.get_by_role("button", name="Keep out").click()
    expect(page.get_by_text(re.compile("Kept out of training since"))).to_contain_text("a robot")
    page.get_by_role("button", name="Let count again").click()
    dialog.get_by_role("button", name="Let count again").click()
    expect(page.get_by_role("button", name="Keep out")).to_be_visible()


def test_a_missing_document_is_noted_and_done(page: Page) -> None:
    look(page, "feedback/missing")
    item = page.get_by_role("listitem").filter(has_text="The contract should be in here.")
    item.get_by_label("Note").fill("asked the office")
    item.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Nothing is missing that anybody told of.")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Done")).click()
    expect(page.get_by_label("Note")).to_have_value("asked the office")
    page.get_by_role("button", name="Open again").click()
    expect(page.get_by_text("Nothing was marked as done yet.")).to_be_visible()


def test_feedback_is_exported_as_it_is_asked_for(page: Page) -> None:
    look(page, "feedback")
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("As what").select_option("kto")
    with page.expect_download() as given:
        dialog.get_by_role("link", name="Download").click()
    lines = Path(given.value.path()).read_text().splitlines()
    assert given.value.suggested_filename == "feedback-kto.jsonl"
    assert len(lines) == 24


def test_a_cycle_that_runs_shows_its_steps_and_curves(page: Page, past: Past) -> None:
    look(page, "cycles")
    expect(region(page, "What the next cycle waits for")).to_contain_text(f"cycle {past.running} is running")
    page.get_by_role("row").filter(has_text="At work: Train the policy").click()
    expect(region(page, "Step by step")).to_contain_text("Train the policy at work")
    curves = region(page, "Curves")
    expect(curves.get_by_role("img", name=re.compile(r"^Train the policy: loss\. loss from 0\.7 at 0"))).to_be_visible()
    expect(curves.locator("canvas").first).to_be_visible()
    curves.get_by_text("Figures").first.click()
    expect(curves.get_by_role("table").get_by_role("row")).to_have_count(13)
    drawn = curves.locator("canvas").first
    light = drawn.screenshot()
    page.get_by_label("Theme").select_option("dark")
    expect(drawn).to_be_visible()
    assert drawn.screenshot() != light


def test_a_cycle_that_is_over_says_what_it_learned_from_and_why_it_was_promoted(page: Page, past: Past) -> None:
    look(page, f"cycles/{past.cycle}")
    expect(region(page, "In short").get_by_role("status")).to_have_text("Promoted")
    said = region(page, "What the gate said")
    expect(said).to_contain_text("4 of 5 checks passed")
    expect(said.get_by_role("listitem").first).to_contain_text("Not proven")
    label = "57.0 %, known to be between 44.0 % and 69.0 %; held against 50.0 %"
    expect(said.get_by_role("img", name=label)).to_be_visible()
    expect(region(page, "What live votes showed")).to_contain_text("more than 1,000,000 to 1. Needed: 5.0 to 1.")
    changed = region(page, "Answers that changed").get_by_role("listitem").filter(has_text="Question 1?")
    expect(changed).to_contain_text("The judge: 5 % that the new version's answer is better")
    expect(region(page, "What it learned from")).to_contain_text("240 of 250 judgements counted.")
    expect(region(page, "The end of its log").last).to_contain_text("the gate has judged")


def test_what_is_not_there_is_said(page: Page, allowed: list[str]) -> None:
    allowed.append("status of 404")
    for place in (
        "cycles/cycle_none",
        "versions/v000099-extractive",
        "evaluation/eval_none",
        "feedback/answer/ans_none",
    ):
        look(page, place)
        expect(page.get_by_role("alert").first).to_contain_text(re.compile("none|v000099"))
        expect(page.get_by_role("button", name="Try again").first).to_be_visible()


def test_a_cycle_is_cancelled(page: Page, past: Past) -> None:
    look(page, f"cycles/{past.running}")
    page.get_by_role("button", name="Cancel this cycle").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel this cycle").click()
    expect(page.get_by_text("It ends within seconds.")).to_be_visible()


def test_why_the_champion_serves_stands_at_the_top(page: Page, past: Past) -> None:
    look(page, "versions")
    why = region(page, "Why does this version serve?")
    expect(why).to_contain_text(f"{past.champion} answers everybody.")
    expect(why).to_contain_text("The watch, by itself, put it in service in place of base-extractive")
    expect(why).to_contain_text("It learned from 240 judgements of 41 people.")
    expect(why).to_contain_text("it may be tried, and live votes had to prove it. 4 of 5 checks passed.")
    expect(why).to_contain_text("400 judgements of 199 people on answers that differ")
    expect(why).to_contain_text(f"{past.candidate} is on trial beside it. A decision still waits for: evidence of 1 to")
    trial = region(page, "What is on trial")
    expect(trial).to_contain_text("Side by side")
    expect(trial).to_contain_text("It answers 20 % of the users")
    rows = region(page, "All versions").get_by_role("listitem")
    expect(rows.first).to_contain_text(f"from {past.champion}")
    expect(region(page, "What the gate measured").locator("canvas")).to_be_visible()
    page.get_by_role("link", name="Segment fr").click()
    expect(why).to_contain_text("so it is served what serves everybody")


def test_a_version_shows_its_card_and_is_asked(page: Page, past: Past) -> None:
    look(page, f"versions/{past.refused}")
    expect(region(page, "What the gate said")).to_contain_text("It does not serve")
    card = region(page, "Model card")
    card.get_by_text("Files (SHA-256)").click()
    expect(card.get_by_role("row").filter(has_text="card.json")).to_contain_text(re.compile("[0-9a-f]{64}"))
    page.get_by_role("link", name="Ask this version").click()
    expect(page.get_by_text(past.refused).first).to_be_visible()


def test_overruling_the_gate_takes_the_name_and_a_reason_and_a_rollback_brings_the_old_one_back(
    page: Page, past: Past
) -> None:
    look(page, f"versions/{past.refused}")
    page.get_by_role("button", name="Let it serve").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the gate refused it; ")
    overrule = dialog.get_by_role("button", name="Overrule and let it serve")
    expect(overrule).to_be_disabled()
    dialog.get_by_label(f"Type {past.refused} to go on").fill(past.refused)
    dialog.get_by_label(re.compile("^Why")).fill("a test of force")
    overrule.click()
    expect(page.get_by_text(f"{past.refused} serves.").first).to_be_visible()
    look(page, "versions")
    why = region(page, "Why does this version serve?")
    expect(why).to_contain_text("This overruled the gate.")
    why.get_by_role("button", name=f"Roll back to {past.champion}").click()
    dialog.get_by_label(re.compile("^Why")).fill("enough of that")
    dialog.get_by_role("button", name="Roll back").click()
    expect(why).to_contain_text(f"rolled back from {past.refused}, and what served before came back.")
    expect(region(page, "Every move")).to_contain_text("enough of that")


def test_a_move_that_was_decided_on_what_has_changed_since_is_refused_and_explained(
    page: Page, world: World, past: Past, allowed: list[str]
) -> None:
    allowed.append("status of 409")
    look(page, f"versions/{past.champion}")
    page.get_by_role("button", name=re.compile("^Roll back to")).click()
    with world.http() as http:
        http.delete(f"/v1/versions/{past.candidate}/trial", params={"reason": "meanwhile"}).raise_for_status()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(re.compile("Somebody moved something since you looked"))).to_be_visible()
    look(page, "versions")
    expect(region(page, "Every move").get_by_role("listitem").first).to_contain_text("meanwhile")
    with world.http() as http:
        http.post(f"/v1/versions/{past.candidate}/trial", json={}).raise_for_status()


def test_operators_look_and_do_not_move(sign_in: SignIn, past: Past) -> None:
    page = sign_in("operator")
    look(page, f"versions/{past.refused}")
    expect(page.get_by_role("link", name="Evaluate it")).to_be_visible()
    expect(page.get_by_role("button", name="Let it serve")).to_have_count(0)


def test_a_golden_set_is_refused_line_by_line_uploaded_and_measured(
    page: Page, tmp_path: Path, allowed: list[str]
) -> None:
    allowed.append("status of 400")
    look(page, "evaluation")
    expect(page.get_by_text("There is no golden set yet.")).to_be_visible()
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"question": "Is this right?", "answers": ["yes"]}\n{"question": 3}\nnothing\n')
    field = page.locator("input[type=file]")
    field.set_input_files(wrong)
    refused = page.get_by_role("alert")
    expect(refused).to_contain_text("wrong.jsonl was not taken")
    expect(refused.get_by_role("listitem").filter(has_text="Line 3:")).to_contain_text("nothing")
    right = tmp_path / "golden.jsonl"
    right.write_text(
        '{"question": "How many days of holiday does an employee have?", "contains": ["thirty"]}\n'
        '{"question": "What hangs behind the reception desk?", "contains": ["a picture of the king"]}\n'
    )
    field.set_input_files(right)
    expect(page.get_by_text("The golden set is in place.")).to_be_visible()
    run = region(page, "Runs").get_by_role("listitem").first
    expect(run).to_contain_text("Done", timeout=120_000)
    run.get_by_role("link").click()
    settled(page)
    failing = page.get_by_role("listitem").filter(has_text="What hangs behind the reception desk?")
    expect(failing).to_contain_text("a picture of the king")
    expect(region(page, "Scores")).to_contain_text("on 2 questions")


@pytest.mark.parametrize(
    "at",
    [
        "feedback?kind=vote",
        "feedback/answer/{answer}",
        "feedback/voters",
        "feedback/missing",
        "cycles",
        "cycles/{cycle}",
        "versions",
        "versions/{champion}",
        "evaluation",
    ],
)
def test_every_screen_is_for_everybody(sign_in: SignIn, past: Past, at: str) -> None:
    page = sign_in("admin", viewport=PHONE, color_scheme="dark")
    look(page, at.format(**vars(past)))
    assert_accessible(page)
    assert_no_sideways_scroll(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    assert_accessible(page)
    assert_no_sideways_scroll(page)
