"""axe-core finds nothing serious or critical on any screen, in any dialog, light or dark."""

from __future__ import annotations

import pytest

from tests.e2e.browser.checks import assert_accessible
from tests.e2e.browser.conftest import SignIn
from tests.e2e.browser.past import Past
from tests.e2e.browser.screens import SCREENS, Screen
from tests.e2e.browser.test_frame import NOBODY
from tests.e2e.browser.world import World


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_screen(screen: Screen, world: World, told: tuple[World, Past], sign_in: SignIn, allowed: list[str]) -> None:
    if screen.role is None:
        allowed.append(NOBODY)
    page = sign_in(screen.role, of=told[0] if screen.past else world, color_scheme="light")
    screen.show(page, told[1])
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_accessible(page)
