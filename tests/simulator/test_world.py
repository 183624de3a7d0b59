from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

import simulator.world
from hardware.camera import CameraGeometry, Frame, LatestFrame
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, Motion
from hardware.errors import CameraError, CameraTimeout, HardwareError
from simulator.disturbance import Disturbance
from simulator.obstacles import Obstacle
from simulator.track import Track, make_track
from simulator.vehicle import VehicleParameters
from simulator.world import PAST_STEPS, World

OVAL = make_track("oval")
FORWARD = Command(0.0, 0.25)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(start_ns=123_456_789)


@pytest.fixture
def world(clock: VirtualClock) -> World:
    return World(OVAL, clock)


def weave(world: World, frames: int) -> list[Frame]:
    """Drive in gentle waves, one command a frame."""
    seen = []
    for number in range(frames):
        seen.append(world.camera.next_frame(timeout_ms=100))
        world.drivetrain.apply(Command(0.5 * math.sin(number / 5), 0.25))
    return seen


def test_two_worlds_driven_alike_are_alike_bit_for_bit() -> None:
    first, second = (World(OVAL, VirtualClock(), seed=3, disturbance=Disturbance(seed=3)) for _ in range(2))
    pairs = zip(weave(first, 60), weave(second, 60), strict=True)
    assert all(np.array_equal(one.image, other.image) for one, other in pairs)
    assert first.state == second.state
    assert (first.motion(), first.lap_count()) == (second.motion(), second.lap_count())
    assert first.pose != World(OVAL, VirtualClock()).pose


def test_in_lock_step_frames_come_at_the_rate_and_none_is_missing(world: World, clock: VirtualClock) -> None:
    start_ns = clock.now_ns()
    frames = weave(world, 31)
    assert [frame.number for frame in frames] == list(range(31))
    assert [frame.captured_ns for frame in frames] == [start_ns + round(number * NS_PER_S / 30) for number in range(31)]
    assert clock.now_ns() == start_ns + NS_PER_S


def test_a_late_taker_gets_the_newest_frame_that_is_due_and_no_burst(world: World, clock: VirtualClock) -> None:
    world.camera.next_frame(timeout_ms=100)
    clock.advance_ns(round(10.5 * NS_PER_S / 30))
    late, next_one = (world.camera.next_frame(timeout_ms=100) for _ in range(2))
    assert (late.number, next_one.number) == (10, 11)
    assert clock.now_ns() == next_one.captured_ns
    assert next_one.captured_ns - late.captured_ns == pytest.approx(NS_PER_S / 30, abs=1)


def test_a_frame_that_is_due_too_late_is_a_timeout_and_comes_the_next_time(clock: VirtualClock) -> None:
    camera = World(OVAL, clock, rate_hz=5.0).camera
    first = camera.next_frame(timeout_ms=0)
    with pytest.raises(CameraTimeout, match="150 ms"):
        camera.next_frame(timeout_ms=150)
    assert clock.now_ns() == first.captured_ns + 150 * NS_PER_MS
    second = camera.next_frame(timeout_ms=50)
    assert (second.number, second.captured_ns) == (1, first.captured_ns + 200 * NS_PER_MS)


def test_a_closed_camera_says_so(world: World) -> None:
    world.camera.close()
    world.camera.close()
    with pytest.raises(CameraError, match="closed"):
        world.camera.next_frame(timeout_ms=10)


def test_the_camera_tells_what_it_is(clock: VirtualClock) -> None:
    geometry = CameraGeometry(width=96, height=64, fov_deg=140.0, lens="fisheye")
    camera = World(OVAL, clock, geometry, rate_hz=20.0).camera
    assert (camera.geometry, camera.rate_hz) == (geometry, 20.0)
    assert camera.next_frame(timeout_ms=10).image.shape == (64, 96, 3)


def test_the_car_starts_on_the_line_and_stands_still_until_driven(world: World, clock: VirtualClock) -> None:
    pose = world.pose
    clock.advance_ns(NS_PER_S)
    world.camera.next_frame(timeout_ms=10)
    assert world.pose == pose == OVAL.pose_at(0.0)
    assert world.lap_count().progress_m == 0.0


def test_a_command_counts_from_when_it_was_given(world: World, clock: VirtualClock) -> None:
    clock.advance_ns(NS_PER_S)
    assert world.drivetrain.apply(FORWARD) == FORWARD
    assert world.lap_count().progress_m == 0.0
    clock.advance_ns(NS_PER_S)
    world.drivetrain.neutral()
    assert world.motion().speed_m_s == pytest.approx(0.5, abs=0.06)
    assert world.lap_count().progress_m == pytest.approx(0.25, abs=0.06)
    clock.advance_ns(4 * NS_PER_S)
    world.camera.next_frame(timeout_ms=10)
    assert world.motion().speed_m_s == 0.0


