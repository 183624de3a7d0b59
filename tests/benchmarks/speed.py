"""A car that holds its speed: how near to it is it while its battery goes flat, and on a slope?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from car.config.sections import CarConfig, SpeedSection
from car.gate import Arm, DriverCommand, Event, Gate, GateState, Mode
from car.kinds.camera import CameraSection
from car.kinds.simulated import SimulatedEncoderSection
from car.runs.simulation import Goal, run_simulation
from hardware.drivetrain import NEUTRAL, Command
from simulator.expert import Expert
from simulator.scenario import Scenario
from simulator.vehicle import SIXTEENTH, Battery, VehicleParameters
from simulator.world import World
from tests.benchmarks.figures import Figure, show

SPEED_M_S = 0.8
SLOPE = 0.02
"""2 cm on a metre, up the one long side of the oval and down the other."""
DRIVE_S = 120.0
SETTLES_S = 6.0
CAMERA = CameraSection(width=32, height=24)
"""Nobody looks at the pictures."""
CONFIG = CarConfig(
    camera=CAMERA,
    sensors={"wheel": SimulatedEncoderSection()},
    speed=SpeedSection(control=True, max_m_s=SIXTEENTH.top_speed_m_s),
)
WITHOUT = CONFIG.model_copy(update={"speed": SpeedSection(max_m_s=SIXTEENTH.top_speed_m_s)})
SAGGING = Battery(capacity_ah=0.012)
"""It is flat, at 0.8 of its voltage, before the drive is over."""


@dataclass(frozen=True, slots=True)
class Drive:
    """What came of it: the true speed at each cycle once it had settled, and the battery's charge at the end."""

    speeds_m_s: tuple[float, ...]
    charge: float

    @property
    def deviations(self) -> tuple[float, float, float]:
        """The mean of the second half, the 95th percentile and the worst of all, in shares of the speed asked for."""
        shares = np.array(self.speeds_m_s) / SPEED_M_S - 1.0
        p95, worst = np.percentile(np.abs(shares), (95, 100))
        return float(np.mean(shares[len(shares) // 2 :])), float(p95), float(worst)


class SteadyDriver:
    """Steers along the lane as an expert does, and holds the stick still."""

    def __init__(self, world: World, gate: Gate, throttle: float) -> None:
        self.world = world
        self._gate = gate
        self._throttle = throttle
        self._expert = Expert(world.track, world.vehicle)

    def events(self, now_ns: int) -> Iterable[Event]:
        """Yield the arming until it has worked, and then the stick."""
        if self._gate.state is GateState.DISARMED:
            return (DriverCommand(NEUTRAL, now_ns), Arm(Mode.MANUAL))
        steering = self._expert.command(self.world.state).steering
        return (DriverCommand(Command(steering, self._throttle), now_ns),)


def hold_speed(config: CarConfig, vehicle: VehicleParameters, seconds: float = DRIVE_S) -> Drive:
    """Ask for a speed all the time, on an oval, and note what the car really does."""
    drivers: list[SteadyDriver] = []
    speeds_m_s: list[float] = []

    def make(world: World, gate: Gate) -> SteadyDriver:
        drivers.append(SteadyDriver(world, gate, SPEED_M_S / vehicle.top_speed_m_s))
        return drivers[0]

    run_simulation(
        config,
        Scenario("oval", vehicle=vehicle),
        Goal(seconds=seconds),
        driver=make,
        observer=lambda *_: speeds_m_s.append(drivers[0].world.state.speed_m_s),
        looks_ahead=True,
    )
    settled = round(SETTLES_S * config.camera.rate_hz)
    return Drive(tuple(speeds_m_s[settled:]), drivers[0].world.state.charge)


TRIALS = {
    "on the flat, battery full": SIXTEENTH,
    "battery going flat, 20 % less voltage": replace(SIXTEENTH, battery=SAGGING),
    "2 % up and down": replace(SIXTEENTH, slope=SLOPE),
    "both": replace(SIXTEENTH, battery=SAGGING, slope=SLOPE),
}


def measure() -> None:
    """Print how far a car is from the speed that is asked for, with and without control."""
    figures: list[Figure] = []
    for what, vehicle in TRIALS.items():
        for how, config in (("held", CONFIG), ("throttle alone", WITHOUT)):
            drive = hold_speed(config, vehicle)
            mean, p95, worst = drive.deviations
            figures.append(Figure(f"{what}, {how}", f"second half {mean:+.1%} · p95 {p95:.1%} · at most {worst:.1%}"))
    show(f"A speed of {SPEED_M_S:g} m/s on an oval for {DRIVE_S:g} s", figures)
