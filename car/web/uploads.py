"""Files that a browser sends, straight to the disk and no further than they are allowed to go."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What OpenAPI is told of a request whose body is a file; for a route's ``openapi_extra``."""


async def receive(request: Request, path: Path, max_bytes: int, min_free_bytes: int) -> None:
    """Write the request's body to ``path``, which others may not read.

    Raises HTTPException 413 when it has more than ``max_bytes`` or would leave less than ``min_free_bytes`` on the
    disk, 422 when it is empty, 400 when the browser is gone before its end.
    """
    room = (await anyio.to_thread.run_sync(shutil.disk_usage, path.parent)).free - min_free_bytes
    _check_size(_announced(request), max_bytes, room)
    received = 0
    try:
        async with await anyio.open_file(path, "xb") as file:
            async for piece in request.stream():
                received += len(piece)
                _check_size(received, max_bytes, room)
                await file.write(piece)
    except ClientDisconnect:
        raise HTTPException(400) from None
    if not received:
        raise HTTPException(422, "The file is empty. Choose another one.")


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _check_size(size: int, max_bytes: int, room: int) -> None:
    if size > max_bytes:
        raise HTTPException(413, f"The file has more than {max_bytes // 1_000_000} MB. Choose a smaller one.")
    if size > room:
        raise HTTPException(413, "The car's disk has too little room. Delete old sessions, and empty the trash.")
