"""The reasons that the page offers are those that a vote may have, each under what it teaches."""

from __future__ import annotations

import re

from tests.service.web.page_sources import PAGE, code
from training.records.reasons import SIGNALS


def test_the_page_offers_every_reason_under_what_it_teaches() -> None:
    text = code(PAGE / "chat" / "votes-reasons.js")
    offered = [
        (reason, signal)
        for signal, listed in re.findall(r'\["(\w+)", \[([^\]]*)\]\]', text)
        for reason in re.findall(r'"(\w+)"', listed)
    ]
    assert set(offered) == set(SIGNALS.items())
