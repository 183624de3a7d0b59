"""The controls process: whatever carries a stop to the car, and nothing that is slow.

The terminal's keys, the gamepad, the RC receiver, and the pages' server with its sockets are here; the recorder, the
library behind the pages and the view in the terminal are the desk's. Each carrier gives a sign of life whenever it
comes round. Without them nothing moves.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from car.arming import arming_problems
from car.assembly.devices import tracks_of
from car.assembly.eye import open_eye
from car.assembly.track_map import TrackMaps
from car.calibration import CurrentCalibration
from car.config.folder import CarFolder
from car.controls.gamepad import GamepadDriver, import_evdev
from car.controls.hub import DriverHub, Seat
from car.controls.local import LocalDrivers
from car.controls.receiver import Channels, ReceiverDrivers, open_sbus
from car.errors import CarError
from car.gate import GateState, Mode
from car.laps.keeper import HandLaps
from car.link.car_link import CarLink
from car.link.driver_slot import SlotWriter
from car.link.ring import CycleRing, RingReader
from car.link.scene import SceneChoice
from car.processes.priority import go_behind_the_loop
from car.processes.service import Service, become_child, serving, thread, wait_for_the_end
from car.recording.remote import RemoteRecorder
from car.terminal.keyboard import Keyboard, open_keyboard
from car.tracks import track_files
from hardware.clock import Clock, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.health import ROOT, read_health

SAMPLE_PERIOD_S = 0.05
CHECK_PERIOD_S = 1.0
END_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class ControlsJob:
    """The car whose controls they are; ``system_root`` is the folder that the machine's own state is read from."""

    folder: CarFolder
    system_root: Path = ROOT


class ControlsContext:
    """What the services of the controls share."""

    def __init__(self, link: CarLink, job: ControlsJob, ended: threading.Event) -> None:
        self.link = link
        self.job = job
        self.ended = ended
        self.clock: Clock = SystemClock()
        self.driver = SlotWriter(link.slot)
        self.hub = DriverHub(self.driver, self.clock)
        self.recorder = RemoteRecorder(link.wishes, link.notice, self.clock)

    def beat(self, carrier: str) -> None:
        """Say that a carrier has come round."""
        self.link.beats.beat(carrier, self.clock.now_ns())


def run_controls(link: CarLink, job: ControlsJob) -> None:
    """Be the controls until the drive process has finished, or is gone."""
    context = ControlsContext(link, job, become_child("car-controls"))
    with serving(CONTROLS, context):
        go_behind_the_loop()
        link.controls_ready.value = True
        wait_for_the_end(link, context.ended)


def _open_checks(context: ControlsContext) -> contextlib.AbstractContextManager[None]:
    return thread("checks", lambda: _check(context), context.ended.set, END_TIMEOUT_S)


def _check(context: ControlsContext) -> None:
    """Say again and again what stands in the way of arming; how it was at the start the drive process knows itself."""
    folder = context.job.folder
    current = CurrentCalibration(folder.config_path, folder.config.calibration)
    while not context.ended.wait(CHECK_PERIOD_S):
        config = folder.config.model_copy(update={"calibration": current.read()})
        context.driver.check(arming_problems(config, read_health(context.job.system_root)))


@contextlib.contextmanager
def _open_keys(context: ControlsContext) -> Iterator[None]:
    with (
        open_keyboard() as keyboard,
        thread("keys", lambda: _listen(context, keyboard), context.ended.set),
    ):
        yield


def _listen(context: ControlsContext, keyboard: Keyboard) -> None:
    """Pass on what is pressed in the terminal; once it has armed the car, also that the terminal is alive."""
    seat = context.hub.join("terminal")
    while not context.ended.is_set():
        if keyboard.is_there:
            context.beat("keys")
        _pass_on_keys(keyboard.wait(SAMPLE_PERIOD_S), seat)
        if seat.drives:
            seat.sample(NEUTRAL, context.clock.now_ns())


