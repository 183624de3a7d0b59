"""The keys of ``car calibrate``: what they choose, change and try, and what stops a motor."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from dataclasses import replace

import pytest

from car.config.sections import CarConfig
from car.errors import ConfigError
from car.gate import Arm, ArmRefusal, Disarm, Event, GateState, Mode, Stop, TripReason
from car.kinds.calibration import Value
from car.link.driver_slot import DriverSlot, SlotReader, SlotWriter
from car.processes.calibration_keys import LIFT, TRY_NS, CalibrationKeys, gate_words, split_keys
from hardware.clock import NS_PER_MS
from hardware.drivetrain import NEUTRAL, Command
from tests.frames import make_frame, make_record


class Rig:
    """The keys of calibration, the gate's end of its slot, and what it has saved."""

    def __init__(self, kind: str = "servo_esc") -> None:
        slot = DriverSlot(multiprocessing.get_context("spawn"))
        self.driver = SlotReader(slot)
        self.saved: list[dict[str, Value]] = []
        self.refusal: ConfigError | None = None
        config = CarConfig.model_validate({"drivetrain": {"kind": kind}})
        self.keys = CalibrationKeys(config, SlotWriter(slot), self.save)
        self.now_ns = 0

    def save(self, values: Mapping[str, Value]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.saved.append(dict(values))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keys.press(key, self.now_ns)

    def command(self, after_ms: float = 0) -> Command:
        self.now_ns += round(after_ms * NS_PER_MS)
        return self.keys.command(self.now_ns)

    def heard(self) -> list[Event]:
        return list(self.driver.events(self.now_ns))

    def shown(self) -> dict[str, str]:
        return {line.label: line.value for line in self.keys.lines}


def test_keys_are_told_apart() -> None:
    assert split_keys("a\x1b[A\x1bOB q\x1b[C\x1b[D") == ["a", "up", "down", " ", "q", "right", "left"]


def test_first_of_all_it_says_to_lift_the_wheels_and_y_is_the_word_that_they_are() -> None:
    rig = Rig()
    assert rig.keys.message == LIFT
    rig.press("y")
    assert rig.heard() == [Arm(Mode.CALIBRATION, wheels_up=True)]


def test_steering_is_held_where_it_is_tried_until_another_value_is_chosen() -> None:
    rig = Rig()
    assert rig.command() == NEUTRAL
    rig.press("right", "+")
    assert rig.shown()["Centre"] == "1511 µs"
    assert rig.command(after_ms=60_000).steering == pytest.approx(0.011)
    rig.press("down")
    assert rig.command() == NEUTRAL


def test_a_motor_turns_for_a_second_after_the_last_key() -> None:
    rig = Rig()
    rig.press("down", "down", "down", "down", "right", "right")
    assert rig.keys.field.name == "forward_start_us"
    assert rig.command(after_ms=TRY_NS / NS_PER_MS - 1).throttle == pytest.approx(0.04)
    rig.press("right")
    assert rig.command(after_ms=TRY_NS / NS_PER_MS - 1).throttle == pytest.approx(0.06)
    assert rig.command(after_ms=2) == NEUTRAL
    rig.press("t")
    assert rig.command().throttle == pytest.approx(0.06)


def test_space_stops_and_asks_for_the_wheels_again() -> None:
    rig = Rig()
    rig.press("right", " ")
    assert rig.command() == NEUTRAL
    assert rig.heard() == [Stop()]
    assert rig.keys.message == LIFT


def test_no_value_leaves_the_safe_range() -> None:
    rig = Rig()
    rig.press("down", *["left"] * 60)
    assert rig.shown()["Left end"] == "500 µs"
    assert "500 µs is as far as is safe" in rig.keys.message
    assert rig.command() == Command(-1.0, 0.0)


def test_a_servo_that_is_mounted_the_other_way_is_inverted() -> None:
    rig = Rig()
    rig.press("i")
    assert (rig.shown()["Left end"], rig.shown()["Right end"]) == ("2000 µs", "1000 µs")
    assert rig.command() == NEUTRAL


def test_what_begins_at_neutral_goes_along_with_it() -> None:
    rig = Rig()
    rig.press(*["down"] * 4, "right", "up", "left")
    shown = rig.shown()
    assert (shown["Neutral"], shown["Forward, start"], shown["Reverse, start"]) == ("1490 µs", "1510 µs", "1490 µs")


def test_motors_are_told_by_yes_and_no() -> None:
    rig = Rig("differential")
    rig.press("t")
    assert rig.command() == Command(1.0, 0.2)
    rig.press("right")
    assert rig.command() == Command(1.0, -0.2)
    assert list(rig.shown().values()) == ["yes", "no", "0"]
    assert rig.command(after_ms=1001) == NEUTRAL


def test_everything_is_saved_at_once_with_nothing_moving() -> None:
    rig = Rig()
    rig.press("y", "right")
    rig.heard()
    rig.press("s")
    assert Disarm() in rig.heard()
    assert rig.command() == NEUTRAL
    assert rig.saved[0]["steering_centre_us"] == 1510
    assert len(rig.saved[0]) == 8
    assert "Saved" in rig.keys.message
    assert not any(line.changed for line in rig.keys.lines)


def test_what_cannot_be_saved_is_said() -> None:
    rig = Rig()
    rig.refusal = ConfigError("car.toml cannot be written.")
    rig.press("right", "s")
    assert rig.keys.message == "car.toml cannot be written."
    assert [line.label for line in rig.keys.lines if line.changed] == ["Centre"]


def test_leaving_with_something_unsaved_takes_a_second_press() -> None:
    rig = Rig()
    rig.press("right", "q")
    assert rig.command() == NEUTRAL
    rig.heard()
    assert not rig.driver.wants_to_quit
    rig.press("x", "q")
    rig.heard()
    assert rig.driver.wants_to_quit


def test_leaving_with_nothing_to_save_takes_one() -> None:
    rig = Rig()
    rig.press("q")
    rig.heard()
    assert rig.driver.wants_to_quit


def test_the_calibration_view_says_why_nothing_moves() -> None:
    record = make_record(make_frame(0))
    assert "ready" in gate_words(record)
    assert gate_words(replace(record, gate_state=GateState.DISARMED)) == "nothing moves"
    tripped = replace(record, gate_state=GateState.TRIPPED, trip=TripReason.LINK_LOST)
    for refusal, words in ((ArmRefusal.ALREADY_ARMED, ""), (ArmRefusal.TOO_HOT, ": the processor is too hot")):
        shown = gate_words(replace(tripped, refusal=refusal))
        assert shown == f"nothing moves: the link to the driver was lost{words}"
    assert gate_words(None) == "waiting for the drivetrain"
