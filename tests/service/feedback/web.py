"""The feedback routes on a real Redis, catalog and key store, without the models that the rest of the app needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
from fastapi import FastAPI

from service.access import Role
from service.container import Container
from service.error_handlers import install_error_handlers
from service.feedback import story_routes
from service.feedback.routes import router
from service.requests import RequestMiddleware
from service.settings import Settings, load_settings


class World:
    """An app with one prompt's worth of people: an asker, a colleague, a stranger, an operator."""

    def __init__(self, container: Container, app: FastAPI) -> None:
        """Make the keys."""
        self.container = container
        self.app = self._app = app
        self.ids: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        for name, role, trusted in (
            ("asker", "user", False),
            ("colleague", "user", False),
            ("stranger", "user", False),
            ("portal", "user", True),
            ("operator", "operator", False),
        ):
            self.add(name, role, trusted=trusted)  # type: ignore[arg-type]

    def add(self, name: str, role: Role, *, trusted: bool = False, votes_per_minute: int | None = None) -> None:
        """Make a key."""
        key, secret = self.container.keys.create(name, role, trusted=trusted, votes_per_minute=votes_per_minute)
        self.ids[name], self._secrets[name] = f"key:{key.key_id}", secret

    def client(self, who: str, *, end_user: str | None = None) -> httpx.AsyncClient:
        """Give a client with this person's key."""
        headers = {"Authorization": f"Bearer {self._secrets[who]}"}
        if end_user is not None:
            headers["X-Groundloop-User"] = end_user
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://app", headers=headers)


@asynccontextmanager
async def world(home: Path, redis_url: str, **settings: object) -> AsyncIterator[World]:
    """Open the app."""
    chosen: Settings = load_settings(home=home, redis_url=redis_url, **{"journal": False, **settings})

    def load_nothing(_settings: Settings, _catalog: object) -> SimpleNamespace:
        return SimpleNamespace(follower=None, close=lambda: None)

    container = Container(chosen, load_nothing)  # type: ignore[arg-type]
    app = FastAPI()
    app.include_router(router)
    app.include_router(story_routes.router)
    install_error_handlers(app)
    app.add_middleware(RequestMiddleware, settings=chosen)
    await container.open()
    app.state.container = container
    try:
        yield World(container, app)
    finally:
        await container.close()
