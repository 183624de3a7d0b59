"""What happened in one cycle of the drive loop: the row that is shown, recorded and replayed."""

from __future__ import annotations

from dataclasses import dataclass

from car.gate import GateState, Mode
from hardware.drivetrain import Command, Odometry


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Where the time from capture to wheels went, in nanoseconds.

    ``age_ns`` from the exposure until the loop took the frame; ``pilot_ns`` the whole pilot call, of which
    ``inference_ns`` is the network's own invoke; ``gate_ns`` hearing the driver and the gate's decision; ``apply_ns``
    the drivetrain; ``publish_ns`` handing the *previous* frame to the recorder.
    """

    age_ns: int = 0
    pilot_ns: int = 0
    inference_ns: int = 0
    gate_ns: int = 0
    apply_ns: int = 0
    publish_ns: int = 0

    @property
    def latency_ns(self) -> int:
        """From the exposure to the command at the drivetrain."""
        return self.age_ns + self.pilot_ns + self.gate_ns + self.apply_ns


@dataclass(frozen=True, slots=True)
class DriveRecord:
    """One control cycle.

    ``frame_number`` and ``captured_ns`` name the frame it acted on; ``driver`` and ``pilot`` are the commands asked for
    (None: there was none); ``applied`` is what reached the wheels; ``trip`` is the gate's reason in words, empty unless
    it is tripped; ``odometry`` is None on a car that measures no motion; ``refusal`` is why the gate would not arm
    when it was last asked to, in words, empty when it did.
    """

    frame_number: int
    captured_ns: int
    mode: Mode
    gate_state: GateState
    trip: str
    driver: Command | None
    pilot: Command | None
    applied: Command
    times: StageTimes = StageTimes()
    odometry: Odometry | None = None
    refusal: str = ""
