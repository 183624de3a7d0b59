"""The pilot that is a model hands on what the model gives."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from car.pilots.active import ActivePilot
from car.pilots.faulty import RaisingPilot
from car.pilots.loading import load_pilot
from car.pilots.occlusion import steering_of
from car.pilots.tflite_pilot import TflitePilot
from car.runs.instructor import DualControls, Instructor
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command
from hardware.faults import Onset
from models.errors import ModelError
from models.loader import load_model
from tests.models.make_models import HEIGHT, WIDTH

BLINK = [102] * 10 + [0] + [102] * 9 + [0] * 60
"""Brightness, 30 times a second: dark for one frame, and then for two seconds."""


def frame(left: int, right: int, captured_ns: int = 0) -> Frame:
    image = np.full((HEIGHT, WIDTH, 3), left, np.uint8)
    image[:, WIDTH // 2 :] = right
    return Frame(image, captured_ns, number=0)


def test_the_command_is_the_models(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "good.tflite")) as pilot:
        output = pilot.drive(frame(0, 51))
    assert pilot.name == "good.tflite"
    assert output.command.steering == pytest.approx(0.2)
    assert output.command.throttle == pytest.approx(0.1)
    assert output.inference_ns > 0


def test_an_overshoot_is_clamped_and_what_is_no_number_is_handed_on_for_the_gate_to_refuse(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "broken.tflite")) as pilot:
        command = pilot.drive(frame(0, 0)).command
    assert math.isnan(command.steering)
    assert command.throttle == 1.0
    assert not command.is_valid()


def test_a_full_turn_is_a_valid_command(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "good.tflite")) as pilot:
        command = pilot.drive(frame(255, 0)).command
    assert command == Command(-1.0, 0.5)
    assert command.is_valid()


def test_a_closed_pilot_does_not_drive(tiny_models: Path) -> None:
    pilot = TflitePilot(load_model(tiny_models / "good.tflite"))
    pilot.close()
    pilot.close()
    with pytest.raises(ModelError, match="closed"):
        pilot.drive(frame(0, 0))


def test_one_odd_frame_is_no_strange_place_and_a_row_of_them_is(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "unsure.tflite")) as pilot:
        given = [pilot.drive(frame(level, level, n * NS_PER_S // 30)).uncertainty for n, level in enumerate(BLINK)]
    assert given[0] == pytest.approx(0.4)
    assert max(given[:20]) < 0.6
    assert given[-1] > 1.8


def test_a_pilot_that_cannot_tell_is_never_unsure(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "good.tflite")) as pilot:
        assert pilot.drive(frame(0, 0)).uncertainty == 0.0


def counted(pilot: TflitePilot, times_ms: list[int]) -> list[int]:
    """Return how many frames the pilot remembers at each of these times: its model steers by that."""
    return [round(10 * pilot.drive(frame(0, 0, time_ms * NS_PER_MS)).command.steering) for time_ms in times_ms]


def test_a_recurrent_pilot_remembers_over_dropped_frames_and_forgets_at_a_gap(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "recurrent.tflite")) as pilot:
        # Three are dropped, then the camera freezes for a while; in the end its clock begins anew.
        assert counted(pilot, [1000, 1050, 1100, 1300, 1700, 1750, 10, 60]) == [1, 2, 3, 4, 1, 2, 1, 2]


def test_the_latest_frame_seen_again_is_no_gap(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "recurrent.tflite")) as pilot:
        assert counted(pilot, [1000, 1000, 1050]) == [1, 2, 3]


def test_a_recurrent_pilot_forgets_when_told_and_by_whoever_stands_before_it(tiny_models: Path) -> None:
    pilot = TflitePilot(load_model(tiny_models / "recurrent.tflite"))
    onset = Onset(VirtualClock())
    wrapped = [ActivePilot(pilot), RaisingPilot(pilot, onset), DualControls(pilot, lambda: NEUTRAL, Instructor())]
    for whoever in (pilot, *wrapped):
        assert counted(pilot, [1000, 1050]) == [1, 2]
        whoever.reset()
    assert counted(pilot, [1000]) == [1]
    pilot.close()
    pilot.reset()


def test_a_pilot_that_was_warmed_up_has_seen_nothing(tiny_models: Path) -> None:
    path, geometry = tiny_models / "recurrent.tflite", CameraGeometry(width=WIDTH, height=HEIGHT)
    pilot = load_pilot(geometry, path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert counted(cast("TflitePilot", pilot), [0]) == [1]


def test_what_a_recurrent_pilot_looks_at_is_asked_of_each_picture_by_itself(tiny_models: Path) -> None:
    with TflitePilot(load_model(tiny_models / "recurrent.tflite")) as pilot:
        steer = steering_of(pilot)
        assert [round(10 * steer(frame(0, 0).image)) for _ in range(3)] == [1, 1, 1]
