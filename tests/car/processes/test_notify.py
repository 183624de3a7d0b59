"""systemd hears when the car is ready, that its loop comes round, and that it ends."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from car.processes.notify import WATCHDOG_PERIOD_NS, ServiceNotifier
from hardware.clock import NS_PER_MS, VirtualClock


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield listening


def heard(manager: socket.socket) -> list[bytes]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096))
        except BlockingIOError:
            return messages


def test_each_state_is_told(manager: socket.socket) -> None:
    notifier = ServiceNotifier(VirtualClock())
    notifier.ready()
    notifier.cycle_completed()
    notifier.stopping()
    assert heard(manager) == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_cycles_are_told_often_enough_and_not_more(manager: socket.socket) -> None:
    clock = VirtualClock()
    notifier = ServiceNotifier(clock)
    for _ in range(100):
        notifier.cycle_completed()
        clock.advance_ns(20 * NS_PER_MS)
    assert len(heard(manager)) == 2000 * NS_PER_MS // WATCHDOG_PERIOD_NS


def test_without_completed_cycles_nothing_is_told(manager: socket.socket) -> None:
    clock = VirtualClock()
    ServiceNotifier(clock)
    clock.advance_ns(10_000 * NS_PER_MS)
    assert heard(manager) == []


def test_without_a_manager_or_with_a_dead_one_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    ServiceNotifier(VirtualClock()).ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    ServiceNotifier(VirtualClock()).ready()
