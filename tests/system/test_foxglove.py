"""A car that drives is watched by a client of Foxglove's protocol, or drives on without."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from car.gate import GateState
from car.sessions import messages
from tests.foxglove_client import FoxgloveClient
from tests.system.car_process import DrivingCar, wait_for

PORT = 28765


def make_car(folder: Path, port: int) -> None:
    (folder / "mycar").mkdir()
    (folder / "mycar" / "car.toml").write_text(f"[foxglove]\nenabled = true\nport = {port}\n", encoding="utf-8")


def free_port() -> int:
    for port in range(PORT, PORT + 100):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no port is free")


def test_a_client_sees_frames_commands_the_gate_and_telemetry_and_a_new_desk_serves_again(tmp_path: Path) -> None:
    port = free_port()
    make_car(tmp_path, port)
    with DrivingCar(tmp_path, "--no-record") as car:
        with FoxgloveClient(port) as client:
            client.subscribe()
            seen: dict[str, bytes] = {}
            for topic, _, data in client.messages():
                seen.setdefault(topic, data)
                if len(seen) == len(client.channels):
                    break
            assert messages.event_from_bytes(seen["/events"]).kind == "gate"
            assert messages.telemetry_from_bytes(seen["/telemetry"]).time_ns > 0
            number, captured = 0, 1
            while True:
                captured, data = client.next_of("/drive")
                record = messages.record_from_bytes(data)
                if record.gate_state is GateState.ARMED and record.applied.throttle > 0:
                    break
            frame_ns, data = client.next_of("/camera")
            assert messages.frame_from_bytes(data, number, frame_ns).decode().image.shape == (120, 160, 3)
            assert frame_ns > captured
            desk = car.desk
            desk.kill()
            wait_for(lambda: not desk.is_running(), "the end of the desk")
        with FoxgloveClient(port) as client:
            client.subscribe("/drive")
            assert messages.record_from_bytes(client.next_of("/drive")[1]).gate_state is GateState.ARMED
        _, printed = car.end(signal.SIGINT)
    assert f"ws://127.0.0.1:{port}" in printed
    assert "Traceback" not in printed
