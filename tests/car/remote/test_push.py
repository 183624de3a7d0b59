"""A model counts on a car once it was tried out there; nothing is replaced, and one command goes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import models
from car.errors import Refusal, RemoteError
from car.remote.client import CarClient
from car.remote.push import Parcel, Pushed, activate, pack, push, roll_back
from models.errors import ModelError
from models.loader import append_card, read_card
from tests.car.remote.between import Wire
from tests.car.remote.conftest import Far
from tests.car.sessions.test_writer import largest_file
from tests.system.car_process import wait_for

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"


def with_metrics(path: Path, name: str, **steering: float) -> Path:
    """Write the shipped model beside ``path`` with another card, and so with another digest."""
    card, other = read_card(SHIPPED), path / f"{name}.tflite"
    assert card is not None
    shutil.copy(SHIPPED, other)
    append_card(other, replace(card, name=name, metrics={"steering": steering}))
    return other


def pushed(far: Far, path: Path, name: str = "lane", *, force: bool = False) -> Pushed:
    with far.client() as client:
        return push(client, pack(path, name, force=force), force=force)


def kept(far: Far) -> list[str]:
    """Return the models that the car has, without what is still being received."""
    return sorted(path.name for path in far.models.iterdir() if not path.name.startswith("."))


def test_a_model_comes_once_its_versions_stay_and_one_goes_back(far: Far, tmp_path: Path) -> None:
    told: list[float] = []
    with far.client() as client:
        first = push(client, pack(SHIPPED, "lane"), progress=told.append)
        assert (first.name, first.why, told[-1]) == ("lane", "", 1.0)
        assert push(client, pack(SHIPPED, "lane")).name == "lane"
        other = with_metrics(tmp_path, "other", r2=0.9, predict_mean_r2=0.0)
        assert push(client, pack(other, "lane")).name == "lane-2"
        assert kept(far) == ["lane-2.tflite", "lane.tflite"]
        assert (far.models / "lane.tflite").read_bytes() == SHIPPED.read_bytes()
        assert (far.models / "lane-2.tflite").read_bytes() == other.read_bytes()
        activate(client, "lane")
        activated = activate(client, "lane-2")
        assert (activated.name, activated.previous, far.served.pilot.name) == ("lane-2", "lane", "lane-2.tflite")
        assert roll_back(client).name == "lane"
        assert far.served.pilot.name == "lane.tflite"


def test_a_model_that_loses_to_a_guess_by_its_card_is_refused_unless_by_force(far: Far, tmp_path: Path) -> None:
    path = with_metrics(tmp_path, "poor", r2=-0.2, predict_mean_r2=-0.05, predict_zero_r2=-0.3)
    with pytest.raises(ModelError, match=r"lane was not pushed.*R² -0.20 against -0.05.*--force"):
        pushed(far, path)
    assert kept(far) == []
    assert pushed(far, path, force=True).name == "lane"


def test_what_is_no_model_is_refused_by_the_car_and_nothing_stays(far: Far, tmp_path: Path) -> None:
    (tmp_path / "odd.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(100))
    with pytest.raises(Refusal, match=r"TFLite runtime refuses the model"):
        pushed(far, tmp_path / "odd.tflite")
    assert kept(far) == []


def test_a_file_that_changed_on_its_way_does_not_count(far: Far) -> None:
    with far.client() as client, pytest.raises(Refusal, match="damaged on its way"):
        push(client, replace(pack(SHIPPED, "lane"), sha256="0" * 64))
    assert kept(far) == []


@pytest.mark.parametrize("dies_after", [0, 800, 20_000, 60_000])
def test_a_network_that_dies_in_the_middle_leaves_nothing_on_the_car(far: Far, dies_after: int) -> None:
    with (
        Wire(far.key.place, dies_after=dies_after, up=True) as wire,
        far.client(wire.place) as client,
        pytest.raises(RemoteError, match="broke off"),
    ):
        push(client, pack(SHIPPED, "lane"))
    wait_for(lambda: not any(far.models.iterdir()), "what came to be gone")


def test_an_answer_that_is_lost_costs_nothing_the_second_time(far: Far) -> None:
    with Wire(far.key.place) as wire, far.client(wire.place) as client:

        def die_before_the_answer(done: float) -> None:
            wire.dies_after = 0 if done == 1.0 else None

        with pytest.raises(RemoteError, match="broke off"):
            push(client, pack(SHIPPED, "lane"), progress=die_before_the_answer)
    assert pushed(far, SHIPPED).name == "lane"
    assert kept(far) == ["lane.tflite"]


def test_a_full_disk_on_the_car_is_said(far: Far) -> None:
    with far.client() as client, largest_file(30_000), pytest.raises(Refusal, match=r"disk refuses \(File too large\)"):
        push(client, pack(SHIPPED, "lane"))
    assert kept(far) == []


@pytest.mark.parametrize("act", [lambda client: activate(client, "lost"), roll_back], ids=["activate", "roll back"])
def test_a_car_that_freezes_is_not_waited_for_for_ever(
    far: Far, act: Callable[[CarClient], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("car.remote.push.TRIAL_S", 0.3)
    with (
        Wire(far.key.place, freezes_after=0) as wire,
        far.client(wire.place, 0.3) as client,
        pytest.raises(RemoteError, match=r"has said nothing for 0\.3 s"),
    ):
        act(client)


def test_a_model_that_is_not_there_or_too_large_is_seen_before(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a file"):
        pack(tmp_path / "none.tflite", "none")
    with (tmp_path / "large.tflite").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(ModelError, match="is larger than"):
        pack(tmp_path / "large.tflite", "large")


def test_a_name_that_is_none_is_refused(far: Far) -> None:
    parcel = Parcel(SHIPPED, "../car", pack(SHIPPED, "lane").sha256, SHIPPED.stat().st_size)
    with far.client() as client, pytest.raises(Refusal, match="cannot be called"):
        push(client, parcel)
