"""Devices that fail at a given time, to see the car stop: wrappers around others that work until then.

::

    onset = Onset(clock)
    with FrozenCamera(camera, onset) as camera:
        ...
        onset.time_ns = clock.now_ns()      # from here on it repeats its last frame
"""

from __future__ import annotations

import contextlib
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable

from hardware.camera import MAX_AGE_MS, Camera, Frame
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.drivetrain import Command, Drivetrain, Motion
from hardware.errors import CameraError, CameraTimeout, DrivetrainError, SensorError
from hardware.sensor import SPEED, UNSIGNED_SPEED, Reading, Sensor


class Onset:
    """When a fault sets in; never, until ``time_ns`` is set.

    >>> onset = Onset(clock)
    >>> onset.is_past
    False
    >>> onset.time_ns = clock.now_ns()
    >>> onset.is_past
    True
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.time_ns: int | None = None

    def past(self) -> Onset:
        """Return one that has come long ago, by the same clock."""
        past = Onset(self.clock)
        past.time_ns = 0
        return past

    @property
    def is_past(self) -> bool:
        """True once the fault has set in."""
        return self.has_come_by(self.clock.now_ns())

    def has_come_by(self, time_ns: int) -> bool:
        """Tell whether the fault has set in by ``time_ns``."""
        return self.time_ns is not None and time_ns >= self.time_ns


class FaultyCamera(Camera):
    """A camera that passes on another one's frames; subclasses decide what goes wrong.

    >>> class DarkCamera(FaultyCamera):
    ...     def next_frame(self, timeout_ms, max_age_ms=MAX_AGE_MS):
    ...         frame = super().next_frame(timeout_ms, max_age_ms)
    ...         return Frame(frame.image * 0, frame.captured_ns, frame.number) if self._onset.is_past else frame
    >>> DarkCamera(camera, Onset(clock).past()).next_frame(timeout_ms=1000).image.max().item()
    0
    """

    def __init__(self, camera: Camera, onset: Onset) -> None:
        self.geometry = camera.geometry
        self.rate_hz = camera.rate_hz
        self._camera = camera
        self._onset = onset
        self._clock = onset.clock

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the other camera's next frame."""
        return self._camera.next_frame(timeout_ms, max_age_ms)

    def close(self) -> None:
        """Close the other camera."""
        self._camera.close()

    def _wait(self, timeout_ms: float) -> None:
        self._clock.sleep_until_ns(self._clock.now_ns() + round(timeout_ms * NS_PER_MS))


class FrozenCamera(FaultyCamera):
    """Repeats its last frame, old time and all, as often as there were frames before.

    >>> onset = Onset(clock)
    >>> frozen = FrozenCamera(camera, onset)
    >>> frame = frozen.next_frame(timeout_ms=1000)
    >>> onset.time_ns = clock.now_ns()
    >>> frozen.next_frame(timeout_ms=1000) is frame
    True
    """

    _last: Frame | None = None

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the next frame, or the last one once more."""
        if self._last is None or not self._onset.is_past:
            self._last = super().next_frame(timeout_ms, max_age_ms)
        else:
            self._wait(1000 / self.rate_hz)
        return self._last


class SilentCamera(FaultyCamera):
    """Delivers nothing more and says nothing of it.

    >>> silent = SilentCamera(camera, Onset(clock).past())
    >>> silent.next_frame(timeout_ms=200)
    Traceback (most recent call last):
    hardware.errors.CameraTimeout: No frame came in 200 ms. Look at the camera's cable.
    """

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the next frame, or raise CameraTimeout after ``timeout_ms``."""
        if not self._onset.is_past:
            return super().next_frame(timeout_ms, max_age_ms)
        self._wait(timeout_ms)
        raise CameraTimeout(f"No frame came in {timeout_ms:g} ms. Look at the camera's cable.")


