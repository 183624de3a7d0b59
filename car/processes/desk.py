"""The desk process: whatever may be slow. It records, shows, and keeps the library behind the pages.

The drive process never waits for it, and neither does a stop: it may die or freeze, and a car that drives drives on.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.errors import CarError, SessionError
from car.laps.keeper import LapKeeper
from car.link.car_link import CarLink
from car.link.pilot_switch import PilotSwitch
from car.link.ring import RingReader
from car.processes.service import LOOK_PERIOD_S, Service, become_child, serving, thread, wait_for_the_end
from car.processes.telemetry import LoopFollower, TelemetryTaker
from car.recording.control import RecorderControl
from car.recording.live_stream import LiveStream
from car.recording.recorder import CycleWriter
from car.recording.remote import WishReader
from car.telemetry.gauge import PERIOD_S
from car.tracks import TrackLibrary
from hardware.clock import Clock, SystemClock
from hardware.health import ROOT

if TYPE_CHECKING:
    from rich.console import Console

DESK_NICENESS = 10
"""When there are too few processors for everyone, the others come first."""
STREAM_END_TIMEOUT_S = 1.0
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


class DeskContext:
    """What the services of the desk share."""

    def __init__(self, link: CarLink, job: DeskJob, ended: threading.Event) -> None:
        self.link = link
        self.job = job
        self.ended = ended
        self.clock: Clock = SystemClock()
        self.recorder = RecorderControl(
            link.ring, job.folder.sessions_dir, job.config, job.pilot, self.clock, first=link.recorded.value
        )
        self.wishes = WishReader(link.wishes, self.recorder)
        self.pilots = PilotSwitch(link.pilots, job.pilot, told=self.recorder.note_pilot)
        self.tracks = TrackLibrary(job.folder.path)
        self.library_port = 0
        self.notices: deque[str] = deque()
        self.stream: LiveStream | None = None

    def look(self) -> None:
        """Do what the controls ask for, and tell them and a successor how things stand."""
        self.wishes.poll()
        self.link.recorded.value, self.link.records.value = self.recorder.next_number, self.recorder.is_on
        self.link.notice.post(
            {
                "time_ns": self.clock.now_ns(),
                "recording": asdict(self.recorder.status),
                "pilot": self.pilots.name,
                "library_port": self.library_port,
                "own_tracks": self.tracks.names,
            }
        )


def run_desk(link: CarLink, job: DeskJob) -> None:
    """Be the desk until the drive process has finished, or is gone; then close the session."""
    context = DeskContext(link, job, become_child("car-desk"))
    if not link.desk_started.value:
        link.records.value = job.records
    if link.records.value:
        context.recorder.switch_on()
    link.desk_started.value = True
    with serving(DESK, context):
        wait_for_the_end(link, context.ended)
    if any(runner.name == "view" for runner in threading.enumerate()):
        # It waits for the terminal, and so would Python on its way out.
        os._exit(1)


def _open_recorder(context: DeskContext) -> contextlib.AbstractContextManager[None]:
    return thread("recorder", lambda: context.recorder.run(context.ended), context.ended.set)


def _open_notice(context: DeskContext) -> contextlib.AbstractContextManager[None]:
    return thread("notice", lambda: _look_until_the_end(context), context.ended.set)


def _look_until_the_end(context: DeskContext) -> None:
    try:
        while not context.ended.wait(LOOK_PERIOD_S):
            context.look()
    finally:
        # A desk that can tell nobody how it stands ends, so that another one is started.
        context.ended.set()


@contextlib.contextmanager
def _open_telemetry(context: DeskContext) -> Iterator[None]:
    job = context.job
    with contextlib.ExitStack() as stack:
        taker = TelemetryTaker(
            stack, job.config, job.system_root, job.folder.path, context.clock, context.notices.append
        )
        stack.enter_context(thread("telemetry", lambda: _take_telemetry(context, taker), context.ended.set))
        yield


def _take_telemetry(context: DeskContext, taker: TelemetryTaker) -> None:
    """Tell the session and the page how the car is; a session that begins is told what has been wrong before."""
    recorder, follower = context.recorder, LoopFollower(context.link.ring, context.job.config.camera.rate_hz)
    noted = "", ""
    while not context.ended.wait(PERIOD_S):
        telemetry = taker.take(follower, recorder)
        recorder.add_telemetry(telemetry)
        if context.stream is not None:
            context.stream.add_telemetry(telemetry)
        context.link.telemetry.post({"now": telemetry.to_dict(), "trouble": taker.trouble})
        if recorder.status.on and noted != (noted := (recorder.status.name, taker.trouble)) and taker.trouble:
            recorder.note("supply", taker.trouble)


def _open_laps(context: DeskContext) -> contextlib.AbstractContextManager[None]:
    link, recorder, config = context.link, context.recorder, context.job.config
    keeper = LapKeeper(
        link.ring,
        config.lap,
        link.hand_laps,
        link.laps,
        lambda time_ns, lap: recorder.note("lap", str(lap), time_ns),
        lambda: str(link.entered.read().get("track", "")),
    )
    return thread("laps", lambda: keeper.run(context.ended), context.ended.set)


def _open_stream(context: DeskContext) -> contextlib.AbstractContextManager[None]:
    if not context.job.config.foxglove.enabled:
        return contextlib.nullcontext()
    return thread("foxglove", lambda: _stream(context), context.ended.set, STREAM_END_TIMEOUT_S)


def _stream(context: DeskContext) -> None:
    """Stream what the drive loop publishes for as long as somebody watches; a stream that cannot be is said once."""
    config = context.job.config
    try:
        stream = LiveStream(config.car.name, config.foxglove.port)
    except CarError as error:
        context.notices.append(f"Foxglove cannot be served: {error}")
        return
    with stream:
        context.stream = stream
        context.notices.append(f"Foxglove on this machine: {stream.address}")
        reader = RingReader(context.link.ring)
        cycles = None
        while not context.ended.wait(LOOK_PERIOD_S):
            if not stream.is_watched:
                reader.newest()
                cycles = None
                continue
            if cycles is None:
                # A new audience begins with the present, and is told at once how the gate stands.
                reader.newest()
                cycles = CycleWriter(stream, config.recording.jpeg_quality)
            with contextlib.suppress(SessionError):
                for cycle in reader.read():
                    cycles(cycle.record, cycle.frame)
        context.stream = None


@contextlib.contextmanager
def _open_library(context: DeskContext) -> Iterator[None]:
    # Only here, because the drive process imports this module too.
    from car.web.context import LibraryContext
    from car.web.library_server import LibraryServer

    library = LibraryContext(context.job.folder, context.link.ring, context.pilots, context.recorder, context.tracks)
    server = LibraryServer(library, context.link.secret)
    context.library_port = server.port
    server.start()
    try:
        yield
    finally:
        server.close()


def _open_view(context: DeskContext) -> contextlib.AbstractContextManager[None]:
    return thread("view", lambda: _show(context), context.ended.set, VIEW_END_TIMEOUT_S)


def _show(context: DeskContext) -> None:
    """Say where the page is, show the drive until it ends, and at last say what was recorded.

    A closed terminal must not stop the desk.
    """
    # Only here, because the drive process imports this module too.
    from rich.live import Live

    from car.processes.drive_view import DriveView
    from car.terminal.console import open_console

    console, job, recorder = open_console(), context.job, context.recorder
    view = DriveView(job.config.car.name, round(job.config.camera.rate_hz * VIEW_WINDOW_S))
    cycles = RingReader(context.link.ring, with_frames=False)
    turn, where = 0, ""
    with contextlib.suppress(OSError):
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while not context.ended.wait(VIEW_PERIOD_S):
                if where != (where := context.link.pages.read().get("where", "")):
                    console.print(where, soft_wrap=True, highlight=False)
                _say_notices(context, console)
                for cycle in cycles.read():
                    view.add(cycle.record)
                turn += 1
                if console.is_terminal and turn % VIEWS_PER_PANEL == 0:
                    live.update(view.panel(context.pilots.name, str(recorder.status)), refresh=True)
                elif not console.is_terminal and turn % VIEWS_PER_LINE == 0:
                    console.print(view.line(context.pilots.name, str(recorder.status)), soft_wrap=True)
        # A drive may have ended before it was shown once.
        _say_notices(context, console)
        console.print(f"recording {replace(recorder.status, waits=False)}", soft_wrap=True)


def _say_notices(context: DeskContext, console: Console) -> None:
    while context.notices:
        console.print(context.notices.popleft(), soft_wrap=True, highlight=False)


DESK: Sequence[Service[DeskContext]] = (
    Service("recorder", _open_recorder),
    # Before the library, which takes seconds to import: a successor is to know what was recorded meanwhile.
    Service("notice", _open_notice),
    Service("stream", _open_stream),
    Service("telemetry", _open_telemetry),
    Service("laps", _open_laps),
    Service("library", _open_library),
    Service("view", _open_view),
)
"""What the desk does, in the order in which it starts."""
