"""What a person does to judge an answer, and what the service knows of it then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

from tests.e2e.browser.world import World


def judging(page: Page) -> Locator:
    """Give the thumbs below the newest answer, and what opens from them."""
    return page.get_by_role("group", name="Judge this answer").last


def sent(page: Page, act: Callable[[], None]) -> dict[str, Any]:
    """Do something that sends a vote, and give the service's answer."""
    with page.expect_response(lambda one: one.request.method == "PUT" and one.url.endswith("/vote")) as caught:
        act()
    answer: dict[str, Any] = caught.value.json()
    return answer


def thumb(page: Page, name: str) -> str:
    """Press a thumb below the newest answer; give the answer's id."""
    found = sent(page, judging(page).get_by_role("button", name=name).click)
    return str(found["answer_id"])


def known(world: World, answer_id: str, role: str = "user") -> dict[str, Any]:
    """Give what the service knows of a vote of this role."""
    with world.http(role) as http:
        story: dict[str, Any] = http.get(f"/v1/answers/{answer_id}/vote").raise_for_status().json()
    return story


def vote_of(world: World, answer_id: str, role: str = "user") -> dict[str, Any]:
    """Give the vote as it stands."""
    vote: dict[str, Any] = known(world, answer_id, role)["vote"]
    return vote
