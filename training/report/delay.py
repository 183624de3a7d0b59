"""How long the scene takes to answer the steering, and whether it turns the way it was steered.

A car that is steered to the right turns right, and what its camera sees goes to the left. Where it does the opposite,
the images are mirrored or the steering is negated; where it does not answer at all, the labels are of other frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hardware.clock import NS_PER_MS, NS_PER_S
from training.report.motion import WIDTH, Motion, Values

LAGS_MS = range(-300, 801, 10)
LONGEST_STEP_S = 0.3
"""Between two frames further apart anything may have happened."""
LEAST_CORRELATION = 0.35
LEAST_SECONDS = 8.0
LEAST_AGREEMENT = 0.8
_PARTS = 10
_LEAST_PAIRS = 50
# Steering and scene are alike from one frame to the next: a second of them counts as one measurement.
_DEVIATIONS = 2.5
_EVEN = 0.002


@dataclass(frozen=True, slots=True)
class Delay:
    """When the scene answers the steering best: ``lag_ms`` after it, with the ``correlation`` of the two, −1 … +1.

    >>> Delay(lag_ms=180, correlation=-0.85, agreement=1.0, seconds=90.0, smoothness=0.9).is_reversed
    True

    Of ten parts of the drive, the share ``agreement`` says the same about the sign; ``seconds`` were driven and looked
    at. ``smoothness`` tells a turn that was seen, near 1, from noise, near 0. ``curve`` is the correlation at each of
    ``LAGS_MS``.
    """

    lag_ms: int
    correlation: float
    agreement: float
    seconds: float
    smoothness: float
    curve: tuple[float, ...] = field(default=(), repr=False)

    @property
    def is_sure(self) -> bool:
        """Whether the answer is clear enough to say something of its lag and its sign."""
        if self.seconds < LEAST_SECONDS or self.agreement < LEAST_AGREEMENT:
            return False
        return abs(self.correlation) >= max(LEAST_CORRELATION, _DEVIATIONS / math.sqrt(self.seconds))

    @property
    def is_reversed(self) -> bool:
        """Whether the scene surely turns against the steering."""
        return self.is_sure and self.correlation < 0


def measure_delay(
    motion: Motion, captured_ns: NDArray[np.int64], steering: Values, moves: NDArray[np.bool_]
) -> Delay | None:
    """Return how the scene answers ``steering``, which was asked for from each frame on; None where nothing can tell.

    ``captured_ns`` is in order; ``moves`` tells of each pair of ``motion`` whether the car moved forwards.
    """
    step_ns = captured_ns[motion.first + 1] - captured_ns[motion.first]
    seen = moves & (step_ns > 0) & (step_ns <= LONGEST_STEP_S * NS_PER_S) & (np.abs(motion.yaw_px) <= WIDTH / 4)
    if seen.sum() < _LEAST_PAIRS:
        return None
    # Two frames that differ in noise alone may seem to be far apart.
    yaw = np.clip(motion.yaw_px, *np.percentile(motion.yaw_px[seen], (1, 99)))[seen]
    middle_ns = captured_ns[motion.first[seen]] + step_ns[seen] // 2
    curve = [_correlation(yaw, *_steered(captured_ns, steering, middle_ns - lag_ms * NS_PER_MS)) for lag_ms in LAGS_MS]
    best = _middle_of_top(np.abs(curve))
    before, known = _steered(captured_ns, steering, middle_ns - LAGS_MS[best] * NS_PER_MS)
    parts = [_correlation(yaw[part], before[part], known[part]) for part in np.array_split(np.arange(len(yaw)), _PARTS)]
    telling = [part for part in parts if part != 0.0]
    return Delay(
        lag_ms=LAGS_MS[best],
        correlation=curve[best],
        agreement=sum(part * curve[best] > 0 for part in telling) / max(1, len(telling)),
        seconds=float(step_ns[seen].sum() / NS_PER_S),
        smoothness=_correlation(yaw[:-1], yaw[1:], np.diff(np.flatnonzero(seen)) == 1),
        curve=tuple(round(value, 3) for value in curve),
    )


def _middle_of_top(curve: Values) -> int:
    """Return the index of the highest value, in the middle of those as high: a command holds for a whole frame."""
    first = last = int(np.argmax(curve))
    least = curve[first] - _EVEN
    while first > 0 and curve[first - 1] >= least:
        first -= 1
    while last < len(curve) - 1 and curve[last + 1] >= least:
        last += 1
    return (first + last) // 2


def _steered(
    captured_ns: NDArray[np.int64], steering: Values, when_ns: NDArray[np.int64]
) -> tuple[Values, NDArray[np.bool_]]:
    """Return what was asked for at each time, and where that is known: a command holds until the next frame."""
    last = np.searchsorted(captured_ns, when_ns, side="right") - 1
    known = (last >= 0) & (when_ns - captured_ns[last] <= LONGEST_STEP_S * NS_PER_S)
    return steering[last], known


def _correlation(one: Values, other: Values, known: NDArray[np.bool_]) -> float:
    """Return Pearson's r of two series where both are known; 0 where either never changes."""
    if known.sum() < 2:
        return 0.0
    one, other = one[known] - one[known].mean(), other[known] - other[known].mean()
    spread = math.sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / spread if spread > 1e-9 else 0.0
