"""Puts the HTTP application together: routes, errors, middleware, and the container's life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware

from service import health, metrics_routes, model_routes, openapi
from service.access import routes as keys
from service.access import session_routes
from service.chat import routes as chat
from service.container import Container, Loader
from service.cycles import routes as cycles
from service.error_handlers import install_error_handlers
from service.evaluation import routes as evaluation
from service.feedback import answer_routes, missing_routes, preference_routes, story_routes
from service.feedback import routes as feedback
from service.files import batch_routes, chunk_routes, document_routes, job_routes, search_routes, store_routes
from service.files import routes as files
from service.logs import setup_logging
from service.overview import routes as overview
from service.privacy import routes as privacy
from service.requests import RequestMiddleware
from service.settings import Settings, load_settings
from service.settings import routes as settings_routes
from service.versions import routes as versions
from service.voters import routes as voters
from service.watch import routes as trials
from service.web import routes as web

VERSION = "0.1.0"


def create_app(settings: Settings, *, load: Loader | None = None) -> FastAPI:
    """Build the application; nothing is opened before its lifespan begins.

    Args:
        settings: The configuration of this process.
        load: Another way to load the models; by default those of the settings.

    Returns:
        The application, for an ASGI server.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        container = Container(settings, load)
        await container.open()
        app.state.container = container
        try:
            yield
        finally:
            await container.close()

    app = FastAPI(
        title="Groundloop", version=VERSION, lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
    )
    for router in _routers():
        app.include_router(router)
    install_error_handlers(app)
    openapi.install_openapi(app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "X-Groundloop-Conversation",
                "X-Groundloop-Segment",
                "X-Groundloop-User",
                "X-Request-Id",
            ],
            expose_headers=["X-Request-Id", "Retry-After"],
        )
    app.add_middleware(RequestMiddleware, settings=settings)
    return app


def app_from_environment() -> FastAPI:
    """Build the application of this process's environment; the factory that uvicorn is given."""
    settings = load_settings()
    setup_logging(settings)
    return create_app(settings)


def _routers() -> list[APIRouter]:
    # In this order they are matched: the hot ones first.
    features = (
        search_routes,
        chat,
        feedback,
        preference_routes,
        story_routes,
        answer_routes,
        missing_routes,
        document_routes,
        chunk_routes,
        files,
        store_routes,
        batch_routes,
        job_routes,
        cycles,
        voters,
        model_routes,
        versions,
        trials,
        evaluation,
        overview,
        privacy,
        keys,
        settings_routes,
        session_routes,
        web,
        health,
        metrics_routes,
        openapi,
    )
    return [feature.router for feature in features]
