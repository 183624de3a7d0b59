"""The check that every drivetrain passes, and what it finds in those that break a promise."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, Drivetrain, check_drivetrain
from hardware.drivetrains.timeline import TimelineDrivetrain, TimelineFile
from hardware.errors import ContractError, DrivetrainError
from simulator.track import make_track
from simulator.world import World


class Honest(Drivetrain):
    """A stranger's drivetrain, which says what it sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, float]] = []
        self.closed = False
        self._send(NEUTRAL)

    def apply(self, command: Command) -> Command:
        command.check()
        if self.closed:
            raise DrivetrainError("It is closed. Open it again.")
        return self._send(command)

    def neutral(self) -> None:
        self._send(NEUTRAL)

    def close(self) -> None:
        if not self.closed:
            self.neutral()
        self.closed = True

    def _send(self, command: Command) -> Command:
        self.sent.append((command.steering, command.throttle))
        return command


class StartsAtFullThrottle(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.sent.insert(0, (0.0, 1.0))


class AnswersSomethingElse(Honest):
    def apply(self, command: Command) -> Command:
        return Command(super().apply(command).steering, command.throttle * 0.5)


class TurnsBackAtFullLock(Honest):
    def _send(self, command: Command) -> Command:
        self.sent.append((command.steering if command.steering < 0.9 else 0.0, command.throttle))
        return command


class StandsStill(Honest):
    def _send(self, command: Command) -> Command:
        self.sent.append((0.0, 0.0))
        return command


class TakesNan(Honest):
    def apply(self, command: Command) -> Command:
        return self._send(command)


class ForgetsNeutral(Honest):
    def neutral(self) -> None:
        if len(self.sent) < 300:
            super().neutral()


class StaysAsItWasWhenClosed(Honest):
    def close(self) -> None:
        self.closed = True


class DrivesOnWhenClosed(Honest):
    def close(self) -> None:
        self.neutral()


def test_a_strangers_drivetrain_passes() -> None:
    drivetrain = Honest()
    check_drivetrain(lambda: drivetrain, VirtualClock(), lambda: drivetrain.sent)
    check_drivetrain(Honest, VirtualClock())


def test_the_simulated_one_passes() -> None:
    clock = VirtualClock()
    check_drivetrain(lambda: World(make_track("oval"), clock).drivetrain, clock)


def test_the_timeline_passes() -> None:
    clock = VirtualClock()
    drivetrain = TimelineDrivetrain(clock)
    check_drivetrain(
        lambda: drivetrain,
        clock,
        lambda: [(applied.command.steering, applied.command.throttle) for applied in drivetrain.timeline],
    )


def test_the_timeline_in_a_file_passes(tmp_path: Path) -> None:
    clock = VirtualClock(start_ns=NS_PER_S)
    check_drivetrain(lambda: TimelineFile(TimelineDrivetrain(clock), tmp_path / "wheels.timeline"), clock)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (StartsAtFullThrottle, "before any command"),
        (AnswersSomethingElse, "return what was applied"),
        (TurnsBackAtFullLock, "do not rise, or fall, with the steering"),
        (StandsStill, "do not rise, or fall, with the steering"),
        (TakesNan, "raise ValueError"),
        (ForgetsNeutral, "instead of neutral when another thread"),
        (StaysAsItWasWhenClosed, "instead of neutral when it is closed"),
        (DrivesOnWhenClosed, "after it was closed"),
    ],
)
def test_a_broken_promise_is_named(make: Callable[[], Honest], words: str) -> None:
    drivetrain = make()
    with pytest.raises(ContractError, match=words):
        check_drivetrain(lambda: drivetrain, VirtualClock(), lambda: drivetrain.sent)
