"""Blinks an LED at random moments, and notes when the frames that show it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from car.errors import LatencyError
from car.latency.spot import Grey, Spot, find_spot, grey
from hardware.camera import Camera, Frame
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.errors import CameraTimeout
from hardware.led import Led

SEARCH_PAIRS = 6
SETTLED_NS = 300 * NS_PER_MS
"""No camera that a car can drive by shows a change later than this."""
LOOK_NS = 200 * NS_PER_MS
OLDEST_MS = 1000.0
"""The measurement is to find late frames, not to leave them out."""
SILENT_NS = 5 * NS_PER_S
MOST_MISSED = 0.2
TOO_FEW_FRAMES = "The camera gives too few frames to see an LED blink. Run `car doctor`, which looks at the camera."
TOO_MANY_MISSED = (
    "The LED was found, and then {missed} of {blinks} changes were not seen. "
    "Hold camera and LED still, and let nothing pass between them."
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the LED: how long after it came the last frame without it, and the first one that shows it."""

    before_ns: int
    seen_ns: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was seen of the LED; ``age_ns`` has how old each frame was, by its own stamp, when the program had it."""

    changes: tuple[Change, ...]
    missed: int
    age_ns: tuple[int, ...]
    period_ns: int
    spot: Spot


class Blinking:
    """An LED that blinks before a camera; ``seed`` is of the moments at which it does.

    >>> from simulator.led import CameraWithLed, SimulatedLed
    >>> from simulator.track import make_track
    >>> from simulator.world import World
    >>> led = SimulatedLed(clock)
    >>> camera = CameraWithLed(World(make_track("oval"), clock, delay_ms=20.0).camera, led)
    >>> found = Blinking(camera, led, clock).measure(blinks=20)
    >>> len(found.changes), found.missed
    (20, 0)
    """

    def __init__(self, camera: Camera, led: Led, clock: Clock, gpio: int = 26, seed: int = 1) -> None:
        self._camera = camera
        self._led = led
        self._clock = clock
        self._gpio = gpio
        self._random = np.random.default_rng(seed)

    def measure(self, blinks: int, progress: Callable[[float], None] = lambda _done: None) -> Measurement:
        """Find the LED and switch it ``blinks`` times.

        Raises LatencyError when it is not seen, and what the camera raises.
        """
        spot = self._search()
        changes: list[Change] = []
        frames: list[tuple[Frame, int]] = []
        shown, last_ns, is_on = False, self._clock.now_ns(), False
        for number in range(blinks):
            progress(number / blinks)
            is_on = not is_on
            switched_ns = self._switch(on=is_on)
            found = False
            # Several frames' time, and never a whole number of them: the blinking must not beat with the camera.
            rest_ns = SETTLED_NS + round(self._random.uniform(0, 2) * NS_PER_S / self._camera.rate_hz)
            for frame, here_ns in self._frames_until(switched_ns + rest_ns):
                frames.append((frame, here_ns))
                shown = spot.shows(frame.image)
                if shown == is_on and not found:
                    found = True
                    changes.append(Change(last_ns - switched_ns, here_ns - switched_ns))
                last_ns = here_ns
        missed = blinks - len(changes)
        if missed > MOST_MISSED * blinks or len(frames) < blinks:
            raise LatencyError(TOO_MANY_MISSED.format(missed=missed, blinks=blinks) if frames else TOO_FEW_FRAMES)
        captured_ns = [frame.captured_ns for frame, _ in frames]
        ages_ns = tuple(here_ns - frame.captured_ns for frame, here_ns in frames)
        return Measurement(tuple(changes), missed, ages_ns, round(float(np.median(np.diff(captured_ns)))), spot)

    def _search(self) -> Spot:
        self._wait_for_frames()
        dark: list[Grey] = []
        lit: list[Grey] = []
        for _ in range(SEARCH_PAIRS):
            for is_on, pictures in ((False, dark), (True, lit)):
                switched_ns = self._switch(on=is_on)
                seen = [
                    grey(frame.image)
                    for frame, here_ns in self._frames_until(switched_ns + SETTLED_NS + LOOK_NS)
                    if here_ns >= switched_ns + SETTLED_NS
                ]
                if not seen:
                    raise LatencyError(TOO_FEW_FRAMES)
                pictures.append(np.mean(seen, axis=0))
        self._led.switch(on=False)
        for _ in self._frames_until(self._clock.now_ns() + SETTLED_NS):
            pass
        return find_spot(dark, lit, self._gpio)

    def _wait_for_frames(self) -> None:
        """Wait for the first one, for which a camera that has just been opened takes its time."""
        try:
            self._camera.next_frame(SILENT_NS / NS_PER_MS, OLDEST_MS)
        except CameraTimeout as error:
            raise LatencyError(TOO_FEW_FRAMES) from error

    def _switch(self, *, on: bool) -> int:
        """Switch the LED and return when: the middle of the time that it took."""
        began_ns = self._clock.now_ns()
        self._led.switch(on=on)
        return (began_ns + self._clock.now_ns()) // 2

    def _frames_until(self, end_ns: int) -> Iterator[tuple[Frame, int]]:
        """Yield each frame that comes before ``end_ns``, and when it did."""
        while (left_ns := end_ns - self._clock.now_ns()) > 0:
            try:
                frame = self._camera.next_frame(left_ns / NS_PER_MS, OLDEST_MS)
            except CameraTimeout:
                continue
            yield frame, self._clock.now_ns()
