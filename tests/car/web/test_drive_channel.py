"""What browsers say at the drive socket and what becomes of it, at the real server over a desk without a drive."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from car.gate import Arm, ArmRefusal, ChangeMode, Disarm, DriverCommand, DriverLeft, Event, Mode, Stop
from car.web.client_clock import MAX_DOUBT_NS
from car.web.drive_channel import LATE_NS as LATE_NS_OF_ACTS
from car.web.drive_channel import MAX_CLIENTS, MAX_REFUSED
from car.web.sockets import MAX_MESSAGES_PER_S
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from hardware.drivetrain import Command
from tests.car.web.serving import Served, serving
from tests.frames import make_frame, make_record
from tests.system.browser import Browser, open_socket
from tests.system.car_process import wait_for

LATE_NS = 100 * NS_PER_MS


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("car")) as served:
        yield served


@pytest.fixture(autouse=True)
def quiet(served: Served) -> None:
    """Each test begins with an empty car, and nothing left to be heard."""
    wait_for(lambda: served.context.hub.count("browser") == 0, "the browsers of the test before to be gone")
    heard(served)


def heard(served: Served) -> list[Event]:
    return list(served.slot.events(SystemClock().now_ns()))


def wait_to_hear(served: Served, kind: type[Event]) -> Event:
    """Return the next event of a kind that the drive loop would hear."""
    found: list[Event] = []

    def has_come() -> bool:
        found.extend(event for event in heard(served) if isinstance(event, kind))
        return bool(found)

    wait_for(has_come, kind.__name__)
    return found[-1]


def wait_to_hear_all(served: Served, last: type[Event]) -> list[Event]:
    """Return all events up to the one of a kind."""
    found: list[Event] = []

    def has_come() -> bool:
        found.extend(heard(served))
        return any(isinstance(event, last) for event in found)

    wait_for(has_come, last.__name__)
    return found


def close_code(socket: ClientConnection) -> int | None:
    try:
        while True:
            socket.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_what_a_browser_holds_reaches_the_drive_loop_with_the_time_it_was_sampled(served: Served) -> None:
    with Browser(served.port) as browser:
        wait_to_hear(served, DriverCommand)
        browser.stick, browser.throttle_limit, browser.pressed = (0.25, -0.5), 0.3, True
        wait_for(lambda: browser.state["command_age_ms"] is not None, "an age")
        before_ns = SystemClock().now_ns()
        browser.sample_now()
        command = wait_to_hear(served, DriverCommand)
        while isinstance(command, DriverCommand) and command.command != Command(0.25, -0.5):
            command = wait_to_hear(served, DriverCommand)
        assert isinstance(command, DriverCommand)
        assert -LATE_NS <= command.sampled_ns - before_ns <= LATE_NS + NS_PER_MS * 1000
        assert command.throttle_limit == 0.3
        assert command.pressed
        # The car came to it by its first samples, whose stick was at neutral.
        assert command.held


def test_what_a_driver_asks_for_is_passed_on_and_a_watcher_may_only_stop(served: Served) -> None:
    with Browser(served.port) as driver, Browser(served.port) as watcher:
        driver.wait_for_state(driver=True)
        watcher.wait_for_state(driver=False, driver_present=True, viewers=2)
        watcher.say(type="arm", mode="manual")
        wait_for(lambda: watcher.refused != [], "a refusal")
        assert "Take over" in watcher.refused[0]
        driver.say(type="arm", mode="calibration", wheels_up=True)
        assert wait_to_hear(served, Arm) == Arm(Mode.CALIBRATION, wheels_up=True)
        driver.say(type="mode", mode="assist")
        assert wait_to_hear(served, ChangeMode) == ChangeMode(Mode.ASSIST)
        driver.say(type="disarm")
        wait_to_hear(served, Disarm)
        watcher.say(type="stop")
        wait_to_hear(served, Stop)


@pytest.mark.parametrize("act", [{"type": "arm", "mode": "auto"}, {"type": "mode", "mode": "auto"}])
def test_what_was_asked_for_before_the_network_stalled_does_not_begin_when_it_goes_on(
    served: Served, act: dict[str, str]
) -> None:
    with Browser(served.port) as driver:
        driver.wait_for_state(driver=True)
        held_back: list[str] = []
        driver.send = held_back.append
        driver.sample_now()
        driver.say(**act)
        time.sleep(LATE_NS_OF_ACTS / NS_PER_S + 0.2)
        heard(served)
        driver.send = driver.socket.send
        for message in held_back:
            driver.send(message)
        driver.say(type="stop")
        asked = [event for event in wait_to_hear_all(served, Stop) if isinstance(event, Arm | ChangeMode)]
        assert asked == []
        wait_for(lambda: driver.refused != [], "a refusal")
        assert "Press it again" in driver.refused[0]
        driver.say(**act)
        wait_to_hear(served, Arm if act["type"] == "arm" else ChangeMode)


def test_who_asks_to_drive_over_a_link_that_is_always_slow_hears_how_slow_it_is(served: Served) -> None:
    with open_socket(served.port) as socket:
        ping = next_of(socket, "ping")
        time.sleep(MAX_DOUBT_NS / NS_PER_S + 0.1)
        pong = {"type": "pong", "id": ping["id"], "client_ms": 1000.0}
        sample = {"type": "sample", "seq": 1, "client_ms": 1000.0, "steering": 0.0, "throttle": 0.0}
        for message in (pong, sample, {"type": "arm", "mode": "manual"}):
            socket.send(json.dumps(message))
        why = refusal(socket)
        assert "Your link is too slow" in why
        assert int(re.findall(r"(\d+) ms", why)[0]) >= 300


def test_a_driver_whom_the_gate_refuses_hears_how_late_the_link_was_then(served: Served) -> None:
    with Browser(served.port) as driver:
        driver.wait_for_state(driver=True)
        driver.samples = False
        driver.sample_now(ms_ago=480.0)
        driver.say(type="arm", mode="manual")
        wait_to_hear(served, Arm)
        driver.samples = True
        served.context.ring.publish(replace(make_record(make_frame(1)), refusal=ArmRefusal.NO_DRIVER), None)
        wait_for(lambda: "too slow" in (driver.state.get("refusal") or ""), "the reason")
        fresh_ms, told = LATE_NS / NS_PER_MS, driver.state
        for _ in range(5):
            wait_for(lambda told=told: driver.state is not told, "another state")  # type: ignore[misc]
            told = driver.state
        assert told["command_age_ms"] < fresh_ms
        assert 480 <= int(re.findall(r"(\d+) ms", driver.state["refusal"])[0]) < LATE_NS_OF_ACTS / NS_PER_MS


@pytest.mark.parametrize(
    "act", [{"type": "record", "on": True}, {"type": "erase", "seconds": 5}, {"type": "enter_track", "track": "bean"}]
)
def test_who_only_watches_neither_records_nor_erases_nor_carries_the_car_elsewhere(
    served: Served, act: dict[str, object]
) -> None:
    with Browser(served.port) as driver, Browser(served.port) as watcher:
        driver.wait_for_state(driver=True)
        watcher.wait_for_state(driver=False, driver_present=True)
        watcher.say(**act)
        wait_for(lambda: watcher.refused != [], "a refusal")
        assert "Take over" in watcher.refused[0]
        assert not is_on(served)
        assert served.context.scene is not None
        assert served.context.scene.track == "oval"
        driver.say(**act)
        driver.say(type="record", on=False)
        driver.say(type="stop")
        wait_to_hear(served, Stop)
        assert driver.refused == []


def test_the_driver_carries_a_simulated_car_to_a_track_that_there_is(served: Served) -> None:
    scene = served.context.scene
    assert scene is not None
    with Browser(served.port) as driver:
        driver.wait_for_state(driver=True)
        for track in ("bean", "oval"):
            driver.say(type="enter_track", track=track)
            wait_for(lambda track=track: scene.track == track, track)  # type: ignore[misc]
            driver.wait_for_state(track=track)
            assert served.client.get("track").json()["name"] == track
        driver.say(type="enter_track", track="moon")
        wait_for(lambda: driver.refused != [], "a refusal")
        assert scene.track == "oval"


def test_who_arms_before_a_sample_has_come_is_heard(served: Served) -> None:
    with open_socket(served.port) as socket:
        socket.send(json.dumps({"type": "arm", "mode": "manual"}))
        wait_to_hear(served, Arm)


def test_a_browser_is_asked_four_times_a_second_what_its_clock_says(served: Served) -> None:
    with open_socket(served.port) as socket:
        until_s, pings, states = time.monotonic() + 2.0, 0, 0
        while time.monotonic() < until_s:
            kind = json.loads(socket.recv(timeout=30))["type"]
            pings, states = pings + (kind == "ping"), states + (kind == "state")
        assert 4 <= pings <= 10
        assert states > 2 * pings


def test_the_car_is_taken_over_by_asking_twice(served: Served) -> None:
    with Browser(served.port) as driver:
        driver.wait_for_state(driver=True)
        with Browser(served.port) as other:
            other.wait_for_state(driver=False, driver_present=True)
            other.say(type="take_over")
            other.say(type="take_over")
            other.wait_for_state(driver=True)
            driver.wait_for_state(driver=False)
            # Asking once is no mistake that one hears of.
            assert other.refused == []


def test_a_browser_that_is_closed_or_lets_go_is_gone_at_once(served: Served) -> None:
    with Browser(served.port) as browser:
        browser.wait_for_state(driver=True)
    wait_to_hear(served, DriverLeft)
    with Browser(served.port) as browser:
        browser.wait_for_state(driver=True)
        browser.say(type="let_go")
        wait_to_hear(served, DriverLeft)
        browser.wait_for_state(driver=False, driver_present=False)


def test_a_browser_whose_clock_is_not_known_yet_drives_nothing(served: Served) -> None:
    with open_socket(served.port) as socket:
        for number in range(5):
            sample = {"type": "sample", "seq": number, "client_ms": 1000.0 + number, "steering": 0.5, "throttle": 0.5}
            socket.send(json.dumps(sample))
            time.sleep(0.02)
        socket.send(json.dumps({"type": "stop"}))
        wait_to_hear(served, Stop)
        assert served.context.hub.driver is None


@pytest.mark.parametrize(
    "wild",
    [
        '{"type":"sample","seq":1,"client_ms":1,"steering":NaN,"throttle":0}',
        '{"type":"sample","seq":1,"client_ms":1,"steering":0,"throttle":Infinity}',
        '{"type":"sample","seq":1,"client_ms":1,"steering":0,"throttle":1.01}',
        '{"type":"sample","seq":1,"client_ms":-1,"steering":0,"throttle":0}',
        '{"type":"sample","seq":1,"client_ms":1,"steering":"0","throttle":0,"also":1}',
        '{"type":"arm","mode":"ludicrous"}',
        '{"type":"quit"}',
        "[]",
        "",
    ],
)
def test_a_message_that_is_none_is_refused_in_words_and_the_socket_lives_on(served: Served, wild: str) -> None:
    with Browser(served.port) as browser:
        browser.wait_for_state(driver=True)
        browser.send(wild)
        wait_for(lambda: browser.refused != [], "a refusal")
        assert "Reload" in browser.refused[0]
        browser.say(type="stop")
        wait_to_hear(served, Stop)


@pytest.mark.parametrize("path", ["/api/drive", "/api/video"])
@pytest.mark.parametrize("rude", ["x" * 1025, b"\x00", "flood"])
def test_who_breaks_the_rules_is_shown_the_door(served: Served, path: str, rude: str | bytes) -> None:
    polite = {"/api/drive": '{"type":"stop"}', "/api/video": '{"type":"next","width":1}'}[path]
    with open_socket(served.port, path) as socket:
        try:
            for _ in range(3 * MAX_MESSAGES_PER_S if rude == "flood" else 1):
                socket.send(polite if rude == "flood" else rude)
        except ConnectionClosed:
            pass
        assert close_code(socket) in {1008, 1009}


def test_who_keeps_talking_nonsense_is_shown_the_door(served: Served) -> None:
    with open_socket(served.port) as socket:
        for _ in range(MAX_REFUSED + 1):
            socket.send("nonsense")
        assert close_code(socket) == 1008


def test_there_is_room_for_so_many_browsers_and_the_next_is_told_to_come_later(served: Served) -> None:
    browsers = [Browser(served.port) for _ in range(MAX_CLIENTS)]
    try:
        wait_for(lambda: served.context.hub.count("browser") == MAX_CLIENTS, "everyone")
        with open_socket(served.port) as socket:
            assert close_code(socket) == 1013
    finally:
        for browser in browsers:
            browser.close()


def is_on(served: Served) -> bool:
    """Tell whether what is driven would be recorded."""
    served.recorder.poll()
    return served.recorder.status.on or served.recorder.status.waits


def test_recording_is_switched_from_the_page(served: Served) -> None:
    with Browser(served.port) as browser:
        browser.wait_for_state(driver=True)
        browser.say(type="record", on=True)
        wait_for(lambda: is_on(served), "a recording that waits for the next drive")
        browser.say(type="erase", seconds=5)
        browser.say(type="record", on=False)
        wait_for(lambda: not is_on(served), "its end")


def next_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of a kind, whatever comes before it."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=30))
        if message["type"] == kind:
            return message


def refusal(socket: ClientConnection) -> str:
    """Return the next refusal."""
    return str(next_of(socket, "refused")["why"])


@pytest.mark.parametrize(
    "act", [{"type": "arm", "mode": "manual"}, {"type": "mode", "mode": "auto"}, {"type": "lap", "client_ms": 1000.0}]
)
def test_what_comes_from_a_browser_whose_clock_is_not_known_yet_may_be_late_and_begins_nothing(
    served: Served, act: dict[str, Any]
) -> None:
    served.crossed.clear()
    with open_socket(served.port) as socket:
        # It answers no ping, so that this sample may be from any time.
        sample = {"type": "sample", "seq": 1, "client_ms": 1000.0, "steering": 0.0, "throttle": 0.0}
        for message in (sample, act, {"type": "stop"}):
            socket.send(json.dumps(message))
        assert "Press it again" in refusal(socket)
        assert not [event for event in wait_to_hear_all(served, Stop) if isinstance(event, Arm | ChangeMode)]
    assert served.crossed == []


def test_the_driver_tells_of_the_line_with_the_time_of_the_key_and_a_watcher_may_not(served: Served) -> None:
    crossed = served.crossed
    crossed.clear()
    with Browser(served.port) as driver, Browser(served.port) as watcher:
        driver.wait_for_state(driver=True)
        watcher.wait_for_state(driver=False, driver_present=True)
        watcher.say(type="lap", client_ms=time.perf_counter() * 1000)
        wait_for(lambda: watcher.refused != [], "a refusal")
        wait_for(lambda: driver.state["command_age_ms"] is not None, "an age")
        before_ns, client_ms = SystemClock().now_ns(), time.perf_counter() * 1000
        after_ns = SystemClock().now_ns()
        driver.say(type="lap", client_ms=client_ms - 4000)
        wait_for(lambda: crossed != [], "the line to be crossed")
    assert len(crossed) == 1
    assert before_ns - LATE_NS <= crossed[0] + 4 * NS_PER_S <= after_ns + LATE_NS + NS_PER_S
