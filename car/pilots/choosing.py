"""Which pilot is meant: a model's name, a kind's name, or what ``car.toml`` says; and opening it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from car.errors import CarError
from car.kinds.ours import PILOTS
from car.kinds.pilot import TFLITE, Pilot, PilotKind, PilotSection
from car.kinds.registry import PluginError
from car.pilots.find import find_model
from hardware.camera import CameraGeometry
from hardware.errors import HardwareError
from models.errors import ModelError


def choose_pilot(name: str | None, configured: PilotSection, car_dir: Path) -> PilotSection:
    """Return the section of the pilot that ``name`` means, by default the ``configured`` one.

    It means the same from any folder. A name is a ``.tflite`` file's, or else a kind's that needs no model.
    Raises ModelError with what there is when it is neither.
    """
    section = configured if name is None else _named(name, configured, car_dir)
    anchored: PilotSection = _kind(section.kind).anchored(section, car_dir)
    return anchored


def open_chosen(section: PilotSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
    """Open the pilot of ``section`` for a camera; raises ModelError, and whatever error its kind has in words."""
    kind = _kind(section.kind)
    try:
        pilot: Pilot = kind.open(section, camera, car_dir)
    except (ModelError, HardwareError, CarError):
        raise
    except Exception as error:
        raise ModelError(
            f"The {section.kind} pilot cannot be opened ({error!r}). Check [pilot] in car.toml, or choose another."
        ) from error
    return pilot


def _named(name: str, configured: PilotSection, car_dir: Path) -> PilotSection:
    try:
        find_model(name, car_dir)
    except ModelError as error:
        kinds = [kind for kind in PILOTS.names() if kind != TFLITE]
        if name in kinds:
            return configured if configured.kind == name else _by_default(name)
        raise ModelError(f"{error} Or a kind of pilot without a model: {', '.join(kinds)}.") from error
    return PilotSection(model=name)


def _by_default(kind: str) -> PilotSection:
    try:
        section: PilotSection = _kind(kind).section.model_validate({"kind": kind})
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ModelError(f"A {kind} pilot needs its key {key}. Set it in [pilot] of car.toml.") from error
    return section


def _kind(name: str) -> PilotKind[Any]:
    try:
        return PILOTS.find(name)
    except (PluginError, LookupError) as error:
        raise ModelError(f"{error}") from error
