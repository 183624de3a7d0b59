"""Trainings over HTTP: begun with the sessions that were chosen, watched, stopped."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from car.pilots.trainer import Trainer, TrainingStatus
from car.web.problems import PROBLEMS
from car.web.sessions import Library

router = APIRouter(tags=["training"], responses=PROBLEMS)


class Lesson(BaseModel):
    """What to learn from: sessions by name, and whether from the takeovers in them."""

    model_config = ConfigDict(extra="forbid")

    sessions: Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=1000)]
    from_takeovers: bool = False


def trainer_of(request: Request) -> Trainer:
    """Return where the car's pilots are trained; for ``Depends``."""
    return cast(Trainer, request.app.state.trainer)


CarTrainer = Annotated[Trainer, Depends(trainer_of)]


@router.get("/training")
def show_training(trainer: CarTrainer) -> TrainingStatus:
    """Return how the latest training stands."""
    return trainer.status()


@router.post("/training", status_code=202)
def start_training(trainer: CarTrainer, library: Library, lesson: Lesson) -> TrainingStatus:
    """Train a pilot on a laptop, in the background; one at a time."""
    return trainer.start([library.path(name) for name in lesson.sessions], from_takeovers=lesson.from_takeovers)


@router.delete("/training")
def stop_training(trainer: CarTrainer) -> TrainingStatus:
    """Stop it; nothing is left of it."""
    return trainer.stop()
