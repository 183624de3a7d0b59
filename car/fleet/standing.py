"""How a car stands, by its own word: what the fleet's page shows of that, and nothing that would break the page."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from car.gate import GateState
from car.pairing.printable import printable

MAX_WORDS = 200

Words = Annotated[str, AfterValidator(lambda words: printable(words)[:MAX_WORDS])]
Figure = Annotated[float, Field(allow_inf_nan=False)]


class Laps(BaseModel):
    """The last and the best lap in seconds, None before the first."""

    last_lap_s: Figure | None = None
    best_lap_s: Figure | None = None


class Supply(BaseModel):
    """The voltage that a car's sensor measures."""

    voltage_v: Figure


class Telemetry(BaseModel):
    """What a car tells of itself, where it has a sensor for it."""

    supply: Supply | None = None


class Standing(BaseModel):
    """How a car stands, from the state that it sends 20 times a second.

    >>> Standing.model_validate_json('{"type": "state", "car": "car-1", "gate": "armed", "frame": 7}').gate
    <GateState.ARMED: 'armed'>
    """

    car: Words
    gate: GateState
    mode: Words = ""
    trip: Words = ""
    track: Words = ""
    pilot_name: Words = ""
    driver_name: Words = ""
    driver_present: bool = False
    odometry: Laps | None = None
    telemetry: Telemetry = Telemetry()

    @property
    def is_armed(self) -> bool:
        """Whether its wheels may turn."""
        return self.gate is GateState.ARMED
