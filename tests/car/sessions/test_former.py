"""What was recorded by an earlier version is read as it was meant.

``data/format_1.mcap`` was recorded by version 0.1.0, before motion and lap count were apart and when reasons were in
a file as sentences. It is never written again.
"""

from __future__ import annotations

from pathlib import Path

from car.drive_record import DriveRecord, StageTimes
from car.gate import ArmRefusal, GateState, Mode, TripReason
from car.sessions import Session, SessionEvent
from car.sessions.index import SessionIndex
from car.sessions.overview import overview
from hardware.drivetrain import NEUTRAL, Command, Odometry

FORMAT_1 = Path(__file__).parent / "data" / "format_1.mcap"
START_NS, PERIOD_NS = 7_000_000_000, 50_000_000
STILL = Command(0.0, 0.0)

ROWS = [
    (Mode.MANUAL, GateState.DISARMED, "", None, None, NEUTRAL, Odometry(0.0, 1, 20.5, 0.01, 0), ArmRefusal.NO_DRIVER),
    (Mode.MANUAL, GateState.ARMED, "", STILL, None, NEUTRAL, None, ""),
    (
        Mode.ASSIST,
        GateState.ARMED,
        "",
        Command(0.5, 0.25),
        Command(-0.25, 0.75),
        Command(-0.25, 0.25),
        Odometry(1.5, 2, 33.5, -0.02, 1),
        "",
    ),
    (
        Mode.AUTO,
        GateState.ARMED,
        "",
        None,
        Command(-1.0, 1.0),
        Command(-1.0, 0.25),
        Odometry(-0.5, 3, 61.25, 0.125, 2),
        "",
    ),
    (
        Mode.AUTO,
        GateState.TRIPPED,
        TripReason.LINK_LOST,
        None,
        None,
        NEUTRAL,
        Odometry(0.75, 3, 61.5, 0.25, 2),
        ArmRefusal.THROTTLE_NOT_NEUTRAL,
    ),
    (
        Mode.CALIBRATION,
        GateState.TRIPPED,
        TripReason.STALE_FRAME,
        STILL,
        None,
        NEUTRAL,
        Odometry(0.0, 4, 80.0, 0.0, 2),
        ArmRefusal.WHEELS_NOT_UP,
    ),
]


def expected(number: int) -> DriveRecord:
    mode, state, trip, driver, pilot, applied, odometry, refusal = ROWS[number]
    times = StageTimes(11, 22, 33, 44, 55, 66)
    captured_ns = START_NS + number * PERIOD_NS
    return DriveRecord(number, captured_ns, mode, state, trip, driver, pilot, applied, times, odometry, refusal)


def test_a_session_of_the_first_format_says_what_it_said() -> None:
    with Session.open(FORMAT_1) as session:
        assert not session.damage
        assert [sample.record for sample in session.samples()] == [expected(number) for number in range(len(ROWS))]
        assert [sample.frame.decode().image[0, 0, 0] // 40 for sample in session.samples()] == [0, 1, 2, 3, 4, 5]
        assert list(session.events()) == [
            SessionEvent(START_NS, "gate", "disarmed, manual"),
            SessionEvent(START_NS + 5 * PERIOD_NS, "gate", "tripped, auto: the link to the driver was lost"),
        ]


def test_the_laps_of_a_session_of_the_first_format_count() -> None:
    assert overview(FORMAT_1).laps == 3
    assert SessionIndex(FORMAT_1).laps() == 3
