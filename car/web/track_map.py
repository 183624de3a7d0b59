"""The track that a simulated car is on, for the page to draw a map of."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from car.web.context import WebContext, context_of

router = APIRouter(tags=["car"])


@router.get("/track")
def track(context: Annotated[WebContext, Depends(context_of)]) -> dict[str, Any]:
    """Return the track's name, style, half width and centre line; null in their place where the car has no track."""
    shown = context.track_map()
    if shown is None:
        return {"name": None, "style": None, "half_width_m": None, "centre_line_m": None}
    return shown | {"name": context.name_of(shown["name"])}
