"""The watchdog: a thread that stops the wheels when the drive loop does not come round, and keeps the guard content.

Nor does it let a stop wait for a pilot that takes its time.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

from car.processes.guard import ENDED, FAILED, HEARTBEAT, PAUSED, WRITING
from hardware.clock import NS_PER_MS, Clock
from hardware.drivetrain import Drivetrain
from hardware.errors import HardwareError
from hardware.neutral import Output

GUARD_TIMEOUT_MS = 200
GUARD_END_TIMEOUT_S = 2.0
PIPE_BYTES = 4096
PERIOD_S = 0.02
STALL_NS = 180 * NS_PER_MS
"""A stall is seen one period later at most; of the 250 ms promised that leaves the guard time to see a write hang."""


class Watchdog(threading.Thread):
    """Puts the drivetrain to neutral while the loop is stalled, and beats for as long as it can itself do so.

    ``stop_waits`` tells that stop has been pressed and the loop has not heard it yet: neutral too, until it has.
    ``loop_came_round`` is told by the loop after each cycle. ``will_write`` is called before a stall's first neutral
    and ``beat`` after it; when the write hangs, the guard misses the beat and ends the process. ``stalls`` counts how
    often the loop was late.
    """

    def __init__(
        self,
        drivetrain: Drivetrain,
        clock: Clock,
        *,
        stop_waits: Callable[[], bool],
        beat: Callable[[], None],
        will_write: Callable[[], None],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._drivetrain = drivetrain
        self._clock = clock
        self._stop_waits = stop_waits
        self._beat = beat
        self._will_write = will_write
        self._last_ns = clock.now_ns()
        self._stalled = False
        self._ended = threading.Event()
        self.stalls = 0

    def loop_came_round(self) -> None:
        """Take note of a completed cycle."""
        self._last_ns = self._clock.now_ns()

    def run(self) -> None:
        """Watch until ended."""
        while not self._ended.wait(PERIOD_S):
            self.check()
            self._beat()

    def check(self) -> None:
        """Write neutral if the loop is late or a stop waits, again and again until it has come round."""
        late = self._clock.now_ns() - self._last_ns > STALL_NS
        begins, self._stalled = late and not self._stalled, late
        self.stalls += begins
        if begins:
            # The first write is the urgent one; those that repeat it may wait for a busy machine.
            self._will_write()
        if late or self._stop_waits():
            self._drivetrain.neutral()

    def end(self) -> None:
        """End after the check in flight."""
        self._ended.set()
        self.join(1.0)


@contextlib.contextmanager
def watching(
    drivetrain: Drivetrain, clock: Clock, guard: GuardPipe, stop_waits: Callable[[], bool]
) -> Iterator[Watchdog]:
    """Run a watchdog until the ``with`` block ends.

    At the end the wheels are put to neutral, whatever has become of the loop; without that, the guard is not told that
    it may wait.
    """
    watchdog = Watchdog(drivetrain, clock, stop_waits=stop_waits, beat=guard.beat, will_write=guard.will_write)
    watchdog.start()
    try:
        yield watchdog
    finally:
        watchdog.end()
        drivetrain.neutral()
        guard.pause()


_NEVER_NS = -(2**62)


class GuardPipe:
    """The drive process's ends of the guard's pipes: heartbeats go out, and answers come back."""

    def __init__(self, descriptor: int, answers: int, clock: Clock) -> None:
        self._descriptor = descriptor
        self._answers = answers
        self._clock = clock
        self._answered_ns = _NEVER_NS
        self.is_gone = False

    def wait_until_ready(self) -> None:
        """Wait for the guard's first sign of life; raises HardwareError when it does not start.

        It is no answer yet: until a heartbeat has been answered, the guard does not watch.
        """
        # The descriptor waits until here, and never again.
        if not os.read(self._answers, 1):
            self.is_gone = True
            raise HardwareError(
                "The guard, which stops the car when the program fails, did not start. Install Pocketpilot again."
            )
        with contextlib.suppress(OSError, AttributeError):  # Windows cannot; there the pipes are simply never full.
            os.set_blocking(self._descriptor, False)
            os.set_blocking(self._answers, False)
            _make_small(self._descriptor)

    def beat(self) -> None:
        """Send a heartbeat and take the answers that have come; never waits.

        ``is_gone`` tells when nobody hears them any more: when the pipe has closed, and when it is full.
        """
        self._write(HEARTBEAT)
        with contextlib.suppress(OSError):
            if os.read(self._answers, PIPE_BYTES):
                self._answered_ns = self._clock.now_ns()

    def answers(self, now_ns: int, silence_ns: int) -> bool:
        """Tell whether the guard is there, and has answered a heartbeat within ``silence_ns``; for any thread."""
        return not self.is_gone and now_ns - self._answered_ns <= silence_ns

    def will_write(self) -> None:
        """Say that neutral is about to be written, and that the next heartbeat comes when it has been."""
        self._write(WRITING)

    def pause(self) -> None:
        """Say that the loop is over and the wheels are neutral: what is left to close may take its time."""
        self._write(PAUSED)

    def say_goodbye(self, *, in_order: bool) -> None:
        """Say that the drive is over: in order and with the wheels neutral, or by an error."""
        self._write(ENDED if in_order else FAILED)

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._descriptor, data)
        except OSError:
            self.is_gone = True


def _make_small(pipe: int) -> None:
    """Have a pipe hold a page, which is 80 s of heartbeats, instead of 22 minutes of them; Linux alone can."""
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


@contextlib.contextmanager
def guarded(outputs: Sequence[Output], clock: Clock) -> Iterator[GuardPipe]:
    """Run a guard until the ``with`` block ends, in a session of its own so that no signal takes it along.

    It starts while other things do; ``GuardPipe.wait_until_ready`` comes before anything may move.
    """
    arguments = [str(os.getpid()), str(GUARD_TIMEOUT_MS), json.dumps([*outputs])]
    command = [sys.executable, "-P", "-m", "car.processes.guard", *arguments]
    read_end, write_end = os.pipe()
    guard = subprocess.Popen(  # noqa: S603
        command, stdin=read_end, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
    )
    os.close(read_end)
    with contextlib.ExitStack() as stack:
        answers = stack.enter_context(guard.stdout) if guard.stdout is not None else None
        pipe = GuardPipe(write_end, -1 if answers is None else answers.fileno(), clock)
        in_order = False
        try:
            yield pipe
            in_order = True
        finally:
            pipe.say_goodbye(in_order=in_order)
            os.close(write_end)
            _see_off(guard, in_order=in_order)


def _see_off(guard: subprocess.Popen[bytes], *, in_order: bool) -> None:
    """Wait for the guard to end; one that is stuck is killed if nothing is left to guard."""
    try:
        guard.wait(GUARD_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        if in_order:
            guard.kill()
            guard.wait()
