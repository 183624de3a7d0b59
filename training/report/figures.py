"""The figures of one session: how it was steered, how fast, in which light, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from car.sessions.index import Steering, steering_of
from car.sessions.library import damage_words
from car.sessions.reader import Session
from car.sessions.tub.report import DEFECT_EVENT, UNUSED_EVENT
from car.sessions.writer import is_recorded
from hardware.clock import NS_PER_S
from training.dataset import Recording
from training.report.colours import Colours, colours_of
from training.report.delay import Delay, measure_delay
from training.report.motion import Mask, Motion, Values, motion_of

FULL_LOCK = 0.95
STANDING_THROTTLE = 0.02
ROLLS_OUT_S = 1.0
"""So long after its throttle is off a car has come to a stop, whatever else moves in the picture."""
GAP_S, PAUSE_S = 0.5, 5.0
"""Between two frames, more than the first is a gap; more than the second a pause in which nobody meant to record."""
SAMPLED_FRAMES = 200
"""So many frames of a session tell its light, its sharpness and its colours."""
DARK_LEVEL, BRIGHT_LEVEL = 8, 250
BLURRED = 0.003
_STRETCH_S = 10.0
_LEAST_MEAN = 0.03
_DISTINCT_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What a session says of itself besides its frames.

    >>> facts_of(path).defects
    ()

    ``defects`` are what is wrong with its file and what was wrong with the tub it was imported from, ``unused_inputs``
    what of that tub has no place in a session, both in words; ``times_ns`` when its frames were captured, whether
    anybody drove on them or not.
    """

    defects: tuple[str, ...] = ()
    unused_inputs: str = ""
    times_ns: Sequence[int] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SteeringFigures:
    """How a session was steered; ``taught`` has the histogram and the balance, the rest are shares of the frames.

    >>> from training.dataset import load_recording
    >>> figures_of(load_recording(path)).steering.taught.balance.left
    29

    ``distinct`` counts the values that occur, ``left_stretches`` and ``right_stretches`` the stretches of 10 s that
    turn that way on average.
    """

    taught: Steering
    mean: float
    deviation: float
    distinct: int
    straight_share: float
    full_lock_share: float
    left_stretches: int
    right_stretches: int

    @property
    def after_mirroring(self) -> list[float]:
        """The histogram that a training sees which mirrors half of the frames: left and right are equal."""
        return half_mirrored(self.taught.histogram)


@dataclass(frozen=True, slots=True)
class ThrottleFigures:
    """The throttle of a session: its mean and deviation, its lowest and highest, and how often it was negative.

    >>> from training.dataset import load_recording
    >>> round(figures_of(load_recording(path)).throttle.mean, 2)
    0.2
    """

    mean: float
    deviation: float
    distinct: int
    lowest: float
    highest: float
    backwards_share: float


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """What the frames look like, 0 … 255 grey levels and shares of the pixels or of the frames.

    >>> from training.dataset import load_recording
    >>> figures_of(load_recording(path)).pictures.dark_share
    0.05

    ``darkest`` and ``brightest`` are the mean levels of the frames at the 5th and the 95th percentile; ``sharpness`` is
    the median variance of the Laplacian over that of the frame; ``copies_share`` of the frames have the same pixels as
    the one before while the throttle is on, ``alike_share`` the same but for noise.
    """

    level: float
    darkest: float
    brightest: float
    dark_share: float
    bright_share: float
    sharpness: float
    copies_share: float
    alike_share: float


