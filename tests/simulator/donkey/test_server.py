"""The protocol over real sockets: every message, both framings, several clients, and those that misbehave."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from simulator.donkey.messages import MAX_CHARACTERS
from simulator.donkey.scenes import SCENES, scene_names
from simulator.donkey.server import MAX_CLIENTS
from simulator.expert import Expert
from simulator.track import make_track
from simulator.vehicle import VehicleState
from tests.simulator.donkey.client import Client, picture_of
from tests.simulator.donkey.running import Running
from tests.system.car_process import wait_for

STEPS = 1000


@pytest.fixture
def menu() -> Iterator[Running]:
    running = Running()
    yield running
    running.close()


@pytest.fixture
def lock_step() -> Iterator[Running]:
    running = Running("oval", lock_step=True)
    yield running
    running.close()


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_client_chooses_a_scene_and_is_told_20_times_a_second_how_its_car_is(menu: Running, ending: str) -> None:
    with Client(menu.port, ending) as client:
        client.enter("generated_track")
        client.say("cam_config", img_w=80, img_h=60, img_enc="JPG", fov=90, img_d=3)
        client.drive(0.0, 0.4)
        wait_for(lambda: picture_of(client.hear("telemetry")).shape == (60, 80, 3), "the picture of that size")
        started_s, first = time.monotonic(), client.hear("telemetry")["time"]
        while (last := client.hear("telemetry"))["time"] < first + 1.0:
            pass
        assert last["speed"] > 0.3
        # In real time: no client is driven faster than the world goes.
        assert time.monotonic() - started_s > 0.8


def test_every_message_is_understood(menu: Running) -> None:
    with Client(menu.port) as client:
        client.enter("warehouse")
        client.say("get_protocol_version")
        assert client.hear("protocol_version")["version"] == "2"
        client.say("racer_info", racer_name="a", car_name="b", bio="c", country="d", guid="e")
        client.say("cam_config_b", img_w=32, img_h=24)
        client.say("lidar_config", degPerSweepInc=2.0, maxRange=50.0)
        wait_for(lambda: {"imageb", "lidar"} <= set(client.hear("telemetry")), "second camera and lidar")
        client.say("node_position", index=3)
        assert client.hear("node_position")["index"] == 3
        client.say("set_position", pos_x=8.0, pos_y=0, pos_z=16.0)
        wait_for(lambda: abs(client.hear("telemetry")["pos_z"] - 2.0) < 0.1, "the place")
        client.say("reset_car")
        start = make_track("warehouse").pose_at(0.0)
        wait_for(lambda: abs(client.hear("telemetry")["pos_z"] - start.x_m) < 0.1, "the start")
        client.say("regen_road", road_style=0, rand_seed=7, turn_increment=1.0)
        client.hear("car_loaded")
        client.say("a_message_of_tomorrow", value=1)
        client.say("exit_scene")
        client.hear("scene_selection_ready")
        client.say("quit_app")
        assert client.is_shown_out()
    assert any("it quit" in line for line in menu.told)


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_every_stock_scene_is_there(scene: str) -> None:
    assert scene in scene_names()
    assert make_track(SCENES[scene]).length_m > 10.0


def test_a_stand_in_for_a_gym_drives_a_thousand_steps_in_lock_step(lock_step: Running) -> None:
    track = make_track("oval")
    expert, laps = Expert(track), 0
    with Client(lock_step.port) as client:
        client.hear("car_loaded")
        client.drive(0.0, 0.0)
        for _ in range(STEPS):
            told = client.hear("telemetry", "collision_with_starting_line")
            while told["msg_type"] != "telemetry":
                laps += 1
                told = client.hear("telemetry", "collision_with_starting_line")
            heading_rad = -told["yaw"] * 3.141592653589793 / 180.0
            command = expert.command(VehicleState(told["pos_z"], -told["pos_x"], heading_rad, told["speed"]))
            client.drive(command.steering, command.throttle)
            assert abs(told["cte"]) < 8 * 0.3
    # One is told at the start, the others are laps.
    assert laps >= 3
    assert told["time"] > 0.9 * STEPS / 20


def test_in_lock_step_a_silent_client_is_told_again_and_its_car_stands_still(lock_step: Running) -> None:
    with Client(lock_step.port) as client:
        client.hear("car_loaded")
        client.drive(0.0, 0.5)
        first = client.hear("telemetry")
        assert client.hear("telemetry") == first
        client.say("step_mode", step_mode="asynchronous", time_step=0.05)
        wait_for(lambda: client.hear("telemetry")["time"] > first["time"] + 0.2, "real time")


def test_a_silent_client_is_told_of_where_its_car_was_carried(lock_step: Running) -> None:
    with Client(lock_step.port) as client:
        client.hear("car_loaded")
        for _ in range(30):
            client.drive(0.0, 0.5)
            gone = client.hear("telemetry")
        client.say("reset_car")
        start = make_track("oval").pose_at(0.0)
        again = client.hear("telemetry")
        assert again["pos_z"] == pytest.approx(start.x_m, abs=0.01) != pytest.approx(gone["pos_z"], abs=0.01)
        client.say("cam_config", img_w=80, img_h=60)
        wait_for(lambda: picture_of(client.hear("telemetry")).shape == (60, 80, 3), "the new camera")
        client.say("load_scene", scene_name="warehouse")
        client.hear("car_loaded")
        assert client.hear("telemetry")["totalNodes"] != gone["totalNodes"]


def test_a_client_that_asks_for_thousands_of_steps_leaves_the_others_their_turn(lock_step: Running) -> None:
    with Client(lock_step.port) as hasty, Client(lock_step.port) as good:
        for client in (hasty, good):
            client.hear("car_loaded")
        good.say("step_mode", step_mode="asynchronous")
        good.hear("telemetry")
        reading = threading.Thread(target=hasty.is_shown_out, daemon=True)
        reading.start()
        hasty.socket.sendall(b'{"msg_type": "control", "throttle": "0.1"}' * 1500)
        times = [(time.monotonic(), good.hear("telemetry")["time"]) for _ in range(20)]
        assert max(later[0] - sooner[0] for sooner, later in itertools.pairwise(times)) < 1.0
        hasty.say("quit_app")
        reading.join(30)


def test_a_camera_that_is_refused_is_forgotten(menu: Running) -> None:
    with Client(menu.port) as client:
        client.enter("generated_track")
        client.say("cam_config", rot_x=-30, fov=20)
        client.say("cam_config", img_w=80, img_h=60)
        wait_for(lambda: picture_of(client.hear("telemetry")).shape == (60, 80, 3), "the camera after it")
        client.say("load_scene", scene_name="warehouse")
        client.hear("car_loaded")
    assert any("keeps its camera" in line for line in menu.told)


def test_two_clients_have_a_car_each(menu: Running) -> None:
    with Client(menu.port) as first, Client(menu.port, "\n") as second:
        first.enter("generated_track")
        second.enter("waveshare")
        first.drive(0.0, 0.5)
        second.drive(0.0, 0.0)
        wait_for(lambda: first.hear("telemetry")["speed"] > 0.5, "the first to drive")
        assert second.hear("telemetry")["speed"] == 0.0


def test_more_clients_than_there_is_room_for_are_turned_away(menu: Running) -> None:
    clients = [Client(menu.port) for _ in range(MAX_CLIENTS)]
    for client in clients:
        client.hear("scene_selection_ready")
    with Client(menu.port) as late:
        assert late.is_shown_out()
    clients.pop().close()
    wait_for(lambda: any("has gone" in line for line in menu.told), "one to be gone")
    with Client(menu.port) as another:
        another.hear("scene_selection_ready")
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "something else than JSON"),
        (b'{"msg_type": "load_scene", "scene_name": "moon"}', "no track 'moon'"),
        (b'{"msg_type": "load_scene", "scene_name": "/etc/passwd.json"}', "There is no scene"),
        (b'{"msg_type": "load_scene", "scene_name": "/etc/passwd.JSON"}', "There is no scene"),
        (b'{"a": "' + b"x" * (MAX_CHARACTERS + 10), "more than 64 kB"),
        (b'{"msg_type": "control", "steering": 0.1, }', "an object that is no JSON"),
    ],
    ids=["HTTP", "a scene that is not there", "a file", "a FILE", "no end", "a comma too many"],
)
def test_who_breaks_the_rules_is_shown_out_in_one_sentence_and_the_others_drive_on(
    menu: Running, data: bytes, words: str
) -> None:
    with Client(menu.port) as good, Client(menu.port) as bad:
        good.enter("generated_track")
        bad.hear("scene_selection_ready")
        bad.socket.sendall(data)
        assert bad.is_shown_out()
        good.hear("telemetry")
    (line,) = [line for line in menu.told if words in line]
    assert "\n" not in line


def test_ten_megabytes_without_an_end_do_not_hold_up_the_others(menu: Running) -> None:
    with Client(menu.port) as good, Client(menu.port) as bad:
        good.enter("generated_track")
        with contextlib.suppress(OSError):
            bad.socket.sendall(b'{"msg_type": "' + b"x" * 10_000_000)
        assert bad.is_shown_out()
        good.hear("telemetry")


def test_half_a_message_waits_and_a_client_that_vanishes_leaves_nothing(menu: Running) -> None:
    client = Client(menu.port)
    client.enter("generated_track")
    client.socket.sendall(b'{"msg_type": "node_po')
    client.hear("telemetry")
    client.socket.sendall(b'sition", "index": "2"}')
    assert client.hear("node_position")["index"] == 2
    # Gone without a word, as a program that is killed.
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    client.close()
    wait_for(lambda: any("has gone" in line for line in menu.told), "the client to be missed")
    wait_for(lambda: not menu.server._clients, "its task to end")


def test_a_client_that_does_not_read_is_left_out_and_holds_up_nobody(menu: Running) -> None:
    with Client(menu.port) as deaf, Client(menu.port) as good:
        deaf.enter("generated_track")
        good.enter("generated_track")
        deaf.say("cam_config", img_w=640, img_h=480, img_enc="PNG")
        first = good.hear("telemetry")["time"]
        wait_for(lambda: good.hear("telemetry")["time"] > first + 2.0, "two seconds of the other's")
