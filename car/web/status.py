"""What the car is and how it stands, in a few lines of JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from car.software import software_versions
from car.web.context import BROWSER, WebContext, context_of

router = APIRouter(tags=["car"])


@router.get("/status")
def status(request: Request, context: Annotated[WebContext, Depends(context_of)]) -> dict[str, Any]:
    """Return the car's name, version, pilot, recording, and who is there."""
    recording = context.recorder.status
    return {
        "car": context.config.car.name,
        "version": software_versions().get("pocketpilot", ""),
        "pilot": context.pilot,
        "recording": {"on": recording.on, "waits": recording.waits, "name": recording.name, "frames": recording.frames},
        "viewers": context.hub.count(BROWSER),
        "driver_present": context.hub.driver is not None,
        "tracks": context.scene.tracks if context.scene else (),
        "track": context.scene.track if context.scene else "",
        "tls": request.app.state.access.tls,
        "telemetry": context.telemetry,
    }
