"""A loop that does not come round finds the wheels neutral, and a guard that hears nothing acts."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from car.drive_loop import TICK_MS
from car.processes.guard import (
    ENDED,
    FAILED,
    FAILED_S,
    GONE_POLL_S,
    GONE_TIMEOUT_S,
    HEARTBEAT,
    OTHERS_S,
    PAUSED,
    WRITE_TIMEOUT_S,
    WRITING,
    HeartbeatListener,
)
from car.processes.guard import _end as end_process
from car.processes.guard import main as guard_main
from car.processes.watchdog import GUARD_TIMEOUT_MS, PERIOD_S, STALL_NS, GuardPipe, Watchdog, guarded, watching
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock, VirtualClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import TimelineDrivetrain, read_timeline
from hardware.errors import DrivetrainError, HardwareError
from tests.system.car_process import wait_for

PROMISED_NS = 250 * NS_PER_MS


def silent() -> None:
    """Stand in for a guard that nobody has to tell anything."""


def nobody() -> bool:
    """Stand in for a driver who does not press stop."""
    return False


def test_a_loop_that_comes_round_is_left_alone() -> None:
    clock = VirtualClock()
    drivetrain = TimelineDrivetrain(clock)
    watchdog = Watchdog(drivetrain, clock, stop_waits=nobody, beat=silent, will_write=silent)
    for _ in range(100):
        clock.advance_ns(50 * NS_PER_MS)
        watchdog.loop_came_round()
        watchdog.check()
    assert drivetrain.timeline == []
    assert watchdog.stalls == 0


def test_a_stalled_loop_is_neutral_within_the_promise_and_stays_so() -> None:
    clock = VirtualClock()
    drivetrain = TimelineDrivetrain(clock)
    watchdog = Watchdog(drivetrain, clock, stop_waits=nobody, beat=silent, will_write=silent)
    for _ in range(50):
        clock.advance_ns(int(PERIOD_S * NS_PER_S))
        watchdog.check()
    assert drivetrain.timeline[0].time_ns <= PROMISED_NS
    assert drivetrain.timeline[0].command == NEUTRAL
    assert len(drivetrain.timeline) >= 38
    assert watchdog.stalls == 1


def test_a_stop_that_the_loop_has_not_heard_yet_is_neutral_at_once_and_until_it_has() -> None:
    clock, waits = VirtualClock(), True
    drivetrain = TimelineDrivetrain(clock)
    watchdog = Watchdog(drivetrain, clock, stop_waits=lambda: waits, beat=silent, will_write=silent)
    watchdog.check()
    watchdog.check()
    waits = False
    watchdog.check()
    assert [applied.command for applied in drivetrain.timeline] == [NEUTRAL, NEUTRAL]
    assert watchdog.stalls == 0


def test_a_loop_that_is_late_but_not_stalled_is_left_alone() -> None:
    clock = VirtualClock()
    drivetrain = TimelineDrivetrain(clock)
    watchdog = Watchdog(drivetrain, clock, stop_waits=nobody, beat=silent, will_write=silent)
    clock.advance_ns(STALL_NS)
    watchdog.check()
    assert drivetrain.timeline == []
    assert STALL_NS >= 150 * NS_PER_MS


class Broken(TimelineDrivetrain):
    """Its bus fails."""

    def neutral(self) -> None:
        raise DrivetrainError("gone")


def test_a_watchdog_that_cannot_write_is_heard_of_no_more() -> None:
    clock = VirtualClock()
    told: list[str] = []
    watchdog = Watchdog(
        Broken(clock),
        clock,
        stop_waits=nobody,
        beat=lambda: told.append("beat"),
        will_write=lambda: told.append("will write"),
    )
    clock.advance_ns(2 * STALL_NS)
    with pytest.raises(DrivetrainError):
        watchdog.run()
    assert told == ["will write"]


def test_each_stall_is_counted_once_and_its_first_write_alone_is_urgent() -> None:
    clock = VirtualClock()
    told: list[str] = []
    watchdog = Watchdog(
        TimelineDrivetrain(clock), clock, stop_waits=nobody, beat=silent, will_write=lambda: told.append("will write")
    )
    for _ in range(3):
        clock.advance_ns(2 * STALL_NS)
        watchdog.check()
        watchdog.check()
        watchdog.loop_came_round()
        watchdog.check()
    assert watchdog.stalls == len(told) == 3


def test_the_time_that_each_part_may_take_adds_up_to_what_is_promised() -> None:
    seen_ns = STALL_NS + PERIOD_S * NS_PER_S
    assert seen_ns + WRITE_TIMEOUT_S * NS_PER_S < PROMISED_NS
    assert PERIOD_S * 1000 + GUARD_TIMEOUT_MS < 300
    assert max(TICK_MS, PERIOD_S * 1000) < 50


def silent_answers() -> int:
    """Return the end of a pipe from which no answer comes."""
    read_end, _ = os.pipe()
    os.set_blocking(read_end, False)
    return read_end


def test_a_heartbeat_never_waits_for_a_guard_that_does_not_listen() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    pipe = GuardPipe(write_end, silent_answers(), SystemClock())
    for _ in range(200_000):
        pipe.beat()
    # Not in a minute and more: it is frozen, and guards nothing.
    assert pipe.is_gone
    os.close(read_end)
    os.close(write_end)


def test_a_watchdog_beats_until_its_end_and_says_then_that_the_wheels_are_neutral() -> None:
    read_end, write_end = os.pipe()
    clock = SystemClock()
    drivetrain = TimelineDrivetrain(clock)
    pipe = GuardPipe(write_end, silent_answers(), clock)
    with watching(drivetrain, clock, pipe, nobody) as watchdog:
        assert [os.read(read_end, 1) for _ in range(3)] == [HEARTBEAT] * 3
        assert watchdog.daemon  # One that hangs in a write keeps no program from its end.
    assert not watchdog.is_alive()
    assert drivetrain.timeline[-1].command == NEUTRAL
    os.close(write_end)
    assert os.read(read_end, 4096).endswith(PAUSED)
    os.close(read_end)


def test_a_guard_that_has_answered_nothing_yet_does_not_guard() -> None:
    read_end, write_end = os.pipe()
    pipe = GuardPipe(write_end, silent_answers(), VirtualClock())
    assert not pipe.answers(0, silence_ns=3600 * NS_PER_S)
    os.close(read_end)
    os.close(write_end)


def test_a_guard_answers_for_as_long_as_its_last_answer_is_young_and_it_is_there() -> None:
    read_end, write_end = os.pipe()
    answers, answering = os.pipe()
    os.set_blocking(answers, False)
    clock = VirtualClock(NS_PER_S)
    pipe = GuardPipe(write_end, answers, clock)
    os.write(answering, HEARTBEAT)
    pipe.beat()
    answered_ns = clock.now_ns()
    assert pipe.answers(answered_ns + 200, silence_ns=200)
    assert not pipe.answers(answered_ns + 201, silence_ns=200)
    os.close(answering)
    clock.advance_ns(201)
    pipe.beat()  # A pipe that has closed gives nothing to read, which is no answer.
    assert not pipe.answers(clock.now_ns(), silence_ns=200)
    os.close(read_end)
    pipe.beat()
    assert not pipe.answers(answered_ns, silence_ns=200)
    for descriptor in (write_end, answers):
        os.close(descriptor)


def test_a_write_of_neutral_is_announced() -> None:
    read_end, write_end = os.pipe()
    GuardPipe(write_end, silent_answers(), SystemClock()).will_write()
    assert os.read(read_end, 10) == WRITING
    os.close(read_end)
    os.close(write_end)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes and no sessions")
def test_a_guard_that_is_ready_makes_nobody_wait_and_is_in_a_session_of_its_own() -> None:
    with guarded([], SystemClock()) as pipe:
        pipe.wait_until_ready()
        assert not pipe.is_gone
        assert [os.get_blocking(end) for end in (pipe._descriptor, pipe._answers)] == [False, False]
        assert os.getsid(own_guard().pid) != os.getsid(0)
        pipe.beat()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells and sets the size of a pipe")
def test_the_pipe_to_the_guard_is_small_so_that_a_frozen_one_is_noticed() -> None:
    import fcntl

    with guarded([], SystemClock()) as pipe:
        pipe.wait_until_ready()
        assert fcntl.fcntl(pipe._descriptor, fcntl.F_GETPIPE_SZ) == 4096
        pipe.beat()


def own_guard() -> psutil.Process:
    """Return the guard that this process has started."""
    (guard,) = (child for child in psutil.Process().children() if "car.processes.guard" in child.cmdline())
    return guard


def test_a_guard_that_is_killed_is_gone_with_the_next_heartbeat() -> None:
    with guarded([], SystemClock()) as pipe:
        pipe.wait_until_ready()
        guard = own_guard()
        guard.kill()
        guard.wait(60)
        pipe.beat()
        assert pipe.is_gone


def test_a_guard_that_is_stuck_at_an_orderly_end_is_killed() -> None:
    with guarded([], SystemClock()) as pipe:
        pipe.wait_until_ready()
        guard = own_guard()
        guard.suspend()
    assert not guard.is_running()


def test_a_guard_that_is_stuck_when_the_drive_failed_is_left_to_stop_the_car() -> None:
    code = (
        "import psutil\n"
        "from car.processes.watchdog import guarded\n"
        "from hardware.clock import SystemClock\n"
        "with guarded([], SystemClock()) as pipe:\n"
        "    pipe.wait_until_ready()\n"
        "    (guard,) = psutil.Process().children()\n"
        "    guard.suspend()\n"
        "    print(guard.pid, flush=True)\n"
        "    raise RuntimeError\n"
    )
    command, nowhere = [sys.executable, "-c", code], subprocess.DEVNULL
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=nowhere, text=True, timeout=60, check=False)
    guard = psutil.Process(int(done.stdout))
    assert guard.status() == psutil.STATUS_STOPPED
    guard.kill()


def run_guard(beats: bytes, outputs: str, process: str = "$$") -> subprocess.CompletedProcess[bytes]:
    """Run a guard of ``process``, by default its parent: a shell of its own, so that it does not end this test."""
    command = f"{sys.executable} -P -m car.processes.guard {process} 50 '{outputs}'; echo guard ended $?"
    return subprocess.run(["/bin/sh", "-c", command], input=beats, capture_output=True, timeout=60, check=False)


def test_a_write_of_neutral_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    # Its patience for heartbeats is longer than this test's: only the write that was announced can end it.
    with lone_guard(path, 3_600_000) as guard:
        assert guard.stdin is not None
        guard.stdin.write(HEARTBEAT + WRITING)
        assert guard.wait(timeout=60) == 1
        assert guard.stderr is not None
        assert b"did not answer" in guard.stderr.read()
    assert {applied.command for applied in read_timeline(path)} == {NEUTRAL}


def test_an_orderly_end_is_not_answered(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    done = run_guard(HEARTBEAT * 3 + ENDED, f'[{{"kind": "timeline", "path": "{path}"}}]')
    assert b"guard ended 0" in done.stdout
    assert not path.exists()


def test_a_pipe_that_closes_without_goodbye_means_neutral(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    done = run_guard(HEARTBEAT * 3, f'[{{"kind": "timeline", "path": "{path}"}}]')
    # The shell stood in for the drive process, and has been ended.
    assert done.returncode == -9
    assert b"guard: The drive process died." in done.stderr
    assert {applied.command for applied in read_timeline(path)} == {NEUTRAL}


def test_a_process_that_is_not_its_parent_any_more_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        done = run_guard(HEARTBEAT, f'[{{"kind": "timeline", "path": "{path}"}}]', str(stranger.pid))
        assert stranger.poll() is None
        stranger.kill()
    assert b"guard ended 1" in done.stdout
    assert {applied.command for applied in read_timeline(path)} == {NEUTRAL}


@contextlib.contextmanager
def lone_guard(path: Path, timeout_ms: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a guard of a process that is long gone, over wheels in a timeline file."""
    outputs = f'[{{"kind": "timeline", "path": "{path}"}}]'
    with subprocess.Popen(["/bin/true"]) as gone:
        pass
    command = [sys.executable, "-P", "-m", "car.processes.guard", str(gone.pid), str(timeout_ms), outputs]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as guard:
        yield guard
        guard.kill()


