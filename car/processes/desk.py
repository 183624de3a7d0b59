"""The desk process: everything that may be slow.

It records, shows and listens; the drive process never waits for it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from car.arming import arming_problems
from car.calibration import CurrentCalibration
from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.controls.gamepad import GamepadDriver, import_evdev
from car.controls.hub import DriverHub, Seat
from car.errors import CarError
from car.gate import Mode
from car.link.desk_link import DeskLink
from car.link.driver_slot import DriverDesk
from car.link.pilot_switch import PilotSwitch
from car.link.ring import RingReader
from car.processes.drive_view import DriveView
from car.recording.control import RecorderControl
from car.terminal.keyboard import open_keyboard
from car.terminal.streams import make_output_safe
from hardware.clock import SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.health import ROOT, Health, read_health

DESK_NICENESS = 10
"""When there are too few processors for everyone, the drive process comes first."""
SAMPLE_PERIOD_S = 0.05
END_PERIOD_S = 0.02
SWITCH_INTERVAL_S = 0.001
"""How long a busy thread keeps the others waiting: a fifth of Python's own, for the driver's sake."""
CHECK_PERIOD_S = 1.0
VIEW_END_TIMEOUT_S = 1.0
VIEW_PERIOD_S = 0.05
VIEWS_PER_PANEL = 3
VIEWS_PER_LINE = 100
VIEW_WINDOW_S = 3


@dataclass(frozen=True, slots=True)
class DeskJob:
    """The car whose desk it is, whether it records from the start, and the name of the pilot that drives first.

    ``system_root`` is the folder that the machine's own state is read from.
    """

    folder: CarFolder
    records: bool
    pilot: str
    system_root: Path = ROOT

    @property
    def config(self) -> CarConfig:
        """The car's configuration."""
        return self.folder.config


def run_desk(link: DeskLink, job: DeskJob) -> None:
    """Be the desk until the drive process has finished, or is gone; then close the session.

    Keys, checks, pages, view and recorder have a thread each: a terminal that takes nothing more must not keep a stop
    from getting through, nor the session from being closed.
    """
    ended = become_desk()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = SystemClock()
    is_first = not link.ready.value
    recorder = RecorderControl(
        link.ring, job.folder.sessions_dir, job.config, job.pilot, clock, first=link.recorded.value
    )
    if job.records if is_first else link.records.value:
        recorder.switch_on()
    pilots = PilotSwitch(link.pilots, job.pilot, told=recorder.use_pilot)
    driver = DriverDesk(link.slot)
    hub = DriverHub(driver, clock)
    recording = threading.Thread(target=recorder.run, args=(ended,), name="recorder")
    keys = threading.Thread(target=_listen, args=(hub, ended), name="keys")
    checks = HealthChecks(driver, job, ended)
    recording.start()
    keys.start()
    checks.start()
    _start_gamepad(job, hub, ended)
    with _pages(link, job, pilots, hub, recorder, checks) as page:
        view = threading.Thread(target=_show, args=(link, job, pilots, recorder, page, ended), name="view", daemon=True)
        view.start()
        link.ready.value = True
        _wait_for_the_end(link, recorder, ended)
    keys.join()
    recording.join()
    view.join(VIEW_END_TIMEOUT_S)
    if view.is_alive():
        # It waits for the terminal, and so would Python on its way out.
        os._exit(1)


def become_desk() -> threading.Event:
    """Make this process one that serves a drive process; return what SIGTERM sets."""
    make_output_safe()
    ended = threading.Event()
    # The drive process alone answers Ctrl-C; the desk ends once the car stands and the last cycle is written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGTTOU"):
        # Putting the terminal in order must not stop the desk, should the job have gone into the background meanwhile.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: ended.set())
    return ended


def is_over(link: DeskLink) -> bool:
    """Tell whether the drive process has finished, or is gone."""
    parent = multiprocessing.parent_process()
    return link.finished.value or (parent is not None and not parent.is_alive())


