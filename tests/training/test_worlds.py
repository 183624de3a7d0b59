"""The worlds of a training: always the same ones by their seed, and never those that a pilot is judged in."""

from __future__ import annotations

from typing import get_args

from simulator.track import Style
from training.exam.paper import UNSEEN_TRACKS_FROM
from training.worlds import learning_worlds, trial_worlds


def numbers(tracks: list[str]) -> set[int]:
    return {int(track.removeprefix("random-")) for track in tracks}


def test_a_seed_gives_the_same_worlds_however_many_are_asked_for() -> None:
    assert learning_worlds(12, seed=3)[4:7] == learning_worlds(3, seed=3, first=4)


def test_another_seed_gives_other_worlds() -> None:
    assert not {world.track for world in learning_worlds(50, 1)} & {world.track for world in learning_worlds(50, 2)}


def test_no_world_to_learn_in_is_one_to_be_tried_in_or_of_the_exam() -> None:
    learned = numbers([world.track for world in learning_worlds(500, seed=1)])
    tried = numbers([world.track for world in trial_worlds(500)])
    assert not learned & tried
    assert max(learned | tried) < UNSEEN_TRACKS_FROM


def test_all_styles_pushes_and_crooked_starts_are_among_them() -> None:
    worlds = learning_worlds(30, seed=1)
    assert {world.style for world in worlds} == set(get_args(Style))
    assert {world.disturb for world in worlds} == {True, False}
    assert min(world.start.lateral_m for world in worlds) < 0.0 < max(world.start.lateral_m for world in worlds)
    assert not any(world.disturb for world in trial_worlds(30))
