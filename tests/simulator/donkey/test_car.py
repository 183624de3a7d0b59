"""A car in Donkey's words: what clients are told of it agrees with where it is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware.camera import CameraGeometry
from simulator.donkey.car import DonkeyCar
from simulator.expert import Expert
from simulator.track import make_track
from tests.simulator.donkey.client import picture_of

OVAL = make_track("oval")


@pytest.fixture
def car() -> DonkeyCar:
    return DonkeyCar(OVAL, CameraGeometry())


def test_telemetry_has_every_field_in_the_units_of_the_protocol(car: DonkeyCar) -> None:
    car.control({"steering": "0.5", "throttle": "0.4"})
    for _ in range(20):
        told = car.tick()[-1]
    assert {
        "msg_type", "steering_angle", "throttle", "image", "hit", "time", "speed", "accel_x", "accel_y", "accel_z",
        "gyro_x", "gyro_y", "gyro_z", "pitch", "yaw", "roll", "cte", "activeNode", "totalNodes", "pos_x", "pos_y",
        "pos_z", "vel_x", "vel_y", "vel_z",
    } == set(told)  # fmt: skip
    state = car._world.state
    assert (told["steering_angle"], told["throttle"], told["time"]) == (0.5, 0.4, 1.0)
    assert (told["pos_x"], told["pos_z"]) == (-state.y_m, state.x_m)
    assert math.hypot(told["vel_x"], told["vel_z"]) == pytest.approx(told["speed"])
    assert told["yaw"] == pytest.approx(-math.degrees(state.heading_rad))
    assert told["cte"] == pytest.approx(8.0 * OVAL.project(state.pose).lateral_m, abs=0.01)
    # To the right: yaw grows, clockwise, and so does its rate.
    assert told["gyro_y"] > 0.5
    assert told["accel_z"] != 0.0
    assert 0 <= told["activeNode"] < told["totalNodes"]
    assert picture_of(told).shape == (120, 160, 3)


def test_a_client_is_told_once_that_its_car_has_run_into_the_wall() -> None:
    car = DonkeyCar(make_track("oval", "walls"), CameraGeometry())
    car.control({"steering": "0.4", "throttle": "0.3"})
    hits = [car.tick()[-1]["hit"] for _ in range(60)]
    assert hits.count("barrier") == 1
    assert hits.count("none") == 59
    car.reset()
    assert car.telemetry()["hit"] == "none"


def test_each_tick_is_a_twentieth_of_a_second(car: DonkeyCar) -> None:
    car.control({"throttle": 0.3})
    times = [car.tick()[-1]["time"] for _ in range(5)]
    assert times == [0.05, 0.1, 0.15, 0.2, 0.25]
    assert car._world.state.motor == pytest.approx(0.3 * -math.expm1(-2.5))


def test_a_lap_is_told_at_the_line_with_its_time(car: DonkeyCar) -> None:
    expert = Expert(OVAL)
    crossings = []
    for _ in range(60 * 20):
        command = expert.command(car._world.state)
        car.control({"steering": command.steering, "throttle": command.throttle})
        crossings += [told for told in car.tick() if told["msg_type"] == "collision_with_starting_line"]
    assert len(crossings) >= 3
    assert crossings[0]["timeStamp"] > 0.0
    assert 12.0 < crossings[2]["timeStamp"] - crossings[1]["timeStamp"] < 25.0


@pytest.mark.parametrize(
    ("message", "steering", "throttle"),
    [
        ({"steering": "9", "throttle": "-9"}, 1.0, -1.0),
        ({"steering": "nan", "throttle": "x"}, 0.0, 0.0),
        ({"steering": "0.1", "throttle": "0.5", "brake": "1"}, 0.1, 0.0),
        ({}, 0.0, 0.0),
    ],
)
def test_any_control_becomes_a_command(
    car: DonkeyCar, message: dict[str, str], steering: float, throttle: float
) -> None:
    car.control(message)
    told = car.tick()[-1]
    assert (told["steering_angle"], told["throttle"]) == (steering, throttle)


def test_a_camera_is_as_its_config_says_and_the_car_stays_where_it_is(car: DonkeyCar) -> None:
    car.control({"throttle": "0.5"})
    for _ in range(40):
        before = car.tick()[-1]
    car.look_by({"img_w": "80", "img_h": "60", "img_d": "1", "img_enc": "PNG", "fov": "50", "offset_y": "1.2"})
    told = car.tick()[-1]
    picture = picture_of(told)
    assert picture.shape == (60, 80, 3)
    assert np.array_equal(picture[:, :, 0], picture[:, :, 2])
    assert math.hypot(told["pos_x"] - before["pos_x"], told["pos_z"] - before["pos_z"]) < 0.1
    # 50° up and down are 64° across at 4:3.
    assert car._camera.fov_deg == pytest.approx(63.8, abs=0.1)
    assert car._camera.mount_height_m == pytest.approx(0.15)


def test_a_camera_that_sees_no_floor_is_refused_and_the_car_drives_on(car: DonkeyCar) -> None:
    with pytest.raises(ValueError, match="sees no floor"):
        car.look_by({"rot_x": "-30", "fov": "20"})
    assert picture_of(car.tick()[-1]).shape == (120, 160, 3)


def test_a_second_camera_is_told_by_both_names(car: DonkeyCar) -> None:
    car.look_by_second({"img_w": "64", "img_h": "48"})
    told = car.tick()[-1]
    assert told["imageb"] == told["image_b"]
    assert picture_of(told, "imageb").shape == (48, 64, 3)


def test_a_car_is_placed_by_unitys_units_and_reset_to_the_start(car: DonkeyCar) -> None:
    there = OVAL.pose_at(5.0, lateral_m=0.2)
    car.place({"pos_x": str(-8 * there.y_m), "pos_y": "0", "pos_z": str(8 * there.x_m)})
    told = car.tick()[-1]
    assert (told["pos_x"], told["pos_z"]) == pytest.approx((-there.y_m, there.x_m), abs=0.01)
    half_rad = math.radians(45)
    car.place(
        {"pos_x": "0", "pos_z": "8", "Qx": "0", "Qy": str(math.sin(half_rad)), "Qz": "0", "Qw": str(math.cos(half_rad))}
    )
    assert car.tick()[-1]["yaw"] == pytest.approx(90.0, abs=0.5)
    car.reset()
    start = OVAL.pose_at(0.0)
    told = car.tick()[-1]
    assert (told["pos_x"], told["pos_z"]) == pytest.approx((-start.y_m, start.x_m), abs=0.01)
    assert told["speed"] == 0.0


@pytest.mark.parametrize("far", ["1e160", "-1e308", "1e9"])
def test_a_place_beyond_any_track_is_a_place(car: DonkeyCar, far: str) -> None:
    car.place({"pos_x": far, "pos_z": far})
    assert math.isfinite(car.tick()[-1]["cte"])


def test_the_start_line_is_told_when_the_car_drives_off_and_again_after_a_reset(car: DonkeyCar) -> None:
    def lines(ticks: int) -> int:
        return sum(told["msg_type"] == "collision_with_starting_line" for _ in range(ticks) for told in car.tick())

    assert lines(20) == 0
    car.control({"throttle": "0.5"})
    assert lines(20) == 1
    car.reset()
    assert lines(20) == 0
    car.control({"throttle": "0.5"})
    assert lines(20) == 1


def test_nodes_lie_along_the_track(car: DonkeyCar) -> None:
    nodes = [car.node({"index": str(index)}) for index in (0, 10, 10_000, -3)]
    assert [node["index"] for node in nodes] == [0, 10, car.tick()[-1]["totalNodes"] - 1, 0]
    start, tenth = nodes[:2]
    assert math.hypot(start["pos_x"] - tenth["pos_x"], start["pos_z"] - tenth["pos_z"]) == pytest.approx(2.5, abs=0.3)
