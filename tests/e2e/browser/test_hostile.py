"""What is hostile in an answer, in a document or in a name is words on the page, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.asking import PATIENCE_MS, answers, ask_on, composer
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.saying import answer, passage, say
from tests.e2e.browser.watching import settled
from tests.e2e.browser.world import World

CASES = json.loads((Path(__file__).parent / "hostile.json").read_text())
SLOW_MS = 5_000  # of a busy machine; what marked or the page took too long for would take minutes
# What an answer may be made of. A button is a marker, a span a link that is none, or a character that hides.
ALLOWED = (
    "a article aside b blockquote br button code dd del details div em footer h2 h3 h4 h5 h6 header hr i kbd li "
    "mark ol p path pre span strong summary svg table tbody td th thead tr ul"
)
_WRONG = """
(allowed) => {
  const KNOWN = {
    a: ["href", "rel", "target"], div: ["class", "tabindex"], ol: ["start"], p: ["class"], pre: ["tabindex"],
    span: ["class", "title"],
  };
  const HIDDEN = /[\\u202a-\\u202e\\u2066-\\u2069]|[\\u{e0000}-\\u{e01ef}]/u;
  const wrong = [];
  if (window.hacked) wrong.push("a script ran");
  const never = "iframe, object, embed, base, picture, link[href*=evil], script[src*=evil]";
  if (document.querySelector(never)) wrong.push("an element");
  if ([...document.images].some((one) => new URL(one.src).pathname !== "/page/icon.svg")) wrong.push("an image");
  for (const root of document.querySelectorAll("article, .citation-card, .side, .question")) {
    for (const one of [root, ...root.querySelectorAll("*")]) {
      if (!allowed.includes(one.localName)) wrong.push(`<${one.localName}>`);
      for (const { name, value } of one.attributes) {
        if (/^on|^src/.test(name)) wrong.push(`${one.localName} ${name}=${value}`);
      }
    }
  }
  for (const root of document.querySelectorAll(".markdown")) {
    for (const one of root.querySelectorAll("*")) {
      if (one.closest(".cite, svg")) continue;
      const extra = [...one.attributes].filter(({ name }) => !(KNOWN[one.localName] ?? []).includes(name));
      if (extra.length) wrong.push(`${one.localName} has ${extra.map((other) => other.name)}`);
      if (one.localName === "a") {
        if (!["http:", "https:", "mailto:"].includes(one.protocol)) wrong.push(`a link to ${one.href}`);
        if (one.target !== "_blank" || !one.rel.includes("noopener")) wrong.push("a link that opens here");
        if (one.username || one.password) wrong.push("a link with a name in its host");
      }
    }
    if (HIDDEN.test(root.textContent)) wrong.push("a hidden character");
  }
  return wrong;
}
"""


def text_of(case: dict[str, Any]) -> str:
    """Give the text of a case; what is long stands there as pieces and how often each comes."""
    return "".join(piece * times for piece, times in case["parts"]) if "parts" in case else case["text"]


def assert_harmless(page: Page) -> None:
    """Fail with what the page holds that it must not."""
    wrong = page.evaluate(_WRONG, ALLOWED.split())
    assert not wrong, wrong[:5]


@pytest.fixture(scope="module")
def poisoned(world: World) -> Iterator[str]:
    """Bring in a document of all that, and give the id of its collection."""
    texts = [
        f"## Case {number}\n\nThe case {number} of the zebra says: {text_of(case)[:1500]}"
        for number, case in enumerate(CASES)
    ]
    body = "\n\n".join(["# <img src=x onerror=window.hacked=1> Zebra \u202etxt.exe", *texts]).encode()
    with world.http("operator") as http:
        store = http.post("/v1/vector_stores", json={"name": "<b>Zoo</b> \u202e", "readers": ["group:nobody"]}).json()[
            "id"
        ]
        file = http.post("/v1/files", files={"file": ("<img src=x onerror=window.hacked=1>.md", body)}).json()["id"]
        http.post(f"/v1/vector_stores/{store}/files", json={"file_id": file}).raise_for_status()
        path = f"/v1/vector_stores/{store}/files/{file}"
        end = time.monotonic() + 120
        while (found := http.get(path).json())["status"] == "in_progress" and time.monotonic() < end:
            time.sleep(0.5)
        assert found["status"] == "completed", found
        yield store
        http.delete(f"/v1/vector_stores/{store}")
        http.delete(f"/v1/files/{file}")


def test_in_an_answer(sign_in: SignIn) -> None:
    page = sign_in("user")
    for case in CASES:
        text = text_of(case)
        held = passage(1, text[:2_000], title=text[:200], filepath=text[:200], url="javascript:window.hacked=1")
        cited = {**held, "content": text[:40], "end_index": 40, "verified": True}
        say(page, {**answer(text, cited), "retrieved": [held], "answer_id": None, "recorded": False})
        page.goto("/#/")
        expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
        before = time.monotonic()
        composer(page).fill("Say it.")
        composer(page).press("Enter")
        expect(answers(page)).to_have_count(1)
        taken = 1000 * (time.monotonic() - before)
        assert taken < SLOW_MS, f"{case['name']} took {taken:.0f} ms"
        assert_harmless(page)
        if "sees" in case:
            expect(answers(page).last).to_contain_text(case["sees"])
        cite = answers(page).get_by_role("button", name="Source 1:").first
        if cite.count():
            cite.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            assert_harmless(page)
            page.keyboard.press("Escape")
        page.get_by_role("button", name="1 passage").click()
        assert_harmless(page)
        page.get_by_role("button", name="Close", exact=True).click()


def test_in_a_question_and_in_its_title(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, answer("Yes."))
    for case in CASES:
        question = text_of(case)[:3_000].replace("\x00", "")
        if not question.strip():
            continue
        page.goto("/#/")
        expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
        composer(page).fill(question)
        composer(page).press("Enter")
        expect(answers(page)).to_have_count(1)
        assert_harmless(page)
    page.reload()
    settled(page)
    assert_harmless(page)


def test_in_a_document(sign_in: SignIn, poisoned: str) -> None:
    page = sign_in("operator")
    page.get_by_role("button", name="Look in").click()
    page.get_by_role("checkbox", name="Zoo").check()
    page.keyboard.press("Escape")
    for number in (0, 2, 8, 26, 37, 40):
        ask_on(page, f"What does the case {number} of the zebra say?")
        assert_harmless(page)
        cite = answers(page).last.get_by_role("button", name="Source").first
        if not cite.count():
            continue
        cite.click()
        assert_harmless(page)
        page.get_by_role("button", name="Show in the document").click()
        expect(page.get_by_role("complementary", name="Document").locator("mark").first).to_be_visible(
            timeout=PATIENCE_MS
        )
        assert_harmless(page)
        page.get_by_role("button", name="Close", exact=True).click()
    page.goto("/#/")
    settled(page)
    assert_harmless(page)


def test_a_link_says_where_it_leads(sign_in: SignIn) -> None:
    page = sign_in("user")
    say(page, answer("See [our site](https://evil.invalid/a?b=c), <https://example.org> and <mailto:a@example.org>."))
    shown = ask_on(page, "Where?")
    expect(shown).to_contain_text("our site (evil.invalid)")
    expect(shown).to_contain_text("See our site (evil.invalid), https://example.org and mailto:a@example.org.")
    link = shown.get_by_role("link", name="our site")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_attribute("target", "_blank")
