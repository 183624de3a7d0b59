"""An LED on a modelled GPIO, before a camera whose delay is known: it is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory

from car.assembly.ownership import owning
from car.config.folder import init_car, open_car
from car.errors import CarInUse, ConfigError, LatencyError
from car.latency.command import measure_latency
from car.latency.figures import Spread, advise, camera_delay_ms, light_to_pulse_ms
from car.latency.measurement import Blinking
from car.latency.view import histogram
from hardware.camera import MAX_AGE_MS, Camera, CameraGeometry, Frame
from hardware.camera_models import CAMERA_MODELS
from hardware.clock import NS_PER_MS, NS_PER_S, Clock, VirtualClock
from hardware.drivetrains.timeline import read_timeline
from hardware.errors import CameraTimeout, HardwareError
from hardware.led import GpioLed

GPIO = 26


class CameraBeforeAPin(Camera):
    """Sees the pin's level as a light, as it was at each exposure; its noise and what moves are the same every time.

    ``stamp_late_ms`` is how much younger its stamps make a frame, ``levels`` how much the light adds, ``lost`` which
    share of the frames never comes.
    """

    def __init__(
        self,
        factory: MockFactory,
        clock: Clock,
        rate_hz: float = 30.0,
        delay_ms: float = 22.0,
        *,
        stamp_late_ms: float = 0.0,
        levels: float = 120.0,
        background: float = 60.0,
        moves: bool = False,
        lost: float = 0.0,
    ) -> None:
        self.geometry, self.rate_hz = CameraGeometry(), rate_hz
        self._pin, self._clock = factory.pin(GPIO), clock
        self._delay_ns, self._stamp_late_ns = round(delay_ms * NS_PER_MS), round(stamp_late_ms * NS_PER_MS)
        self._levels, self._background, self._moves, self._lost = levels, background, moves, lost
        self._random = np.random.default_rng(7)
        self._next = 0
        self._was: list[tuple[int, bool]] = []

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        # The pin changes only between two calls, at the time of the next one.
        now_ns = self._clock.now_ns()
        self._was.append((now_ns, bool(self._pin.state)))
        while self._random.uniform() < self._lost:
            self._next += 1
        exposed_ns = round(self._next * NS_PER_S / self.rate_hz)
        end_ns = now_ns + round(timeout_ms * NS_PER_MS)
        if exposed_ns + self._delay_ns > end_ns:
            self._clock.sleep_until_ns(end_ns)
            raise CameraTimeout("No frame came.")
        self._clock.sleep_until_ns(exposed_ns + self._delay_ns)
        self._next += 1
        return Frame(self._picture(exposed_ns), exposed_ns + self._stamp_late_ns, self._next - 1)

    def _picture(self, exposed_ns: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        picture = self._background + self._random.normal(0.0, 3.0, (120, 160, 3))
        is_lit = next((on for at_ns, on in reversed(self._was) if at_ns <= exposed_ns), False)
        if is_lit:
            picture[40:47, 90:97] += self._levels
        if self._moves:
            column = int(self._random.integers(0, 120))
            picture[60:110, column : column + 40] += 90.0
        image = picture.clip(0, 255).astype(np.uint8)
        image.flags.writeable = False
        return image

    def close(self) -> None:
        pass


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()


@pytest.mark.parametrize(
    ("rate_hz", "delay_ms"), [(30.0, 22.0), (60.0, 45.0), (30.0, 0.5), (41.0, 130.0), (20.0, 60.0)]
)
def test_the_delay_of_a_camera_is_found_within_a_tenth_of_a_frames_period(
    factory: MockFactory, clock: VirtualClock, rate_hz: float, delay_ms: float
) -> None:
    camera = CameraBeforeAPin(factory, clock, rate_hz, delay_ms)
    with GpioLed(factory, GPIO) as led:
        found = Blinking(camera, led, clock, GPIO).measure(blinks=60)
    assert (len(found.changes), found.missed) == (60, 0)
    assert abs(camera_delay_ms(found.changes) - delay_ms) < 0.1 * 1000 / rate_hz
    # The wait for an exposure is any part of a period: the blinking does not beat with the camera.
    waits_ms = [change.seen_ns / NS_PER_MS - delay_ms for change in found.changes]
    counts, _ = np.histogram(waits_ms, 4, (0.0, 1000 / rate_hz))
    assert counts.min() >= 5
    assert counts.sum() == 60
    assert found.spot.mask[42:45, 92:95].all()
    assert found.spot.mask.sum() < 200


def test_a_lit_led_is_put_out_at_the_end(factory: MockFactory, clock: VirtualClock) -> None:
    camera, pin = CameraBeforeAPin(factory, clock), factory.pin(GPIO)
    led = GpioLed(factory, GPIO)
    Blinking(camera, led, clock, GPIO).measure(blinks=21)
    assert pin.state
    led.close()
    led.close()
    assert not pin.state


def test_an_led_is_found_though_something_moves_and_frames_are_lost(factory: MockFactory, clock: VirtualClock) -> None:
    camera = CameraBeforeAPin(factory, clock, delay_ms=30.0, moves=True, lost=0.1)
    with GpioLed(factory, GPIO) as led:
        found = Blinking(camera, led, clock, GPIO).measure(blinks=60)
    assert found.spot.mask[42:45, 92:95].all()
    assert abs(camera_delay_ms(found.changes) - 30.0) < 7.0


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"levels": 0.0}, "No blinking LED is in the picture"),
        ({"levels": 0.0, "moves": True}, "No blinking LED is in the picture"),
        ({"levels": 6.0}, "too dim"),
        ({"background": 300.0}, "too bright"),
    ],
    ids=["none", "none, and something moves", "dim", "bright"],
)
def test_what_is_wrong_with_the_picture_is_said_in_one_sentence(
    factory: MockFactory, clock: VirtualClock, keywords: dict[str, Any], words: str
) -> None:
    camera = CameraBeforeAPin(factory, clock, **keywords)
    with GpioLed(factory, GPIO) as led, pytest.raises(LatencyError, match=words):
        Blinking(camera, led, clock, GPIO).measure(blinks=20)


def test_a_camera_without_frames_ends_it(factory: MockFactory, clock: VirtualClock) -> None:
    camera = CameraBeforeAPin(factory, clock, delay_ms=60_000.0)
    with GpioLed(factory, GPIO) as led, pytest.raises(LatencyError, match="too few frames"):
        Blinking(camera, led, clock, GPIO).measure(blinks=20)


def test_a_pin_that_is_none_is_named(factory: MockFactory) -> None:
    with pytest.raises(HardwareError, match="GPIO 99"):
        GpioLed(factory, 99)


@pytest.mark.parametrize("model", sorted(CAMERA_MODELS))
def test_a_simulated_car_gives_the_known_delay_of_its_camera(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "mycar"
    folder.mkdir()
    text = f'[camera]\nmodel = "{model}"\n[drivetrain]\ntimeline = "{folder / "wheels"}"\n'
    (folder / "car.toml").write_text(text, encoding="utf-8")
    measured = measure_latency(open_car(folder), gpio=GPIO, blinks=60)
    assert (measured.simulated, measured.missed) == (True, 0)
    assert abs(measured.camera_delay_ms - CAMERA_MODELS[model].delay_ms) < 0.1 * 1000 / measured.rate_hz
    assert json.loads(measured.to_json())["camera"] == model
    # Nothing but neutral is written, throughout.
    assert {(each.command.steering, each.command.throttle) for each in read_timeline(folder / "wheels")} <= {(0.0, 0.0)}


def test_a_car_that_another_program_has_is_refused(tmp_path: Path) -> None:
    init_car(tmp_path / "mycar")
    folder = open_car(tmp_path / "mycar")
    with owning(folder.path, (), "car drive"), pytest.raises(CarInUse, match="car drive"):
        measure_latency(folder, gpio=GPIO, blinks=20)


def test_an_led_on_a_pin_of_the_drivetrain_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mycar"
    folder.mkdir()
    (folder / "car.toml").write_text('[drivetrain]\nkind = "servo_esc"\npins = "hardware_pwm"\n', encoding="utf-8")
    car = open_car(folder)
    with pytest.raises(ConfigError, match="another device"):
        measure_latency(car, gpio=car.config.drivetrain.used_gpios[0], blinks=20)


def test_a_command_waits_for_the_next_pulse_half_a_period_in_the_middle() -> None:
    assert Spread.of(light_to_pulse_ms([40.0], 50.0)) == Spread(50.0, 58.8, 59.8)
    assert light_to_pulse_ms([40.0, 41.0], 0.0) == [40.0, 41.0]


def test_advice_is_given_where_something_can_be_had_and_nowhere_else() -> None:
    assert advise(60.0, 20.0, 19.0, 200.0, has_servo=True) == ()
    slow, late, stamps, servo = advise(30.0, 90.0, 30.0, 50.0, has_servo=True)
    assert "saves 8 ms" in slow
    assert "2.7 frames late" in late
    assert "60 ms older" in stamps
    assert "7.5 ms" in servo
    assert advise(60.0, 20.0, 19.0, 50.0, has_servo=False) == ()


def test_the_histogram_has_each_time_in_it() -> None:
    lines = histogram((20.0, 21.0, 50.0))
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) == 3
