"""Words, numbers and polarity."""

from __future__ import annotations

from training.words import content_stems, negated, numbers, words


def test_numbers_lose_their_separators() -> None:
    assert words("1,234.5 people, 12,30") == ["1234.5", "people", "12,30"]
    assert numbers("Twelve of 1,500 (3.5 %)") == {"12", "1500", "3.5"}


def test_forms_of_a_word_meet() -> None:
    assert content_stems("The lenses were produced") == content_stems("producing a lens") or set(
        content_stems("produced")
    ) == set(content_stems("produces"))
    assert content_stems("vaccines") == content_stems("vaccine")


def test_two_negations_cancel() -> None:
    assert negated("It is not allowed.")
    assert not negated("It isn't that nobody said no.")
    assert not negated("It is allowed.")
