"""What ``car.toml`` says of the car."""

from __future__ import annotations

from collections.abc import Iterator

from car.doctor.patient import Patient
from car.doctor.report import Verdict, error, ok, split_advice
from car.neutral import CONFIG_NAME


def configuration(patient: Patient) -> Iterator[Verdict]:
    """Whether car.toml says what it may."""
    if patient.problem:
        yield error(*split_advice(patient.problem))
    else:
        yield ok(f"{patient.folder / CONFIG_NAME} is in order.")
