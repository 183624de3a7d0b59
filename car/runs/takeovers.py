"""A driver beside a pilot in the simulator, who takes over when the car is about to leave its lane."""

from __future__ import annotations

import math
from collections.abc import Iterable

from car.gate import Arm, ChangeMode, DriverCommand, Event, Gate, GateState, Mode
from car.runs.simulation import ExpertDriver
from hardware.clock import NS_PER_S
from hardware.drivetrain import NEUTRAL, Command
from simulator.world import World

ALARMING_SHARE = 0.7
"""A car whose middle will soon be so far from the lane's, as a share of its half width, is about to leave it."""
LOOK_AHEAD_S = 0.75
REACTION_S = 0.25
"""What a person needs from seeing that to doing something."""
SAFE_M = 0.05
SAFE_FOR_S = 1.0
STANDSTILL_S = 2.0
SLOW_M_S = 0.05


class WatchfulDriver:
    """Arms the car in auto, takes over when it will leave its lane, and gives it back after a second in the middle.

    >>> from car.runs.simulation import Goal, run_simulation
    >>> from car.config.sections import CarConfig
    >>> from simulator.scenario import Scenario
    >>> run = run_simulation(CarConfig(), Scenario("oval"), Goal(seconds=2.0), pilot=pilot, driver=WatchfulDriver)
    >>> run.lap_count.departures
    0

    The driver steers by the world's truth, as the simulator's expert does, but sees what is coming no sooner than a
    person: a pilot that turns off at full lock is outside by then. A car that stands for 2 s is taken over too.
    ``takeovers`` counts them.
    """

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate
        self._expert = ExpertDriver(world, gate)
        self._alarmed_ns: int | None = None
        self._safe_ns: int | None = None
        self._moved_ns = 0
        self._taken_ns = self._neutral_ns = 0
        self.takeovers = 0

    def events(self, now_ns: int) -> Iterable[Event]:
        """Yield the driver's command, and the change of mode when it is time for one."""
        if self._gate.state is GateState.DISARMED:
            self._moved_ns = now_ns
            return (DriverCommand(NEUTRAL, now_ns), Arm(Mode.AUTO))
        if self._gate.mode is Mode.AUTO:
            return self._watch(now_ns)
        return self._correct(now_ns)

    def _watch(self, now_ns: int) -> Iterable[Event]:
        if not self._is_alarming(now_ns):
            self._alarmed_ns = None
        elif self._alarmed_ns is None:
            self._alarmed_ns = now_ns
        if self._alarmed_ns is None or now_ns - self._alarmed_ns < REACTION_S * NS_PER_S:
            return (DriverCommand(NEUTRAL, now_ns),)
        self._alarmed_ns = self._safe_ns = None
        self._taken_ns = self._neutral_ns = now_ns
        self.takeovers += 1
        return (ChangeMode(Mode.MANUAL), DriverCommand(Command(self._expert.command().steering, 0.0), now_ns))

    def _correct(self, now_ns: int) -> Iterable[Event]:
        self._moved_ns = now_ns
        here = self._world.track.project(self._world.pose)
        if abs(here.lateral_m) > SAFE_M:
            self._safe_ns = None
        elif self._safe_ns is None:
            self._safe_ns = now_ns
        if self._safe_ns is not None and now_ns - self._safe_ns >= SAFE_FOR_S * NS_PER_S:
            return (DriverCommand(NEUTRAL, now_ns), ChangeMode(Mode.AUTO))
        if self._neutral_ns == self._taken_ns:
            self._neutral_ns = now_ns
        # The throttle counts once the stick has been at neutral after the change of mode.
        has_throttle = self._taken_ns < self._neutral_ns < now_ns
        command = self._expert.command()
        return (DriverCommand(command if has_throttle else Command(command.steering, 0.0), now_ns),)

    def _is_alarming(self, now_ns: int) -> bool:
        speed_m_s = self._world.motion().speed_m_s
        if speed_m_s > SLOW_M_S:
            self._moved_ns = now_ns
        here = self._world.track.project(self._world.pose)
        soon_m = here.lateral_m + speed_m_s * LOOK_AHEAD_S * math.sin(here.heading_error_rad)
        furthest_m = max(abs(here.lateral_m), abs(soon_m))
        stands = now_ns - self._moved_ns > STANDSTILL_S * NS_PER_S
        return stands or furthest_m > ALARMING_SHARE * self._world.track.half_width_m
