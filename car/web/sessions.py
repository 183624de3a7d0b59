"""Sessions over HTTP: listed, looked into, cut, handed out, thrown away and taken back."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, cast

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from car.drive_record import DriveRecord
from car.errors import NoSuchSession
from car.gate import GateState, Mode
from car.sessions.edits import Edits
from car.sessions.format import EncodedFrame
from car.sessions.index import Timeline
from car.sessions.library import Deletion, SessionDetails, SessionLibrary, SessionRow
from car.sessions.series import Series
from car.sessions.trash import TrashedSession
from car.sessions.tub.upload import MAX_ARCHIVE_BYTES, Import, import_archive, workshop
from car.web.context import LibraryContext, library_context_of
from car.web.problems import PROBLEMS
from car.web.uploads import RAW_BODY, receive
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command

MAX_RECORDS = 1000
MAX_POINTS = 5000
MAX_FILE_NAME = 255
THUMBNAIL_WIDTH = 160
FRAME_CACHE = {"Cache-Control": "private, max-age=600"}
"""A frame does not change, but another session may get the name of one that was thrown away."""
JPEG_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "A JPEG"}}
FILE_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The .mcap file, or a range of it"}
}

router = APIRouter(tags=["sessions"], responses=PROBLEMS)


def make_library(context: LibraryContext) -> SessionLibrary:
    """Return the library of the sessions that the car of ``context`` records and has recorded."""

    def recorded() -> str:
        status = context.recorder.status
        return status.name if status.on else ""

    return SessionLibrary(context.folder.sessions_dir, recorded)


def library_of(request: Request) -> SessionLibrary:
    """Return the car's sessions; for ``Depends``."""
    return cast(SessionLibrary, request.app.state.sessions)


Library = Annotated[SessionLibrary, Depends(library_of)]
Context = Annotated[LibraryContext, Depends(library_context_of)]


class Cut(BaseModel):
    """The frames at the indices ``first`` … ``last``, both included."""

    model_config = ConfigDict(extra="forbid")

    first: Annotated[int, Field(ge=0)]
    last: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is left out of a session: first and last index of each run of frames, and how many cuts can be undone."""

    ranges: list[tuple[int, int]]
    cuts: int


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """What was recorded with a frame: ``steering`` and ``throttle`` reached the wheels."""

    frame: int
    t_s: float
    mode: Mode
    gate: GateState
    trip: str
    steering: float
    throttle: float
    driver: Command | None
    pilot: Command | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a session that was taken back is called."""

    name: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was deleted for good."""

    dropped: list[str]


@router.get("/sessions")
def list_sessions(library: Library) -> list[SessionRow]:
    """Return the car's sessions, the latest first."""
    return library.rows()


@router.get("/sessions/{name}")
def show_session(library: Library, name: str) -> SessionDetails:
    """Return a session in detail."""
    return library.details(name)


@router.get("/sessions/{name}/timeline")
def plot_session(library: Library, name: str, points: Annotated[int, Query(ge=8, le=MAX_POINTS)] = 2000) -> Timeline:
    """Return the commands that reached the wheels as a plot of at most ``points`` points, every peak in it."""
    return library.index(name).timeline(points)


@router.get("/sessions/{name}/telemetry")
def plot_telemetry(
    library: Library, name: str, points: Annotated[int, Query(ge=8, le=MAX_POINTS)] = 1000
) -> list[Series]:
    """Return how the car was, each thing that was measured as a plot of at most ``points`` points."""
    return library.index(name).telemetry(points)


@router.get("/sessions/{name}/thumbnail.jpg", response_class=Response, responses=JPEG_ANSWER)
def show_thumbnail(library: Library, name: str) -> Response:
    """Return a small picture of a session."""
    return Response(_small(library.thumbnail(name)), media_type="image/jpeg", headers=FRAME_CACHE)


@router.get("/sessions/{name}/frames/{index}.jpg", response_class=Response, responses=JPEG_ANSWER)
def show_frame(library: Library, name: str, index: int) -> Response:
    """Return the frame at an index as it was recorded."""
    return Response(library.index(name).frame(index), media_type="image/jpeg", headers=FRAME_CACHE)