@pytest.mark.parametrize(("pulse_period_s", "given_ms", "heard_ms"), [(0.0, 47, 47), (0.02, 47, 60), (0.02, 60, 60)])
def test_a_command_waits_for_the_next_pulse_to_the_servo(
    clock: VirtualClock, pulse_period_s: float, given_ms: int, heard_ms: int
) -> None:
    world = World(OVAL, clock, vehicle=VehicleParameters(pulse_period_s=pulse_period_s))
    start_ns = clock.now_ns()
    clock.advance_ns(given_ms * NS_PER_MS)
    world.drivetrain.apply(Command(1.0, 0.0))
    turned_ms = next(
        ms for ms in range(given_ms, given_ms + 50) if world.advance(start_ns + ms * NS_PER_MS).steering_rad > 0.0
    )
    # The pulse takes effect within a step of 5 ms.
    assert heard_ms < turned_ms <= heard_ms + 5


def test_of_the_commands_between_two_pulses_the_last_counts(clock: VirtualClock) -> None:
    world = World(OVAL, clock, vehicle=VehicleParameters(pulse_period_s=0.02))
    clock.advance_ns(2 * NS_PER_MS)
    for steering in (1.0, -1.0):
        world.drivetrain.apply(Command(steering, 0.0))
        clock.advance_ns(10 * NS_PER_MS)
    assert world.advance(clock.now_ns()).steering_rad == 0.0
    clock.advance_ns(20 * NS_PER_MS)
    assert world.advance(clock.now_ns()).steering_rad < 0.0


