"""The API as a process that can be killed: `python -m tests.faults.api_process HOME PORT`; Redis is the home's own."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from service.app import create_app
from tests.service.http_world import light_settings, load_light


def main() -> None:
    """Serve until killed."""
    settings = light_settings(Path(sys.argv[1]), None, votes_per_minute=0)
    uvicorn.run(create_app(settings, load=load_light), host="127.0.0.1", port=int(sys.argv[2]), log_config=None)


if __name__ == "__main__":
    main()
