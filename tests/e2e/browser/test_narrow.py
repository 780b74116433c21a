"""On a phone, 360 px wide, nothing needs scrolling sideways, and what is touched is large enough."""

from __future__ import annotations

import pytest

from tests.e2e.browser.checks import PHONE, assert_accessible, assert_no_sideways_scroll
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.screens import SCREENS, Screen
from tests.e2e.browser.test_frame import NOBODY
from tests.e2e.browser.world import World


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_screen(screen: Screen, learned: World, sign_in: SignIn, allowed: list[str]) -> None:
    if screen.role is None:
        allowed.append(NOBODY)
    page = sign_in(screen.role, viewport=PHONE, has_touch=True)
    screen.show(page)
    assert_no_sideways_scroll(page)
    assert_accessible(page)
