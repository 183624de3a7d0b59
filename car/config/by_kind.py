"""Sections of ``car.toml`` whose keys depend on a kind: the kind of the same section, or that of the drivetrain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, SerializeAsAny, ValidationInfo
from pydantic_core import PydanticCustomError

from car.kinds.calibration import Calibration
from car.kinds.camera import CameraSection
from car.kinds.drivetrain import DrivetrainSection
from car.kinds.ours import CAMERAS, DRIVETRAINS, PILOTS, SENSORS, CalibrationSection, calibration_of
from car.kinds.pilot import PilotSection
from car.kinds.registry import Registry, UnknownKind
from car.kinds.section import Section
from car.kinds.sensor import SensorSection

UNKNOWN_KIND = "unknown_kind"

_REGISTRIES: Mapping[str, tuple[Registry[Any], str | None]] = {
    "camera": (CAMERAS, "simulated"),
    "drivetrain": (DRIVETRAINS, "simulated"),
    "pilot": (PILOTS, "tflite"),
    "sensors": (SENSORS, None),
}
"""Each section that has a kind, where that is found, and the kind that it need not say."""


def _by_kind(name: str) -> Callable[[Any], Any]:
    """Return what checks a section by the class that its kind has."""
    registry, default = _REGISTRIES[name]

    def checked(content: Any) -> Any:
        if isinstance(content, Section):
            return content
        try:
            kind = registry.find(content.get("kind", default) if isinstance(content, dict) else content)
        except UnknownKind as problem:
            raise PydanticCustomError(UNKNOWN_KIND, "{choice}", {"choice": str(problem)}) from None
        return kind.section.model_validate(content)

    return checked


def _calibration(content: Any, info: ValidationInfo) -> Any:
    """Check a calibration by the class that the drivetrain's kind has."""
    drivetrain = info.data.get("drivetrain")
    calibration = CalibrationSection if drivetrain is None else calibration_of(DRIVETRAINS.find(drivetrain.kind))
    if isinstance(content, Calibration):
        return content if isinstance(content, calibration) else calibration()
    return calibration.model_validate(_without_ours(content, calibration))


def _without_ours(content: Any, calibration: type[Calibration]) -> Any:
    """Leave out what was found for one of our drivetrains, on a car that has another one now."""
    if not isinstance(content, dict):
        return content
    ours = CalibrationSection.model_fields.keys() - calibration.model_fields.keys()
    return {key: value for key, value in content.items() if key not in ours}


CameraByKind = Annotated[SerializeAsAny[CameraSection], BeforeValidator(_by_kind("camera"))]
DrivetrainByKind = Annotated[SerializeAsAny[DrivetrainSection], BeforeValidator(_by_kind("drivetrain"))]
CalibrationByKind = Annotated[SerializeAsAny[Calibration], BeforeValidator(_calibration), Field(validate_default=True)]
SensorByKind = Annotated[SerializeAsAny[SensorSection], BeforeValidator(_by_kind("sensors"))]
PilotByKind = Annotated[SerializeAsAny[PilotSection], BeforeValidator(_by_kind("pilot"))]


def section_class(location: Sequence[str], content: Mapping[str, Any]) -> type[BaseModel] | None:
    """Return the class by which the section at ``location`` of ``content`` was checked, None if it is the same for all.

    Its kind is known: it was found before its keys were looked at.
    """
    if location[0] == "calibration":
        kind = _kind_at(["drivetrain"], content)
        return None if kind is None else calibration_of(kind)
    kind = _kind_at(location, content)
    return None if kind is None else kind.section


def _kind_at(location: Sequence[str], content: Mapping[str, Any]) -> Any:
    registry, default = _REGISTRIES.get(location[0], (None, None))
    section: Any = content
    for part in location:
        section = section.get(part, {}) if isinstance(section, Mapping) else {}
    try:
        return None if registry is None else registry.find(section.get("kind", default))
    except UnknownKind:
        return None
