"""A real car's server with HTTPS, and a laptop that is paired with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from car.config.sections import CarConfig, RecordingSection, WebSection
from car.pairing.machine import own_hosts
from car.pairing.store import AccessStore
from car.remote.client import CarClient
from car.remote.keys import Key, Place
from hardware.clock import SystemClock
from tests.car.web.serving import PORT, Served, serving
from tests.system.car_process import PATIENCE_S, wait_for


@dataclass(frozen=True, slots=True)
class Far:
    """A car in the network, and a laptop's key to it."""

    served: Served
    store: AccessStore
    key: Key

    @property
    def sessions(self) -> Path:
        """The folder of the car's sessions."""
        return self.served.folder.sessions_dir

    @property
    def models(self) -> Path:
        """The folder of the car's models."""
        return self.served.folder.models_dir

    def client(self, place: Place | None = None, patience_s: float = PATIENCE_S) -> CarClient:
        """Return a client of the car, or of what stands at ``place`` before it."""
        return CarClient.of(replace(self.key, place=place or self.key.place), patience_s=patience_s)


def listens(place: Place) -> bool:
    try:
        with CarClient(place, None, patience_s=PATIENCE_S) as client:
            client.look()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def one_car(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    config = CarConfig(web=WebSection(port=PORT, tls=True, announce=False), recording=RecordingSection(min_free_mb=0))
    with serving(tmp_path_factory.mktemp("far") / "mycar", config) as served:
        store = AccessStore(served.folder.path, SystemClock())
        # A browser that stays paired, so that the network stays open.
        assert store.redeem(store.new_code(), "phone")
        place = Place(own_hosts()[0], served.port)
        wait_for(lambda: listens(place), "the network's listener")
        token, address = store.redeem(store.new_code(), "laptop"), store.running_server()
        assert token is not None
        assert address is not None
        yield Far(served, store, Key(place, token, address.fingerprint))


@pytest.fixture
def far(one_car: Far) -> Far:
    """The car, without a session and a model of its own."""
    for path in (*one_car.sessions.iterdir(), *one_car.models.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            # A request of the test before that is just ending may remove its own.
            path.unlink(missing_ok=True)
    return one_car


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The laptop's folder of sessions."""
    return tmp_path / "here"
