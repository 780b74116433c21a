"""A chat server as a process: `python -m tests.faults.chat_server HOME REDIS_URL` prints its port and a key."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from service.chat.options import ChatOptions
from tests.service.chat.world import SlowPolicy, World


class ShortPolicy(SlowPolicy):
    """Ends within the grace."""

    version = "short-1"


def main() -> None:
    """Serve until told to stop."""
    policies = [SlowPolicy(words=5000), ShortPolicy(words=60)]
    world = World(Path(sys.argv[1]), sys.argv[2], policies, ChatOptions(max_running=16, drain_s=3.0))
    config = uvicorn.Config(world.app(), host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=20)
    server = uvicorn.Server(config)
    startup = server.startup

    async def announce(sockets: list[object] | None = None) -> None:
        await startup(sockets)  # type: ignore[arg-type]
        print(server.servers[0].sockets[0].getsockname()[1], world.key, flush=True)

    server.startup = announce  # type: ignore[method-assign, assignment]
    server.run()


if __name__ == "__main__":
    main()
