"""The path that was driven in a recorded session: where the car was at each frame, and how it answered its commands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from car.drive_record import DriveRecord
from car.errors import UnusableSession
from car.sessions.reader import Session
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_S
from hardware.drivetrain import Pose
from simulator.vehicle import SIXTEENTH
from training.dataset import Recording, load_recording
from training.exam.odometry import estimate_poses

LONGEST_GAP_S = 0.5
"""Two frames further apart belong to two stretches: nobody knows what happened between them."""
SHORTEST_STRETCH_M = 2.0
_STANDING_M = 0.002

_LAGS_S = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
_LEAST_EXPLAINED = 0.3
_LIKELY_CURVATURE = (0.5, 8.0)

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Response:
    """How a car answers its steering: the curvature of its path at full steering, and the lag until it is there.

    >>> Response().curvature_per_m > 1.0
    True

    A car whose steering is trimmed, or sharper than another, is judged by its own.
    """

    curvature_per_m: float = math.tan(SIXTEENTH.max_steering_rad) / SIXTEENTH.wheelbase_m
    lag_s: float = 0.1

    def follow(self, steering: float, wanted: float, duration_s: float) -> float:
        """Return where the steering is ``duration_s`` after it was at ``steering``, on its way to ``wanted``."""
        return wanted if self.lag_s == 0.0 else steering + (wanted - steering) * -math.expm1(-duration_s / self.lag_s)


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Frames of a session, without a gap and all on the move, and where the car was at each.

    >>> images = np.zeros((2, 120, 160, 3), np.uint8)
    >>> poses = (Pose(0.0, 0.0, 0.0), Pose(0.05, 0.0, 0.0))
    >>> stretch = Stretch(images, poses, np.array([0.0, 0.05]), np.zeros(2), way_m=np.array([0.0, 0.05]))

    ``images`` uint8 RGB, frames × height × width × 3; ``poses`` in metres and radians from any origin; ``times_s`` when
    they were captured; ``steering`` where the steering was by then, in −1 … +1 as commands are, its lag counted;
    ``way_m`` how far it had come.
    """

    images: NDArray[np.uint8] = field(repr=False)
    poses: tuple[Pose, ...] = field(repr=False)
    times_s: Values = field(repr=False)
    steering: Values = field(repr=False)
    way_m: Values = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class DrivenPath:
    """The stretches of one session, the camera they were seen by, and the car's answer to its steering.

    >>> DrivenPath("lap", CameraGeometry(), (), Response(), is_measured=True).response.lag_s
    0.1

    ``is_measured`` tells whether the session says where the car was, as a simulated one does; else the frames do.
    """

    name: str
    camera: CameraGeometry
    stretches: tuple[Stretch, ...]
    response: Response
    is_measured: bool


