"""Errors at the HTTP edge: one envelope, `{"error": {"message", "type", "param", "code"}}`, whatever went wrong.

ApiError carries what the envelope needs. The floors below raise their own types; `as_api_error` gives each its status:

    NotFound 404 · Conflict 409 · InvalidInput 400 · ParseError 400 · StorageFull, IndexUnavailable 503
    PolicyUnavailable 503 · PromptTooLong 400 · redis connection, timeout, OOM, read-only 503

A business error is never a 500: a 500 is a bug, its details go to the log under the request id and not to the client.
"""

from __future__ import annotations

from typing import Any

import redis.exceptions as redis_errors

from retrieval import errors as retrieval_errors
from service.redis.refused import RedisRefused
from training.policy.base import PolicyError, PolicyUnavailable, PromptTooLong

TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CODES = {
    400: "invalid_value",
    401: "invalid_api_key",
    403: "insufficient_role",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    411: "length_required",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "unavailable",
}
REDIS_RETRY_S = 2


class ApiError(Exception):
    """What a route raises; rendered as the envelope with `Retry-After` where it has one."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """Make an error.

        Args:
            status: HTTP status, 4xx or 5xx.
            message: What was wrong and what would be right, for a person.
            type: OpenAI error type; by default the usual one of the status.
            code: Stable machine-readable reason; by default the usual one of the status.
            param: The field at fault.
            retry_after_s: Seconds after which to try again; sent with 429 and 503.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type or TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        self.code = code or CODES.get(status, "error")
        self.param = param
        self.retry_after_s = retry_after_s if retry_after_s is not None else {429: 1, 503: 2}.get(status)

    def body(self) -> dict[str, dict[str, str | None]]:
        """Give the envelope."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """Give the headers that belong to the error."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return headers


def unavailable(part: str, message: str, *, retry_after_s: int = 2) -> ApiError:
    """Make the 503 for a part that is down, loading or draining; the code is `<part>_unavailable`."""
    return ApiError(503, message, code=f"{part}_unavailable", retry_after_s=retry_after_s)


def as_api_error(error: Exception) -> ApiError | None:
    """Translate an error of the floors below or of Redis; None when it is not one that we know (a bug)."""
    message = str(error)
    match error:
        case ApiError():
            return error
        case retrieval_errors.NotFound():
            return ApiError(404, message, code=_NOT_FOUND.get(type(error)))
        case retrieval_errors.Conflict():
            return ApiError(409, message)
        case retrieval_errors.InvalidInput():
            return ApiError(400, message, param=error.param)
        case retrieval_errors.ParseError():
            return ApiError(400, message, code=error.code, param="file")
        case retrieval_errors.StorageFull():
            return unavailable("storage", "the disk is full; free space, nothing was changed", retry_after_s=60)
        case retrieval_errors.IndexUnavailable():
            return unavailable("search", "the engine that holds the indexes does not answer", retry_after_s=5)
        case PolicyUnavailable():
            return unavailable("policy", message, retry_after_s=error.retry_after_s)
        case PromptTooLong():
            return ApiError(400, message, code="context_length_exceeded", param="messages")
        case PolicyError():
            return unavailable("policy", message)
        case RedisRefused():
            return unavailable("redis", message, retry_after_s=REDIS_RETRY_S)
        case redis_errors.RedisError() if redis_is_down(error):
            return unavailable("redis", "the feedback store (Redis) cannot take this now", retry_after_s=REDIS_RETRY_S)
    return None


_NOT_FOUND: dict[type[Any], str] = {
    retrieval_errors.CollectionNotFound: "vector_store_not_found",
    retrieval_errors.DocumentNotFound: "file_not_found",
    retrieval_errors.FileNotFound: "file_not_found",
}


def redis_is_down(error: Exception) -> bool:
    """Tell whether Redis is away, stalled, loading, full or read-only, as opposed to our having sent nonsense."""
    if isinstance(error, redis_errors.ConnectionError | redis_errors.TimeoutError | redis_errors.ReadOnlyError):
        return True
    if isinstance(error, redis_errors.OutOfMemoryError):
        return True
    return isinstance(error, redis_errors.ResponseError) and str(error).startswith(
        ("OOM", "MISCONF", "READONLY", "LOADING", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN")
    )
