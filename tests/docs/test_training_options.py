"""The page of training options is what the code says."""

from __future__ import annotations

from tests.docs.test_docs import page as read_page
from training.pipeline.options import page


def test_the_page_is_up_to_date() -> None:
    assert read_page("training-options.md") == page(), (
        "run `python -m training.pipeline.options > docs/training-options.md`"
    )
