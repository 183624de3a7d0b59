"""Calibration over HTTP: what there is to calibrate, and saving it; values are tried out through the drive channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Depends
from pydantic import Field, StrictBool

from car.calibration import calibration_fields, save_calibration
from car.config.plain import CONFIG_NAME
from car.config.sections import load_config
from car.kinds.calibration import CalibrationField, Value
from car.web.context import LibraryContext, library_context_of
from car.web.problems import PROBLEMS

MAX_CHANGES = 32

router = APIRouter(tags=["calibration"], responses=PROBLEMS)
Context = Annotated[LibraryContext, Depends(library_context_of)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One value to calibrate: a number from ``min`` to ``max``, or yes and no."""

    name: str
    label: str
    output: str
    value: Value
    help: str
    min: float
    max: float
    step: float
    unit: str


@dataclass(frozen=True, slots=True)
class CalibrationRows:
    """All values to calibrate on this car, none where there is nothing to calibrate, and when they were last saved."""

    calibrated: date | None
    fields: list[FieldRow]


@router.get("/calibration")
def show_calibration(context: Context) -> CalibrationRows:
    """Return what there is to calibrate, as it is saved."""
    config = load_config(context.folder.path / CONFIG_NAME)
    return CalibrationRows(config.calibration.calibrated, [_row(field) for field in calibration_fields(config)])


@router.post("/calibration")
def change_calibration(
    context: Context,
    changes: Annotated[dict[str, StrictBool | Number], Body(min_length=1, max_length=MAX_CHANGES)],
) -> CalibrationRows:
    """Save some values, or all; they count from the next time that somebody arms the car."""
    save_calibration(context.folder.path / CONFIG_NAME, changes)
    return show_calibration(context)


def _row(field: CalibrationField) -> FieldRow:
    return FieldRow(
        name=field.name,
        label=field.label,
        output=field.output,
        value=field.value,
        help=field.help,
        min=field.minimum,
        max=field.maximum,
        step=field.step,
        unit=field.unit,
    )