class BrokenCamera(FaultyCamera):
    """Reports that it has failed.

    >>> broken = BrokenCamera(camera, Onset(clock).past())
    >>> broken.next_frame(timeout_ms=200)
    Traceback (most recent call last):
    hardware.errors.CameraError: The camera is gone. Look at its cable.
    """

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the next frame, or raise CameraError."""
        if self._onset.is_past:
            raise CameraError("The camera is gone. Look at its cable.")
        return super().next_frame(timeout_ms, max_age_ms)


class LateCamera(FaultyCamera):
    """Delivers every frame, and each of them ``delay_ms`` after it was captured.

    >>> late = LateCamera(camera, Onset(clock).past(), delay_ms=400)
    >>> frame = late.next_frame(timeout_ms=1000)
    >>> (clock.now_ns() - frame.captured_ns) / NS_PER_MS
    400.0
    """

    def __init__(self, camera: Camera, onset: Onset, delay_ms: float) -> None:
        super().__init__(camera, onset)
        self._delay_ns = round(delay_ms * NS_PER_MS)
        self._waiting: deque[Frame] = deque()

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the oldest frame whose time has come, or raise CameraTimeout when there is none in time."""
        deadline_ns = self._clock.now_ns() + round(timeout_ms * NS_PER_MS)
        while not self._waiting or self._due_ns() > self._clock.now_ns():
            now_ns = self._clock.now_ns()
            if now_ns >= deadline_ns:
                raise CameraTimeout(f"No frame came in {timeout_ms:g} ms: they are late. Check the camera.")
            until_ns = min(deadline_ns, self._due_ns()) if self._waiting else deadline_ns
            self._take_in((until_ns - now_ns) / NS_PER_MS)
        return self._waiting.popleft()

    def _take_in(self, timeout_ms: float) -> None:
        with contextlib.suppress(CameraTimeout):
            self._waiting.append(super().next_frame(timeout_ms))

    def _due_ns(self) -> int:
        captured_ns = self._waiting[0].captured_ns
        return captured_ns + (self._delay_ns if self._onset.has_come_by(captured_ns) else 0)


class FaultyDrivetrain(Drivetrain):
    """A drivetrain on a bus that passes commands on to another one; subclasses decide what goes wrong.

    >>> class UnpluggedDrivetrain(FaultyDrivetrain):
    ...     def _fail(self):
    ...         raise DrivetrainError("Nobody is there. Plug the drivetrain in.")
    >>> UnpluggedDrivetrain(drivetrain, Onset(clock)).apply(Command(0.0, 0.2))
    Command(steering=0.0, throttle=0.2)
    """

    def __init__(self, drivetrain: Drivetrain, onset: Onset) -> None:
        self._drivetrain = drivetrain
        self._onset = onset
        self._bus = threading.Lock()
        self.steering_step_us = drivetrain.steering_step_us

    def apply(self, command: Command) -> Command:
        """Apply ``command``, unless the bus has failed."""
        with self._bus:
            if self._onset.is_past:
                self._fail()
            return self._drivetrain.apply(command)

    def neutral(self) -> None:
        """Go to neutral, unless the bus has failed."""
        with self._bus:
            if self._onset.is_past:
                self._fail()
            self._drivetrain.neutral()

    def close(self) -> None:
        """Go to neutral, unless the bus has failed, and close the other drivetrain, which then cannot either."""
        self.neutral()
        self._drivetrain.close()

    @abstractmethod
    def _fail(self) -> None:
        """Do what a bus does that has failed."""


class HangingDrivetrain(FaultyDrivetrain):
    """Its bus never answers again: the write hangs, and so does every other that waits its turn.

    >>> onset = Onset(clock)
    >>> hanging = HangingDrivetrain(drivetrain, onset)
    >>> hanging.apply(Command(steering=0.0, throttle=0.2))
    Command(steering=0.0, throttle=0.2)
    >>> onset.time_ns = clock.now_ns()   # from here on, apply and neutral never return
    """

    def _fail(self) -> None:
        threading.Event().wait()


