"""A robot that Pocketpilot knows nothing of: its own camera, tracks, bow and pilot, in a world of its own."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from car import kinds
from simulator.track import make_track
from simulator.world import World

ROCK_M = 99.0


@cache
def world(clock: kinds.Clock) -> World:
    return World(make_track("oval"), clock)


class EyeSection(kinds.CameraSection):
    contrast: float


class Eye(kinds.Camera):
    def __init__(self, section: EyeSection, clock: kinds.Clock) -> None:
        self._camera, self._contrast = world(clock).camera, section.contrast
        self.geometry, self.rate_hz = self._camera.geometry, self._camera.rate_hz

    def next_frame(self, timeout_ms: float, max_age_ms: float = 150.0) -> kinds.Frame:
        frame = self._camera.next_frame(timeout_ms, max_age_ms)
        image = np.clip(frame.image * self._contrast, 0, 255).astype(np.uint8)
        image.flags.writeable = False
        return kinds.Frame(image, frame.captured_ns, frame.number)

    def close(self) -> None:
        self._camera.close()


class EyeKind(kinds.CameraKind[EyeSection]):
    section = EyeSection

    def open(self, section: EyeSection, clock: kinds.Clock) -> kinds.Camera:
        return Eye(section, clock)


class TracksSection(kinds.DrivetrainSection):
    port: str


class Tracks(kinds.Drivetrain):
    def __init__(self, port: str, clock: kinds.Clock) -> None:
        self._world, self._port, self._laps = world(clock), Path(port), 0

    def apply(self, command: kinds.Command) -> kinds.Command:
        laps = self._world.lap_count().laps
        if laps != self._laps:
            self._laps = laps
            self._port.write_text(f"lap {laps}\n", encoding="utf-8")
        return self._world.drivetrain.apply(command)

    def neutral(self) -> None:
        self._world.drivetrain.neutral()

    def close(self) -> None:
        self._world.drivetrain.close()


class TracksKind(kinds.DrivetrainKind[TracksSection, kinds.Calibration]):
    section = TracksSection

    def open(self, section: TracksSection, calibration: kinds.Calibration, clock: kinds.Clock) -> kinds.Drivetrain:
        return Tracks(section.port, clock)

    def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[kinds.Output]:
        return [{"kind": "bytes", "path": drivetrain["port"], "text": "halt\n"}]

    def check(self, section: TracksSection, computer: kinds.Computer) -> Iterable[kinds.Verdict]:
        yield kinds.ok(f"The tracks listen on {section.port}.")


class Bow(kinds.Sensor):
    def __init__(self, name: str, clock: kinds.Clock) -> None:
        self.name, self._clock, self._closed = name, clock, False

    def read(self) -> kinds.Reading:
        if self._closed:
            raise kinds.SensorError("The bow is closed. Open it again.")
        laps, motion = world(self._clock).lap_count(), world(self._clock).motion()
        values = {"distance_m": ROCK_M - laps.progress_m, "speed_m_s": motion.speed_m_s}
        return kinds.Reading(values, self._clock.now_ns())

    def close(self) -> None:
        self._closed = True


class BowKind(kinds.SensorKind[kinds.SensorSection]):
    section = kinds.SensorSection

    def open(self, section: kinds.SensorSection, name: str, clock: kinds.Clock) -> kinds.Sensor:
        return Bow(name, clock)


class NoseSection(kinds.PilotSection):
    gain: float = 2.5


class Nose(kinds.Pilot):
    name = "rover_nose"

    def __init__(self, gain: float) -> None:
        self._gain, self._line = gain, 0.0

    def drive(self, frame: kinds.Frame) -> kinds.PilotAnswer:
        red, _, blue = np.moveaxis(frame.image[60:80].astype(int), 2, 0)
        yellow = np.nonzero(red - blue > 50)[1]
        if yellow.size > 4:
            self._line = float(yellow.mean()) / frame.image.shape[1] * 2 - 1
        return kinds.PilotAnswer(kinds.Command(min(max(self._line * self._gain, -1.0), 1.0), 0.4))

    def close(self) -> None:
        pass


class NoseKind(kinds.PilotKind[NoseSection]):
    section = NoseSection

    def open(self, section: NoseSection, camera: kinds.CameraGeometry, car_dir: Path) -> kinds.Pilot:
        return Nose(section.gain)