@router.get("/sessions/{name}/records")
def list_commands(
    library: Library,
    name: str,
    first: Annotated[int, Query(ge=0, alias="from")] = 0,
    count: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = MAX_RECORDS,
) -> list[RecordedCommand | None]:
    """Return what was recorded with each frame from an index on, null where nothing was."""
    index = library.index(name)
    start_ns = next(iter(index.session.times_ns), 0)
    records = enumerate(index.records(first, count), start=first)
    return [None if record is None else _command(place, record, start_ns) for place, record in records]


@router.post("/sessions/{name}/cuts")
def cut_session(library: Library, name: str, cut: Cut) -> LeftOut:
    """Leave frames out of a session; the recording itself stays as it is."""
    return _left_out(library, name, library.cut(name, cut.first, cut.last))


@router.delete("/sessions/{name}/cuts/last")
def undo_cut(library: Library, name: str) -> LeftOut:
    """Take the last cut back."""
    return _left_out(library, name, library.undo(name))


@router.get("/sessions/{name}/download", response_class=FileResponse, responses=FILE_ANSWER)
def download_session(library: Library, name: str) -> FileResponse:
    """Return the session's file, or the range of it that is asked for."""
    path = library.closed_path(name)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


@router.post("/sessions/import", status_code=201, openapi_extra=RAW_BODY)
async def import_tubs(
    request: Request,
    context: Context,
    name: Annotated[str, Query(max_length=MAX_FILE_NAME, description="The file's name.")] = "",
) -> Import:
    """Take a .zip or a .tar.gz of Donkey Car tubs, the request's body, and import each as a session."""
    recording, sessions_dir = context.config.recording, context.folder.sessions_dir
    min_free_bytes = recording.min_free_mb * 1_000_000
    # Even tidying up takes a while, and the driver's commands come through this thread.
    with contextlib.ExitStack() as stack:
        folder = await anyio.to_thread.run_sync(stack.enter_context, workshop(sessions_dir))
        try:
            await receive(request, folder / "upload", MAX_ARCHIVE_BYTES, min_free_bytes)
            stem = name.removesuffix(".zip").removesuffix(".gz").removesuffix(".tar")
            run = partial(
                import_archive, folder / "upload", sessions_dir, stem, context.config.car.name, min_free_bytes
            )
            return await anyio.to_thread.run_sync(run)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(stack.close)


@router.delete("/sessions/{name}")
def delete_session(library: Library, name: str) -> Deletion:
    """Move a session to the trash, from where it can be taken back for two weeks."""
    return library.delete(name)


@router.post("/sessions/{name}/restore")
def restore_session(library: Library, name: str) -> Restored:
    """Take a session back from the trash."""
    return Restored(library.trash.restore(name))


@router.get("/trash")
def list_trash(library: Library) -> list[TrashedSession]:
    """Return the sessions in the trash, the latest first."""
    return library.trash.sessions()


@router.delete("/trash")
def empty_trash(library: Library) -> Dropped:
    """Delete for good all that is in the trash."""
    return Dropped(library.trash.empty())


def _left_out(library: SessionLibrary, name: str, edits: Edits) -> LeftOut:
    return LeftOut(library.index(name).left_out(edits), len(edits.cuts))


def _command(index: int, record: DriveRecord, start_ns: int) -> RecordedCommand | None:
    applied = record.applied
    if not (math.isfinite(applied.steering) and math.isfinite(applied.throttle)):
        return None
    return RecordedCommand(
        frame=index,
        t_s=(record.captured_ns - start_ns) / NS_PER_S,
        mode=record.mode,
        gate=record.gate_state,
        trip=record.trip or "",
        steering=applied.steering,
        throttle=applied.throttle,
        driver=_finite(record.driver),
        pilot=_finite(record.pilot),
    )


def _finite(command: Command | None) -> Command | None:
    return command if command is not None and command.is_valid() else None


def _small(frame: EncodedFrame) -> bytes:
    """Return the frame's JPEG at no more than ``THUMBNAIL_WIDTH``; raises SessionError when it is broken."""
    import cv2

    image = frame.decode().image
    height, width = image.shape[:2]
    if width <= THUMBNAIL_WIDTH:
        return frame.jpeg
    size = (THUMBNAIL_WIDTH, max(1, height * THUMBNAIL_WIDTH // width))
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    done, jpeg = cv2.imencode(".jpg", small)
    if not done:
        raise NoSuchSession(f"Frame {frame.number} cannot be made smaller. Look at the session itself.")
    return jpeg.tobytes()
