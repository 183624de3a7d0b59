"""The pilot over HTTP: its name, and what it goes by as a picture, where it has one to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from car.link.ring import RingReader
from car.pilots.pilot_pictures import PilotPictures
from car.web.context import LibraryContext, library_context_of
from car.web.problems import PROBLEMS
from car.web.video import jpeg
from hardware.errors import HardwareError

QUALITY = 85

router = APIRouter(tags=["pilot"], responses=PROBLEMS)
Context = Annotated[LibraryContext, Depends(library_context_of)]


def make_pictures(context: LibraryContext) -> PilotPictures:
    """Return what draws the pictures of the pilots of the car of ``context``."""
    return PilotPictures(context.config.pilot, context.config.camera.geometry, context.folder.path)


def pictures_of(request: Request) -> PilotPictures:
    """Return what draws the pilots' pictures; for ``Depends``."""
    return cast(PilotPictures, request.app.state.pilot_pictures)


Pictures = Annotated[PilotPictures, Depends(pictures_of)]


@dataclass(frozen=True, slots=True)
class DrivingPilot:
    """The pilot that drives, and whether it shows what it goes by."""

    name: str
    has_picture: bool


@router.get("/pilot")
def show_pilot(context: Context, pictures: Pictures) -> DrivingPilot:
    """Return which pilot drives."""
    return DrivingPilot(context.pilots.name, pictures.has(context.pilots.name))


@router.get("/pilot/picture", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def show_picture(context: Context, pictures: Pictures) -> Response:
    """Return the newest frame as a JPEG, with what the pilot goes by drawn into it."""
    cycle = RingReader(context.ring).newest()
    if cycle is None or cycle.frame is None:
        raise HardwareError("The camera has given no picture lately. See the doctor's page.")
    picture = pictures.draw(context.pilots.name, cycle.frame)
    return Response(jpeg(picture, picture.shape[1], QUALITY), media_type="image/jpeg")
