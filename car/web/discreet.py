"""What both web servers have in common: they log nothing, and believe no header about who asks."""

from __future__ import annotations

from typing import Any

import uvicorn
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
GRACE_S = 1


def discreet(app: ASGIApp, **options: Any) -> uvicorn.Config:
    """Return how ``app`` is served; ``options`` are uvicorn's own."""
    return uvicorn.Config(
        app,
        # What is asked for is nobody's business, and no header of a proxy says who asks.
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        **options,
    )
