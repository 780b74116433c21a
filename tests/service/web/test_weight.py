"""What the page weighs: what somebody who asks loads, as it crosses the network; and what is left out of it."""

from __future__ import annotations

import re

from service.web.assets import Assets
from tests.service.web.page_sources import PAGE, bare, name, ours, statically_reachable

MOST_BYTES = 100_000


def test_who_asks_loads_little() -> None:
    assets = Assets()
    found = {one: assets.get(one) for one in statically_reachable("index.html")}
    weights = {one: len(asset.zipped) for one, asset in found.items() if asset is not None}
    assert set(weights) == set(found)
    assert not [one for one in weights if one.startswith("console/") or "uplot" in one]
    assert sum(weights.values()) <= MOST_BYTES, sorted(weights.items(), key=lambda one: -one[1])


def test_comments_stay_at_home_and_lines_where_they_are() -> None:
    assets = Assets()
    for path in ours(".js"):
        asset = assets.get(name(path))
        assert asset is not None
        served = asset.body.decode()
        assert served.count("\n") == path.read_text().count("\n")
        assert not re.search(r"^\s*/\*\*[^*].*\*/\s*$", served, re.MULTILINE), name(path)
        assert bare(served) == bare(path), name(path)


def test_libraries_are_given_out_as_they_came() -> None:
    assets = Assets()
    for path in sorted((PAGE / "vendor").glob("*.*js")):
        asset = assets.get(name(path))
        assert asset is not None
        assert asset.body == path.read_bytes()
