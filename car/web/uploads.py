"""Files that a browser sends, straight to the disk and no further than they are allowed to go."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

PATIENCE_S = 30.0
RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
    }
}
"""What OpenAPI is told of a request whose body is a file; for a route's ``openapi_extra``."""


async def receive(request: Request, path: Path, max_bytes: int, min_free_bytes: int) -> None:
    """Write the request's body to ``path``, which others may not read.

    Raises HTTPException 413 when it has more than ``max_bytes`` or would leave less than ``min_free_bytes`` on the
    disk, 422 when it is empty, 408 when nothing comes for ``PATIENCE_S``, 400 when the browser is gone before its end.
    """
    room = (await anyio.to_thread.run_sync(shutil.disk_usage, path.parent)).free - min_free_bytes
    _check_size(_announced(request), max_bytes, room)
    received = 0
    try:
        async with await anyio.open_file(path, "xb") as file:
            pieces = aiter(request.stream())
            while (piece := await _next(pieces)) is not None:
                received += len(piece)
                _check_size(received, max_bytes, room)
                await file.write(piece)
    except ClientDisconnect:
        raise HTTPException(400) from None
    except TimeoutError:
        raise HTTPException(408, f"Nothing came for {PATIENCE_S:.0f} s. Send the file again.") from None
    if not received:
        raise HTTPException(422, "The file is empty. Choose another one.")


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    with anyio.fail_after(PATIENCE_S):
        return await anext(pieces, None)


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _check_size(size: int, max_bytes: int, room: int) -> None:
    if size > max_bytes:
        raise HTTPException(413, f"The file has more than {max_bytes // 1_000_000} MB. Choose a smaller one.")
    if size > room:
        raise HTTPException(413, "The car's disk has too little room. Delete old sessions, and empty the trash.")
