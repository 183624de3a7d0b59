"""What hardware/README.md gives to copy works; it leaves out no key of ``car.toml``."""

import re
import tomllib
from pathlib import Path

import pytest

from car.config.sections import CarConfig, ObstacleSection, ReceiverSection, SpeedSection, SupplySection
from car.kinds.differential import DifferentialSection
from car.kinds.encoder import EncoderSection
from car.kinds.hc_sr04 import HcSr04Section
from car.kinds.ina219 import Ina219Section
from car.kinds.ours import CalibrationSection
from car.kinds.section import Section
from car.kinds.servo_esc import ServoEscSection
from car.kinds.vl53l1x import Vl53l1xSection

README = Path(__file__).parents[2] / "hardware/README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [found[1] for found in re.finditer(rf"^ *```{language}\n(.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_car_toml_that_it_gives_is_one(block: str) -> None:
    config = CarConfig.model_validate(tomllib.loads(block))
    assert config.camera.kind == "picamera"


def test_each_car_on_it_has_real_wheels() -> None:
    cars = [
        CarConfig.model_validate(content)
        for block in blocks("toml")
        if "drivetrain" in (content := tomllib.loads(block))
    ]
    assert [car.drivetrain.kind for car in cars] == ["servo_esc", "servo_esc", "differential", "differential"]


SECTIONS = [
    ServoEscSection,
    DifferentialSection,
    CalibrationSection,
    HcSr04Section,
    Vl53l1xSection,
    Ina219Section,
    ObstacleSection,
    SupplySection,
    EncoderSection,
    SpeedSection,
    ReceiverSection,
]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_hardware_readme_names_every_key(section: type[Section]) -> None:
    missing = [key for key in section.model_fields if f"`{key}`" not in TEXT and key != "kind"]
    assert not missing


@pytest.mark.parametrize("drawing", sorted(README.parents[1].glob("docs/images/*.svg")), ids=lambda path: path.stem)
def test_the_hardware_drawings_have_their_colours_in_viewers_that_are_no_browsers(drawing: Path) -> None:
    assert "var(" not in drawing.read_text(encoding="utf-8"), "CSS variables are black there"


def prices(heading: str) -> list[int]:
    """Return what the parts in the table below a heading cost, in dollars."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [int(price) for price in re.findall(r"^\|.*\| \$(\d+) \|$", section, re.MULTILINE)]


def test_both_cars_cost_what_is_promised_and_both_readmes_say_so() -> None:
    shared = sum(prices("What both need"))
    totals = [
        shared + sum(prices("Car one: servo and ESC")),
        shared + sum(prices("Car two: two motors and an H-bridge")),
    ]
    assert all(100 < total <= 200 for total in totals)
    assert f"| total | about ${totals[0]} | about ${totals[1]} |" in TEXT
    street = (README.parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"[${totals[1]} to ${totals[0]} in all]" in street
    table = street.partition("\n## What to buy\n")[2].partition("\n## ")[0]
    rows = [[int(price) for price in found] for found in re.findall(r"\| \$(\d+) \| \$(\d+) \|$", table, re.MULTILINE)]
    assert [sum(row[car] for row in rows) for car in (0, 1)] == totals
    (promised,) = re.findall(r"\| \*\*typically.*\| \*\*\$(\d+)\*\* \| \*\*\$(\d+)\*\* \|", table)
    assert [int(total) for total in promised] == totals
