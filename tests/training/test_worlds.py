"""The worlds of a training: always the same ones by their seed, and never those that a pilot is judged in."""

from __future__ import annotations

from simulator.scenario import Scenario
from training.exam.paper import UNSEEN_TRACKS_FROM
from training.worlds import LEARNING_SPEED_M_S, LEARNING_TRACKS, TRIAL_TRACKS, learning_worlds, trial_worlds


def number(world: Scenario) -> int:
    return int(world.track.removeprefix("random-"))


def test_a_seed_gives_the_same_worlds_however_many_are_asked_for() -> None:
    assert learning_worlds(3, seed=3)[1:] == learning_worlds(2, seed=3, first=1)


def test_another_seed_gives_other_worlds() -> None:
    assert not {world.track for world in learning_worlds(2, 1)} & {world.track for world in learning_worlds(2, 2)}


def test_no_world_to_learn_in_is_one_to_be_tried_in_or_of_the_exam() -> None:
    assert not set(LEARNING_TRACKS) & set(TRIAL_TRACKS)
    assert max(*LEARNING_TRACKS, *TRIAL_TRACKS) < UNSEEN_TRACKS_FROM
    assert number(learning_worlds(1, seed=1)[0]) in LEARNING_TRACKS
    assert number(trial_worlds(1)[0]) in TRIAL_TRACKS


def test_all_levels_pushes_and_crooked_starts_are_among_them() -> None:
    worlds = learning_worlds(6, seed=1)
    assert {world.max_speed_m_s for world in worlds} == {LEARNING_SPEED_M_S}
    assert len({world.max_speed_m_s for world in trial_worlds(3)}) > 1
    assert len({world.style for world in worlds}) > 2
    assert {world.disturb for world in worlds} == {True, False}
    assert min(world.start.lateral_m for world in worlds) < 0.0 < max(world.start.lateral_m for world in worlds)
    assert not any(world.disturb for world in trial_worlds(2))
