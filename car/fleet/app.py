"""The fleet's page and its API, for browsers on this laptop alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from car.config.folder import CarFolder
from car.fleet.errands import Visit, bringing, fetching
from car.fleet.fleet import Fleet
from car.fleet.lap_board import Lap
from car.fleet.scores import Score, scores_of
from car.fleet.watch import CarView, Stopped
from car.pairing.announcement import FoundCar
from car.pairing.store import AccessStore
from car.pilots.find import MODEL_SUFFIX
from car.web.access import Access, AccessGuard
from car.web.app import STATIC, make_app, page_of
from car.web.bodies import BodyLimit

OWN_STATIC = Path(__file__).parent / "static"
MAX_CARS = 200

Place = Annotated[str, Field(max_length=300)]
router = APIRouter(prefix="/api/fleet", tags=["fleet"])


@dataclass(frozen=True, slots=True)
class FleetContext:
    """What the page works with: the fleet, and the laptop's folder of sessions and models."""

    fleet: Fleet
    folder: CarFolder


def _context_of(request: Request) -> FleetContext:
    return cast(FleetContext, request.app.state.context)


Context = Annotated[FleetContext, Depends(_context_of)]


class ForCars(BaseModel):
    """Which cars an errand is for: their places, or none for all."""

    cars: Annotated[list[Place], Field(max_length=MAX_CARS)] = []


class Push(ForCars):
    """A model of this laptop for the cars, which may drive with it at once."""

    model: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\\]+$")]
    activate: bool = False


@dataclass(frozen=True, slots=True)
class RoundView:
    """An errand under way, or the last one."""

    what: str
    is_over: bool
    visits: Sequence[Visit]


@dataclass(frozen=True, slots=True)
class FleetView:
    """All that the page shows."""

    cars: Sequence[CarView]
    strangers: Sequence[FoundCar]
    models: Sequence[str]
    laps: Sequence[Lap]
    scores: Sequence[Score]
    errand: RoundView | None
    trouble: str


@router.get("")
async def show(context: Context) -> FleetView:
    """Return how all cars stand, what can be brought to them, and the best laps."""
    names, scores = await asyncio.to_thread(_models_in, context.folder.models_dir)
    fleet = context.fleet
    last = fleet.round
    errand = None if last is None else RoundView(last.what, last.is_over, last.visits)
    return FleetView(fleet.views(), fleet.strangers(), names, fleet.laps.laps(), scores, errand, fleet.trouble)


def _models_in(folder: Path) -> tuple[list[str], list[Score]]:
    return sorted(path.stem for path in folder.glob(f"*{MODEL_SUFFIX}")), scores_of(folder)


@router.get("/picture", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def show_picture(context: Context, place: Place) -> Response:
    """Return what a car sees, as a JPEG."""
    return Response(context.fleet.picture(place), media_type="image/jpeg")


@router.post("/stop")
async def stop_all(context: Context) -> list[Stopped]:
    """Stop every car, and return after how long each has said that it has."""
    return await context.fleet.stop_all()


@router.post("/push")
async def push(context: Context, wish: Push) -> None:
    """Begin to bring a model to the cars."""
    errand = await asyncio.to_thread(bringing, wish.model, context.folder.path, activated=wish.activate)
    context.fleet.send_round(f"push {wish.model}", wish.cars, errand)


@router.post("/pull")
async def pull(context: Context, wish: ForCars) -> None:
    """Begin to fetch the cars' sessions."""
    context.fleet.send_round("pull", wish.cars, fetching(context.folder.sessions_dir))


def create_app(context: FleetContext) -> FastAPI:
    """Return the application, which follows the cars for as long as it is served."""

    @contextlib.asynccontextmanager
    async def watching(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(context.fleet.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    app = make_app()
    app.router.lifespan_context = watching
    app.state.context = context
    # Nobody is ever paired with this laptop, so nobody but itself gets in.
    app.state.access = Access(AccessStore(context.folder.path / "fleet", context.fleet.clock), tls=False)
    app.include_router(router)
    app.add_api_route("/", page_of(OWN_STATIC / "fleet.html"), include_in_schema=False)
    app.mount("/static/fleet", StaticFiles(directory=OWN_STATIC), name="fleet")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(BodyLimit)
    app.add_middleware(AccessGuard, access=app.state.access)
    return app