class BrokenDrivetrain(FaultyDrivetrain):
    """Its bus answers every write with an error.

    >>> broken = BrokenDrivetrain(drivetrain, Onset(clock).past())
    >>> broken.neutral()
    Traceback (most recent call last):
    hardware.errors.DrivetrainError: The bus does not answer. Look at its cable.
    """

    def _fail(self) -> None:
        raise DrivetrainError("The bus does not answer. Look at its cable.")


class FaultySensor(Sensor):
    """A sensor that passes on another one's readings; subclasses decide what goes wrong.

    >>> class BlindSensor(FaultySensor):
    ...     def _fail(self):
    ...         return Reading({"distance_m": 9.0}, self._onset.clock.now_ns())
    >>> BlindSensor(sensor, Onset(clock).past()).read().values
    {'distance_m': 9.0}
    """

    def __init__(self, sensor: Sensor, onset: Onset) -> None:
        self.name = sensor.name
        self._sensor = sensor
        self._onset = onset
        self._last: Reading | None = None

    def read(self) -> Reading | None:
        """Return the other sensor's newest reading, unless this one has failed."""
        if self._onset.is_past:
            return self._fail()
        self._last = self._sensor.read()
        return self._last

    def close(self) -> None:
        """Close the other sensor."""
        self._sensor.close()

    @abstractmethod
    def _fail(self) -> Reading | None:
        """Do what a sensor does that has failed."""


class FrozenSensor(FaultySensor):
    """Measures nothing more, and answers with its last reading again and again.

    >>> onset = Onset(clock)
    >>> frozen = FrozenSensor(sensor, onset)
    >>> reading = frozen.read()
    >>> onset.time_ns = clock.now_ns()
    >>> clock.sleep_until_ns(clock.now_ns() + NS_PER_S)
    >>> frozen.read() is reading
    True
    """

    def _fail(self) -> Reading | None:
        return self._last


class StandingSensor(FaultySensor):
    """Measures on, and sees no wheel turn any more: a wire is off, a magnet has been lost.

    >>> standing = StandingSensor(sensor, Onset(clock).past())
    >>> standing.read() is None   # it has not seen anything yet
    True
    """

    def _fail(self) -> Reading | None:
        if self._last is None:
            return None
        values = {name: 0.0 if name in (SPEED, UNSIGNED_SPEED) else value for name, value in self._last.values.items()}
        return Reading(values, self._onset.clock.now_ns())


class BrokenSensor(FaultySensor):
    """Reports that it has failed.

    >>> BrokenSensor(sensor, Onset(clock).past()).read()
    Traceback (most recent call last):
    hardware.errors.SensorError: The sensor does not answer. Look at its cable.
    """

    def _fail(self) -> Reading | None:
        raise SensorError("The sensor does not answer. Look at its cable.")


class StallingMotion:
    """A car's motion, asked of an encoder that once takes ``duration_s`` to answer.

    >>> motion = StallingMotion(lambda: Motion(1.2, 34.5), Onset(clock).past(), duration_s=1.0)
    >>> asked_ns = clock.now_ns()
    >>> motion().speed_m_s
    1.2
    >>> (clock.now_ns() - asked_ns) / NS_PER_S
    1.0
    """

    def __init__(self, motion: Callable[[], Motion], onset: Onset, duration_s: float) -> None:
        self._motion = motion
        self._onset = onset
        self._duration_ns = round(duration_s * NS_PER_S)
        self._has_stalled = False

    def __call__(self) -> Motion:
        """Return what the other one knows, late at the first call after the fault has set in."""
        if self._onset.is_past and not self._has_stalled:
            self._has_stalled = True
            self._onset.clock.sleep_until_ns(self._onset.clock.now_ns() + self._duration_ns)
        return self._motion()
