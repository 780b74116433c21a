"""One of several API processes: `python -m tests.service.metrics_process HOME PORT REDIS_URL`."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from service.app import create_app
from tests.service.http_world import light_settings, load_light


def main() -> None:
    """Serve until killed."""
    settings = light_settings(Path(sys.argv[1]), sys.argv[3], api_processes=2)
    uvicorn.run(create_app(settings, load=load_light), host="127.0.0.1", port=int(sys.argv[2]), log_config=None)


if __name__ == "__main__":
    main()