@pytest.mark.parametrize("progress_m", [0.0, 3.5, 7.5, 11.0])
def test_steering_right_takes_the_car_to_the_right_of_the_lane(progress_m: float, clock: VirtualClock) -> None:
    lateral_m = {}
    for steering in (-0.3, 0.3):
        world = World(OVAL, clock)
        world.place(progress_m, speed_m_s=1.0)
        world.drivetrain.apply(Command(steering, 0.25))
        clock.advance_ns(NS_PER_S // 2)
        world.drivetrain.neutral()
        lateral_m[steering] = world.lap_count().lateral_m
    assert lateral_m[0.3] > lateral_m[-0.3] + 0.1


@pytest.mark.parametrize(
    "bad", [Command(math.nan, 0.0), Command(0.0, math.inf), Command(1.01, 0.0), Command(0.0, -2.0)]
)
def test_commands_out_of_range_are_refused_and_change_nothing(world: World, clock: VirtualClock, bad: Command) -> None:
    world.drivetrain.apply(FORWARD)
    with pytest.raises(ValueError, match="not finite or not in"):
        world.drivetrain.apply(bad)
    clock.advance_ns(NS_PER_S)
    world.camera.next_frame(timeout_ms=10)
    assert world.state.speed_m_s > 0.3


def test_of_what_is_long_past_the_earliest_that_is_remembered_is_seen(world: World, clock: VirtualClock) -> None:
    began_ns = clock.now_ns()
    for _ in range(3 * PAST_STEPS):
        clock.advance_ns(NS_PER_MS)
        world.command(Command(0.0, 0.5))
    seen, remembered = world.seen_at(began_ns), world.seen_at(clock.now_ns() - (PAST_STEPS - 1) * NS_PER_MS)
    assert seen == remembered
    assert 0.0 < seen.speed_m_s < world.state.speed_m_s


def test_a_closed_drivetrain_is_in_neutral_and_takes_no_command(world: World, clock: VirtualClock) -> None:
    world.drivetrain.apply(FORWARD)
    with world.drivetrain as drivetrain:
        clock.advance_ns(2 * NS_PER_S)
    with pytest.raises(HardwareError, match="closed"):
        drivetrain.apply(FORWARD)
    moving_m_s = world.state.speed_m_s
    clock.advance_ns(NS_PER_S)
    world.camera.next_frame(timeout_ms=10)
    assert world.state.speed_m_s < 0.5 * moving_m_s
    drivetrain.close()
    drivetrain.neutral()


def test_a_car_can_be_placed_and_restarted(world: World) -> None:
    weave(world, 60)
    way_m = world.lap_count().progress_m
    world.place(5.0, lateral_m=0.1, heading_error_rad=-0.2, speed_m_s=0.7)
    assert world.pose == OVAL.pose_at(5.0, 0.1, -0.2)
    assert world.lap_count().progress_m == way_m > 0.5
    assert world.motion().speed_m_s == 0.7
    assert world.lap_count().lateral_m == pytest.approx(0.1, abs=0.001)
    world.restart(2.0)
    assert world.pose == OVAL.pose_at(2.0)
    assert world.lap_count().progress_m == 0.0
    pose = world.pose
    world.camera.next_frame(timeout_ms=100)
    assert world.pose == pose


def test_the_distance_is_what_the_wheels_have_rolled_whichever_way(world: World, clock: VirtualClock) -> None:
    world.place(1.0, speed_m_s=1.0)
    assert world.motion() == Motion(1.0, 0.0)
    world.drivetrain.apply(FORWARD)
    clock.advance_ns(NS_PER_S)
    world.drivetrain.apply(Command(0.0, -0.5))
    forward_m = world.motion().distance_m
    assert forward_m == pytest.approx(world.lap_count().progress_m, rel=0.05)
    clock.advance_ns(3 * NS_PER_S)
    world.drivetrain.neutral()
    assert world.motion().speed_m_s < -1.0
    assert world.lap_count().progress_m < 0.0
    assert world.motion().distance_m > forward_m + abs(world.lap_count().progress_m)
    world.restart()
    assert world.motion() == Motion(0.0, 0.0)


def test_a_car_that_circles_off_the_track_rolls_on_but_counts_no_lap(world: World, clock: VirtualClock) -> None:
    world.drivetrain.apply(Command(1.0, 0.25))
    clock.advance_ns(20 * NS_PER_S)
    world.drivetrain.neutral()
    assert world.motion().distance_m > 10.0
    assert world.lap_count().laps == 0
    assert world.lap_count().progress_m < 2.0


def test_driving_backwards_over_the_line_is_no_lap(world: World, clock: VirtualClock) -> None:
    world.place(0.3, heading_error_rad=math.pi)
    world.drivetrain.apply(FORWARD)
    clock.advance_ns(2 * NS_PER_S)
    world.drivetrain.neutral()
    assert world.lap_count().progress_m < -0.6
    assert world.lap_count().laps == 0


def test_leaving_the_lane_is_counted(world: World, clock: VirtualClock) -> None:
    world.place(1.0, heading_error_rad=0.8, speed_m_s=1.0)
    clock.advance_ns(NS_PER_S)
    world.drivetrain.neutral()
    assert world.lap_count().lateral_m > 0.31
    assert world.lap_count().departures == 1


def test_a_push_moves_the_car_and_not_the_command(clock: VirtualClock) -> None:
    calm, pushed = World(OVAL, clock), World(OVAL, clock, disturbance=Disturbance(seed=5, pause_s=(0.1, 0.2)))
    for world in (calm, pushed):
        world.place(0.0, speed_m_s=1.0)
        assert world.drivetrain.apply(FORWARD) == FORWARD
    clock.advance_ns(NS_PER_S)
    calm.drivetrain.neutral()
    pushed.drivetrain.neutral()
    assert abs(pushed.lap_count().lateral_m - calm.lap_count().lateral_m) > 0.03


def test_pushes_keep_to_their_bounds_and_to_their_seed() -> None:
    disturbance = Disturbance(seed=2)
    pushes = list(islice(disturbance.pushes(), 200))
    assert pushes == list(islice(disturbance.pushes(), 200))
    assert pushes != list(islice(Disturbance(seed=3).pushes(), 200))
    assert all(0.3 <= push.end_s - push.start_s <= 0.8 for push in pushes)
    assert all(1.0 <= later.start_s - sooner.end_s <= 3.0 for sooner, later in pairwise(pushes))
    assert all(0.25 <= abs(push.steering) <= 0.6 for push in pushes)
    assert 60 < sum(push.steering > 0 for push in pushes) < 140


def test_in_real_time_the_rate_is_kept_and_frames_are_fresh() -> None:
    clock = SystemClock()
    world = World(OVAL, clock, rate_hz=50.0)
    mailbox = LatestFrame()
    ages_ns: list[int] = []
    frames: list[Frame] = []

    def capture() -> None:
        while len(frames) < 30:
            frame = world.camera.next_frame(timeout_ms=1000)
            ages_ns.append(clock.now_ns() - frame.captured_ns)
            frames.append(frame)
            mailbox.put(frame)

    thread = threading.Thread(target=capture)
    thread.start()
    while thread.is_alive():
        mailbox.take(timeout_ms=100)
        world.drivetrain.apply(FORWARD)
    thread.join()

    first_ns = frames[0].captured_ns
    assert all(frame.captured_ns == first_ns + frame.number * NS_PER_S // 50 for frame in frames)
    assert all(later.number > sooner.number for sooner, later in pairwise(frames))
    assert min(ages_ns) >= 0
    assert np.median(ages_ns) < 20 * NS_PER_MS
    assert world.lap_count().progress_m > 0.02


def test_commands_and_frames_may_come_from_several_threads() -> None:
    clock = SystemClock()
    world = World(OVAL, clock, rate_hz=200.0)
    actions: tuple[Callable[[], object], ...] = (
        lambda: world.camera.next_frame(timeout_ms=1000),
        lambda: world.drivetrain.apply(FORWARD),
        world.drivetrain.neutral,
        world.motion,
        world.lap_count,
        lambda: world.place(1.0, speed_m_s=1.0),
    )

    def repeat(action: Callable[[], object]) -> None:
        for _ in range(60):
            action()

    with ThreadPoolExecutor(len(actions)) as pool:
        list(pool.map(repeat, actions))  # raises what an action raised
    assert all(math.isfinite(value) for value in (world.pose.x_m, world.pose.y_m, world.pose.heading_rad))


def test_seeds_vary_the_look_and_seed_0_is_the_default(clock: VirtualClock) -> None:
    default, nominal, other = (
        world.camera.next_frame(timeout_ms=10).image
        for world in (World(OVAL, clock), World(OVAL, clock, seed=0), World(OVAL, clock, seed=1))
    )
    assert np.array_equal(default, nominal)
    assert not np.array_equal(default, other)


def test_neutral_is_applied_as_it_is(world: World) -> None:
    assert world.drivetrain.apply(NEUTRAL) == NEUTRAL


def test_a_car_enters_another_track_at_its_start_and_counts_from_nothing() -> None:
    clock = VirtualClock()
    world = World(make_track("oval"), clock)
    world.drivetrain.apply(Command(0.0, 0.5))
    clock.advance_ns(3 * NS_PER_S)
    before = world.camera.next_frame(1000).image
    bean = make_track("bean")
    world.enter(bean)
    count = world.lap_count()
    assert (world.track.name, count.laps, count.progress_m, count.departures) == ("bean", 0, 0.0, 0)
    assert world.state.speed_m_s == 0.0
    assert bean.project(world.pose).lateral_m == pytest.approx(0.0, abs=0.01)
    clock.advance_ns(NS_PER_S)
    after = world.camera.next_frame(1000).image
    assert not np.array_equal(before, after)
    fresh = World(make_track("bean"), clock).camera.next_frame(1000).image
    assert np.abs(after.astype(int) - fresh.astype(int)).mean() < 5


def test_a_command_does_not_wait_for_another_track_to_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(make_track("oval"), VirtualClock())
    answered: list[bool] = []

    def watched(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any) -> Any:
            commanding = threading.Thread(target=world.drivetrain.neutral, daemon=True)
            commanding.start()
            commanding.join(5.0)
            answered.append(not commanding.is_alive())
            return make(*arguments)

        return made

    for name in ("draw_scene", "Barriers", "LapCounter"):
        monkeypatch.setattr(f"simulator.world.{name}", watched(getattr(simulator.world, name)))
    world.enter(make_track("arena"))
    assert answered == [True] * 3


def test_what_stands_about_stays_behind_on_another_track() -> None:
    world = World(make_track("oval"), VirtualClock(), obstacles=(Obstacle("cone", 1.0, 1.0),))
    world.enter(make_track("bean"))
    assert world.obstacles == ()


def test_a_track_of_the_same_name_that_has_changed_is_drawn_anew() -> None:
    clock = VirtualClock()
    world = World(make_track("oval"), clock)
    floor = world.floor
    world.enter(make_track("oval"))
    assert world.floor is floor
    changed = Track("oval", make_track("bean").points_m)
    world.enter(changed)
    assert world.track is changed
    assert world.floor is not floor


def test_entering_the_track_it_is_on_brings_the_car_back_to_the_start() -> None:
    clock = VirtualClock()
    world = World(make_track("oval"), clock)
    world.drivetrain.apply(Command(1.0, 0.8))
    clock.advance_ns(5 * NS_PER_S)
    assert world.advance(clock.now_ns()).speed_m_s > 0
    world.enter(make_track("oval"))
    assert world.pose == world.track.pose_at(0.0)
    assert world.motion().distance_m == 0.0
