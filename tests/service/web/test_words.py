"""Every word in `strings.js` is said somewhere. That none is said which is not there, `tsc` checks."""

from __future__ import annotations

from tests.service.web.page_words import said, words


def test_every_word_is_said() -> None:
    used = said()
    assert [".".join(one) for one in words() if not any(one[: len(place)] == place for place in used)] == []
