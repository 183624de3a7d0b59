"""Two laptops and a class's cars in one network: what is fetched and brought arrives whole, or not at all, and is said.

Four cars take part, or as many as POCKETPILOT_CARS says.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from car.sessions.originals import PIECE_BYTES
from tests.system.car_process import wait_for
from tests.system.network.air import why_not
from tests.system.network.classroom import (
    FLEET_PORT,
    LONG_BYTES,
    SHIPPED,
    Car,
    Classroom,
    Done,
    Machine,
    ended,
    fleet_says,
    other_model,
    pair,
    small_disk,
)

WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"a network of its own needs {WHY_NOT}")
VANISHES_AFTER = {"pull": PIECE_BYTES + 200_000, "push": 40_000, "rollback": 1_000}
"""Bytes to and from a car, in the middle of each command."""


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    with Classroom(tmp_path_factory.mktemp("class")) as classroom:
        yield classroom


@pytest.fixture(autouse=True)
def network_as_it_was(classroom: Classroom) -> Iterator[None]:
    yield
    air = classroom.air
    air.delay_s, air.loss, air.swaps = 0.0, 0.0, 0
    air.left_bytes.clear()


def has_all_of(laptop: Machine, cars: list[Car]) -> bool:
    here = laptop.digests()
    return all(here.get(name) == digest for car in cars for name, digest in car.digests().items())


def assert_one_complaint(done: Done, *words: str) -> None:
    assert done.code == 1, done
    assert len(done.complaints) == 1, done
    for word in words:
        assert word in done.complaints[0]


def test_two_laptops_fetch_at_once_what_every_car_has(classroom: Classroom) -> None:
    pulls = [laptop.start("pull", "all") for laptop in classroom.laptops]
    for done in map(ended, pulls):
        assert (done.code, done.complaints) == (0, []), done
    for laptop in classroom.laptops:
        assert has_all_of(laptop, classroom.cars)
    again = classroom.laptops[0].car("pull", "all")
    assert again.output.count("0 new sessions, 0.0 MB") == len(classroom.cars), again


def test_a_model_goes_to_every_car_drives_there_and_the_one_before_comes_back(
    classroom: Classroom, tmp_path: Path
) -> None:
    ada, bo = classroom.laptops
    model = other_model(tmp_path / "newer.tflite", "newer")
    pushes = [
        ada.start("push", str(SHIPPED), "all", "--name", "first", "--activate"),
        bo.start("push", str(model), "all"),
    ]
    for done in map(ended, pushes):
        assert (done.code, done.complaints) == (0, []), done
    done = bo.car("push", str(model), "all", "--activate")
    assert done.output.count("newer drives now. Before, it was first") == len(classroom.cars), done
    done = ada.car("rollback", "all")
    assert done.output.count("first drives now. Before, it was newer") == len(classroom.cars), done
    for car in classroom.cars:
        assert car.pushed()["newer.tflite"] == model.read_bytes()


@pytest.mark.parametrize("command", list(VANISHES_AFTER))
def test_of_a_car_that_vanishes_one_sentence_is_said_and_the_others_are_done(
    classroom: Classroom, tmp_path: Path, command: str
) -> None:
    laptop, lost, others = classroom.laptops[0], classroom.cars[0], classroom.cars[1:]
    words = [command]
    if command == "push":
        words.append(str(other_model(tmp_path / "vanishing.tflite", command)))
    if command == "pull":
        laptop.car("pull", "all")
        for car in classroom.cars:
            car.record_long("vanishing")
    classroom.air.left_bytes[lost.name] = VANISHES_AFTER[command]
    done = laptop.car(*words, "all", "--timeout", "3")
    assert_one_complaint(done, lost.host.address, "has said nothing for 3 s")
    for car in others:
        assert f"{car.host.address}:8887" in done.output
    if command == "pull":
        assert has_all_of(laptop, others)
        assert not has_all_of(laptop, [lost])
    if command == "push":
        assert all("vanishing.tflite" in car.pushed() for car in others)
        assert "vanishing.tflite" not in lost.pushed()

    classroom.air.left_bytes.clear()
    done = laptop.car(*words, "all")
    assert (done.code, done.complaints) == (0, []), done
    if command == "pull":
        assert has_all_of(laptop, classroom.cars)
        fetched = re.search(rf"{re.escape(lost.host.address)}:8887: 1 new sessions, ([0-9.]+) MB", done.output)
        assert fetched, done
        assert float(fetched[1]) < (LONG_BYTES - PIECE_BYTES / 2) / 1e6, "what had arrived was fetched again"
    if command == "push":
        assert "vanishing.tflite" in lost.pushed()


def test_a_car_that_vanishes_while_it_is_paired_with_is_paired_with_again(classroom: Classroom) -> None:
    laptop, car = classroom.laptops[0], classroom.cars[0]
    classroom.air.left_bytes[car.name] = 3_000
    assert_one_complaint(pair(laptop, car), car.host.address)
    classroom.air.left_bytes.clear()
    assert pair(laptop, car).code == 0
    assert laptop.car("pull", car.host.address).code == 0


def test_all_cars_are_stopped_from_one_page_and_the_one_that_vanished_is_named(classroom: Classroom) -> None:
    laptop, lost = classroom.laptops[1], classroom.cars[0]
    fleet = laptop.start("fleet", "--port", str(FLEET_PORT))

    def heard() -> set[str]:
        said = fleet_says(laptop) or {"cars": []}
        return {car["name"] for car in said["cars"] if car["state"] is not None}

    def unconfirmed() -> list[str]:
        return [stop["name"] for stop in fleet_says(laptop, "/stop", "POST") if stop["after_ms"] is None]

    try:
        wait_for(lambda: heard() == {car.name for car in classroom.cars}, "all cars")
        classroom.air.left_bytes[lost.name] = 0
        # A machine that is busy with all of them may be late with a car's word.
        wait_for(lambda: unconfirmed() == [lost.name], "all others to have stopped")
        wait_for(lambda: lost.name not in heard(), "the lost car to be missed")
        classroom.air.left_bytes.clear()
        wait_for(lambda: lost.name in heard(), "the lost car to be back")
    finally:
        fleet.send_signal(signal.SIGINT)
        assert ended(fleet).code == 130


def test_what_is_changed_on_its_way_is_never_kept(classroom: Classroom, tmp_path: Path) -> None:
    laptop, car = classroom.laptops[1], classroom.cars[1]
    car.record_long("changed")
    model = other_model(tmp_path / "changed.tflite", "changed")
    for words in (["pull", car.host.address], ["push", str(model), car.host.address]):
        classroom.air.swaps = 2
        done = laptop.car(*words)
        assert classroom.air.swaps == 0
        for name, digest in laptop.digests().items():
            assert car.digests().get(name, digest) == digest
        assert car.pushed().get("changed.tflite", model.read_bytes()) == model.read_bytes()
        if done.code:
            assert_one_complaint(done, car.host.address)
        assert laptop.car(*words).code == 0
    assert has_all_of(laptop, [car])
    assert car.pushed()["changed.tflite"] == model.read_bytes()


def test_a_full_disk_of_the_laptop_is_one_sentence_and_nothing_half(classroom: Classroom) -> None:
    laptop = classroom.laptops[0]
    for car in classroom.cars:
        car.record_long("too much")
    with small_disk(laptop.sessions, "20m", os.getpid()):
        done = laptop.car("pull", classroom.cars[0].host.address)
        assert_one_complaint(done, "Free some space, and pull again")
        assert laptop.digests() == {}
    assert laptop.car("pull", "all").code == 0
    assert has_all_of(laptop, classroom.cars)


def test_a_full_disk_of_a_car_is_one_sentence_and_the_others_have_the_model(
    classroom: Classroom, tmp_path: Path
) -> None:
    full, others = classroom.cars[2], classroom.cars[:2] + classroom.cars[3:]
    model = other_model(tmp_path / "large.tflite", "large")
    with small_disk(full.models, f"{model.stat().st_size // 1024 // 2}k", full.process) as there:
        done = classroom.laptops[0].car("push", str(model), "all")
        assert_one_complaint(done, full.host.address, "disk has too little room")
        assert list(there.iterdir()) == []
    assert all(car.pushed()["large.tflite"] == model.read_bytes() for car in others)


def test_over_a_poor_wifi_everything_goes_slower_and_arrives(classroom: Classroom, tmp_path: Path) -> None:
    laptop, car = classroom.laptops[1], classroom.cars[3]
    model = other_model(tmp_path / "slow.tflite", "slow")
    (car.sessions / "slow.mcap").write_bytes(os.urandom(PIECE_BYTES // 2))
    laptop.car("pull", car.host.address)
    (car.sessions / "slow-2.mcap").write_bytes(os.urandom(PIECE_BYTES // 2))
    classroom.air.delay_s, classroom.air.loss = 0.05, 0.05
    steps: list[Callable[[], Done]] = [
        lambda: pair(laptop, car),
        lambda: laptop.car("pull", car.host.address),
        lambda: laptop.car("push", str(model), car.host.address, "--activate"),
        lambda: laptop.car("rollback", car.host.address),
    ]
    for step in steps:
        done = step()
        assert (done.code, done.complaints) == (0, []), done
    assert has_all_of(laptop, [car])
    wait_for(lambda: car.pushed()["slow.tflite"] == model.read_bytes(), "the model")
