"""`/openapi.json`, the contract for machines, and `/docs`, the same for people.

One page, with no script and nothing fetched.
"""

from __future__ import annotations

import json
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, Response

from service.access import Principal, require

DESCRIPTION = (
    "Answers from your documents with citations, and gets better from its users' votes. "
    "OpenAI's shapes wherever it has one."
)
OPEN_CALLS = {("get", "/healthz"), ("get", "/readyz"), ("post", "/v1/session")}
ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}pre{overflow:auto;padding:.5rem;border:1px solid #8884}"
    "summary{cursor:pointer;padding:.25rem 0}b{display:inline-block;min-width:4.5rem}"
)

router = APIRouter(tags=["docs"])
Reader = Annotated[Principal, Depends(require("user", browser=True))]


@router.get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request, principal: Reader) -> Response:
    """Give the schema."""
    return Response(json.dumps(request.app.openapi()), media_type="application/json")


@router.get("/docs", include_in_schema=False)
async def docs(request: Request, principal: Reader) -> HTMLResponse:
    """Give the schema as a page."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return HTMLResponse(docs_page(request.app.openapi()), headers={"Content-Security-Policy": policy})


def install_openapi(app: FastAPI) -> None:
    """Make `app.openapi()` tell of the key that every route needs, and of the one error shape."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
            parts = schema.setdefault("components", {})
            parts.setdefault("schemas", {})["Error"] = ERROR_SCHEMA
            parts["schemas"].pop("HTTPValidationError", None)
            parts["schemas"].pop("ValidationError", None)
            parts["securitySchemes"] = {"api_key": {"type": "http", "scheme": "bearer"}}
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    _complete(operation, needs_key=(method, path) not in OPEN_CALLS)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], *, needs_key: bool) -> None:
    responses = operation["responses"]
    responses.pop("422", None)  # invalid requests are 400 here
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    responses.setdefault("4XX", {"description": "What was wrong, and what would be right", **error})
    responses.setdefault("503", {"description": "A part that is down, named; try again after `Retry-After`", **error})
    if needs_key:
        operation["security"] = [{"api_key": []}]


def docs_page(schema: dict[str, Any]) -> str:
    """Give a page that lists every call with its parameters, body and answer."""
    calls = "\n".join(
        _call(method, path, operation)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    )
    shapes = "\n".join(
        f"<details><summary><code>{escape(name)}</code></summary><pre>{_json(shape)}</pre></details>"
        for name, shape in sorted(schema["components"]["schemas"].items())
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(schema["info"]["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(schema['info']['title'])} {escape(schema['info']['version'])}</h1><p>{escape(DESCRIPTION)}</p>"
        "<p>Send <code>Authorization: Bearer gl_...</code>. For machines: <a href=openapi.json>openapi.json</a>.</p>"
        f"<h2>Calls</h2>{calls}<h2>Shapes</h2>{shapes}</html>"
    )


def _call(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = {name: operation[name] for name in ("parameters", "requestBody", "responses") if name in operation}
    text = escape(operation.get("description", ""))
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation.get('summary', ''))}"
        "</summary>"
        f"<p>{text}</p><pre>{_json(parts)}</pre></details>"
    )


def _json(value: object) -> str:
    return escape(json.dumps(value, indent=2))
