"""A laptop fetches sessions from a car that drives and records meanwhile, in its real processes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from car.gate import GateState
from car.pairing.store import AccessStore
from car.remote.client import CarClient
from car.remote.keys import Key, Place
from car.remote.pull import Pull
from car.sessions.originals import PIECE_BYTES
from car.sessions.reader import Session
from hardware.clock import SystemClock
from tests.system.car_process import PATIENCE_S, DrivingCar

SOME_SECONDS = 150_000
LONG = hashlib.shake_256(b"long").digest(5 * PIECE_BYTES + 1000)


def test_a_car_drives_and_records_on_while_its_sessions_are_pulled(tmp_path: Path) -> None:
    with DrivingCar(tmp_path, "--tls") as car:
        car.wait_until_recorded(SOME_SECONDS)
        recorded = car.session
        (car.sessions / "long.mcap").write_bytes(LONG)
        store, port = AccessStore(car.path, SystemClock()), car.port
        address, token = store.running_server(), store.redeem(store.new_code(), "laptop")
        assert address is not None
        assert token is not None
        key = Key(Place("127.0.0.1", port), token, address.fingerprint)
        with CarClient.of(key, patience_s=PATIENCE_S) as client:
            pull = Pull(client, tmp_path / "here")
            pull.run()
        assert (pull.taken, pull.missed) == (["long"], [])
        assert pull.notes == [f"{recorded.stem} is being recorded. Pull it when that has ended."]
        assert (tmp_path / "here" / "long.mcap").read_bytes() == LONG
        car.wait_until_recorded(SOME_SECONDS)
        code, output = car.end()
    assert code == 130, output
    with Session.open(recorded) as session:
        states = [record.gate_state for record in session.records()]
    assert GateState.TRIPPED not in states