@dataclass(frozen=True, slots=True)
class TimeFigures:
    """When nothing was driven or nothing recorded: stops by their share and number, gaps by their number and length.

    A pause is longer than a gap, and nobody meant to record then.

    >>> from training.dataset import load_recording
    >>> figures_of(load_recording(path)).times.gaps
    0
    """

    stopped_share: float
    stops: int
    longest_stop_s: float
    gaps: int
    gaps_s: float
    pauses: int


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """All figures of the session ``name``; ``delay`` is None where nothing tells it.

    >>> from training.dataset import load_recording
    >>> figures = figures_of(load_recording(path), facts_of(path))
    >>> figures.name, figures.frames, figures.rate_hz
    ('first', 60, 20.0)
    """

    name: str
    frames: int
    minutes: float
    rate_hz: float
    width: int
    height: int
    broken_frames: int
    defects: tuple[str, ...]
    unused_inputs: str
    steering: SteeringFigures
    throttle: ThrottleFigures
    pictures: PictureFigures
    times: TimeFigures
    delay: Delay | None
    colours: Colours = field(repr=False)

    def to_dict(self) -> Mapping[str, Any]:
        """Return the figures as JSON has them."""
        steering, taught, delay = self.steering, self.steering.taught, self.delay
        plain = ("name", "frames", "minutes", "rate_hz", "width", "height", "broken_frames")
        return {
            **{key: getattr(self, key) for key in plain},
            "defects": list(self.defects),
            "unused_inputs": self.unused_inputs,
            "steering": {
                **_fields(steering, without="taught"),
                "histogram": taught.histogram,
                "histogram_after_mirroring": steering.after_mirroring,
                "balance": _fields(taught.balance),
            },
            "throttle": _fields(self.throttle),
            "pictures": _fields(self.pictures),
            "times": _fields(self.times),
            "delay": delay and {**_fields(delay), "is_sure": delay.is_sure, "is_reversed": delay.is_reversed},
        }


def half_mirrored(histogram: Sequence[int]) -> list[float]:
    """Return a histogram of steering as it is once half of the frames are mirrored.

    >>> half_mirrored([4, 1, 0])
    [2.0, 1.0, 2.0]
    """
    return [(one + other) / 2 for one, other in zip(histogram, reversed(histogram), strict=True)]


def facts_of(path: Path) -> Facts:
    """Return what the session at ``path`` says of itself; raises SessionError when it cannot be read."""
    with Session.open(path) as session:
        events = list(session.events())
        damage = "" if is_recorded(path) else damage_words(session.damage)
        defects = [event.text for event in events if event.kind == DEFECT_EVENT]
        unused = [event.text for event in events if event.kind == UNUSED_EVENT]
        return Facts((*([damage] if damage else []), *defects), ", ".join(unused), tuple(session.times_ns))


def figures_of(recording: Recording, facts: Facts | None = None) -> Figures:
    """Return the figures of ``recording``, a few seconds of work for an hour of driving.

    Without ``facts``, the gaps are those between the frames that somebody drove on.
    """
    facts = facts or Facts()
    # A clock that went back is no reason to look at frames in another order than they were seen.
    order = np.argsort(recording.captured_ns, kind="stable")
    images = recording.images if np.array_equal(order, np.arange(len(order))) else recording.images[order]
    captured_ns = recording.captured_ns[order]
    steering, throttle = recording.labels[order].astype(np.float64).T
    motion = motion_of(images)
    stopped = _stopped(throttle, captured_ns, motion)
    rate_hz = _rate_hz(captured_ns)
    moves = ~motion.is_alike & ~stopped[motion.first] & (throttle[motion.first] > -STANDING_THROTTLE)
    return Figures(
        name=recording.name,
        frames=len(images),
        minutes=round(len(images) / rate_hz / 60, 2),
        rate_hz=round(rate_hz, 1),
        width=images.shape[2],
        height=images.shape[1],
        broken_frames=recording.broken_frames,
        defects=facts.defects,
        unused_inputs=facts.unused_inputs,
        steering=_steering_figures(steering, rate_hz),
        throttle=_throttle_figures(throttle),
        pictures=_picture_figures(images, motion, np.abs(throttle) > STANDING_THROTTLE),
        times=_time_figures(stopped, rate_hz, np.array(facts.times_ns or captured_ns, np.int64)),
        # A teacher's labels are not what the car did.
        delay=None if recording.is_taught else measure_delay(motion, captured_ns, steering, moves),
        colours=colours_of([images[index] for index in sampled(len(images))]),
    )


def sampled(count: int, most: int = SAMPLED_FRAMES) -> list[int]:
    """Return the indexes of at most ``most`` of ``count`` frames, evenly from all over the session."""
    indexes: list[int] = np.unique(np.linspace(0, count - 1, min(count, most)).astype(int)).tolist()
    return indexes