def load_driven_path(session: Path, camera: CameraGeometry | None = None) -> DrivenPath:
    """Return the path that was driven in ``session``, seen by its own camera or the ``camera`` given.

    Of a given camera the frame size is the session's. Raises what ``load_recording`` raises, UnusableSession when the
    car nowhere went far enough.
    """
    recording = load_recording(session)
    camera = _sized(camera or recording.camera, recording)
    records = _records_of(session, recording)
    is_measured = all(record.pose is not None for record in records)
    pieces = [_piece(recording, records, frames, camera) for frames in _without_gaps(recording.captured_ns)]
    response = fit_response(pieces)
    stretches = tuple(stretch for stretch in (_moving(piece, response) for piece in pieces) if _is_far(stretch))
    if not stretches:
        raise UnusableSession(
            f"The car goes nowhere for {SHORTEST_STRETCH_M:g} m on end in {session}. Name a session with a lap in it."
        )
    return DrivenPath(recording.name, camera, stretches, response, is_measured)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Frames without a gap: the images, where the car was, when, and the steering that was applied from each on.

    >>> images = np.zeros((2, 120, 160, 3), np.uint8)
    >>> poses = (Pose(0.0, 0.0, 0.0), Pose(0.05, 0.0, 0.0))
    >>> piece = Piece(images, poses, times_s=np.array([0.0, 0.05]), applied=np.zeros(2))
    """

    images: NDArray[np.uint8] = field(repr=False)
    poses: tuple[Pose, ...] = field(repr=False)
    times_s: Values = field(repr=False)
    applied: Values = field(repr=False)


def _sized(camera: CameraGeometry, recording: Recording) -> CameraGeometry:
    _, height, width, _ = recording.images.shape
    return replace(camera, width=width, height=height)


def _records_of(path: Path, recording: Recording) -> list[DriveRecord]:
    """Return the first control cycle of each frame of the recording."""
    with Session.open(path) as session:
        records = {driven.frame.captured_ns: driven.record for driven in session.driven_frames()}
    return [records[captured_ns] for captured_ns in recording.captured_ns.tolist()]


def _without_gaps(captured_ns: NDArray[np.int64]) -> list[slice]:
    """Return the frames between one gap and the next; a clock that stood still or went back is a gap too."""
    steps_s = np.diff(captured_ns) / NS_PER_S
    cuts = np.flatnonzero((steps_s > LONGEST_GAP_S) | (steps_s <= 0.0)) + 1
    edges = [0, *cuts.tolist(), len(captured_ns)]
    return [slice(start, end) for start, end in itertools.pairwise(edges) if end - start > 1]


def _piece(
    recording: Recording,
    records: Sequence[DriveRecord],
    frames: slice,
    camera: CameraGeometry,
) -> Piece:
    images, times_s = recording.images[frames], recording.captured_ns[frames] / NS_PER_S
    commands = [record.applied for record in records[frames]]
    poses = tuple(record.pose for record in records[frames] if record.pose is not None)
    if len(poses) < len(commands):
        poses = tuple(estimate_poses(images, times_s, commands, camera))
    return Piece(images, poses, times_s, np.array([command.steering for command in commands]))


def _moving(piece: Piece, response: Response) -> Stretch:
    """Return the frames of a piece at which the car had moved on since the one before."""
    steps_m, _ = _turns(piece.poses)
    way_m = np.concatenate([[0.0], np.cumsum(steps_m)])
    kept = [0]
    for index, here_m in enumerate(way_m.tolist()):
        if here_m - way_m[kept[-1]] >= _STANDING_M:
            kept.append(index)
    images = piece.images if len(kept) == len(way_m) else piece.images[kept]
    steering = lagging(piece.applied, piece.times_s, response)
    poses = tuple(piece.poses[index] for index in kept)
    return Stretch(images, poses, piece.times_s[kept], steering[kept], way_m[kept])


def _is_far(stretch: Stretch) -> bool:
    return float(stretch.way_m[-1]) >= SHORTEST_STRETCH_M


def lagging(steering: Values, times_s: Values, response: Response) -> Values:
    """Return where the steering was at each frame, when ``steering`` was asked for from each frame on."""
    now = float(steering[0])
    values = [now]
    for wanted, duration_s in zip(steering[:-1].tolist(), np.diff(times_s).tolist(), strict=True):
        now = response.follow(now, wanted, duration_s)
        values.append(now)
    return np.array(values)


def fit_response(pieces: Sequence[Piece]) -> Response:
    """Return the car's answer to its steering by least squares over its turns, a lag at a time.

    Where the turns do not tell, as when it was driven straight on, that is the simulated car's.
    """
    if not pieces:
        return Response()
    turns = [_turns(piece.poses) for piece in pieces]
    ways_m = np.concatenate([way_m for way_m, _ in turns])
    turned_rad = np.concatenate([turned for _, turned in turns])
    best, least = Response(), (1.0 - _LEAST_EXPLAINED) * float(np.sum((turned_rad - turned_rad.mean()) ** 2))
    for lag_s in _LAGS_S:
        lagged = [lagging(piece.applied, piece.times_s, Response(lag_s=lag_s)) for piece in pieces]
        asked = np.concatenate([0.5 * (now[1:] + now[:-1]) for now in lagged]) * ways_m
        # A trim that pulls to one side is a curvature at steering 0.
        (curvature, trim), *_ = np.linalg.lstsq(np.stack([-asked, ways_m], axis=1), turned_rad)
        left = float(np.sum((turned_rad + curvature * asked - trim * ways_m) ** 2))
        if left < least and _LIKELY_CURVATURE[0] <= curvature <= _LIKELY_CURVATURE[1]:
            best, least = Response(float(curvature), lag_s), left
    return best


def _turns(poses: Sequence[Pose]) -> tuple[Values, Values]:
    """Return between each two poses the way in metres and the turn in radians counter-clockwise."""
    places = np.array([(pose.x_m, pose.y_m) for pose in poses])
    headings_rad = np.unwrap([pose.heading_rad for pose in poses])
    return np.hypot(*np.diff(places, axis=0).T), np.diff(headings_rad)
