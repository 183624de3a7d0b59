"""Kinds are found by name: ours, a stranger's, and none where there is none or it is broken."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from car.kinds import PluginError, UnknownKind
from car.kinds.calibration import Calibration
from car.kinds.camera import CameraKind, CameraSection
from car.kinds.ours import CAMERAS, DRIVETRAINS, PILOTS, SENSORS
from car.kinds.pilot import PilotKind, PilotSection
from car.kinds.registry import Registry
from car.kinds.sensor import SensorKind, SensorSection
from tests.car.kinds.strange import FakePackage


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> FakePackage:
    for registry in (CAMERAS, DRIVETRAINS, SENSORS, PILOTS):
        monkeypatch.setattr(registry, "_found", {})
    return FakePackage(monkeypatch)


OURS = [(registry, name) for registry in (CAMERAS, DRIVETRAINS, PILOTS) for name in registry._ours]


@pytest.mark.parametrize(("registry", "name"), OURS, ids=lambda value: value if isinstance(value, str) else "")
def test_each_of_ours_is_what_its_table_says(registry: Registry[Any], name: str) -> None:
    kind = registry.find(name)
    assert (kind.name, kind.package) == (name, "")
    assert kind is registry.find(name)


def test_ours_are_found_without_a_look_at_the_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("car.kinds.registry.entry_points", None)
    assert CAMERAS.find("usb").name == "usb"


def test_a_strangers_kind_is_found_with_its_package(package: FakePackage) -> None:
    package.offer("drivetrains", "sledge", "SledgeKind")
    kind = DRIVETRAINS.find("sledge")
    assert (kind.name, kind.package) == ("sledge", "strange-parts")
    assert DRIVETRAINS.names() == ["simulated", "servo_esc", "differential", "sledge"]
    assert DRIVETRAINS.packages() == {"sledge": "strange-parts"}


def test_a_stranger_cannot_take_the_place_of_one_of_ours(package: FakePackage) -> None:
    package.offer("drivetrains", "servo_esc", "SledgeKind")
    assert DRIVETRAINS.find("servo_esc").package == ""
    assert DRIVETRAINS.names() == ["simulated", "servo_esc", "differential"]
    assert DRIVETRAINS.packages() == {}


@pytest.mark.parametrize("name", ["sleigh", "", None, 3, ["usb"]])
def test_an_unknown_kind_is_answered_with_what_there_is(package: FakePackage, name: object) -> None:
    package.offer("cameras", "eye", "BlindKind")
    with pytest.raises(UnknownKind, match="choose simulated, picamera, usb or eye"):
        CAMERAS.find(name)


def test_where_there_is_nothing_to_choose_from_the_choice_says_where_to_read(package: FakePackage) -> None:
    sensors: Registry[Any] = Registry("pocketpilot.sensors", SensorKind, SensorSection, {})
    with pytest.raises(UnknownKind, match=r"docs/extending\.md"):
        sensors.find("radar")


@pytest.mark.parametrize(
    ("group", "class_name", "words"),
    [
        ("cameras", "BlindKind", "open"),
        ("cameras", "SledgeKind", r"derives from car\.kinds\.CameraKind"),
        ("cameras", "FakePackage", r"derives from car\.kinds\.CameraKind"),
        ("cameras", "_pull", r"derives from car\.kinds\.CameraKind"),
        ("cameras", "Gone", "Gone"),
        ("cameras", "exit", "SystemExit"),
        ("pilots", "NoSectionKind", r"car\.kinds\.PilotSection"),
    ],
)
def test_a_broken_kind_is_one_sentence_with_its_package(
    package: FakePackage, group: str, class_name: str, words: str
) -> None:
    package.offer(group, "odd", class_name)
    with pytest.raises(PluginError, match=words) as caught:
        {"cameras": CAMERAS, "pilots": PILOTS}[group].find("odd")  # type: ignore[attr-defined]
    assert "The kind odd of the package strange-parts" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_kind_that_two_packages_have_is_refused_with_both(package: FakePackage) -> None:
    package.offer("drivetrains", "sledge", "SledgeKind", "snow-parts")
    package.offer("drivetrains", "sledge", "SledgeKind", "ice-parts")
    with pytest.raises(PluginError, match="ice-parts and snow-parts"):
        DRIVETRAINS.find("sledge")


def test_the_sections_of_the_tables_are_the_contracts() -> None:
    assert (CAMERAS._section, PILOTS._section) == (CameraSection, PilotSection)
    assert (CAMERAS._base, PILOTS._base) == (CameraKind, PilotKind)


def test_a_kind_loads_neither_pins_nor_a_runtime() -> None:
    code = (
        "import sys; from car.config.sections import CarConfig;"
        "CarConfig.model_validate({'drivetrain': {'kind': 'servo_esc'}, 'camera': {'kind': 'picamera'}});"
        "print(sorted(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = ("cv2", "gpiozero", "smbus2", "ai_edge_litert", "tflite_runtime", "picamera2", "fastapi")
    assert not [name for name in heavy if f"'{name}'" in printed]


def test_a_calibration_is_its_own_full_scale_unless_its_kind_says_more() -> None:
    assert Calibration().on_full_scale() == Calibration()