def _steering_figures(steering: Values, rate_hz: float) -> SteeringFigures:
    taught = steering_of(steering)
    length = max(1, round(_STRETCH_S * rate_hz))
    means = [float(steering[at : at + length].mean()) for at in range(0, max(1, len(steering) - length + 1), length)]
    return SteeringFigures(
        taught=taught,
        mean=float(steering.mean()),
        deviation=float(steering.std()),
        distinct=_distinct(steering),
        straight_share=taught.balance.straight / len(steering),
        full_lock_share=float((np.abs(steering) >= FULL_LOCK).mean()),
        left_stretches=sum(mean < -_LEAST_MEAN for mean in means),
        right_stretches=sum(mean > _LEAST_MEAN for mean in means),
    )


def _throttle_figures(throttle: Values) -> ThrottleFigures:
    return ThrottleFigures(
        mean=float(throttle.mean()),
        deviation=float(throttle.std()),
        distinct=_distinct(throttle),
        lowest=float(throttle.min()),
        highest=float(throttle.max()),
        backwards_share=float((throttle < -STANDING_THROTTLE).mean()),
    )


def _picture_figures(images: NDArray[np.uint8], motion: Motion, drives: Mask) -> PictureFigures:
    greys = [cv2.cvtColor(np.asarray(images[index]), cv2.COLOR_RGB2GRAY) for index in sampled(len(images))]
    levels = [float(grey.mean()) for grey in greys]
    driven = drives[motion.first] & drives[motion.first + 1]
    return PictureFigures(
        level=float(np.mean(levels)),
        darkest=float(np.percentile(levels, 5)),
        brightest=float(np.percentile(levels, 95)),
        dark_share=float(np.mean([(grey <= DARK_LEVEL).mean() for grey in greys])),
        bright_share=float(np.mean([(grey >= BRIGHT_LEVEL).mean() for grey in greys])),
        sharpness=float(np.median([_sharpness(grey.astype(np.float32)) for grey in greys])),
        copies_share=_share(motion.is_copy & driven, driven),
        alike_share=_share(motion.is_alike & driven, driven),
    )


def _sharpness(grey: NDArray[np.float32]) -> float:
    # Smoothed first, or the noise of a dark frame would pass for detail.
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return float(cv2.Laplacian(smooth, cv2.CV_32F).var()) / max(1.0, float(grey.var()))


def _time_figures(stopped: Mask, rate_hz: float, times_ns: NDArray[np.int64]) -> TimeFigures:
    stops = [length / rate_hz for length in _runs(stopped) if length > 1]
    steps_s = np.abs(np.diff(times_ns)) / NS_PER_S
    gaps_s = steps_s[(steps_s > GAP_S) & (steps_s <= PAUSE_S)]
    return TimeFigures(
        stopped_share=float(stopped.mean()),
        stops=len(stops),
        longest_stop_s=max(stops, default=0.0),
        gaps=len(gaps_s),
        gaps_s=float(gaps_s.sum()),
        pauses=int((steps_s > PAUSE_S).sum()),
    )


def _stopped(throttle: Values, captured_ns: NDArray[np.int64], motion: Motion) -> Mask:
    """Return the frames at which the car stands: its throttle is off, and was for long or the picture stands too."""
    off = np.abs(throttle) < STANDING_THROTTLE
    still = np.zeros(len(throttle), np.bool_)
    still[motion.first] = motion.is_alike
    last_on_ns = np.maximum.accumulate(np.where(off, np.iinfo(np.int64).min // 2, captured_ns))
    return off & (still | (captured_ns - last_on_ns > ROLLS_OUT_S * NS_PER_S))


def _runs(mask: Mask) -> list[int]:
    """Return how long each run of true values is."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [end - start for start, end in pairwise(edges.tolist())][::2]


def _rate_hz(captured_ns: NDArray[np.int64]) -> float:
    steps_ns = np.diff(captured_ns)
    steps_ns = steps_ns[steps_ns > 0]
    return NS_PER_S / float(np.median(steps_ns)) if len(steps_ns) else 20.0


def _distinct(values: Values) -> int:
    return len(np.unique(np.round(values, _DISTINCT_DIGITS)))


def _share(some: Mask, of: Mask) -> float:
    return float(some.sum() / max(1, of.sum()))


def _fields(figures: Any, without: str = "") -> dict[str, Any]:
    """Return the fields of a dataclass, its numbers to five digits: nobody measured more."""
    values = {name: getattr(figures, name) for name in figures.__dataclass_fields__ if name != without}
    return {name: round(value, 5) if isinstance(value, float) else value for name, value in values.items()}
