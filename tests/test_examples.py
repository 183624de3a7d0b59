"""The examples in docstrings run, and whatever a user constructs has one.

An example knows the names of its own module, and those of ``Kit``, which stand for what the text around it speaks of.
"""

from __future__ import annotations

import ast
import doctest
import enum
import importlib
import inspect
import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from gpiozero import Factory
from gpiozero.pins.mock import MockFactory, MockPWMPin

from car.drive_record import DriveRecord
from car.gate import Arm, DriverCommand, FrameArrived, Gate, GateState, Mode
from car.kinds import NEUTRAL, CameraGeometry, Command, Frame, Pilot, PilotAnswer, Reading, Sensor
from car.link.ring import CycleRing
from car.sessions.format import SessionEvent, SessionInfo, encode
from car.sessions.writer import SessionWriter
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrains.timeline import TimelineDrivetrain
from tests.hardware.fakes.i2c import FakeBus, Pca9685
from tests.hardware.fakes.sbus import FakeReceiver

ROOT = Path(__file__).parents[1]
PACKAGES = ("car", "hardware", "models", "simulator", "training")
NEEDS_A_PI = ("hardware.pins.fine_lgpio",)
"""What cannot be imported everywhere."""

STREET = (
    "hardware",
    "simulator",
    "models",
    "training",
    "car.assembly.devices",
    "car.config.folder",
    "car.controls.hub",
    "car.drive_loop",
    "car.drive_record",
    "car.faults.menu",
    "car.faults.outcome",
    "car.gate",
    "car.kinds",
    "car.link.bulletin",
    "car.link.driver_slot",
    "car.link.heartbeat",
    "car.link.ring",
    "car.pilots",
    "car.recording.control",
    "car.recording.live_stream",
    "car.recording.recorder",
    "car.runs",
    "car.sessions",
    "car.statistics",
)
"""Where a user finds classes to construct: packages with all that is in them, and modules."""

BACKSTAGE = ("car.sessions.former", "car.sessions.scan", "car.sessions.tub")
"""Rooms within these that no user enters."""

WITHOUT_EXAMPLE = {
    "the renderer makes them, and nothing else does": (
        "simulator.furnishing.Inside",
        "simulator.furnishing.WallPicture",
        "simulator.ground_plan.Band",
        "simulator.ground_plan.Group",
        "simulator.ground_plan.Look",
        "simulator.ground_plan.Plan",
        "simulator.ground_plan.Run",
        "simulator.ground_view.GroundView",
        "simulator.lens.Bearings",
        "simulator.obstacle_view.ObstacleView",
        "simulator.panels.Panels",
        "simulator.room.Panorama",
        "simulator.room_view.RoomView",
        "simulator.sensor.Sensor",
        "simulator.wall_view.Standing",
        "simulator.wall_view.WallView",
    ),
    "a device is needed, for which nothing can stand in": (
        "hardware.cameras.picamera.HeldExposure",
        "hardware.cameras.picamera.PicameraCamera",
        "hardware.cameras.usb.UsbCamera",
        "hardware.pins.gpiochip.Line",
        "hardware.pins.edges.GpioEdges",
        "hardware.pins.hardware_pwm.HardwarePwmFactory",
        "hardware.sensors.ina219.Ina219",
        "hardware.sensors.vl53l1x.Vl53l1x",
    ),
    "the factories of pins make them, or derive from them": (
        "hardware.pins.channels.ChannelFactory",
        "hardware.pins.channels.ChannelInfo",
        "hardware.pins.channels.ChannelPin",
        "hardware.pins.hardware_pwm.HardwarePwmPin",
        "hardware.pins.pca9685.Pca9685Pin",
    ),
    "the tables of kinds make them, by a name in car.toml": (
        "car.kinds.differential.DifferentialKind",
        "car.kinds.kind.Kind",
        "car.kinds.picamera.PicameraKind",
        "car.kinds.servo_esc.ServoEscKind",
        "car.kinds.simulated.SimulatedCameraKind",
        "car.kinds.simulated.SimulatedKind",
        "car.kinds.simulated.SimulatedRangeKind",
        "car.kinds.simulated.SimulatedEncoderKind",
        "car.kinds.hc_sr04.HcSr04Kind",
        "car.kinds.ina219.Ina219Kind",
        "car.kinds.vl53l1x.Vl53l1xKind",
        "car.kinds.encoder.EncoderKind",
        "car.kinds.usb.UsbKind",
        "car.pilots.line_follower_kind.LineFollowerKind",
        "car.pilots.straight_ahead.StraightAheadKind",
        "car.pilots.tflite_kind.TfliteKind",
    ),
    "they are read from car.toml": (
        "car.kinds.ours.CalibrationSection",
        "car.kinds.picamera.PicameraSection",
        "car.kinds.pins.PinsSection",
        "car.kinds.simulated.SimulatedSection",
    ),
    "World makes them": (
        "simulator.camera.SimulatedCamera",
        "simulator.world.SimulatedDrivetrain",
    ),
    "a table in their module has all there are": (
        "car.drive_record.Field",
        "car.sessions.format.Topic",
        "car.sessions.series.Plot",
    ),
    "a car's folder of models is needed": ("car.pilots.library.ModelLibrary",),
    "they are answers: a function or another class returns them, and has the example": (
        "car.pilots.compare.Entry",
        "training.command.Trained",
        "training.dagger.Round",
        "training.dataset.LeftOut",
        "car.assembly.devices.Wheels",
        "car.faults.outcome.Outcome",
        "simulator.collision.Bump",
        "simulator.markings.Paint",
        "car.gate.Decision",
        "car.link.ring.Cycle",
        "car.pilots.library.ModelRow",
        "car.pilots.check.ModelCheck",
        "car.recording.recorder.RecordingStatus",
        "car.runs.replay.Difference",
        "car.runs.replay.Replay",
        "car.runs.simulation.Simulation",
        "car.sessions.index.Balance",
        "car.sessions.index.Happening",
        "car.sessions.index.Steering",
        "car.sessions.index.Timeline",
        "car.sessions.library.Deletion",
        "car.sessions.library.SessionDetails",
        "car.sessions.library.SessionRow",
        "car.sessions.overview.Overview",
        "car.sessions.reader.Damage",
        "car.sessions.reader.DrivenFrame",
        "car.sessions.repair.RepairReport",
        "car.sessions.trash.TrashedSession",
        "car.statistics.StageFigures",
        "hardware.health.Health",
        "hardware.health.Throttling",
        "simulator.lens.Rays",
        "simulator.track.Projection",
        "training.dataset.Recording",
        "training.exam.run.Result",
        "training.fit.Fitted",
    ),
}
"""Classes that a user may meet and yet has no example for, by the reason."""


