"""A process to kill: publishes and promotes version after version, and says what it finished.

Run as `python -m tests.faults.training.registry_child ROOT publish|promote|race`.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from training.gate import Check, Verdict
from training.registry import ModelCard, Registry, StaleWriter

SIZE = 40_000


def content(seed: int) -> dict[str, bytes]:
    """Give files that follow from a number, so that every byte can be checked."""
    rng = random.Random(seed)
    return {"adapter/residual.safetensors": rng.randbytes(SIZE), "adapter/adapter.json": rng.randbytes(300)}


def card(seed: int, champion: str) -> ModelCard:
    """Give the card of a version that the gate passed against the champion."""
    passed = Verdict("child", champion, (Check("win rate", "promotion", "passed", "shown"),))
    return ModelCard(kind="extractive", base="all-MiniLM-L6-v2", seed=seed, verdict=passed.as_dict())


def cycle(registry: Registry, seed: int, who: str) -> None:
    """Publish a version and promote it; say so after each."""
    state = registry.aliases()
    version = registry.publish(content(seed), card(seed, registry.alias("champion") or ""))
    print(f"published {version.name} {seed}", flush=True)
    try:
        after = registry.promote(version.name, expected=state.sequence, who=who)
        print(f"promoted {version.name} {after.sequence}", flush=True)
    except StaleWriter:
        print(f"stale {version.name}", flush=True)


def main() -> None:
    """Work until killed, or for as many rounds as asked."""
    registry, who, first, rounds = Registry(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    print("ready", flush=True)
    sys.stdin.readline()  # the parent says when
    for seed in range(first, first + rounds):
        cycle(registry, seed, who)


if __name__ == "__main__":
    main()
