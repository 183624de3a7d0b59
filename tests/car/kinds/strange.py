"""Kinds that no package of ours has, some of them broken; entry points in tests name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from car.kinds import (
    Calibration,
    CalibrationField,
    CameraGeometry,
    CameraKind,
    CameraSection,
    Clock,
    Command,
    Drivetrain,
    DrivetrainKind,
    DrivetrainSection,
    Output,
    Pilot,
    PilotKind,
    PilotSection,
    registry,
)
from hardware.drivetrains.timeline import TimelineDrivetrain


class FakePackage:
    """An installed package with these kinds, all in this file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._found: list[_Entry] = []
        monkeypatch.setattr(registry, "entry_points", self._entries)

    def offer(self, group: str, name: str, class_name: str, package: str = "strange-parts") -> None:
        self._found.append(_Entry(f"pocketpilot.{group}", name, class_name, package))

    def _entries(self, group: str) -> list[_Entry]:
        return [entry for entry in self._found if entry.group == group]


class _Entry:
    """As importlib.metadata gives it."""

    def __init__(self, group: str, name: str, class_name: str, package: str) -> None:
        self.group, self.name, self.value = group, name, class_name
        self.dist = _Package(package)
        self.module = __name__

    def load(self) -> Any:
        if self.value == "exit":
            raise SystemExit("it ends whoever imports it")
        return globals()[self.value]


class _Package:
    def __init__(self, name: str) -> None:
        self.name = name


class WinchCalibration(Calibration):
    slack_mm: float = 3.0

    def on_full_scale(self) -> Self:
        return self.model_copy(update={"slack_mm": 0.0})


class WinchSection(DrivetrainSection):
    rope_m: float = 1.0


class WinchKind(DrivetrainKind[WinchSection, WinchCalibration]):
    """It has something to calibrate that no drivetrain of ours has."""

    section = WinchSection
    calibration = WinchCalibration

    def open(self, section: WinchSection, calibration: WinchCalibration, clock: Clock) -> Drivetrain:
        return TimelineDrivetrain(clock)

    def fields(self, section: WinchSection, calibration: WinchCalibration) -> Sequence[CalibrationField]:
        words = "How far the rope gives."
        return [CalibrationField("slack_mm", "Slack", "rope", calibration.slack_mm, words, _pull, 0.0, 9.0, 0.1, "mm")]

    def recalibrate(self, drivetrain: Drivetrain, calibration: WinchCalibration) -> None:
        drivetrain.neutral()


def _pull(scale: WinchCalibration, value: float) -> Command:
    return Command(0.5, value - scale.slack_mm)


class SledgeKind(DrivetrainKind[DrivetrainSection, Calibration]):
    """It has nothing to calibrate."""

    section = DrivetrainSection

    def open(self, section: DrivetrainSection, calibration: Calibration, clock: Clock) -> Drivetrain:
        return TimelineDrivetrain(clock)


class MuteKind(SledgeKind):
    """Its neutral is of a kind that nobody can write."""

    def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[Output]:
        return [{"kind": "shout", "words": "stop"}]


class CursedKind(SledgeKind):
    """Nothing of it works."""

    def open(self, section: DrivetrainSection, calibration: Calibration, clock: Clock) -> Drivetrain:
        raise ZeroDivisionError("no rope")

    def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[Output]:
        raise KeyError("rope")


class ObjectOutputsKind(SledgeKind):
    """Its neutral is no plain data."""

    def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[Output]:
        return [{"kind": "bytes", "path": Path("port"), "text": "stop"}]


class BlindKind(CameraKind[CameraSection]):
    """It has no way to open it, and so it is none."""

    section = CameraSection


class NoSectionKind(PilotKind[PilotSection]):
    """It has no section."""

    def open(self, section: PilotSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
        raise NotImplementedError


class DemandingSection(PilotSection):
    """It has a key without a default."""

    rope_m: float


class DemandingKind(PilotKind[DemandingSection]):
    """It cannot drive by its name alone."""

    section = DemandingSection

    def open(self, section: DemandingSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
        raise NotImplementedError