class Straight(Pilot):
    """Drives straight on."""

    name = "straight"

    def drive(self, frame: Frame) -> PilotAnswer:
        """Answer whatever it sees with the same command."""
        return PilotAnswer(Command(steering=0.0, throttle=0.2))

    def close(self) -> None:
        """Hold nothing."""


class Ruler(Sensor):
    """Sees something at 80 cm, whenever it is asked."""

    def __init__(self, clock: VirtualClock) -> None:
        self.name = "front"
        self._clock = clock

    def read(self) -> Reading:
        """Return what it sees now."""
        return Reading({"distance_m": 0.8}, self._clock.now_ns())

    def close(self) -> None:
        """Hold nothing."""


class Kit:
    """What an example may use without making it; each is made for it when its text has the name."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self.folder = folder
        self._opened = opened

    @cached_property
    def clock(self) -> VirtualClock:
        """A clock at 1 s."""
        return VirtualClock(NS_PER_S)

    @cached_property
    def geometry(self) -> CameraGeometry:
        """A camera of 160x120."""
        return CameraGeometry()

    @cached_property
    def frames(self) -> list[Frame]:
        """Three seconds of a camera, at 20 frames/s."""
        return [self._frame(number) for number in range(60)]

    @cached_property
    def frame(self) -> Frame:
        """The first of them, just captured."""
        return self.frames[0]

    @cached_property
    def camera(self) -> RecordedCamera:
        """A camera that plays them."""
        return self._opened.enter_context(RecordedCamera(self.frames, self.geometry, self.clock))

    @cached_property
    def drivetrain(self) -> TimelineDrivetrain:
        """Wheels that remember."""
        return self._opened.enter_context(TimelineDrivetrain(self.clock))

    @cached_property
    def sensor(self) -> Ruler:
        """A range sensor that measures at once."""
        return Ruler(self.clock)

    @cached_property
    def factory(self) -> Factory:
        """The pins of a header, by gpiozero's mocks."""
        return MockFactory(pin_class=MockPWMPin)

    @cached_property
    def bus(self) -> FakeBus:
        """An I²C bus with a PCA9685 on it."""
        return FakeBus({0x40: Pca9685()})

    @cached_property
    def receiver(self) -> FakeReceiver:
        """An RC receiver at a serial port."""
        return self._opened.enter_context(FakeReceiver())

    @cached_property
    def pilot(self) -> Pilot:
        """A pilot that drives straight on."""
        return Straight()

    @cached_property
    def gate(self) -> Gate:
        """A gate that is armed in manual, with a driver and a fresh frame."""
        gate, now_ns = Gate(), self.clock.now_ns()
        for event in (FrameArrived(now_ns), DriverCommand(NEUTRAL, now_ns), Arm(Mode.MANUAL)):
            gate.handle(event, now_ns)
        return gate

    @cached_property
    def record(self) -> DriveRecord:
        """The record of the first frame's cycle."""
        return self._record(self.frame)

    @cached_property
    def path(self) -> Path:
        """A session of these frames, driven by hand and steering from left to right."""
        path, clock = self.folder / "first.mcap", VirtualClock(NS_PER_S)
        with SessionWriter(path, SessionInfo("first", car="mycar"), clock, sync=lambda _: None) as session:
            session.add_event(SessionEvent(NS_PER_S, "armed", "armed in manual"))
            for frame in self.frames:
                session.add_frame(encode(frame))
                session.add_record(self._record(frame))
                clock.advance_ns(50 * NS_PER_MS)
        return path

    @cached_property
    def model_path(self) -> Path:
        """The pilot model that ships."""
        return ROOT / "models" / "simulated-lane.tflite"

    @cached_property
    def ring(self) -> CycleRing:
        """The memory to which the drive process has published these frames and their records."""
        ring = CycleRing(self.context, self.geometry, rate_hz=20.0)
        for frame in self.frames:
            ring.publish(self._record(frame), frame)
        return ring

    @cached_property
    def context(self) -> SpawnContext:
        """The context of processes that share memory."""
        return multiprocessing.get_context("spawn")

    def named_in(self, text: str) -> dict[str, Any]:
        """Return by its name what ``text`` speaks of."""
        spoken_of = {node.id for example in doctest.DocTestParser().get_examples(text) for node in _names(example)}
        return {name: getattr(self, name) for name in sorted(spoken_of & set(dir(self)))}

    def _frame(self, number: int) -> Frame:
        image = np.full((self.geometry.height, self.geometry.width, 3), 4 * number, np.uint8)
        image.flags.writeable = False
        return Frame(image, NS_PER_S + number * 50 * NS_PER_MS, number)

    def _record(self, frame: Frame) -> DriveRecord:
        driver = Command(steering=(frame.number - 30) / 30, throttle=0.2)
        return DriveRecord(
            frame.number,
            frame.captured_ns,
            Mode.MANUAL,
            GateState.ARMED,
            None,
            driver=driver,
            pilot=None,
            applied=driver,
        )


