"""What was recorded by an earlier version is read as it was meant.

``data/format_1.mcap`` was recorded by version 0.1.0, before motion and lap count were apart and when reasons were in
a file as sentences. It is never written again.
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader

from car.drive_record import DriveRecord, StageTimes
from car.gate import ArmRefusal, GateState, Mode, TripReason
from car.sessions import Session, SessionEvent, former, messages
from car.sessions.index import SessionIndex
from car.sessions.overview import overview
from car.sessions.repair import RepairResult, repair
from hardware.drivetrain import NEUTRAL, Command, LapCount, Motion

FORMAT_1 = Path(__file__).parent / "data" / "format_1.mcap"
START_NS, PERIOD_NS = 7_000_000_000, 50_000_000
STILL = Command(0.0, 0.0)

ROWS = [
    (Mode.MANUAL, GateState.DISARMED, None, None, None, NEUTRAL, (0.0, 1, 20.5, 0.01, 0), ArmRefusal.NO_DRIVER),
    (Mode.MANUAL, GateState.ARMED, None, STILL, None, NEUTRAL, None, None),
    (
        Mode.ASSIST,
        GateState.ARMED,
        None,
        Command(0.5, 0.25),
        Command(-0.25, 0.75),
        Command(-0.25, 0.25),
        (1.5, 2, 33.5, -0.02, 1),
        None,
    ),
    (
        Mode.AUTO,
        GateState.ARMED,
        None,
        None,
        Command(-1.0, 1.0),
        Command(-1.0, 0.25),
        (-0.5, 3, 61.25, 0.125, 2),
        None,
    ),
    (
        Mode.AUTO,
        GateState.TRIPPED,
        TripReason.LINK_LOST,
        None,
        None,
        NEUTRAL,
        (0.75, 3, 61.5, 0.25, 2),
        ArmRefusal.THROTTLE_NOT_NEUTRAL,
    ),
    (
        Mode.CALIBRATION,
        GateState.TRIPPED,
        TripReason.STALE_FRAME,
        STILL,
        None,
        NEUTRAL,
        (0.0, 4, 80.0, 0.0, 2),
        ArmRefusal.WHEELS_NOT_UP,
    ),
]


def apart(speed_m_s: float, laps: int, progress_m: float, lateral_m: float, departures: int) -> tuple[Motion, LapCount]:
    return Motion(speed_m_s, math.nan), LapCount(laps, progress_m, lateral_m, departures)


def expected(number: int) -> DriveRecord:
    mode, state, trip, driver, pilot, applied, odometry, refusal = ROWS[number]
    motion, lap_count = (None, None) if odometry is None else apart(*odometry)
    times = StageTimes(11, 22, 33, 44, 55, 66)
    captured_ns = START_NS + number * PERIOD_NS
    return DriveRecord(
        number, captured_ns, mode, state, trip, driver, pilot, applied, times, motion, lap_count, refusal
    )


def test_a_session_of_the_first_format_says_what_it_said() -> None:
    with Session.open(FORMAT_1) as session:
        assert not session.damage
        assert [driven.record for driven in session.driven_frames()] == [
            expected(number) for number in range(len(ROWS))
        ]
        assert [driven.frame.decode().image[0, 0, 0] // 40 for driven in session.driven_frames()] == [0, 1, 2, 3, 4, 5]
        assert list(session.events()) == [
            SessionEvent(START_NS, "gate", "disarmed, manual"),
            SessionEvent(START_NS + 5 * PERIOD_NS, "gate", "tripped, auto: the link to the driver was lost"),
        ]


def test_the_laps_of_a_session_of_the_first_format_count() -> None:
    assert overview(FORMAT_1).laps == 3
    assert SessionIndex(FORMAT_1).laps() == 3


@pytest.mark.parametrize(
    ("name", "words", "member"),
    [
        (name, words, member)
        for name, kind in (("trip", TripReason), ("refusal", ArmRefusal))
        for words, member in former.WORDS[kind].items()
    ],
)
def test_a_reason_recorded_as_a_sentence_is_that_reason(name: str, words: str, member: StrEnum) -> None:
    changed: Any = {name: member}
    record = replace(expected(1), **changed)
    today = messages.record_to_bytes(record)
    key, text = (5 if name == "trip" else 11) << 3 | 2, member.name.lower().encode()
    before = today.replace(bytes([key, len(text)]) + text, bytes([key, len(words)]) + words.encode())
    assert before != today
    assert messages.record_from_bytes(before) == record


def test_every_reason_of_the_first_version_is_known_by_its_sentence() -> None:
    assert {kind: len(set(words.values())) for kind, words in former.WORDS.items()} == {TripReason: 7, ArmRefusal: 9}


def test_a_repaired_session_of_the_first_format_says_what_it_said_to_other_tools_as_well(tmp_path: Path) -> None:
    path = tmp_path / "cut.mcap"
    path.write_bytes(FORMAT_1.read_bytes()[:-100])
    assert repair(path).result is RepairResult.REPAIRED
    with Session.open(path) as session:
        assert [driven.record for driven in session.driven_frames()] == [
            expected(number) for number in range(len(ROWS))
        ]
    with path.open("rb") as file:
        schema = next(schema for schema, channel, _ in make_reader(file).iter_messages() if channel.topic == "/drive")
    assert schema is not None
    assert b"odometry" in schema.data
