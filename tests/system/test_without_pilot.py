"""A car whose camera fits no pilot is driven by hand and recorded; assist and auto say why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from car.gate import ArmRefusal
from tests.system.browser import Browser
from tests.system.car_process import DrivingCar, assert_refused, run_car

WIDE = "[camera]\nwidth = 320\nheight = 180\n[web]\nannounce = false\n"
NONE = '[pilot]\nmodel = ""\n[web]\nannounce = false\n'
GONE = '[pilot]\nmodel = "gone"\n[web]\nannounce = false\n'
DAMAGED = '[pilot]\nmodel = "damaged"\n[web]\nannounce = false\n'


def make_car(folder: Path, text: str) -> None:
    (folder / "mycar").mkdir()
    (folder / "mycar" / "car.toml").write_text(text, encoding="utf-8")
    (folder / "mycar" / "models").mkdir()
    (folder / "mycar" / "models" / "damaged.tflite").write_bytes(b"half a model")


@pytest.mark.parametrize("text", [WIDE, NONE, GONE, DAMAGED])
def test_a_car_without_a_pilot_that_fits_drives_by_hand(tmp_path: Path, text: str) -> None:
    make_car(tmp_path, text)
    with DrivingCar(tmp_path, headless=False) as car, Browser(car.port) as browser:
        browser.is_refused("auto", ArmRefusal.NO_PILOT.value)
        browser.wait_for_state(gate="disarmed", mode="manual", refusal=ArmRefusal.NO_PILOT.value)
        browser.arm("manual")
        browser.say(type="mode", mode="assist")
        browser.wait_for_state(gate="armed", mode="manual", refusal=ArmRefusal.NO_PILOT.value)
        car.wait_until_recorded(10_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [(WIDE, ["160x120", "320x180"]), (NONE, ["model is empty"]), (GONE, ["gone"]), (DAMAGED, ["damaged"])],
)
def test_a_headless_car_needs_its_pilot(tmp_path: Path, text: str, words: list[str]) -> None:
    make_car(tmp_path, text)
    assert_refused(run_car("drive", "--headless", cwd=tmp_path), *words)
