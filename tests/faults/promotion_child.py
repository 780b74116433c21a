"""Publishes and moves the champion as fast as it can, until it is killed: `python -m tests.faults.promotion_child DIR`.

Says what was acknowledged, a line each: `published NAME`, `moved SEQUENCE NAME`.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from tests.service.versions.finding import DOCUMENTS, publish_finding
from training.registry import CHAMPION, Registry


def main() -> None:
    """Go on until killed."""
    registry = Registry(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in itertools.count():
        name = publish_finding(registry, turn % len(DOCUMENTS))
        print("published", name, flush=True)
        state = registry.promote(name, who="child", why="a loop", force=True)
        print("moved", state.sequence, name, flush=True)
        if turn % 3 == 2:
            state = registry.rollback(who="child", why="a loop")
            print("moved", state.sequence, registry.alias(CHAMPION), flush=True)


if __name__ == "__main__":
    main()
