"""`/v1/files`: upload, list, look, download, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, get_args
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import FileResponse

from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.files.paging import After, ListOf, Order
from service.files.shapes import FileDeleted, FileObject
from service.files.upload import receive_upload

router = APIRouter(prefix="/v1/files", tags=["files"])
Reader = Annotated[Principal, Depends(require("user"))]
Writer = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
FileId = Annotated[str, Path(max_length=256)]
Purpose = Literal["assistants", "user_data", "batch", "fine-tune", "vision", "evals"]

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string", "enum": list(get_args(Purpose)), "default": "assistants"},
                    },
                }
            }
        },
    }
}


@router.post("", summary="Upload a file", openapi_extra=_FORM)
async def upload_file(request: Request, principal: Writer, parts: Parts) -> FileObject:
    """Take a file; it is on disk, whole, when this answers. Attach it to a vector store to make it searchable."""
    staged = parts.catalog.stage_upload()
    try:
        upload = await receive_upload(request, staged, max_bytes=parts.settings.max_upload_bytes)
        purpose = upload.fields.get("purpose", "assistants")
        if purpose not in get_args(Purpose):
            raise ApiError(400, f"purpose is one of {', '.join(get_args(Purpose))}", param="purpose")
        if any(name.startswith("expires_after") for name in upload.fields):
            raise ApiError(400, "files do not expire here; delete them when they are done with", param="expires_after")
        file = await asyncio.to_thread(
            parts.catalog.add_file, staged, filename=upload.filename, purpose=purpose, owner=principal.owner
        )
    finally:
        await asyncio.to_thread(staged.unlink, missing_ok=True)
    parts.metrics.uploads_bytes_total.inc(file.size_bytes)
    return FileObject.of(file)


@router.get("", summary="List files")
def list_files(
    principal: Reader,
    parts: Parts,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Order = "desc",
    purpose: Annotated[str | None, Query(max_length=64)] = None,
) -> ListOf[FileObject]:
    """List the files that the caller may read."""
    page = parts.catalog.files(principal.caller, purpose=purpose, limit=limit, after=after, order=order)
    return ListOf[FileObject].of([FileObject.of(file) for file in page.items], page.has_more)


@router.get("/{file_id}", summary="Look at a file")
def get_file(file_id: FileId, principal: Reader, parts: Parts) -> FileObject:
    """Show one file."""
    return FileObject.of(parts.catalog.file(principal.caller, file_id))


@router.get("/{file_id}/content", summary="Download a file", response_class=FileResponse)
def download_file(file_id: FileId, principal: Reader, parts: Parts) -> FileResponse:
    """Give the bytes as they were uploaded."""
    file = parts.catalog.file(principal.caller, file_id)
    # Never shown inside this origin: an uploaded page must not run with the reader's key.
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return FileResponse(parts.catalog.file_path(file), media_type="application/octet-stream", headers=headers)


@router.delete("/{file_id}", summary="Delete a file")
def delete_file(file_id: FileId, principal: Writer, parts: Parts) -> FileDeleted:
    """Delete a file and take it out of every vector store; it is out of search at once."""
    parts.catalog.delete_file(principal.caller, file_id)
    return FileDeleted(id=file_id)