def _pass_on_keys(keys: str, seat: Seat) -> None:
    actions: dict[str, Callable[[], object]] = {
        " ": seat.stop,
        "a": lambda: _arm(seat),
        "d": lambda: _finish(seat),
        "q": seat.quit,
    }
    for key in keys:
        if key in actions:
            actions[key]()


def _arm(seat: Seat) -> None:
    # A terminal over SSH does not tell when its network is gone, so that it cannot vouch for a driver.
    if "SSH_CONNECTION" not in os.environ:
        seat.arm(Mode.AUTO)


def _finish(seat: Seat) -> None:
    seat.disarm()
    seat.let_go()


def _open_gamepad(context: ControlsContext) -> contextlib.AbstractContextManager[None]:
    """Listen to a gamepad on the car, where the packages for it are installed."""
    settings, evdev = context.job.folder.config.gamepad, import_evdev()
    if not settings.enabled or evdev is None:
        return contextlib.nullcontext()
    return _driving(context, GamepadDriver(context.hub, context.clock, evdev, settings.throttle_limit))


def _open_receiver(context: ControlsContext) -> contextlib.AbstractContextManager[None]:
    """Listen to an RC receiver, where car.toml has one."""
    section = context.job.folder.config.receiver
    if not section.port:
        return contextlib.nullcontext()
    channels, limit = Channels(**section.channels), section.throttle_limit
    drivers = ReceiverDrivers(
        context.hub, context.clock, open_sbus, section.port, channels, limit, armed_by(context.link.ring)
    )
    return _driving(context, drivers)


def armed_by(ring: CycleRing) -> Callable[[], bool]:
    """Return what tells whether the gate was armed in the newest cycle of ``ring``; False before the first."""
    cycles = RingReader(ring, with_frames=False)
    is_armed = False

    def tell() -> bool:
        nonlocal is_armed
        for cycle in cycles.read():
            is_armed = cycle.record.gate_state is GateState.ARMED
        return is_armed

    return tell


def _driving(context: ControlsContext, drivers: LocalDrivers) -> contextlib.AbstractContextManager[None]:
    """Let devices at the car drive; they vouch for themselves for as long as one could stop the car."""
    name, beats = drivers.sort, context.link.beats
    drivers.beat = lambda carries_stop: context.beat(name) if carries_stop else beats.leave(name)
    return thread(name, lambda: drivers.run(context.ended), context.ended.set, END_TIMEOUT_S)


@contextlib.contextmanager
def _open_pages(context: ControlsContext) -> Iterator[None]:
    """Serve the pages until the ``with`` block ends, and say where they are, or why they are not."""
    # Only here, because the drive process imports this module too.
    from car.web.context import WebContext
    from car.web.server import WebServer

    link, folder = context.link, context.job.folder
    tracks = tracks_of(folder.config)

    def entered() -> str:
        return str(link.entered.read().get("track", tracks[0])) if tracks else ""

    def entries() -> int:
        return int(link.entered.read().get("number", 0))

    try:
        web = WebContext(
            folder,
            link.ring,
            context.hub,
            context.recorder,
            context.clock,
            link.telemetry.read,
            link.notice.read,
            SceneChoice(link.scene, tracks, lambda: track_files(folder.path, link.notice.read().get("own_tracks", ()))),
            open_eye(folder.config, entered, entries),
            entered,
            TrackMaps(folder.config, entered, entries),
            link.laps.read,
            None if tracks else HandLaps(link.hand_laps).cross,
        )
        server = WebServer(web, relay_secret=link.secret, beat=lambda: context.beat("pages"))
    except CarError as error:
        link.pages.post({"where": f"There is no page: {error}"})
        yield
        return
    server.start()
    link.pages.post({"where": server.where})
    try:
        yield
    finally:
        server.close()


CONTROLS = (
    Service("keys", _open_keys),
    Service("checks", _open_checks),
    Service("gamepad", _open_gamepad),
    Service("receiver", _open_receiver),
    Service("pages", _open_pages),
)
"""What the controls do, in the order in which it starts."""
