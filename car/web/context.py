"""What the pages' servers work with: the parts of the controls, and those of the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from starlette.requests import HTTPConnection

from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.controls.hub import DriverHub
from car.drive_record import DriveRecord
from car.link.pilot_switch import PilotSwitch
from car.link.ring import CycleRing
from car.link.scene import SceneChoice
from car.recording.recorder import RecordingStatus
from car.tracks import TrackLibrary
from hardware.camera import Frame, Image
from hardware.clock import NS_PER_S, Clock

BROWSER = "browser"
"""What the seats of browsers are called."""
OLD_TELEMETRY_NS = 5 * NS_PER_S
"""How the car was longer ago is shown no more: the desk is gone, or stuck."""


class RecorderSwitch(Protocol):
    """The recorder, as far as a driver may switch it; nothing here ever waits for a disk."""

    @property
    def status(self) -> RecordingStatus:
        """How the recording stands."""

    def switch_on(self) -> None:
        """Start a new session, unless one is being recorded."""

    def switch_off(self) -> None:
        """Close the session."""

    def erase(self, seconds: float) -> None:
        """Leave the latest ``seconds`` out."""


@dataclass(frozen=True, slots=True)
class WebContext:
    """The car whose pages are served, and the parts of the controls that they use.

    ``posted_telemetry`` is how the car was when the desk said so last, ``notice`` what else it has said: ``pilot``,
    ``library_port``;
    ``scene`` is where a simulated car drives, ``track`` tells the track it has entered (empty for a car that is real)
    and ``track_map`` is what the page draws of it; ``eye`` turns a cycle into the picture that people are shown.
    ``laps`` is what the lap clock of a real car has said last; ``cross_line`` tells it when a hand saw the car at the
    line, None where the track counts.
    """

    folder: CarFolder
    ring: CycleRing
    hub: DriverHub
    recorder: RecorderSwitch
    clock: Clock
    posted_telemetry: Callable[[], Mapping[str, Any]] = dict
    notice: Callable[[], Mapping[str, Any]] = dict
    scene: SceneChoice | None = None
    eye: Callable[[DriveRecord, Frame], Image] = lambda _record, frame: frame.image
    track: Callable[[], str] = str
    track_map: Callable[[], dict[str, Any] | None] = lambda: None
    laps: Callable[[], Mapping[str, Any]] = dict
    cross_line: Callable[[int], None] | None = None

    @property
    def config(self) -> CarConfig:
        """The car's configuration."""
        return self.folder.config

    def name_of(self, track: str) -> str:
        """Return by which name people know ``track``; where its file lies on this machine is nobody else's business."""
        return self.scene.name_of(track) if self.scene else ""

    @property
    def telemetry(self) -> dict[str, Any]:
        """How the car is, each part that there is, and ``trouble``: what is wrong with its supply, in sentences."""
        posted = self.posted_telemetry()
        now = posted.get("now", {})
        if not now or self.clock.now_ns() - now["time_ns"] > OLD_TELEMETRY_NS:
            return {"trouble": ""}
        return {name: part for name, part in now.items() if part is not None} | {"trouble": posted["trouble"]}

    @property
    def pilot(self) -> str:
        """The name of the pilot that drives now, empty until the desk has said it."""
        return str(self.notice().get("pilot", ""))


@dataclass(frozen=True, slots=True)
class LibraryContext:
    """The car whose sessions, models and tracks are looked after, and the parts of the desk that this takes."""

    folder: CarFolder
    ring: CycleRing
    pilots: PilotSwitch
    recorder: RecorderSwitch
    tracks: TrackLibrary

    @property
    def config(self) -> CarConfig:
        """The car's configuration."""
        return self.folder.config


def context_of(connection: HTTPConnection) -> WebContext:
    """Return the context of a request or a socket; for ``Depends``."""
    return cast(WebContext, connection.app.state.context)


def library_context_of(connection: HTTPConnection) -> LibraryContext:
    """Return the context of a request to the library; for ``Depends``."""
    return cast(LibraryContext, connection.app.state.library)
