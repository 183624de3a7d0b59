"""Another pilot takes the wheel while the car drives itself, in its real processes."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import httpx

import models
from car.drive_record import DriveRecord
from car.gate import GateState
from car.sessions.reader import Session
from hardware.clock import NS_PER_MS
from tests.system.car_process import DrivingCar

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"
SOME_SECONDS = 150_000
ACTIVATIONS = 4
TOO_LONG_MS = 150
"""As long as a frame may be fresh for: the car would have tripped. The activation itself takes a few milliseconds."""


def test_the_car_drives_on_while_another_pilot_is_activated(tmp_path: Path) -> None:
    with DrivingCar(tmp_path) as car:
        car.wait_until_recorded(SOME_SECONDS)
        for name in ("evening", "morning"):
            shutil.copy(SHIPPED, car.path / "models" / f"{name}.tflite")
        with httpx.Client(
            base_url=f"http://127.0.0.1:{car.port}/api/", headers={"X-Pocketpilot": "1"}, timeout=60.0
        ) as client:
            for number in range(ACTIVATIONS):
                answer = client.post(f"models/{('evening', 'morning')[number % 2]}/activate")
                assert answer.status_code == 200, answer.text
                car.wait_until_recorded((number + 2) * SOME_SECONDS)
            assert client.get("status").json()["pilot"] == "morning.tflite"
        code, output = car.end()
        assert code == 130, output
        assert 'model = "morning"' in (car.path / "car.toml").read_text()
        with Session.open(car.session) as session:
            records = list(session.records())
            pilots = [event.text for event in session.events() if event.kind == "pilot"]
    assert pilots == [f"{name}.tflite from here on" for name in ("evening", "morning") * (ACTIVATIONS // 2)]
    driven = records[next(place for place, record in enumerate(records) if record.gate_state is GateState.ARMED) :]
    assert all(record.gate_state is GateState.ARMED for record in driven)
    assert all(record.pilot is not None for record in driven)
    assert longest_gap_ms(driven) < TOO_LONG_MS


def longest_gap_ms(records: list[DriveRecord]) -> float:
    """Return the longest time between two commands at the wheels."""
    applied_ns = [record.captured_ns + record.times.latency_ns for record in records]
    return max(later - earlier for earlier, later in pairwise(applied_ns)) / NS_PER_MS
