"""The guard: a process that does nothing but see the drive process die, or hang, and then stops the car.

It is started by the drive process as ``python -m car.processes.guard PROCESS TIMEOUT_MS OUTPUTS``, with a pipe as its
standard input, and answers with one byte when it is ready. From then on every byte it reads is a heartbeat, which it
answers with another: a drive process without answers must not move. A ``W``
says that the loop is stalled and neutral is about to be written: a heartbeat has to follow soon, or that write hangs. A
``P`` says that the loop is over, the wheels are neutral and closing may take its time; a last ``E`` that it ended in
order, a last ``F`` that it has failed and has cleared up after itself: then the guard writes neutral too, to be sure.
When no byte comes in time, or the pipe closes without either, it first ends the drive process, which owns the outputs.
A killed process may hold some of them for a while: the others are neutral at once, and those are tried until they are
too, however long it takes that process to die. What is held after that belongs to another program, and perhaps to the
next drive, so that the guard then gives up. It imports next to nothing, so that it is there early and has little that
can fail.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from car.terminal.streams import say_if_heard
from hardware.neutral import prepare, write_neutral

HEARTBEAT = b"."
WRITING = b"W"
PAUSED = b"P"
ENDED = b"E"
FAILED = b"F"
WRITE_TIMEOUT_S = 0.03
"""A stalled loop has used up most of the 250 ms it may take: a bus that is slow now is taken to hang."""
GONE_TIMEOUT_S = 0.1
"""How long a killed drive process may take to die before neutral is written for the first time."""
GONE_POLL_S = 0.002
LATER_POLL_S = 0.02
OTHERS_S = 10.0
"""For how long an output is tried that is held though the drive process is dead."""
FAILED_S = 0.5
"""For how long one is tried that is held though the drive process has let go: it waits for its guard."""
READ_BYTES = 65_536
WAITS_S: dict[bytes, float | None] = {PAUSED: None, WRITING: WRITE_TIMEOUT_S}
"""How long the guard waits for the next byte after one that is no heartbeat."""

DIED = "The drive process died. The guard puts the wheels to neutral; start the car again."
STUCK = "The drive process did not answer. The guard ended it and puts the wheels to neutral; start the car again."


class HeartbeatListener:
    """Listens to the heartbeats; ``beat`` is set by each, ``closed`` when no more can come."""

    def __init__(self) -> None:
        self.beat = threading.Event()
        self.closed = False
        self.last = b""

    def listen(self) -> None:
        """Read until the pipe closes, and answer each time, so that the drive process sees that it is guarded."""
        while data := os.read(0, READ_BYTES):
            self.last = data[-1:]
            self.beat.set()
            _answer()
        self.closed = True
        self.beat.set()

    def wait_until_it_stops(self, timeout_s: float) -> None:
        """Return when the pipe has closed, or no byte has come in time since the one before: ``timeout_s`` mostly."""
        # The drive process may take its time to start; until its first heartbeat nothing has moved yet.
        self.beat.wait()
        while not self.closed:
            self.beat.clear()
            if not self.closed and not self.beat.wait(WAITS_S.get(self.last, timeout_s)):
                return


def main(arguments: list[str]) -> int:
    """Guard a process; return 0 when it ended in order, 1 when the guard had to stop the car."""
    _outlive_the_parents_signals()
    _never_wait_for_a_reader()
    drive_process, timeout_s, outputs = int(arguments[0]), int(arguments[1]) / 1000, json.loads(arguments[2])
    heartbeats = HeartbeatListener()
    threading.Thread(target=heartbeats.listen, daemon=True).start()
    prepare(outputs)
    _answer()
    heartbeats.wait_until_it_stops(timeout_s)
    if heartbeats.closed and heartbeats.last == ENDED:
        return 0
    words = []
    is_gone, patience_s = True, FAILED_S
    if not (heartbeats.closed and heartbeats.last == FAILED):
        words.append(DIED if heartbeats.closed else STUCK)
        is_gone, patience_s = _end(drive_process), OTHERS_S
    tell = Teller(words).tell
    problems = write_neutral(outputs, tell, _after(patience_s) if is_gone else lambda: os.getppid() != drive_process)
    if not is_gone:
        # Whatever it was in the middle of, it may have ended after the neutral; and nobody has them since yet.
        _outlast(drive_process)
        problems = write_neutral(outputs, tell, _after(patience_s))
    sys.stderr.write("".join(f"guard: {word}\n" for word in (*words, *problems)))
    return 1


def _after(seconds: float) -> Callable[[], bool]:
    """Return what says whether so much time has passed since now."""
    end_s = time.monotonic() + seconds
    return lambda: time.monotonic() >= end_s


class Teller:
    """Says what is busy, and before that what has not been said yet: its ``words``."""

    def __init__(self, words: list[str]) -> None:
        self._words = words

    def tell(self, sentence: str) -> None:
        """Say a sentence; from the first on SIGTERM ends the guard, which may try for long."""
        if hasattr(signal, "SIGTERM"):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for word in (*self._words, sentence):
            say_if_heard(f"guard: {word}")
        self._words.clear()


def _never_wait_for_a_reader() -> None:
    with contextlib.suppress(OSError, AttributeError):  # Windows cannot; there the pipe is simply never full.
        os.set_blocking(1, False)


def _answer() -> None:
    # Nobody takes the answers while the drive process is frozen, and the guard must not wait for that.
    with contextlib.suppress(OSError):
        os.write(1, HEARTBEAT)


def _outlive_the_parents_signals() -> None:
    # A Ctrl-C, a closed terminal and a stopped service are the drive process's to answer; the guard sees how it does.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _end(drive_process: int) -> bool:
    """Kill the drive process, if it is still our parent, and wait for a moment; return whether it is gone.

    Once it is dead its number may be another process's, and another process is our parent.
    """
    if os.getppid() == drive_process:
        os.kill(drive_process, getattr(signal, "SIGKILL", signal.SIGTERM))
    deadline_s = time.monotonic() + GONE_TIMEOUT_S
    while os.getppid() == drive_process and time.monotonic() < deadline_s:
        time.sleep(GONE_POLL_S)
    return os.getppid() != drive_process


def _outlast(drive_process: int) -> None:
    """Wait until a killed drive process is gone, however long it takes; Windows does not tell."""
    while sys.platform != "win32" and os.getppid() == drive_process:
        time.sleep(LATER_POLL_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
