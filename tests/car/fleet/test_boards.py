"""The best laps and the best scores of a class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from car.fleet.lap_board import Lap, LapBoard
from car.fleet.scores import scores_of
from car.fleet.standing import Laps, Standing
from car.gate import GateState
from models.loader import append_card, read_card
from tests.car.remote.test_push import SHIPPED


def state(last_lap_s: float | None, mode: str = "manual", track: str = "oval", driver: str = "") -> Standing:
    return Standing(
        car="car-1",
        gate=GateState.ARMED,
        track=track,
        mode=mode,
        pilot_name="lane",
        driver_name=driver,
        odometry=Laps(last_lap_s=last_lap_s),
    )


def test_each_driver_of_a_car_has_a_best_lap_on_each_track() -> None:
    board = LapBoard()
    for said in (
        state(None),
        state(9.0),
        state(9.0),
        state(8.0),
        state(8.5),
        state(7.0, "auto"),
        state(12.0, track="home"),
        state(6.5, driver="Ada"),
        Standing(car="car-1", gate=GateState.ARMED),
    ):
        board.note("192.0.2.1:8887", said)
    assert board.laps() == [
        Lap("home", 12.0, "car-1", "by hand"),
        Lap("oval", 6.5, "car-1", "Ada"),
        Lap("oval", 7.0, "car-1", "lane"),
        Lap("oval", 8.0, "car-1", "by hand"),
    ]


def test_models_stand_by_their_score_and_those_without_one_do_not(tmp_path: Path) -> None:
    card = read_card(SHIPPED)
    assert card is not None
    exams: dict[str, dict[str, float | str]] = {
        "fair": {"score": 60.5, "version": "2"},
        "good": {"score": 90, "version": "2"},
        "new": {},
    }
    for name, exam in exams.items():
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(SHIPPED.read_bytes())
        append_card(path, replace(card, exam=exam))
    (tmp_path / "damaged.tflite").write_bytes(b"half")
    assert [(score.model, score.score) for score in scores_of(tmp_path)] == [("good", 90.0), ("fair", 60.5)]
