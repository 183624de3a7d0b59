"""The models' API, on the real server, with pilots that are really activated."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

import models
from car.config.sections import CarConfig, RecordingSection, WebSection, load_config
from car.kinds.camera import CameraSection
from car.kinds.pilot import PilotSection
from models.contract import MAX_MODEL_BYTES
from tests.car.web.serving import OURS, PORT, Served, serving

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "mycar") as served:
        yield served


def test_models_are_listed_with_cards(served: Served) -> None:
    (row,) = served.client.get("models").json()
    assert (row["name"], row["active"], row["fits"], row["shipped"]) == ("simulated-lane", True, True, True)
    assert row["card"]["metrics"]["steering"]["mae"] > 0


def test_a_model_is_uploaded_activated_and_left_again_in_one_click(served: Served) -> None:
    answer = served.client.post("models", params={"name": "evening"}, content=SHIPPED.read_bytes())
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["active"], answer.json()["fits"]) == ("evening", False, True)
    assert served.client.post("models/evening/activate").json() == {"name": "evening", "previous": "simulated-lane"}
    assert served.pilot.name == "evening.tflite"
    assert served.client.get("status").json()["pilot"] == "evening.tflite"
    assert [row["active"] for row in served.client.get("models").json()] == [True, False]
    path = served.folder.path / "car.toml"
    assert load_config(path).pilot.model == "evening"
    assert "# a file, a name in models/" in path.read_text()
    assert served.client.post("models/previous").json() == {"name": "simulated-lane", "previous": "evening"}
    assert served.pilot.name == "simulated-lane.tflite"
    assert load_config(path).pilot.model == "simulated-lane"


def test_a_car_whose_pilot_is_no_model_activates_none(tmp_path: Path) -> None:
    config = CarConfig(
        pilot=PilotSection(kind="straight-ahead"),
        web=WebSection(port=PORT, announce=False),
        recording=RecordingSection(min_free_mb=0),
    )
    with serving(tmp_path / "mycar", config) as served:
        before = served.pilot.name
        served.refused("POST", "models/simulated-lane/activate", 409, "straight-ahead", 'kind = "tflite"')
        assert served.pilot.name == before
        assert load_config(served.folder.path / "car.toml").pilot.model == "simulated-lane"


def test_a_model_is_replaced_only_when_that_is_said(served: Served) -> None:
    content = SHIPPED.read_bytes()
    served.client.post("models", params={"name": "evening"}, content=content)
    served.refused("POST", "models?name=evening", 409, "already", content=content)
    assert served.client.post("models", params={"name": "evening", "replace": True}, content=content).status_code == 201


def test_a_pilot_of_donkey_car_is_uploaded_and_drives(tmp_path: Path, donkey_models: Path) -> None:
    config = CarConfig(
        camera=CameraSection(width=32, height=24),
        pilot=PilotSection(model=str(donkey_models / "linear-5.3.tflite")),
        web=WebSection(port=PORT, announce=False),
        recording=RecordingSection(min_free_mb=0),
    )
    with serving(tmp_path / "mycar", config) as served:
        content = (donkey_models / "categorical-2021.tflite").read_bytes()
        row = served.client.post("models?name=theirs", content=content).json()
        assert (row["fits"], row["card"]) == (True, None)
        assert served.client.post("models/theirs/activate").json()["name"] == "theirs"
        assert served.pilot.name == "theirs.tflite"
        memory = (donkey_models / "memory.tflite").read_bytes()
        served.refused("POST", "models?name=memory", 409, "Donkey Car pilot of the type memory", content=memory)


def test_without_another_model_there_is_no_way_back(served: Served) -> None:
    served.refused("POST", "models/previous", 404, "No other model")


def test_what_is_refused_leaves_nothing_behind_and_the_pilot_drives_on(served: Served, tiny_models: Path) -> None:
    small = (tiny_models / "good.tflite").read_bytes()
    assert served.client.post("models?name=small", content=small).json()["fits"] is False
    served.refused("POST", "models/small/activate", 409, "32x24")
    served.refused("POST", "models/none/activate", 404, "no model")
    served.refused("POST", "models/..%2Fcar/activate", 404)
    (served.folder.models_dir / "odd.tflite").write_text("hello")
    served.refused("POST", "models/odd/activate", 409, "not a TFLite model")
    for content, status in ((b"", 422), (b"hello", 409), (b"PK\3\4" + bytes(1000), 409), (small[:-500], 409)):
        served.refused("POST", "models?name=bad", status, content=content)
    for name in ("", ".", "..%2Fcar", "a%00", "x" * 65, "%ff", "a%20b"):
        served.refused("POST", f"models?name={name}", 422 if name in {"", "x" * 65} else 409, content=small)
    served.refused("POST", "models", 422, content=small)
    served.refused("POST", "models?name=a&replace=perhaps", 422, content=small)
    assert sorted(path.name for path in served.folder.models_dir.iterdir()) == ["odd.tflite", "small.tflite"]
    assert served.pilot.name == "simulated-lane.tflite"


def test_a_file_that_is_too_large_is_refused_before_it_is_sent_and_while_it_is(served: Served) -> None:
    url = served.client.base_url
    connection = HTTPConnection(url.host, url.port)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/api/models?name=large")
        for name, value in {**OURS, "Content-Length": str(MAX_MODEL_BYTES + 1)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 413
    pieces = (bytes(1_000_000) for _ in range(MAX_MODEL_BYTES // 1_000_000 + 1))
    served.refused("POST", "models?name=large", 413, "MB", content=pieces)
    assert list(served.folder.models_dir.iterdir()) == []


def test_a_setting_that_cannot_be_written_is_said(served: Served) -> None:
    served.client.post("models?name=evening", content=SHIPPED.read_bytes())
    (served.folder.path / "car.toml").write_text("nonsense")
    served.refused("POST", "models/evening/activate", 409, "not valid TOML")


def test_a_model_that_was_taken_away_meanwhile_is_no_more(served: Served) -> None:
    shutil.copy(SHIPPED, served.folder.models_dir / "evening.tflite")
    served.client.post("models/evening/activate")
    served.client.post("models/simulated-lane/activate")
    (served.folder.models_dir / "evening.tflite").unlink()
    served.refused("POST", "models/previous", 404, "evening")


def test_a_model_is_renamed_deleted_and_taken_back(served: Served) -> None:
    served.client.post("models?name=evening", content=SHIPPED.read_bytes())
    row = served.client.post("models/evening/rename", params={"to": "kitchen"}).json()
    assert (row["name"], row["fits"], row["shipped"]) == ("kitchen", True, False)
    assert served.client.delete("models/kitchen").json() == {"trashed": "kitchen"}
    assert [row["name"] for row in served.client.get("models").json()] == ["simulated-lane"]
    assert served.client.post("models/kitchen/restore").json()["name"] == "kitchen"
    served.refused("POST", "models/kitchen/restore", 404, "trash")


def test_what_drives_now_or_after_the_next_start_and_what_ships_stays(served: Served) -> None:
    for name in ("evening", "noon"):
        served.client.post(f"models?name={name}", content=SHIPPED.read_bytes())
    served.client.post("models/evening/activate")
    path = served.folder.path / "car.toml"
    path.write_text(path.read_text().replace('"evening"', '"noon"'))
    for name, words in (("evening", "drives with"), ("noon", "drives with"), ("simulated-lane", "ships")):
        served.refused("DELETE", f"models/{name}", 409, words)
        served.refused("POST", f"models/{name}/rename?to=other", 409, words)
    assert sorted(path.name for path in served.folder.models_dir.iterdir()) == ["evening.tflite", "noon.tflite"]


def test_no_rename_or_deletion_reaches_another_file(served: Served) -> None:
    for name in ("evening", "noon"):
        served.client.post(f"models?name={name}", content=SHIPPED.read_bytes())
    served.refused("POST", "models/evening/rename?to=noon", 409, "already")
    served.refused("POST", "models/evening/rename?to=..%2Fcar", 409, "cannot be called")
    served.refused("POST", "models/evening/rename?to=", 422)
    served.refused("POST", "models/lost/rename?to=found", 404, "lost")
    served.refused("DELETE", "models/..%2Fcar", 404)
    served.refused("DELETE", "models/lost", 404, "lost")
    assert sorted(path.name for path in served.folder.models_dir.iterdir()) == ["evening.tflite", "noon.tflite"]
