"""The whole way, in a browser: bring documents in, ask, judge, compare, learn, see why, let it serve, and go back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.asking import PATIENCE_MS, answers, ask_on
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import World, start
from tests.e2e.firms import Question, firms, visit, write_documents

FIRMS = 60
INGESTED_MS = 600_000
TRAINED_MS = 1_500_000  # a training goes behind everything else on the machine
TRAINING = "[reward]\nheads = 4\n"


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[World]:
    """Give a service in which nothing was done yet."""
    (tmp_path / "train.toml").write_text(TRAINING)
    running = start(tmp_path, extractive_start="similarity", train_options=str(tmp_path / "train.toml"))
    try:
        running.wait_for("ready")
        yield World(running.url, running.wait_for("open"), {"admin": running.key})
    finally:
        running.destroy()


@pytest.mark.timeout(3_000)
def test_the_whole_journey(sign_in: SignIn, untouched: World, tmp_path: Path, allowed: list[str]) -> None:
    allowed.append(r"status of 503 .*/v1/training/")  # the machine learns meanwhile; the page asks again
    known = firms(FIRMS)
    write_documents(tmp_path / "firms", known)
    [url] = re.findall(r"http://\S+#sign-in=[\w-]+", untouched.opened)
    page = sign_in(None, of=untouched, at=url)

    ingest(page, sorted((tmp_path / "firms").iterdir()))
    ask_and_judge(page, known[0])
    compare(page)
    with untouched.http() as http:
        for seed in (1, 2):
            visit(http, known, seed)
    version = learn(page)
    let_it_serve(page, version)
    begin_anew(page)
    ask_on(page, known[3].text)
    expect(page.get_by_text(f"Answered by {version}").last).to_be_visible()
    go_back(page, version)
    begin_anew(page)
    ask_on(page, known[6].text)
    expect(page.get_by_text("Answered by base-").last).to_be_visible()


def begin_anew(page: Page) -> None:
    """Go to where a new conversation begins."""
    page.get_by_role("link", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    expect(answers(page)).to_have_count(0)


def ingest(page: Page, files: list[Path]) -> None:
    """Make a collection, choose files, and wait until each can be asked about."""
    page.get_by_role("link", name="Console").click()
    page.get_by_role("link", name="Documents").first.click()
    page.get_by_role("button", name="New collection").click()
    page.get_by_label("Name", exact=True).fill("Firms")
    page.get_by_role("button", name="Make a collection").click()
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose files").click()
    chosen.value.set_files(files)
    expect(page.get_by_label("Status", exact=True)).to_contain_text(f"Ready ({len(files)})", timeout=INGESTED_MS)
    expect(page.get_by_role("row").filter(has_text=re.compile(r"\.txt.*Ready")).first).to_be_visible()


def ask_and_judge(page: Page, asked: Question) -> None:
    """Ask, look at what the answer rests on, and vote with a reason."""
    page.get_by_role("link", name="Ask", exact=True).click()
    answer = ask_on(page, asked.text)
    cite = answer.get_by_role("button", name=re.compile(r"^Source \d")).first
    cite.hover()
    card = page.get_by_role("dialog", name=re.compile(r"^Source \d"))
    expect(card.get_by_role("mark").first).to_contain_text(asked.firm)
    page.mouse.move(0, 0)
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_role("button", name="Right sources, wrong answer").click()
    page.get_by_role("textbox", name="Comment").fill("That is not what I asked.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Kept, with all that you said.")).to_be_visible()


def compare(page: Page) -> None:
    """Ask for another answer to the same question, and say which is better."""
    answers(page).last.get_by_role("button", name="Answer again").click()
    compare = page.get_by_role("button", name="Compare them")
    expect(compare).to_be_visible(timeout=PATIENCE_MS)
    compare.click()
    page.get_by_role("button", name="The second is better").click()
    expect(page.get_by_text("You chose the second answer.")).to_be_visible()


def learn(page: Page) -> str:
    """Start a cycle, follow it to its end, read the gate's verdict; give the name of the version that it made."""
    page.get_by_role("link", name="Console").click()
    page.get_by_role("link", name="Cycles").click()
    page.get_by_role("button", name="Start now").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Start now").click()
    short = page.get_by_role("region", name="In short")
    expect(short.get_by_role("status")).to_have_text(re.compile("Waiting|Running"))
    expect(short.get_by_role("status")).to_have_text(re.compile("Refused|On trial"), timeout=TRAINED_MS)
    verdict = page.get_by_role("region", name="What the gate said")
    expect(verdict.get_by_text(re.compile(r"\d+ of \d+ checks passed"))).to_be_visible()
    expect(verdict.get_by_text("Does the independent judge prefer its answers?")).to_be_visible()
    expect(verdict.get_by_role("img", name=re.compile("known to be between")).first).to_be_visible()
    return str(short.get_by_role("link", name=re.compile(r"^v\d+")).inner_text())


def let_it_serve(page: Page, version: str) -> None:
    """Promote the version, by overruling the gate where that is needed."""
    page.get_by_role("region", name="In short").get_by_role("link", name=version).click()
    page.get_by_role("button", name="Let it serve").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    typed = dialog.get_by_label(f"Type {version} to go on")
    if typed.count():
        typed.fill(version)
    dialog.get_by_label(re.compile("^Why")).fill("a test of the way there")
    dialog.get_by_role("button", name=re.compile("let it serve", re.IGNORECASE)).click()
    expect(page.get_by_text(f"{version} serves.").first).to_be_visible()


def go_back(page: Page, version: str) -> None:
    """See why it serves, and bring the one before back."""
    page.get_by_role("link", name="Console").click()
    page.get_by_role("link", name="Versions").click()
    settled(page)
    why = page.get_by_role("region", name="Why does this version serve?")
    expect(why).to_contain_text(version)
    expect(why).to_contain_text("a test of the way there")
    why.get_by_role("button", name=re.compile("^Roll back to base-")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("^Why")).fill("a test of the way back")
    dialog.get_by_role("button", name="Roll back").click()
    expect(why).to_contain_text(re.compile(r"base-\S+ answers everybody"))
    expect(page.get_by_role("region", name="Every move")).to_contain_text("a test of the way back")
