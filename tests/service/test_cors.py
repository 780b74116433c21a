"""What a web page on another origin may send and read."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from service.app import create_app
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "https://help.example"


def preflight(origins: tuple[str, ...], header: str, method: str = "POST") -> httpx.Response:
    """Ask as a browser does before it sends a request with this header."""
    app = create_app(Settings(cors_origins=origins))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            headers = {
                "Origin": ORIGIN,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": header,
            }
            return await client.options("/v1/chat/completions", headers=headers)

    return asyncio.run(ask())


DOCUMENTED = re.findall(r"^\| `([A-Za-z-]+)` \| ", (ROOT / "docs" / "api.md").read_text().split("## Errors")[0], re.M)


def test_the_pages_name_the_headers() -> None:
    assert {"X-Groundloop-User", "X-Groundloop-Segment", "X-Groundloop-Conversation", "Idempotency-Key"} <= {
        *DOCUMENTED
    }


@pytest.mark.parametrize("header", [*DOCUMENTED, "Authorization", "Content-Type"])
def test_every_documented_header_may_be_sent(header: str) -> None:
    answer = preflight((ORIGIN,), header)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)


def test_other_origins_and_headers_are_refused() -> None:
    assert "access-control-allow-origin" not in preflight(("https://other.example",), "Authorization").headers
    assert preflight((ORIGIN,), "X-Other").status_code == 400
    assert preflight((), "Authorization").status_code != 200


def test_another_origin_never_uses_a_session() -> None:
    assert preflight((ORIGIN,), "X-Groundloop-Page").status_code == 400
    assert "access-control-allow-credentials" not in preflight((ORIGIN,), "Authorization").headers
