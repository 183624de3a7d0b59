"""A laptop follows its cars, stops them together, and knows which of them it does not hear."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from car.errors import RemoteError
from car.fleet.errands import Round, Visit
from car.fleet.neighbours import Neighbours
from car.fleet.watch import CarWatch
from car.pairing.announcement import Announcer, FoundCar
from car.remote.client import CarClient
from car.remote.keys import Place
from hardware.clock import SystemClock
from tests.car.fleet.laptop import Laptop
from tests.car.remote.between import Wire
from tests.car.remote.conftest import Far
from tests.car.remote.test_push import SHIPPED
from tests.car.sessions.recordings import write_session
from tests.system.car_process import wait_for


def test_a_car_is_seen_from_when_it_is_paired_until_its_key_is_gone(far: Far, laptop: Laptop) -> None:
    assert laptop.view()["cars"] == []
    laptop.ring.keep(far.key)
    wait_for(lambda: bool(laptop.car(far.key.place).get("state")), "the car")
    assert laptop.car(far.key.place)["name"] == "mycar"
    assert not far.served.context.hub.driver, "to look is not to drive"
    laptop.ring.forget(far.key.place)
    wait_for(lambda: laptop.view()["cars"] == [], "the car to be gone")


def test_stop_all_reaches_every_car_that_is_there_and_names_the_one_that_is_not(far: Far, laptop: Laptop) -> None:
    nobody = replace(far.key, place=Place("127.0.0.1", 1))
    laptop.ring.keep(far.key)
    laptop.ring.keep(nobody)
    wait_for(lambda: bool(laptop.car(far.key.place).get("state")), "the car")
    list(far.served.slot.events(0))
    stops = {stop["place"]: stop for stop in laptop.client.post("/api/fleet/stop").json()}
    assert stops[str(far.key.place)]["after_ms"] is not None
    assert stops["127.0.0.1:1"]["after_ms"] is None
    assert "Nothing listens at 127.0.0.1:1" in stops["127.0.0.1:1"]["why"]
    assert "stopped as soon as it is heard again" in stops["127.0.0.1:1"]["why"]
    assert any(type(event).__name__ == "Stop" for event in far.served.slot.events(0))


def test_a_car_that_goes_silent_is_never_shown_as_it_was(far: Far, laptop: Laptop) -> None:
    with Wire(far.key.place) as wire:
        key = replace(far.key, place=wire.place)
        laptop.ring.keep(key)
        wait_for(lambda: bool(laptop.car(key.place).get("state")), "the car")
        wire.freeze()
        wait_for(lambda: laptop.car(key.place)["state"] is None, "the silence to be seen")
        shown = laptop.car(key.place)
        assert shown["gone_s"] >= 1.0
        assert not shown["has_picture"]
        wire.thaw()
        wait_for(lambda: bool(laptop.car(key.place)["state"]), "the car to be heard again")


def test_a_stop_for_a_car_out_of_reach_is_made_good_when_it_is_heard(far: Far) -> None:
    async def story() -> None:
        with Wire(far.key.place) as wire:
            watch = CarWatch(replace(far.key, place=wire.place), SystemClock())
            stopped = await watch.stop(0.1)
            assert stopped.after_ms is None
            list(far.served.slot.events(0))
            task = asyncio.create_task(watch.run())
            while not any(type(event).__name__ == "Stop" for event in far.served.slot.events(0)):
                await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_stop_that_a_frozen_network_held_is_made_good_on_the_next_connection(far: Far) -> None:
    async def story() -> None:
        with Wire(far.key.place) as wire:
            watch = CarWatch(replace(far.key, place=wire.place), SystemClock())
            task = asyncio.create_task(watch.run())
            while watch.view().state is None:
                await asyncio.sleep(0.02)
            wire.freeze()
            while watch.view().state is not None:
                await asyncio.sleep(0.02)
            stopped = await watch.stop(0.1)
            assert stopped.after_ms is None
            assert "stopped as soon as it is heard again" in stopped.why
            # What was sent is lost with the connection that it was sent on.
            had = wire.connections
            wire.drop()
            wire.thaw()
            list(far.served.slot.events(0))
            while not any(type(event).__name__ == "Stop" for event in far.served.slot.events(0)):
                await asyncio.sleep(0.02)
            assert wire.connections > had
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_car_that_says_nonsense_is_not_shown_until_it_makes_sense(far: Far, laptop: Laptop) -> None:
    laptop.ring.keep(far.key)
    wait_for(lambda: bool(laptop.car(far.key.place).get("state")), "the car")
    far.served.said["pilot"] = "\ud800"
    wait_for(lambda: "says what no car says" in laptop.car(far.key.place)["ask"], "the nonsense to be told")
    far.served.said.clear()
    wait_for(lambda: bool(laptop.car(far.key.place)["state"]), "the car to be heard again")


@pytest.mark.parametrize(
    "said",
    [
        '{"type": "state", "car": "a", "gate": "open"}',
        '{"type": "state", "car": "a", "gate": "armed", "odometry": [1]}',
        '{"type": "state", "car": "a", "gate": "armed", "odometry": {"last_lap_s": NaN}}',
        '{"type": "state"}',
        "[]",
    ],
    ids=["another gate", "no laps", "not a number", "nothing", "a list"],
)
def test_a_state_that_makes_no_sense_is_not_shown(far: Far, said: str) -> None:
    watch = CarWatch(far.key, SystemClock())

    async def hear() -> None:
        await watch.hear(said)

    with pytest.raises(RemoteError, match="says what no car says"):
        asyncio.run(hear())
    assert watch.view().state is None


def test_another_certificate_is_told_nothing(far: Far, laptop: Laptop) -> None:
    laptop.ring.keep(replace(far.key, fingerprint=":".join(["00"] * 32)))
    wait_for(lambda: "another certificate" in laptop.car(far.key.place).get("ask", ""), "the refusal")
    assert laptop.car(far.key.place)["state"] is None


def test_a_revoked_laptop_is_told_what_to_do(far: Far, laptop: Laptop) -> None:
    laptop.ring.keep(replace(far.key, token="wrong"))  # noqa: S106
    wait_for(lambda: "car pair-with" in laptop.car(far.key.place).get("ask", ""), "the refusal")


def test_models_go_to_all_cars_and_one_that_fails_does_not_end_the_others(far: Far, laptop: Laptop) -> None:
    (laptop.folder.models_dir / "lane.tflite").write_bytes(SHIPPED.read_bytes())
    for key in (replace(far.key, place=Place("127.0.0.1", 1)), far.key):
        laptop.ring.keep(key)
    wait_for(lambda: len(laptop.view()["cars"]) == 2, "the cars")
    assert laptop.view()["models"] == ["lane"]
    assert laptop.client.post("/api/fleet/push", json={"model": "lane", "activate": True}).status_code == 200
    visits = {visit["place"]: visit for visit in laptop.wait_for_errand()}
    assert visits["127.0.0.1:1"]["problems"]
    assert visits[str(far.key.place)]["notes"] == ["It has lane.", "lane drives now."]
    assert (far.models / "lane.tflite").read_bytes() == SHIPPED.read_bytes()


def test_a_disk_that_refuses_at_one_car_does_not_end_the_errand_at_the_others(far: Far) -> None:
    def errand(client: CarClient, visit: Visit) -> None:
        if client.place.port == 1:
            raise FileNotFoundError(2, "No such file or directory")
        visit.notes.append("done")

    errands = Round("push", [replace(far.key, place=Place("127.0.0.1", 1)), far.key], errand)
    errands.run()
    assert errands.is_over
    assert "disk refuses (No such file or directory)" in errands.visits[0].problems[0]
    assert errands.visits[1].notes == ["done"]


def test_a_car_in_the_network_is_a_stranger_until_the_laptop_is_paired_with_it() -> None:
    announcer = Announcer("mycar", 8123, lambda: True, tls=True, interfaces=["127.0.0.1"])
    with contextlib.closing(announcer), Neighbours(["127.0.0.1"]) as neighbours:
        announcer.start()
        neighbours.start()
        wait_for(lambda: neighbours.besides([]) == [FoundCar("mycar", "https://127.0.0.1:8123/")], "the car")
        assert neighbours.besides([Place("127.0.0.1", 8123)]) == []


def test_sessions_come_from_the_cars_that_were_chosen(far: Far, laptop: Laptop) -> None:
    write_session(far.sessions / "evening.mcap", frames=20)
    laptop.ring.keep(far.key)
    wait_for(lambda: bool(laptop.view()["cars"]), "the car")
    laptop.client.post("/api/fleet/pull", json={"cars": [str(far.key.place)]})
    assert laptop.wait_for_errand()[0]["notes"][0] == "1 new session; 0 were here already."
    assert (laptop.folder.sessions_dir / "evening.mcap").read_bytes() == (far.sessions / "evening.mcap").read_bytes()
    answer = laptop.client.post("/api/fleet/pull", json={"cars": ["192.0.2.9:8887"]})
    assert (answer.status_code, "not paired with 192.0.2.9:8887" in answer.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.post("/api/fleet/stop", headers={"X-Pocketpilot": ""}),
        lambda client: client.post("/api/fleet/stop", headers={"Origin": "http://elsewhere.example"}),
        lambda client: client.get("/api/fleet", headers={"Host": "elsewhere.example"}),
    ],
    ids=["without the header", "another page", "another name"],
)
def test_pages_of_others_get_nothing(laptop: Laptop, ask: Callable[[httpx.Client], httpx.Response]) -> None:
    assert ask(laptop.client).status_code in {403, 421}


def test_a_model_that_is_not_there_is_one_sentence(laptop: Laptop) -> None:
    answer = laptop.client.post("/api/fleet/push", json={"model": "lost"})
    assert answer.status_code in {404, 409}
    assert answer.json()["error"].endswith(".")
