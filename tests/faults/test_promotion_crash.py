"""SIGKILL while versions are published and promoted, under a process that serves them.

The champion is always a version whose every file matches its hash; nothing that was acknowledged is lost; the serving
process follows, and no request fails or is searched by one version and answered by another; the next promotion works.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.redis.server import RedisServer
from service.scopes import SHARED
from service.versions.standing import registry_of
from tests.service.versions.finding import found_by, publish_finding
from tests.service.versions.swapping import asking, serving, until
from training.registry import BASE, Registry

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

KILLS = 20
LONGEST_S = 0.150
ROOT = Path(__file__).resolve().parents[2]


def killed_in_the_middle(root: Path, delay_s: float) -> list[list[str]]:
    """Let a child publish and promote for a while; give what it acknowledged, without a line it could not end."""
    command = [sys.executable, "-m", "tests.faults.promotion_child", str(root)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("\n")
        child.stdin.flush()
        time.sleep(delay_s)
        child.kill()
        said = child.stdout.read().split("\n")[:-1]
    return [line.split() for line in said]


def assert_whole(registry: Registry, published: set[str]) -> None:
    """What serves is whole and is what the alias names, and so is everything that was acknowledged."""
    serving_now = registry.champion()
    assert not serving_now.is_fallback, serving_now.problems
    assert registry.aliases().problem == ""
    assert serving_now.version.name == registry.alias("champion")
    problems = registry.verify()
    assert not {name: told for name, told in problems.items() if told}
    assert published <= set(problems)


def test_killed_promotions_leave_a_whole_champion_that_is_served(tmp_path: Path, redis_server: RedisServer) -> None:
    rng = random.Random(5)
    published: set[str] = set()
    moved = 0
    with serving(tmp_path, redis_server.url, version_poll_s=0.02) as server:
        registry, book = registry_of(server.container.settings, SHARED), server.container.policies
        with asking(server, clients=3) as seen:
            for turn in range(KILLS):
                sequence, last = registry.aliases().sequence, registry.alias("champion")
                for line in killed_in_the_middle(registry.root, rng.uniform(0, LONGEST_S)):
                    if line[0] == "published":
                        assert line[1] not in published
                        published.add(line[1])
                    else:
                        moved += 1
                        sequence, last = int(line[1]), line[2]
                state = registry.aliases()
                assert state.sequence >= sequence
                if state.sequence == sequence:
                    assert registry.alias("champion") == last
                assert_whole(registry, published)
                until(lambda: book.route("a").version == registry.alias("champion"))

                name = publish_finding(registry, turn % 6)  # and the next one works
                assert name not in published
                published.add(name)
                registry.promote(name, who="test", why="after a kill", force=True)
                until(lambda n=name: book.route("a").version == n)
        assert not seen.failures, seen.failures[:3]
        answers = [(version, found) for version, found in seen.answers if version != BASE]
        assert not [one for one in answers if found_by(registry, one[0]) != one[1]]
        assert moved > 0, "no child lived long enough to promote anything"
        assert len(seen.versions) > KILLS / 2
