"""What spoils a training is named before it begins, and what is sound is left in peace."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from hardware.clock import NS_PER_S
from tests.training.report.scenes import (
    LAG_FRAMES,
    RATE_HZ,
    drive,
    labelled,
    mirrored,
    negated,
    relit,
    standing,
    with_swapped_channels,
)
from training.dataset import Recording
from training.report.delay import Delay
from training.report.figures import Facts, Figures, figures_of
from training.report.findings import Finding, Severity, find


@pytest.fixture(scope="module")
def sound() -> Recording:
    return drive(seconds=330.0)


@pytest.fixture(scope="module")
def short() -> Recording:
    return drive(seconds=60.0)


def findings(*recordings: Recording, facts: Facts | None = None) -> dict[str, Finding]:
    return {finding.kind: finding for finding in find([figures_of(recording, facts) for recording in recordings])}


def delay_ms(figures: Figures) -> int:
    assert figures.delay is not None
    assert figures.delay.is_sure
    return figures.delay.lag_ms


def test_nothing_is_said_of_a_sound_drive(sound: Recording) -> None:
    assert findings(sound) == {}
    assert find([]) == []


def test_the_delay_between_steering_and_scene_is_measured(short: Recording) -> None:
    # A command holds for a frame, and the turn is seen between two of them.
    assert delay_ms(figures_of(short)) == pytest.approx(LAG_FRAMES / RATE_HZ * 1000, abs=15)
    later = delay_ms(figures_of(drive(seconds=60.0, lag_frames=LAG_FRAMES + 3)))
    assert later - delay_ms(figures_of(short)) == pytest.approx(3 / RATE_HZ * 1000, abs=20)


@pytest.mark.parametrize("spoil", [mirrored, negated])
def test_mirrored_images_and_negated_steering_are_named(short: Recording, spoil: type) -> None:
    finding = findings(spoil(short))["reversed"]
    assert finding.severity is Severity.GRAVE
    assert "turns against the steering" in finding.sentence
    assert "steers the wrong way" in finding.next_step


def test_a_drive_that_is_mirrored_whole_is_as_good_as_any(short: Recording) -> None:
    assert "reversed" not in findings(negated(mirrored(short)))


def test_nothing_is_claimed_of_labels_that_belong_to_other_frames(sound: Recording) -> None:
    shifted = replace(sound, labels=np.roll(sound.labels, len(sound.labels) // 2, axis=0))
    found = findings(shifted)
    assert "reversed" not in found
    assert found["unanswered"].severity is Severity.WARNING


def test_nothing_is_claimed_where_only_noise_is_seen(short: Recording) -> None:
    noise = np.random.default_rng(3).integers(100, 140, size=short.images.shape, dtype=np.uint8)
    assert not {"reversed", "late", "early", "unanswered"} & findings(replace(short, images=noise)).keys()


@pytest.mark.parametrize("lag_ms", [-200, 200, 500])
def test_nothing_is_claimed_of_an_answer_that_is_not_clear(short: Recording, lag_ms: int) -> None:
    kinds = {"reversed", "late", "early"}
    for correlation, agreement, seconds in ((-0.3, 1.0, 60.0), (-0.9, 0.6, 60.0), (-0.6, 1.0, 12.0), (0.3, 1.0, 60.0)):
        delay = Delay(lag_ms, correlation, agreement, seconds, smoothness=0.9)
        assert not kinds & {finding.kind for finding in find([replace(figures_of(short), delay=delay)])}


def test_a_teachers_labels_are_not_held_against_the_car(short: Recording) -> None:
    assert "reversed" not in findings(replace(negated(short), is_taught=True))


def test_a_car_that_answers_late_and_labels_that_come_late_are_named(short: Recording) -> None:
    assert "late" in findings(drive(seconds=60.0, lag_frames=5))
    assert "early" in findings(replace(short, labels=np.roll(short.labels, LAG_FRAMES + 2, axis=0)))


def test_constant_labels_are_named(sound: Recording) -> None:
    found = findings(labelled(sound, steering=0.0, throttle=0.3))
    assert found["constant_steering"].severity is Severity.GRAVE
    assert "no R²" in found["constant_steering"].next_step
    assert "0.30" in found["constant_throttle"].sentence
    assert "constant_steering" not in findings(labelled(sound, throttle=0.3))


def test_swapped_channels_are_named_beside_a_session_of_the_same_place(sound: Recording, short: Recording) -> None:
    finding = findings(sound, replace(with_swapped_channels(short), name="blue"))["swapped_channels"]
    assert finding.sessions == ("blue",)
    assert "look swapped" in finding.sentence
    assert "swapped_channels" not in findings(sound, short)
    # One session alone cannot tell: walls may be blue.
    assert "swapped_channels" not in findings(with_swapped_channels(sound))


def test_a_dark_recording_is_named(sound: Recording) -> None:
    assert findings(relit(sound, 0.1))["dark"].severity is Severity.GRAVE
    assert findings(relit(sound, 0.25))["dark"].severity is Severity.WARNING


def test_an_overexposed_recording_is_named(sound: Recording) -> None:
    assert "overexposed" in findings(relit(sound, 2.0, 60.0))


def test_a_blurred_recording_is_named(short: Recording) -> None:
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), 3.0) for image in short.images])
    assert "blurred" in findings(replace(short, images=blurred))
    assert "blurred" not in findings(short)


@pytest.mark.parametrize(("bias", "way", "other"), [(0.5, "right", "left"), (-0.5, "left", "right")])
def test_driving_in_one_direction_only_is_named(bias: float, way: str, other: str) -> None:
    there = drive(seconds=120.0, bias=bias)
    finding = findings(there)["one_direction"]
    assert f"to the {way} only" in finding.sentence
    assert f"bends to the {other} are learned as mirror images" in finding.next_step
    assert "one_direction" not in findings(there, drive(seconds=120.0, seed=1, bias=-bias))


def test_duplicated_frames_are_named(sound: Recording) -> None:
    images = sound.images.copy()
    images[1::2] = images[::2]
    finding = findings(replace(sound, images=images))["duplicates"]
    assert "50%" in finding.sentence
    assert "the very same" in finding.sentence


def test_a_camera_that_sticks_is_named_though_noise_is_left(sound: Recording) -> None:
    stuck = standing(sound, 0.6)
    finding = findings(replace(stuck, labels=sound.labels))["duplicates"]
    assert finding.severity is Severity.GRAVE


def test_a_session_of_stops_is_named(sound: Recording) -> None:
    finding = findings(standing(sound, 0.9))["stops"]
    assert finding.severity is Severity.GRAVE
    assert "90%" in finding.sentence
    assert findings(standing(sound, 0.5))["stops"].severity is Severity.WARNING


def test_a_throttle_that_is_let_go_for_a_moment_is_no_stop(sound: Recording) -> None:
    labels = sound.labels.copy()
    labels[np.arange(len(labels)) % 20 < 8, 1] = 0.0
    assert figures_of(replace(sound, labels=labels)).times.stopped_share < 0.03


def test_missing_frames_are_named_and_a_pause_is_not(sound: Recording) -> None:
    times_ns = sound.captured_ns.copy()
    times_ns[1500:] += 60 * NS_PER_S
    assert figures_of(replace(sound, captured_ns=times_ns)).times.pauses == 1
    assert findings(replace(sound, captured_ns=times_ns)) == {}
    for at in range(50, 3000, 100):
        times_ns[at:] += NS_PER_S
    finding = findings(replace(sound, captured_ns=times_ns))["gaps"]
    assert finding.severity is Severity.WARNING
    assert "30, together 33.0 s" in finding.sentence


def test_frames_that_were_left_out_are_no_gap(sound: Recording) -> None:
    kept = np.r_[0:1000, 1030 : len(sound.images)]
    cut = replace(sound, images=sound.images[kept], labels=sound.labels[kept], captured_ns=sound.captured_ns[kept])
    assert "gaps" not in findings(cut, facts=Facts(times_ns=tuple(sound.captured_ns.tolist())))
    assert "gaps" in findings(cut)


def test_too_little_driving_is_named_and_standing_is_no_driving(sound: Recording, short: Recording) -> None:
    assert findings(short)["too_little"].severity is Severity.GRAVE
    assert findings(drive(seconds=180.0))["too_little"].severity is Severity.WARNING
    assert "too_little" in findings(standing(sound, 0.9))


def test_driving_backwards_is_named(sound: Recording) -> None:
    backwards = replace(sound, labels=sound.labels * np.array([1, -1], np.float32))
    assert "--negate-throttle" in findings(backwards)["backwards"].next_step
    # Backwards, a car that is steered to the right turns left.
    assert "reversed" not in findings(negated(backwards))


def test_hardly_any_bends_are_named(sound: Recording) -> None:
    labels = sound.labels.copy()
    labels[: round(len(labels) * 0.9), 0] = 0.0
    assert (
        "of the frames are steered straight on" in findings(replace(sound, labels=labels))["mostly_straight"].sentence
    )


def test_steering_by_full_lock_is_named(sound: Recording) -> None:
    labels = sound.labels.copy()
    labels[:, 0] = np.sign(np.where(np.abs(labels[:, 0]) > 0.5, labels[:, 0], 0.0))
    assert "full lock" in findings(replace(sound, labels=labels))["keyed"].sentence


def test_frames_of_another_size_are_named(sound: Recording, short: Recording) -> None:
    small = replace(short, name="small", images=np.ascontiguousarray(short.images[:, ::2, ::2]))
    finding = findings(sound, small)["other_size"]
    assert finding.sessions == ("small",)
    assert "(32x24)" in finding.sentence


def test_defects_and_unused_inputs_are_named(sound: Recording) -> None:
    facts = Facts(defects=("551 images missing, first 2380.jpg",), unused_inputs="imu/gyr_x")
    found = findings(replace(sound, broken_frames=3), facts=facts)
    assert "551 images missing, first 2380.jpg; 3 frames cannot be decoded" in found["defects"].sentence
    assert "imu/gyr_x" in found["unused_inputs"].sentence


def test_the_gravest_comes_first_and_many_sessions_are_not_all_listed(short: Recording) -> None:
    many = [replace(labelled(short, throttle=0.3), name=f"number-{number}") for number in range(6)]
    found = find([figures_of(recording) for recording in [*many, negated(short)]])
    assert [finding.severity for finding in found] == sorted(
        (finding.severity for finding in found), key=list(Severity).index
    )
    throttle = next(finding for finding in found if finding.kind == "constant_throttle")
    assert len(throttle.sessions) == 6
    assert "number-3 (0.30) and 2 more." in throttle.sentence


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_a_moment_of_driving_has_figures_too(short: Recording, frames: int) -> None:
    moment = replace(
        short, images=short.images[:frames], labels=short.labels[:frames], captured_ns=short.captured_ns[:frames]
    )
    assert figures_of(moment).delay is None
    assert "too_little" in findings(moment)


def test_a_clock_that_went_back_does_no_harm(short: Recording) -> None:
    times_ns = np.concatenate([short.captured_ns[300:], short.captured_ns[:300]])
    images, labels = np.roll(short.images, -300, axis=0), np.roll(short.labels, -300, axis=0)
    told = figures_of(replace(short, captured_ns=times_ns, images=images, labels=labels))
    assert told.delay == figures_of(short).delay