def _wait_for_the_end(link: DeskLink, recorder: RecorderControl, ended: threading.Event) -> None:
    while not ended.wait(END_PERIOD_S) and not is_over(link):
        link.recorded.value, link.records.value = recorder.next_number, recorder.status.on
    ended.set()


@contextlib.contextmanager
def _pages(
    link: DeskLink, job: DeskJob, pilots: PilotSwitch, hub: DriverHub, recorder: RecorderControl, checks: HealthChecks
) -> Iterator[str]:
    """Serve the pages for as long as the context lasts; yields in words where they are, or why they are not."""
    # Only here, because the drive process imports this module too.
    from car.web.context import WebContext
    from car.web.server import WebServer

    try:
        context = WebContext(job.folder, pilots, link.ring, hub, recorder, SystemClock(), lambda: checks.health)
        server = WebServer(context)
    except CarError as error:
        yield f"There is no page: {error}"
        return
    server.start()
    try:
        yield server.where
    finally:
        server.close()


def _listen(hub: DriverHub, ended: threading.Event) -> None:
    """Pass on what is pressed in the terminal; once it has armed the car, also that the terminal is alive."""
    clock, seat = SystemClock(), hub.join("terminal")
    with open_keyboard() as keyboard:
        while not ended.is_set():
            _pass_on_keys(keyboard.wait(SAMPLE_PERIOD_S), seat)
            if seat.drives:
                seat.sample(NEUTRAL, clock.now_ns())


class HealthChecks(threading.Thread):
    """Says again and again what stands in the way of arming; how it was at the start the drive process knows itself.

    ``health`` is how the machine was when it last looked.
    """

    def __init__(self, driver: DriverDesk, job: DeskJob, ended: threading.Event) -> None:
        super().__init__(name="checks", daemon=True)
        self._driver = driver
        self._job = job
        self._ended = ended
        self.health = Health(None, None)

    def run(self) -> None:
        """Look until ended."""
        current = CurrentCalibration(self._job.folder.config_path, self._job.config.calibration)
        while not self._ended.wait(CHECK_PERIOD_S):
            self.health = read_health(self._job.system_root)
            config = self._job.config.model_copy(update={"calibration": current.read()})
            self._driver.check(arming_problems(config, self.health))


def _start_gamepad(job: DeskJob, hub: DriverHub, ended: threading.Event) -> None:
    """Listen to a gamepad on the car, where the packages for it are installed."""
    settings, evdev = job.config.gamepad, import_evdev()
    if settings.enabled and evdev is not None:
        driver = GamepadDriver(hub, SystemClock(), evdev, settings.throttle_limit)
        threading.Thread(target=driver.run, args=(ended,), name="gamepad", daemon=True).start()


def _show(
    link: DeskLink, job: DeskJob, pilots: PilotSwitch, recorder: RecorderControl, page: str, ended: threading.Event
) -> None:
    """Say where the page is, show the drive until it ends, and at last say what was recorded.

    Nobody misses a view that nobody can see.
    """
    console = Console()
    view = DriveView(job.config.car.name, round(job.config.camera.rate_hz * VIEW_WINDOW_S))
    cycles = RingReader(link.ring, with_frames=False)
    turn = 0
    with contextlib.suppress(OSError):
        console.print(page, soft_wrap=True, highlight=False)
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while not ended.wait(VIEW_PERIOD_S):
                for cycle in cycles.read():
                    view.add(cycle.record)
                turn += 1
                if console.is_terminal and turn % VIEWS_PER_PANEL == 0:
                    live.update(view.panel(pilots.name, str(recorder.status)), refresh=True)
                elif not console.is_terminal and turn % VIEWS_PER_LINE == 0:
                    console.print(view.line(pilots.name, str(recorder.status)), soft_wrap=True)
        console.print(f"recording {recorder.status}", soft_wrap=True)


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
