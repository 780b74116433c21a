"""`/` and `/page/...`: the web page, which anybody may load; what it shows needs a session."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.errors import ApiError
from service.web.assets import INDEX, Asset, Assets

router = APIRouter(include_in_schema=False)
_assets = Assets()

_FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_GUARDS = {
    "Cache-Control": "no-cache",  # kept, and asked for again by its tag: a new version shows at once
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """Give the page."""
    page = _assets.get(INDEX)
    if page is None:
        raise _no_file()
    return _give(request, page, _page_policy(page))


@router.api_route("/page/{path:path}", methods=["GET", "HEAD"])
async def file(path: str, request: Request) -> Response:
    """Give one of the page's files."""
    asset = None if path == INDEX else _assets.get(path)
    if asset is None:
        raise _no_file()
    return _give(request, asset, _FILE_POLICY)


def _page_policy(page: Asset) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' '{page.import_map_hash()}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "font-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            # No text becomes markup or code but through the one policy that page/lib/markdown.js makes.
            "require-trusted-types-for 'script'",
            "trusted-types groundloop",
        )
    )


def _give(request: Request, asset: Asset, policy: str) -> Response:
    zipped = len(asset.zipped) < len(asset.body) and _takes_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{asset.tag}{"-gzip" if zipped else ""}"'
    headers = {**_GUARDS, "Content-Security-Policy": policy, "ETag": tag}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    body = asset.zipped if zipped else asset.body
    headers |= {"Content-Type": asset.media_type, "Content-Length": str(len(body))}
    return Response(b"" if request.method == "HEAD" else body, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _matches(offered: str, tag: str) -> bool:
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in offered.split(","))


def _no_file() -> ApiError:
    return ApiError(404, "the page has no such file")
