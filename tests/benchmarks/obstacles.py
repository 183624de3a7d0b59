"""A box in the lane, and a car that only its range sensor stops: is it ever touched?"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from car.config.sections import CarConfig, ObstacleSection
from car.drive_record import DriveRecord
from car.gate import Arm, Event, Gate, GateState, Mode, PilotCommand, TripReason
from car.kinds.camera import CameraSection
from car.kinds.simulated import SimulatedRangeSection
from car.runs.simulation import Goal, run_simulation
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command
from simulator.expert import Expert
from simulator.obstacles import Obstacle
from simulator.scenario import Scenario, Start
from simulator.track import make_track
from simulator.world import World
from tests.benchmarks.figures import Figure, show

TRIALS = 100
TRACKS = ("oval", *(f"random-{number}" for number in range(1, 10)))
CAMERA = CameraSection(width=32, height=24)
"""Nobody looks at the pictures."""
TURNED_DEG = {"left": 27.0, "front": 0.0, "right": -27.0}
"""Three cones of 27° beside each other: in a bend of 0.9 m, a single one sees a box too late, or never."""
CONFIG = CarConfig(
    camera=CAMERA,
    sensors={name: SimulatedRangeSection(yaw_deg=yaw_deg) for name, yaw_deg in TURNED_DEG.items()},
    obstacle=ObstacleSection(sensors=tuple(TURNED_DEG)),
)
WITH_ONE = CONFIG.model_copy(update={"obstacle": ObstacleSection(sensors=("front",))})
DRIVE_S = 12.0
ROLLS_OUT_NS = 10 * NS_PER_S
RUN_UP_M = (2.0, 6.0)
BESIDE_M = 0.15
"""The box covers a part of the way of a car that keeps to the middle: it is as wide as that, each way."""
RADII_M = (0.06, 0.15)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one box: what tripped, how far away it was then and in the end, and whether it was touched."""

    trip: TripReason | None
    tripped_at_m: float
    left_m: float
    touched: bool


class FullThrottlePilot:
    """Follows the lane and sees no box: the throttle is what the gate makes of all there is."""

    def __init__(self, world: World, gate: Gate) -> None:
        self.world = world
        self._gate = gate
        self._expert = Expert(world.track, world.vehicle)

    def events(self, now_ns: int) -> Iterable[Event]:
        """Yield the pilot's command, and the arming until it has worked."""
        if self._gate.state is GateState.DISARMED:
            yield Arm(Mode.AUTO)
        yield PilotCommand(Command(self._expert.command(self.world.state).steering, 1.0))


def drive_at_a_box(number: int, config: CarConfig = CONFIG) -> Trial:
    """Put a box somewhere into the lane of a track, and drive at it."""
    chance = random.Random(number)  # noqa: S311 - the number is to decide everything
    track = make_track(chance.choice(TRACKS))
    start_m = chance.uniform(0.0, track.length_m)
    box_m = start_m + chance.uniform(*RUN_UP_M)
    place = track.pose_at(box_m, chance.uniform(-BESIDE_M, BESIDE_M))
    box = Obstacle("box", place.x_m, place.y_m, radius_m=chance.uniform(*RADII_M), height_m=0.2)
    scenario = Scenario(track.name, obstacles=(box,), start=Start(start_m))
    pilots: list[FullThrottlePilot] = []
    records: list[DriveRecord] = []

    def make(world: World, gate: Gate) -> FullThrottlePilot:
        pilots.append(FullThrottlePilot(world, gate))
        return pilots[0]

    run = run_simulation(
        config,
        scenario,
        Goal(seconds=DRIVE_S),
        driver=make,
        observer=lambda record, _: records.append(record),
        looks_ahead=True,
    )
    world = pilots[0].world
    state = world.advance(records[-1].captured_ns + ROLLS_OUT_NS)
    last = records[-1].ahead
    gap_m = (
        ((state.x_m - box.x_m) ** 2 + (state.y_m - box.y_m) ** 2) ** 0.5 - box.radius_m - 0.5 * world.vehicle.length_m
    )
    return Trial(run.trip, last.distance_m if last else float("nan"), gap_m, world.collisions > 0)


def measure() -> None:
    """Print how often a box was touched in random trials at the autopilot's cap, with three sensors and with one."""
    figures: list[Figure] = []
    for what, config in (("three cones of 27° beside each other", CONFIG), ("a single cone of 27°", WITH_ONE)):
        trials = [drive_at_a_box(number, config) for number in range(TRIALS)]
        tripped = [trial for trial in trials if trial.trip is TripReason.OBSTACLE]
        touched = sum(trial.touched for trial in trials)
        figures += [
            Figure(f"boxes touched, of {TRIALS}, with {what}", str(touched)),
            Figure("  tripped for something ahead", str(len(tripped))),
            Figure("  left in the end, the least", f"{min((trial.left_m for trial in tripped), default=0.0):.2f} m"),
        ]
    limits = CONFIG.limits
    show(f"A box in the lane, stop_m {limits.stop_m:g}, slow_m {limits.slow_m:g}", figures)
