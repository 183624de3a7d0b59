"""What docs/extending.md gives to copy works, and is short."""

from __future__ import annotations

import contextlib
import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from car.assembly.devices import neutral_outputs, open_devices
from car.config.sections import CarConfig
from car.kinds import registry
from car.pilots.choosing import choose_pilot, open_chosen
from car.runs.simulation import Goal, run_simulation
from hardware.camera import Frame
from hardware.clock import SystemClock
from hardware.drivetrain import Command
from hardware.neutral import write_neutral
from simulator.scenario import Scenario

TEXT = (Path(__file__).parents[2] / "docs/extending.md").read_text(encoding="utf-8")
MAX_LINES = 30


def blocks(language: str) -> list[str]:
    return [found[1] for found in re.finditer(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)]


EXAMPLES = [block for block in blocks("python") if "class " in block]
CHECKS = [block for block in blocks("python") if "class " not in block]
PROJECT, CAR = (tomllib.loads(block) for block in blocks("toml"))


@pytest.fixture(scope="module")
def package() -> Any:
    """The four examples in one module, installed as their pyproject.toml says."""
    entries = [
        EntryPoint(name, value, group)
        for group, table in PROJECT["project"]["entry-points"].items()
        for name, value in table.items()
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", lambda group: [each for each in entries if each.group == group])
        yield patch


@pytest.fixture
def module(package: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "my_parts.py").write_text("\n".join(EXAMPLES), encoding="utf-8")
    package.syspath_prepend(tmp_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=["camera", "drivetrain", "sensor", "pilot"])
def test_each_example_has_at_most_30_lines_of_code(example: str) -> None:
    assert len([line for line in example.splitlines() if line.strip()]) <= MAX_LINES


@pytest.mark.parametrize("number", range(4), ids=["camera", "drivetrain", "sensor", "pilot"])
def test_each_example_keeps_every_promise_of_its_sort(number: int, tmp_path: Path) -> None:
    namespace: dict[str, object] = {"__name__": "my_parts"}
    exec(compile(EXAMPLES[number] + CHECKS[number], "extending.md", "exec"), namespace)  # noqa: S102


@pytest.mark.usefixtures("module")
def test_the_car_toml_of_the_examples_is_a_car_that_can_be_driven_and_stopped(tmp_path: Path) -> None:
    port = tmp_path / "ttyACM0"
    port.touch()
    config = CarConfig.model_validate({**CAR, "drivetrain": {**CAR["drivetrain"], "port": str(port)}})
    with contextlib.closing(open_devices(config, SystemClock())) as devices:
        assert isinstance(devices.camera.next_frame(1000), Frame)
        assert devices.drivetrain.apply(Command(0.5, 0.1)) == Command(0.5, 0.1)
        reading = devices.sensors["card"].read()
        assert reading is not None
        assert reading.values["free_gb"] > 0
    assert port.read_text("utf-8") == "0 0\n50 10\n0 0\n"
    assert write_neutral(neutral_outputs(config)) == []
    assert port.read_text("utf-8") == "0 0\n50 10\n0 0\n0 0\n"


@pytest.mark.usefixtures("module")
def test_the_pilot_of_the_examples_drives_the_oval(tmp_path: Path) -> None:
    config = CarConfig.model_validate({"pilot": CAR["pilot"]})
    section = choose_pilot("yellow_line", config.pilot, tmp_path)
    with open_chosen(section, config.camera.geometry, tmp_path) as pilot:
        simulation = run_simulation(config, Scenario("oval"), Goal(laps=1), pilot=pilot)
    assert simulation.lap_count.laps == 1