def _names(example: doctest.Example) -> Iterator[ast.Name]:
    return (node for node in ast.walk(ast.parse(example.source)) if isinstance(node, ast.Name))


class Documented(NamedTuple):
    """A docstring and where it is."""

    module: str
    name: str
    text: str
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def _documented() -> Iterator[Documented]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield from _docstrings(ast.parse(file.read_text(encoding="utf-8")), module, file, ())


def _docstrings(
    node: ast.Module | ast.ClassDef, module: str, file: Path, outer: tuple[str, ...]
) -> Iterator[Documented]:
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            yield Documented(module, ".".join((*outer, child.name)), ast.get_docstring(child) or "", file, child.lineno)
            if isinstance(child, ast.ClassDef):
                yield from _docstrings(child, module, file, (*outer, child.name))


DOCUMENTED = list(_documented())
EXAMPLES = [documented for documented in DOCUMENTED if ">>>" in documented.text]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_does_what_it_says(example: Documented, tmp_path: Path) -> None:
    complaints: list[str] = []
    with ExitStack() as opened:
        names = vars(importlib.import_module(example.module)) | Kit(tmp_path, opened).named_in(example.text)
        parsed = doctest.DocTestParser().get_doctest(example.text, names, str(example), str(example.file), example.line)
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(parsed, out=complaints.append)
    assert not complaints, "".join(complaints)


def _is_within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{room}.") for room in rooms)


def _is_constructed(documented: Documented) -> bool:
    """Tell whether it is a class of which users make objects: no error, no enum, and nothing abstract."""
    found = getattr(sys.modules[documented.module], documented.name)
    if not inspect.isclass(found) or issubclass(found, BaseException | enum.Enum):
        return False
    return not (inspect.isabstract(found) or getattr(found, "_is_protocol", False))


def _constructed() -> dict[str, Documented]:
    """Return the classes on the street side, by their names."""
    found: dict[str, Documented] = {}
    for documented in DOCUMENTED:
        is_open = _is_within(documented.module, STREET) and not _is_within(documented.module, BACKSTAGE + NEEDS_A_PI)
        if is_open and not documented.name.startswith("_") and "." not in documented.name:
            importlib.import_module(documented.module)
            if _is_constructed(documented):
                found[str(documented)] = documented
    return found


def test_every_class_that_a_user_constructs_has_an_example() -> None:
    excused = {name for names in WITHOUT_EXAMPLE.values() for name in names}
    constructed = _constructed()
    missing = sorted(name for name, found in constructed.items() if ">>>" not in found.text and name not in excused)
    assert not missing, "Give each an example that runs, or say in WITHOUT_EXAMPLE why it has none:\n" + "\n".join(
        missing
    )


def test_every_class_excused_from_an_example_is_there_and_has_none() -> None:
    lacking = {name for name, found in _constructed().items() if ">>>" not in found.text}
    assert {name for names in WITHOUT_EXAMPLE.values() for name in names} - lacking == set()
