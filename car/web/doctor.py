"""The doctor over HTTP."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends

from car.doctor.examination import examine
from car.doctor.report import SCHEMA, Finding
from car.kinds.verdict import Level
from car.web.context import LibraryContext, library_context_of
from car.web.problems import PROBLEMS

router = APIRouter(tags=["car"], responses=PROBLEMS)
_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class Examination:
    """What ``car doctor --json`` prints."""

    schema: int
    level: Level
    car: str
    machine: str
    is_pi: bool
    version: str
    findings: tuple[Finding, ...]


@router.get("/doctor")
def examine_car(context: Annotated[LibraryContext, Depends(library_context_of)]) -> Examination:
    """Go through all that may be wrong with the car, which takes a second or two."""
    # One at a time: it measures how fast the disk and the pilot are.
    with _turn:
        report = examine(context.folder.path)
    return Examination(SCHEMA, report.level, report.car, report.machine, report.is_pi, report.version, report.findings)
