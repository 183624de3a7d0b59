"""Sessions for a laptop that keeps copies of them: what there is, and pieces with their digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi import Path as Part
from pydantic import BaseModel, ConfigDict, Field

from car.sessions.edits import FrameRange
from car.sessions.originals import Original, content_digest, originals, read_piece
from car.web.problems import PROBLEMS
from car.web.sessions import Library

PIECE_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The piece, with Content-Digest (RFC 9530)"}
}
MAX_PIECES = 1_000_000
MAX_VERSION = 64

FrameNumber = Annotated[int, Field(ge=0, lt=2**63)]

router = APIRouter(tags=["originals"], responses=PROBLEMS)

Number = Annotated[int, Part(ge=0, le=MAX_PIECES)]
Version = Annotated[str, Query(max_length=MAX_VERSION, description="As the list has it.")]


class Cuts(BaseModel):
    """The first and last number of the frames that each cut leaves out."""

    model_config = ConfigDict(extra="forbid")

    left_out: Annotated[list[tuple[FrameNumber, FrameNumber]], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Digest:
    """What a piece must have, in hexadecimal."""

    sha256: str


@router.get("/originals")
def list_originals(library: Library) -> list[Original]:
    """Return the car's sessions as a laptop needs them to see which it lacks."""
    return originals(library)


@router.get("/originals/{name}/{number}", response_class=Response, responses=PIECE_ANSWER)
def hand_out_piece(library: Library, name: str, number: Number, version: Version) -> Response:
    """Return a piece of a session that is not being recorded."""
    piece = read_piece(library.closed_path(name), number, version)
    return Response(piece, media_type="application/octet-stream", headers={"Content-Digest": content_digest(piece)})


@router.get("/originals/{name}/{number}/digest")
def tell_digest(library: Library, name: str, number: Number, version: Version) -> Digest:
    """Return the digest alone of a piece that is on the laptop already."""
    return Digest(hashlib.sha256(read_piece(library.closed_path(name), number, version)).hexdigest())


@router.post("/originals/{name}/cuts", status_code=204)
def take_cuts(library: Library, name: str, cuts: Cuts) -> None:
    """Leave out of a session what was left out of its copy, unless something else is left out of it here."""
    library.take_cuts(name, [FrameRange(first, last) for first, last in cuts.left_out])
