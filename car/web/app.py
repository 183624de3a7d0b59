"""The applications: the controls have the pages, the two sockets and who gets in; the desk has the library.

Each part of the API is a module of this package with a ``router``. A browser speaks with the controls alone, which pass
on what is the library's (``relay``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from car.errors import KNOWN_ERRORS
from car.files import reason
from car.laps.timer import LapTimer
from car.pilots.trainer import Trainer
from car.software import software_versions
from car.web import (
    calibration,
    doctor,
    drive_channel,
    models,
    originals,
    pairing,
    people,
    pilot,
    sessions,
    status,
    track_map,
    tracks,
    training,
    video,
)
from car.web.access import Access, AccessGuard, refuse
from car.web.bodies import BodyLimit
from car.web.context import LibraryContext, WebContext
from car.web.relay import Library, Relay, SecretGuard

STATIC = Path(__file__).parent / "static"
PAGES = {
    "/": "drive.html",
    "/sessions": "sessions.html",
    "/models": "models.html",
    "/tracks": "tracks.html",
    "/calibrate": "calibrate.html",
    "/doctor": "doctor.html",
    "/people": "people.html",
    "/pair": "pair.html",
}
CONTROLS_ROUTERS = (status.router, track_map.router, pairing.router, people.router, drive_channel.router, video.router)
LIBRARY_ROUTERS = (
    sessions.router,
    originals.router,
    models.router,
    pilot.router,
    training.router,
    tracks.router,
    calibration.router,
    doctor.router,
)
SENTENCES = {
    400: "The request cannot be read. Send it again.",
    404: "There is nothing at this address. Check it.",
    405: "This address does not do that. Look it up in /api/openapi.json.",
    416: "The file has no such part. Ask for less of it.",
}
"""What the framework's own refusals mean."""


def create_app(context: WebContext, access: Access, relay_secret: str) -> FastAPI:
    """Return the application of the controls; nobody gets past ``access``.

    ``relay_secret`` is what the desk's library wants to hear.
    """
    app = make_app()
    app.state.context = context
    app.state.access = access
    app.state.attempts = pairing.Attempts(context.clock)
    app.state.laps = LapTimer()
    _add_api(app)
    for path, name in PAGES.items():
        app.add_api_route(path, page_of(STATIC / name), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    library = Library(context.notice, context.clock, relay_secret)
    app.add_middleware(Relay, library=library, paths=_library_paths())
    app.add_middleware(BodyLimit)
    app.add_middleware(AccessGuard, access=access)
    return app


def describe_api() -> dict[str, Any]:
    """Return the API in OpenAPI's words, as a car has it at ``/api/openapi.json``.

    >>> describe_api()["paths"]["/api/status"]["get"]["summary"]
    'Status'
    """
    app = make_app()
    _add_api(app)
    return app.openapi()


def create_library_app(context: LibraryContext, secret: str) -> FastAPI:
    """Return the application of the desk, which hears only who knows ``secret``."""
    app = make_app()
    app.state.library = context
    app.state.sessions = sessions.make_library(context)
    app.state.models = models.make_library(context)
    app.state.pilot_pictures = pilot.make_pictures(context)
    app.state.trainer = Trainer(context.folder.path, context.folder.models_dir)
    for router in LIBRARY_ROUTERS:
        app.include_router(router, prefix="/api")
    app.add_middleware(BodyLimit)
    app.add_middleware(SecretGuard, secret=secret)
    return app


def _add_api(app: FastAPI) -> None:
    # The library's own routes never run in the controls; they are in the description of the API.
    for router in (*CONTROLS_ROUTERS, *LIBRARY_ROUTERS):
        app.include_router(router, prefix="/api")


def _library_paths() -> set[str]:
    """Return the paths of which the library has all that is at them and below, from its routes."""
    paths = (route.path for router in LIBRARY_ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return {f"/api/{path.split('/')[1]}" for path in paths}


def make_app() -> FastAPI:
    """Return an application without any route, which says in a sentence what it refuses."""
    app = FastAPI(
        title="Pocketpilot",
        version=software_versions().get("pocketpilot", ""),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_exception_handler(HTTPException, _explain_http)
    app.add_exception_handler(RequestValidationError, _explain_request)
    for kind in KNOWN_ERRORS:
        app.add_exception_handler(kind, _explain)
    app.add_exception_handler(OSError, _explain_disk)
    return app


def page_of(path: Path) -> Callable[[], Response]:
    """Return the route of the page in a file."""

    def page() -> Response:
        return FileResponse(path, media_type="text/html") if path.is_file() else refuse(404, "There is no such page.")

    return page


def _explain_http(_request: Request, error: Exception) -> Response:
    http = cast(HTTPException, error)
    return refuse(http.status_code, SENTENCES.get(http.status_code, http.detail), http.headers)


def _explain_request(_request: Request, error: Exception) -> Response:
    """Answer what was not asked for as it should be, in one sentence."""
    finding = cast(RequestValidationError, error).errors()[0]
    where = ".".join(str(part) for part in finding["loc"])
    return refuse(422, f"`{where}` is not allowed: {finding['msg']}. Change that.")


def _explain(_request: Request, error: Exception) -> Response:
    return refuse(404 if isinstance(error, LookupError) else 409, str(error))


def _explain_disk(_request: Request, error: Exception) -> Response:
    return refuse(409, f"The disk refuses ({reason(cast(OSError, error))}). Run `car doctor` on the car.")
