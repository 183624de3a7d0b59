"""``car exam``: what it refuses, and what is shown and kept of a drive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.errors import TrainingError
from car.kinds.camera import CameraSection
from car.kinds.pilot import SHIPPED_PILOT, PilotSection
from car.pilots.find import find_model
from models.loader import _split, read_card
from simulator.scenario import Scenario
from tests.system.car_process import assert_refused, run_car
from tests.training.exam.test_score import EXPERT
from training.exam import command
from training.exam.drive import Candidate
from training.exam.films import film_worst
from training.exam.paper import Task, exam_tasks
from training.exam.run import Answer, Result


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], ["There is no model nobody", "line-follower, straight-ahead"]),
        (["simulated-lane", "--level", "moon"], ["no level moon", "home, hall or race"]),
        (["simulated-lane", "--level", "home", "--save"], ["all three levels", "--level or --save"]),
        (["line-follower", "--save"], ["line-follower is no model", "--save"]),
        (["simulated-lane", "--cluster", "127.0.0.1:6379", "--workers", "2"], ["--workers or --cluster"]),
        (["line-follower", "--films", "broken.tflite"], ["No film can be written to broken.tflite"]),
        (["broken.tflite"], ["broken.tflite: this is not a TFLite model"]),
    ],
    ids=lambda value: value[0],
)
def test_what_cannot_be_examined_is_refused_before_anything_drives(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"no model at all")
    assert_refused(run_car("exam", *arguments, cwd=tmp_path), *words)


def test_a_model_without_a_card_is_refused_before_anything_drives(tmp_path: Path) -> None:
    plain = tmp_path / "plain.tflite"
    with find_model(SHIPPED_PILOT, tmp_path).open("rb") as file:
        plain.write_bytes(_split(file.read())[0])
    with pytest.raises(TrainingError, match=r"plain\.tflite has no model card to write to"):
        command.check_results_can_be_kept([plain], None)


def test_a_film_that_is_there_stays(tmp_path: Path) -> None:
    config = CarConfig(camera=CameraSection(width=32, height=24))
    candidate = Candidate("straight-ahead", PilotSection(kind="straight-ahead"))
    expert = replace(EXPERT, way_m=1.0, time_s=2.0)
    result = Result(candidate, (Answer(Task("home", 1, Scenario("oval", max_speed_m_s=0.8)), expert, expert),))
    there = tmp_path / "straight-ahead-home-1.webm"
    there.write_bytes(b"mine")
    (film,) = film_worst(result, config, tmp_path)
    assert film.name == "straight-ahead-home-1-2.webm"
    assert film.stat().st_size > 0
    assert there.read_bytes() == b"mine"


def test_the_shipped_pilot_sits_a_task_and_its_card_keeps_the_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one_task(level: str) -> tuple[Task, ...]:
        return exam_tasks("home", 2)[1:]

    monkeypatch.setattr(command, "exam_tasks", one_task)
    model = tmp_path / "copy.tflite"
    model.write_bytes(find_model(SHIPPED_PILOT, tmp_path).read_bytes())
    candidate = Candidate("copy", PilotSection(model=str(model)), tmp_path)
    (result,) = command.examine_and_show([candidate], CarConfig(), ["home"], workers=1)
    assert "copy in exam 1" in capsys.readouterr().out
    assert result.score.points > 50.0
    command.save_to_card(result, model, CarConfig(), "car exam copy --save")
    card = read_card(model)
    assert card is not None
    assert card.exam["home"] == round(result.scores["home"].points, 2)
    assert card.exam["command"] == "car exam copy --save"
    assert card.closed_loop, "what it had on its card stays"


def test_the_card_names_the_camera_that_the_exam_was_driven_with() -> None:
    result = Result(Candidate("expert", None), (Answer(Task("home", 1, Scenario("oval")), EXPERT, EXPERT),))

    def camera(section: CameraSection) -> float | str:
        return command.exam_of_card(result, CarConfig(camera=section), "car exam")["camera"]

    assert camera(CameraSection()) == "160x120 rectilinear, 100°, 0.13 m high, pitch 20°, 30 Hz"
    assert camera(CameraSection(model="pi-camera-3", rate_hz=50.0)) == (
        "pi-camera-3, 160x120 rectilinear, 51.9°, 0.13 m high, pitch 20°, 50 Hz, frames 22 ms late"
    )
