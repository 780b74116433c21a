"""Gives every error of the app the one envelope.

Ours, those of the floors below, unknown routes, and invalid requests.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException

from retrieval.errors import RetrievalError
from service.errors import ApiError, as_api_error
from training.policy.base import PolicyError

_MESSAGES = {404: "no such route; /docs lists them", 405: "this route does not take that method"}


def install_error_handlers(app: FastAPI) -> None:
    """Register the handlers."""
    for known in (ApiError, RetrievalError, PolicyError, RedisError):
        app.add_exception_handler(known, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def render(error: ApiError) -> JSONResponse:
    """Give the response for an error."""
    return JSONResponse(error.body(), error.status, error.headers())


def invalid_request(problems: list[Any]) -> ApiError:
    """Make a 400 out of what pydantic found, naming the first field at fault.

    Args:
        problems: `errors()` of a validation error, located from the field on.

    Returns:
        The error, to be raised or rendered.
    """
    first = problems[0]
    # The names that pydantic gives to the members of a union are not the client's.
    path = (str(part) for part in first["loc"])
    param = ".".join(part for part in path if "[" not in part and not part.startswith("constrained-")) or None
    if first["type"] == "json_invalid":
        return ApiError(400, "the body is not valid JSON", code="invalid_json")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    return ApiError(400, f"{param}: {message}{more}" if param else f"{message}{more}", param=param, code=code)


async def _known(request: Request, error: Exception) -> JSONResponse:
    translated = as_api_error(error)
    if translated is None:
        raise error  # a bug: the outermost layer logs it and answers 500
    return render(translated)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The first part of a location is `body`, `query`, `path` or `header`.
    problems = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors()]
    return render(invalid_request(problems))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    response = render(ApiError(error.status_code, _MESSAGES.get(error.status_code, str(error.detail))))
    if allow := (error.headers or {}).get("Allow"):
        response.headers["Allow"] = allow
    return response
