"""The car is found in the network it is open to, and nowhere else; over real multicast, on loopback alone."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from car.pairing import announcement
from car.pairing.announcement import SERVICE, Announcer, FoundCar, find_cars
from tests.system.car_process import wait_for

LOOPBACK = ["127.0.0.1"]
PORT = 8990


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for a change more often than a car does."""
    monkeypatch.setattr(announcement, "LOOK_PERIOD_S", 0.05)


class Gate:
    """Whether the network may reach the car."""

    def __init__(self) -> None:
        self.is_open = True

    def __call__(self) -> bool:
        return self.is_open


@contextlib.contextmanager
def announced(name: str, gate: Gate, port: int = PORT, *, tls: bool = False) -> Iterator[Announcer]:
    announcer = Announcer(name, port, gate, tls=tls, interfaces=LOOPBACK)
    announcer.start()
    try:
        yield announcer
    finally:
        announcer.close()


def found() -> list[FoundCar]:
    # Not shorter: a car does not repeat an answer within a second, so that one who asks too often hears none.
    return find_cars(1.5, LOOPBACK)


def test_a_car_is_found_while_it_is_open_to_the_network_and_not_before_or_after() -> None:
    gate = Gate()
    gate.is_open = False
    with announced("mycar", gate) as announcer:
        assert found() == []
        gate.is_open = True
        wait_for(lambda: found() == [FoundCar("mycar", f"http://127.0.0.1:{PORT}/")], "the car")
        gate.is_open = False
        wait_for(lambda: found() == [], "the car to be gone")
        gate.is_open = True
        wait_for(lambda: len(found()) == 1, "the car")
        announcer.close()
        assert found() == []


def test_two_cars_of_one_name_are_both_found_and_one_that_speaks_tls_says_so() -> None:
    with announced("mycar", Gate()), announced("mycar", Gate(), PORT + 1, tls=True):
        expected = {FoundCar("mycar", f"http://127.0.0.1:{PORT}/"), FoundCar("mycar", f"https://127.0.0.1:{PORT + 1}/")}
        wait_for(lambda: set(found()) == expected, "both cars")


NAMES = ["", "a.b", "Käthe's 🚗", "🚗" * 64, "a\nb\x1b[31m"]


def test_any_name_that_a_car_may_have_is_announced() -> None:
    with contextlib.ExitStack() as stack:
        for port, name in enumerate(NAMES, PORT):
            stack.enter_context(announced(name, Gate(), port))
        urls = {f"http://127.0.0.1:{port}/" for port, _ in enumerate(NAMES, PORT)}
        wait_for(lambda: {car.url for car in found()} == urls, "a car of each name")


def test_what_is_shown_of_a_stranger_does_nothing_to_a_terminal() -> None:
    with announced("a\x1b[31m\nb", Gate()):
        wait_for(lambda: [car.name for car in found()] == ["a[31mb"], "the car")


# zeroconf leaves the socket of an address that is not there to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_without_a_network_the_car_tries_again_and_nothing_breaks() -> None:
    announcer = Announcer("mycar", PORT, Gate(), tls=False, interfaces=["203.0.113.7"])
    announcer.look()
    announcer.look()
    announcer.close()
    with pytest.raises(OSError, match=r".+"):
        find_cars(0.1, ["203.0.113.7"])


def test_nothing_secret_is_said() -> None:
    from zeroconf import IPVersion, ServiceBrowser, Zeroconf

    names: list[str] = []

    def hear(**heard: Any) -> None:
        names.append(heard["name"])

    with announced("mycar", Gate()), contextlib.closing(Zeroconf(LOOPBACK, ip_version=IPVersion.V4Only)) as network:
        ServiceBrowser(network, SERVICE, handlers=[hear])
        wait_for(lambda: bool(names), "the car")
        info = network.get_service_info(SERVICE, names[0], 3000)
    assert info is not None
    assert info.decoded_properties == {"car": "mycar", "tls": "0"}
    assert re.fullmatch(r"mycar-[0-9a-f]{8}\._pocketpilot\._tcp\.local\.", info.name)
    assert re.fullmatch(r"pocketpilot-[0-9a-f]{8}\.local\.", info.server or "")