def test_each_heartbeat_is_answered() -> None:
    clock = SystemClock()
    with guarded([], clock) as pipe:
        pipe.wait_until_ready()

        def is_answered() -> bool:
            pipe.beat()
            return pipe.answers(clock.now_ns(), NS_PER_S)

        wait_for(is_answered, "an answer")


def test_a_guard_whose_answers_nobody_takes_guards_on(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows cannot keep a pipe from making its writer wait")
    if not hasattr(fcntl, "F_SETPIPE_SZ"):
        pytest.skip("Linux alone can make a pipe small enough to be filled here")
    with lone_guard(tmp_path / "wheels", 3_600_000) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        fcntl.fcntl(guard.stdout, fcntl.F_SETPIPE_SZ, 4096)
        for _ in range(3 * 4096):
            guard.stdin.write(HEARTBEAT)
            # A byte at a time, so that each has an answer.
            time.sleep(0.0002)
        guard.stdin.close()
        assert guard.wait(30) == 1
    assert [applied.command for applied in read_timeline(tmp_path / "wheels")] == [NEUTRAL]


@pytest.mark.parametrize("last", [ENDED, FAILED, HEARTBEAT])
def test_a_goodbye_after_which_the_pipe_stays_open_is_none(tmp_path: Path, last: bytes) -> None:
    with lone_guard(tmp_path / "wheels", 300) as guard:
        assert guard.stdin is not None
        assert guard.stderr is not None
        guard.stdin.write(HEARTBEAT)
        guard.stdin.write(last)
        said_s = time.monotonic()
        assert guard.wait(30) == 1
        assert time.monotonic() - said_s > 0.25
        assert b"did not answer" in guard.stderr.read()
    assert [applied.command for applied in read_timeline(tmp_path / "wheels")] == [NEUTRAL]


def test_closing_may_take_its_time_once_the_wheels_are_neutral(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    code = (
        "import time\n"
        "from car.processes.watchdog import guarded\n"
        "from hardware.clock import SystemClock\n"
        f"with guarded([{{'kind': 'timeline', 'path': {str(path)!r}}}], SystemClock()) as pipe:\n"
        "    pipe.wait_until_ready()\n"
        "    pipe.beat()\n"
        "    pipe.pause()\n"
        "    time.sleep(0.6)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False).returncode == 0
    assert not path.exists()


@pytest.mark.parametrize("breaks", ["raise OSError", "time.sleep(3600)"])
def test_wheels_that_cannot_be_put_to_neutral_in_the_end_are_the_guards(tmp_path: Path, breaks: str) -> None:
    path = tmp_path / "wheels"
    code = (
        "import time\n"
        "from car.processes.watchdog import guarded, watching\n"
        "from hardware.clock import SystemClock\n"
        "from hardware.drivetrains.timeline import TimelineDrivetrain\n"
        "class Stuck(TimelineDrivetrain):\n"
        "    def neutral(self):\n"
        f"        {breaks}\n"
        f"with guarded([{{'kind': 'timeline', 'path': {str(path)!r}}}], SystemClock()) as guard:\n"
        "    guard.wait_until_ready()\n"
        "    clock = SystemClock()\n"
        "    try:\n"
        "        with watching(Stuck(clock), clock, guard, lambda: False):\n"
        "            guard.beat()\n"
        "    finally:\n"
        "        time.sleep(3600)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == -9
    assert {applied.command for applied in read_timeline(path)} == {NEUTRAL}


def test_without_a_guard_the_car_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with guarded([], SystemClock()) as pipe:
        with pytest.raises(HardwareError, match="did not start"):
            pipe.wait_until_ready()
        assert pipe.is_gone


def test_a_guard_that_is_gone_is_noticed() -> None:
    read_end, write_end = os.pipe()
    pipe = GuardPipe(write_end, silent_answers(), SystemClock())
    pipe.beat()
    gone_before = pipe.is_gone
    os.close(read_end)
    pipe.beat()
    assert (gone_before, pipe.is_gone) == (False, True)
    os.close(write_end)


def test_a_drive_that_raises_is_answered_by_neutral_and_may_say_why(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    code = (
        "from car.processes.watchdog import guarded\n"
        "from hardware.clock import SystemClock\n"
        f"with guarded([{{'kind': 'timeline', 'path': {str(path)!r}}}], SystemClock()) as pipe:\n"
        "    pipe.wait_until_ready()\n"
        "    pipe.beat()\n"
        "    raise RuntimeError('lost')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert b"lost" in done.stderr
    assert {applied.command for applied in read_timeline(path)} == {NEUTRAL}


def test_an_output_that_fails_does_not_keep_the_others_from_neutral(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    outputs = (
        f'[{{"kind": "timeline", "path": "{tmp_path}"}}, {{"kind": "odd"}}, {{"kind": "timeline", "path": "{path}"}}]'
    )
    done = run_guard(HEARTBEAT, outputs)
    assert len(read_timeline(path)) == 1
    assert done.stderr.count(b"Cut its power") == 2


def test_the_guard_imports_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import car.processes.guard; print(len(set(sys.modules) - before))"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(alone.stdout) < 42


def test_a_guard_is_there_for_as_long_as_it_is_needed() -> None:
    with guarded([], SystemClock()) as pipe:
        pipe.wait_until_ready()
        pipe.beat()


def test_a_death_while_closing_is_no_orderly_end(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    done = run_guard(HEARTBEAT * 3 + PAUSED, f'[{{"kind": "timeline", "path": "{path}"}}]')
    # Only whoever says goodbye has put everything away; the wheels may be anything by now.
    assert done.returncode == -9
    assert b"guard: The drive process died." in done.stderr
    assert {applied.command for applied in read_timeline(path)} == {NEUTRAL}


def test_a_drive_that_failed_and_said_so_is_made_neutral_without_being_called_dead(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    done = run_guard(HEARTBEAT * 3 + FAILED, f'[{{"kind": "timeline", "path": "{path}"}}]')
    assert b"guard ended 1" in done.stdout
    assert done.stderr == b""
    assert {applied.command for applied in read_timeline(path)} == {NEUTRAL}


def start_guard(path: Path, timeout_ms: int) -> subprocess.Popen[bytes]:
    """Return a guard that is ready, of a process that is not its parent, so that it ends nobody."""
    outputs = f'[{{"kind": "timeline", "path": "{path}"}}]'
    command = [sys.executable, "-P", "-m", "car.processes.guard", "1", str(timeout_ms), outputs]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert guard.stdout is not None
    assert guard.stdout.read(1) == HEARTBEAT
    return guard


def test_a_pipe_that_closes_is_answered_at_once_however_patient_the_guard_is(tmp_path: Path) -> None:
    with start_guard(tmp_path / "wheels", 3_600_000) as guard:
        _, words = guard.communicate(HEARTBEAT, timeout=60)
    assert guard.returncode == 1
    assert b"died" in words
    assert len(read_timeline(tmp_path / "wheels")) == 1


def test_a_drive_process_may_take_its_time_until_its_first_heartbeat(tmp_path: Path) -> None:
    with start_guard(tmp_path / "wheels", 1) as guard:
        with pytest.raises(subprocess.TimeoutExpired):
            guard.wait(timeout=0.5)
        guard.kill()
    assert not (tmp_path / "wheels").exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_all_does_not_end_the_guard(tmp_path: Path, name: str) -> None:
    with start_guard(tmp_path / "wheels", 3_600_000) as guard:
        guard.send_signal(getattr(signal, name))
        guard.communicate(HEARTBEAT + ENDED, timeout=60)
    assert guard.returncode == 0


class SlowDeath:
    """A process that takes its time to die when it is killed, and the clock by which somebody waits for it."""

    def __init__(self, polls: int) -> None:
        self.polls = polls
        self.now_s = 0.0
        self.slept: list[float] = []
        self.killed: list[tuple[int, int]] = []

    def getppid(self) -> int:
        assert len(self.slept) < 1000, "waited for ever"
        return 1 if len(self.slept) >= self.polls else 4711

    def kill(self, process: int, number: int) -> None:
        self.killed.append((process, number))

    def monotonic(self) -> float:
        self.now_s += 1e-6
        assert self.now_s < 60.0, "never slept"
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.mark.parametrize(("polls", "waits_s"), [(3, 3 * GONE_POLL_S), (10_000, GONE_TIMEOUT_S)])
def test_the_guard_waits_for_what_it_killed_to_let_go_of_the_outputs_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, polls: int, waits_s: float
) -> None:
    dying = SlowDeath(polls)
    for name in ("os", "time"):
        monkeypatch.setattr(f"car.processes.guard.{name}", dying)
    assert end_process(4711) == (polls < 10_000)
    assert dying.killed == [(4711, signal.SIGKILL)]
    assert set(dying.slept) == {GONE_POLL_S}
    assert sum(dying.slept) == pytest.approx(waits_s, abs=1.5 * GONE_POLL_S)


def test_a_guard_that_has_heard_nothing_knows_no_last_word() -> None:
    assert HeartbeatListener().last == b""


@pytest.mark.parametrize("holds", [False, True])
def test_a_process_that_dies_late_is_followed_by_neutral_once_more(
    monkeypatch: pytest.MonkeyPatch, holds: bool
) -> None:
    dying = SlowDeath(200)
    written: list[int] = []

    def write(outputs: list[object], tell: object, gives_up: Callable[[], bool]) -> list[str]:
        written.append(dying.getppid())
        # What it holds is tried for as long as it lives, and no longer: then all is written at once.
        while holds and len(written) == 1 and not gives_up():
            dying.sleep(0.02)
        assert len(written) == 1 or not gives_up()
        return []

    for name in ("os", "time"):
        monkeypatch.setattr(f"car.processes.guard.{name}", dying)
    for name in ("_outlive_the_parents_signals", "_never_wait_for_a_reader", "_answer"):
        monkeypatch.setattr(f"car.processes.guard.{name}", silent)
    monkeypatch.setattr(HeartbeatListener, "listen", lambda _listener: None)
    monkeypatch.setattr(HeartbeatListener, "wait_until_it_stops", lambda _listener, _timeout_s: None)
    monkeypatch.setattr("car.processes.guard.write_neutral", write)
    assert guard_main(["4711", "200", "[]"]) == 1
    # Once while it may still be in the middle of a write, and once when it no longer can be.
    assert written == [4711, 1]


@contextlib.contextmanager
def held_wheels(path: Path) -> Iterator[Callable[[], None]]:
    """Hold the wheels in a timeline file as a dying program holds its lines; yields what lets go of them."""
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such locks")
    path.touch()
    descriptors = [os.open(path, os.O_RDONLY)]
    fcntl.flock(descriptors[0], fcntl.LOCK_EX)

    def let_go() -> None:
        while descriptors:
            os.close(descriptors.pop())

    try:
        yield let_go
    finally:
        let_go()


def read_sentence(guard: subprocess.Popen[bytes]) -> bytes:
    """Return the next line that the guard prints."""
    assert guard.stderr is not None
    line = b""
    while not line.endswith(b"\n"):
        line += guard.stderr.read(1)
    return line


def test_wheels_that_a_dying_process_holds_are_tried_until_they_are_neutral(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    with held_wheels(path) as let_go, start_guard(path, 200) as guard:
        assert guard.stdin is not None
        guard.stdin.write(HEARTBEAT)
        guard.stdin.close()
        assert b"drive process died" in read_sentence(guard)
        assert b"busy" in read_sentence(guard)
        used = psutil.Process(guard.pid).cpu_times()
        started_s = time.monotonic()
        assert b"busy" in read_sentence(guard)
        assert b"busy" in read_sentence(guard)
        spent = psutil.Process(guard.pid).cpu_times()
        # Two seconds of waiting, and no core spun.
        assert (spent.user - used.user) + (spent.system - used.system) < 0.25 * (time.monotonic() - started_s)
        assert read_timeline(path) == []
        let_go()
        assert b"is neutral now" in read_sentence(guard)
        assert guard.wait(60) == 1
    assert [applied.command for applied in read_timeline(path)] == [NEUTRAL]


def test_a_guard_that_tries_for_long_can_be_ended(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    with held_wheels(path), start_guard(path, 200) as guard:
        assert guard.stdin is not None
        guard.stdin.write(HEARTBEAT)
        guard.stdin.close()
        for _ in range(2):
            read_sentence(guard)
        guard.terminate()
        assert guard.wait(60) == -signal.SIGTERM


def test_a_guard_outlives_neither_a_failed_start_nor_a_dead_drive_for_long(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    for last, at_most_s in ((FAILED, 2 * FAILED_S), (HEARTBEAT, 1.5 * OTHERS_S)):
        with held_wheels(path), start_guard(path, 200) as guard:
            assert guard.stdin is not None
            guard.stdin.write(HEARTBEAT + last)
            guard.stdin.close()
            started_s = time.monotonic()
            assert guard.wait(60) == 1
            assert time.monotonic() - started_s < at_most_s + 3.0, "and some seconds for a busy machine"
            assert guard.stderr is not None
            assert b"belongs to another program. End that, or cut its power." in guard.stderr.read()
    assert read_timeline(path) == []


def test_a_guard_whose_words_nobody_reads_writes_neutral_all_the_same(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such pipes")
    if not hasattr(fcntl, "F_SETPIPE_SZ"):
        pytest.skip("Linux alone can make a pipe small enough to be filled here")
    path = tmp_path / "wheels"
    with held_wheels(path) as let_go, start_guard(path, 200) as guard:
        assert guard.stdin is not None
        assert guard.stderr is not None
        fcntl.fcntl(guard.stderr, fcntl.F_SETPIPE_SZ, 4096)
        full = os.open(f"/proc/self/fd/{guard.stderr.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(full, b"x")
        os.close(full)
        guard.stdin.write(HEARTBEAT)
        guard.stdin.close()
        time.sleep(1.5)
        let_go()
        wait_for(lambda: read_timeline(path) != [], "neutral")
        guard.kill()
    assert [applied.command for applied in read_timeline(path)] == [NEUTRAL]
