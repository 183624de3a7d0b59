"""What a browser says on the drive socket; whatever else comes is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter

from car.gate import Mode

MAX_CLIENT_MS = 1e12
MAX_NUMBER = 2**53

Unit = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
ClientMs = Annotated[float, Field(ge=0, le=MAX_CLIENT_MS, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0, le=MAX_NUMBER)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sample(_Message):
    """What the driver holds, by the client's own clock; ``held`` is its hold button where there is one.

    ``limit`` is the throttle that the driver allows a pilot at most. ``pressed`` says that the throttle's stick is not
    at neutral, however little of it ``throttle`` has.
    """

    type: Literal["sample"]
    seq: Number
    client_ms: ClientMs
    steering: Unit
    throttle: Unit
    held: bool = True
    limit: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    pressed: bool = False


class Pong(_Message):
    """The answer to a ping, and the client's clock when it was given."""

    type: Literal["pong"]
    id: Number
    client_ms: ClientMs


class Arm(_Message):
    """Arm in a mode; calibration needs the driver's word that the wheels are up."""

    type: Literal["arm"]
    mode: Mode
    wheels_up: bool = False


class ChangeMode(_Message):
    """Another mode, please."""

    type: Literal["mode"]
    mode: Mode


class Act(_Message):
    """Something that needs no more words."""

    type: Literal["stop", "disarm", "take_over", "let_go"]


class Record(_Message):
    """Switch the recorder on or off."""

    type: Literal["record"]
    on: bool


class Erase(_Message):
    """Leave the latest seconds out of the recording."""

    type: Literal["erase"]
    seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class CrossLine(_Message):
    """The car crosses the start line now, by the client's own clock."""

    type: Literal["lap"]
    client_ms: ClientMs


class TryOutput(_Message):
    """Show on the wheels what a value of the calibration does; it has to be said again while it is held."""

    type: Literal["try_output"]
    name: Annotated[str, Field(max_length=64)]
    value: StrictBool | Annotated[float, Field(allow_inf_nan=False)]


class EnterTrack(_Message):
    """Carry a simulated car to the start of a track."""

    type: Literal["enter_track"]
    track: Annotated[str, Field(max_length=1024)]


DriveMessage = Annotated[
    Sample | Pong | Arm | ChangeMode | Act | Record | Erase | CrossLine | TryOutput | EnterTrack,
    Field(discriminator="type"),
]
DRIVE_MESSAGES: TypeAdapter[DriveMessage] = TypeAdapter(DriveMessage)


class NextFrame(_Message):
    """The last frame is painted; the next may be up to ``width`` pixels wide."""

    type: Literal["next"]
    width: Annotated[int, Field(ge=1, le=4096)]


NEXT_FRAME: TypeAdapter[NextFrame] = TypeAdapter(NextFrame)
