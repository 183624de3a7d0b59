"""A person with 250 ms of reaction laps the oval by the page's own keys, through the gate, in lock-step with a world.

The person is a model: what the eyes see is 250 ms old by the time a finger moves. They aim at a point of the lane some
way ahead, allow for the turn that they see the car make, and have a key down or not, for no less than 100 ms.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

import car.web
from car.gate import Arm, DriverCommand, FrameArrived, Gate, Mode
from hardware.clock import NS_PER_MS, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, LapCount, Pose
from simulator.track import make_track
from simulator.world import World

STATIC = Path(car.web.__file__).parent / "static"
SAMPLE_NS = 25 * NS_PER_MS
REACTION_NS = 250 * NS_PER_MS
STEADY_NS = 100 * NS_PER_MS
USUAL_LIMIT = 0.4
LONGEST_NS = 40_000 * NS_PER_MS
HANDS = """async () => {
    const { Keyboard } = await import("/static/keys.js");
    window.keyboard = new Keyboard(() => {});
}"""
SAMPLE = """([nowMs, down, up]) => {
    for (const code of up) window.dispatchEvent(new KeyboardEvent("keyup", { code }));
    for (const code of down) window.dispatchEvent(new KeyboardEvent("keydown", { code }));
    const { steering, throttle } = keyboard.read(nowMs);
    return [steering, throttle];
}"""


@pytest.fixture
def keys(chromium: Browser) -> Page:
    """Return a page that has nothing but the drive page's keyboard."""
    context: BrowserContext = chromium.new_context()
    page = context.new_page()

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name.endswith(".js"):
            route.fulfill(path=STATIC / name, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", answer)
    page.goto("http://car.test/")
    page.evaluate(HANDS)
    return page


@dataclass
class Person:
    """Looks ``preview_s`` ahead, sees where the turn leads in ``lead_s``, and lets an error of ``calm_rad`` be."""

    preview_s: float = 0.6
    lead_s: float = 0.3
    calm_rad: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        self._seen: deque[tuple[int, Pose, float]] = deque()
        self._random = Random(self.seed)  # noqa: S311 - nobody guesses it
        self._decides_ns = self._moved_ns = 0
        self.side = ""

    def look(self, world: World, now_ns: int) -> None:
        """See the world, and some of the time decide by what was there to be seen a reaction earlier."""
        state = world.advance(now_ns)
        self._seen.append((now_ns, state.pose, state.speed_m_s))
        while self._seen[0][0] < now_ns - REACTION_NS:
            self._seen.popleft()
        if now_ns < self._decides_ns or now_ns - self._moved_ns < STEADY_NS:
            return
        self._decides_ns = now_ns + round(STEADY_NS * self._random.uniform(0.8, 1.2))
        side = self._decide(world)
        if side != self.side:
            self.side, self._moved_ns = side, now_ns

    def _decide(self, world: World) -> str:
        (then_ns, pose, speed_m_s), (later_ns, later, _) = self._seen[0], self._seen[min(2, len(self._seen) - 1)]
        progress_m = world.track.project(pose).progress_m
        aim = world.track.pose_at(progress_m + 0.3 + self.preview_s * speed_m_s)
        error_rad = pose.heading_rad - math.atan2(aim.y_m - pose.y_m, aim.x_m - pose.x_m)
        turn_rad_s = math.remainder(later.heading_rad - pose.heading_rad, math.tau) / max(later_ns - then_ns, 1) * 1e9
        error_rad = math.remainder(error_rad + self.lead_s * turn_rad_s, math.tau)
        return "" if abs(error_rad) < self.calm_rad else "ArrowRight" if error_rad > 0 else "ArrowLeft"


def drive(person: Person, sample: Callable[[float, set[str]], tuple[float, float]], limit: float) -> LapCount:
    """Let ``person`` drive until a lap is done; return what was counted."""
    clock = VirtualClock(start_ns=1000 * NS_PER_MS)
    world = World(make_track("oval"), clock)
    gate = Gate()
    gate.handle(FrameArrived(clock.now_ns()), clock.now_ns())
    gate.handle(DriverCommand(NEUTRAL, clock.now_ns()), clock.now_ns())
    gate.handle(Arm(Mode.MANUAL), clock.now_ns())
    end_ns = clock.now_ns() + LONGEST_NS
    while world.lap_count().laps < 1 and clock.now_ns() < end_ns:
        now_ns = clock.now_ns()
        person.look(world, now_ns)
        steering, throttle = sample(now_ns / NS_PER_MS, {"ArrowUp", person.side} - {""})
        gate.handle(FrameArrived(now_ns), now_ns)
        gate.handle(DriverCommand(Command(steering, throttle * limit), now_ns), now_ns)
        world.drivetrain.apply(gate.decide(now_ns).command)
        clock.advance_ns(SAMPLE_NS)
    return world.lap_count()


def by_the_page(page: Page) -> Callable[[float, set[str]], tuple[float, float]]:
    """Return how the page's keyboard answers to the keys that are down."""
    held: set[str] = set()

    def sample(now_ms: float, down: set[str]) -> tuple[float, float]:
        steering, throttle = page.evaluate(SAMPLE, [now_ms, sorted(down - held), sorted(held - down)])
        held.clear()
        held.update(down)
        return steering, throttle

    return sample


def all_or_nothing(_now_ms: float, down: set[str]) -> tuple[float, float]:
    """Answer as keys without a ramp would."""
    return ("ArrowRight" in down) - ("ArrowLeft" in down), 1.0


@pytest.mark.parametrize(
    "person", [Person(seed=1), Person(seed=2), Person(seed=3, calm_rad=0.2), Person(seed=4, preview_s=0.75)], ids=str
)
def test_a_person_with_a_quarter_second_of_reaction_laps_the_oval(keys: Page, person: Person) -> None:
    odometry = drive(person, by_the_page(keys), USUAL_LIMIT)
    assert (odometry.laps, odometry.departures) == (1, 0)


def test_the_same_person_leaves_the_lane_with_keys_that_know_no_half_way() -> None:
    odometry = drive(Person(seed=1), all_or_nothing, USUAL_LIMIT)
    assert odometry.departures > 0
