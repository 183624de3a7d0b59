"""Tracks of one's own over HTTP: those that are there, what is drawn checked, and saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query

from car.errors import ConfigError
from car.kinds.ours import DRIVETRAINS
from car.web.context import LibraryContext, library_context_of
from car.web.problems import PROBLEMS
from hardware.errors import TrackError
from simulator.track import Track

SHOWN_EVERY_M = 0.1

router = APIRouter(tags=["tracks"], responses=PROBLEMS)
Context = Annotated[LibraryContext, Depends(library_context_of)]
Drawn = Annotated[dict[str, Any], Body(description="A track as its file has it: docs/tracks.md.")]


@dataclass(frozen=True, slots=True)
class OwnTracks:
    """The names of the tracks of the car's own, and whether its car is simulated: only such a one can enter them."""

    simulated: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedTrack:
    """What a drawn track is like; where it cannot be driven, ``refusal`` says why, and the rest is nothing.

    ``centre_m`` are points x, y of its centre line, some 10 cm apart.
    """

    refusal: str
    length_m: float = 0.0
    tightest_m: float = 0.0
    centre_m: tuple[tuple[float, float], ...] = ()


@router.get("/tracks")
def list_tracks(context: Context) -> OwnTracks:
    """Return the tracks of the car's own."""
    return OwnTracks(_is_simulated(context), context.tracks.look())


@router.get("/tracks/{name}")
def show_track(context: Context, name: str) -> dict[str, Any]:
    """Return a track of the car's own as its file has it."""
    return context.tracks.content(name)


@router.post("/tracks/check")
def check_track(context: Context, drawn: Drawn) -> CheckedTrack:
    """Tell whether a drawn track can be driven, and save nothing."""
    try:
        return _checked(context.tracks.check(drawn))
    except TrackError as error:
        return CheckedTrack(str(error))


@router.post("/tracks", status_code=201)
def save_track(
    context: Context,
    drawn: Drawn,
    name: Annotated[str, Query(min_length=1, max_length=64)],
    replace: Annotated[bool, Query(description="Take the place of the track of that name.")] = False,
) -> CheckedTrack:
    """Save a drawn track in the car's folder, from where a simulated car can enter it."""
    if not _is_simulated(context):
        raise ConfigError("This car has real wheels, and tracks are for simulated ones. Tape it on the floor.")
    return _checked(context.tracks.save(name, drawn, replace=replace))


def _is_simulated(context: LibraryContext) -> bool:
    return DRIVETRAINS.find(context.config.drivetrain.kind).is_simulated


def _checked(track: Track) -> CheckedTrack:
    every = max(1, round(SHOWN_EVERY_M / track.step_m))
    points = [(round(x_m, 3), round(y_m, 3)) for x_m, y_m in track.points_m[::every].tolist()]
    tightest_m = 1.0 / float(abs(track.curvature_per_m).max())
    return CheckedTrack("", round(track.length_m, 2), round(tightest_m, 2), tuple(points))
